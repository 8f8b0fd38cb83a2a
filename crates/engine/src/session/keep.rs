//! Where an execution lives: what a session asks of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::{Items, Object, Value};
use sdk::NodeError;
use sdk::context::Level;
use sdk::node::BoxFuture;

use crate::decide::Execution;
use crate::event::{Attempt, Event, StartChild};
use crate::journal::Recorded;
use crate::plan::Plan;

/// Where an execution lives: in memory for as long as it runs, or in a store.
pub(crate) trait Keep: Send {
    /// A session that has nothing else to do sits out timers that are due this soon.
    const PATIENCE: Duration;

    /// Something was decided on.
    fn record(&mut self, plan: &Plan, recorded: Recorded);

    /// A step had something to say.
    fn log(&mut self, plan: &Plan, node: usize, level: Level, text: String);

    /// A step changed what the workflow remembers.
    fn remember(&mut self, data: &Object);

    /// The execution answers the call that started it, once that is kept.
    fn respond(&mut self, response: Value);

    /// A step runs another workflow.
    fn call(&mut self, plan: &Arc<Plan>, child: StartChild) -> impl Future<Output = Called> + Send;

    /// An attempt no longer needs the child of this call.
    fn stop_child(&mut self, attempt: Attempt, call: u32);

    /// How urgent it is to keep what was recorded.
    fn urgency(&self) -> Urgency;

    /// Keeps what was recorded, which is all that led to this state.
    fn commit(
        &mut self,
        execution: &Execution,
        ran: Duration,
        next: Next,
    ) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Waits for something from outside.
    fn news(&self) -> impl Future<Output = News> + Send;

    /// Whether there is something from outside already.
    fn has_news(&self) -> bool;

    /// Gets what others want of the execution.
    fn fetch(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;

    /// The next of what others want, as an event; those that have no meaning any more are passed over.
    fn next_wanted(&mut self, execution: &Execution) -> Option<Event>;
}

/// What became of a child that was to be started.
pub(crate) enum Called {
    /// It runs within this process and gives this, or `None` when nobody can wait for it here.
    Here(BoxFuture<'static, Option<Result<Items, NodeError>>>),
    /// It is started with the next commit.
    Noted,
    /// It cannot be started.
    Refused(NodeError),
}

/// How urgent a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// There is nothing to keep.
    None,
    /// By this moment of the clock's [`elapsed`](crate::Clock::elapsed) time.
    By(Duration),
    /// Now.
    Now,
}

/// Who goes on with an execution after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This session.
    Here,
    /// Nobody, until a timer or somebody wakes it; or it has ended.
    Nobody,
    /// Whoever has time.
    Anybody,
}

/// The execution is not this session's any more: it must not do anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Something from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Somebody wants something of the execution: fetch it.
    Wanted,
    /// The session must hand the execution over.
    Leave,
    /// The execution has another owner.
    Lost,
}
