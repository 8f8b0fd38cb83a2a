//! Tells clients which executions of their workspace stand elsewhere now.
//!
//! The store hints that a journal grew; one task looks at the heads of those executions, not more often than every
//! [`PAUSE`], and only while somebody wants to know. Nothing here grows with the number of clients or executions: who
//! cannot keep up is told to read the lists again.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkflowId, WorkspaceId};
use prometheus_client::metrics::gauge::Gauge;
use store::{Store, Wakeup};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// How long hints are gathered.
const PAUSE: Duration = Duration::from_millis(50);
/// Executions that are looked at after a pause; when there are more, lists are read again.
const MOST: usize = 200;
/// Changes that a client may be behind.
const BEHIND: usize = 256;

/// Something that happened in a workspace.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An execution stands elsewhere.
    Moved {
        /// Later ones have greater numbers.
        number: u64,
        /// The execution.
        execution: ExecutionId,
        /// Its workflow.
        workflow: WorkflowId,
        /// Where it stands.
        status: ExecutionStatus,
    },
    /// More happened than can be told one by one.
    Missed,
}

/// Who wants to know.
#[derive(Default)]
pub(crate) struct Live {
    workspaces: Mutex<HashMap<WorkspaceId, Sender<Change>>>,
    number: AtomicU64,
}

/// A stream that is open; counted until it is dropped.
pub(crate) struct Place(Gauge);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Live {
    /// Room for one more stream, if there is any.
    pub(crate) fn place(&self, most: usize, open: &Gauge) -> Option<Place> {
        let place = Place(open.clone());
        let before = open.inc();
        (usize::try_from(before).unwrap_or_default() < most).then_some(place)
    }

    /// What happens in a workspace from now on.
    pub(crate) fn subscribe(&self, workspace: WorkspaceId) -> Receiver<Change> {
        let mut workspaces = self.workspaces.lock().expect("looking does not panic");
        workspaces.entry(workspace).or_insert_with(|| channel(BEHIND).0).subscribe()
    }

    /// The workspaces that somebody follows.
    fn followed(&self) -> Vec<(WorkspaceId, Sender<Change>)> {
        let mut workspaces = self.workspaces.lock().expect("looking does not panic");
        workspaces.retain(|_, sender| sender.receiver_count() > 0);
        workspaces.iter().map(|(workspace, sender)| (*workspace, sender.clone())).collect()
    }

    fn is_followed(&self) -> bool {
        !self.workspaces.lock().expect("looking does not panic").is_empty()
    }

    /// Looks whenever the store hints at something, until `shutdown` fires.
    pub(crate) async fn run(&self, store: Store, shutdown: CancellationToken) {
        let mut hints = store.wakeups();
        let mut known: HashMap<ExecutionId, ExecutionStatus> = HashMap::new();
        loop {
            let Some(first) = shutdown.run_until_cancelled(hints.recv()).await else { return };
            let mut changed = HashSet::new();
            let mut missed = false;
            if !gather(first, &mut changed, &mut missed) {
                return;
            }
            if !self.is_followed() {
                continue;
            }
            if changed.is_empty() && !missed {
                continue;
            }
            tokio::time::sleep(PAUSE).await;
            while let Ok(hint) = hints.try_recv() {
                gather(Ok(hint), &mut changed, &mut missed);
            }
            self.tell(&store, changed, missed, &mut known).await;
        }
    }

    async fn tell(
        &self,
        store: &Store,
        changed: HashSet<ExecutionId>,
        missed: bool,
        known: &mut HashMap<ExecutionId, ExecutionStatus>,
    ) {
        let followed = self.followed();
        if missed || changed.len() > MOST {
            for (_, sender) in followed {
                // Nobody listens any more: nothing to do.
                let _ = sender.send(Change::Missed);
            }
            return;
        }
        for (workspace, sender) in followed {
            for execution in &changed {
                // An execution of another workspace is not found, and not told.
                let Ok(head) = store.execution(workspace, *execution).await else { continue };
                if known.insert(*execution, head.status) == Some(head.status) {
                    continue;
                }
                if head.status.is_final() {
                    known.remove(execution);
                }
                let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
                let (workflow, status) = (head.workflow, head.status);
                let _ = sender.send(Change::Moved { number, execution: *execution, workflow, status });
            }
        }
        if known.len() > 10_000 {
            // Forgetting tells some status twice.
            known.clear();
        }
    }
}

/// Notes what a hint is about. False when there will be no more.
fn gather(hint: Result<Wakeup, RecvError>, changed: &mut HashSet<ExecutionId>, missed: &mut bool) -> bool {
    match hint {
        Ok(Wakeup::Progress { execution, .. }) => {
            if changed.len() <= MOST {
                changed.insert(execution);
            }
        }
        Ok(_) => {}
        Err(RecvError::Lagged(_)) => *missed = true,
        Err(RecvError::Closed) => return false,
    }
    true
}
