//! A PostgreSQL server that goes away and comes back, gracefully or not, costs time and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use store::testing::postgres::Temporary;
use store::{Config, Error, Store};

use crate::cluster::{self, Cluster};
use crate::fixture::{self, Fixture, after};

/// What an owner knows to be durable, or cannot know.
#[derive(Default)]
struct Log {
    durable: Vec<fixture::Head>,
    unknown: Vec<fixture::Head>,
}

/// Starts executions and goes on with them until it is told to stop.
async fn work(f: Arc<Fixture>, stop: Arc<AtomicBool>, made: Arc<AtomicU64>) -> Log {
    let mut log = Log::default();
    while !stop.load(Ordering::Relaxed) {
        let mut commit = f.start();
        for _ in 0..3 {
            let head = after(&commit);
            match f.store.commit(commit).await {
                Ok(()) => {
                    made.fetch_add(1, Ordering::Relaxed);
                    log.durable.retain(|known| known.execution != head.execution);
                    log.durable.push(head);
                }
                Err(Error::Unavailable(_)) => {
                    log.unknown.push(head);
                    break;
                }
                Err(other) => panic!("{other}"),
            }
            commit = f.next(head, 1);
        }
    }
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarts_under_load_lose_and_double_nothing() {
    let binaries = cluster::binaries().expect(
        "this test needs the binaries of PostgreSQL: install the package postgresql, run `cargo xtask test`, or name \
         their folder with RUNNEL_TEST_POSTGRES_BIN",
    );
    let base = tempfile::tempdir().expect("there is room for a folder");
    std::fs::set_permissions(base.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("it is ours");
    let server = Cluster::start(&base.path().join("pg"), &binaries).expect("a server starts");
    let database = Temporary::on(&server.url()).await;
    let config = Config { database: database.database(), folder: base.path().join("blobs") };
    let store = Store::open(config).await.expect("it opens");
    let workspace = fixture::add_workspace(&store).await;
    let workflow = fixture::add_workflow(&store, workspace).await;
    let f = Arc::new(Fixture::within(store, workspace, workflow));

    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let owners: Vec<_> = (0..16).map(|_| tokio::spawn(work(f.clone(), stop.clone(), made.clone()))).collect();
    let mut slowest = Duration::ZERO;
    let server = Arc::new(server);
    for round in 0..10 {
        // Some load first.
        let before = made.load(Ordering::Relaxed);
        while made.load(Ordering::Relaxed) < before + 100 {
            tokio::task::yield_now().await;
        }
        let restarting = server.clone();
        let restarted = tokio::task::spawn_blocking(move || {
            restarting.down(if round % 2 == 0 { "fast" } else { "immediate" })?;
            restarting.up()
        });
        restarted.await.expect("it is not interrupted").expect("the server comes back");
        let back = Instant::now();
        let before = made.load(Ordering::Relaxed);
        while made.load(Ordering::Relaxed) == before {
            assert!(back.elapsed() < Duration::from_secs(5), "nothing goes on after restart {round}");
            tokio::task::yield_now().await;
        }
        slowest = slowest.max(back.elapsed());
        // Readers heal as well as writers.
        f.store.queue_depth().await.expect("the queue answers");
    }
    stop.store(true, Ordering::Relaxed);
    let mut logs = Vec::new();
    for owner in owners {
        logs.push(owner.await.expect("no owner met another error"));
    }
    let (mut durable, mut unknown) = (0, 0);
    for log in &logs {
        for head in &log.durable {
            let seqs = f.seqs(*head).await;
            let is_maybe = log.unknown.iter().any(|maybe| maybe.execution == head.execution);
            let expected: Vec<_> =
                (1..=head.seq + u64::from(is_maybe && seqs.len() as u64 > head.seq)).collect();
            assert_eq!(seqs.iter().map(|&seq| seq as u64).collect::<Vec<_>>(), expected);
            assert_eq!(f.head(*head).await.1 as usize, seqs.len());
            durable += 1;
        }
        unknown += log.unknown.len();
    }
    assert!(durable > 300, "{durable}");
    // The writers find out what became of what they were committing.
    assert_eq!(unknown, 0, "of {durable}; slowest {slowest:?}");
}
