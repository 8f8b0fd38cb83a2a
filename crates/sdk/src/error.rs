//! Why a step failed.

use model::Value;
use serde::{Deserialize, Serialize};

/// Why a step failed: what happened, to which item, and whether another try may help.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct NodeError {
    /// What happened and what to do about it.
    pub message: String,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether another try may help.
    pub kind: ErrorKind,
    /// The input item it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// Facts for programs, such as an HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
}

/// Whether another try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The same again would fail again.
    Permanent,
    /// It may pass: time-outs, refused connections, status 429 and 5xx.
    Transient,
    /// The step ran longer than allowed.
    TimedOut,
    /// Somebody cancelled the execution.
    Cancelled,
}

impl NodeError {
    /// The same again would fail again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            description: None,
            kind: ErrorKind::Permanent,
            item: None,
            details: None,
        }
    }

    /// Another try may help.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Transient, ..Self::permanent(message) }
    }

    /// Somebody cancelled the execution.
    pub fn cancelled() -> Self {
        Self { kind: ErrorKind::Cancelled, ..Self::permanent("the execution was cancelled") }
    }

    /// The step ran longer than allowed.
    pub fn timed_out(limit_ms: u64) -> Self {
        Self {
            kind: ErrorKind::TimedOut,
            ..Self::permanent(format!("the step ran longer than {limit_ms} ms"))
        }
    }

    /// It happened to input item `index`.
    pub fn at_item(mut self, index: usize) -> Self {
        self.item.get_or_insert(index);
        self
    }

    /// More about it, for people.
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Facts for programs.
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }
}

impl From<expr::Error> for NodeError {
    fn from(error: expr::Error) -> Self {
        let description = error.description().map(str::to_owned);
        NodeError { description, ..NodeError::permanent(error.to_string()) }
    }
}
