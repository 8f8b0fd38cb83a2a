//! Processes that run executions, for people to see. What they own is in the leases of executions.

use jiff::Timestamp;
use model::ids::WorkerId;

use crate::db::{Row, Scope, Statement, params};
use crate::error::{Error, Result};
use crate::store::Store;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its id.
    pub id: WorkerId,
    /// Its machine.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// When it said last that it lives.
    pub heartbeat_at: Timestamp,
    /// What it does.
    pub state: WorkerState,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerState {
    /// Takes work.
    Active,
    /// Finishes what it has.
    Draining,
    /// Nothing any more.
    Dead,
}

impl WorkerState {
    /// Every state.
    pub const ALL: [WorkerState; 3] = [Self::Active, Self::Draining, Self::Dead];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Dead => "dead",
        }
    }

    /// The state with this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl Worker {
    fn read(row: &Row) -> Result<Self> {
        let state: String = row.get(5)?;
        let state = WorkerState::find(&state)
            .ok_or_else(|| Error::Damaged(format!("a worker is in the state {state}")))?;
        Ok(Self {
            id: row.get(0)?,
            host: row.get(1)?,
            version: row.get(2)?,
            started_at: row.get(3)?,
            heartbeat_at: row.get(4)?,
            state,
        })
    }
}

impl Store {
    /// Says that a process lives and what it does; the first time, that there is one.
    pub async fn note_worker(
        &self,
        id: WorkerId,
        host: &str,
        version: &str,
        state: WorkerState,
    ) -> Result<()> {
        let now = Timestamp::now();
        let note = Statement::new(
            "INSERT INTO workers (id, host, version, started_at, heartbeat_at, state)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, state = excluded.state",
            params![id, host, version, now, now, state.as_str()],
        );
        self.db.transaction(Scope::Engine, vec![note]).await.map(drop)
    }

    /// The processes, those that started last first.
    pub async fn workers(&self) -> Result<Vec<Worker>> {
        let rows = self.db.rows(
            Scope::Engine,
            "SELECT id, host, version, started_at, heartbeat_at, state FROM workers ORDER BY id DESC LIMIT 1000",
            params![],
        );
        rows.await?.iter().map(Worker::read).collect()
    }

    /// Forgets processes that have not said since then that they live.
    pub async fn forget_workers(&self, before: Timestamp) -> Result<()> {
        let forget = Statement::new("DELETE FROM workers WHERE heartbeat_at < $1", params![before]);
        self.db.transaction(Scope::Engine, vec![forget]).await.map(drop)
    }
}
