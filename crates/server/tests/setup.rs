//! The first person, and everything before.

mod support;

use http::Method;
use serde_json::json;
use support::{PASSWORD, TOKEN, TestServer, setup_input};

#[tokio::test]
async fn before_setup_everything_but_health_says_how_to_set_up() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    for path in ["/api/v1/workflows", "/api/v1/openapi.json", "/api/v1/nothing", "/nothing"] {
        let problem = stranger.get(path).await.problem(503);
        assert_eq!(problem["type"], "urn:runnel:problem:not-set-up");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("/api/v1/setup")));
    }
    let page = stranger.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert_eq!(stranger.get("/healthz").await.status, 200);
    assert_eq!(stranger.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a23_setup_needs_the_token_and_closes_for_good() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    for token in ["", "wrong", &TOKEN[1..], &format!("{TOKEN} ")] {
        let mut input = setup_input();
        input["token"] = token.into();
        let problem = stranger.post("/api/v1/setup", input).await.problem(422);
        assert_eq!(problem["errors"][0]["path"], "token");
    }
    let owner = server.set_up().await;
    assert_eq!(owner.get("/api/v1/keys").await.status, 200);
    stranger.post("/api/v1/setup", setup_input()).await.problem(409);
    // Nor does it open again with another process on the same data.
    let server = server.restart().await;
    server.stranger().post("/api/v1/setup", setup_input()).await.problem(409);
    assert_eq!(server.client(&owner.key.expect("a key")).get("/api/v1/keys").await.status, 200);
}

#[tokio::test]
async fn a23_of_many_setups_at_once_one_succeeds() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let tries = (0..8).map(|number| {
        let mut input = setup_input();
        input["email"] = format!("somebody{number}@example.com").into();
        stranger.post("/api/v1/setup", input)
    });
    let answers = futures_util::future::join_all(tries).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn rule_12_guessing_the_token_is_slowed_down() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let mut refused = None;
    for _ in 0..40 {
        let mut input = setup_input();
        input["token"] = "guess".into();
        let answer = stranger.post("/api/v1/setup", input).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("somebody who guesses is refused");
    refused.problem(429);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}

#[tokio::test]
async fn what_is_wrong_with_the_owner_is_named() {
    let server = TestServer::start().await;
    let input = json!({ "token": TOKEN, "email": "alice", "name": "", "password": "short" });
    let problem = server.stranger().post("/api/v1/setup", input).await.problem(422);
    let paths: Vec<_> =
        problem["errors"].as_array().expect("a list").iter().map(|error| &error["path"]).collect();
    assert_eq!(paths, ["email", "name", "password"]);
}

#[tokio::test]
async fn secrets_are_never_in_answers_again() {
    let (server, owner) = TestServer::with_owner().await;
    let keys = owner.get("/api/v1/keys").await;
    let text = String::from_utf8_lossy(&keys.body).into_owned();
    let secret = owner.key.as_deref().and_then(|key| key.split('_').nth(2)).expect("a secret");
    assert!(!text.contains(secret) && !text.contains(PASSWORD));
    let answer = server.stranger().send(Method::GET, "/api/v1/keys", &[], None).await;
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"runnel\"");
    answer.problem(401);
}
