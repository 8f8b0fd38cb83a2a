//! Plays events against the planner by hand.

use std::sync::Arc;

use engine::event::{RunStep, StartChild, Timer};
use engine::{Command, Event, Execution, Limits, Plan, StepId};
use model::{ExecutionStatus, Items, Value, Workflow, json};
use sdk::output::{Resume, WorkflowSource};
use sdk::{Children, Emission, NodeError, Wait};

use crate::items;
use crate::workflow::milliseconds;

/// An execution whose steps end as the test says, at the times that the test says.
pub struct Scenario {
    plan: Arc<Plan>,
    limits: Limits,
    execution: Execution,
    now_ms: f64,
    running: Vec<RunStep>,
    timers: Vec<(Timer, f64)>,
    waiting: Vec<StepId>,
    children: Vec<StartChild>,
    events: Vec<(Event, f64)>,
    lines: Vec<String>,
}

impl Scenario {
    /// A scenario of this workflow at second 0.
    pub fn new(draft: impl Into<Workflow>) -> Self {
        Self::with_limits(draft, Limits::default())
    }

    /// The same within other limits.
    pub fn with_limits(draft: impl Into<Workflow>, limits: Limits) -> Self {
        let plan = crate::plan(draft);
        Self {
            execution: Execution::new(plan.clone(), limits, 0),
            plan,
            limits,
            now_ms: 0.0,
            running: Vec::new(),
            timers: Vec::new(),
            waiting: Vec::new(),
            children: Vec::new(),
            events: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Starts the execution at its trigger, which passes these items on.
    pub fn trigger(&mut self, data: Value) {
        let items = items(data);
        self.line(format!("execution started with {}", count(items.len(), "item")));
        let node = self.plan.default_start().expect("the first node of a drawn workflow is a trigger");
        self.happen(Event::Triggered { node, items: items.clone() });
        let step = self.running.remove(0);
        self.happen(Event::StepSucceeded(
            step.attempt,
            Emission { ports: vec![items], ..Emission::default() },
        ));
    }

    /// The running step of this node.
    pub fn step(&mut self, name: &str) -> RunningStep<'_> {
        let node = self.node(name);
        let index = self.running.iter().position(|step| step.attempt.step.node() == node);
        let index = index.unwrap_or_else(|| panic!("{name} does not run; what runs is: {}", self.running()));
        let step = self.running.remove(index);
        RunningStep { scenario: self, step }
    }

    /// The names of the nodes that run.
    pub fn running(&self) -> String {
        let names = self.running.iter().map(|step| self.name(step.attempt.step));
        names.collect::<Vec<_>>().join(" ")
    }

    /// The items that arrived at the running step of this node, as data.
    pub fn input(&self, name: &str) -> Value {
        let node = self.node(name);
        let step = self.running.iter().find(|step| step.attempt.step.node() == node);
        let step = step.unwrap_or_else(|| panic!("{name} does not run"));
        Value::array(step.inputs.main().iter().map(|item| Value::Object(item.json.clone())))
    }

    /// Lets time pass; timers that come due fire in order.
    pub fn advance(&mut self, time: &str) {
        let until_ms = self.now_ms + milliseconds(time) as f64;
        while let Some(index) = self.next_timer().filter(|index| self.timers[*index].1 <= until_ms) {
            let (timer, at_ms) = self.timers.remove(index);
            self.now_ms = at_ms;
            if let Timer::Wait(step) = timer {
                self.line(format!("{} has waited long enough", self.name(step)));
            }
            self.happen(Event::TimerFired(timer));
        }
        self.now_ms = until_ms;
    }

    /// Somebody answers what this node waits for, with items of these data.
    pub fn answer(&mut self, name: &str, data: Value) {
        let node = self.node(name);
        let index = self.waiting.iter().position(|step| step.node() == node);
        let step = self.waiting.remove(index.unwrap_or_else(|| panic!("{name} does not wait for an answer")));
        self.line(format!("{name} was answered"));
        self.happen(Event::WaitResolved(step, vec![items(data)]));
    }

    /// The child execution that this node waits for ends.
    pub fn child(&mut self, name: &str, result: Result<Value, &str>) {
        let node = self.node(name);
        let index = self.children.iter().position(|child| child.step.node() == node);
        let child = self.children.remove(index.unwrap_or_else(|| panic!("{name} has no child")));
        let result = result.map(items).map_err(NodeError::permanent);
        self.line(match &result {
            Ok(items) => {
                format!("child {} of {name} completed with {}", child.call, count(items.len(), "item"))
            }
            Err(error) => format!("child {} of {name} failed: {error}", child.call),
        });
        self.happen(Event::ChildFinished { step: child.step, call: child.call, result });
    }

    /// Somebody cancels the execution.
    pub fn cancel(&mut self) {
        self.line("cancel asked");
        self.happen(Event::CancelAsked);
    }

    /// Somebody pauses the execution.
    pub fn pause(&mut self) {
        self.line("pause asked");
        self.happen(Event::PauseAsked);
    }

    /// Somebody lets it go on.
    pub fn resume(&mut self) {
        self.line("resume asked");
        self.happen(Event::ResumeAsked);
    }

    /// It has run as long as it may.
    pub fn time_out(&mut self) {
        self.line("out of time");
        self.happen(Event::TimedOut);
    }

    /// The process dies, another one replays the journal and goes on.
    pub fn crash(&mut self) {
        self.line("crash");
        let events = self.events.iter().map(|(event, at_ms)| (event, *at_ms));
        let replayed = Execution::replay(self.plan.clone(), self.limits, 0, events);
        self.execution = replayed.expect("what the execution took in once it takes in again");
        self.running.clear();
        self.timers.clear();
        self.waiting.clear();
        self.children.clear();
        let (events, commands) = self.execution.recover(self.now_ms);
        for event in events {
            if let Event::StepLost(attempt) = &event {
                self.line(format!("nobody knows whether {} happened", self.name(attempt.step)));
            }
            self.events.push((event, self.now_ms));
        }
        for command in commands {
            self.carry_out(command);
        }
    }

    /// The execution, to look at.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// Where the execution stands.
    pub fn status(&self) -> ExecutionStatus {
        self.execution.status()
    }

    /// What happened, a line each.
    pub fn journal(&self) -> String {
        self.lines.join("\n")
    }

    fn happen(&mut self, event: Event) {
        let Some(commands) = self.execution.decide(&event, self.now_ms) else {
            return self.line("ignored");
        };
        self.events.push((event, self.now_ms));
        assert_eq!(self.execution.seq(), self.events.len() as u64, "the journal has no gaps");
        for command in commands {
            self.carry_out(command);
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::RunStep(step) => self.running.push(step),
            Command::StartTimer(timer, at_ms) => self.timers.push((timer, at_ms)),
            Command::OpenWait(step, _) => self.waiting.push(step),
            Command::StartChild(child) => self.children.push(child),
            Command::Respond(response) => self.line(format!("response: {response}")),
            Command::StopStep(step) => self.line(format!("{} is asked to stop", self.name(step))),
            Command::StopChild(attempt, call) => {
                self.line(format!("child {call} of {} is asked to stop", self.name(attempt.step)));
            }
            Command::Finish(status, failure) => {
                let status =
                    json!(format!("{status:?}").to_lowercase()).as_str().unwrap_or_default().to_owned();
                self.line(match failure.and_then(|failure| Some((failure.node?, failure.error))) {
                    Some((node, _)) => format!("execution {status} at {}", self.plan.node(node).info.name),
                    None => format!("execution {status}"),
                });
            }
        }
    }

    fn next_timer(&self) -> Option<usize> {
        (0..self.timers.len()).min_by(|a, b| self.timers[*a].1.total_cmp(&self.timers[*b].1))
    }

    fn line(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("{}  {}", duration(self.now_ms), text.as_ref()));
    }

    fn node(&self, name: &str) -> usize {
        self.plan.find(name).unwrap_or_else(|| panic!("no node is called {name}"))
    }

    fn name(&self, step: StepId) -> String {
        self.plan.node(step.node()).info.name.to_string()
    }
}

/// A step that runs until the test says how it ends.
pub struct RunningStep<'a> {
    scenario: &'a mut Scenario,
    step: RunStep,
}

impl RunningStep<'_> {
    /// It passes its items on.
    pub fn completes(self) {
        let items = self.step.inputs.main_items();
        self.emits(Emission { ports: vec![items], ..Emission::default() });
    }

    /// It gives items with these data on its first port.
    pub fn gives(self, data: Value) {
        self.emits(Emission { ports: vec![items(data)], ..Emission::default() });
    }

    /// It gives items with these data on each of its ports.
    pub fn gives_ports<const N: usize>(self, ports: [Value; N]) {
        self.emits(Emission { ports: ports.into_iter().map(items).collect(), ..Emission::default() });
    }

    /// It answers the call that started the execution and passes its items on.
    pub fn responds(self, response: Value) {
        let items = self.step.inputs.main_items();
        self.emits(Emission { ports: vec![items], response: Some(response), ..Emission::default() });
    }

    /// It gives nothing at all.
    pub fn gives_nothing(self) {
        let name = self.name();
        self.scenario.line(format!("{name} gave nothing"));
        self.scenario.happen(Event::StepSilent(self.step.attempt));
    }

    /// Its effect begins.
    pub fn starts(self) {
        self.scenario.happen(Event::StepStarted(self.step.attempt));
        self.scenario.running.push(self.step);
    }

    /// It fails.
    pub fn fails(self, message: &str) {
        self.fails_with(NodeError::permanent(message));
    }

    /// It fails in a way that may pass.
    pub fn fails_transiently(self, message: &str) {
        self.fails_with(NodeError::transient(message));
    }

    /// It ends because it was asked to.
    pub fn stops(self) {
        self.fails_with(NodeError::cancelled());
    }

    /// It waits so long, then passes its items on.
    pub fn waits(self, time: &str) {
        let name = self.name();
        self.scenario.line(format!("{name} waits for {time}"));
        let until_ms = Some(self.scenario.now_ms + milliseconds(time) as f64);
        let emit = vec![self.step.inputs.main_items()];
        let wait = Wait { until_ms, resume: Resume::Never, emit };
        self.scenario.happen(Event::StepWaiting(self.step.attempt, wait));
    }

    /// It waits until somebody answers, or until this time.
    pub fn waits_for_an_answer(self, until: Option<&str>) {
        let name = self.name();
        self.scenario.line(format!("{name} waits for an answer"));
        let until_ms = until.map(|time| self.scenario.now_ms + milliseconds(time) as f64);
        let resume = Resume::Call { methods: vec!["POST".into()], options: Value::Null };
        let wait = Wait { until_ms, resume, emit: vec![Items::default()] };
        self.scenario.happen(Event::StepWaiting(self.step.attempt, wait));
    }

    /// It runs another workflow once for each of these.
    pub fn calls<const N: usize>(self, calls: [Value; N], wait: bool) {
        let name = self.name();
        self.scenario.line(format!("{name} runs {}", count(N, "child")));
        let workflow = WorkflowSource::Reference { id: "other".into() };
        let pass = self.step.inputs.main_items();
        let children = Children { workflow, calls: calls.into_iter().map(items).collect(), wait, pass };
        self.scenario.happen(Event::StepCalling(self.step.attempt, children));
    }

    /// Its end is reported, and reported again.
    pub fn completes_twice(self) {
        let RunningStep { scenario, step } = self;
        let emission = Emission { ports: vec![step.inputs.main_items()], ..Emission::default() };
        for _ in 0..2 {
            RunningStep { scenario: &mut *scenario, step: step.clone() }.emits(emission.clone());
        }
    }

    fn emits(self, emission: Emission) {
        let name = self.name();
        let given: Vec<_> = emission.ports.iter().map(|items| items.len().to_string()).collect();
        let items = match given.as_slice() {
            [one] => count(one.parse().unwrap_or(0), "item"),
            several => format!("{} items", several.join(" | ")),
        };
        self.scenario.line(format!("{name} completed with {items}"));
        self.scenario.happen(Event::StepSucceeded(self.step.attempt, emission));
    }

    fn fails_with(self, error: NodeError) {
        let (name, attempt, now_ms) = (self.name(), self.step.attempt, self.scenario.now_ms);
        let place = self.scenario.lines.len();
        let message = format!("{name} #{} failed: {error}", attempt.number);
        self.scenario.line(&message);
        self.scenario.happen(Event::StepFailed(attempt, error));
        let retry = self.scenario.timers.iter().find(|(timer, _)| *timer == Timer::Retry(attempt));
        let retries = self.scenario.plan.node(attempt.step.node()).retry.is_some();
        let what = match retry {
            Some((_, at_ms)) => format!("; retry in {}", duration(at_ms - now_ms)),
            None if retries => "; no attempts left".to_owned(),
            None => String::new(),
        };
        self.scenario.lines[place].push_str(&what);
    }

    fn name(&self) -> String {
        self.scenario.name(self.step.attempt.step)
    }
}

fn count(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "child") => format!("{number} children"),
        _ => format!("{number} {noun}s"),
    }
}

fn duration(ms: f64) -> String {
    match ms {
        ms if ms % 1000.0 != 0.0 => format!("{ms}ms"),
        ms if ms >= 3_600_000.0 && ms % 3_600_000.0 == 0.0 => format!("{}h", ms / 3_600_000.0),
        ms => format!("{}s", ms / 1000.0),
    }
}
