//! Workflows through the API.

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Client, TestServer, workflow};

async fn create(owner: &Client, definition: Value) -> Value {
    owner.post("/api/v1/workflows", definition).await.ok(201)
}

fn id(workflow: &Value) -> &str {
    workflow["id"].as_str().expect("a workflow has an id")
}

fn paths(problems: &Value) -> Vec<&str> {
    let problems = problems.as_array().expect("a list of problems");
    problems.iter().filter_map(|problem| problem["path"].as_str()).collect()
}

#[tokio::test]
async fn a_workflow_is_created_read_changed_and_deleted() {
    let (_server, owner) = TestServer::with_owner().await;
    let answer = owner.post("/api/v1/workflows", workflow("First")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let created = answer.json();
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.header("location"), format!("/api/v1/workflows/{}", id(&created)));
    assert_eq!((&created["name"], &created["status"]), (&json!("First"), &json!("draft")));

    let path = format!("/api/v1/workflows/{}", id(&created));
    let read = owner.get(&path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.json(), created);

    let mut changed = workflow("Renamed");
    changed["description"] = "what it is for".into();
    let answer = owner.send(Method::PUT, &path, &[("if-match", "\"1\"")], Some(changed)).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""), "{answer:?}");
    assert_eq!(answer.json()["name"], "Renamed");

    let found = owner.get("/api/v1/workflows?search=NAME").await.ok(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(owner.get("/api/v1/workflows?search=100%25").await.ok(200)["items"], json!([]));

    assert_eq!(owner.delete(&path).await.status, 204);
    owner.get(&path).await.problem(404);
    owner.delete(&path).await.problem(404);
}

#[tokio::test]
async fn of_two_changes_of_one_revision_the_second_is_refused() {
    let (_server, owner) = TestServer::with_owner().await;
    let created = create(&owner, workflow("Shared")).await;
    let path = format!("/api/v1/workflows/{}", id(&created));
    let change =
        |name: &'static str| owner.send(Method::PUT, &path, &[("if-match", "\"1\"")], Some(workflow(name)));
    assert_eq!(change("Alice's").await.status, 200);
    let problem = change("Bob's").await.problem(412);
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("revision is 2")), "{problem}");
    assert_eq!(owner.get(&path).await.json()["name"], "Alice's");
    owner.send(Method::PUT, &path, &[], Some(workflow("Nobody's"))).await.problem(428);
    let publish = format!("{path}/publish");
    owner.send(Method::POST, &publish, &[("if-match", "\"1\"")], None).await.problem(412);
    assert_eq!(owner.send(Method::POST, &publish, &[("if-match", "\"2\"")], None).await.status, 200);
}

#[tokio::test]
async fn a_draft_may_be_wrong_and_says_everything_that_is() {
    let (_server, owner) = TestServer::with_owner().await;
    let wrong = json!({
        "name": "Wrong",
        "nodes": [
            { "key": "a", "type": "core.manual", "name": "A" },
            { "key": "b", "type": "no.such.node", "name": "B" },
            { "key": "c", "type": "core.limit", "name": "C", "parameters": { "max_items": "many", "mx": 1 } },
        ],
        "edges": [{ "source": "a", "target": "b" }, { "source": "b", "target": "nowhere" }],
        "settings": { "timezone": "Mars/Olympus" },
    });
    let created = create(&owner, wrong.clone()).await;
    let path = format!("/api/v1/workflows/{}", id(&created));
    let checked = owner.post_empty(&format!("{path}/validate")).await.ok(200);
    assert_eq!(checked["is_publishable"], false);
    let found = paths(&checked["problems"]);
    for expected in ["edges[1].target", "nodes[1].type", "settings.timezone"] {
        assert!(found.contains(&expected), "{expected} is missing: {checked}");
    }
    assert!(found.iter().any(|path| path.starts_with("nodes[2].parameters")), "{checked}");
    assert_eq!(
        owner.post("/api/v1/workflows/validate", wrong).await.ok(200)["problems"],
        checked["problems"]
    );

    let problem = owner.post_empty(&format!("{path}/publish")).await.problem(422);
    assert_eq!(problem["errors"], checked["problems"]);
    assert_eq!(owner.get(&path).await.json()["status"], "draft");
}

#[tokio::test]
async fn what_is_not_the_shape_of_a_workflow_is_refused_with_its_place() {
    let (_server, owner) = TestServer::with_owner().await;
    let cases = [
        (json!({ "nods": [] }), "nods"),
        (
            json!({ "nodes": [{ "key": "a", "type": "x", "name": "A", "disabled": "no" }] }),
            "nodes[0].disabled",
        ),
        (json!({ "name": "a\u{1b}[31mb" }), "name"),
    ];
    for (definition, path) in cases {
        let problem = owner.post("/api/v1/workflows", definition).await.problem(422);
        let found = problem["errors"][0]["path"].as_str().unwrap_or_default();
        assert!(
            found == path || problem["detail"].as_str().is_some_and(|text| text.contains(path)),
            "{problem}"
        );
    }
    let twice = br#"{"name":"a","nodes":[],"name":"b"}"#.to_vec();
    let json_type = [("content-type", "application/json")];
    owner.raw(Method::POST, "/api/v1/workflows", &json_type, twice).await.problem(422);
}

#[tokio::test]
async fn a05_stored_files_cannot_be_named_in_a_draft() {
    let (_server, owner) = TestServer::with_owner().await;
    let mut definition = workflow("Thief");
    let sha256 = "0".repeat(64);
    definition["pins"] = json!({ "set": [{ "json": {}, "binary": {
        "data": { "mime_type": "text/plain", "blob": { "stored": { "sha256": sha256, "size": 7 } } } } }] });
    let problem = owner.post("/api/v1/workflows", definition).await.problem(422);
    assert_eq!(problem["errors"][0]["path"], "pins.set[0].binary.data.blob");
}

#[tokio::test]
async fn a09_what_the_server_decides_never_binds() {
    let (_server, owner) = TestServer::with_owner().await;
    for member in
        ["workspace_id", "owner_id", "created_by", "status", "rev", "published_version_id", "created_at"]
    {
        let mut definition = workflow("Mass");
        definition[member] = "0195b7a0-0000-7000-8000-000000000001".into();
        owner.post("/api/v1/workflows", definition).await.problem(422);
    }
    let mut definition = workflow("Mass");
    definition["id"] = "0195b7a0-0000-7000-8000-000000000001".into();
    assert_ne!(id(&create(&owner, definition).await), "0195b7a0-0000-7000-8000-000000000001");
    for member in ["workspace_id", "user_id", "id", "created_at", "role"] {
        let mut key = json!({ "name": "k", "scopes": ["workflows:read"] });
        key[member] = "x".into();
        owner.post("/api/v1/keys", key).await.problem(422);
    }
}

#[tokio::test]
async fn publishing_makes_versions_and_triggers() {
    let (_server, owner) = TestServer::with_owner().await;
    let definition = json!({
        "name": "Triggered",
        "nodes": [
            { "key": "hook", "type": "core.webhook", "name": "Hook", "parameters": { "path": "orders/:id" } },
            { "key": "daily", "type": "core.schedule", "name": "Daily" },
        ],
        "settings": { "timezone": "Europe/Berlin" },
    });
    let created = create(&owner, definition.clone()).await;
    let path = format!("/api/v1/workflows/{}", id(&created));
    let published = owner.post_empty(&format!("{path}/publish")).await.ok(200);
    assert_eq!((&published["version"], &published["workflow"]["status"]), (&json!(1), &json!("active")));
    let trigger = |published: &Value, node: &str| {
        let triggers = published["triggers"].as_array().expect("triggers").clone();
        triggers.into_iter().find(|trigger| trigger["node"] == node).expect("the node has a trigger")
    };
    let address = trigger(&published, "hook")["address"].clone();
    assert!(address.as_str().is_some_and(|address| address.starts_with("http://runnel.test/hooks/")));
    assert!(trigger(&published, "daily")["due_at"].is_string());

    // Published again, the address stays.
    let again = owner.post_empty(&format!("{path}/publish")).await.ok(200);
    assert_eq!((&again["version"], &trigger(&again, "hook")["address"]), (&json!(2), &address));
    let versions = owner.get(&format!("{path}/versions?limit=1")).await.ok(200);
    assert_eq!((&versions["items"][0]["number"], &versions["next"]), (&json!(2), &json!("2")));
    let rest = owner.get(&format!("{path}/versions?cursor=2")).await.ok(200);
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    let version = owner.get(&format!("{path}/versions/1")).await.ok(200);
    assert_eq!(version["definition"]["nodes"][0]["key"], "hook");
    owner.get(&format!("{path}/versions/9")).await.problem(404);

    let paused = owner.post_empty(&format!("{path}/pause")).await.ok(200);
    assert_eq!(paused["status"], "paused");
    let triggers = owner.get(&format!("{path}/triggers")).await.ok(200);
    assert!(
        triggers["items"]
            .as_array()
            .is_some_and(|all| all.iter().all(|trigger| trigger["is_active"] == false))
    );
    assert_eq!(owner.post_empty(&format!("{path}/activate")).await.ok(200)["status"], "active");
    let triggers = owner.get(&format!("{path}/triggers")).await.ok(200);
    assert!(
        triggers["items"]
            .as_array()
            .is_some_and(|all| all.iter().all(|trigger| trigger["is_active"] == true))
    );
}

#[tokio::test]
async fn what_was_never_published_can_be_neither_paused_nor_activated() {
    let (_server, owner) = TestServer::with_owner().await;
    let created = create(&owner, workflow("Draft")).await;
    for operation in ["pause", "activate"] {
        owner.post_empty(&format!("/api/v1/workflows/{}/{operation}", id(&created))).await.problem(409);
    }
}

#[tokio::test]
async fn lists_come_in_pages_that_fit_together() {
    let (_server, owner) = TestServer::with_owner().await;
    for number in 0..5 {
        create(&owner, workflow(&format!("Number {number}"))).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/workflows?limit=2".to_owned();
    loop {
        let page = owner.get(&path).await.ok(200);
        for item in page["items"].as_array().expect("a list") {
            names.push(item["name"].as_str().expect("a name").to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/workflows?limit=2&cursor={next}");
    }
    assert_eq!(names, ["Number 4", "Number 3", "Number 2", "Number 1", "Number 0"]);
    for wrong in ["limit=0", "limit=201", "limit=two", "limit=-1", "cursor=1", "page=2", "limit=1&limit=2"] {
        owner.get(&format!("/api/v1/workflows?{wrong}")).await.problem(422);
    }
}

#[tokio::test]
async fn a_workflow_of_n8n_is_imported_and_written_back() {
    let (_server, owner) = TestServer::with_owner().await;
    let file = json!({
        "name": "From n8n",
        "nodes": [
            { "id": "1", "name": "When clicking", "type": "n8n-nodes-base.manualTrigger", "typeVersion": 1,
              "position": [0, 0], "parameters": {} },
            { "id": "2", "name": "Strange", "type": "n8n-nodes-base.doesNotExist", "typeVersion": 1,
              "position": [200, 0], "parameters": { "x": 1 } },
        ],
        "connections": { "When clicking": { "main": [[{ "node": "Strange", "type": "main", "index": 0 }]] } },
        "settings": { "executionOrder": "v1" },
    });
    let imported = owner.post("/api/v1/workflows/import", file.clone()).await.ok(201);
    let id = imported["workflow"]["id"].as_str().expect("an id");
    assert_eq!(imported["workflow"]["name"], "From n8n");
    assert!(imported["report"].is_object());
    let exported = owner.get(&format!("/api/v1/workflows/{id}/export")).await.ok(200);
    assert_eq!(exported["file"]["nodes"][1]["type"], "n8n-nodes-base.doesNotExist");
    // What is not supported blocks publishing, never saving.
    let problem = owner.post_empty(&format!("/api/v1/workflows/{id}/publish")).await.problem(422);
    assert!(paths(&problem["errors"]).contains(&"nodes[1].type"), "{problem}");
    owner.post("/api/v1/workflows/import", json!({ "nothing": 1 })).await.problem(422);

    let copy =
        owner.post(&format!("/api/v1/workflows/{id}/duplicate"), json!({ "name": "Copy" })).await.ok(201);
    assert_eq!(copy["definition"]["nodes"], imported["workflow"]["definition"]["nodes"]);
    let copy = owner.post_empty(&format!("/api/v1/workflows/{id}/duplicate")).await.ok(201);
    assert_eq!(copy["name"], "From n8n (copy)");
}

#[tokio::test]
async fn a19a_hostile_texts_in_filters_find_nothing_and_break_nothing() {
    let (_server, owner) = TestServer::with_owner().await;
    create(&owner, workflow("Safe")).await;
    let hostile = [
        "' OR 1=1 --",
        "'; DROP TABLE workflows; --",
        "%",
        "_",
        "\\",
        "\"",
        "$1",
        "\u{0}",
        "\u{feff}",
        "\u{202e}txt",
        "a\u{0}b",
        "{{7*7}}",
        "../../etc/passwd",
        "%s%n",
    ];
    for text in hostile {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = owner.get(&format!("/api/v1/workflows?search={encoded}")).await;
        if text.chars().any(char::is_control) {
            answer.problem(422);
        } else {
            assert_eq!(answer.status, 200, "{text:?}: {answer:?}");
            assert_eq!(answer.json()["items"], json!([]), "{text:?}");
        }
        let mut named = workflow("Hostile");
        named["description"] = text.into();
        let answer = owner.post("/api/v1/workflows", named).await;
        assert_eq!(answer.status, if text.contains('\0') { 422 } else { 201 }, "{text:?}: {answer:?}");
        for filter in ["workflow_id", "status", "mode", "since", "until", "cursor", "limit"] {
            owner.get(&format!("/api/v1/executions?{filter}={encoded}")).await.problem(422);
        }
    }
    assert_eq!(
        owner.get("/api/v1/workflows?search=safe").await.ok(200)["items"].as_array().map(Vec::len),
        Some(1)
    );
}
