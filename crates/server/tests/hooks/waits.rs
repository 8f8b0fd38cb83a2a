//! Calls that end a wait.

use http::Method;
use model::ExecutionStatus;
use serde_json::json;

use crate::site::{Hook, Site};

/// A workflow that waits for a call and answers with what it got.
async fn waiting(site: &Site, methods: &[&str]) -> (Hook, String) {
    let wait = json!({ "key": "wait", "type": "core.wait", "name": "Wait", "parameters": { "until": "call", "methods": methods } });
    let hook = site.hook(json!({}), &[wait]).await;
    site.post(&hook.path, json!({})).await;
    let execution = site.until(hook.workflow, 1, ExecutionStatus::Waiting).await[0].id;
    let address = app::addresses::resume_address(&site.app.key, "/", site.workspace(), execution);
    (hook, address)
}

#[tokio::test]
async fn a33_a_call_of_the_resume_address_ends_the_wait_once() {
    let site = Site::start().await;
    let (hook, address) = waiting(&site, &["POST"]).await;
    let answer = site.post(&address, json!({ "approved": true })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
    let again = site.post(&address, json!({ "approved": false })).await;
    assert_eq!(again.status, 409, "{again:?}");
}

#[tokio::test]
async fn a33_programs_that_look_at_links_decide_nothing() {
    let site = Site::start().await;
    let (hook, address) = waiting(&site, &["POST"]).await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(site.call(method.clone(), &address, &[], "").await.status, 405, "{method}");
    }
    assert_eq!(site.executions(hook.workflow).await[0].status, ExecutionStatus::Waiting);
    let (hook, address) = waiting(&site, &["GET"]).await;
    assert_eq!(site.call(Method::HEAD, &address, &[], "").await.status, 405, "also where a GET decides");
    assert_eq!(site.executions(hook.workflow).await[0].status, ExecutionStatus::Waiting);
    assert_eq!(site.get(&address).await.status, 200);
    site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
}

#[tokio::test]
async fn a33_an_address_that_was_not_made_here_leads_nowhere() {
    let site = Site::start().await;
    let (hook, address) = waiting(&site, &["POST"]).await;
    let (_, other) = waiting(&site, &["POST"]).await;
    let (start, token) = address.rsplit_once('/').expect("a token at the end");
    let (_, foreign) = other.rsplit_once('/').expect("a token at the end");
    for wrong in [foreign, "", &token[1..], &token.to_uppercase(), "AAAA"] {
        let answer = site.post(&format!("{start}/{wrong}"), json!({})).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
    assert_eq!(site.post(&format!("{address}/suffix"), json!({})).await.status, 404);
    assert_eq!(site.executions(hook.workflow).await[0].status, ExecutionStatus::Waiting);
}
