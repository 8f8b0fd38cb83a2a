//! The only writer: whatever is asked while one transaction is being made durable shares the next.
//!
//! Nothing waits for company: a transaction takes what is there, so a single request is as fast as the disk. A request
//! that fails undoes only itself. First all run without savepoints, because hardly any fails after it has changed
//! something; when one does, everything is undone and runs again, each behind a savepoint of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{broadcast, oneshot};

use crate::db::sqlite::checkpoint::Checkpoints;
use crate::db::sqlite::clock::Clock;
use crate::db::sqlite::error::is_fatal;
use crate::db::sqlite::tx::Tx;
use crate::error::{Error, Result};
use crate::store::Wakeup;
use crate::testing::{Faults, crash};

/// Requests in one transaction at most: more would not raise the throughput, only make the first wait.
const GROUP: usize = 256;

/// Something to do in a transaction. It may run several times before it counts.
pub(super) trait Request: Send {
    /// Does it and keeps the result.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;

    /// Hands over the result that was kept, or the error.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// A request by somebody who waits for the result.
pub(super) struct Asked<T, F> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F: FnMut(&mut Tx<'_>) -> Result<T>> Asked<T, F> {
    pub(super) fn new(work: F) -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { work, result: None, reply }, receiver)
    }
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T> + Send> Request for Asked<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.result = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self { result, reply, .. } = *self;
        // Whoever asked may have gone; the work is done all the same.
        let _ = reply.send(outcome.and_then(|()| result.ok_or_else(crash)));
    }
}

/// Where requests wait for the writer's thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Box<dyn Request>>,
    closed: bool,
}

impl Queue {
    /// Asks the writer.
    pub(super) fn push(&self, request: Box<dyn Request>) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            request.answer(Err(crash()));
            return;
        }
        state.requests.push_back(request);
        let was_empty = state.requests.len() == 1;
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
    }

    /// Lets the writer end after what was asked so far.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// Waits for requests and takes as many as share a transaction; none when closed.
    fn take(&self, group: &mut Vec<Box<dyn Request>>) {
        let mut state = self.state();
        while state.requests.is_empty() && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.requests.len().min(GROUP);
        group.extend(state.requests.drain(..count));
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that writes.
pub(super) struct Writer {
    connection: Connection,
    clock: Arc<Clock>,
    faults: Faults,
    wakeups: broadcast::Sender<Wakeup>,
    checkpoints: Checkpoints,
}

/// How far a transaction came.
enum Attempt {
    /// It is durable; what became of each request.
    Committed { outcomes: Vec<Result<()>>, hints: Vec<Wakeup> },
    /// A request failed half-way and took the others with it.
    Spoilt,
    /// Nothing was changed, for a reason that has nothing to do with a single request.
    Failed(Error),
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        clock: Arc<Clock>,
        faults: Faults,
        wakeups: broadcast::Sender<Wakeup>,
        checkpoints: Checkpoints,
    ) -> Self {
        Self { connection, clock, faults, wakeups, checkpoints }
    }

    /// Serves a queue until it is closed or the writer has crashed.
    pub(super) fn serve(mut self, queue: &Queue) {
        // Also when this thread ends by a panic nobody may wait for ever.
        let _closing = Closing(queue);
        let mut group = Vec::with_capacity(GROUP);
        loop {
            queue.take(&mut group);
            if group.is_empty() {
                return;
            }
            self.run(&mut group);
            if self.faults.has_crashed() {
                return;
            }
        }
    }

    /// Runs requests in one transaction and answers them once it is durable.
    pub(super) fn run(&mut self, group: &mut Vec<Box<dyn Request>>) {
        let mut attempt = self.attempt(group, false);
        if matches!(attempt, Attempt::Spoilt) {
            attempt = self.attempt(group, true);
        }
        match attempt {
            Attempt::Committed { outcomes, hints } => {
                for (request, outcome) in group.drain(..).zip(outcomes) {
                    request.answer(outcome);
                }
                for hint in hints {
                    // Nobody may be listening.
                    let _ = self.wakeups.send(hint);
                }
            }
            Attempt::Spoilt => {
                // A savepoint could not be undone.
                self.fail(group, crash());
            }
            Attempt::Failed(cause) => self.fail(group, cause),
        }
        self.checkpoints.after_commit(&self.connection);
    }

    fn fail(&mut self, group: &mut Vec<Box<dyn Request>>, cause: Error) {
        tracing::warn!(error = %cause, requests = group.len(), "nothing could be stored");
        for request in group.drain(..) {
            request.answer(Err(cause.again()));
        }
    }

    fn attempt(&self, group: &mut [Box<dyn Request>], guarded: bool) -> Attempt {
        match self.try_attempt(group, guarded) {
            Ok(attempt @ Attempt::Committed { .. }) => attempt,
            other => {
                if !self.connection.is_autocommit()
                    && !self.faults.has_crashed()
                    && let Err(cause) = self.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(error = %cause, "a transaction could not be undone");
                }
                other.unwrap_or_else(Attempt::Failed)
            }
        }
    }

    fn try_attempt(&self, group: &mut [Box<dyn Request>], guarded: bool) -> Result<Attempt> {
        let mut tx = Tx {
            connection: &self.connection,
            faults: &self.faults,
            clock: &self.clock,
            now: self.clock.now(),
            hints: Vec::new(),
        };
        let mut outcomes = Vec::with_capacity(group.len());
        tx.execute("BEGIN IMMEDIATE", [])?;
        for request in group {
            let (changes, hints) = (self.connection.total_changes(), tx.hints.len());
            if guarded {
                tx.execute("SAVEPOINT request", [])?;
            }
            let outcome = request.run(&mut tx);
            match &outcome {
                Ok(()) if guarded => drop(tx.execute("RELEASE request", [])?),
                Ok(()) => {}
                Err(cause) if is_fatal(cause) || self.connection.is_autocommit() => {
                    return Ok(Attempt::Failed(cause.again()));
                }
                Err(_) if guarded => {
                    tx.hints.truncate(hints);
                    tx.execute("ROLLBACK TO request", [])?;
                    tx.execute("RELEASE request", [])?;
                }
                Err(_) if self.connection.total_changes() != changes => return Ok(Attempt::Spoilt),
                Err(_) => tx.hints.truncate(hints),
            }
            outcomes.push(outcome);
        }
        tx.execute("COMMIT", [])?;
        Ok(Attempt::Committed { outcomes, hints: tx.hints })
    }

    /// The connection, for those who share the writer's thread.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Refuses what is asked from now on, and what was not served.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let rest = {
            let mut state = self.0.state();
            state.closed = true;
            std::mem::take(&mut state.requests)
        };
        for request in rest {
            request.answer(Err(crash()));
        }
    }
}
