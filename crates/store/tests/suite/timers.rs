//! Timers fire once, whoever tries.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use model::ids::TriggerId;
use store::commit::ExecutionTimer;
use store::timers::{DueTrigger, Firing};
use store::{Error, Wakeup, signals};

use crate::fixture::{Fixture, Head, id, in_seconds, key};

async fn waiting(f: &Fixture, timers: &[(&str, i64)]) -> Head {
    let head = f.made(f.start()).await;
    let mut waits = f.waits(head);
    for (key, seconds) in timers {
        waits.timers.push(ExecutionTimer { key: (*key).into(), due_at: in_seconds(*seconds) });
    }
    f.made(waits).await
}

async fn a_timer_that_is_due_becomes_a_signal_once(f: Fixture) {
    let late = waiting(&f, &[("wait:1", 60)]).await;
    let mut hints = f.store.wakeups();
    let due = waiting(&f, &[("wait:\"1\"", -1), ("retry:2:1", 60)]).await;
    while hints.recv().await.expect("a hint comes") != Wakeup::Timers {}
    let next = f.store.next_due().await.expect("timers can be read").expect("there are some");
    assert!(next < in_seconds(0));
    assert_eq!(f.store.fire_timers(100).await.expect("timers fire"), [(f.workspace, due.execution)]);
    assert_eq!(f.store.fire_timers(100).await.expect("timers fire"), []);
    assert!(f.is_queued(due).await && !f.is_queued(late).await);
    let signals = f.store.signals(f.workspace, due.execution).await.expect("signals can be read");
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].kind, signals::Kind::Timer);
    let payload: serde_json::Value = serde_json::from_str(&signals[0].payload).expect("it is JSON");
    assert_eq!(payload, serde_json::json!({ "key": "wait:\"1\"" }));
    assert!(f.store.next_due().await.expect("timers can be read").expect("there are some") > next);
}

async fn a_timer_is_replaced_and_dropped_by_its_key(f: Fixture) {
    let head = f.made(f.start()).await;
    let timer = |key: &str, seconds| ExecutionTimer { key: key.into(), due_at: in_seconds(seconds) };
    let mut first = f.next(head, 1);
    first.timers = vec![timer("a", -5), timer("b", -5), timer("c", -5)];
    let head = f.made(first).await;
    let mut second = f.next(head, 1);
    second.timers = vec![timer("a", 60)];
    second.dropped_timers = vec!["b".into(), "unknown".into()];
    f.made(second).await;
    f.store.fire_timers(10).await.expect("timers fire");
    let signals = f.store.signals(f.workspace, head.execution).await.expect("signals can be read");
    assert_eq!(signals.len(), 1);
    assert!(signals[0].payload.contains("\"c\""));
    assert_eq!(f.number("SELECT count(*) FROM timers WHERE key = 'a'", vec![]).await, 1);
}

async fn ten_thousand_timers_fire_once_each(f: Fixture) {
    let waits = (0..10_000).map(|_| {
        let mut start = f.start();
        start.status = model::ExecutionStatus::Waiting;
        start.lease = store::LeaseAfter::Release;
        start.timers.push(ExecutionTimer { key: "wait:1".into(), due_at: in_seconds(-1) });
        f.made(start)
    });
    join_all(waits).await;
    let firing = (0..4).map(|_| async {
        let mut fired = Vec::new();
        loop {
            let some = f.store.fire_timers(500).await.expect("timers fire");
            if some.is_empty() {
                return fired;
            }
            fired.extend(some);
        }
    });
    let fired: Vec<_> = join_all(firing).await.into_iter().flatten().collect();
    assert_eq!(fired.len(), 10_000);
    assert_eq!(fired.into_iter().collect::<BTreeSet<_>>().len(), 10_000);
    assert_eq!(f.number("SELECT count(*) FROM execution_signals", vec![]).await, 10_000);
    assert_eq!(f.store.queue_depth().await.expect("the queue answers"), 10_000);
}

fn firing(f: &Fixture, due: &DueTrigger) -> Firing {
    Firing {
        workspace: due.workspace,
        trigger: due.trigger,
        due_at: due.due_at,
        occurrences: vec![(due.due_at, true)],
        starts: vec![f.start()],
        next_due_at: Some(in_seconds(60)),
        cursor: None,
        error: None,
    }
}

async fn due(f: &Fixture, trigger: TriggerId, seconds: i64) -> DueTrigger {
    f.store.schedule(f.workspace, trigger, Some(in_seconds(seconds))).await.expect("the trigger is there");
    let due = f.store.due_triggers(10).await.expect("timers can be read");
    due.into_iter().find(|due| due.trigger == trigger).expect("it is due")
}

async fn an_occurrence_of_a_trigger_fires_once(f: Fixture) {
    let trigger = f.add_trigger().await;
    for round in 1..=10 {
        let due = due(&f, trigger, -100 + round).await;
        let (one, two) = join(f.store.fire(firing(&f, &due)), f.store.fire(firing(&f, &due))).await;
        let stale = [&one, &two].into_iter().filter(|outcome| matches!(outcome, Err(Error::Stale))).count();
        assert!(stale == 1 && (one.is_ok() || two.is_ok()), "{one:?} {two:?}");
        assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, round);
        assert_eq!(f.number("SELECT count(*) FROM trigger_occurrences", vec![]).await, round);
        assert_eq!(f.store.due_triggers(10).await.expect("timers can be read"), []);
    }
    // Also when the trigger is set again for a time at which it fired.
    let again = due(&f, trigger, -200).await;
    f.store.fire(firing(&f, &again)).await.expect("it did not fire then");
    f.store.schedule(f.workspace, trigger, Some(again.due_at)).await.expect("the trigger is there");
    assert!(matches!(f.store.fire(firing(&f, &again)).await, Err(Error::Stale)));
}

async fn a_trigger_moves_its_cursor_with_what_it_starts_and_leaves_out_what_it_saw_before(f: Fixture) {
    let trigger = f.add_trigger().await;
    let seen = |name: &str| {
        let mut start = f.start();
        start.create.as_mut().expect("a start creates").key = Some(key(name));
        start
    };
    let mut first = firing(&f, &due(&f, trigger, -1).await);
    first.occurrences.clear();
    first.starts = vec![seen("a"), seen("b")];
    first.cursor = Some("{\"n\":2}".into());
    f.store.fire(first).await.expect("it fires");
    let mut second = firing(&f, &due(&f, trigger, -1).await);
    second.occurrences.clear();
    second.starts = vec![seen("b"), seen("c")];
    second.cursor = Some("{\"n\":3}".into());
    second.next_due_at = None;
    f.store.fire(second).await.expect("it fires");
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, 3);
    assert_eq!(f.store.next_due().await.expect("timers can be read"), None);
    let cursor = f.store.probe("SELECT cursor FROM triggers", vec![]).await.expect("triggers can be read");
    let store::testing::Value::Text(cursor) = &cursor[0][0] else { panic!("{cursor:?}") };
    assert_eq!(serde_json::from_str::<serde_json::Value>(cursor).expect("it is JSON")["n"], 3);
}

async fn a_trigger_is_due_only_while_it_is_scheduled(f: Fixture) {
    let trigger = f.add_trigger().await;
    let missing = f.store.schedule(f.workspace, id(), Some(in_seconds(1))).await;
    assert!(matches!(missing, Err(Error::NotFound("trigger"))), "{missing:?}");
    due(&f, trigger, -1).await;
    f.store.schedule(f.workspace, trigger, Some(in_seconds(60))).await.expect("the trigger is there");
    assert_eq!(f.store.due_triggers(10).await.expect("timers can be read"), []);
    assert!(f.store.next_due().await.expect("timers can be read").is_some());
    f.store.schedule(f.workspace, trigger, None).await.expect("the trigger is there");
    assert_eq!(f.store.next_due().await.expect("timers can be read"), None);
}

crate::fixture::on_every_database!(
    a_timer_that_is_due_becomes_a_signal_once,
    a_timer_is_replaced_and_dropped_by_its_key,
    ten_thousand_timers_fire_once_each,
    an_occurrence_of_a_trigger_fires_once,
    a_trigger_moves_its_cursor_with_what_it_starts_and_leaves_out_what_it_saw_before,
    a_trigger_is_due_only_while_it_is_scheduled,
);
