//! What goes into a step of code, what comes out of it, and what the code may ask the host.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use model::{Blob, Item, Items, Object, Text, Value};
use serde::{Deserialize, Serialize};

/// How children are started and what they may use.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that calls [`child_main`](crate::child_main).
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How many children run at the same time.
    pub processes: usize,
    /// A child is replaced after this many steps.
    pub steps_per_process: u32,
    /// What one step may use.
    pub limits: Limits,
    /// Modules that `require` gives out, of those that exist here (see [`Config::MODULES`]).
    pub modules: Vec<Text>,
}

impl Config {
    /// Every module this sandbox has.
    pub const MODULES: &[&str] =
        &["assert", "buffer", "crypto", "events", "luxon", "path", "querystring", "url", "util"];

    /// One child per processor, default limits and every module.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().collect(),
            processes: std::thread::available_parallelism().map_or(2, usize::from),
            steps_per_process: 1_000,
            limits: Limits::default(),
            modules: Self::MODULES.iter().map(|name| Text::from(*name)).collect(),
        }
    }
}

/// What one step may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from start to result, waiting included.
    pub wall_ms: u64,
    /// Processor time.
    pub cpu_ms: u64,
    /// Heap of the JavaScript runtime.
    pub memory_bytes: u64,
    /// Size of the result beyond the size of the input.
    pub output_bytes: u64,
    /// Text written by `console`; what goes beyond is dropped and said so.
    pub log_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_ms: 60_000,
            cpu_ms: 10_000,
            memory_bytes: 256 << 20,
            output_bytes: 16 << 20,
            log_bytes: 256 << 10,
        }
    }
}

/// What the code expects and must return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contract {
    /// Code node, once for all items: returns items or plain objects.
    AllItems,
    /// Code node, once for each item: returns one object.
    EachItem,
    /// The old Function node: `items` in, items out.
    Function,
    /// The old Function Item node: `item` is the data itself, and so is the result.
    FunctionItem,
}

impl Contract {
    /// Whether the code runs once per item.
    pub fn is_per_item(self) -> bool {
        matches!(self, Contract::EachItem | Contract::FunctionItem)
    }
}

/// The time that code sees, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The system's.
    Real,
    /// This all along.
    Fixed(f64),
}

/// One step of code.
#[derive(Clone, Debug)]
pub struct CodeRequest {
    /// Body of an async function.
    pub source: Text,
    /// What it expects and must return.
    pub contract: Contract,
    /// The items of its first input.
    pub items: Items,
    /// Whether an item whose code fails becomes an item with the message, instead of failing the step. Only for
    /// contracts that run once per item.
    pub continue_on_fail: bool,
    /// What `Date` and `$now` show.
    pub clock: Clock,
    /// Time zone of the workflow, an IANA name.
    pub zone: Text,
    /// Seed of `Math.random`.
    pub seed: u64,
    /// Further variables by name, such as `$workflow` or `$runIndex`.
    pub variables: Object,
}

impl CodeRequest {
    /// Code with this contract over these items, in UTC, without further variables.
    pub fn new(contract: Contract, source: impl Into<Text>, items: Items) -> Self {
        Self {
            source: source.into(),
            contract,
            items,
            continue_on_fail: false,
            clock: Clock::Real,
            zone: "UTC".into(),
            seed: 0,
            variables: Object::new(),
        }
    }
}

/// What a step of code gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeResult {
    /// The items it returned, by n8n's rules.
    pub items: Vec<Item>,
    /// What it wrote to `console`.
    pub logs: Vec<LogLine>,
    /// Static data it changed.
    pub static_data: BTreeMap<StaticData, Object>,
    /// What it set with `$execution.customData`.
    pub custom_data: Object,
}

/// Why a step of code failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CodeError {
    /// What happened.
    pub kind: ErrorKind,
    /// The message, as n8n words it where n8n has one.
    pub message: String,
    /// What to do about it, where n8n says so.
    pub description: Option<String>,
    /// Line of the code, from 1.
    pub line: Option<u32>,
    /// Index of the item it happened at.
    pub item: Option<usize>,
    /// What it wrote to `console` before.
    pub logs: Vec<LogLine>,
}

impl CodeError {
    /// A failure without place.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), description: None, line: None, item: None, logs: Vec::new() }
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The code threw.
    Code,
    /// The code returned what it must not, or asks for what its mode does not have.
    Refused,
    /// It took too long.
    Timeout,
    /// It used too much memory.
    Memory,
    /// It returned too much.
    Output,
    /// The child died or could not be started.
    Crashed,
}

/// One line written to `console`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How serious.
    pub level: Level,
    /// The text.
    pub text: String,
}

/// How serious a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log`, `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

/// Whose static data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaticData {
    /// The workflow's.
    Global,
    /// This node's.
    Node,
}

/// What running code may ask for. Never credentials.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Something about another node.
    Node {
        /// Its name.
        name: Text,
        /// What about it.
        query: NodeQuery,
    },
    /// The static data as it is stored.
    StaticData(StaticData),
    /// An HTTP request with the options of n8n's `httpRequest`; the answer is a [`Answer::Value`]. With `encoding:
    /// "arraybuffer"` the body is base64 text.
    HttpRequest(Value),
    /// The content of a file that this step was given.
    ReadBinary(Blob),
}

/// What code may want to know about another node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeQuery {
    /// The items of an output, of the latest run unless one is given.
    Items {
        /// Index of the output.
        #[serde(default)]
        output: Option<usize>,
        /// Index of the run; negative counts as the latest.
        #[serde(default)]
        run: Option<i64>,
    },
    /// The item that item `index` of this step's input stems from.
    PairedItem {
        /// Index of the item of this step's input.
        index: usize,
    },
    /// Its resolved parameters, for item `index`.
    Parameters {
        /// Index of the item of this step's input.
        index: usize,
    },
    /// Its context, such as the state of a loop.
    Context,
    /// Whether it has run, as a boolean.
    IsExecuted,
    /// The index of its latest run, as a number.
    RunIndex,
}

/// What the host answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Any data.
    Value(Value),
    /// Items.
    Items(Items),
    /// One item.
    Item(Item),
    /// Content of a file.
    Bytes(Vec<u8>),
}

/// Why the host does not answer; the code sees it as an `Error`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    /// The message.
    pub message: String,
    /// Further properties of the `Error`, such as `httpCode` or `response`.
    pub details: Object,
}

impl HostError {
    /// An error with just a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), details: Object::new() }
    }
}

/// Answers what running code asks.
pub trait CodeHost: Send + Sync {
    /// Answers one question. Several may be under way when the code does not wait for each.
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Answer, HostError>>;
}
