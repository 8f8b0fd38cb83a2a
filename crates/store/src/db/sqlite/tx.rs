//! What work on the writer can do: run statements, tell the time, give hints.

use jiff::Timestamp;
use model::ids::SignalId;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Params, Row as Fields, ToSql, params_from_iter};

use crate::db::sqlite::clock::Clock;
use crate::db::sqlite::error::error;
use crate::db::{Expects, Param, Row, Statement};
use crate::error::{Error, Result};
use crate::store::Wakeup;
use crate::testing::Faults;

/// The transaction that several requests share; each sees it as its own.
pub(crate) struct Tx<'a> {
    pub(super) connection: &'a Connection,
    pub(super) faults: &'a Faults,
    pub(super) clock: &'a Clock,
    pub(super) now: Timestamp,
    pub(super) hints: Vec<Wakeup>,
}

impl Tx<'_> {
    /// When the transaction began.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// A signal id greater than all before.
    pub(crate) fn signal_id(&self) -> SignalId {
        SignalId::from_bytes(self.clock.ordered_id())
    }

    /// A hint to give once the transaction is durable.
    pub(crate) fn hint(&mut self, wakeup: Wakeup) {
        // Equal hints in one transaction say nothing new.
        if self.hints.last() != Some(&wakeup) {
            self.hints.push(wakeup);
        }
    }

    /// Runs a statement that returns nothing. Gives how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.faults.around(|| {
            let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
            statement.execute(params).map_err(error)
        })
    }

    /// Runs a statement and reads what it returns.
    pub(crate) fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Fields<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.faults.around(|| query(self.connection, sql, params, read))
    }

    /// Runs a statement and reads its first row.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Fields<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.query(sql, params, read)?.into_iter().next())
    }

    /// Runs a statement and reads rows while they are wanted.
    pub(crate) fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Fields<'_>) -> rusqlite::Result<bool>,
    ) -> Result<()> {
        self.faults.around(|| {
            let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
            let mut rows = statement.query(params).map_err(error)?;
            while let Some(row) = rows.next().map_err(error)? {
                if !read(row).map_err(error)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Runs a statement written for both databases.
    pub(crate) fn run(&self, statement: &Statement) -> Result<Vec<Row>> {
        let mut changed = 0;
        let rows = self.faults.around(|| {
            let before = self.connection.total_changes();
            let rows = rows(self.connection, statement)?;
            changed = self.connection.total_changes() - before;
            Ok(rows)
        })?;
        if !rows.is_empty() || changed > 0 {
            return Ok(rows);
        }
        match statement.expects {
            Expects::Anything => Ok(rows),
            Expects::Found(what) => Err(Error::NotFound(what)),
            Expects::NoConflict(text) => Err(Error::Conflict(text.into())),
        }
    }
}

/// Runs a statement on a connection and reads what it returns.
pub(super) fn query<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Fields<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    let rows = statement.query_map(params, read).map_err(error)?;
    rows.collect::<rusqlite::Result<_>>().map_err(error)
}

/// The same for a statement written for both databases.
pub(super) fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>> {
    query(connection, statement.sql, params_from_iter(&statement.params), |fields| {
        let count = fields.as_ref().column_count();
        (0..count).map(|index| fields.get_ref(index).map(field)).collect::<rusqlite::Result<_>>().map(Row)
    })
}

fn field(value: rusqlite::types::ValueRef<'_>) -> Param {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => Param::Null,
        ValueRef::Integer(value) => Param::Int(value),
        ValueRef::Real(value) => Param::Real(value),
        ValueRef::Text(value) => Param::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Param::Bytes(value.to_vec()),
    }
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Param::Null => ToSqlOutput::from(rusqlite::types::Null),
            Param::Bool(value) => ToSqlOutput::from(*value),
            Param::Int(value) => ToSqlOutput::from(*value),
            Param::Real(value) => ToSqlOutput::from(*value),
            Param::Text(value) => ToSqlOutput::from(value.as_str()),
            Param::Bytes(value) => ToSqlOutput::from(value.as_slice()),
            Param::Id(value) => ToSqlOutput::from(value.as_slice()),
            Param::Time(value) => ToSqlOutput::from(value.as_microsecond()),
        })
    }
}
