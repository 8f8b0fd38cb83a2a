//! The status machines of executions and steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// Accepted, not begun.
    Queued,
    /// Steps run.
    Running,
    /// Nothing runs until a timer, a call or a person answers.
    Waiting,
    /// Somebody paused it.
    Paused,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// Ran longer than allowed.
    TimedOut,
}

impl ExecutionStatus {
    /// Whether it never changes again.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }

    /// Whether `next` may follow.
    pub fn allows(self, next: Self) -> bool {
        use ExecutionStatus::*;
        match self {
            Queued => matches!(next, Running | Paused | Cancelled | Failed | TimedOut),
            Running => !matches!(next, Queued | Running),
            Waiting => matches!(next, Running | Paused | Cancelled | Failed | TimedOut),
            Paused => matches!(next, Queued | Running | Waiting | Cancelled | Failed | TimedOut),
            Completed | Failed | Cancelled | TimedOut => false,
        }
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its turn has not come.
    Pending,
    /// An attempt runs.
    Running,
    /// Waits for a timer, a call or a person.
    Waiting,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Never ran and never will.
    Skipped,
    /// Stopped with its execution.
    Cancelled,
    /// An effect was begun and nobody knows whether it happened.
    Unknown,
}

impl StepStatus {
    /// Whether it never changes again.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// Whether `next` may follow.
    pub fn allows(self, next: Self) -> bool {
        use StepStatus::*;
        match self {
            Pending => matches!(next, Running | Skipped | Cancelled),
            Running => matches!(next, Running | Waiting | Completed | Failed | Cancelled | Unknown),
            Waiting => matches!(next, Running | Completed | Failed | Cancelled),
            Unknown => matches!(next, Running | Completed | Failed | Cancelled),
            Completed | Failed | Skipped | Cancelled => false,
        }
    }
}
