//! What a node is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use model::{Items, Text, Value};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smallvec::SmallVec;

use crate::context::Context;
use crate::error::NodeError;
use crate::output::Output;
use crate::trigger::{InvalidTrigger, Polled, Trigger};

/// A node: the struct holds its parameters, which are its form, its manual page and its JSON Schema at once.
///
/// A node does not retry, sleep, spawn or read the clock: [`Context`] gives it everything it may use.
pub trait Node: Serialize + DeserializeOwned + JsonSchema + Send + Sync + Sized + 'static {
    /// Type and version, such as `core.filter` 1.
    const KIND: Kind;
    /// What people call it.
    const TITLE: &'static str;
    /// Where the catalogue shows it.
    const GROUP: Group;
    /// What repeating a step of it would do to the outside world.
    const EFFECT: Effect = Effect::Pure;
    /// Input ports, unless they depend on parameters.
    const INPUTS: &'static [&'static str] = &["main"];
    /// Output ports, unless they depend on parameters.
    const OUTPUTS: &'static [&'static str] = &["main"];

    /// For triggers: what starts an execution there.
    const STARTS_ON: StartsOn = StartsOn::Event;

    /// What it does, shown: for its manual page, and tried by the compliance test of the catalogue.
    const EXAMPLES: &'static [Example];

    /// The ports that these parameters give.
    fn ports(&self) -> Ports {
        Ports::new(Self::INPUTS, Self::OUTPUTS)
    }

    /// What repeating a step with these parameters would do, unless all steps of the type are alike.
    fn effect(&self) -> Effect {
        Self::EFFECT
    }

    /// For triggers: what is set up for it when its workflow is published.
    fn trigger(&self) -> Result<Trigger, InvalidTrigger> {
        Ok(Trigger::Asked)
    }

    /// For triggers that look for news: looks, from where the last look ended. The first look has no cursor; what it
    /// finds was there before and usually starts nothing.
    fn poll(
        &self,
        _ctx: &Context,
        _cursor: Option<&Value>,
    ) -> impl Future<Output = Result<Polled, NodeError>> + Send {
        async { Err(NodeError::permanent("this node does not look for news")) }
    }

    /// Runs one step.
    fn run(&self, ctx: &Context, inputs: &Inputs) -> impl Future<Output = Result<Output, NodeError>> + Send;
}

/// A node at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// Its parameters, as JSON.
    pub parameters: &'static str,
    /// The data of the items that arrive at its first port, as JSON.
    pub items: &'static str,
}

/// Type and version of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Such as `core.filter`.
    pub name: &'static str,
    /// From 1.
    pub version: u32,
}

impl Kind {
    /// Type `name`, version `version`.
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version }
    }
}

/// Where the catalogue shows a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Starts executions.
    Trigger,
    /// Decides where items go.
    Flow,
    /// Changes items.
    Data,
    /// Runs people's own code.
    Code,
    /// Talks to the outside.
    Action,
    /// Only shown, never run.
    Note,
}

/// What starts an execution at a trigger. A test run that names no trigger takes the first one in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StartsOn {
    /// Something happened: a time came, data was found, somebody asked for it.
    Event,
    /// Another workflow runs this one.
    Workflow,
    /// An execution of another workflow failed.
    Failure,
    /// Somebody called an address: a webhook, a form, a chat.
    Call,
}

/// What repeating a step would do to the outside world, so what happens after a crash between start and result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: rerun.
    Pure,
    /// The same again: rerun.
    Idempotent,
    /// Nothing, because the remote side recognises the idempotency key: rerun with the same key.
    Keyed,
    /// Possibly harm: the step becomes `unknown` and somebody decides.
    Unsafe,
}

/// The ports of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Ports {
    /// Input ports in order.
    pub inputs: Vec<Text>,
    /// Output ports in order, without the error port.
    pub outputs: Vec<Text>,
    /// What a node with several connected inputs needs when nothing else can run.
    pub required: Required,
}

impl Ports {
    /// Ports with these names, no input required.
    pub fn new(inputs: &[&str], outputs: &[&str]) -> Self {
        Self {
            inputs: inputs.iter().map(|name| Text::from(*name)).collect(),
            outputs: outputs.iter().map(|name| Text::from(*name)).collect(),
            required: Required::None,
        }
    }
}

/// Which inputs must have arrived before a waiting node is released although some are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Whatever has arrived will do.
    None,
    /// At least so many.
    AtLeast(usize),
    /// Every one.
    All,
}

/// The items that arrived, by input port.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    ports: SmallVec<[Option<Items>; 1]>,
    main: usize,
}

impl Inputs {
    /// The items of each port; `None` where nothing arrived. `main` is the port whose items expressions see.
    pub fn new(ports: impl IntoIterator<Item = Option<Items>>, main: usize) -> Self {
        Self { ports: ports.into_iter().collect(), main }
    }

    /// One port with these items.
    pub fn single(items: Items) -> Self {
        Self { ports: SmallVec::from_iter([Some(items)]), main: 0 }
    }

    /// The items of the port that expressions see.
    pub fn main(&self) -> &[model::Item] {
        self.port(self.main)
    }

    /// The same, shared instead of borrowed.
    pub fn main_items(&self) -> Items {
        self.ports.get(self.main).cloned().flatten().unwrap_or_default()
    }

    /// The index of the port that expressions see.
    pub fn main_port(&self) -> usize {
        self.main
    }

    /// The items of port `index`; none when nothing arrived.
    pub fn port(&self, index: usize) -> &[model::Item] {
        match self.ports.get(index) {
            Some(Some(items)) => items,
            _ => &[],
        }
    }

    /// Whether anything, be it an empty list, arrived at port `index`.
    pub fn arrived(&self, index: usize) -> bool {
        matches!(self.ports.get(index), Some(Some(_)))
    }

    /// Every port in order.
    pub fn ports(&self) -> &[Option<Items>] {
        &self.ports
    }
}

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Node`] whose type is erased: what the engine holds, built once per workflow version.
pub trait AnyNode: Send + Sync {
    /// See [`Node::ports`].
    fn ports(&self) -> Ports;
    /// See [`Node::effect`].
    fn effect(&self) -> Effect;
    /// See [`Node::trigger`].
    fn trigger(&self) -> Result<Trigger, InvalidTrigger>;
    /// See [`Node::poll`].
    fn poll<'a>(
        &'a self,
        ctx: &'a Context,
        cursor: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Polled, NodeError>>;
    /// See [`Node::run`]. A step whose execution is already cancelled does not begin.
    fn run<'a>(&'a self, ctx: &'a Context, inputs: &'a Inputs) -> BoxFuture<'a, Result<Output, NodeError>>;
}

impl<N: Node> AnyNode for N {
    fn ports(&self) -> Ports {
        Node::ports(self)
    }

    fn effect(&self) -> Effect {
        Node::effect(self)
    }

    fn trigger(&self) -> Result<Trigger, InvalidTrigger> {
        Node::trigger(self)
    }

    fn poll<'a>(
        &'a self,
        ctx: &'a Context,
        cursor: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Polled, NodeError>> {
        Box::pin(Node::poll(self, ctx, cursor))
    }

    fn run<'a>(&'a self, ctx: &'a Context, inputs: &'a Inputs) -> BoxFuture<'a, Result<Output, NodeError>> {
        Box::pin(async move {
            ctx.check_cancelled()?;
            Node::run(self, ctx, inputs).await
        })
    }
}

/// A node shared by all executions of a workflow version.
pub type SharedNode = Arc<dyn AnyNode>;
