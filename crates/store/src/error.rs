//! What can go wrong with storage, by what a caller would do about it.

use model::ids::ExecutionId;

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing in this workspace.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Something else has the name, the key or the place; says what and how to go on.
    #[error("{0}")]
    Conflict(String),
    /// The caller is no longer the owner of what it wanted to change: nothing was changed.
    #[error("somebody else owns the execution now")]
    Stale,
    /// A start with this key was accepted before.
    #[error("the execution was started before, as {0}")]
    Duplicate(ExecutionId),
    /// The disk is full: nothing was changed, and it is worth trying again.
    #[error("the disk is full")]
    Full,
    /// The database or a disk cannot be reached or does not answer: nothing is known to have changed.
    #[error("the storage is unavailable")]
    Unavailable(#[source] Cause),
    /// What is stored does not fit what this program expects.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The database does not fit this program; says what to do.
    #[error("{0}")]
    Refused(String),
}

/// What a driver said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// The same for somebody else.
    pub(crate) fn again(&self) -> Self {
        match self {
            Error::NotFound(what) => Error::NotFound(what),
            Error::Conflict(text) => Error::Conflict(text.clone()),
            Error::Stale => Error::Stale,
            Error::Duplicate(execution) => Error::Duplicate(*execution),
            Error::Full => Error::Full,
            Error::Unavailable(cause) => Error::Unavailable(cause.to_string().into()),
            Error::Damaged(text) => Error::Damaged(text.clone()),
            Error::Refused(text) => Error::Refused(text.clone()),
        }
    }
}
