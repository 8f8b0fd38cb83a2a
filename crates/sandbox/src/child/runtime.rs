//! One JavaScript runtime, for one step.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use model::{Object, Text};
use rquickjs::context::EvalOptions;
use rquickjs::function::Rest;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Exception, Function, Object as JsObject, Persistent, Promise, Value};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::pipe::Pipe;
use super::{chunks, native};
use crate::request::{Contract, ErrorKind, Level, Limits, LogLine, StaticData};
use crate::wire::{self, AnswerHead, Ask, Asked, Done, Failure, Step};

/// Deep enough for real recursion.
const DEEPEST_STACK: u64 = 4 << 20;

/// Stack that JavaScript may use: half of what the main thread has. To be asked before the walls are up.
pub(super) fn stack_size() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
    limit.map_or(DEEPEST_STACK, |limit| (limit / 2).min(DEEPEST_STACK)) as usize
}

/// Questions that code may ask before it waits for an answer.
const MOST_QUESTIONS: u32 = 200;

/// Room to word an error when the step has used up its memory.
const LAST_WORDS: usize = 8 << 20;

/// What stack traces call the code of the step.
const CODE: &str = "Code";

/// A runtime that waits for its step.
pub(super) struct Runtime {
    // Dropped in this order: values, then the context, then the runtime.
    control: Persistent<JsObject<'static>>,
    context: Context,
    runtime: rquickjs::Runtime,
    state: Rc<State>,
}

/// What the functions given to code share with the runner.
struct State {
    pipe: Pipe,
    clock: Cell<Clock>,
    stopped: Cell<Option<ErrorKind>>,
    input: RefCell<Vec<u8>>,
    received_bytes: Cell<u64>,
    last_question: Cell<u32>,
    open_questions: Cell<u32>,
    early_answers: RefCell<VecDeque<(AnswerHead, String)>>,
    logs: RefCell<Logs>,
    random: Cell<u64>,
}

/// When the step must be over.
#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    deadline: Instant,
    cpu_deadline: Duration,
}

#[derive(Default)]
struct Logs {
    lines: Vec<LogLine>,
    bytes_left: u64,
    is_full: bool,
}

/// What the prelude needs to know about a step.
#[derive(Serialize)]
struct Begin<'a> {
    contract: Contract,
    is_per_item: bool,
    globals: Vec<(&'static str, &'static str)>,
    own: Vec<&'static str>,
    has_locales: bool,
    count: usize,
    continue_on_fail: bool,
    clock: crate::request::Clock,
    zone: &'a Text,
    modules: &'a [Text],
    variables: &'a Object,
}

/// What the prelude tells about a step that is over.
#[derive(Deserialize)]
struct Report {
    #[serde(rename = "static")]
    static_data: Vec<(StaticData, Object)>,
    custom: Object,
}

impl Runtime {
    pub(super) fn new(pipe: Pipe, stack_size: usize) -> rquickjs::Result<Self> {
        let state = Rc::new(State::new(pipe));
        let runtime = rquickjs::Runtime::new()?;
        runtime.set_max_stack_size(stack_size);
        runtime.set_memory_limit(Limits::default().memory_bytes as usize);
        let watched = state.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.must_stop())));
        let context = Context::full(&runtime)?;
        let control = context.with(|ctx| {
            let prelude: Function = evaluate(&ctx, "prelude", chunks::PRELUDE)?;
            let control: JsObject = prelude.call((host(&ctx, &state)?,))?;
            Ok::<_, rquickjs::Error>(Persistent::save(&ctx, control))
        })?;
        Ok(Self { control, context, runtime, state })
    }

    /// Runs the step; gives what the code returned as JSON text, empty for `undefined`.
    pub(super) fn run(&mut self, step: Step, input: Vec<u8>) -> (Done, String) {
        self.runtime.set_memory_limit(step.limits.memory_bytes as usize);
        self.state.begin(&step, input);
        let outcome = self.with_control(|ctx, control| {
            let text = self.state.execute(ctx, control, &step)?;
            Ok((text, report(control, &step.limits)?))
        });
        let outcome = outcome.map_err(|problem| {
            // The exception, if there is one, is still pending.
            self.runtime.set_memory_limit(step.limits.memory_bytes as usize + LAST_WORDS);
            self.with_control(|ctx, control| self.state.word(ctx, control, problem, &step))
        });
        let logs = self.state.logs.take().lines;
        match outcome {
            Ok((text, Report { static_data, custom })) => {
                (Done { failure: None, logs, static_data, custom_data: custom }, text)
            }
            Err(failure) => (Done { failure: Some(failure), logs, ..Done::default() }, String::new()),
        }
    }
}

impl Runtime {
    fn with_control<R>(&self, run: impl for<'js> FnOnce(&Ctx<'js>, &JsObject<'js>) -> R) -> R {
        self.context.with(|ctx| {
            let control = self.control.clone().restore(&ctx).expect("the value stems from this runtime");
            run(&ctx, &control)
        })
    }
}

/// What went wrong, before it is worded.
enum Problem {
    /// An exception is pending in the context.
    Thrown,
    Failed(Failure),
}

impl From<rquickjs::Error> for Problem {
    fn from(error: rquickjs::Error) -> Self {
        if error.is_exception() {
            return Problem::Thrown;
        }
        Problem::Failed(failure(ErrorKind::Code, error.to_string()))
    }
}

impl State {
    fn new(pipe: Pipe) -> Self {
        let now = Instant::now();
        // Making a runtime is not limited; the clock of the step replaces this one.
        let far = now + Duration::from_secs(3600);
        Self {
            pipe,
            clock: Cell::new(Clock { started: now, deadline: far, cpu_deadline: Duration::MAX }),
            stopped: Cell::new(None),
            input: RefCell::default(),
            received_bytes: Cell::new(0),
            last_question: Cell::new(0),
            open_questions: Cell::new(0),
            early_answers: RefCell::default(),
            logs: RefCell::default(),
            random: Cell::new(0),
        }
    }

    fn begin(&self, step: &Step, input: Vec<u8>) {
        let now = Instant::now();
        self.clock.set(Clock {
            started: now,
            deadline: now + Duration::from_millis(step.limits.wall_ms),
            cpu_deadline: cpu_time() + Duration::from_millis(step.limits.cpu_ms),
        });
        self.received_bytes.set(input.len() as u64);
        *self.input.borrow_mut() = input;
        self.logs.borrow_mut().bytes_left = step.limits.log_bytes;
        // Seeds near each other must not give numbers near each other.
        self.random.set(step.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, control: &JsObject<'js>, step: &Step) -> Result<String, Problem> {
        let begin = Begin {
            contract: step.contract,
            is_per_item: step.contract.is_per_item(),
            globals: chunks::globals(&step.source),
            own: chunks::own(&step.source),
            has_locales: chunks::has_locales(&step.source),
            count: step.count,
            continue_on_fail: step.continue_on_fail,
            clock: step.clock,
            zone: &step.zone,
            modules: &step.modules,
            variables: &step.variables,
        };
        let begin = serde_json::to_vec(&begin).expect("control data always serialises");
        control.get::<_, Function>("begin")?.call::<_, ()>((ctx.json_parse(begin)?,))?;
        // One line, so that the lines of the code keep their numbers; no parenthesis, which would be parsed twice.
        let code: Function = evaluate(ctx, CODE, &format!("0, async function () {{{}\n}}", step.source))?;
        let promise: Promise = control.get::<_, Function>("run")?.call((code,))?;
        self.drive(ctx, control, &promise)?;
        let value: Value = promise.result().expect("the promise is settled")?;
        let text = match ctx.json_stringify(value.clone()) {
            Ok(text) => text,
            Err(error) if self.stopped.get().is_some() => return Err(error.into()),
            Err(_) => {
                ctx.catch();
                let plain: Value = chunk_function(control, "report", "plain")?.call((value,))?;
                ctx.json_stringify(plain)?
            }
        };
        let Some(text) = text else { return Ok(String::new()) };
        let text = text.to_string()?;
        let longest = step.limits.output_bytes + self.received_bytes.get();
        if text.len() as u64 > longest {
            let message = format!("the code returned {} bytes; at most {longest} are allowed", text.len());
            return Err(Problem::Failed(failure(ErrorKind::Output, message)));
        }
        Ok(text)
    }

    /// Runs jobs, timers and answers until the promise is settled.
    fn drive(&self, ctx: &Ctx<'_>, control: &JsObject<'_>, promise: &Promise<'_>) -> Result<(), Problem> {
        let chunks: JsObject = control.get("chunks")?;
        loop {
            while ctx.execute_pending_job() {
                // A chain of jobs need never enter the interpreter's own check.
                if self.must_stop() {
                    return Err(Problem::Thrown);
                }
            }
            if self.stopped.get().is_some() {
                return Err(Problem::Thrown);
            }
            if promise.state() != PromiseState::Pending {
                return Ok(());
            }
            let settle = || chunk_function(control, "questions", "settle");
            let early = self.early_answers.borrow_mut().pop_front();
            if let Some((head, text)) = early {
                settle()?.call::<_, ()>((head.id, head.ok, text))?;
                continue;
            }
            let timers: Option<JsObject> = chunks.get("timers")?;
            let timer: f64 = match &timers {
                Some(timers) => timers.get::<_, Function>("next")?.call(())?,
                None => -1.0,
            };
            if timer < 0.0 && self.open_questions.get() == 0 {
                let message = "the code waits for a promise that nothing will settle";
                return Err(Problem::Failed(failure(ErrorKind::Code, message)));
            }
            let left = self.clock.get().deadline.saturating_duration_since(Instant::now());
            let pause =
                if timer < 0.0 { left } else { left.min(Duration::from_secs_f64(timer.min(1e6) / 1e3)) };
            if !pause.is_zero() {
                self.pipe.wait(pause);
            }
            if self.must_stop() {
                return Err(Problem::Thrown);
            }
            if self.open_questions.get() > 0 && self.pipe.is_ready() {
                let (head, text) =
                    self.receive_answer().map_err(|error| failure(ErrorKind::Crashed, error))?;
                settle()?.call::<_, ()>((head.id, head.ok, text))?;
            }
            if let Some(timers) = timers {
                timers.get::<_, Function>("fire")?.call::<_, ()>(())?;
            }
        }
    }

    fn must_stop(&self) -> bool {
        if self.stopped.get().is_some() {
            return true;
        }
        let clock = self.clock.get();
        let late = Instant::now() >= clock.deadline || cpu_time() >= clock.cpu_deadline;
        if late {
            self.stopped.set(Some(ErrorKind::Timeout));
        }
        late
    }

    /// Sends a question; its answer comes with the number returned.
    fn send(&self, question: &str) -> Result<u32, String> {
        let question: Asked = serde_json::from_str(question).map_err(|error| error.to_string())?;
        if self.open_questions.get() >= MOST_QUESTIONS {
            return Err(format!("more than {MOST_QUESTIONS} requests at once; await some of them first"));
        }
        let id = self.last_question.get().wrapping_add(1);
        self.last_question.set(id);
        self.open_questions.set(self.open_questions.get() + 1);
        self.pipe.send(&wire::frame(wire::ASK, &Ask { id, question }, b""))?;
        Ok(id)
    }

    /// Sends a question and waits for its answer.
    fn ask(&self, question: &str) -> Result<(bool, String), String> {
        let id = self.send(question)?;
        loop {
            let (head, text) = self.receive_answer()?;
            if head.id == id {
                return Ok((head.ok, text));
            }
            self.early_answers.borrow_mut().push_back((head, text));
        }
    }

    fn receive_answer(&self) -> Result<(AnswerHead, String), String> {
        let Some(frame) = self.pipe.receive()? else { return Err("the host has gone".into()) };
        if frame.kind != wire::ANSWER {
            return Err(format!("a frame of kind {}", frame.kind));
        }
        let head: AnswerHead = frame.header()?;
        let text = String::from_utf8(frame.into_text()).map_err(|error| error.to_string())?;
        self.open_questions.set(self.open_questions.get().saturating_sub(1));
        self.received_bytes.set(self.received_bytes.get() + text.len() as u64);
        Ok((head, text))
    }

    fn log(&self, level: &str, text: String) {
        let level = match level {
            "debug" => Level::Debug,
            "warn" => Level::Warn,
            "error" => Level::Error,
            _ => Level::Info,
        };
        let logs = &mut *self.logs.borrow_mut();
        let size = text.len() as u64 + 16;
        if size <= logs.bytes_left {
            logs.bytes_left -= size;
            logs.lines.push(LogLine { level, text });
        } else if !logs.is_full {
            logs.is_full = true;
            let text = "the log is full; the rest of what this step writes is dropped".into();
            logs.lines.push(LogLine { level: Level::Warn, text });
        }
    }

    /// A number from 0 up to 1 (splitmix64).
    fn random(&self) -> f64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn too_long(&self, kind: ErrorKind, step: &Step) -> Failure {
        let (limit, what) = if Instant::now() >= self.clock.get().deadline {
            (step.limits.wall_ms, "")
        } else {
            (step.limits.cpu_ms, " of processor time")
        };
        let seconds = limit as f64 / 1e3;
        failure(
            kind,
            format!("the code ran longer than {seconds} s{what}; make it do less, or raise the limit"),
        )
    }

    /// Words a problem for the user.
    fn word<'js>(&self, ctx: &Ctx<'js>, control: &JsObject<'js>, problem: Problem, step: &Step) -> Failure {
        if let Some(kind) = self.stopped.get() {
            ctx.catch();
            return self.too_long(kind, step);
        }
        let thrown = match problem {
            Problem::Failed(failure) => return failure,
            Problem::Thrown => ctx.catch(),
        };
        // The engine throws null when there is no memory left even for an error.
        let explained = (!thrown.is_null())
            .then(|| chunk_function(control, "report", "explain").ok()?.call::<_, String>((thrown,)).ok())
            .flatten();
        if let Some(kind) = self.stopped.get() {
            // What was thrown has members that compute without end.
            ctx.catch();
            return self.too_long(kind, step);
        }
        let explained = explained.and_then(|text| serde_json::from_str::<Failure>(&text).ok());
        match explained {
            Some(failure) if failure.kind != ErrorKind::Memory => failure,
            _ => {
                ctx.catch();
                let limit = step.limits.memory_bytes >> 20;
                let message =
                    format!("the code used more than {limit} MiB of memory; handle fewer items at once");
                failure(ErrorKind::Memory, message)
            }
        }
    }
}

fn report(control: &JsObject<'_>, limits: &Limits) -> Result<Report, Problem> {
    // Only these two chunks leave anything behind.
    let chunks: JsObject = control.get("chunks")?;
    let text: Option<String> = if chunks.contains_key("nodes")? || chunks.contains_key("self")? {
        chunk_function(control, "report", "report")?.call(())?
    } else {
        None
    };
    match text {
        None => Ok(Report { static_data: Vec::new(), custom: Object::new() }),
        Some(text) if text.len() as u64 > limits.output_bytes => {
            let message = format!(
                "static data of {} bytes is too much; at most {} are kept",
                text.len(),
                limits.output_bytes
            );
            Err(Problem::Failed(failure(ErrorKind::Output, message)))
        }
        Some(text) => serde_json::from_str(&text).map_err(|error| {
            Problem::Failed(failure(ErrorKind::Code, format!("static data cannot be kept: {error}")))
        }),
    }
}

/// A function of a chunk, which is evaluated first where need be.
fn chunk_function<'js>(control: &JsObject<'js>, chunk: &str, name: &str) -> rquickjs::Result<Function<'js>> {
    control.get::<_, Function>("load")?.call::<_, JsObject>((chunk,))?.get(name)
}

fn failure(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), description: None, line: None, item: None }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Problem::Failed(failure)
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec as u32)
}

fn evaluate<'js, V: rquickjs::FromJs<'js>>(ctx: &Ctx<'js>, name: &str, source: &str) -> rquickjs::Result<V> {
    let mut options = EvalOptions::default();
    // People's code and other people's libraries are not written for strict mode.
    options.strict = name != CODE && !name.starts_with("vendor/");
    options.filename = Some(name.into());
    ctx.eval_with_options(source, options)
}

/// The functions that the prelude builds everything else from.
fn host<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> rquickjs::Result<JsObject<'js>> {
    let host = JsObject::new(ctx.clone())?;
    let function = |name: &str, function: Function<'js>| host.set(name, function);
    function(
        "load",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, name: String| {
            let source = chunks::source(&name).ok_or_else(|| Exception::throw_reference(&ctx, &name))?;
            evaluate::<Value<'js>>(&ctx, &name, source)
        })?,
    )?;
    let shared = state.clone();
    function("input", Function::new(ctx.clone(), move |ctx: Ctx<'js>| ctx.json_parse(shared.input.take()))?)?;
    let shared = state.clone();
    function(
        "ask",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, question: String| {
            let (ok, text) = shared.ask(&question).map_err(|error| Exception::throw_message(&ctx, &error))?;
            let answer = ctx.json_parse(text)?;
            rquickjs::Result::Ok(vec![Value::new_bool(ctx, ok), answer])
        })?,
    )?;
    let shared = state.clone();
    function(
        "send",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, question: String| {
            shared.send(&question).map_err(|error| Exception::throw_message(&ctx, &error))
        })?,
    )?;
    let shared = state.clone();
    function(
        "log",
        Function::new(ctx.clone(), move |level: String, text: String| shared.log(&level, text))?,
    )?;
    let shared = state.clone();
    function(
        "elapsed",
        Function::new(ctx.clone(), move || shared.clock.get().started.elapsed().as_secs_f64() * 1e3)?,
    )?;
    let shared = state.clone();
    function("random", Function::new(ctx.clone(), move || shared.random())?)?;
    function(
        "native",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, name: String, arguments: Rest<Value<'js>>| {
            native::call(&ctx, &name, &arguments)
        })?,
    )?;
    Ok(host)
}
