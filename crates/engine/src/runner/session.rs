//! One execution in memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::{ExecutionStatus, Items};
use sdk::context::{Notes, Step};
use sdk::{Context, Effect, ExecutionInfo, NodeError, Output};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pool::{Panicked, Pool};
use super::{LONGEST_WAIT, Log, Outcome, Recorded, Runner, Start};
use crate::decide::Execution;
use crate::event::{Command, Event, Failure, RunStep, StartChild, StepId, Timer};
use crate::plan::Plan;
use crate::step::{Prepared, prepare, settle};

/// How long a step that was asked to stop may take to do so.
const GRACE: Duration = Duration::from_secs(10);
/// Commands between two moments in which others may run.
const BREATH: u32 = 64;

pub(super) struct Session {
    runner: Runner,
    plan: Arc<Plan>,
    start: Start,
    depth: usize,
    execution: Execution,
    info: Arc<ExecutionInfo>,
    commands: VecDeque<Command>,
    pool: Pool<Key, Done>,
    stops: Vec<(RunStep, CancellationToken, Option<Instant>)>,
    timers: Vec<(Timer, Instant)>,
    began: Duration,
    /// Time in which nothing ran.
    idle: Duration,
    asked_to_cancel: bool,
    carried_out: u32,
    logs: Vec<Log>,
    journal: Vec<Recorded>,
    changed_static_data: bool,
}

/// What runs in the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Key {
    Step(StepId),
    Child(StepId, u32),
}

/// What comes out of it.
enum Done {
    Step(RunStep, Result<Output, NodeError>, Notes, Duration),
    /// A child ended; `None` when it waits for something from outside or nobody waits for it.
    Child(StepId, u32, Option<Result<Items, NodeError>>),
}

impl Session {
    pub(super) fn new(runner: Runner, plan: Arc<Plan>, start: Start, depth: usize) -> Self {
        let info = ExecutionInfo {
            id: start.id.clone(),
            mode: start.mode,
            zone: start.zone.clone(),
            resume_url: format!("{}webhook-waiting/{}", start.address, start.id).into(),
            resume_form_url: format!("{}form-waiting/{}", start.address, start.id).into(),
            variables: start.variables.clone(),
            static_data: start.static_data.clone(),
            seed: start.seed,
            webhook_url: start.address.clone(),
        };
        Self {
            execution: Execution::new(plan.clone(), runner.limits, start.seed),
            info: Arc::new(info),
            began: runner.clock.elapsed(),
            runner,
            plan,
            start,
            depth,
            commands: VecDeque::new(),
            pool: Pool::new(),
            stops: Vec::new(),
            timers: Vec::new(),
            idle: Duration::ZERO,
            asked_to_cancel: false,
            carried_out: 0,
            logs: Vec::new(),
            journal: Vec::new(),
            changed_static_data: false,
        }
    }

    pub(super) async fn run(mut self) -> Outcome {
        let Some(node) = self.start.node.or_else(|| self.plan.default_start()) else {
            let error = "nothing can start the workflow: add a trigger or name a node to start at";
            let failure = Some(Failure { node: None, error: NodeError::permanent(error) });
            return Outcome { status: ExecutionStatus::Failed, failure, ..self.outcome() };
        };
        self.happen(Event::Triggered { node, items: self.start.items.clone() }, None);
        loop {
            while let Some(command) = self.commands.pop_front() {
                self.carry_out(command).await;
                self.look_around().await;
            }
            if self.execution.status().is_final() {
                self.stops.clear();
                // Children nobody waits for still run to their end.
                while !self.pool.is_empty() {
                    _ = self.pool.next().await;
                }
                return self.outcome();
            }
            if self.pool.is_empty() && self.timers.is_empty() {
                return self.outcome();
            }
            self.wait().await;
        }
    }

    /// Steps that never wait would keep everybody from stopping them, and all else in their thread from running.
    async fn look_around(&mut self) {
        self.carried_out += 1;
        if self.carried_out.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
        if !self.asked_to_cancel && self.start.cancel.is_cancelled() {
            self.asked_to_cancel = true;
            self.happen(Event::CancelAsked, None);
        }
        if self.plan.timeout_ms.is_some()
            && let Some(deadline) = self.deadline(self.runner.clock.elapsed())
            && deadline <= Instant::now()
        {
            self.happen(Event::TimedOut, None);
        }
    }

    /// Decides on an event.
    fn happen(&mut self, event: Event, duration: Option<Duration>) {
        // Whole microseconds, which is what a journal keeps: a replay decides at exactly the same time.
        let at_ms = (self.runner.clock.now_ms() * 1000.0).round() / 1000.0;
        if let Some(commands) = self.execution.decide(&event, at_ms) {
            self.journal.push(Recorded { at_ms, duration, event });
            self.commands.extend(commands);
        }
    }

    async fn carry_out(&mut self, command: Command) {
        match command {
            Command::RunStep(step) => self.run_step(step).await,
            Command::StartTimer(timer, at_ms) => {
                let pause = Duration::from_secs_f64((at_ms - self.runner.clock.now_ms()).max(0.0) / 1000.0);
                if pause <= LONGEST_WAIT {
                    self.timers.push((timer, Instant::now() + pause));
                }
            }
            Command::StartChild(child) => self.start_child(child).await,
            Command::StopStep(step) => {
                for (running, cancel, abandon_at) in &mut self.stops {
                    if running.attempt.step == step {
                        cancel.cancel();
                        *abandon_at = Some(Instant::now() + GRACE);
                    }
                }
            }
            Command::StopChild(step, call) => self.pool.abandon(Key::Child(step, call)),
            // The answer is in the outcome, nobody outside can reach a wait, and the status says that it ended.
            Command::Respond(_) | Command::OpenWait(..) | Command::Finish(..) => {}
        }
    }

    async fn run_step(&mut self, step: RunStep) {
        let plan = self.plan.clone();
        let (shared, inputs) = match prepare(&plan, &step, self.start.use_pins) {
            Prepared::Run(shared, inputs) => (shared.clone(), inputs),
            Prepared::Done(event) => return self.happen(event, Some(Duration::ZERO)),
        };
        let id = step.attempt.step;
        let node = plan.node(id.node());
        if matches!(node.effect, Effect::Keyed | Effect::Unsafe) {
            self.happen(Event::StepStarted(step.attempt), None);
        }
        let facts = Step {
            execution: self.info.clone(),
            node: node.info.clone(),
            history: self.execution.history().clone(),
            inputs: inputs.clone(),
            arrived: step.inputs.clone(),
            sources: step.sources.clone(),
            run_index: id.run as usize,
            attempt: step.attempt.number,
            now_ms: self.runner.clock.now_ms(),
            seen: Default::default(),
        };
        let cancel = CancellationToken::new();
        let ctx = Context::new(facts, self.runner.services.clone(), cancel.clone());
        let timeout_ms = node.timeout_ms;
        let clock = self.runner.clock.clone();
        let running = step.clone();
        let future = async move {
            let began = clock.elapsed();
            let result = match timeout_ms {
                None => shared.run(&ctx, &inputs).await,
                Some(limit_ms) => {
                    let limit = Duration::from_millis(limit_ms);
                    let limited = tokio::time::timeout(limit, shared.run(&ctx, &inputs)).await;
                    limited.unwrap_or_else(|_| {
                        ctx.cancel.cancel();
                        Err(NodeError::timed_out(limit_ms))
                    })
                }
            };
            Done::Step(running, result, ctx.take_notes(), clock.elapsed() - began)
        };
        match self.pool.begin(Key::Step(id), future).await {
            Some(result) => self.done(Key::Step(id), result, Some(step)),
            None => self.stops.push((step, cancel, None)),
        }
    }

    async fn start_child(&mut self, child: StartChild) {
        let key = Key::Child(child.step, child.call);
        let (step, call, waits) = (child.step, child.call, child.wait);
        let future = self.runner.run_child(&self.plan, &self.start, child, self.depth);
        let future = async move { Done::Child(step, call, future.await.filter(|_| waits)) };
        if let Some(result) = self.pool.begin(key, future).await {
            self.done(key, result, None);
        }
    }

    /// Something in the pool ended.
    fn done(&mut self, key: Key, result: Result<Done, Panicked>, step: Option<RunStep>) {
        match result {
            Ok(Done::Step(step, result, notes, duration)) => {
                let node = step.attempt.step.node();
                self.logs.extend(notes.logs.into_iter().map(|(level, text)| Log { node, level, text }));
                if let Some(static_data) = notes.static_data {
                    self.changed_static_data = true;
                    self.info = Arc::new(ExecutionInfo { static_data, ..ExecutionInfo::clone(&self.info) });
                }
                self.happen(settle(&self.plan, &step, result), Some(duration));
            }
            Ok(Done::Child(step, call, Some(result))) => {
                self.happen(Event::ChildFinished { step, call, result }, None);
            }
            Ok(Done::Child(.., None)) => {}
            Err(Panicked(text)) => self.panicked(key, step, &text),
        }
        if let Key::Step(id) = key {
            self.stops.retain(|(step, ..)| step.attempt.step != id);
        }
    }

    fn panicked(&mut self, key: Key, step: Option<RunStep>, text: &str) {
        let error = NodeError::permanent(format!("failed in an unexpected way: {text}"));
        match key {
            Key::Child(step, call) => {
                self.happen(Event::ChildFinished { step, call, result: Err(error) }, None);
            }
            Key::Step(id) => {
                let running = self.stops.iter().map(|(step, ..)| step).find(|step| step.attempt.step == id);
                if let Some(step) = step.or_else(|| running.cloned()) {
                    self.happen(Event::StepFailed(step.attempt, error), None);
                }
            }
        }
    }

    /// Waits for the next thing to happen.
    async fn wait(&mut self) {
        let began = self.runner.clock.elapsed();
        let works = !self.pool.is_empty();
        let cancel = self.start.cancel.clone();
        let next_timer = self.timers.iter().map(|(_, at)| *at).min();
        let abandon_at = self.stops.iter().filter_map(|(.., at)| *at).min();
        let deadline = self.deadline(began).filter(|_| works);
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !self.asked_to_cancel => {
                self.asked_to_cancel = true;
                self.happen(Event::CancelAsked, None);
            }
            () = at(deadline) => self.happen(Event::TimedOut, None),
            (key, result) = self.pool.next(), if works => self.done(key, result, None),
            () = at(next_timer) => self.fire_timers(),
            () = at(abandon_at) => self.abandon_steps(),
        }
        if !works {
            self.idle += self.runner.clock.elapsed() - began;
        }
    }

    /// When the execution has run as long as it may.
    fn deadline(&self, now: Duration) -> Option<Instant> {
        let limit = Duration::from_millis(self.plan.timeout_ms?);
        let spent = now.saturating_sub(self.began).saturating_sub(self.idle);
        // Once it is ending, only the steps that were asked to stop count.
        (!self.execution.is_ending()).then(|| Instant::now() + limit.saturating_sub(spent))
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = self.timers.drain(..).partition(|(_, at)| *at <= now);
        self.timers = later;
        for (timer, _) in due {
            self.happen(Event::TimerFired(timer), None);
        }
    }

    fn abandon_steps(&mut self) {
        let now = Instant::now();
        let is_due = |at: &Option<Instant>| at.is_some_and(|at| at <= now);
        let (due, rest): (Vec<_>, Vec<_>) = self.stops.drain(..).partition(|(.., at)| is_due(at));
        self.stops = rest;
        for (step, ..) in due {
            self.pool.abandon(Key::Step(step.attempt.step));
            self.happen(Event::StepFailed(step.attempt, NodeError::cancelled()), None);
        }
    }

    fn outcome(self) -> Outcome {
        Outcome {
            status: self.execution.status(),
            failure: self.execution.failure().cloned(),
            history: self.execution.history().clone(),
            order: self.execution.finished().collect(),
            logs: self.logs,
            journal: self.journal,
            response: self.execution.response().cloned(),
            static_data: self.changed_static_data.then(|| self.info.static_data.clone()),
            duration: self.runner.clock.elapsed().saturating_sub(self.began),
            error_execution: None,
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
