//! The rows that the commits of a batch make, column by column: one statement per table, however many commits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::ids::WorkerId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::plan::{Batch, Place};
use crate::commit::{Commit, LeaseAfter, NewExecution};
use crate::db::postgres::bind::Micros;
use crate::payload::{self, Packed, Payload};

/// A statement and its columns.
pub(super) type Write<'t> = (&'static str, Vec<&'t (dyn ToSql + Sync)>);

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident $(<$life:lifetime>)? { $($column:ident: $type:ty),* $(,)? } $sql:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $table$(<$life>)? { $($column: Vec<$type>),* }

        impl$(<$life>)? $table$(<$life>)? {
            /// The statement, unless there are no rows.
            fn write(&self) -> Option<Write<'_>> {
                let columns: Vec<&(dyn ToSql + Sync)> = vec![$(&self.$column),*];
                let is_empty = [$(self.$column.is_empty()),*].into_iter().all(|empty| empty);
                (!is_empty).then_some(($sql, columns))
            }
        }
    )*};
}

tables! {
    /// New heads.
    Created<'a> {
        workspaces: Uuid, ids: Uuid, workflows: Uuid, versions: Uuid, statuses: &'a str, modes: &'a str,
        trigger_kinds: &'a str, trigger_nodes: &'a str, parents: Option<Uuid>, parent_steps: Option<i64>,
        parent_calls: Option<i64>, parent_waits: Option<bool>, depths: i64, retries_of: Option<Uuid>,
        priorities: i64, concurrency_keys: Option<&'a str>, options: &'a str, creators: Option<Uuid>, seqs: i64,
        fences: i64, owners: Option<Uuid>, run_us: i64, errors: Option<&'a str>, accepted_at: Micros,
        finished_at: Option<Micros>,
    } "INSERT INTO executions (workspace_id, id, workflow_id, version_id, status, mode, trigger_kind, trigger_node,
         parent_id, parent_step, parent_call, parent_waits, depth, retry_of, priority, concurrency_key, options,
         created_by, seq, fence, lease_owner, run_us, error, accepted_at, finished_at, lease_until)
       SELECT *, CASE WHEN lease_owner IS NOT NULL THEN clock_timestamp() + interval '10 s' END
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::uuid[], $10::bigint[], $11::bigint[], $12::boolean[], $13::bigint[], $14::uuid[], $15::bigint[],
           $16::text[], $17::text[], $18::uuid[], $19::bigint[], $20::bigint[], $21::uuid[], $22::bigint[],
           $23::text[], $24::timestamptz[], $25::timestamptz[])
         AS new (workspace_id, id, workflow_id, version_id, status, mode, trigger_kind, trigger_node, parent_id,
           parent_step, parent_call, parent_waits, depth, retry_of, priority, concurrency_key, options, created_by,
           seq, fence, lease_owner, run_us, error, accepted_at, finished_at)";

    /// Heads that move on. They are locked and known to be as expected.
    Moved<'a> {
        workspaces: Uuid, ids: Uuid, statuses: &'a str, seqs: i64, owners: Option<Uuid>, run_us: i64,
        errors: Option<&'a str>, finished_at: Option<Micros>,
    } "UPDATE executions AS head SET status = new.status, seq = new.seq, lease_owner = new.lease_owner,
         lease_until = CASE WHEN new.lease_owner IS NOT NULL THEN clock_timestamp() + interval '10 s' END,
         deaths = 0, run_us = new.run_us, error = new.error, finished_at = new.finished_at
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::uuid[], $6::bigint[], $7::text[],
           $8::timestamptz[])
         AS new (workspace_id, id, status, seq, lease_owner, run_us, error, finished_at)
       WHERE head.workspace_id = new.workspace_id AND head.id = new.id";

    /// The journal.
    Records<'a> {
        workspaces: Uuid, executions: Uuid, seqs: i64, kinds: &'a str, nodes: Option<&'a str>, run_indexes: i64,
        attempts: i64, at: Micros, durations: Option<i64>, payloads: Option<&'a [u8]>, blobs: Option<&'a [u8]>,
        workers: Option<Uuid>,
    } "INSERT INTO execution_events (workspace_id, execution_id, seq, kind, node_key, run_index, attempt, at,
         duration_us, payload, payload_ref, worker_id)
       SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],
         $7::bigint[], $8::timestamptz[], $9::bigint[], $10::bytea[], $11::bytea[], $12::uuid[])";

    /// Signals that became records.
    Taken { workspaces: Uuid, executions: Uuid, ids: Uuid }
      "DELETE FROM execution_signals AS signal USING unnest($1::uuid[], $2::uuid[], $3::uuid[])
           AS taken (workspace_id, execution_id, id)
         WHERE signal.workspace_id = taken.workspace_id AND signal.execution_id = taken.execution_id
           AND signal.id = taken.id";

    /// Timers that are no longer needed.
    Dropped<'a> { workspaces: Uuid, executions: Uuid, keys: &'a str }
      "DELETE FROM timers AS timer USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS old (workspace_id, owner_id, key)
         WHERE timer.workspace_id = old.workspace_id AND timer.owner_kind = 'execution'
           AND timer.owner_id = old.owner_id AND timer.key = old.key";

    /// Timers to set.
    Set<'a> { workspaces: Uuid, executions: Uuid, keys: &'a str, due_at: Micros }
      "INSERT INTO timers (workspace_id, owner_kind, owner_id, key, due_at)
         SELECT workspace_id, 'execution', owner_id, key, due_at
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
             AS new (workspace_id, owner_id, key, due_at)
         ON CONFLICT (workspace_id, owner_kind, owner_id, key) DO UPDATE SET due_at = excluded.due_at";

    /// Waits that are over.
    Closed { workspaces: Uuid, executions: Uuid, steps: i64 }
      "DELETE FROM execution_waits AS wait USING unnest($1::uuid[], $2::uuid[], $3::bigint[])
           AS old (workspace_id, execution_id, step)
         WHERE wait.workspace_id = old.workspace_id AND wait.execution_id = old.execution_id
           AND wait.step = old.step";

    /// Waits that begin.
    Waits<'a> {
        workspaces: Uuid, executions: Uuid, steps: i64, nodes: &'a str, kinds: &'a str, options: &'a str,
        until: Option<Micros>,
    } "INSERT INTO execution_waits (workspace_id, execution_id, step, node_key, kind, options, until_at, created_at)
       SELECT *, clock_timestamp() FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[],
         $6::text[], $7::timestamptz[])
       ON CONFLICT (workspace_id, execution_id, step) DO UPDATE SET node_key = excluded.node_key,
         kind = excluded.kind, options = excluded.options, until_at = excluded.until_at";

    /// Executions that have ended and may have left something.
    Ended { workspaces: Uuid, executions: Uuid }
      "WITH old AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS old (workspace_id, execution_id)),
           timers AS (DELETE FROM timers AS timer USING old WHERE timer.workspace_id = old.workspace_id
             AND timer.owner_kind = 'execution' AND timer.owner_id = old.execution_id),
           waits AS (DELETE FROM execution_waits AS wait USING old WHERE wait.workspace_id = old.workspace_id
             AND wait.execution_id = old.execution_id)
         DELETE FROM execution_signals AS signal USING old WHERE signal.workspace_id = old.workspace_id
           AND signal.execution_id = old.execution_id";

    /// What executions want of others. These are locked.
    Signals<'a> { workspaces: Uuid, executions: Uuid, kinds: &'a str, payloads: Cow<'a, [u8]> }
      "INSERT INTO execution_signals (workspace_id, execution_id, id, kind, payload, created_at)
         SELECT workspace_id, execution_id, ordered_id(), kind, payload, clock_timestamp()
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]) WITH ORDINALITY
             AS new (workspace_id, execution_id, kind, payload, place)
         ORDER BY place";

    /// Executions to queue: at any rate, or if a signal came before their lock.
    Queued { workspaces: Uuid, executions: Uuid, always: bool }
      "INSERT INTO execution_queue (workspace_id, execution_id, workflow_id, priority, concurrency_key, deaths, queued_at)
         SELECT head.workspace_id, head.id, head.workflow_id, head.priority, head.concurrency_key, head.deaths,
             clock_timestamp()
           FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS new (workspace_id, id, always)
           JOIN executions AS head USING (workspace_id, id)
           WHERE head.lease_owner IS NULL AND head.status IN ('queued', 'running', 'waiting', 'paused') AND (new.always OR EXISTS (
             SELECT FROM execution_signals AS signal
               WHERE signal.workspace_id = head.workspace_id AND signal.execution_id = head.id))
         ON CONFLICT DO NOTHING";

    /// What workflows remember.
    Memories<'a> { workspaces: Uuid, workflows: Uuid, data: &'a str }
      // They outlive neither their workflow nor keep an execution from going on without it.
      "INSERT INTO workflow_static_data (workspace_id, workflow_id, data, updated_at)
         SELECT workspace_id, id, data, clock_timestamp()
           FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS new (workspace_id, id, data)
           JOIN workflows USING (workspace_id, id)
         ON CONFLICT (workspace_id, workflow_id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at";

    /// Blobs that records refer to.
    Blobs<'a> { workspaces: Uuid, hashes: &'a [u8], sizes: i64, codecs: &'a str, uses: i64 }
      "INSERT INTO blobs AS blob (workspace_id, sha256, size, codec, refcount, created_at)
         SELECT *, clock_timestamp() FROM unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[])
         ON CONFLICT (workspace_id, sha256) DO UPDATE SET refcount = blob.refcount + excluded.refcount";

    /// The outbox.
    Events<'a> { workspaces: Uuid, kinds: &'a str, subjects: Uuid, data: &'a str }
      "INSERT INTO domain_events (workspace_id, kind, subject, data, at)
         SELECT *, clock_timestamp() FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])";
}

/// Everything that the commits of a batch write.
#[derive(Default)]
pub(super) struct Tables<'a> {
    created: Created<'a>,
    moved: Moved<'a>,
    records: Records<'a>,
    taken: Taken,
    dropped: Dropped<'a>,
    set: Set<'a>,
    closed: Closed,
    waits: Waits<'a>,
    ended: Ended,
    signals: Signals<'a>,
    queued: Queued,
    memories: Memories<'a>,
    blobs: Blobs<'a>,
    events: Events<'a>,
}

/// What several commits of a batch may change, once each, in the order of their locks.
#[derive(Default)]
struct Shared<'a> {
    memories: BTreeMap<(Uuid, Uuid), &'a str>,
    blobs: BTreeMap<(Uuid, &'a [u8]), (i64, &'a str, i64)>,
    woken: BTreeMap<Place, ()>,
}

impl<'a> Tables<'a> {
    /// The rows of the commits that count.
    pub(super) fn of(batch: &Batch<'a>) -> Self {
        let mut tables = Self::default();
        let mut shared = Shared::default();
        let accepted = batch.accepted();
        for packed in &accepted {
            tables.add(batch, packed, &mut shared);
        }
        for packed in &accepted {
            tables.add_signals(batch, &packed.commit, &mut shared);
        }
        for (workspace, execution) in shared.woken.into_keys() {
            tables.queue(uuid(workspace.as_bytes()), uuid(execution.as_bytes()), true);
        }
        for ((workspace, workflow), data) in shared.memories {
            tables.memories.workspaces.push(workspace);
            tables.memories.workflows.push(workflow);
            tables.memories.data.push(data);
        }
        for ((workspace, hash), (size, codec, uses)) in shared.blobs {
            let blobs = &mut tables.blobs;
            blobs.workspaces.push(workspace);
            blobs.hashes.push(hash);
            blobs.sizes.push(size);
            blobs.codecs.push(codec);
            blobs.uses.push(uses);
        }
        tables
    }

    /// The statements that have rows, in the order in which they take locks.
    pub(super) fn writes(&self) -> Vec<Write<'_>> {
        let all = [
            self.created.write(),
            self.moved.write(),
            self.records.write(),
            self.taken.write(),
            self.dropped.write(),
            self.set.write(),
            self.closed.write(),
            self.waits.write(),
            self.ended.write(),
            self.signals.write(),
            self.queued.write(),
            self.memories.write(),
            self.blobs.write(),
            self.events.write(),
        ];
        all.into_iter().flatten().collect()
    }

    fn add(&mut self, batch: &Batch<'a>, packed: &'a Packed, shared: &mut Shared<'a>) {
        let commit = &packed.commit;
        let (workspace, execution) = (uuid(commit.workspace.as_bytes()), uuid(commit.execution.as_bytes()));
        let head = batch.head(&(commit.workspace, commit.execution));
        let owner = match commit.lease {
            LeaseAfter::Keep(worker) if !commit.status.is_final() => Some(worker),
            _ => None,
        };
        let workflow = match (&commit.create, head) {
            (Some(new), _) => Some(new.workflow),
            (None, head) => head.map(|head| head.workflow),
        };
        match &commit.create {
            Some(new) => self.create(commit, new, owner),
            None => self.advance(commit, owner),
        }
        // Who gives the lease away was its owner until now.
        let worker = match commit.lease {
            LeaseAfter::Keep(worker) => Some(worker),
            LeaseAfter::Release | LeaseAfter::Queue => head.and_then(|head| head.owner),
        };
        let worker = worker.map(|worker| uuid(worker.as_bytes()));
        self.record(packed, worker);
        self.keep_time(commit);
        match commit.lease {
            LeaseAfter::Queue if !commit.status.is_final() => self.queue(workspace, execution, true),
            LeaseAfter::Release if commit.create.is_none() && !commit.status.is_final() => {
                self.queue(workspace, execution, false);
            }
            _ => {}
        }
        if let (Some(data), Some(workflow)) = (&commit.static_data, workflow) {
            shared.memories.insert((workspace, uuid(workflow.as_bytes())), data);
        }
        for blob in &packed.blobs {
            let row =
                shared.blobs.entry((workspace, &blob.sha256)).or_insert((number(blob.size), blob.codec, 0));
            row.2 += i64::from(blob.uses);
        }
        for event in &commit.events {
            self.events.workspaces.push(workspace);
            self.events.kinds.push(event.kind);
            self.events.subjects.push(uuid(&event.subject));
            self.events.data.push(&event.data);
        }
    }

    fn create(&mut self, commit: &'a Commit, new: &'a NewExecution, owner: Option<WorkerId>) {
        let rows = &mut self.created;
        rows.workspaces.push(uuid(commit.workspace.as_bytes()));
        rows.ids.push(uuid(commit.execution.as_bytes()));
        rows.workflows.push(uuid(new.workflow.as_bytes()));
        rows.versions.push(uuid(new.version.as_bytes()));
        rows.statuses.push(commit.status.as_str());
        rows.modes.push(&new.mode);
        rows.trigger_kinds.push(&new.trigger_kind);
        rows.trigger_nodes.push(&new.trigger_node);
        let parent = new.parent.as_ref();
        rows.parents.push(parent.map(|parent| uuid(parent.execution.as_bytes())));
        rows.parent_steps.push(parent.map(|parent| parent.step.into()));
        rows.parent_calls.push(parent.map(|parent| parent.call.into()));
        rows.parent_waits.push(parent.map(|parent| parent.waits));
        rows.depths.push(new.depth.into());
        rows.retries_of.push(new.retry_of.map(|id| uuid(id.as_bytes())));
        rows.priorities.push(new.priority.into());
        rows.concurrency_keys.push(new.concurrency_key.as_deref());
        rows.options.push(&new.options);
        rows.creators.push(new.created_by.map(|id| uuid(id.as_bytes())));
        rows.seqs.push(last_seq(commit));
        rows.fences.push(number(commit.fence));
        rows.owners.push(owner.map(|owner| uuid(owner.as_bytes())));
        rows.run_us.push(number(commit.run_us));
        rows.errors.push(commit.finish.as_ref().and_then(|finish| finish.error.as_deref()));
        rows.accepted_at.push(new.accepted_at.into());
        rows.finished_at.push(commit.finish.as_ref().map(|finish| finish.at.into()));
    }

    fn advance(&mut self, commit: &'a Commit, owner: Option<WorkerId>) {
        let (workspace, execution) = (uuid(commit.workspace.as_bytes()), uuid(commit.execution.as_bytes()));
        let rows = &mut self.moved;
        rows.workspaces.push(workspace);
        rows.ids.push(execution);
        rows.statuses.push(commit.status.as_str());
        rows.seqs.push(last_seq(commit));
        rows.owners.push(owner.map(|owner| uuid(owner.as_bytes())));
        rows.run_us.push(number(commit.run_us));
        rows.errors.push(commit.finish.as_ref().and_then(|finish| finish.error.as_deref()));
        rows.finished_at.push(commit.finish.as_ref().map(|finish| finish.at.into()));
        if commit.status.is_final() {
            self.ended.workspaces.push(workspace);
            self.ended.executions.push(execution);
        }
    }

    fn record(&mut self, packed: &'a Packed, worker: Option<Uuid>) {
        let rows = &mut self.records;
        for (record, payload) in packed.commit.records.iter().zip(&packed.payloads) {
            rows.workspaces.push(uuid(packed.commit.workspace.as_bytes()));
            rows.executions.push(uuid(packed.commit.execution.as_bytes()));
            rows.seqs.push(number(record.seq));
            rows.kinds.push(record.kind.as_str());
            rows.nodes.push(record.node.as_ref().map(|node| node.as_str()));
            rows.run_indexes.push(record.run_index.into());
            rows.attempts.push(record.attempt.into());
            rows.at.push(Micros(record.at_us));
            rows.durations.push(record.duration_us.map(number));
            let (inline, blob) = match payload {
                Payload::Inline(bytes) => (Some(bytes.as_slice()), None),
                Payload::Blob(hash) => (None, Some(hash.as_slice())),
            };
            rows.payloads.push(inline);
            rows.blobs.push(blob);
            rows.workers.push(worker);
        }
    }

    /// Timers, waits and the signals that were taken.
    fn keep_time(&mut self, commit: &'a Commit) {
        let (workspace, execution) = (uuid(commit.workspace.as_bytes()), uuid(commit.execution.as_bytes()));
        for id in &commit.taken {
            self.taken.workspaces.push(workspace);
            self.taken.executions.push(execution);
            self.taken.ids.push(uuid(id.as_bytes()));
        }
        if commit.status.is_final() {
            return;
        }
        for key in &commit.dropped_timers {
            self.dropped.workspaces.push(workspace);
            self.dropped.executions.push(execution);
            self.dropped.keys.push(key);
        }
        // The last of those with the same key counts.
        let timers: BTreeMap<_, _> = commit.timers.iter().map(|timer| (&timer.key, timer.due_at)).collect();
        for (key, due_at) in timers {
            self.set.workspaces.push(workspace);
            self.set.executions.push(execution);
            self.set.keys.push(key);
            self.set.due_at.push(due_at.into());
        }
        for step in &commit.closed_waits {
            self.closed.workspaces.push(workspace);
            self.closed.executions.push(execution);
            self.closed.steps.push((*step).into());
        }
        let waits: BTreeMap<_, _> = commit.waits.iter().map(|wait| (wait.step, wait)).collect();
        for (step, wait) in waits {
            let rows = &mut self.waits;
            rows.workspaces.push(workspace);
            rows.executions.push(execution);
            rows.steps.push(step.into());
            rows.nodes.push(&wait.node);
            rows.kinds.push(&wait.kind);
            rows.options.push(&wait.options);
            rows.until.push(wait.until.map(Micros::from));
        }
    }

    /// Signals for executions that have not ended; those without an owner are queued.
    fn add_signals(&mut self, batch: &Batch<'a>, commit: &'a Commit, shared: &mut Shared<'a>) {
        for signal in &commit.signals {
            let place = (signal.workspace, signal.execution);
            let target = uuid(signal.execution.as_bytes());
            let Some(head) = batch.head(&place).filter(|head| head.is_open) else { continue };
            if self.ended.executions.contains(&target) {
                continue;
            }
            self.signals.workspaces.push(uuid(signal.workspace.as_bytes()));
            self.signals.executions.push(target);
            self.signals.kinds.push(signal.kind.as_str());
            self.signals.payloads.push(payload::pack_inline(signal.payload.as_bytes()));
            if head.owner.is_none() {
                shared.woken.insert(place, ());
            }
        }
    }

    fn queue(&mut self, workspace: Uuid, execution: Uuid, always: bool) {
        self.queued.workspaces.push(workspace);
        self.queued.executions.push(execution);
        self.queued.always.push(always);
    }
}

fn last_seq(commit: &Commit) -> i64 {
    number(commit.seq + commit.records.len() as u64)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uuid(bytes: &[u8; 16]) -> Uuid {
    Uuid::from_bytes(*bytes)
}
