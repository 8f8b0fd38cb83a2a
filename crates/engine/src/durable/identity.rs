//! What an execution is, from its first moment to its last.

use model::ids::{ExecutionId, VersionId, WorkflowId, WorkspaceId};
use sdk::Mode;
use serde::{Deserialize, Serialize};
use store::commit::Parent;

use crate::event::Attempt;
use crate::start::TriggerKind;

/// What an execution is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) workspace: WorkspaceId,
    pub(crate) execution: ExecutionId,
    pub(crate) workflow: WorkflowId,
    pub(crate) version: VersionId,
    pub(crate) mode: Mode,
    pub(crate) parent: Option<Parent>,
    pub(crate) depth: u32,
    pub(crate) priority: i32,
    /// How many items its trigger was given.
    pub(crate) called_with: usize,
    pub(crate) options: Options,
}

/// What an owner needs to know of the start besides, after a restart too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// Whether pins stand in for their nodes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) use_pins: bool,
    /// How many records of its journal were taken over from the execution that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) taken_over: Option<u64>,
}

impl Options {
    pub(crate) fn to_json(self) -> String {
        if self == Self::default() {
            return "{}".to_owned();
        }
        serde_json::to_string(&self).expect("options have text keys only")
    }
}

/// The word of a mode.
pub(crate) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Production => "production",
        Mode::Manual => "manual",
        Mode::Test => "test",
        Mode::Integrated => "integrated",
        Mode::Error => "error",
        Mode::Webhook => "webhook",
    }
}

/// The mode of a word; what is not known ran for a reason that no longer exists.
pub(crate) fn mode_of(word: &str) -> Mode {
    let modes = [Mode::Manual, Mode::Test, Mode::Integrated, Mode::Error, Mode::Webhook];
    modes.into_iter().find(|mode| mode_word(*mode) == word).unwrap_or(Mode::Production)
}

/// What started an execution, by the word that is stored.
pub(crate) fn trigger_kind_of(word: &str) -> TriggerKind {
    use TriggerKind::*;
    let kinds = [Manual, Webhook, Schedule, Poll, Subworkflow, Error, Form, Event];
    kinds.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Api)
}

/// The source of chance of an execution: its id.
pub(crate) fn seed(execution: ExecutionId) -> u64 {
    let bytes = execution.as_bytes();
    let (high, low) = bytes.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    mix(word(high)) ^ word(low)
}

/// The child of a call has an id that follows from the call, so that it can be found again without looking.
pub(crate) fn child_id(parent: ExecutionId, attempt: Attempt, call: u32) -> ExecutionId {
    let bytes = parent.as_bytes();
    let unix_ms = bytes[..6].iter().fold(0u64, |ms, byte| ms << 8 | u64::from(*byte));
    let step = u64::from(attempt.step.number) << 32 | u64::from(attempt.number);
    let first = mix(seed(parent) ^ mix(step) ^ u64::from(call));
    let second = mix(first ^ step.rotate_left(17) ^ u64::from(call).rotate_left(40));
    let mut random = [0; 10];
    random[..8].copy_from_slice(&first.to_be_bytes());
    random[8..].copy_from_slice(&second.to_be_bytes()[..2]);
    ExecutionId::new(unix_ms, random)
}

/// splitmix64: https://prng.di.unimi.it/splitmix64.c
pub(crate) fn mix(seed: u64) -> u64 {
    let mut hash = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepId;

    #[test]
    fn every_call_of_every_attempt_has_a_child_of_its_own() {
        let parent = ExecutionId::new(1_700_000_000_000, [7; 10]);
        let mut ids = std::collections::HashSet::new();
        for step in 0..50 {
            for number in 1..5 {
                for call in 0..50 {
                    let attempt = Attempt { step: StepId { number: step, node: 0, run: 0 }, number };
                    assert!(ids.insert(child_id(parent, attempt, call)));
                }
            }
        }
    }

    #[test]
    fn modes_and_trigger_kinds_have_one_word() {
        for mode in [Mode::Production, Mode::Manual, Mode::Test, Mode::Integrated, Mode::Error, Mode::Webhook]
        {
            assert_eq!(mode_of(mode_word(mode)), mode);
        }
        assert_eq!(trigger_kind_of("schedule"), TriggerKind::Schedule);
    }
}
