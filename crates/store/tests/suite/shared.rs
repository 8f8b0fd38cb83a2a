//! Several processes on one PostgreSQL, each with a store of its own.

use std::time::Duration;

use futures_util::future::join_all;
use model::ids::WorkerId;
use store::{Claim, Error, Store, Wakeup};

use crate::fixture::{Fixture, executions, id, leased};
use crate::support::Kind;

async fn two() -> (Fixture, Store) {
    let fixture = Fixture::on(Kind::Postgres).await;
    let other = Store::open(fixture.config()).await.expect("another process may open it too");
    (fixture, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_postgres_claim_each_execution_once() {
    let (f, other) = two().await;
    let starts: Vec<_> = (0..400).map(|_| f.queued()).collect();
    join_all(starts.into_iter().map(|start| f.made(start))).await;
    let claims = (0..60).map(|number| {
        let store = if number % 2 == 0 { &f.store } else { &other };
        let claim = Claim { worker: id::<WorkerId>(), ..f.wants(10) };
        async move { store.claim(claim).await.expect("the queue answers") }
    });
    let mut leases: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    // What another process had locked at that moment is there for the next who asks.
    for store in [&f.store, &other] {
        leases.extend(store.claim(f.wants(400)).await.expect("the queue answers"));
    }
    assert_eq!(leases.len(), 400);
    assert_eq!(executions(&leases).len(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_on_postgres_whose_lease_ran_out_writes_nothing_more() {
    let (f, other) = two().await;
    let head = f.made(f.start()).await;
    let held = f.made(f.start()).await;
    assert_eq!(other.reap(id()).await.expect("leases can be read"), []);
    let late = "UPDATE executions SET lease_until = now() - interval '1 ms' WHERE id = $1";
    f.store
        .probe(late, vec![store::testing::Value::Id(*head.execution.as_bytes())])
        .await
        .expect("time passes");
    let reaped = other.reap(id()).await.expect("leases can be read");
    assert_eq!(
        reaped.iter().map(|reaped| (reaped.execution, reaped.deaths)).collect::<Vec<_>>(),
        [(head.execution, 1)]
    );
    // Nobody owns it now, and later somebody else does.
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Stale)));
    let lease = other.claim(Claim { worker: id(), ..f.wants(5) }).await.expect("the queue answers").remove(0);
    assert_eq!((lease.execution, lease.deaths), (head.execution, 1));
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Stale)));
    let lost =
        f.store.heartbeat(f.worker, &[head.execution, held.execution]).await.expect("leases can be read");
    assert_eq!(lost, [head.execution]);
    assert_eq!(f.seqs(head).await, [1]);
    other.commit(f.next(leased(&lease, head.seq), 2)).await.expect("the owner may");
    assert_eq!(f.seqs(head).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_on_postgres_renews_what_a_worker_holds_and_nothing_else() {
    let (f, other) = two().await;
    let (held, forgotten) = (f.made(f.start()).await, f.made(f.start()).await);
    let soon = "UPDATE executions SET lease_until = now() + interval '300 ms'";
    f.store.probe(soon, vec![]).await.expect("time passes");
    assert_eq!(f.store.heartbeat(f.worker, &[held.execution]).await.expect("leases can be read"), []);
    let reaped = loop {
        let reaped = other.reap(id()).await.expect("leases can be read");
        if !reaped.is_empty() {
            break reaped;
        }
    };
    assert_eq!(reaped.iter().map(|reaped| reaped.execution).collect::<Vec<_>>(), [forgotten.execution]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_postgres_hear_of_each_other() {
    let (f, other) = two().await;
    let mut hints = other.wakeups();
    // The other one listens soon after it was opened.
    let heard = async {
        loop {
            let head = f.made(f.queued()).await;
            let wanted =
                [Wakeup::Queue, Wakeup::Progress { execution: head.execution, seq: head.seq, ended: false }];
            let mut missing = wanted.to_vec();
            let patience = Duration::from_millis(500);
            while let Ok(hint) = tokio::time::timeout(patience, hints.recv()).await {
                missing.retain(|wanted| Ok(wanted) != hint.as_ref());
                if missing.is_empty() {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("hints come through");
}
