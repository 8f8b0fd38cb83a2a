//! What happens to an execution and what it asks for in return.

use model::{ExecutionStatus, Items, Value};
use sdk::history::Sources;
use sdk::output::WorkflowSource;
use sdk::{Children, Emission, Inputs, NodeError, Wait};
use serde::{Deserialize, Serialize};

/// A step of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId {
    /// How many steps were begun before it; unique within the execution.
    pub number: u32,
    /// Index of its node.
    pub node: u32,
    /// How often the node ran before.
    pub run: u32,
}

impl StepId {
    /// Index of its node.
    pub fn node(self) -> usize {
        self.node as usize
    }
}

/// What happened to an execution. Its journal is the list of them, and its state is their fold.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It begins: these items arrive at this node.
    Triggered {
        /// Index of the node.
        node: usize,
        /// What it is given.
        items: Items,
    },
    /// An attempt whose effect must not be repeated silently begins.
    StepStarted(Attempt),
    /// A step gave items.
    StepSucceeded(Attempt, Emission),
    /// A step gave nothing: its branch ends here and it leaves no run.
    StepSilent(Attempt),
    /// An attempt failed.
    StepFailed(Attempt, NodeError),
    /// A step waits.
    StepWaiting(Attempt, Wait),
    /// A step runs other workflows.
    StepCalling(Attempt, Children),
    /// A step whose effect was begun was lost in a crash: nobody knows whether the effect happened.
    StepLost(Attempt),
    /// A timer came due.
    TimerFired(Timer),
    /// Whoever a step waited for answered; the step emits these items.
    WaitResolved(StepId, Vec<Items>),
    /// An answer came before the step that will wait for it: the next wait ends at once, with these items.
    ResumedEarly(Vec<Items>),
    /// Somebody wants a lost step to run again, although its effect may then happen twice.
    RetryAsked(Attempt),
    /// A child execution ended.
    ChildFinished {
        /// The step that called it.
        step: StepId,
        /// Which of its calls it was.
        call: u32,
        /// What it gave.
        result: Result<Items, NodeError>,
    },
    /// Somebody wants the execution to stop for good.
    CancelAsked,
    /// Somebody wants it to stop for now.
    PauseAsked,
    /// Somebody wants it to go on.
    ResumeAsked,
    /// It ran longer than allowed.
    TimedOut,
    /// It cannot go on, for a reason that none of its steps has.
    GivenUp(NodeError),
}

/// One try of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The step.
    pub step: StepId,
    /// Which try, from 1.
    pub number: u32,
}

/// What must happen next. Committed with the event that caused it, then carried out; every command is safe to repeat.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin an attempt.
    RunStep(RunStep),
    /// Report this timer at this time (Unix milliseconds).
    StartTimer(Timer, f64),
    /// Let the outside resolve this wait; its time, if it has one, has a timer of its own.
    OpenWait(StepId, Wait),
    /// Start a child execution.
    StartChild(StartChild),
    /// Answer the call that started the execution.
    Respond(Value),
    /// Stop an attempt that runs; it reports all the same.
    StopStep(StepId),
    /// Cancel the child execution of this call of an attempt.
    StopChild(Attempt, u32),
    /// The execution has ended.
    Finish(ExecutionStatus, Option<Failure>),
}

/// An attempt to begin.
#[derive(Clone, Debug)]
pub struct RunStep {
    /// Which.
    pub attempt: Attempt,
    /// What arrived at the node.
    pub inputs: Inputs,
    /// Where that came from.
    pub sources: Sources,
}

/// A child execution to start.
#[derive(Clone, Debug)]
pub struct StartChild {
    /// The step that calls it.
    pub step: StepId,
    /// Which try of the step, from 1.
    pub attempt: u32,
    /// Which of its calls it is.
    pub call: u32,
    /// What to run.
    pub workflow: WorkflowSource,
    /// What its trigger is given.
    pub items: Items,
    /// Whether the step waits for its end.
    pub wait: bool,
}

/// Something to be reminded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Timer {
    /// The pause after this attempt is over.
    Retry(Attempt),
    /// The time of this wait has come.
    Wait(StepId),
}

/// Why an execution ended without completing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The node that failed, unless the execution as a whole did.
    pub node: Option<usize>,
    /// Why.
    pub error: NodeError,
}
