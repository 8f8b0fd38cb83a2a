//! Going on with executions that were begun before, and ending those that cannot go on.

use std::sync::Arc;
use std::time::Duration;

use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkspaceId};
use model::journal::{Kind, Record};
use sdk::NodeError;
use store::commit::Finish;
use store::journal::Loaded;
use store::queue::SUSPECT_DEATHS;
use store::{Commit, Lease, LeaseAfter};

use super::shared::{Shared, add};
use super::slots::{Seat, Slot};
use crate::decide::Execution;
use crate::durable::{Durable, Identity, Options, mode_of, seed, timer_keys, waiting_steps};
use crate::event::Event;
use crate::journal::{Reader, Recorded, Writer};
use crate::plan::Plan;
use crate::session::Session;

/// An execution with so many deaths is not run again.
const QUARANTINE_DEATHS: u32 = 3;
/// From here on even reading its journal seems to kill.
const UNREADABLE_DEATHS: u32 = 5;

impl Shared {
    /// Goes on with an execution that was claimed.
    pub(crate) fn go_on(self: &Arc<Self>, lease: Lease, slot: Slot) {
        let shared = self.clone();
        tokio::spawn(async move {
            let mut pause = Duration::from_millis(50);
            loop {
                match shared.load(&lease).await {
                    Ok(loaded) => return shared.take_up(&lease, loaded, slot).await,
                    // It ended, or is gone, or has another owner by now.
                    Err(store::Error::NotFound(_)) => return,
                    Err(error @ (store::Error::Unavailable(_) | store::Error::Full)) => {
                        let execution = lease.execution;
                        tracing::warn!(%execution, error = &error as &dyn std::error::Error, "it cannot be loaded yet");
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            () = slot.desk.lost() => return,
                        }
                        pause = (pause * 2).min(Duration::from_secs(1));
                    }
                    Err(error) => {
                        return shared
                            .end_unread(&lease, format!("its journal cannot be read: {error}"))
                            .await;
                    }
                }
            }
        });
    }

    async fn load(&self, lease: &Lease) -> store::Result<Loaded> {
        let loaded = self.store.load(lease.workspace, lease.execution).await?;
        let ours = loaded.head.fence == lease.fence && !loaded.head.status.is_final();
        if ours { Ok(loaded) } else { Err(store::Error::NotFound("lease")) }
    }

    async fn take_up(self: &Arc<Self>, lease: &Lease, loaded: Loaded, slot: Slot) {
        if lease.deaths >= UNREADABLE_DEATHS {
            add(&self.counters.quarantined, 1);
            return self.end_unread(lease, quarantine(lease.deaths)).await;
        }
        let copied =
            serde_json::from_str(&loaded.head.options).unwrap_or_else(|_| Options::default()).taken_over;
        let is_copied = copied == Some(loaded.head.seq);
        match self.folded(lease, loaded, &slot).await {
            Ok(mut session) => {
                if lease.deaths >= QUARANTINE_DEATHS {
                    add(&self.counters.quarantined, 1);
                    let error = NodeError::permanent(quarantine(lease.deaths));
                    session.happen(Event::GivenUp(error), None);
                }
                session.recover(is_copied);
                self.spawn(session, slot);
            }
            Err(why) => self.end_unread(lease, why).await,
        }
    }

    /// The session of an execution as its journal tells it.
    async fn folded(
        self: &Arc<Self>,
        lease: &Lease,
        loaded: Loaded,
        slot: &Slot,
    ) -> Result<Session<Durable>, String> {
        let Loaded { head, records } = loaded;
        let plan = self
            .plans
            .get(lease.workspace, lease.workflow, lease.version)
            .await
            .map_err(|error| error.to_string())?;
        let seed = seed(lease.execution);
        let (execution, writer) = fold(&plan, self.config.limits, seed, &records)?;
        let identity = Identity {
            workspace: lease.workspace,
            execution: lease.execution,
            workflow: head.workflow,
            version: head.version,
            mode: mode_of(&head.mode),
            parent: head.parent,
            depth: head.depth,
            priority: head.priority,
            called_with: called_with(&plan, &records),
            options: serde_json::from_str(&head.options).unwrap_or_default(),
        };
        let static_data = self.static_data(&identity, &plan).await.map_err(|error| error.to_string())?;
        let mut keep = Durable::new(self.clone(), identity.clone(), slot.desk.clone(), lease.fence);
        keep.seq = head.seq;
        keep.writer = writer;
        keep.known_waits = waiting_steps(&execution);
        keep.known_timers = timer_keys(&execution);
        slot.desk.set_kept();
        // Signals may have come before there was anybody to tell.
        slot.desk.tell(crate::session::News::Wanted);
        let ran_before = Duration::from_micros(head.run_us);
        let session = self.session(&identity, plan, execution, keep, ran_before, static_data);
        Ok(session)
    }

    /// Ends an execution whose state nobody can tell. Nothing is folded, so nothing of what it left open is told.
    async fn end_unread(&self, lease: &Lease, why: String) {
        let error = NodeError::permanent(why);
        tracing::error!(execution = %lease.execution, error = %error, "an execution is given up");
        let Ok(head) = self.store.execution(lease.workspace, lease.execution).await else { return };
        let payload = model::json!({ "v": model::journal::PAYLOAD_VERSION, "error": {
            "message": error.message.as_str(), "kind": "permanent" } });
        let now = self.now();
        let record = Record {
            seq: head.seq + 1,
            kind: Kind::GivenUp,
            node: None,
            run_index: 0,
            attempt: 0,
            at_us: now.as_microsecond(),
            duration_us: None,
            payload: payload.to_json(),
        };
        let mut signals = Vec::new();
        if let Some(parent) = head.parent.filter(|parent| parent.waits) {
            let told = crate::durable::Wanted {
                step: Some(parent.step),
                call: Some(parent.call),
                error: Some(error.clone()),
                ..Default::default()
            };
            signals.push(store::NewSignal {
                workspace: lease.workspace,
                execution: parent.execution,
                kind: store::signals::Kind::Child,
                payload: told.to_json(),
            });
        }
        let finish = Finish { at: now, error: Some(model::json!({ "message": error.message }).to_json()) };
        let commit = Commit {
            create: None,
            fence: lease.fence,
            seq: head.seq,
            records: vec![record],
            status: ExecutionStatus::Failed,
            finish: Some(finish),
            run_us: head.run_us,
            signals,
            lease: LeaseAfter::Release,
            ..empty(lease.workspace, lease.execution)
        };
        match self.store.commit(commit).await {
            Ok(()) => self.count_end(ExecutionStatus::Failed),
            Err(error) => {
                let execution = lease.execution;
                tracing::error!(%execution, error = &error as &dyn std::error::Error, "it cannot be ended either");
            }
        }
    }

    /// Ends an execution that this process owns and cannot go on with.
    pub(crate) fn give_up(self: &Arc<Self>, identity: &Identity, fence: u64, why: String) {
        let shared = self.clone();
        let lease = Lease {
            workspace: identity.workspace,
            execution: identity.execution,
            workflow: identity.workflow,
            version: identity.version,
            fence,
            deaths: 0,
            concurrency_key: None,
        };
        tokio::spawn(async move { shared.end_unread(&lease, why).await });
    }

    /// Looks whether an execution exists whose creation nobody confirmed, and goes on with it if it does.
    pub(crate) fn adopt(self: &Arc<Self>, workspace: WorkspaceId, execution: ExecutionId) {
        let shared = self.clone();
        tokio::spawn(async move {
            let head = loop {
                match shared.store.execution(workspace, execution).await {
                    Ok(head) => break head,
                    Err(store::Error::NotFound(_)) => return,
                    Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                }
            };
            if head.lease_owner != Some(shared.worker) || head.status.is_final() {
                return;
            }
            let lease = Lease {
                workspace,
                execution,
                workflow: head.workflow,
                version: head.version,
                fence: head.fence,
                deaths: 0,
                concurrency_key: head.concurrency_key.clone(),
            };
            loop {
                if let Some(slot) = shared.seat(&lease) {
                    return shared.go_on(lease, slot);
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }

    /// A place for an execution that is owned already.
    pub(crate) fn seat(&self, lease: &Lease) -> Option<Slot> {
        let known = self.plans.known(lease.workspace, lease.version);
        let seat = Seat {
            workspace: lease.workspace,
            workflow: lease.workflow,
            execution: lease.execution,
            max_concurrent: known.and_then(|plan| plan.max_concurrent),
            key: lease.concurrency_key.clone(),
            suspect: lease.deaths >= SUSPECT_DEATHS,
        };
        self.slots.take(seat, self.room())
    }
}

fn quarantine(deaths: u32) -> String {
    format!(
        "the execution was stopped because {deaths} processes that ran it died: look at what its steps do and run it again"
    )
}

/// Folds a journal.
pub(crate) fn fold(
    plan: &Arc<Plan>,
    limits: crate::Limits,
    seed: u64,
    records: &[Record],
) -> Result<(Execution, Writer), String> {
    let mut reader = Reader::new();
    let events = records.iter().map(|record| reader.read(plan, record)).collect::<Result<Vec<Recorded>, _>>();
    let events = events.map_err(|error| error.to_string())?;
    let events = events.iter().map(|recorded| (&recorded.event, recorded.at_ms));
    let execution =
        Execution::replay(plan.clone(), limits, seed, events).map_err(|error| error.to_string())?;
    Ok((execution, reader.writer()))
}

/// How many items the trigger was given.
fn called_with(plan: &Plan, records: &[Record]) -> usize {
    let first = records.first().and_then(|record| Reader::new().read(plan, record).ok());
    match first.map(|recorded| recorded.event) {
        Some(Event::Triggered { items, .. }) => items.len(),
        _ => 0,
    }
}

/// A commit that changes nothing.
pub(crate) fn empty(workspace: WorkspaceId, execution: ExecutionId) -> Commit {
    Commit {
        workspace,
        execution,
        create: None,
        fence: 0,
        seq: 0,
        records: Vec::new(),
        status: ExecutionStatus::Queued,
        finish: None,
        run_us: 0,
        timers: Vec::new(),
        dropped_timers: Vec::new(),
        waits: Vec::new(),
        closed_waits: Vec::new(),
        taken: Vec::new(),
        signals: Vec::new(),
        children: Vec::new(),
        static_data: None,
        events: Vec::new(),
        lease: LeaseAfter::Release,
    }
}
