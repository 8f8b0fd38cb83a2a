//! What others want of an execution. Its owner turns each into a record of the journal and deletes it in the same
//! transaction, so that the journal has one writer.

mod postgres;
pub(crate) mod sqlite;

use model::ids::{ExecutionId, SignalId, WorkspaceId};

use crate::db::Db;
use crate::error::Result;
use crate::store::Store;

/// Something that somebody wants of an execution.
#[derive(Clone, Debug)]
pub struct NewSignal {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// What.
    pub kind: Kind,
    /// The rest, as JSON.
    pub payload: String,
}

/// A stored signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its identity; later signals have greater ones.
    pub id: SignalId,
    /// What is wanted.
    pub kind: Kind,
    /// The rest, as JSON.
    pub payload: String,
}

/// What can be wanted of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Stop for good.
    Cancel,
    /// Stop for now.
    Pause,
    /// Go on.
    Resume,
    /// A wait was answered, or somebody said what became of a lost step.
    Resolve,
    /// A timer came due; the payload is `{"key": ...}`.
    Timer,
    /// A child ended.
    Child,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] =
        [Kind::Cancel, Kind::Pause, Kind::Resume, Kind::Resolve, Kind::Timer, Kind::Child];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Cancel => "cancel",
            Kind::Pause => "pause",
            Kind::Resume => "resume",
            Kind::Resolve => "resolve",
            Kind::Timer => "timer",
            Kind::Child => "child",
        }
    }

    /// The kind with this word.
    pub fn find(word: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Store {
    /// Stores a signal and queues its execution unless it has an owner. [`Error::NotFound`] when the execution does not
    /// exist in this workspace or has ended.
    pub async fn signal(&self, signal: NewSignal) -> Result<SignalId> {
        match &self.db {
            Db::Sqlite(db) => sqlite::signal(db, signal).await,
            Db::Postgres(db) => postgres::signal(db, signal).await,
        }
    }

    /// The signals of an execution, oldest first.
    pub async fn signals(&self, workspace: WorkspaceId, execution: ExecutionId) -> Result<Vec<Signal>> {
        match &self.db {
            Db::Sqlite(db) => sqlite::signals(db, workspace, execution).await,
            Db::Postgres(db) => postgres::signals(db, workspace, execution).await,
        }
    }
}
