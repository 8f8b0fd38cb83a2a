//! What a process does all the time: claims, lives, fires timers, delivers hints, looks for what is stuck.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use store::queue::SUSPECT_DEATHS;
use store::signals::Kind;
use store::{Claim, HEARTBEAT, NewSignal, Wakeup};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::shared::{Shared, add};
use super::watch::Progress;
use crate::session::News;

/// Leases that are taken at once.
const CLAIM: usize = 64;
/// Timers that are fired at once.
const TIMERS: usize = 500;
/// How often to look for work that nobody gave a hint of, where others may queue some.
const LOOK_FOR_WORK: Duration = Duration::from_secs(5);
/// The same for timers.
const LOOK_FOR_TIMERS: Duration = Duration::from_secs(10);
/// How often to look for owners that have died.
const LOOK_FOR_DEATHS: Duration = Duration::from_secs(5);
/// How often to look for executions that nothing will move.
const LOOK_FOR_STUCK: Duration = Duration::from_secs(60);
/// How long to wait when the storage does not answer.
const PAUSE: Duration = Duration::from_millis(500);

impl Shared {
    /// Claims what is queued as long as there is room for it.
    pub(crate) async fn claim_loop(self: Arc<Self>) {
        if self.config.concurrency == 0 {
            return;
        }
        let mut looks = 0u32;
        loop {
            let freed = self.slots.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let claiming = self.claiming.lock().await;
            if self.is(&self.draining) {
                return;
            }
            let claimed = self.claim().await;
            drop(claiming);
            match claimed {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "nothing can be claimed");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            let wants_room = self.is(&self.backlog) || self.is(&self.held_back);
            let look = async {
                match self.store.is_shared() {
                    true => tokio::time::sleep(LOOK_FOR_WORK).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.queue_bell.notified() => self.backlog.store(true, Ordering::Release),
                () = &mut freed, if wants_room => self.backlog.store(true, Ordering::Release),
                () = look => {
                    self.backlog.store(true, Ordering::Release);
                    // Another process may have found some.
                    looks += 1;
                    if looks.is_multiple_of(6) {
                        self.suspects.store(true, Ordering::Release);
                    }
                }
            }
        }
    }

    /// Claims once. Gives whether there may be more.
    pub(crate) async fn claim(self: &Arc<Self>) -> store::Result<bool> {
        let room = self.room();
        let full = self.slots.full(room);
        let free = room.executions.saturating_sub(self.slots.running());
        if free == 0 || !self.is(&self.backlog) {
            return Ok(false);
        }
        // Where limits are at work each claim may change what the next one may take, and what was taken in vain would
        // lose its place. Nobody knows that before, so claims begin small and grow while what they take has no limits.
        let limit = match self.slots.holds_back(room) {
            true => 1,
            false => free.min(self.stride.load(Ordering::Acquire)),
        };
        let claim = Claim {
            worker: self.worker,
            limit,
            full_workflows: full.workflows,
            full_workspaces: full.workspaces,
            full_keys: full.keys,
            suspects: false,
        };
        // Hints that come from now on are about what this claim may have missed.
        self.backlog.store(false, Ordering::Release);
        let again = |error| {
            self.backlog.store(true, Ordering::Release);
            error
        };
        let mut leases = self.store.claim(claim.clone()).await.map_err(again)?;
        let more = leases.len() == limit;
        if leases.len() < limit && !full.suspects && self.suspects.swap(false, Ordering::AcqRel) {
            let one = Claim { limit: 1, suspects: true, ..claim };
            leases.extend(self.store.claim(one).await.map_err(again)?);
        }
        let suspect = leases.iter().any(|lease| lease.deaths >= SUSPECT_DEATHS);
        if suspect {
            // There may be another one behind it.
            self.suspects.store(true, Ordering::Release);
        }
        if more {
            self.backlog.store(true, Ordering::Release);
        }
        add(&self.counters.claimed, leases.len() as u64);
        let mut put_back = false;
        let mut limited = false;
        for lease in leases {
            // A limit of the workflow is known only with its plan.
            let plan = self.plans.get(lease.workspace, lease.workflow, lease.version).await;
            limited |= lease.concurrency_key.is_some();
            limited |= plan.is_ok_and(|plan| plan.max_concurrent.is_some());
            match self.seat(&lease) {
                Some(slot) => self.go_on(lease, slot),
                None => {
                    put_back = true;
                    self.put_back(&lease).await;
                }
            }
        }
        let holds_back = put_back || self.slots.holds_back(room);
        self.held_back.store(holds_back, Ordering::Release);
        if put_back || limited {
            self.stride.store(1, Ordering::Release);
        } else if more {
            self.stride.store((2 * limit).min(CLAIM), Ordering::Release);
        }
        Ok(more && !put_back)
    }

    /// Queues an execution again that was claimed beyond a limit.
    async fn put_back(self: &Arc<Self>, lease: &store::Lease) {
        let handed_back = async {
            let head = self.store.execution(lease.workspace, lease.execution).await?;
            let commit = store::Commit {
                fence: lease.fence,
                seq: head.seq,
                status: head.status,
                run_us: head.run_us,
                lease: store::LeaseAfter::Queue,
                ..super::resume::empty(lease.workspace, lease.execution)
            };
            self.store.commit(commit).await
        };
        if let Err(error) = handed_back.await {
            let execution = lease.execution;
            tracing::warn!(%execution, error = &error as &dyn std::error::Error, "a lease cannot be handed back");
            self.adopt(lease.workspace, lease.execution);
        }
    }

    /// Says that this process lives, and lets go of what it no longer owns.
    pub(crate) async fn heartbeat_loop(self: Arc<Self>) {
        if !self.store.is_shared() {
            return std::future::pending().await;
        }
        loop {
            let holds = self.slots.executions();
            if holds.is_empty() {
                tokio::time::sleep(HEARTBEAT).await;
                continue;
            }
            match self.store.heartbeat(self.worker, &holds).await {
                Ok(lost) => {
                    for execution in lost {
                        self.slots.tell(execution, News::Lost);
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no heartbeat");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// Queues what dead owners left.
    pub(crate) async fn reap_loop(self: Arc<Self>) {
        loop {
            match self.reap().await {
                // Only this process works on the folder.
                Ok(None) => return std::future::pending().await,
                Ok(Some(pause)) => tokio::time::sleep(pause).await,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "dead owners cannot be looked for"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Looks once, and says when to look again.
    async fn reap(&self) -> store::Result<Option<Duration>> {
        let shared = self.store.is_shared();
        if shared {
            let expiry = self.store.next_expiry().await?;
            if let Some(left) = expiry.is_none_or(|left| !left.is_zero()).then_some(expiry) {
                return Ok(Some(
                    left.unwrap_or(LOOK_FOR_DEATHS).clamp(Duration::from_millis(20), LOOK_FOR_DEATHS),
                ));
            }
        }
        let reaped = self.store.reap(self.worker).await?;
        if !reaped.is_empty() {
            tracing::info!(executions = reaped.len(), "executions of dead owners were queued again");
            add(&self.counters.reaped, reaped.len() as u64);
            if reaped.iter().any(|reaped| reaped.deaths >= SUSPECT_DEATHS) {
                self.suspects.store(true, Ordering::Release);
            }
            self.queue_bell.notify_one();
        }
        Ok(shared.then_some(Duration::from_millis(100)))
    }

    /// Fires the timers of executions.
    pub(crate) async fn timer_loop(self: Arc<Self>) {
        loop {
            let next = match self.fire_timers().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "timers cannot be fired");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let look = self.store.is_shared().then(|| Instant::now() + LOOK_FOR_TIMERS);
            let wake = [next, look].into_iter().flatten().min();
            tokio::select! {
                () = self.timer_bell.notified() => {}
                () = async {
                    match wake {
                        Some(wake) => tokio::time::sleep_until(wake).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    /// Fires what is due, and says when to look again.
    pub(crate) async fn fire_timers(&self) -> store::Result<Option<Instant>> {
        while self.next_timer().await?.is_some_and(|pause| pause.is_zero()) {
            let fired = self.store.fire_timers(TIMERS).await?;
            let all = fired.len() < TIMERS;
            add(&self.counters.timers_fired, fired.len() as u64);
            for (_, execution) in fired {
                if !self.slots.tell(execution, News::Wanted) {
                    self.backlog.store(true, Ordering::Release);
                    self.queue_bell.notify_one();
                }
            }
            if all {
                break;
            }
        }
        // Not at once, for what is due and was not fired is not ours to fire.
        let least = Duration::from_millis(5);
        let next = self.next_timer().await?;
        Ok(next.map(|pause| Instant::now() + pause.clamp(least, Duration::from_secs(24 * 3_600))))
    }

    /// How long until the next timer is due.
    async fn next_timer(&self) -> store::Result<Option<Duration>> {
        let Some(due) = self.store.next_due().await? else { return Ok(None) };
        // The clock by which it is due.
        let now = self.store.now().await?;
        Ok(Some({
            let pause = due.as_microsecond().saturating_sub(now.as_microsecond());
            Duration::from_micros(u64::try_from(pause).unwrap_or_default())
        }))
    }

    /// Passes on the store's hints.
    pub(crate) async fn hint_loop(self: Arc<Self>, mut wakeups: tokio::sync::broadcast::Receiver<Wakeup>) {
        loop {
            match wakeups.recv().await {
                Ok(Wakeup::Queue) => self.queue_bell.notify_one(),
                Ok(Wakeup::Signals(execution)) => _ = self.slots.tell(execution, News::Wanted),
                Ok(Wakeup::Timers) => self.timer_bell.notify_one(),
                Ok(Wakeup::Progress { execution, seq, ended }) => {
                    self.watched.tell(execution, Progress { seq, ended });
                }
                Ok(Wakeup::Triggers) => {}
                Err(RecvError::Lagged(_)) => {
                    self.queue_bell.notify_one();
                    self.timer_bell.notify_one();
                    self.slots.tell_all(News::Wanted);
                    self.watched.tell_all();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Looks once a minute for executions that nothing will move, and queues them.
    pub(crate) async fn stuck_loop(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_FOR_STUCK).await;
            if let Err(error) = self.look_for_stuck().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "stuck executions cannot be looked for"
                );
            }
        }
    }

    pub(crate) async fn look_for_stuck(&self) -> store::Result<usize> {
        let stuck = self.store.stuck_executions().await?;
        for (workspace, execution) in stuck.iter().copied() {
            tracing::error!(%workspace, %execution, "nothing would move the execution any more; it is queued again");
            // Means nothing to an execution that is not paused, and queues one that nobody owns.
            let (kind, payload) = (Kind::Resume, "{}".to_owned());
            match self.store.signal(NewSignal { workspace, execution, kind, payload }).await {
                Ok(_) => add(&self.counters.stuck, 1),
                // It ended in the meantime.
                Err(store::Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stuck.len())
    }
}
