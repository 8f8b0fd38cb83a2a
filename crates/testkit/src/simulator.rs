//! Draws workflows and misfortune from a seed, and checks that executions survive it.
//!
//! A schedule runs a drawn workflow twice: once undisturbed, and once with crashes (the state is thrown away and folded
//! again from the journal), results that come late, twice or in another order, timers that fire late, pauses,
//! cancellation and time-outs. What must hold whatever happens:
//! - the journal has no gaps and its fold is the state;
//! - a step that has ended never runs again, and an effect that began is never begun again;
//! - every execution ends;
//! - in the sequential orders it ends as if nothing had happened.

mod draw;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use engine::event::{Attempt, RunStep, StartChild, Timer};
use engine::journal::{Reader, Recorded, Writer};
use engine::step::{Prepared, prepare, settle};
use engine::{Command, Event, Execution, Limits, Plan};
use model::journal::Record;
use model::{ExecutionStatus, Item, Items, Lineage, Order, Origin, Workflow};
use sdk::context::Step;
use sdk::{Context, Effect, NodeError, Output, Services};

use crate::random::Random;

/// Steps after which a drawn workflow counts as endless: drawn graphs multiply items.
const LIMITS: Limits = Limits { steps: 400, bytes: 8 << 20 };

/// One schedule: a drawn workflow and what goes wrong with its execution.
pub struct Simulator {
    seed: u64,
    plan: Arc<Plan>,
}

/// What became of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events in the disturbed run.
    pub events: usize,
    /// Crashes.
    pub crashes: usize,
    /// Events that came twice or too late.
    pub ignored: usize,
    /// Whether it was compared with the undisturbed run to the last item.
    pub compared: bool,
}

impl Simulator {
    /// The schedule of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, plan: crate::plan(Self::workflow(seed)) }
    }

    /// The workflow that a seed draws.
    pub fn workflow(seed: u64) -> Workflow {
        draw::workflow(&mut Random::new(seed)).into()
    }

    /// Plays it. The error says what broke, with the journal.
    pub fn run(&self) -> Result<Report, String> {
        let mut calm = World::new(self.plan.clone(), Random::new(self.seed), false);
        calm.play()?;
        let mut rough = World::new(self.plan.clone(), Random::new(self.seed ^ 0x5eed), true);
        rough.written = self.seed.is_multiple_of(4).then(Default::default);
        rough.play().map_err(|broken| format!("{broken}\n{}", rough.story()))?;
        let deterministic = self.plan.order != Order::Parallel && !rough.stopped;
        if deterministic && calm.ending() != rough.ending() {
            let (calm_story, rough_story) = (calm.story(), rough.story());
            return Err(format!(
                "it ended differently:\n--- undisturbed\n{calm_story}\n--- disturbed\n{rough_story}"
            ));
        }
        Ok(Report {
            events: rough.journal.len(),
            crashes: rough.crashes,
            ignored: rough.ignored,
            compared: deterministic,
        })
    }
}

/// Everything around an execution.
struct World {
    plan: Arc<Plan>,
    random: Random,
    rough: bool,
    execution: Execution,
    journal: Vec<Recorded>,
    /// The journal as it is kept, in one schedule of four: writing and reading it takes most of the time.
    written: Option<(Writer, Vec<Record>)>,
    now_ms: f64,
    /// Results on their way.
    mail: Vec<Event>,
    /// Results that were delivered once.
    delivered: Vec<Event>,
    timers: Vec<(Timer, f64)>,
    /// Steps that are over, by number.
    ended: HashSet<u32>,
    /// Effects that were begun.
    effects: HashSet<Attempt>,
    crashes: usize,
    ignored: usize,
    stopped: bool,
    paused: bool,
}

impl World {
    fn new(plan: Arc<Plan>, random: Random, rough: bool) -> Self {
        Self {
            execution: Execution::new(plan.clone(), LIMITS, 0),
            plan,
            random,
            rough,
            journal: Vec::new(),
            written: None,
            now_ms: 0.0,
            mail: Vec::new(),
            delivered: Vec::new(),
            timers: Vec::new(),
            ended: HashSet::new(),
            effects: HashSet::new(),
            crashes: 0,
            ignored: 0,
            stopped: false,
            paused: false,
        }
    }

    fn play(&mut self) -> Result<(), String> {
        let items = (0..3).map(|index| {
            let to = ["1", "2"][index % 2];
            let data = model::json!({ "n": index, "to": to });
            Item::new(data.as_object().expect("an object").clone())
        });
        self.happen(Event::Triggered { node: 0, items: Arc::new(items.collect()) })?;
        while !self.execution.status().is_final() {
            if self.rough && !self.disturb()? {
                continue;
            }
            if !self.progress()? {
                return Err(format!("stuck while {:?}", self.execution.status()));
            }
        }
        if self.rough { self.fold().map(drop) } else { Ok(()) }
    }

    /// Something goes wrong, perhaps. Gives whether there is still something to do.
    fn disturb(&mut self) -> Result<bool, String> {
        if self.random.percent(8) {
            self.crash()?;
        }
        if self.random.percent(12) && !self.delivered.is_empty() {
            let again = self.random.pick(&self.delivered);
            self.happen(again)?;
        }
        if self.random.percent(2) && !self.paused {
            self.paused = true;
            self.happen(Event::PauseAsked)?;
        } else if self.paused && self.random.percent(30) {
            self.paused = false;
            self.happen(Event::ResumeAsked)?;
        }
        if self.random.below(400) == 0 {
            self.stopped = true;
            let ends = [Event::CancelAsked, Event::TimedOut];
            let end = self.random.pick(&ends);
            self.happen(end)?;
        }
        Ok(!self.execution.status().is_final())
    }

    /// The next thing happens.
    fn progress(&mut self) -> Result<bool, String> {
        let choices = self.mail.len() + self.timers.len();
        if choices == 0 {
            let paused = std::mem::take(&mut self.paused);
            if paused {
                self.happen(Event::ResumeAsked)?;
            }
            return Ok(paused);
        }
        let choice = if self.rough { self.random.below(choices) } else { 0 };
        if choice < self.mail.len() {
            let event = self.mail.remove(choice);
            self.delivered.push(event.clone());
            self.happen(event)?;
        } else {
            let (timer, at_ms) = self.timers.remove(choice - self.mail.len());
            self.now_ms = self.now_ms.max(at_ms);
            self.delivered.push(Event::TimerFired(timer));
            self.happen(Event::TimerFired(timer))?;
        }
        Ok(true)
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        let before = self.execution.status();
        let Some(commands) = self.execution.decide(&event, self.now_ms) else {
            self.ignored += 1;
            return Ok(());
        };
        let after = self.execution.status();
        // What an event wakes runs, if only until the planner has looked at it.
        let running = ExecutionStatus::Running;
        let passes = before.allows(running) && running.allows(after);
        if before != after && !before.allows(after) && !passes {
            return Err(format!("{before:?} became {after:?} by {event:?}"));
        }
        let ended = match &event {
            Event::StepSucceeded(attempt, _) | Event::StepSilent(attempt) => Some(attempt.step),
            Event::TimerFired(Timer::Wait(step)) | Event::WaitResolved(step, _) => Some(*step),
            _ => None,
        };
        if let Some(step) = ended.filter(|step| !self.ended.insert(step.number)) {
            return Err(format!("{step:?} ended twice"));
        }
        self.record(event);
        if self.execution.seq() != self.journal.len() as u64 {
            return Err(format!(
                "event {} is number {} to the execution",
                self.journal.len(),
                self.execution.seq()
            ));
        }
        commands.into_iter().try_for_each(|command| self.carry_out(command))
    }

    fn record(&mut self, event: Event) {
        let recorded = Recorded { at_ms: self.now_ms, duration: None, event };
        if let Some((writer, written)) = &mut self.written {
            written.push(writer.write(&self.plan, &recorded));
        }
        self.journal.push(recorded);
    }

    fn carry_out(&mut self, command: Command) -> Result<(), String> {
        match command {
            Command::RunStep(step) => return self.run_step(&step),
            Command::StartTimer(timer, at_ms) => self.timers.push((timer, at_ms)),
            Command::OpenWait(step, _) => {
                let answer = model::json!({ "answered": true });
                self.mail.push(Event::WaitResolved(step, vec![crate::items(answer)]));
            }
            Command::StartChild(child) if child.wait => self.mail.push(child_result(&child)),
            Command::StartChild(_) | Command::Respond(_) | Command::Finish(..) => {}
            // Whether a step notices in time is a matter of luck; its result may be on its way already.
            Command::StopStep(step) => {
                let stops = self.random.percent(50);
                for event in self.mail.iter_mut().filter(|_| stops) {
                    if let Some(attempt) = attempt_of(event).filter(|attempt| attempt.step == step) {
                        *event = Event::StepFailed(attempt, NodeError::cancelled());
                    }
                }
            }
            Command::StopChild(attempt, _) => {
                let step = attempt.step;
                self.mail.retain(
                    |event| !matches!(event, Event::ChildFinished { step: other, .. } if *other == step),
                );
            }
        }
        Ok(())
    }

    fn run_step(&mut self, step: &RunStep) -> Result<(), String> {
        if self.ended.contains(&step.attempt.step.number) {
            return Err(format!("{:?} has ended and runs again", step.attempt.step));
        }
        let plan = self.plan.clone();
        let node = plan.node(step.attempt.step.node());
        if node.effect == Effect::Unsafe {
            if !self.effects.insert(step.attempt) {
                return Err(format!("the effect of {:?} began twice", step.attempt));
            }
            self.happen(Event::StepStarted(step.attempt))?;
        }
        let event = self.result(step);
        self.mail.push(event);
        Ok(())
    }

    /// What an attempt will report.
    fn result(&self, step: &RunStep) -> Event {
        let (shared, inputs) = match prepare(&self.plan, step, false) {
            Prepared::Run(shared, inputs) => (shared, inputs),
            Prepared::Done(event) => return event,
        };
        let facts = Step {
            execution: Arc::new(sdk::testing::execution()),
            node: self.plan.node(step.attempt.step.node()).info.clone(),
            history: self.execution.history().clone(),
            inputs: inputs.clone(),
            arrived: step.inputs.clone(),
            sources: step.sources.clone(),
            run_index: step.attempt.step.run as usize,
            attempt: step.attempt.number,
            now_ms: self.now_ms,
            seen: Default::default(),
        };
        let ctx = Context::new(facts, Services::default(), Default::default());
        let result: Result<Output, NodeError> = {
            let mut future = pin!(shared.run(&ctx, &inputs));
            match future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                Poll::Ready(result) => result,
                Poll::Pending => unreachable!("no drawn node waits"),
            }
        };
        settle(&self.plan, step, result)
    }

    /// The process dies. Results on their way are lost, or reach the next process all the same.
    fn crash(&mut self) -> Result<(), String> {
        self.crashes += 1;
        self.execution = self.fold()?;
        let mut random = self.random.clone();
        self.mail.retain(|event| match event {
            // Answers and children live elsewhere; they are reissued, so that each may come twice.
            Event::WaitResolved(..) | Event::ChildFinished { .. } => random.percent(50),
            // The result of an effect whose process died is never seen, or somebody finds it out: see below.
            event => attempt_of(event).is_some_and(|_| random.percent(20)),
        });
        self.random = random;
        self.timers.clear();
        let (events, commands) = self.execution.recover(self.now_ms);
        for event in events {
            self.record(event);
        }
        commands.into_iter().try_for_each(|command| self.carry_out(command))?;
        // Somebody looks and says what became of the effects, unless the result is on its way all the same.
        let lost: Vec<RunStep> = self.execution.lost_steps().collect();
        for step in lost {
            if !self.mail.iter().any(|event| attempt_of(event) == Some(step.attempt)) {
                self.mail.push(self.result(&step));
            }
        }
        Ok(())
    }

    /// The state as the journal tells it, which must be the state.
    fn fold(&self) -> Result<Execution, String> {
        let mut reader = Reader::new();
        let read = |record| reader.read(&self.plan, record).map_err(|error| error.to_string());
        let read =
            self.written.as_ref().map(|(_, written)| written.iter().map(read).collect::<Result<Vec<_>, _>>());
        let events = read.transpose()?;
        let events = events.as_ref().unwrap_or(&self.journal);
        let events = events.iter().map(|recorded| (&recorded.event, recorded.at_ms));
        let fold =
            Execution::replay(self.plan.clone(), LIMITS, 0, events).map_err(|error| error.to_string())?;
        let (told, state) = (format!("{fold:?}"), format!("{:?}", self.execution));
        if told != state {
            return Err(format!("the journal folds to another state:\n{state}\n{told}"));
        }
        Ok(fold)
    }

    fn result_of_node(&self, node: usize) -> String {
        format!("{:?}", self.execution.history().runs(node))
    }

    /// How it ended: status, order and everything that every node gave.
    fn ending(&self) -> (ExecutionStatus, Vec<(usize, usize)>, Vec<String>) {
        let nodes = 0..self.plan.nodes().len();
        let finished = self.execution.finished().collect();
        (self.execution.status(), finished, nodes.map(|node| self.result_of_node(node)).collect())
    }

    fn story(&self) -> String {
        let mut writer = Writer::new();
        let line = |recorded: &Recorded| {
            let record = writer.write(&self.plan, recorded);
            let node = record.node.as_deref().unwrap_or("-");
            format!("{:>4} {:?} {node} run {} #{}", record.seq, record.kind, record.run_index, record.attempt)
        };
        let lines: Vec<String> = self.journal.iter().map(line).collect();
        format!("{}\nstatus {:?}", lines.join("\n"), self.execution.status())
    }
}

fn attempt_of(event: &Event) -> Option<Attempt> {
    match event {
        Event::StepSucceeded(attempt, _)
        | Event::StepSilent(attempt)
        | Event::StepFailed(attempt, _)
        | Event::StepWaiting(attempt, _)
        | Event::StepCalling(attempt, _)
        | Event::StepLost(attempt) => Some(*attempt),
        _ => None,
    }
}

fn child_result(child: &StartChild) -> Event {
    let item = |(index, item): (usize, &Item)| {
        let mut json = item.json.clone();
        json.insert("child", f64::from(child.call));
        Item { json, binary: None, lineage: Lineage::one(Origin::item(index)) }
    };
    let items: Items = Arc::new(child.items.iter().enumerate().map(item).collect());
    Event::ChildFinished { step: child.step, call: child.call, result: Ok(items) }
}
