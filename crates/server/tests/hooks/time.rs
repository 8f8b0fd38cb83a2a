//! Schedules, and triggers that look for news.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use model::ExecutionStatus;
use serde_json::{Value, json};
use store::timers::DueTrigger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::site::Site;

fn scheduled(rule: Value, catchup: Value) -> Value {
    json!({
        "name": "Scheduled",
        "nodes": [{ "key": "clock", "type": "core.schedule", "name": "Clock", "parameters": { "rules": [rule], "catchup": catchup } }],
    })
}

#[tokio::test]
async fn s2_016_a_schedule_starts_an_execution_for_each_of_its_times() {
    let site = Site::start().await;
    let workflow = site
        .publish_any(scheduled(json!({ "every": "seconds", "count": 1 }), json!({ "start": "last" })))
        .await;
    let executions = site.until(workflow, 2, ExecutionStatus::Completed).await;
    assert!(executions.iter().all(|execution| execution.trigger_kind == "schedule"));
    let trigger =
        site.app.store.triggers(site.workspace(), workflow).await.expect("the store answers").remove(0);
    let since = Timestamp::now() - SignedDuration::from_hours(1);
    let occurrences = site
        .app
        .store
        .occurrences(site.workspace(), trigger.id, since, 100)
        .await
        .expect("the store answers");
    assert!(
        occurrences.len() >= 2 && occurrences.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "{occurrences:?}"
    );
    app::workflows::pause_workflow(&site.app, &site.actor, workflow).await.expect("it is paused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s2_016_r7_many_that_fire_the_same_occurrence_start_one_execution() {
    let site = Site::start().await;
    let workflow = site
        .publish_any(scheduled(
            json!({ "every": "hours", "count": 1 }),
            json!({ "start": "all", "at_most": 3 }),
        ))
        .await;
    let store = &site.app.store;
    let trigger = store.triggers(site.workspace(), workflow).await.expect("the store answers").remove(0);
    // Five hours were missed; two processes and more find out at the same time.
    let hour = SignedDuration::from_hours(1);
    let due_at = trigger.due_at.expect("it is due some time") - 5 * hour;
    store.schedule(site.workspace(), trigger.id, Some(due_at)).await.expect("it is set");
    let mut firings = JoinSet::new();
    for _ in 0..20 {
        let engine = site.app.engine.clone();
        let due = DueTrigger { workspace: site.workspace(), trigger: trigger.id, due_at };
        firings.spawn(async move { engine::triggers::fire(&engine, &due).await });
    }
    // The engine's own loop is the twenty-first.
    let fired = firings.join_all().await.into_iter().filter(Result::is_ok).count();
    assert!(fired <= 1, "{fired} of them believed that it was theirs");
    let executions = site.until(workflow, 3, ExecutionStatus::Completed).await;
    assert_eq!(executions.len(), 3);
    let recorded =
        store.occurrences(site.workspace(), trigger.id, due_at, 100).await.expect("the store answers");
    let started: Vec<_> = recorded.iter().map(|(_, started)| *started).collect();
    assert_eq!(started, [false, false, true, true, true]);
    let next = store.trigger(site.workspace(), trigger.id).await.expect("the store answers").due_at;
    assert!(next.expect("it goes on") > Timestamp::now());
}

/// A server that lists one thing more each time it is asked.
async fn growing_list() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/things", listener.local_addr().expect("it listens"));
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let count = asked.fetch_add(1, Ordering::SeqCst) + 2;
            let things: Vec<_> = (0..count).map(|id| json!({ "id": id })).collect();
            let body = json!({ "things": things }).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    (url, count)
}

#[tokio::test]
async fn a_trigger_that_looks_starts_with_what_is_new_and_with_nothing_twice() {
    let site = Site::start().await;
    let (url, asked) = growing_list().await;
    let workflow = site
        .publish_any(json!({
            "name": "Looking",
            "nodes": [{ "key": "look", "type": "core.http_poll", "name": "Look", "parameters": {
                "url": url, "items": "things", "id": "id", "rules": [{ "every": "seconds", "count": 1 }] } }],
        }))
        .await;
    let executions = site.until(workflow, 2, ExecutionStatus::Completed).await;
    app::workflows::pause_workflow(&site.app, &site.actor, workflow).await.expect("it is paused");
    assert!(asked.load(Ordering::SeqCst) > executions.len(), "the first look starts nothing");
    let mut seen = Vec::new();
    for execution in executions.iter().rev() {
        let loaded = site.app.store.load(site.workspace(), execution.id).await.expect("the store answers");
        let begin: Value = serde_json::from_str(&loaded.records[0].payload).expect("payloads are JSON");
        let text = begin.to_string();
        seen.extend((0..20).filter(|id| text.contains(&format!("{{\"id\":{id}}}"))));
    }
    let expected: Vec<_> = (2..2 + seen.len() as i32).collect();
    assert_eq!(seen, expected, "each once, in order, without those that were there before");
}
