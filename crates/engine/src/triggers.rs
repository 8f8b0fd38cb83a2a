//! Fires triggers when their time comes: schedules, and triggers that look for news.
//!
//! A timer row per trigger says when it is due; [`Store::fire`] moves it, records the occurrence and creates the
//! executions in one transaction, so that each occurrence counts once whatever happens to this process and however many
//! others there are. When a schedule is due next is asked of the version's timetable; the time is that of the database.

mod look;
mod occurrences;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::ids::TriggerId;
use model::{Item, Items, Lineage, Origin};
use sdk::trigger::Trigger;
use store::timers::{DueTrigger, Firing};
use store::{Store, Wakeup};
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::occurrences::Occurrences;
use crate::engine::Engine;
use crate::plan::Plan;
use crate::start::{StartError, StartRequest, TriggerKind};

/// Triggers that are fired at the same time.
const AT_ONCE: usize = 16;
/// How long nobody looks when nothing is due and nobody says that something is.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The same where other processes set timers, whose hints may be lost.
const LONGEST_SHARED_REST: Duration = Duration::from_secs(5);
/// How long it takes to look again at least; hints come by the thousand.
const SHORTEST_REST: Duration = Duration::from_millis(50);
/// How long to wait after the storage refused.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// Fires triggers until `shutdown` is cancelled. Firings that have begun end first; one that is killed happens again,
/// or in another process.
pub async fn run(engine: Engine, shutdown: CancellationToken) {
    let store = engine.shared.store.clone();
    let mut hints = store.wakeups();
    let firing = Arc::new(Mutex::new(HashSet::new()));
    let mut tasks = JoinSet::new();
    while !shutdown.is_cancelled() {
        while tasks.try_join_next().is_some() {}
        let rest = match due(&store, AT_ONCE * 4).await {
            Ok(Next::Due(due)) => {
                for due in due {
                    if tasks.len() >= AT_ONCE {
                        tasks.join_next().await;
                    }
                    begin(&engine, &firing, &mut tasks, due);
                }
                Duration::ZERO
            }
            Ok(Next::Rest(rest)) => rest,
            Err(error) => {
                tracing::warn!(%error, "due triggers cannot be read");
                AFTER_TROUBLE
            }
        };
        let wait = wait(&mut hints, &mut tasks, rest);
        if shutdown.run_until_cancelled(wait).await.is_none() {
            break;
        }
    }
    while tasks.join_next().await.is_some() {}
}

enum Next {
    Due(Vec<DueTrigger>),
    Rest(Duration),
}

async fn due(store: &Store, limit: usize) -> store::Result<Next> {
    let due = store.due_triggers(limit).await?;
    if !due.is_empty() {
        return Ok(Next::Due(due));
    }
    let longest = if store.is_shared() { LONGEST_SHARED_REST } else { LONGEST_REST };
    let Some(next) = store.next_due().await? else { return Ok(Next::Rest(longest)) };
    let until = next.duration_since(store.now().await?);
    Ok(Next::Rest(Duration::try_from(until).unwrap_or_default().min(longest)))
}

/// Waits until something may be due. Hints are looked at together, and what is being fired already is not asked for
/// all the time.
async fn wait(hints: &mut broadcast::Receiver<Wakeup>, tasks: &mut JoinSet<()>, rest: Duration) {
    let rest = tokio::time::sleep(rest.max(SHORTEST_REST));
    tokio::pin!(rest);
    loop {
        tokio::select! {
            () = &mut rest => return,
            // What has been fired may be due again, or somebody waits for its place.
            Some(_) = tasks.join_next() => return,
            hint = hints.recv() => {
                let mut concerns_us = is_ours(hint);
                tokio::time::sleep(SHORTEST_REST).await;
                loop {
                    match hints.try_recv() {
                        Ok(hint) => concerns_us |= is_ours(Ok(hint)),
                        Err(TryRecvError::Lagged(_)) => concerns_us = true,
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                    }
                }
                if concerns_us {
                    return;
                }
            }
        }
    }
}

fn is_ours(hint: Result<Wakeup, broadcast::error::RecvError>) -> bool {
    !matches!(hint, Ok(Wakeup::Queue | Wakeup::Signals(_) | Wakeup::Progress { .. }))
}

/// Fires a trigger in a task of its own, unless this process is at it already.
fn begin(engine: &Engine, firing: &Arc<Mutex<HashSet<TriggerId>>>, tasks: &mut JoinSet<()>, due: DueTrigger) {
    let taken = firing.lock().expect("nobody panics while holding the set").insert(due.trigger);
    if !taken {
        return;
    }
    let (engine, firing) = (engine.clone(), firing.clone());
    tasks.spawn(async move {
        let trigger = due.trigger;
        match fire(&engine, &due).await {
            // Another process was faster.
            Ok(()) | Err(StartError::Storage(store::Error::Stale)) => {}
            Err(error) => {
                tracing::warn!(trigger.id = %trigger, %error, "a trigger could not be fired and is tried again");
                tokio::time::sleep(AFTER_TROUBLE).await;
            }
        }
        firing.lock().expect("nobody panics while holding the set").remove(&trigger);
    });
}

/// Fires a trigger: what it starts, when it is due next, all in one transaction.
pub async fn fire(engine: &Engine, due: &DueTrigger) -> Result<(), StartError> {
    let store = &engine.shared.store;
    let stored = match store.trigger(due.workspace, due.trigger).await {
        Ok(stored) if stored.is_active => stored,
        Ok(_) | Err(store::Error::NotFound(_)) => {
            return Ok(store.schedule(due.workspace, due.trigger, None).await?);
        }
        Err(error) => return Err(error.into()),
    };
    let firing = |next_due_at| Firing {
        workspace: due.workspace,
        trigger: due.trigger,
        due_at: due.due_at,
        occurrences: Vec::new(),
        starts: Vec::new(),
        next_due_at,
        cursor: None,
        error: None,
    };
    // Nothing of it can be set right by trying again.
    let broken = |error: String| Firing { error: Some(error), ..firing(None) };
    let plan = match engine.plans().get(stored.workspace, stored.workflow, stored.version).await {
        Ok(plan) => plan,
        Err(error @ (StartError::NotFound(_) | StartError::Invalid(_))) => {
            return Ok(store.fire(broken(error.to_string())).await?);
        }
        Err(error) => return Err(error),
    };
    let zone = zone(engine, &plan);
    let found = plan.nodes().iter().position(|node| node.info.key == stored.node);
    let Some(node) = found.filter(|index| !plan.node(*index).info.disabled) else {
        return Ok(store.fire(broken(format!("the workflow has no node \"{}\"", stored.node))).await?);
    };
    let start = |items: Items, kind: TriggerKind| {
        let of = (stored.workspace, stored.workflow, stored.version);
        engine.prepare(StartRequest::new(of, stored.node.as_str(), items, kind))
    };
    match &plan.node(node).trigger {
        Some(Ok(Trigger::Schedule(schedule))) => {
            let now = store.now().await?;
            let found = Occurrences::find(schedule, due.due_at, now, &zone);
            let mut firing = firing(found.next);
            for (_, starts) in &found.all {
                if *starts {
                    firing.starts.push(start(single(Item::default()), TriggerKind::Schedule).await?);
                }
            }
            firing.occurrences = found.all;
            store.fire(firing).await?;
        }
        Some(Ok(Trigger::Poll(poll))) => {
            let looked = look::look(engine, &stored, &plan, node, &zone).await;
            let now = store.now().await?;
            let mut firing = firing(next_look(poll, due.due_at, now, &zone));
            match looked {
                Ok(polled) => {
                    if !polled.items.is_empty() {
                        firing.starts.push(start(Arc::new(polled.items), TriggerKind::Poll).await?);
                    }
                    firing.cursor = Some(polled.cursor.to_json());
                }
                Err(error) => firing.error = Some(error.message),
            }
            store.fire(firing).await?;
        }
        Some(Err(error)) => store.fire(broken(error.to_string())).await?,
        _ => store.fire(firing(None)).await?,
    }
    Ok(())
}

/// When to look next: a look that was late does not make the next one come at once.
fn next_look(
    poll: &sdk::trigger::Poll,
    due_at: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<Timestamp> {
    poll.timetable.next_after(now.max(due_at), zone)
}

fn single(item: Item) -> Items {
    Arc::new(vec![Item { lineage: Lineage::one(Origin::item(0)), ..item }])
}

/// The zone in which the times of a version are meant.
pub(crate) fn zone(engine: &Engine, plan: &Plan) -> TimeZone {
    let named = plan.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
    named.unwrap_or_else(|| engine.shared.config.zone.clone())
}
