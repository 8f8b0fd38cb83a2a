//! One execution for one event.

use http::Method;
use model::ExecutionStatus;
use serde_json::json;
use tokio::task::JoinSet;

use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r2_200_equal_calls_at_once_with_one_key_make_one_execution() {
    let site = Site::start().await;
    for respond in [json!({ "when": "immediately" }), json!({ "when": "last_node" })] {
        let hook = site.hook(json!({ "respond": respond }), &[]).await;
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let (caller, path) = (site.caller(), hook.path.clone());
            calls.spawn(async move {
                let headers = [("idempotency-key", "order-7"), ("content-type", "application/json")];
                caller.raw(Method::POST, &path, &headers, b"{\"n\":1}".to_vec()).await
            });
        }
        let answers = calls.join_all().await;
        let executions = site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
        assert_eq!(executions.len(), 1, "{respond}");
        let id = executions[0].id.to_string();
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 202), "{answer:?}");
            let body = answer.json();
            let told = body["execution_id"].as_str();
            // The one that waited for the last node has its answer, all others learn which execution it is.
            assert!(told == Some(&id) || (answer.status == 200 && told.is_none()), "{answer:?}");
        }
        let other = [("idempotency-key", "order-8")];
        site.call(Method::POST, &hook.path, &other, "").await;
        assert_eq!(site.until(hook.workflow, 2, ExecutionStatus::Completed).await.len(), 2);
    }
}

#[tokio::test]
async fn r2_an_event_id_of_a_service_a_header_or_a_field_tells_events_apart() {
    let site = Site::start().await;
    let by_field = json!({ "by": "key", "key": "={{ $json.body.order }}" });
    for (dedupe, first, second, other) in [
        (
            json!({ "by": "event_id" }),
            ("x-github-delivery", "1"),
            ("x-github-delivery", "1"),
            ("x-github-delivery", "2"),
        ),
        (json!({ "by": "header", "name": "X-Order" }), ("x-order", "1"), ("X-Order", "1"), ("x-order", "2")),
        (by_field, ("x-any", "1"), ("x-any", "2"), ("x-any", "3")),
        (json!({ "by": "nothing" }), ("idempotency-key", "1"), ("x-any", "2"), ("x-any", "3")),
    ] {
        let hook = site.hook(json!({ "dedupe": dedupe }), &[]).await;
        let json = ("content-type", "application/json");
        let call = async |header: (&str, &str), body: &str| {
            site.call(Method::POST, &hook.path, &[header, json], body).await.json()
        };
        let one = call(first, r#"{"order":"a"}"#).await;
        let two = call(second, r#"{"order":"a"}"#).await;
        let is_same = one["execution_id"] == two["execution_id"];
        assert_eq!(is_same, dedupe["by"] != "nothing", "{dedupe}");
        let three = call(other, r#"{"order":"b"}"#).await;
        assert_ne!(one["execution_id"], three["execution_id"], "{dedupe}");
    }
}

#[tokio::test]
async fn r2_past_its_window_a_key_is_new_again() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "dedupe_window_ms": 1 }), &[]).await;
    let call = async || {
        let answer = site.call(Method::POST, &hook.path, &[("idempotency-key", "k")], "").await;
        answer.json()["execution_id"].clone()
    };
    let first = call().await;
    site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
    assert_ne!(first, call().await);
}
