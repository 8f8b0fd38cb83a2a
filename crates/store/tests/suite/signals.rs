//! What others want reaches the owner, or makes one.

use futures_util::future::join;
use model::ExecutionStatus;
use store::{Error, Wakeup, signals::Kind};

use crate::fixture::{Fixture, Head, id, leased};

async fn a_signal_waits_for_the_owner_or_queues_the_execution(f: Fixture) {
    let owned = f.made(f.start()).await;
    let free = f.made(f.start()).await;
    let free = f.made(f.waits(free)).await;
    let mut hints = f.store.wakeups();
    f.store.signal(f.signal(owned, Kind::Pause)).await.expect("it lives");
    let wanted = Wakeup::Signals(owned.execution);
    while hints.recv().await.expect("a hint comes") != wanted {}
    assert!(!f.is_queued(owned).await);
    f.store.signal(f.signal(free, Kind::Cancel)).await.expect("it lives");
    f.store.signal(f.signal(free, Kind::Resume)).await.expect("it lives");
    assert!(f.is_queued(free).await);
    assert_eq!(f.head(free).await.0, "waiting");

    let lease = f.claim(5).await.remove(0);
    assert_eq!(lease.execution, free.execution);
    let signals = f.store.signals(f.workspace, free.execution).await.expect("signals can be read");
    assert_eq!(signals.iter().map(|signal| signal.kind).collect::<Vec<_>>(), [Kind::Cancel, Kind::Resume]);
    assert!(signals.is_sorted_by(|a, b| a.id < b.id));
    // One becomes a record, the other is still there when the owner goes.
    let mut takes = f.waits(leased(&lease, free.seq));
    takes.taken.push(signals[0].id);
    f.made(takes).await;
    assert_eq!(
        f.store.signals(f.workspace, free.execution).await.expect("signals can be read"),
        signals[1..]
    );
    assert!(f.is_queued(free).await);
}

async fn nobody_can_want_anything_of_what_has_ended_or_is_not_theirs(f: Fixture) {
    let head = f.made(f.start()).await;
    let elsewhere = Head { workspace: id(), ..head };
    let outcome = f.store.signal(f.signal(elsewhere, Kind::Cancel)).await;
    assert!(matches!(outcome, Err(Error::NotFound("execution"))), "{outcome:?}");
    f.made(f.ends(head, ExecutionStatus::Completed)).await;
    let outcome = f.store.signal(f.signal(head, Kind::Cancel)).await;
    assert!(matches!(outcome, Err(Error::NotFound("execution"))), "{outcome:?}");
    // An execution that tells another which has ended is no worse for it.
    let mut tells = f.start();
    tells.signals.push(f.signal(head, Kind::Child));
    f.made(tells).await;
    assert_eq!(f.number("SELECT count(*) FROM execution_signals", vec![]).await, 0);
}

async fn a_long_signal_comes_back_as_it_was(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut signal = f.signal(head, Kind::Resolve);
    signal.payload = format!("[{}]", vec!["{\"a\":\"ä\"}"; 5_000].join(","));
    let payload = signal.payload.clone();
    f.store.signal(signal).await.expect("it lives");
    let signals = f.store.signals(f.workspace, head.execution).await.expect("signals can be read");
    assert_eq!(signals[0].payload, payload);
}

async fn no_signal_is_overlooked_when_the_owner_leaves_at_that_moment(f: Fixture) {
    for round in 0..40 {
        let head = f.made(f.start()).await;
        let leaves = f.store.commit(f.waits(head));
        let signal = f.store.signal(f.signal(head, Kind::Resume));
        let (left, stored) = if round % 2 == 0 {
            join(leaves, signal).await
        } else {
            let (stored, left) = join(signal, leaves).await;
            (left, stored)
        };
        left.expect("the owner may leave");
        stored.expect("it lives");
        assert!(f.is_queued(head).await, "round {round}");
    }
}

crate::fixture::on_every_database!(
    a_signal_waits_for_the_owner_or_queues_the_execution,
    nobody_can_want_anything_of_what_has_ended_or_is_not_theirs,
    a_long_signal_comes_back_as_it_was,
    no_signal_is_overlooked_when_the_owner_leaves_at_that_moment,
);
