//! The planner: an event comes in, the execution changes, commands come out.
//!
//! One file per idea: `steps` begins and completes them, `targets` follows edges, `joins` holds what waits for several
//! inputs and releases it, `legacy` is the old breadth-first order, `failure` retries, goes on or gives up, `waits`
//! covers timers, waits and children, `ending` stops, pauses and finishes, `recovery` says what a crash left undone.

mod condition;
mod ending;
mod failure;
mod joins;
mod legacy;
mod recovery;
mod steps;
mod targets;
mod view;
mod waits;
mod weight;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use model::{ExecutionStatus, Items, Order, Value};
use sdk::history::{Source, Sources};
use sdk::{Children, History, Inputs, Wait};

use crate::event::{Attempt, Command, Event, Failure, StepId};
use crate::plan::Plan;
use joins::Joins;

pub(crate) use condition::OPERATORS;
pub(crate) use steps::in_place;
pub use view::Standing;

/// What an execution may use before it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps in all; an endless loop ends here.
    pub steps: u32,
    /// About how many bytes the items of the history may take.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 100_000, bytes: 2 << 30 }
    }
}

/// A journal is not that of an execution of this plan within these limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} of the journal does not follow from those before it")]
pub struct Unexpected {
    /// The first record that does not fit.
    pub seq: u64,
}

/// An execution: the fold of its events.
#[derive(Clone)]
pub struct Execution {
    plan: Arc<Plan>,
    limits: Limits,
    /// The source of chance of retry pauses.
    seed: u64,
    history: Arc<History>,
    /// Every recorded run, in the order in which they ended: node and run index.
    finished: Vec<(u32, u32)>,
    /// What can run, next first.
    ready: VecDeque<Entry>,
    /// What waits for more inputs.
    joins: Joins,
    /// Steps that were begun and have not ended.
    open: Vec<Open>,
    begun: u32,
    /// About what the items of the history weigh.
    bytes: usize,
    paused: bool,
    /// Answers that came before the wait for them.
    early: VecDeque<Vec<Items>>,
    /// Why the step that ended last failed, when the execution went on all the same.
    last_failure: Option<Failure>,
    /// How it will end once the running steps have reported.
    ending: Option<Ending>,
    status: Option<ExecutionStatus>,
    response: Option<Value>,
    seq: u64,
}

/// A step to come.
#[derive(Clone, Debug)]
struct Entry {
    node: usize,
    inputs: Inputs,
    sources: Sources,
}

/// A step that was begun.
#[derive(Clone, Debug)]
struct Open {
    step: StepId,
    attempt: u32,
    entry: Entry,
    phase: Phase,
}

impl Open {
    fn attempt(&self) -> Attempt {
        Attempt { step: self.step, number: self.attempt }
    }
}

/// Where an open step stands.
#[derive(Clone, Debug)]
enum Phase {
    /// An attempt runs; `effect` says that its effect may have begun.
    Running { effect: bool },
    /// The next attempt waits for its time.
    Pausing { until_ms: f64 },
    /// The next attempt may begin.
    Due,
    /// It waits.
    Waiting(Wait),
    /// It waits for child executions, one after the other.
    Calling { children: Arc<Children>, results: Vec<Items> },
    /// Nobody knows whether its effect happened; somebody must say.
    Lost,
}

#[derive(Clone, Debug)]
struct Ending {
    status: ExecutionStatus,
    failure: Option<Failure>,
}

impl Execution {
    /// An execution to which nothing has happened.
    pub fn new(plan: Arc<Plan>, limits: Limits, seed: u64) -> Self {
        Self {
            seed,
            history: Arc::new(History::new(plan.graph().clone())),
            plan,
            limits,
            finished: Vec::new(),
            ready: VecDeque::new(),
            joins: Joins::default(),
            open: Vec::new(),
            begun: 0,
            bytes: 0,
            paused: false,
            early: VecDeque::new(),
            last_failure: None,
            ending: None,
            status: None,
            response: None,
            seq: 0,
        }
    }

    /// The execution to which these events have happened, each with the time at which it was decided on.
    pub fn replay<'a>(
        plan: Arc<Plan>,
        limits: Limits,
        seed: u64,
        journal: impl IntoIterator<Item = (&'a Event, f64)>,
    ) -> Result<Self, Unexpected> {
        let mut execution = Self::new(plan, limits, seed);
        for (event, now_ms) in journal {
            let seq = execution.seq + 1;
            execution.decide(event, now_ms).ok_or(Unexpected { seq })?;
        }
        Ok(execution)
    }

    /// Takes in what happened and says what must happen next. `None` means that the event comes too late or for the
    /// second time: nothing changed and it does not belong in the journal.
    pub fn decide(&mut self, event: &Event, now_ms: f64) -> Option<Vec<Command>> {
        let mut commands = Vec::new();
        if self.status.is_some_and(ExecutionStatus::is_final) || !self.apply(event, now_ms, &mut commands) {
            return None;
        }
        self.seq += 1;
        self.proceed(&mut commands);
        Some(commands)
    }

    fn apply(&mut self, event: &Event, now_ms: f64, commands: &mut Vec<Command>) -> bool {
        match event {
            Event::Triggered { node, items } => self.trigger(*node, items.clone()),
            Event::StepStarted(attempt) => self.step_started(*attempt),
            Event::StepSucceeded(attempt, emission) => self.step_succeeded(*attempt, emission, commands),
            Event::StepSilent(attempt) => self.step_silent(*attempt),
            Event::StepFailed(attempt, error) => self.step_failed(*attempt, error, now_ms, commands),
            Event::StepWaiting(attempt, wait) => self.step_waiting(*attempt, wait, commands),
            Event::StepCalling(attempt, children) => self.step_calling(*attempt, children, commands),
            Event::StepLost(attempt) => self.step_lost(*attempt),
            Event::TimerFired(timer) => self.timer_fired(*timer, commands),
            Event::WaitResolved(step, items) => self.wait_resolved(*step, items, commands),
            Event::ResumedEarly(items) => self.resumed_early(items),
            Event::RetryAsked(attempt) => self.retry_asked(*attempt),
            Event::ChildFinished { step, call, result } => {
                self.child_finished(*step, *call, result, now_ms, commands)
            }
            Event::CancelAsked => self.cancel(commands),
            Event::PauseAsked => self.pause(),
            Event::ResumeAsked => self.resume(),
            Event::TimedOut => self.time_out(commands),
            Event::GivenUp(error) => self.end(
                ExecutionStatus::Failed,
                Some(Failure { node: None, error: error.clone() }),
                commands,
            ),
        }
    }

    /// The plan it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What has run.
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Every recorded run in the order in which they ended: node and run index.
    pub fn finished(&self) -> impl Iterator<Item = (usize, usize)> {
        self.finished.iter().map(|(node, run)| (*node as usize, *run as usize))
    }

    /// How many events have happened to it.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The answer to the call that started it, once a step gave one.
    pub fn response(&self) -> Option<&Value> {
        self.response.as_ref()
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        if let Some(status) = self.status {
            return status;
        }
        let running = self.open.iter().any(|open| matches!(open.phase, Phase::Running { .. }));
        match () {
            () if self.seq == 0 => ExecutionStatus::Queued,
            () if running => ExecutionStatus::Running,
            () if self.paused => ExecutionStatus::Paused,
            () => ExecutionStatus::Waiting,
        }
    }

    fn is_sequential(&self) -> bool {
        self.plan.order != Order::Parallel
    }

    fn open_index(&self, step: StepId) -> Option<usize> {
        self.open.iter().position(|open| open.step == step)
    }

    /// The open step whose current attempt this is, while it runs or nobody knows how it ended.
    fn reporting(&self, attempt: Attempt) -> Option<usize> {
        let index = self.open_index(attempt.step)?;
        let open = &self.open[index];
        let expected =
            open.attempt == attempt.number && matches!(open.phase, Phase::Running { .. } | Phase::Lost);
        expected.then_some(index)
    }
}

impl fmt::Debug for Execution {
    /// The whole state but the plan: two executions that print the same behave the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs: Vec<_> = (0..self.plan.nodes().len()).map(|node| self.history.runs(node)).collect();
        f.debug_struct("Execution")
            .field("seq", &self.seq)
            .field("status", &self.status())
            .field("runs", &runs)
            .field("finished", &self.finished)
            .field("ready", &self.ready)
            .field("joins", &self.joins)
            .field("open", &self.open)
            .field("begun", &self.begun)
            .field("bytes", &self.bytes)
            .field("paused", &self.paused)
            .field("early", &self.early)
            .field("last_failure", &self.last_failure)
            .field("ending", &self.ending)
            .field("response", &self.response)
            .finish_non_exhaustive()
    }
}

/// The items that arrive at one slot, and where they came from.
#[derive(Clone, Debug)]
struct Arrival {
    items: Items,
    source: Source,
}
