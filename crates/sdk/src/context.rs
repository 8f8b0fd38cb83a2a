//! What a step may use.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use model::{CredentialRef, Item, NodeKey, Object, OnError, Text, Value};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::code::{CodeRunner, NoCode};
use crate::credential::{Credential, Credentials, NoCredentials};
use crate::error::NodeError;
use crate::history::{Graph, History, Sources};
use crate::lookback::Seen;
use crate::net;
use crate::node::Inputs;

/// What a step may use: the only way for a node to see anything but its parameters. The facts of the [`Step`] read as
/// fields of the context.
pub struct Context {
    /// The facts, shared with expressions.
    pub step: Arc<Step>,
    /// The outside world.
    pub services: Services,
    /// Fires when somebody cancels the execution or the step runs too long.
    pub cancel: CancellationToken,
    notes: Mutex<Notes>,
}

/// The facts of one attempt of a step.
#[derive(Debug)]
pub struct Step {
    /// The execution it belongs to.
    pub execution: Arc<ExecutionInfo>,
    /// The node it is a step of.
    pub node: Arc<NodeInfo>,
    /// What has run before.
    pub history: Arc<History>,
    /// The items to work on.
    pub inputs: Inputs,
    /// Everything that arrived: more than the items to work on where a node sees only the first of every input. This
    /// is what expressions and code find when they ask for all items.
    pub arrived: Inputs,
    /// Where that came from.
    pub sources: Sources,
    /// How often the node ran before in this execution.
    pub run_index: usize,
    /// Which try of this step this is, from 1.
    pub attempt: u32,
    /// The time of this attempt in Unix milliseconds; it does not move while the step runs.
    pub now_ms: f64,
    /// What its expressions have used so far.
    pub seen: Seen,
}

impl Step {
    /// The next number of this step's source of chance, in `[0, 1)`; the same for every attempt.
    pub fn chance(&self, counter: u64) -> f64 {
        let mut hash = self.execution.seed ^ (self.node.index as u64) << 32 ^ self.run_index as u64;
        hash = hash.wrapping_add(counter.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // splitmix64: https://prng.di.unimi.it/splitmix64.c
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        (hash >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Deref for Context {
    type Target = Step;

    fn deref(&self) -> &Step {
        &self.step
    }
}

/// What is the same for all steps of an execution.
#[derive(Clone, Debug)]
pub struct ExecutionInfo {
    /// Its id.
    pub id: Text,
    /// Why it runs.
    pub mode: Mode,
    /// The workflow's time zone.
    pub zone: TimeZone,
    /// Addresses that resume it: for calls and for forms.
    pub resume_url: Text,
    /// The address of its form.
    pub resume_form_url: Text,
    /// `$vars`.
    pub variables: Object,
    /// What the workflow remembers between executions, as it was when this one began.
    pub static_data: Object,
    /// The source of chance in this execution.
    pub seed: u64,
    /// The public address of webhooks.
    pub webhook_url: Text,
}

/// Why an execution runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A trigger fired.
    Production,
    /// Somebody asked for it.
    #[default]
    Manual,
    /// A test case.
    Test,
    /// Another workflow started it.
    Integrated,
    /// Another execution failed.
    Error,
    /// A webhook was called.
    Webhook,
}

impl Mode {
    /// n8n's word for it, which expressions see as `$execution.mode` and error workflows as `mode`.
    pub fn as_n8n(self) -> &'static str {
        match self {
            Mode::Production => "trigger",
            Mode::Manual | Mode::Test => "manual",
            Mode::Integrated => "integrated",
            Mode::Error => "error",
            Mode::Webhook => "webhook",
        }
    }
}

/// What a node is within its workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeInfo {
    /// Its index.
    pub index: usize,
    /// Its identity.
    pub key: NodeKey,
    /// Its name.
    pub name: Text,
    /// Its type as the user knows it: the foreign type of an imported node.
    pub kind: Text,
    /// Its version, likewise.
    pub version: f64,
    /// Its parameters, likewise, unevaluated.
    pub parameters: Object,
    /// Its credentials by type.
    pub credentials: BTreeMap<String, CredentialRef>,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Whether it passes its input on.
    pub disabled: bool,
}

/// The outside world, shared by all steps.
#[derive(Clone)]
pub struct Services {
    /// Runs people's code.
    pub code: Arc<dyn CodeRunner>,
    /// Secrets.
    pub credentials: Arc<dyn Credentials>,
    /// The guarded HTTP client.
    pub http: net::Client,
    /// Limits of one expression.
    pub limits: Arc<expr::Limits>,
}

impl Default for Services {
    fn default() -> Self {
        static SHARED: OnceLock<Services> = OnceLock::new();
        SHARED
            .get_or_init(|| Services {
                code: Arc::new(NoCode),
                credentials: Arc::new(NoCredentials),
                http: net::Client::default(),
                limits: Arc::default(),
            })
            .clone()
    }
}

/// How important a line of an execution's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who look closely.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

/// What a step left besides its output.
#[derive(Debug, Default)]
pub struct Notes {
    /// Lines for the execution's log.
    pub logs: Vec<(Level, String)>,
    /// The workflow's static data, when the step changed it.
    pub static_data: Option<Object>,
}

impl Context {
    /// A context for one attempt of a step.
    pub fn new(step: Step, services: Services, cancel: CancellationToken) -> Self {
        Self { step: Arc::new(step), services, cancel, notes: Mutex::default() }
    }

    /// The graph of the workflow.
    pub fn graph(&self) -> &Arc<Graph> {
        self.history.graph()
    }

    /// The input item that expressions at `index` see.
    pub fn item(&self, index: usize) -> Option<&Item> {
        self.inputs.main().get(index)
    }

    /// Whether failed items are passed on as `{error}` instead of failing the step.
    pub fn continues_on_error(&self) -> bool {
        self.node.on_error != OnError::Stop
    }

    /// What the node remembered in its latest run that remembered anything.
    pub fn state(&self) -> Option<&Value> {
        self.history.runs(self.node.index).iter().rev().find_map(|run| run.state.as_ref())
    }

    /// The credential of type `kind` that this node names.
    pub async fn credential(&self, kind: &str) -> Result<Credential, NodeError> {
        self.services.credentials.find(&self.node, kind).await
    }

    /// A key that is the same for every attempt of this item of this step, and for nothing else.
    pub fn idempotency_key(&self, item: usize) -> String {
        format!("{}-{}-{}-{item}", self.execution.id, self.node.key, self.run_index)
    }

    /// Fails when the step should stop.
    pub fn check_cancelled(&self) -> Result<(), NodeError> {
        if self.cancel.is_cancelled() { Err(NodeError::cancelled()) } else { Ok(()) }
    }

    /// Waits between two requests that a service wants spaced out; fails when the step should stop. A node that waits
    /// for anything else gives [`Output::Wait`](crate::Output::Wait).
    pub async fn pause(&self, duration: Duration) -> Result<(), NodeError> {
        let sleep = self.cancel.run_until_cancelled(tokio::time::sleep(duration)).await;
        sleep.ok_or_else(NodeError::cancelled)
    }

    /// The same for a loop over items: looks once in a while, because looking at every item would cost more than most
    /// of them.
    pub fn check_cancelled_at(&self, index: usize) -> Result<(), NodeError> {
        if index.is_multiple_of(1024) { self.check_cancelled() } else { Ok(()) }
    }

    /// Adds a line to the execution's log.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.notes.lock().expect("no step panics while it holds the notes").logs.push((level, text.into()));
    }

    /// Replaces the workflow's static data when the step completes.
    pub fn set_static_data(&self, data: Object) {
        self.notes.lock().expect("no step panics while it holds the notes").static_data = Some(data);
    }

    /// What the step left besides its output; for the engine.
    pub fn take_notes(&self) -> Notes {
        std::mem::take(&mut self.notes.lock().expect("no step panics while it holds the notes"))
    }

    /// Runs `each` for every main input item and collects what it gives, with the lineage of that item. A failing item
    /// becomes `{error: message}` when the node continues on errors, and fails the step otherwise.
    pub fn map_items(
        &self,
        mut each: impl FnMut(usize, &Item) -> Result<Item, NodeError>,
    ) -> Result<Vec<Item>, NodeError> {
        let items = self.inputs.main();
        let mut output = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.check_cancelled_at(index)?;
            let item = match each(index, item) {
                Ok(item) => item.from_item(index),
                Err(error) => self.error_item(index, error)?,
            };
            output.push(item);
        }
        Ok(output)
    }

    /// The item that stands for input item `index` having failed, or the error when the node stops on errors.
    pub fn error_item(&self, index: usize, error: NodeError) -> Result<Item, NodeError> {
        if !self.continues_on_error() || error.kind == crate::error::ErrorKind::Cancelled {
            return Err(error.at_item(index));
        }
        let json: Object = [("error", error.message)].into_iter().collect();
        Ok(Item::new(json).from_item(index))
    }
}
