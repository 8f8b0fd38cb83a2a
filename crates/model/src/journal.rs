//! The journal: one record per thing that happened to an execution, in a form that every storage can keep.
//!
//! A journal is append-only and has one writer; its sequence numbers have no gaps. It is the only record of what
//! happened: the state of an execution is the fold of its journal.

use serde::{Deserialize, Serialize};

use crate::workflow::NodeKey;

/// The version of [`Record::payload`] that is written today.
pub const PAYLOAD_VERSION: u32 = 1;

/// One thing that happened to an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place, from 1.
    pub seq: u64,
    /// What kind of thing it was.
    pub kind: Kind,
    /// The node whose step it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeKey>,
    /// How often that node ran before.
    #[serde(default)]
    pub run_index: u32,
    /// Which try of the step, from 1; 0 where no single try is meant.
    #[serde(default)]
    pub attempt: u32,
    /// When it was decided on, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// How long the try took whose result it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// The rest of it, as versioned JSON.
    pub payload: String,
}

/// What can happen to an execution. The list is closed: a reader that meets another word must not guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It begins.
    Triggered,
    /// A try whose effect must not be repeated silently begins.
    StepStarted,
    /// A step gave items.
    StepSucceeded,
    /// A step gave nothing and leaves no run.
    StepSilent,
    /// A try failed.
    StepFailed,
    /// A step waits.
    StepWaiting,
    /// A step runs other workflows.
    StepCalling,
    /// A crash hid what became of a step's effect.
    StepLost,
    /// A timer came due.
    TimerFired,
    /// A wait was answered.
    WaitResolved,
    /// An answer came before the wait for it.
    ResumedEarly,
    /// Somebody wants a step that was lost to run again.
    RetryAsked,
    /// A child execution ended.
    ChildFinished,
    /// Somebody wants the execution to stop for good.
    CancelAsked,
    /// Somebody wants it to stop for now.
    PauseAsked,
    /// Somebody wants it to go on.
    ResumeAsked,
    /// It ran longer than allowed.
    TimedOut,
    /// It cannot go on.
    GivenUp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 18] = [
        Kind::Triggered,
        Kind::StepStarted,
        Kind::StepSucceeded,
        Kind::StepSilent,
        Kind::StepFailed,
        Kind::StepWaiting,
        Kind::StepCalling,
        Kind::StepLost,
        Kind::TimerFired,
        Kind::WaitResolved,
        Kind::ResumedEarly,
        Kind::RetryAsked,
        Kind::ChildFinished,
        Kind::CancelAsked,
        Kind::PauseAsked,
        Kind::ResumeAsked,
        Kind::TimedOut,
        Kind::GivenUp,
    ];

    /// The word that a storage keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Triggered => "triggered",
            Kind::StepStarted => "step_started",
            Kind::StepSucceeded => "step_succeeded",
            Kind::StepSilent => "step_silent",
            Kind::StepFailed => "step_failed",
            Kind::StepWaiting => "step_waiting",
            Kind::StepCalling => "step_calling",
            Kind::StepLost => "step_lost",
            Kind::TimerFired => "timer_fired",
            Kind::WaitResolved => "wait_resolved",
            Kind::ResumedEarly => "resumed_early",
            Kind::RetryAsked => "retry_asked",
            Kind::ChildFinished => "child_finished",
            Kind::CancelAsked => "cancel_asked",
            Kind::PauseAsked => "pause_asked",
            Kind::ResumeAsked => "resume_asked",
            Kind::TimedOut => "timed_out",
            Kind::GivenUp => "given_up",
        }
    }

    /// The kind with this word.
    pub fn find(word: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_word_everywhere() {
        for kind in Kind::ALL {
            assert_eq!(Kind::find(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("a kind is text"), kind.as_str());
        }
        assert_eq!(Kind::find("step_skipped"), None);
    }
}
