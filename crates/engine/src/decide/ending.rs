//! Stopping, pausing and finishing.

use model::ExecutionStatus;
use sdk::NodeError;

use super::{Ending, Execution, Phase};
use crate::event::{Command, Failure};

impl Execution {
    pub(super) fn cancel(&mut self, commands: &mut Vec<Command>) -> bool {
        self.end(ExecutionStatus::Cancelled, None, commands)
    }

    pub(super) fn time_out(&mut self, commands: &mut Vec<Command>) -> bool {
        let limit = self.plan.timeout_ms.unwrap_or_default();
        let error = NodeError {
            message: format!("the execution ran longer than {limit} ms"),
            ..NodeError::timed_out(limit)
        };
        self.end(ExecutionStatus::TimedOut, Some(Failure { node: None, error }), commands)
    }

    pub(super) fn pause(&mut self) -> bool {
        self.ending.is_none() && !std::mem::replace(&mut self.paused, true)
    }

    pub(super) fn resume(&mut self) -> bool {
        std::mem::replace(&mut self.paused, false)
    }

    /// Begins nothing more and asks what runs to stop; the execution ends once that has reported. Gives whether it was
    /// not ending already.
    pub(super) fn end(
        &mut self,
        status: ExecutionStatus,
        failure: Option<Failure>,
        commands: &mut Vec<Command>,
    ) -> bool {
        if self.ending.is_some() {
            return false;
        }
        self.ending = Some(Ending { status, failure });
        self.ready.clear();
        self.joins.clear();
        self.early.clear();
        self.open.retain(|open| {
            match &open.phase {
                Phase::Running { .. } => commands.push(Command::StopStep(open.step)),
                Phase::Calling { results, .. } => {
                    commands.push(Command::StopChild(open.attempt(), results.len() as u32));
                }
                Phase::Pausing { .. } | Phase::Due | Phase::Waiting(_) | Phase::Lost => {}
            }
            matches!(open.phase, Phase::Running { .. })
        });
        true
    }

    pub(super) fn finish_if_done(&mut self, commands: &mut Vec<Command>) {
        if !self.open.is_empty() {
            return;
        }
        if self.ending.is_none() {
            if self.paused || !self.ready.is_empty() {
                return;
            }
            // In n8n an execution whose last step failed has failed, also when that step may fail.
            let failure = self.last_failure.take().filter(|_| self.is_sequential());
            let status = if failure.is_some() { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            self.ending = Some(Ending { status, failure });
        }
        let Some(Ending { status, failure }) = self.ending.clone() else { return };
        self.status = Some(status);
        commands.push(Command::Finish(status, failure));
    }

    /// Whether it begins nothing because somebody paused it.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether it only waits for running steps to report before it ends.
    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Why it ended without completing.
    pub fn failure(&self) -> Option<&Failure> {
        self.ending.as_ref()?.failure.as_ref()
    }
}
