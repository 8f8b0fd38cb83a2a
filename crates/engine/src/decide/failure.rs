//! What happens when an attempt fails: another one, going on without it, or the end.

use model::policy::RetryWhen;
use model::{ExecutionStatus, OnError};
use sdk::error::ErrorKind;
use sdk::history::Run;
use sdk::{Emission, NodeError};

use super::steps::in_place;
use super::{Execution, Open, Phase};
use crate::event::{Attempt, Command, Failure, StepId, Timer};

impl Execution {
    pub(super) fn step_failed(
        &mut self,
        attempt: Attempt,
        error: &NodeError,
        now_ms: f64,
        commands: &mut Vec<Command>,
    ) -> bool {
        let Some(index) = self.reporting(attempt) else { return false };
        self.failed(index, error, now_ms, commands);
        true
    }

    /// The current attempt of an open step has failed.
    pub(super) fn failed(
        &mut self,
        index: usize,
        error: &NodeError,
        now_ms: f64,
        commands: &mut Vec<Command>,
    ) {
        let open = &mut self.open[index];
        let node = self.plan.node(open.entry.node);
        if let Some(pause) =
            pause_before_retry(&self.plan, self.seed, open, error).filter(|_| self.ending.is_none())
        {
            let until_ms = now_ms + pause as f64;
            commands.push(Command::StartTimer(Timer::Retry(open.attempt()), until_ms));
            open.phase = Phase::Pausing { until_ms };
            return;
        }
        let goes_on = node.info.on_error != OnError::Stop && error.kind != ErrorKind::Cancelled;
        let open = self.open.remove(index);
        if goes_on && self.ending.is_none() {
            // A step that failed as a whole passes its input on, also past an error port.
            let input = open.entry.inputs.ports().first().cloned().flatten();
            let ports = input.iter().map(|items| in_place(items, 0)).collect();
            let emission = Emission { ports, ..Emission::default() };
            return self.complete(open, emission, Some(error.clone()), commands);
        }
        let node = open.entry.node;
        self.record(node, Run { sources: open.entry.sources, error: Some(error.clone()), ..Run::default() });
        self.fail(Some(node), error.clone(), commands);
    }

    /// Ends the execution with an error, unless it is ending already.
    pub(super) fn fail(&mut self, node: Option<usize>, error: NodeError, commands: &mut Vec<Command>) {
        self.end(ExecutionStatus::Failed, Some(Failure { node, error }), commands);
    }
}

fn pause_before_retry(plan: &crate::Plan, seed: u64, open: &Open, error: &NodeError) -> Option<u64> {
    let retry = plan.node(open.entry.node).retry.as_ref()?;
    let worth = match error.kind {
        ErrorKind::Cancelled => false,
        ErrorKind::Transient | ErrorKind::TimedOut => true,
        ErrorKind::Permanent => retry.when == RetryWhen::Always,
    };
    retry.delay_after_ms(open.attempt, chance(seed, open.step, open.attempt)).filter(|_| worth)
}

/// A number in `[0, 1)` that is the same whenever this attempt is decided on.
fn chance(seed: u64, step: StepId, attempt: u32) -> f64 {
    let mut hash = seed ^ (u64::from(step.node) << 42) ^ (u64::from(step.run) << 10) ^ u64::from(attempt);
    // splitmix64: https://prng.di.unimi.it/splitmix64.c
    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
