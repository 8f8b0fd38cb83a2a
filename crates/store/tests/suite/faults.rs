//! What is left after a crash at any moment, and with a full disk. The faults are SQLite's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join_all;
use model::ExecutionStatus;
use store::commit::ExecutionTimer;
use store::testing::{Faults, Side, Testing};
use store::{Error, LeaseAfter, signals};

use crate::fixture::{Fixture, Head, after, event, in_seconds, key, records};

/// Everything that a commit can do.
async fn everything(f: &Fixture) -> Head {
    let head = f.made(f.start()).await;
    let mut waits = f.waits(head);
    waits.timers.push(ExecutionTimer { key: "wait:1".into(), due_at: in_seconds(-1) });
    f.made(waits).await
}

/// The second part: several things in one transaction.
fn wake(f: &Fixture, head: Head) -> store::Commit {
    let mut start = records(&mut f.start(), 2);
    start.create.as_mut().expect("a start creates").key = Some(key("once"));
    start.timers.push(ExecutionTimer { key: "timeout".into(), due_at: in_seconds(60) });
    start.children.push(f.queued());
    start.signals.push(f.signal(head, signals::Kind::Child));
    start.events.push(event("execution.started"));
    start.static_data = Some("{}".into());
    start.lease = LeaseAfter::Queue;
    start
}

/// How many rows there are of everything that `wake` adds.
async fn added(f: &Fixture) -> i64 {
    let sql = "SELECT (SELECT count(*) FROM executions) * 1000000 + (SELECT count(*) FROM execution_events) * 100000
                    + (SELECT count(*) FROM timers) * 10000 + (SELECT count(*) FROM execution_queue) * 1000
                    + (SELECT count(*) FROM execution_signals) * 100 + (SELECT count(*) FROM domain_events) * 10
                    + (SELECT count(*) FROM inbox_events) + (SELECT count(*) FROM workflow_static_data)";
    f.number(sql, vec![]).await
}

#[tokio::test]
async fn a_crash_at_any_statement_leaves_all_of_a_commit_or_nothing() {
    let mut number = 1;
    let mut kept = 0;
    loop {
        let mut crashed_somewhere = false;
        for side in [Side::Before, Side::After] {
            let faults = Faults::default();
            let testing = Testing { inline: true, faults: faults.clone(), ..Testing::default() };
            let f = Fixture::sqlite_with(testing).await;
            let head = everything(&f).await;
            let before = added(&f).await;
            let commit = wake(&f, head);
            let started = after(&commit);
            faults.crash(number, side);
            let outcome = f.store.commit(commit).await;
            let crashed = faults.crashed();
            assert_eq!(outcome.is_err(), crashed);
            if crashed {
                crashed_somewhere = true;
                assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
                let after_crash = f.store.fire_timers(1).await;
                assert!(matches!(after_crash, Err(Error::Unavailable(_))), "{after_crash:?}");
            }
            let f = f.opened_again(Testing::default());
            let after = added(&f).await;
            if after == before {
                assert!(crashed, "what was answered is lost");
                f.made(wake(&f, head)).await;
            } else {
                kept += i32::from(crashed);
                assert_eq!(f.seqs(started).await, [1, 2, 3]);
            }
            assert_eq!(added(&f).await - before, 2_413_112, "statement {number}, {side:?}");
        }
        if !crashed_somewhere {
            break;
        }
        number += 1;
    }
    assert!(number > 15, "a commit of everything has more statements than {number}");
    assert_eq!(kept, 1, "only a crash after the commit keeps anything");
}

#[tokio::test]
async fn a_crash_answers_everybody_who_waits() {
    let faults = Faults::default();
    let f = Fixture::sqlite_with(Testing { faults: faults.clone(), ..Testing::default() }).await;
    let starts: Vec<_> = (0..500).map(|_| f.start()).collect();
    faults.crash(700, Side::Before);
    let outcomes = join_all(starts.into_iter().map(|start| async {
        let head = after(&start);
        (head, f.store.commit(start).await)
    }));
    let outcomes = outcomes.await;
    assert!(faults.crashed());
    let f = f.opened_again(Testing::default());
    let mut durable = 0;
    for (head, outcome) in outcomes {
        match outcome {
            Ok(()) => {
                durable += 1;
                assert_eq!(f.seqs(head).await, [1]);
            }
            Err(Error::Unavailable(_)) => assert_eq!(f.seqs(head).await.len(), 0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, durable);
}

#[tokio::test]
async fn a_full_disk_stores_nothing_by_halves_and_is_forgotten_when_there_is_room() {
    let faults = Faults::default();
    let f = Fixture::sqlite_with(Testing { faults: faults.clone(), ..Testing::default() }).await;
    let head = f.made(f.start()).await;
    faults.set_full(true);
    let starts: Vec<_> = (0..50).map(|_| f.start()).collect();
    for outcome in join_all(starts.into_iter().map(|start| f.store.commit(start))).await {
        assert!(matches!(outcome, Err(Error::Full)), "{outcome:?}");
    }
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Full)));
    faults.set_full(false);
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, 1);
    f.made(f.next(head, 1)).await;
    assert_eq!(f.seqs(head).await, [1, 2]);
}

#[tokio::test]
async fn a_database_that_may_not_grow_is_a_full_disk() {
    let f = Fixture::sqlite_with(Testing::default()).await;
    f.made(f.start()).await;
    f.store.probe("PRAGMA max_page_count = 100", vec![]).await.expect("a limit can be set");
    let mut stored = 1;
    let refused = loop {
        let mut start = records(&mut f.start(), 20);
        start.records.iter_mut().for_each(|record| record.payload = format!("\"{}\"", "x".repeat(1_000)));
        match f.store.commit(start).await {
            Ok(()) => stored += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    let executions = "SELECT count(*) FROM executions";
    assert_eq!(f.number(executions, vec![]).await, stored);
    assert_eq!(f.number("SELECT count(*) FROM execution_events", vec![]).await, 1 + (stored - 1) * 21);
    f.store.probe("PRAGMA max_page_count = 100000", vec![]).await.expect("a limit can be set");
    f.made(f.start()).await;
    assert_eq!(f.number(executions, vec![]).await, stored + 1);
}

#[tokio::test]
async fn with_a_virtual_clock_nothing_is_due_before_somebody_moves_it() {
    let clock = Arc::new(AtomicI64::new(1_000_000_000_000_000));
    let testing = Testing { inline: true, clock: Some(clock.clone()), ..Testing::default() };
    let f = Fixture::sqlite_with(testing).await;
    let head = f.made(f.start()).await;
    let mut waits = f.waits(head);
    let due_at = jiff::Timestamp::from_microsecond(1_000_000_060_000_000).expect("it is a time");
    waits.timers.push(ExecutionTimer { key: "wait:1".into(), due_at });
    f.made(waits).await;
    assert_eq!(f.store.fire_timers(10).await.expect("timers fire"), []);
    clock.store(1_000_000_060_000_000, Ordering::Relaxed);
    assert_eq!(f.store.fire_timers(10).await.expect("timers fire"), [(f.workspace, head.execution)]);
    let lease = f.claim(1).await.remove(0);
    let head = crate::fixture::leased(&lease, 2);
    f.made(f.ends(head, ExecutionStatus::Completed)).await;
}
