//! Faults on demand, virtual time, and a writer without a thread.

#[cfg(feature = "testing")]
pub mod postgres;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
#[cfg(feature = "testing")]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use crate::error::{Error, Result};

/// How a store is opened for a test.
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature only"))]
#[derive(Clone, Default)]
pub struct Testing {
    /// Whether requests run in the caller's task, one by one: nothing happens that the test did not ask for.
    pub inline: bool,
    /// Microseconds since 1970, instead of the system's clock.
    pub clock: Option<Arc<AtomicI64>>,
    /// Makes statements fail.
    pub faults: Faults,
}

/// Makes the writer fail at chosen statements. Cloned handles share it.
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature only"))]
#[derive(Clone, Default)]
pub struct Faults {
    #[cfg(feature = "testing")]
    plan: Arc<Plan>,
}

/// Which side of a statement.
#[cfg(feature = "testing")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The statement has not run.
    Before,
    /// The statement has run; nobody was told.
    After,
}

#[cfg(feature = "testing")]
#[derive(Default)]
struct Plan {
    statements: AtomicU64,
    /// The statement of the crash; 0 when none is planned.
    crash: AtomicU64,
    after: AtomicBool,
    crashed: AtomicBool,
    full: AtomicBool,
}

#[cfg(feature = "testing")]
impl Faults {
    /// Ends the writer at the n-th statement from now, from 1: its connection is dropped without a commit, and
    /// everything that was asked gets [`Error::Unavailable`] until the store is opened again. The beginning and the
    /// commit of a transaction are statements too.
    pub fn crash(&self, statement: u64, side: Side) {
        self.plan.after.store(side == Side::After, SeqCst);
        self.plan.crash.store(self.statements() + statement, SeqCst);
    }

    /// Whether it came to the crash.
    pub fn crashed(&self) -> bool {
        self.plan.crashed.load(SeqCst)
    }

    /// How many statements the writer has run.
    pub fn statements(&self) -> u64 {
        self.plan.statements.load(SeqCst)
    }

    /// Says whether the disk is full: nothing can be committed meanwhile.
    pub fn set_full(&self, full: bool) {
        self.plan.full.store(full, SeqCst);
    }

    pub(crate) fn around<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.crashed() {
            return Err(crash());
        }
        let number = self.plan.statements.fetch_add(1, SeqCst) + 1;
        let crashes = self.plan.crash.load(SeqCst) == number;
        let after = crashes && self.plan.after.load(SeqCst);
        if crashes && !after {
            self.plan.crashed.store(true, SeqCst);
            return Err(crash());
        }
        if self.plan.full.load(SeqCst) {
            return Err(Error::Full);
        }
        let outcome = run();
        if after {
            self.plan.crashed.store(true, SeqCst);
            return Err(crash());
        }
        outcome
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed()
    }
}

#[cfg(not(feature = "testing"))]
impl Faults {
    #[inline]
    pub(crate) fn around<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        run()
    }

    #[inline]
    pub(crate) fn has_crashed(&self) -> bool {
        false
    }
}

/// What those get who ask a database whose writer has ended.
pub(crate) fn crash() -> Error {
    Error::Unavailable("the writer of the database has ended; see its last error and start again".into())
}

/// A value that goes into a [probe](crate::Store::probe) or comes out of it.
#[cfg(feature = "testing")]
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Numbers, truth values, and times in microseconds since 1970.
    Int(i64),
    /// Numbers with a fraction.
    Real(f64),
    /// Text and JSON.
    Text(String),
    /// Bytes and ids.
    Bytes(Vec<u8>),
    /// An id; ids come out as bytes.
    Id([u8; 16]),
    /// A time; times come out as numbers.
    Time(jiff::Timestamp),
}

#[cfg(feature = "testing")]
impl crate::Store {
    /// Runs a statement that the product does not need, for what a test prepares or looks at.
    pub async fn probe(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Vec<Value>>> {
        use crate::db::{Param, Scope, Statement};
        let params = values.into_iter().map(|value| match value {
            Value::Null => Param::Null,
            Value::Int(value) => Param::Int(value),
            Value::Real(value) => Param::Real(value),
            Value::Text(value) => Param::Text(value),
            Value::Bytes(value) => Param::Bytes(value),
            Value::Id(value) => Param::Id(value),
            Value::Time(value) => Param::Time(value),
        });
        let statement = Statement::new(sql, params.collect::<Vec<_>>());
        let rows = self.db.transaction(Scope::Owner, vec![statement]).await?.into_iter().flatten();
        let read = |field| match field {
            Param::Null => Value::Null,
            Param::Bool(value) => Value::Int(value.into()),
            Param::Int(value) => Value::Int(value),
            Param::Real(value) => Value::Real(value),
            Param::Text(value) => Value::Text(value),
            Param::Bytes(value) => Value::Bytes(value),
            Param::Id(value) => Value::Bytes(value.to_vec()),
            Param::Time(value) => Value::Int(value.as_microsecond()),
        };
        Ok(rows.map(|row| row.0.into_iter().map(read).collect()).collect())
    }
}
