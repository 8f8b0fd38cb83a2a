//! Who may do what: every operation of the document, tried by everybody who may not.

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{Answer, Client, TestServer, workflow};

/// What an operation is tried with. An operation that is not here fails the test: say what it is tried with.
fn body(operation: &str) -> Option<Value> {
    Some(match operation {
        "create_key" => json!({ "name": "k", "scopes": ["workflows:read"] }),
        "create_workflow" | "update_workflow" | "validate_definition" => workflow("Tried"),
        "import_workflow" => json!({ "name": "Imported", "nodes": [], "connections": {} }),
        "open_test_route" => json!({ "node": "start" }),
        "settle_step" => json!({ "outcome": "run_again" }),
        "preview_expression" => json!({ "expression": "=1" }),
        "create_credential" => json!({ "name": "c", "kind": "httpHeaderAuth", "fields": { "value": "s" } }),
        "list_keys" | "delete_key" | "list_workflows" | "find_workflow" | "delete_workflow"
        | "validate_workflow" | "publish_workflow" | "pause_workflow" | "activate_workflow"
        | "duplicate_workflow" | "export_workflow" | "list_versions" | "find_version" | "list_triggers"
        | "run_workflow" | "list_executions" | "find_execution" | "list_steps" | "find_step"
        | "cancel_execution" | "pause_execution" | "resume_execution" | "retry_execution"
        | "replay_execution" | "list_waits" | "resolve_wait" | "delete_execution" | "list_logs"
        | "follow_execution" | "follow_workspace" | "list_credentials" | "delete_credential" => Value::Null,
        "health" | "readiness" | "set_up" => return None,
        other => panic!("say what {other} is tried with"),
    })
}

struct Operation {
    name: String,
    method: Method,
    path: String,
    permission: Option<String>,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&server::openapi_document()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("a path has operations") {
            operations.push(Operation {
                name: operation["operationId"].as_str().expect("it has a name").to_owned(),
                method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
                path: path.clone(),
                permission: operation["x-permission"].as_str().map(str::to_owned),
            });
        }
    }
    assert!(operations.len() > 30);
    operations
}

/// What there is of Alice's, for others to try to reach.
struct Ids {
    workflow: String,
    execution: String,
    key: String,
    credential: String,
}

impl Operation {
    async fn send(&self, client: &Client, ids: &Ids) -> Answer {
        let id = match self.path.split('/').nth(3) {
            Some("workflows") => &ids.workflow,
            Some("executions") => &ids.execution,
            Some("keys") => &ids.key,
            _ => &ids.credential,
        };
        let path = self.path.replace("{id}", id).replace("{number}", "1");
        let body = body(&self.name).filter(|body| !body.is_null());
        let headers: &[_] = if self.name == "update_workflow" { &[("if-match", "\"1\"")] } else { &[] };
        if self.name.starts_with("follow") {
            return client.head_of(self.method.clone(), &path, headers).await;
        }
        client.send(self.method.clone(), &path, headers, body).await
    }
}

async fn scene() -> (TestServer, Client, Ids) {
    let (server, alice) = TestServer::with_owner().await;
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let created = alice.post("/api/v1/workflows", workflow("Alice's")).await.ok(201);
    let started = alice.post_empty(&format!("/api/v1/workflows/{}/run", text(&created["id"]))).await.ok(202);
    let keys = alice.get("/api/v1/keys").await.ok(200);
    let credential =
        json!({ "name": "Alice's", "kind": "httpHeaderAuth", "fields": { "name": "x", "value": "s" } });
    let credential = alice.post("/api/v1/credentials", credential).await.ok(201);
    let ids = Ids {
        workflow: text(&created["id"]),
        execution: text(&started["execution_id"]),
        key: text(&keys["items"][0]["id"]),
        credential: text(&credential["id"]),
    };
    (server, alice, ids)
}

#[tokio::test]
async fn a08_idor_matrix_strangers_reach_nothing() {
    let (server, _alice, ids) = scene().await;
    for operation in operations().iter().filter(|operation| body(&operation.name).is_some()) {
        let answer = operation.send(&server.stranger(), &ids).await;
        assert_eq!(answer.status, 401, "{}: {answer:?}", operation.name);
        answer.problem(401);
    }
}

#[tokio::test]
async fn a08_idor_matrix_other_workspaces_find_nothing() {
    let (server, _alice, ids) = scene().await;
    let mallory = server.owner_of_another_workspace().await;
    for operation in operations().iter().filter(|operation| body(&operation.name).is_some()) {
        let answer = operation.send(&mallory, &ids).await;
        if operation.path.contains("{id}") {
            assert_eq!(answer.status, 404, "{}: {answer:?}", operation.name);
        } else {
            let text = String::from_utf8_lossy(&answer.body);
            for id in [&ids.workflow, &ids.execution, &ids.key, &ids.credential] {
                assert!(!text.contains(id.as_str()), "{} tells of {id}: {text}", operation.name);
            }
        }
    }
    let nested = [
        (
            "/api/v1/expressions/preview",
            json!({ "expression": "=1", "execution_id": ids.execution, "node": "start" }),
        ),
        ("/api/v1/expressions/preview", json!({ "expression": "=1", "workflow_id": ids.workflow })),
    ];
    for (path, body) in nested {
        mallory.post(path, body).await.problem(404);
    }
    let found = mallory.get(&format!("/api/v1/executions?workflow_id={}", ids.workflow)).await.ok(200);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn a08b_a_key_does_what_its_scopes_say_and_nothing_else() {
    let (server, alice, ids) = scene().await;
    let all: Vec<&str> = app::access::Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    for permission in &all {
        let only = server.limited(&alice, &[permission]).await;
        let others: Vec<&str> = all.iter().copied().filter(|other| other != permission).collect();
        let without = server.limited(&alice, &others).await;
        let operations = operations();
        let needing =
            operations.iter().filter(|operation| operation.permission.as_deref() == Some(permission));
        for operation in needing {
            let answer = operation.send(&without, &ids).await;
            assert_eq!(answer.status, 403, "{} without {permission}: {answer:?}", operation.name);
            answer.problem(403);
        }
        for operation in operations
            .iter()
            .filter(|operation| operation.permission.as_deref().is_some_and(|needed| needed != *permission))
        {
            let answer = operation.send(&only, &ids).await;
            assert_eq!(answer.status, 403, "{} with {permission} only: {answer:?}", operation.name);
        }
    }
}

#[tokio::test]
async fn every_operation_says_what_it_needs() {
    for operation in operations() {
        assert_eq!(operation.permission.is_none(), body(&operation.name).is_none(), "{}", operation.name);
    }
}

#[tokio::test]
async fn a16_a_key_cannot_make_a_stronger_one_and_is_refused_once_it_is_gone() {
    let (server, alice) = TestServer::with_owner().await;
    let weak = server.limited(&alice, &["keys:manage", "workflows:read"]).await;
    for scopes in [json!(["*"]), json!(["workflows:edit"]), json!(["workflows:read", "executions:execute"])] {
        weak.post("/api/v1/keys", json!({ "name": "stronger", "scopes": scopes })).await.problem(403);
    }
    let same = json!({ "name": "same", "scopes": ["workflows:read"] });
    let made = weak.post("/api/v1/keys", same).await.ok(201);
    let made_key = server.client(made["api_key"].as_str().expect("a key"));
    assert_eq!(made_key.get("/api/v1/workflows").await.status, 200);
    let path = format!("/api/v1/keys/{}", made["id"].as_str().expect("an id"));
    assert_eq!(alice.delete(&path).await.status, 204);
    made_key.get("/api/v1/workflows").await.problem(401);
    for wrong in [json!([]), json!(["workflows:rule"]), json!("*")] {
        alice.post("/api/v1/keys", json!({ "name": "wrong", "scopes": wrong })).await.problem(422);
    }
    let past = json!({ "name": "past", "scopes": ["workflows:read"], "expires_at": "2020-01-01T00:00:00Z" });
    alice.post("/api/v1/keys", past).await.problem(422);
}

#[tokio::test]
async fn reading_data_of_an_execution_needs_its_own_permission() {
    let (server, alice, ids) = scene().await;
    let onlooker = server.limited(&alice, &["executions:read"]).await;
    let path = format!("/api/v1/executions/{}", ids.execution);
    assert_eq!(onlooker.get(&format!("{path}/steps")).await.status, 200);
    onlooker.get(&format!("{path}/steps?data=true")).await.problem(403);
    let mut events = onlooker.events(&format!("{path}/events"), None).await;
    while let Some((_, name, data)) = events.next().await {
        assert!(data.get("payload").is_none(), "{name}: {data}");
    }
    let runner = server.limited(&alice, &["executions:execute"]).await;
    let preview = json!({ "expression": "=1", "execution_id": ids.execution, "node": "start" });
    runner.post("/api/v1/expressions/preview", preview).await.problem(403);
}
