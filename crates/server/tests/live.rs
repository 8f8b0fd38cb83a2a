//! Live events under pressure.

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Client, TestServer, workflow};

async fn run(owner: &Client, workflow: &str) -> String {
    let started = owner.post(&format!("/api/v1/workflows/{workflow}/run"), json!({})).await.ok(202);
    started["execution_id"].as_str().expect("an id").to_owned()
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_told_within_200_ms() {
    let (_server, owner) = TestServer::with_owner().await;
    let created = owner.post("/api/v1/workflows", workflow("Fast")).await.ok(201);
    let id = created["id"].as_str().expect("an id");
    let mut events = owner.events("/api/v1/events", None).await;
    let mut delays = Vec::new();
    for _ in 0..10 {
        let execution = run(&owner, id).await;
        let began = Instant::now();
        loop {
            let (_, _, data) = events.next().await.expect("the stream goes on");
            if data["execution_id"] == execution.as_str() && data["status"] == "completed" {
                break;
            }
        }
        delays.push(began.elapsed());
    }
    delays.sort_unstable();
    assert!(delays[5] < Duration::from_millis(200), "{delays:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r14_clients_that_stall_cost_nothing() {
    let (_server, owner) = TestServer::with_owner().await;
    let created = owner.post("/api/v1/workflows", workflow("Busy")).await.ok(201);
    let id = created["id"].as_str().expect("an id");
    // They are never read.
    let mut stalled = Vec::new();
    for _ in 0..200 {
        stalled.push(owner.events("/api/v1/events", None).await);
    }
    let before = resident_bytes();
    for _ in 0..20 {
        futures_util::future::join_all((0..20).map(|_| run(&owner, id))).await;
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more with 200 stalled clients");
    // Who reads hears of the newest, or that something was missed.
    let mut events = owner.events("/api/v1/events", None).await;
    let execution = run(&owner, id).await;
    loop {
        let (_, name, data) = events.next().await.expect("the stream goes on");
        if name == "resync" || data["execution_id"] == execution.as_str() {
            break;
        }
    }
    let metrics: Value = owner.get("/readyz").await.ok(200);
    assert_eq!(metrics["status"], "ok");
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let (server, owner) = TestServer::with_streams(2).await;
    let first = owner.events("/api/v1/events", None).await;
    let _second = owner.events("/api/v1/events", None).await;
    owner.get("/api/v1/events").await.problem(503);
    drop(first);
    // The server notices when it writes next, which is when something happens.
    let created = owner.post("/api/v1/workflows", workflow("Noise")).await.ok(201);
    let id = created["id"].as_str().expect("an id");
    for _ in 0..100 {
        run(&owner, id).await;
        let answer = owner.head_of(http::Method::GET, "/api/v1/events", &[]).await;
        if answer.status == 200 {
            drop(server);
            return;
        }
    }
    panic!("a stream that was closed still counts");
}

#[tokio::test]
async fn r21_a_server_that_ends_says_so_and_ends_its_streams() {
    let (server, owner) = TestServer::with_owner().await;
    let mut events = owner.events("/api/v1/events", None).await;
    server.shutdown.cancel();
    assert!(events.next().await.is_none());
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5));
}
