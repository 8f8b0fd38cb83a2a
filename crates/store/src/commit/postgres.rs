//! Commits on PostgreSQL: a few writers drain a queue in batches, each batch one transaction of multi-row statements.
//!
//! [`plan`] decides which commits of a batch count, from the locked heads of their executions; [`columns`] are the rows
//! they make; [`write`] sends them; [`settle`] finds out what became of a batch whose connection was lost while it was
//! committed, so that nothing is written twice and nothing that counts is called lost.
//!
//! Every transaction takes its locks in the same order: keys of starts, heads of executions by id, everything that
//! belongs to a locked execution, what workflows remember, blobs. So writers wait for each other but never in a circle.

mod columns;
mod occur;
mod plan;
mod settle;
mod write;

use std::collections::VecDeque;
use std::sync::Arc;

use deadpool_postgres::Pool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use crate::commit::postgres::plan::{Batch, Verdict};
use crate::commit::postgres::settle::Fate;
use crate::db::postgres::failure::{Failure, Stage};
use crate::db::postgres::hints::Hints;
use crate::db::postgres::{PATIENCE, Postgres};
use crate::error::{Error, Result};
use crate::payload::{Packed, Payload};
use crate::store::Wakeup;
use crate::timers::Firing;

/// Commits in one transaction at most.
const BATCH: usize = 64;

/// Bytes of payloads in one transaction, roughly: the commit that exceeds it is the last.
const BATCH_BYTES: usize = 4 << 20;

/// Commits that wait for a writer; whoever brings more waits too.
const BACKLOG: usize = 1024;

pub(super) async fn commit(db: &Postgres, commit: Packed) -> Result<()> {
    plan::check(&commit)?;
    db.committers().submit(Work::Commit(Box::new(commit))).await
}

/// What a writer is asked for.
pub(crate) enum Work {
    /// A commit, to be written with those of others.
    Commit(Box<Packed>),
    /// An occurrence of a trigger and what it starts, to be written alone.
    Firing(Box<Firing>, Vec<Packed>),
}

/// The writers of commits.
pub(crate) struct Committers {
    queue: mpsc::Sender<Unit>,
}

/// Work and who waits for it.
struct Unit {
    work: Work,
    answer: oneshot::Sender<Result<()>>,
}

/// What writers take from, one at a time.
struct Intake {
    queue: mpsc::Receiver<Unit>,
    /// Taken, but not together with what is being written.
    held: VecDeque<Unit>,
}

struct Writer {
    id: Uuid,
    /// The number of the last transaction that was tried.
    batch: i64,
    pool: Pool,
    intake: Arc<Mutex<Intake>>,
    hints: Hints,
}

impl Committers {
    /// Starts writers; they end when the last handle is gone.
    pub(crate) fn start(pool: Pool, writers: usize, hints: Hints) -> Self {
        let (queue, receiver) = mpsc::channel(BACKLOG);
        let intake = Arc::new(Mutex::new(Intake { queue: receiver, held: VecDeque::new() }));
        for _ in 0..writers {
            let writer = Writer {
                id: Uuid::from_bytes(random()),
                batch: 0,
                pool: pool.clone(),
                intake: intake.clone(),
                hints: hints.clone(),
            };
            tokio::spawn(writer.serve());
        }
        Self { queue }
    }

    /// Waits until the work is durable or known not to be.
    pub(crate) async fn submit(&self, work: Work) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::Unavailable("the writers of the database have ended".into());
        self.queue.send(Unit { work, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// What is written together.
enum Load {
    Commits(Vec<Packed>, Vec<oneshot::Sender<Result<()>>>),
    Firing(Box<Firing>, Vec<Packed>, oneshot::Sender<Result<()>>),
}

impl Intake {
    /// The next work, in its order. Two commits of the same execution never come together: the second may depend on what
    /// becomes of the first. Nothing means that there will be no more.
    async fn next(&mut self) -> Option<Load> {
        let (mut commits, mut answers) = (Vec::new(), Vec::new());
        let mut taken = plan::Executions::default();
        let mut bytes = 0;
        let mut later = VecDeque::new();
        while commits.len() < BATCH && bytes < BATCH_BYTES {
            let unit = match self.held.pop_front() {
                Some(unit) => unit,
                None if commits.is_empty() => self.queue.recv().await?,
                None => match self.queue.try_recv() {
                    Ok(unit) => unit,
                    Err(_) => break,
                },
            };
            match unit.work {
                Work::Commit(commit) if taken.add(&commit) => {
                    bytes += weight(&commit);
                    commits.push(*commit);
                    answers.push(unit.answer);
                }
                Work::Firing(firing, starts) if commits.is_empty() => {
                    self.held.append(&mut later);
                    return Some(Load::Firing(firing, starts, unit.answer));
                }
                _ => later.push_back(unit),
            }
        }
        later.append(&mut self.held);
        self.held = later;
        Some(Load::Commits(commits, answers))
    }
}

fn weight(commit: &Packed) -> usize {
    let payloads = commit.payloads.iter().map(|payload| match payload {
        Payload::Inline(bytes) => bytes.len(),
        Payload::Blob(_) => 32,
    });
    payloads.sum::<usize>() + commit.children.iter().map(weight).sum::<usize>()
}

impl Writer {
    async fn serve(mut self) {
        loop {
            let load = self.intake.lock().await.next().await;
            match load {
                None => return,
                Some(Load::Commits(commits, answers)) => {
                    let verdicts = self.write(&commits).await;
                    self.hints.tell(plan::wakeups(&commits, &verdicts));
                    for (answer, verdict) in answers.into_iter().zip(verdicts) {
                        // Whoever asked may have gone.
                        let _ = answer.send(verdict.result);
                    }
                }
                Some(Load::Firing(firing, starts, answer)) => {
                    let verdicts = self.together(&starts, Some(&firing)).await;
                    let result = verdicts.map(|verdicts| {
                        self.hints.tell(plan::wakeups(&starts, &verdicts));
                        self.hints.tell(firing.next_due_at.map(|_| Wakeup::Timers));
                    });
                    let _ = answer.send(result);
                }
            }
        }
    }

    /// Writes commits and says what became of each.
    async fn write(&mut self, commits: &[Packed]) -> Vec<Verdict> {
        match self.together(commits, None).await {
            Ok(verdicts) => verdicts,
            // One of them cannot be written: the others must not suffer.
            Err(Error::Conflict(_) | Error::Refused(_) | Error::Damaged(_)) => {
                let mut verdicts = Vec::with_capacity(commits.len());
                for commit in commits {
                    verdicts.extend(self.alone(commit).await);
                }
                verdicts
            }
            Err(error) => commits.iter().map(|_| Verdict::failed(error.again())).collect(),
        }
    }

    async fn alone(&mut self, commit: &Packed) -> Vec<Verdict> {
        match self.together(std::slice::from_ref(commit), None).await {
            Ok(verdicts) => verdicts,
            Err(Error::Conflict(text)) => {
                let exists = settle::exists(&self.pool, &commit.commit).await;
                vec![Verdict::failed(match exists {
                    Ok(true) => Error::Duplicate(commit.commit.execution),
                    Ok(false) => Error::Conflict(text),
                    Err(failure) => failure.error,
                })]
            }
            Err(error) => vec![Verdict::failed(error)],
        }
    }

    /// Writes commits in one transaction, again and again while it is certain that it was not committed.
    async fn together(&mut self, commits: &[Packed], firing: Option<&Firing>) -> Result<Vec<Verdict>> {
        let give_up = Instant::now() + 2 * PATIENCE;
        let mut pause = std::time::Duration::from_millis(5);
        let mut batch = Batch::new(commits, firing);
        loop {
            self.batch += 1;
            let failure = match write::attempt(&self.pool, self.id, self.batch, &mut batch).await {
                Ok(()) => return Ok(batch.verdicts()),
                Err(failure) => failure,
            };
            let unknown = failure.stage == Stage::Unknown;
            if unknown {
                tracing::warn!(error = %failure.error, commits = commits.len(), "lost the database while committing");
                match settle::fate(&self.pool, self.id, self.batch, give_up).await {
                    Fate::Committed => return Ok(batch.verdicts()),
                    Fate::Nothing => {}
                    Fate::Unknown => return Err(failure.error),
                }
            }
            let Failure { error, passing, .. } = failure;
            if !(passing || unknown) || Instant::now() + pause > give_up {
                return Err(error);
            }
            tracing::debug!(%error, "writing commits again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(std::time::Duration::from_millis(500));
        }
    }
}
