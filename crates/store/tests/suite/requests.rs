//! Requests with an Idempotency-Key, and workers.

use jiff::{SignedDuration, Timestamp};
use model::ids::WorkerId;
use store::idempotency::{Begin, Begun};
use store::workers::WorkerState;

use crate::support::{Fixture, stranger, suite};

fn begin(key: &str, body: u8) -> Begin {
    let now = Timestamp::now();
    Begin {
        key: key.into(),
        request_sha256: [body; 32],
        expires_at: now + SignedDuration::from_hours(24),
        abandoned_before: now - SignedDuration::from_mins(2),
    }
}

suite! {
    async fn of_equal_requests_one_is_worked_on_and_its_answer_repeated(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let mut racing = Vec::new();
        for _ in 0..20 {
            let store = store.store.clone();
            racing.push(tokio::spawn(async move { store.begin_request(workspace, begin("k", 1)).await.unwrap() }));
        }
        let mut first = 0;
        for racing in racing {
            match racing.await.unwrap() {
                Begun::First => first += 1,
                Begun::Running => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(first, 1);
        assert_eq!(store.begin_request(workspace, begin("k", 2)).await.unwrap(), Begun::Different);
        assert_eq!(store.begin_request(stranger(), begin("k", 2)).await.unwrap(), Begun::First);

        store.finish_request(workspace, "k", 201, "{\"id\":1}").await.unwrap();
        let answer = Begun::Answered { status: 201, body: "{\"id\":1}".into() };
        assert_eq!(store.begin_request(workspace, begin("k", 1)).await.unwrap(), answer);
        assert_eq!(store.begin_request(workspace, begin("k", 2)).await.unwrap(), Begun::Different);
        // An answer stays what it was.
        store.finish_request(workspace, "k", 500, "").await.unwrap();
        store.forget_request(workspace, "k").await.unwrap();
        assert_eq!(store.begin_request(workspace, begin("k", 1)).await.unwrap(), answer);
    }

    async fn a_key_is_free_again_when_it_is_given_back_abandoned_or_old(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        assert_eq!(store.begin_request(workspace, begin("k", 1)).await.unwrap(), Begun::First);
        store.forget_request(workspace, "k").await.unwrap();
        assert_eq!(store.begin_request(workspace, begin("k", 2)).await.unwrap(), Begun::First);
        let later = Begin { abandoned_before: Timestamp::now() + SignedDuration::from_mins(1), ..begin("k", 3) };
        assert_eq!(store.begin_request(workspace, later).await.unwrap(), Begun::First);
        store.finish_request(workspace, "k", 200, "").await.unwrap();
        assert_eq!(store.begin_request(workspace, begin("k", 4)).await.unwrap(), Begun::Different);
        let old = Begin { expires_at: Timestamp::now() - SignedDuration::from_secs(1), ..begin("old", 1) };
        assert_eq!(store.begin_request(workspace, old).await.unwrap(), Begun::First);
        store.finish_request(workspace, "old", 200, "").await.unwrap();
        assert_eq!(store.begin_request(workspace, begin("old", 4)).await.unwrap(), Begun::First);
    }

    async fn workers_say_that_they_live(store: &Fixture) {
        let id = WorkerId::new(1, [1; 10]);
        store.note_worker(id, "here", "0.1.0", WorkerState::Active).await.unwrap();
        store.note_worker(id, "here", "0.1.0", WorkerState::Draining).await.unwrap();
        let workers = store.workers().await.unwrap();
        assert_eq!((workers.len(), workers[0].state), (1, WorkerState::Draining));
        assert!(workers[0].heartbeat_at >= workers[0].started_at);
        store.forget_workers(Timestamp::now() - SignedDuration::from_mins(1)).await.unwrap();
        assert_eq!(store.workers().await.unwrap().len(), 1);
        store.forget_workers(Timestamp::now() + SignedDuration::from_mins(1)).await.unwrap();
        assert!(store.workers().await.unwrap().is_empty());
    }
}
