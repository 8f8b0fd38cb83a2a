//! What goes into statements and comes out of rows, the same for both databases.

use jiff::Timestamp;
use model::ids::{
    ApiKeyId, CredentialId, ExecutionId, RouteId, SignalId, TriggerId, UserId, VersionId, WorkerId,
    WorkflowId, WorkspaceId,
};

use crate::error::{Error, Result};

/// A parameter of a statement, or a field of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    Null,
    /// `INTEGER` 0 or 1; `boolean`.
    Bool(bool),
    /// `INTEGER`; `bigint`.
    Int(i64),
    /// `REAL`; `double precision`.
    Real(f64),
    /// `TEXT`; `text`, `jsonb` for columns of JSON.
    Text(String),
    /// `BLOB`; `bytea`.
    Bytes(Vec<u8>),
    /// `BLOB` of 16 bytes; `uuid`.
    Id([u8; 16]),
    /// `INTEGER` of microseconds since 1970; `timestamptz`.
    Time(Timestamp),
}

/// A row of a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<Param>);

impl Row {
    /// The field with this index.
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T> {
        let field = self.0.get(index);
        let read = field.and_then(T::read);
        read.ok_or_else(|| Error::Damaged(format!("column {index} holds {field:?}")))
    }
}

/// A type that a field can have.
pub(crate) trait Column: Sized {
    /// The value, unless the field holds something else.
    fn read(field: &Param) -> Option<Self>;
}

impl<T: Column> Column for Option<T> {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Null => Some(None),
            field => T::read(field).map(Some),
        }
    }
}

impl<T: Into<Param>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Param::Null, Into::into)
    }
}

impl Column for bool {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Bool(value) => Some(*value),
            // SQLite has no truth values.
            Param::Int(value) => Some(*value != 0),
            _ => None,
        }
    }
}

impl Column for Timestamp {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Time(value) => Some(*value),
            // SQLite has no times.
            Param::Int(value) => Timestamp::from_microsecond(*value).ok(),
            _ => None,
        }
    }
}

impl Column for [u8; 16] {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Id(value) => Some(*value),
            // SQLite has no ids.
            Param::Bytes(value) => value.as_slice().try_into().ok(),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Bytes(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl Column for String {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl Column for f64 {
    fn read(field: &Param) -> Option<Self> {
        match field {
            Param::Real(value) => Some(*value),
            Param::Int(value) => Some(*value as f64),
            _ => None,
        }
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Column for $type {
            fn read(field: &Param) -> Option<Self> {
                match field {
                    Param::Int(value) => <$type>::try_from(*value).ok(),
                    _ => None,
                }
            }
        }

        impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Param::Int(i64::try_from(value).unwrap_or(i64::MAX))
            }
        }
    )*};
}

integers!(i32 i64 u32 u64 usize);

macro_rules! params {
    ($($type:ty => $variant:ident)*) => {$(
        impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Param::$variant(value.into())
            }
        }
    )*};
}

params! {
    bool => Bool
    f64 => Real
    String => Text
    &str => Text
    Vec<u8> => Bytes
    &[u8] => Bytes
    [u8; 16] => Id
    Timestamp => Time
}

macro_rules! ids {
    ($($type:ty)*) => {$(
        impl Column for $type {
            fn read(field: &Param) -> Option<Self> {
                <[u8; 16]>::read(field).map(Self::from_bytes)
            }
        }

        impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Param::Id(*value.as_bytes())
            }
        }
    )*};
}

ids! {
    ApiKeyId CredentialId ExecutionId RouteId SignalId TriggerId UserId VersionId WorkerId WorkflowId WorkspaceId
}

/// The parameters of a statement.
macro_rules! params_of {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Param::from($value)),*] };
}
pub(crate) use params_of as params;
