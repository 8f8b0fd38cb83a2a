//! People's own code, run outside the host.

use model::{Items, Text, Value};

use crate::context::Context;
use crate::error::NodeError;
use crate::node::{BoxFuture, Inputs};

/// A piece of code to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The body.
    pub source: Text,
    /// What it sees and must return.
    pub contract: Contract,
}

/// What code sees and must return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// Runs once, sees all items, returns items.
    AllItems,
    /// Runs per item, returns one item or nothing.
    EachItem,
    /// The old form: runs once, sees `items`, returns them.
    Function,
    /// The old form: runs per item, sees `item` (its data), returns data.
    FunctionItem,
}

/// What code gave.
#[derive(Clone, Debug, Default)]
pub struct CodeResult {
    /// The items it returned, normalised.
    pub items: Items,
    /// What it printed: level and text.
    pub logs: Vec<(Text, String)>,
    /// What it left in the workflow's static data, when it changed that.
    pub static_data: Option<Value>,
}

/// Runs code. The context answers what the code asks for.
pub trait CodeRunner: Send + Sync {
    /// Runs `code` on the items of `inputs`.
    fn run<'a>(
        &'a self,
        code: &'a Code,
        ctx: &'a Context,
        inputs: &'a Inputs,
    ) -> BoxFuture<'a, Result<CodeResult, NodeError>>;
}

/// Refuses to run code: the instance has no sandbox.
pub struct NoCode;

impl CodeRunner for NoCode {
    fn run<'a>(
        &'a self,
        _: &'a Code,
        _: &'a Context,
        _: &'a Inputs,
    ) -> BoxFuture<'a, Result<CodeResult, NodeError>> {
        Box::pin(async {
            Err(NodeError::permanent("code nodes need a sandbox; this instance runs without one"))
        })
    }
}
