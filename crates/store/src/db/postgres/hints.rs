//! Hints between processes. What happens here within a moment is told to the others in one message, on a connection of its
//! own: a transaction with a NOTIFY takes a lock of the whole database when it commits, which must not hold up others.
//!
//! A hint may be lost. After every reconnect all there may be to do is hinted at.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::ExecutionId;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use crate::db::postgres::connect::Target;
use crate::error::Result;
use crate::store::Wakeup;

/// How long hints are collected.
const MOMENT: Duration = Duration::from_millis(50);

/// Executions named in one message at most, of each sort; a message holds 8,000 bytes.
const NAMED: usize = 75;

/// Tells this process and the others. Cheap to clone; the last clone ends the connection.
#[derive(Clone)]
pub(crate) struct Hints(Arc<Inner>);

struct Inner {
    local: broadcast::Sender<Wakeup>,
    outbox: Arc<Outbox>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Outbox {
    pending: Mutex<Pending>,
    filled: Notify,
}

/// What the others do not know yet.
#[derive(Default)]
struct Pending {
    queue: bool,
    timers: bool,
    triggers: bool,
    signals: HashSet<ExecutionId>,
    progress: HashMap<ExecutionId, (u64, bool)>,
}

impl Hints {
    pub(crate) fn start(target: Target, local: broadcast::Sender<Wakeup>) -> Self {
        let outbox = Arc::new(Outbox::default());
        let task = tokio::spawn(serve(target, local.clone(), outbox.clone()));
        Self(Arc::new(Inner { local, outbox, task }))
    }

    pub(crate) fn tell(&self, wakeups: impl IntoIterator<Item = Wakeup>) {
        let mut told = false;
        let mut pending = self.0.outbox.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for wakeup in wakeups {
            pending.add(&wakeup);
            // Nobody has to listen.
            let _ = self.0.local.send(wakeup);
            told = true;
        }
        drop(pending);
        if told {
            self.0.outbox.filled.notify_one();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps a connection that listens and tells.
async fn serve(target: Target, local: broadcast::Sender<Wakeup>, outbox: Arc<Outbox>) {
    let mut pause = Duration::from_millis(50);
    let mut first = true;
    loop {
        match exchange(&target, &local, &outbox, &mut first).await {
            Ok(()) => pause = Duration::from_millis(50),
            Err(error) => {
                tracing::debug!(%error, "hints of other processes do not come through");
                pause = (pause * 2).min(Duration::from_secs(2));
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Exchanges hints until the connection ends.
async fn exchange(
    target: &Target,
    local: &broadcast::Sender<Wakeup>,
    outbox: &Outbox,
    first: &mut bool,
) -> Result<()> {
    let (inbox, mut received) = mpsc::unbounded_channel();
    let (client, connection) = target.listen(inbox).await?;
    let _connection = AbortOnDrop(connection);
    let unavailable = |error| crate::error::Error::Unavailable(Box::new(error));
    let own: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(unavailable)?;
    client.batch_execute("LISTEN runnel").await.map_err(unavailable)?;
    let tell = client.prepare("SELECT pg_notify('runnel', $1)").await.map_err(unavailable)?;
    if !std::mem::take(first) {
        for missed in [Wakeup::Queue, Wakeup::Timers, Wakeup::Triggers] {
            let _ = local.send(missed);
        }
    }
    loop {
        tokio::select! {
            message = received.recv() => match message {
                None => return Ok(()),
                Some(AsyncMessage::Notification(told)) if told.process_id() != own => {
                    for wakeup in read(told.payload()) {
                        let _ = local.send(wakeup);
                    }
                }
                Some(_) => {}
            },
            () = outbox.filled.notified() => {
                tokio::time::sleep(MOMENT).await;
                let pending = std::mem::take(&mut *outbox.pending.lock().unwrap_or_else(PoisonError::into_inner));
                client.query(&tell, &[&pending.message()]).await.map_err(unavailable)?;
            }
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pending {
    fn add(&mut self, wakeup: &Wakeup) {
        match wakeup {
            Wakeup::Queue => self.queue = true,
            Wakeup::Timers => self.timers = true,
            Wakeup::Triggers => self.triggers = true,
            Wakeup::Signals(execution) if self.signals.len() < NAMED => {
                self.signals.insert(*execution);
            }
            // Nobody waits for the progress of so many.
            Wakeup::Progress { execution, seq, ended }
                if self.progress.len() < NAMED || self.progress.contains_key(execution) =>
            {
                self.progress.insert(*execution, (*seq, *ended));
            }
            Wakeup::Signals(_) | Wakeup::Progress { .. } => {}
        }
    }

    /// Words with a letter for what they mean.
    fn message(&self) -> String {
        let mut text = String::new();
        for (is_set, word) in [(self.queue, "q "), (self.timers, "t "), (self.triggers, "g ")] {
            text.push_str(if is_set { word } else { "" });
        }
        for execution in &self.signals {
            let _ = write!(text, "s{execution} ");
        }
        for (execution, (seq, ended)) in &self.progress {
            let _ = write!(text, "{}{execution}:{seq} ", if *ended { 'e' } else { 'p' });
        }
        text
    }
}

/// What a message says. Words of another version are skipped.
fn read(message: &str) -> impl Iterator<Item = Wakeup> {
    message.split_ascii_whitespace().filter_map(|word| {
        let rest = word.get(1..)?;
        match (word.as_bytes().first()?, rest.split_once(':')) {
            (b'q', _) => Some(Wakeup::Queue),
            (b't', _) => Some(Wakeup::Timers),
            (b'g', _) => Some(Wakeup::Triggers),
            (b's', None) => Some(Wakeup::Signals(rest.parse().ok()?)),
            (sort @ (b'p' | b'e'), Some((execution, seq))) => Some(Wakeup::Progress {
                execution: execution.parse().ok()?,
                seq: seq.parse().ok()?,
                ended: *sort == b'e',
            }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_process_tells_another_reads() {
        let execution = ExecutionId::new(1, [7; 10]);
        let wakeups = [
            Wakeup::Queue,
            Wakeup::Triggers,
            Wakeup::Signals(execution),
            Wakeup::Progress { execution, seq: 12, ended: true },
        ];
        let mut pending = Pending::default();
        wakeups.iter().for_each(|wakeup| pending.add(wakeup));
        assert_eq!(read(&pending.message()).collect::<Vec<_>>(), wakeups);
        assert_eq!(read("x1 q s-- p:1 t").collect::<Vec<_>>(), [Wakeup::Queue, Wakeup::Timers]);
    }

    #[test]
    fn a_message_is_never_too_long() {
        let mut pending = Pending::default();
        for number in 0..1_000 {
            let execution = ExecutionId::new(number, [0; 10]);
            pending.add(&Wakeup::Signals(execution));
            pending.add(&Wakeup::Progress { execution, seq: u64::MAX, ended: false });
        }
        assert!(pending.message().len() < 8_000, "{}", pending.message().len());
    }
}
