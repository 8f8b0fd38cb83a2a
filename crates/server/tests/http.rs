//! What holds for every request.

mod support;

use http::Method;
use serde_json::json;
use support::TestServer;

#[tokio::test]
async fn every_error_is_a_problem() {
    let (_server, owner) = TestServer::with_owner().await;
    owner.get("/nothing").await.problem(404);
    owner.get("/api/v1/nothing").await.problem(404);
    owner.delete("/api/v1/keys/not-an-id").await.problem(404);
    let wrong_method = owner.delete("/api/v1/keys").await;
    assert!(wrong_method.header("allow").contains("POST"), "{:?}", wrong_method.headers);
    wrong_method.problem(405);
    let json_type = [("content-type", "application/json")];
    owner.raw(Method::POST, "/api/v1/keys", &json_type, b"{".to_vec()).await.problem(400);
    owner.raw(Method::POST, "/api/v1/keys", &json_type, b"\xff".to_vec()).await.problem(400);
    owner.raw(Method::POST, "/api/v1/keys", &json_type, vec![b' '; 9 << 20]).await.problem(413);
    owner
        .raw(Method::POST, "/api/v1/keys", &[("content-type", "text/plain")], b"{}".to_vec())
        .await
        .problem(415);
    owner.raw(Method::POST, "/api/v1/keys", &[], b"{}".to_vec()).await.problem(415);
    owner.post("/api/v1/keys", json!({})).await.problem(422);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_headers_that_protect() {
    let (server, owner) = TestServer::with_owner().await;
    let given = "0195b7a0-0000-7000-8000-000000000001";
    let answer = owner.send(Method::GET, "/api/v1/keys", &[("x-request-id", given)], None).await;
    assert_eq!(answer.header("x-request-id"), given);
    let answer = server.stranger().send(Method::GET, "/nothing", &[("x-request-id", "a\tb")], None).await;
    assert_eq!(answer.header("x-request-id").len(), 36);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn health_and_readiness_tell_the_truth() {
    let (server, owner) = TestServer::with_owner().await;
    assert_eq!(owner.get("/healthz").await.ok(200)["status"], "ok");
    assert_eq!(owner.get("/readyz").await.ok(200)["status"], "ok");
    let text = support::Client::new(server.metrics, None).get("/metrics").await;
    assert_eq!(text.status, 200);
    let text = String::from_utf8(text.body.to_vec()).expect("metrics are text");
    for name in
        ["runnel_queue_depth 0", "runnel_database_up 1", "runnel_process_resident_bytes", "route=\"/readyz\""]
    {
        assert!(text.contains(name), "{name} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn the_document_is_served_and_current() {
    let (_server, owner) = TestServer::with_owner().await;
    let document = owner.get("/api/v1/openapi.json").await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    let current = server::openapi_document();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).expect("the docs folder is writable");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == current, "docs/openapi.json is old; run with UPDATE_OPENAPI=1");
}
