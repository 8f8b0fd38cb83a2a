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
    /// Every status.
    pub const ALL: [ExecutionStatus; 8] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
    ];

    /// The word that a storage keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }

    /// The status with this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_word_everywhere() {
        for status in ExecutionStatus::ALL {
            assert_eq!(ExecutionStatus::find(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).expect("a status is text"), status.as_str());
        }
        assert_eq!(ExecutionStatus::find("succeeded"), None);
    }
}
