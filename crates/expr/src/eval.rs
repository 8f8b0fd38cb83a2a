//! The interpreter.

use std::cell::Cell;

use jiff::tz::TimeZone;

use crate::error::Limit;
use crate::{Error, Limits, Scope};

/// One evaluation under way: what it can see and what it has used up.
pub struct Cx<'a> {
    scope: &'a dyn Scope,
    limits: &'a Limits,
    fuel: Cell<u64>,
    memory: Cell<usize>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(scope: &'a dyn Scope, limits: &'a Limits) -> Self {
        Self { scope, limits, fuel: Cell::new(limits.fuel), memory: Cell::new(limits.memory_bytes) }
    }

    /// Pays for this many steps of work, before they are done.
    pub fn charge(&self, steps: usize) -> Result<(), Error> {
        match self.fuel.get().checked_sub(steps as u64) {
            Some(rest) => {
                self.fuel.set(rest);
                Ok(())
            }
            None => Err(Error::limit(Limit::Fuel)),
        }
    }

    /// Pays for this many bytes of memory, before they are allocated.
    pub fn allocate(&self, bytes: usize) -> Result<(), Error> {
        match self.memory.get().checked_sub(bytes) {
            Some(rest) => {
                self.memory.set(rest);
                self.charge(bytes / 64)
            }
            None => Err(Error::limit(Limit::Memory)),
        }
    }

    /// What the expression can see.
    pub fn scope(&self) -> &'a dyn Scope {
        self.scope
    }

    /// Milliseconds since 1970, the same for the whole evaluation.
    pub fn now_ms(&self) -> f64 {
        self.scope.now_ms()
    }

    /// The workflow's time zone.
    pub fn zone(&self) -> &'a TimeZone {
        self.scope.zone()
    }

    /// The next random number in `[0, 1)`.
    pub fn random(&self) -> f64 {
        self.scope.random()
    }

    /// The limits of this evaluation.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }
}
