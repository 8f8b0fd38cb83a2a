//! Which commits of a batch count.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::ids::{ExecutionId, WorkerId, WorkflowId, WorkspaceId};

use crate::commit::{Commit, LeaseAfter, StartKey};
use crate::error::{Error, Result};
use crate::payload::Packed;
use crate::store::Wakeup;
use crate::timers::Firing;

/// What became of a commit.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) result: Result<()>,
    /// Whether an execution may have been queued.
    pub(super) queued: bool,
}

impl Verdict {
    pub(super) fn failed(error: Error) -> Self {
        Self { result: Err(error), queued: false }
    }
}

/// An execution of a tenant.
pub(super) type Place = (WorkspaceId, ExecutionId);

/// A start's key of a tenant.
pub(super) type Key = (WorkspaceId, [u8; 16], String);

/// The executions that commits write to.
#[derive(Default)]
pub(super) struct Executions(HashSet<ExecutionId>);

impl Executions {
    /// Adds those of a commit, unless one of them is there.
    pub(super) fn add(&mut self, commit: &Packed) -> bool {
        let all: Vec<_> = family(commit).map(|commit| commit.execution).collect();
        if all.iter().any(|execution| self.0.contains(execution)) {
            return false;
        }
        self.0.extend(all);
        true
    }
}

/// A commit and those of its children.
pub(super) fn family(commit: &Packed) -> impl Iterator<Item = &Commit> {
    members(commit).into_iter().map(|member| &member.commit)
}

/// The same with their payloads.
pub(super) fn members(commit: &Packed) -> Vec<&Packed> {
    let mut all = vec![commit];
    let mut next = 0;
    while let Some(member) = all.get(next) {
        all.extend(&member.children);
        next += 1;
    }
    all
}

/// Whether a commit can be written at all.
pub(super) fn check(commit: &Packed) -> Result<()> {
    for commit in family(commit) {
        let expected = commit.seq + 1..;
        if let Some((record, _)) =
            commit.records.iter().zip(expected).find(|(record, seq)| record.seq != *seq)
        {
            return Err(Error::Refused(format!(
                "record {} of {} leaves a gap",
                record.seq, commit.execution
            )));
        }
    }
    Ok(())
}

/// The head of an execution, as its locked row says.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) workflow: WorkflowId,
    pub(super) fence: u64,
    pub(super) seq: u64,
    pub(super) owner: Option<WorkerId>,
    pub(super) is_open: bool,
}

/// Commits that are written together.
pub(super) struct Batch<'a> {
    commits: &'a [Packed],
    /// The occurrence that starts them. What was started before is then left out.
    firing: Option<&'a Firing>,
    heads: HashMap<Place, Head>,
    /// Who has each key.
    keys: HashMap<Key, ExecutionId>,
    /// What is wrong with a commit.
    rejected: HashMap<usize, Error>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(commits: &'a [Packed], firing: Option<&'a Firing>) -> Self {
        Self { commits, firing, heads: HashMap::new(), keys: HashMap::new(), rejected: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    pub(super) fn firing(&self) -> Option<&'a Firing> {
        self.firing
    }

    /// The keys to reserve, each for the first that wants it, in the order of their locks.
    pub(super) fn reservations(&self) -> BTreeMap<Key, (ExecutionId, &'a StartKey)> {
        let mut reservations = BTreeMap::new();
        for commit in self.commits.iter().flat_map(family) {
            if let Some(key) = key(commit)
                && let Some(start) = commit.create.as_ref().and_then(|new| new.key.as_ref())
            {
                reservations.entry(key).or_insert((commit.execution, start));
            }
        }
        reservations
    }

    /// The executions whose heads decide: those that exist and are written to, and those that get signals.
    pub(super) fn places(&self) -> BTreeSet<Place> {
        let places = self.commits.iter().flat_map(family).flat_map(|commit| {
            let own = commit.create.is_none().then_some((commit.workspace, commit.execution));
            own.into_iter().chain(commit.signals.iter().map(|signal| (signal.workspace, signal.execution)))
        });
        places.collect()
    }

    /// Takes in what the database says of keys and heads, and decides.
    pub(super) fn decide(&mut self, heads: HashMap<Place, Head>, keys: HashMap<Key, ExecutionId>) {
        self.heads = heads;
        self.keys = keys;
        let all = self.commits.iter().enumerate();
        self.rejected = all.filter_map(|(index, commit)| Some((index, self.fault(commit)?))).collect();
    }

    fn fault(&self, commit: &Packed) -> Option<Error> {
        for commit in family(commit) {
            if let Some(key) = key(commit)
                && let Some(first) = self.keys.get(&key)
                && *first != commit.execution
            {
                return Some(Error::Duplicate(*first));
            }
            if commit.create.is_some() {
                continue;
            }
            let is_owner = self.heads.get(&(commit.workspace, commit.execution)).is_some_and(|head| {
                head.is_open && head.owner.is_some() && head.fence == commit.fence && head.seq == commit.seq
            });
            if !is_owner {
                return Some(Error::Stale);
            }
        }
        None
    }

    /// Whether a commit that does not count has reserved a key, which must be undone.
    pub(super) fn has_spoiled_keys(&self) -> bool {
        self.rejected.keys().any(|index| {
            family(&self.commits[*index])
                .any(|commit| key(commit).is_some_and(|key| self.keys.get(&key) == Some(&commit.execution)))
        })
    }

    /// The commits that count, children included.
    pub(super) fn accepted(&self) -> Vec<&'a Packed> {
        let all = self.commits.iter().enumerate();
        let accepted = all.filter(|(index, _)| !self.rejected.contains_key(index));
        accepted.flat_map(|(_, commit)| members(commit)).collect()
    }

    pub(super) fn head(&self, place: &Place) -> Option<&Head> {
        self.heads.get(place)
    }

    /// What became of each commit, once the transaction is committed.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let wakes = |commit: &Commit| {
            let wakes_another = commit.signals.iter().any(|signal| {
                let head = self.heads.get(&(signal.workspace, signal.execution));
                head.is_some_and(|head| head.is_open && head.owner.is_none())
            });
            // Whether a released execution was queued at once is not known here: rather look once too often.
            let released = commit.create.is_none() && !commit.status.is_final();
            wakes_another
                || matches!(commit.lease, LeaseAfter::Queue)
                || (released && matches!(commit.lease, LeaseAfter::Release))
        };
        let all = self.commits.iter().enumerate();
        let verdicts = all.map(|(index, commit)| match self.rejected.get(&index) {
            Some(error) => Verdict::failed(error.again()),
            None => Verdict { result: Ok(()), queued: family(commit).any(wakes) },
        });
        verdicts.collect()
    }
}

/// The key of a start.
fn key(commit: &Commit) -> Option<Key> {
    let start = commit.create.as_ref()?.key.as_ref()?;
    Some((commit.workspace, start.scope, start.key.clone()))
}

/// What others may want to know of commits that count.
pub(super) fn wakeups(commits: &[Packed], verdicts: &[Verdict]) -> Vec<Wakeup> {
    let mut wakeups = Vec::new();
    let (mut queue, mut timers) = (false, false);
    for (commit, verdict) in commits.iter().zip(verdicts).filter(|(_, verdict)| verdict.result.is_ok()) {
        queue |= verdict.queued;
        for commit in family(commit) {
            timers |= !commit.timers.is_empty();
            wakeups.extend(commit.signals.iter().map(|signal| Wakeup::Signals(signal.execution)));
            if !commit.records.is_empty() {
                wakeups.push(Wakeup::Progress {
                    execution: commit.execution,
                    seq: commit.seq + commit.records.len() as u64,
                    ended: commit.status.is_final(),
                });
            }
        }
    }
    wakeups.extend(timers.then_some(Wakeup::Timers));
    wakeups.extend(queue.then_some(Wakeup::Queue));
    wakeups
}
