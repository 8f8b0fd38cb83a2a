//! Why the product refuses something, by what the caller would do about it.

use std::time::Duration;

use model::Problem;

use crate::access::Permission;

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing in this workspace.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Nobody knows who asks.
    #[error("the API key is missing, unknown or expired; send \"Authorization: Bearer rnl_...\"")]
    Unauthenticated,
    /// Whoever asks may not do this.
    #[error("this needs the permission {}; use a key that has it", .0.as_str())]
    Forbidden(Permission),
    /// What was sent cannot be used, and every reason.
    #[error("{message}")]
    Invalid {
        /// All of it in a sentence.
        message: String,
        /// Where and why.
        problems: Vec<Problem>,
    },
    /// Something else is in the way; says what to do.
    #[error("{0}")]
    Conflict(String),
    /// It was changed after the caller had read it.
    #[error(
        "the {what} was changed meanwhile: its revision is {current}; read it again and repeat the change"
    )]
    Changed {
        /// What.
        what: &'static str,
        /// The revision it has now.
        current: u64,
    },
    /// Nothing can be done before somebody set the instance up.
    #[error(
        "this instance has no owner yet; run \"runnel setup\" or POST /api/v1/setup with the token from the console"
    )]
    NotSetUp,
    /// The caller asks too often.
    #[error("too many requests; try again in {} s", .0.as_secs().max(1))]
    TooMany(Duration),
    /// The disk is full.
    #[error("the disk is full; free some space and try again")]
    Full,
    /// The database does not answer, or this process is about to end.
    #[error("{0}; try again soon")]
    Unavailable(&'static str),
    /// A mistake of ours. What it was goes into the log, not to the caller.
    #[error("something went wrong here")]
    Internal(#[source] Cause),
}

/// What was behind an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Something that cannot be used, for one reason.
    pub fn invalid(problem: Problem) -> Self {
        Error::Invalid { message: problem.to_string(), problems: vec![problem] }
    }

    /// A mistake of ours.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Error::Internal(cause.into())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(what) => Error::NotFound(what),
            store::Error::Conflict(message) => Error::Conflict(message),
            store::Error::Full => Error::Full,
            store::Error::Unavailable(_) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database is unavailable");
                Error::Unavailable("the database does not answer")
            }
            store::Error::Stale => Error::Conflict("somebody else changed the execution; try again".into()),
            store::Error::Duplicate(id) => {
                Error::Conflict(format!("the execution was started before, as {id}"))
            }
            error @ (store::Error::Damaged(_) | store::Error::Refused(_)) => Error::internal(error),
        }
    }
}
