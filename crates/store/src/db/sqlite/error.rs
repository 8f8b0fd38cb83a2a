//! What SQLite says, by what a caller would do about it.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::error::Error;

/// What an error of SQLite means.
pub(crate) fn error(cause: rusqlite::Error) -> Error {
    use rusqlite::Error as E;
    let (code, message) = match &cause {
        E::SqliteFailure(code, message) => (*code, message.clone()),
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => return Error::Damaged(cause.to_string()),
        _ => return Error::Refused(format!("the database refused a statement: {cause}")),
    };
    match (code.code, code.extended_code) {
        // The memory that connections share is a file too.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Error::Full,
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_TRIGGER) => {
            Error::Conflict(message.unwrap_or_default())
        }
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            Error::Conflict("what it refers to does not exist, or is still referred to".into())
        }
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ) => Error::Conflict("it exists already".into()),
        (ErrorCode::ConstraintViolation, _) => {
            Error::Conflict(message.unwrap_or_else(|| "a value is not allowed".into()))
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Error::Damaged(cause.to_string()),
        // A mistake in a statement hurts nobody but the one who made it.
        (ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::TooBig, _) => {
            Error::Refused(format!("the database refused a statement: {cause}"))
        }
        _ => Error::Unavailable(Box::new(cause)),
    }
}

/// Whether the whole transaction is lost, not only the statement.
pub(super) fn is_fatal(error: &Error) -> bool {
    matches!(error, Error::Full | Error::Unavailable(_))
}
