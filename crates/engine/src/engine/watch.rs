//! Who watches which execution.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::ids::ExecutionId;
use tokio::sync::watch;

/// How far an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last record of its journal; 0 when that is not known.
    pub seq: u64,
    /// Whether it has ended.
    pub ended: bool,
}

/// A view of the progress of one execution. It keeps only the newest, so that a slow reader costs nothing.
#[derive(Clone, Debug)]
pub struct Watch {
    progress: watch::Receiver<Progress>,
}

impl Watch {
    /// What is known now.
    pub fn now(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Waits for more than was seen so far. A hint that nothing is known (`seq` 0) means: look.
    pub async fn changed(&mut self) -> Progress {
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.progress.borrow_and_update()
    }
}

/// The executions that somebody watches.
#[derive(Default)]
pub(crate) struct Watched {
    senders: Mutex<HashMap<ExecutionId, watch::Sender<Progress>>>,
}

impl Watched {
    fn senders(&self) -> MutexGuard<'_, HashMap<ExecutionId, watch::Sender<Progress>>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self, execution: ExecutionId) -> Watch {
        let mut senders = self.senders();
        // Those that nobody watches any more go when somebody else comes.
        if senders.len() % 64 == 63 {
            senders.retain(|_, sender| sender.receiver_count() > 0);
        }
        let start = Progress { seq: 0, ended: false };
        let sender = senders.entry(execution).or_insert_with(|| watch::channel(start).0);
        Watch { progress: sender.subscribe() }
    }

    /// The journal of an execution grew.
    pub(crate) fn tell(&self, execution: ExecutionId, progress: Progress) {
        let mut senders = self.senders();
        let Some(sender) = senders.get(&execution) else { return };
        sender.send_modify(|known| {
            *known = Progress { seq: known.seq.max(progress.seq), ended: known.ended || progress.ended };
        });
        if sender.receiver_count() == 0 {
            senders.remove(&execution);
        }
    }

    /// Hints were lost: everybody must look.
    pub(crate) fn tell_all(&self) {
        for sender in self.senders().values() {
            sender.send_modify(|_| {});
        }
    }
}
