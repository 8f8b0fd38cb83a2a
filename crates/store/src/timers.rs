//! The only clock: rows that come due.

use jiff::Timestamp;
use model::ids::{ExecutionId, TriggerId, WorkspaceId};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::store::Store;

/// A trigger whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTrigger {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The trigger.
    pub trigger: TriggerId,
    /// For when it was set.
    pub due_at: Timestamp,
}

/// One occurrence of a trigger: what it starts, and when it is due next.
#[derive(Debug)]
pub struct Firing {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The trigger.
    pub trigger: TriggerId,
    /// The occurrence. It fires once, whoever tries.
    pub due_at: Timestamp,
    /// The occurrences that this stands for, each recorded with whether it started something.
    pub occurrences: Vec<(Timestamp, bool)>,
    /// The executions it starts.
    pub starts: Vec<Commit>,
    /// When it is due next.
    pub next_due_at: Option<Timestamp>,
    /// For triggers that look for news: how far they have looked, as JSON.
    pub cursor: Option<String>,
    /// What went wrong instead, for people to see.
    pub error: Option<String>,
}

impl Store {
    /// When the next timer is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        Err(Error::unfinished())
    }

    /// Turns the timers of executions that are due into signals and queues those without an owner, `limit` at most.
    /// Gives the executions.
    pub async fn fire_timers(&self, _limit: usize) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
        Err(Error::unfinished())
    }

    /// The triggers that are due, the longest first; each is due until it was [fired](Self::fire).
    pub async fn due_triggers(&self, _limit: usize) -> Result<Vec<DueTrigger>> {
        Err(Error::unfinished())
    }

    /// Fires a trigger: all in one transaction. [`Error::Stale`] when another process did so first.
    pub async fn fire(&self, _firing: Firing) -> Result<()> {
        Err(Error::unfinished())
    }

    /// Sets when a trigger is due, or that it is not.
    pub async fn schedule(
        &self,
        _workspace: WorkspaceId,
        _trigger: TriggerId,
        _due_at: Option<Timestamp>,
    ) -> Result<()> {
        Err(Error::unfinished())
    }
}
