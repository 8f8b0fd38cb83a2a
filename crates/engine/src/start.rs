//! Starting an execution: one way for every caller.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use model::ids::{ExecutionId, UserId, VersionId, WorkflowId, WorkspaceId};
use model::{ExecutionStatus, Items, NodeKey, Value};
use sdk::Mode;
use sdk::node::BoxFuture;
use store::commit::StartKey;

use crate::event::Failure;

/// What is to run, and why.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The version that the execution follows to its end.
    pub version: VersionId,
    /// The key of the node at which it starts.
    pub node: NodeKey,
    /// What that node is given.
    pub items: Items,
    /// Why it runs, as expressions see it.
    pub mode: Mode,
    /// What started it.
    pub trigger_kind: TriggerKind,
    /// Makes a second start with the same key no start: the caller learns of the first one.
    pub key: Option<StartKey>,
    /// The execution that this one repeats.
    pub retry_of: Option<ExecutionId>,
    /// Who asked for it.
    pub created_by: Option<UserId>,
    /// Higher runs first; 0 is usual.
    pub priority: i32,
    /// Whether pins stand in for their nodes: test runs only.
    pub use_pins: bool,
    /// What the caller waits for.
    pub reply: Reply,
}

impl StartRequest {
    /// A production start at this node by this kind of trigger, which is answered once it is durable.
    pub fn new(
        (workspace, workflow, version): (WorkspaceId, WorkflowId, VersionId),
        node: impl Into<NodeKey>,
        items: Items,
        trigger_kind: TriggerKind,
    ) -> Self {
        Self {
            workspace,
            workflow,
            version,
            node: node.into(),
            items,
            mode: trigger_kind.mode(),
            trigger_kind,
            key: None,
            retry_of: None,
            created_by: None,
            priority: 0,
            use_pins: false,
            reply: Reply::Accepted,
        }
    }
}

/// What started an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A person.
    Manual,
    /// A call of a webhook.
    Webhook,
    /// A schedule.
    Schedule,
    /// A trigger that looked for news and found some.
    Poll,
    /// A program.
    Api,
    /// A step of another execution.
    Subworkflow,
    /// The failure of another execution.
    Error,
    /// A form.
    Form,
    /// Something that happened in the product.
    Event,
}

impl TriggerKind {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            TriggerKind::Manual => "manual",
            TriggerKind::Webhook => "webhook",
            TriggerKind::Schedule => "schedule",
            TriggerKind::Poll => "poll",
            TriggerKind::Api => "api",
            TriggerKind::Subworkflow => "subworkflow",
            TriggerKind::Error => "error",
            TriggerKind::Form => "form",
            TriggerKind::Event => "event",
        }
    }

    /// The mode of executions that such a trigger starts.
    pub fn mode(self) -> Mode {
        match self {
            TriggerKind::Manual => Mode::Manual,
            TriggerKind::Webhook | TriggerKind::Form => Mode::Webhook,
            TriggerKind::Schedule | TriggerKind::Poll | TriggerKind::Api | TriggerKind::Event => {
                Mode::Production
            }
            TriggerKind::Subworkflow => Mode::Integrated,
            TriggerKind::Error => Mode::Error,
        }
    }
}

/// What the caller of a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// That the execution is durable: from then on it cannot be lost.
    Accepted,
    /// What the execution answers or how it ends. Nothing is promised before, so an execution without a key need not
    /// be durable before either: it is written once, with its answer.
    Outcome,
}

/// An execution that was started.
#[derive(Debug)]
pub struct Started {
    /// Its id.
    pub execution: ExecutionId,
    /// Whether an earlier start with the same key had started it.
    pub duplicate: bool,
    /// With [`Reply::Outcome`]: what the execution will answer. Whoever stops waiting for it changes nothing.
    pub answer: Option<Answering>,
}

/// The answer of an execution, to be waited for. It comes from wherever the execution runs, and only once what it says
/// is durable.
pub struct Answering(BoxFuture<'static, Answer>);

impl Answering {
    pub(crate) fn new(answer: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self(Box::pin(answer))
    }
}

impl Future for Answering {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

/// What an execution tells the caller who waits for it.
#[derive(Debug)]
pub enum Answer {
    /// A step answered: `{status, headers, body?, file?, stream?}`.
    Response(Value),
    /// It ended and no step had answered.
    Ended {
        /// How.
        status: ExecutionStatus,
        /// Why, unless it completed.
        failure: Option<Failure>,
        /// What the node that ran last gave on its first port.
        last: Items,
    },
    /// It could not be kept, so it did not happen: worth trying again.
    Refused(StartError),
}

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such thing in this workspace.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The workflow cannot run like this; says what to do.
    #[error("{0}")]
    Invalid(String),
    /// This process is about to end.
    #[error("the server is shutting down; try again")]
    Draining,
    /// The storage refused; nothing was started.
    #[error("the execution could not be stored")]
    Storage(#[source] store::Error),
}

impl From<store::Error> for StartError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(what) => StartError::NotFound(what),
            error => StartError::Storage(error),
        }
    }
}

/// How to run an execution again.
#[derive(Clone, Debug)]
pub enum Retry {
    /// From the step that failed: what had completed is taken over.
    FromFailed,
    /// From its beginning, with what its trigger was given, or with these items instead.
    Whole {
        /// What the trigger is given.
        items: Option<Items>,
    },
}

/// What became of a step whose effect nobody saw end.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// It succeeded: this is what it gave, per port.
    Completed(Vec<Items>),
    /// It failed, in these words.
    Failed(String),
    /// It did not happen, or may happen twice: run it again.
    RunAgain,
}
