//! Executions through the API.

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Client, TestServer, workflow};

async fn create(owner: &Client, definition: Value) -> String {
    let created = owner.post("/api/v1/workflows", definition).await.ok(201);
    created["id"].as_str().expect("an id").to_owned()
}

async fn run(owner: &Client, workflow: &str, input: Value) -> String {
    let started = owner.post(&format!("/api/v1/workflows/{workflow}/run"), input).await.ok(202);
    started["execution_id"].as_str().expect("an id").to_owned()
}

/// Follows an execution to its end and gives the names of its events, and its status.
async fn follow(owner: &Client, execution: &str) -> (Vec<String>, String) {
    let mut events = owner.events(&format!("/api/v1/executions/{execution}/events"), None).await;
    let mut names = Vec::new();
    while let Some((_, name, data)) = events.next().await {
        if name == "end" {
            return (names, data["status"].as_str().expect("a status").to_owned());
        }
        names.push(name);
    }
    panic!("the stream ended before the execution, after {names:?}");
}

/// A workflow whose second node waits until somebody calls.
fn waiting() -> Value {
    json!({
        "name": "Waiting",
        "nodes": [
            { "key": "start", "type": "core.manual", "name": "Start" },
            { "key": "wait", "type": "core.wait", "name": "Wait", "parameters": { "until": "call", "methods": ["GET", "POST"] } },
            { "key": "done", "type": "core.no_op", "name": "Done" },
        ],
        "edges": [{ "source": "start", "target": "wait" }, { "source": "wait", "target": "done" }],
    })
}

/// A workflow that fails at its second node.
fn failing() -> Value {
    json!({
        "name": "Failing",
        "nodes": [
            { "key": "start", "type": "core.manual", "name": "Start" },
            { "key": "stop", "type": "core.stop_and_error", "name": "Stop", "parameters": { "message": "no more" } },
        ],
        "edges": [{ "source": "start", "target": "stop" }],
    })
}

#[tokio::test]
async fn a_draft_runs_with_items_and_its_steps_can_be_read() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Greeter")).await;
    let execution = run(&owner, &workflow, json!({ "items": [{ "who": "world" }, { "who": "Ada" }] })).await;
    let (events, status) = follow(&owner, &execution).await;
    assert_eq!(status, "completed");
    assert_eq!(events.first().map(String::as_str), Some("triggered"));

    let path = format!("/api/v1/executions/{execution}");
    let head = owner.get(&path).await.ok(200);
    assert_eq!((&head["status"], &head["mode"]), (&json!("completed"), &json!("test")));
    assert_eq!(head["seq"], events.len());
    let steps = owner.get(&format!("{path}/steps")).await.ok(200);
    let names: Vec<_> = steps["items"].as_array().expect("steps").iter().map(|step| &step["name"]).collect();
    assert_eq!(names, ["Start", "Set"]);
    assert!(steps["items"][1].get("inputs").is_none());
    assert_eq!(steps["items"][1]["outputs"][0]["count"], 2);
    let number = &steps["items"][1]["number"];
    let step = owner.get(&format!("{path}/steps/{number}")).await.ok(200);
    assert_eq!(step["inputs"][0][1]["json"]["who"], "Ada");
    assert_eq!(step["outputs"][0]["items"][0]["json"]["greeting"], "hello world");
    owner.get(&format!("{path}/steps/99")).await.problem(404);

    let listed =
        owner.get(&format!("/api/v1/executions?workflow_id={workflow}&status=completed&mode=test")).await;
    assert_eq!(listed.ok(200)["items"][0]["id"], execution.as_str());
    assert_eq!(owner.get("/api/v1/executions?status=failed").await.ok(200)["items"], json!([]));
    assert_eq!(owner.delete(&path).await.status, 204);
    owner.get(&path).await.problem(404);
}

#[tokio::test]
async fn pins_stand_in_for_nodes_in_test_runs_only() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, failing()).await;
    let pins = json!({ "stop": [{ "instead": true }] });
    let execution = run(&owner, &workflow, json!({ "pins": pins })).await;
    assert_eq!(follow(&owner, &execution).await.1, "completed");
    owner.post_empty(&format!("/api/v1/workflows/{workflow}/publish")).await.ok(200);
    let run_path = format!("/api/v1/workflows/{workflow}/run");
    let problem = owner.post(&run_path, json!({ "graph": "published", "pins": pins })).await.problem(422);
    assert_eq!(problem["errors"][0]["path"], "pins");
    let problem = owner.post(&run_path, json!({ "pins": { "nobody": [] } })).await.problem(422);
    assert_eq!(problem["errors"][0]["path"], "pins.nobody");
    let problem = owner.post(&run_path, json!({ "start": "nobody" })).await.problem(422);
    assert_eq!(problem["errors"][0]["path"], "start");
}

#[tokio::test]
async fn only_what_was_published_runs_as_published() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Unpublished")).await;
    let path = format!("/api/v1/workflows/{workflow}/run");
    owner.post(&path, json!({ "graph": "published" })).await.problem(409);
    let published = owner.post_empty(&format!("/api/v1/workflows/{workflow}/publish")).await.ok(200);
    let execution =
        run(&owner, &workflow, json!({ "graph": "published", "items": [{ "who": "you" }] })).await;
    assert_eq!(follow(&owner, &execution).await.1, "completed");
    let head = owner.get(&format!("/api/v1/executions/{execution}")).await.ok(200);
    assert_eq!((&head["version_id"], &head["mode"]), (&published["version_id"], &json!("manual")));
    let other = create(&owner, failing()).await;
    let version = &published["version_id"];
    owner
        .post(&format!("/api/v1/workflows/{other}/run"), json!({ "version_id": version }))
        .await
        .problem(404);
}

#[tokio::test]
async fn an_idempotency_key_makes_a_run_happen_once() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Once")).await;
    let path = format!("/api/v1/workflows/{workflow}/run");
    let key = [("idempotency-key", "order-17")];
    let input = json!({ "items": [{ "who": "you" }] });
    let first = owner.send(Method::POST, &path, &key, Some(input.clone())).await;
    assert_eq!(first.status, 202, "{first:?}");
    let second = owner.send(Method::POST, &path, &key, Some(input)).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (202, "true"));
    assert_eq!(second.json(), first.json());
    let other = json!({ "items": [{ "who": "somebody else" }] });
    owner.send(Method::POST, &path, &key, Some(other)).await.problem(422);
    owner.send(Method::POST, &path, &[("idempotency-key", "")], None).await.problem(400);
    owner.send(Method::POST, &path, &[("idempotency-key", "\u{e9}")], None).await.problem(400);
    let all = owner.get(&format!("/api/v1/executions?workflow_id={workflow}")).await.ok(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn of_many_equal_requests_at_once_one_happens() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Once")).await;
    let path = format!("/api/v1/workflows/{workflow}/run");
    let key = [("idempotency-key", "order-18")];
    let tries = (0..50).map(|_| owner.send(Method::POST, &path, &key, Some(json!({}))));
    let answers = futures_util::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 202 | 409)), "{answers:?}");
    let all = owner.get(&format!("/api/v1/executions?workflow_id={workflow}")).await.ok(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_failed_execution_says_why_and_can_be_retried_and_replayed() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, failing()).await;
    let execution = run(&owner, &workflow, json!({ "items": [{ "a": 1 }] })).await;
    assert_eq!(follow(&owner, &execution).await.1, "failed");
    let path = format!("/api/v1/executions/{execution}");
    let head = owner.get(&path).await.ok(200);
    assert!(head["error"]["message"].as_str().is_some_and(|text| text.contains("no more")), "{head}");
    assert_eq!(head["error"]["node"], "stop", "{head}");
    let steps = owner.get(&format!("{path}/steps")).await.ok(200);
    assert_eq!(steps["items"][1]["status"], "failed");

    let retried = owner.post_empty(&format!("{path}/retry")).await.ok(202);
    let retried = retried["execution_id"].as_str().expect("an id");
    assert_eq!(follow(&owner, retried).await.1, "failed");
    assert_eq!(
        owner.get(&format!("/api/v1/executions/{retried}")).await.ok(200)["retry_of"],
        execution.as_str()
    );

    let replayed = owner.post(&format!("{path}/replay"), json!({ "items": [{ "a": 2 }] })).await.ok(202);
    let replayed = replayed["execution_id"].as_str().expect("an id");
    assert_eq!(follow(&owner, replayed).await.1, "failed");
    let steps = owner.get(&format!("/api/v1/executions/{replayed}/steps?data=true")).await.ok(200);
    assert_eq!(steps["items"][1]["inputs"][0][0]["json"]["a"], 2);
    for operation in ["cancel", "pause", "resume"] {
        owner.post_empty(&format!("{path}/{operation}")).await.problem(409);
    }
}

#[tokio::test]
async fn a_wait_is_listed_and_answered() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, waiting()).await;
    let execution = run(&owner, &workflow, json!({})).await;
    let path = format!("/api/v1/executions/{execution}");
    let mut events = owner.events(&format!("{path}/events"), None).await;
    while let Some((_, name, _)) = events.next().await {
        if name == "step_waiting" {
            break;
        }
    }
    let waits = owner.get(&format!("{path}/waits")).await.ok(200);
    let step = waits["items"][0]["step"].as_u64().expect("a step waits");
    assert_eq!(owner.get(&path).await.ok(200)["status"], "waiting");
    owner.post_empty(&format!("{path}/retry")).await.problem(409);
    owner.delete(&path).await.problem(409);
    owner.post_empty(&format!("{path}/waits/99/resolve")).await.problem(404);
    let answer = json!({ "outputs": [[{ "approved": true }]] });
    assert_eq!(owner.post(&format!("{path}/waits/{step}/resolve"), answer).await.status, 204);
    assert_eq!(follow(&owner, &execution).await.1, "completed");
    let steps = owner.get(&format!("{path}/steps?data=true")).await.ok(200);
    assert_eq!(steps["items"][2]["inputs"][0][0]["json"]["approved"], true);
}

#[tokio::test]
async fn an_execution_that_waits_can_be_cancelled() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, waiting()).await;
    let execution = run(&owner, &workflow, json!({})).await;
    assert_eq!(owner.post_empty(&format!("/api/v1/executions/{execution}/cancel")).await.status, 202);
    assert_eq!(follow(&owner, &execution).await.1, "cancelled");
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_broken_off() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Streamed")).await;
    let execution = run(&owner, &workflow, json!({})).await;
    let path = format!("/api/v1/executions/{execution}/events");
    let mut all = Vec::new();
    let mut events = owner.events(&path, None).await;
    while let Some((id, name, _)) = events.next().await {
        all.push((id, name));
    }
    assert_eq!(all.last().map(|(_, name)| name.as_str()), Some("end"));
    // Broken off after each event in turn, nothing is lost and nothing comes twice.
    for (index, (last, _)) in all.iter().enumerate().take(all.len() - 1) {
        let mut events = owner.events(&path, Some(last)).await;
        let mut rest = Vec::new();
        while let Some((id, name, _)) = events.next().await {
            rest.push((id, name));
        }
        assert_eq!(rest, all[index + 1..], "after {last}");
    }
    owner.send(Method::GET, &path, &[("last-event-id", "yesterday")], None).await.problem(422);
}

#[tokio::test]
async fn a_workspace_hears_what_becomes_of_its_executions() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Heard")).await;
    let mut events = owner.events("/api/v1/events", None).await;
    let execution = run(&owner, &workflow, json!({})).await;
    loop {
        let (_, name, data) = events.next().await.expect("the stream goes on");
        if name == "execution" && data["execution_id"] == execution.as_str() && data["status"] == "completed"
        {
            break;
        }
    }
    let mut again = owner.events("/api/v1/events", Some("1")).await;
    assert_eq!(again.next().await.map(|(_, name, _)| name).as_deref(), Some("resync"));
}

#[tokio::test]
async fn expressions_are_previewed_as_an_execution_sees_them() {
    let (_server, owner) = TestServer::with_owner().await;
    let path = "/api/v1/expressions/preview";
    let preview = |input: Value| owner.post(path, input);
    let items = json!([{ "who": "world" }]);
    let given = preview(json!({ "expression": "=hello {{ $json.who }}", "items": items })).await.ok(200);
    assert_eq!(given, json!({ "value": "hello world", "value_type": "string" }));
    let nothing = preview(json!({ "expression": "={{ $json.nothing }}", "items": items })).await.ok(200);
    assert_eq!(nothing, json!({ "value_type": "undefined" }));
    let text = preview(json!({ "expression": "{{ $json.who }}" })).await.ok(200);
    assert_eq!(text["value"], "{{ $json.who }}");
    let broken = preview(json!({ "expression": "={{ 1 + }}" })).await.ok(200);
    assert!(broken["error"]["message"].is_string() && broken["error"]["start"].is_number(), "{broken}");
    for endless in [
        "={{ 'x'.repeat(1e9) }}",
        "={{ (() => { let a = 0; for (const b of Array(1e7)) a++; return a })() }}",
    ] {
        let stopped = preview(json!({ "expression": endless })).await.ok(200);
        assert!(stopped["error"]["message"].is_string(), "{stopped}");
    }

    let workflow = create(&owner, workflow("Previewed")).await;
    let execution = run(&owner, &workflow, json!({ "items": [{ "who": "Ada" }] })).await;
    follow(&owner, &execution).await;
    let input = json!({ "expression": "={{ $json.who }} {{ $('Start').item.json.who }}", "execution_id": execution, "node": "Set" });
    assert_eq!(preview(input).await.ok(200)["value"], "Ada Ada");
    let input = json!({ "expression": "=1", "execution_id": execution, "items": [] });
    preview(input).await.problem(422);
    preview(json!({ "expression": "=1", "execution_id": execution, "node": "Nobody" })).await.problem(422);
}

#[tokio::test]
async fn logs_of_an_execution_are_read_in_pages() {
    let (_server, owner) = TestServer::with_owner().await;
    let workflow = create(&owner, workflow("Quiet")).await;
    let execution = run(&owner, &workflow, json!({})).await;
    follow(&owner, &execution).await;
    let logs = owner.get(&format!("/api/v1/executions/{execution}/logs?level=debug&limit=10")).await.ok(200);
    assert!(logs["items"].is_array());
    owner.get(&format!("/api/v1/executions/{execution}/logs?level=loud")).await.problem(422);
}
