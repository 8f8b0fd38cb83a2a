//! What an error of PostgreSQL means for whoever asked.

use std::time::Duration;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::db::Expects;
use crate::error::Error;

/// Why a transaction did not get its answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether it may work a moment later.
    pub(crate) passing: bool,
    /// Whether the connection must not be used again.
    pub(crate) lost: bool,
    pub(crate) stage: Stage,
}

/// How far a transaction got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was not committed.
    Open,
    /// The commit was sent; nobody heard what became of it.
    Unknown,
}

impl Failure {
    /// An error that asking again does not change.
    pub(crate) fn lasting(error: Error) -> Self {
        Self { error, passing: false, lost: false, stage: Stage::Open }
    }

    /// The server did not answer for too long.
    pub(crate) fn silent(after: Duration) -> Self {
        let text = format!("the database did not answer for {} s", after.as_secs());
        Self { error: Error::Unavailable(text.into()), passing: false, lost: true, stage: Stage::Unknown }
    }

    /// The same, of a commit: unless the server says that it refused, nobody knows.
    pub(crate) fn of_commit(error: tokio_postgres::Error) -> Self {
        let mut failure = Self::from(error);
        if failure.lost {
            failure.stage = Stage::Unknown;
        }
        failure
    }

    /// An error of a statement that expected something.
    pub(crate) fn of(error: tokio_postgres::Error, expects: &Expects) -> Self {
        let is_conflict = error.code() == Some(&SqlState::UNIQUE_VIOLATION);
        match expects {
            Expects::NoConflict(text) if is_conflict => Self::lasting(Error::Conflict((*text).into())),
            _ => Self::from(error),
        }
    }

    /// Whether it is only that an earlier statement of the transaction failed.
    pub(crate) fn is_echo(error: &tokio_postgres::Error) -> bool {
        error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            // No answer at all: the connection is gone, or what came back made no sense.
            let passing = error.is_closed() || is_io(&error);
            let error = Error::Unavailable(Box::new(error));
            return Self { error, passing, lost: true, stage: Stage::Open };
        };
        let code = told.code();
        let is_plan = *code == SqlState::FEATURE_NOT_SUPPORTED && told.message().contains("cached plan");
        let lost = is_plan || is_goodbye(code);
        let passing =
            lost || [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code);
        let error = match code.code() {
            "53100" => Error::Full,
            "23505" => Error::Conflict("it exists already".into()),
            "23503" => Error::Conflict("what it refers to does not exist, or is still referred to".into()),
            class if class.starts_with("23") => Error::Conflict(told.message().into()),
            class if class.starts_with("22") => {
                Error::Refused(format!("the database does not accept a value: {}", told.message()))
            }
            class if class.starts_with("42") => {
                Error::Refused(format!("the database does not fit this program: {}", told.message()))
            }
            _ => Error::Unavailable(Box::new(error)),
        };
        Self { error, passing, lost, stage: Stage::Open }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::from(error),
            // All connections are busy or none can be made in time.
            error => Self {
                passing: matches!(error, PoolError::Timeout(_)),
                error: Error::Unavailable(Box::new(error)),
                lost: false,
                stage: Stage::Open,
            },
        }
    }
}

/// Whether the server ends the connection, or is not the one that may write.
fn is_goodbye(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}
