//! What callers are told.

use http::Method;
use model::ExecutionStatus;
use serde_json::{Value, json};
use server::HookLimits;
use std::time::Duration;

use crate::site::Site;

fn set(fields: Value) -> Value {
    json!({ "key": "set", "type": "core.set", "name": "Set", "parameters": { "fields": fields } })
}

fn fail() -> Value {
    json!({ "key": "fail", "type": "core.stop_and_error", "name": "Fail", "parameters": { "message": "the inside story" } })
}

fn n8n(parameters: Value, more: &[Value]) -> Value {
    let mut nodes = vec![json!({
        "id": "1", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0],
        "parameters": parameters, "webhookId": "w",
    })];
    nodes.extend(more.iter().cloned());
    let mut connections = serde_json::Map::new();
    for pair in nodes.windows(2) {
        let name = pair[0]["name"].as_str().expect("a name").to_owned();
        let to = json!({ "node": (pair[1]["name"]), "type": "main", "index": 0 });
        connections.insert(name, json!({ "main": [[to]] }));
    }
    json!({ "name": "Imported", "nodes": nodes, "connections": connections, "settings": { "executionOrder": "v1" } })
}

#[tokio::test]
async fn s2_017_an_immediate_answer_says_where_to_ask_for_the_execution() {
    let site = Site::start().await;
    let hook = site
        .hook(
            json!({ "methods": ["POST"], "path": "orders" }),
            &[set(json!([{ "name": "n", "value": "={{ $json.body.n }}" }]))],
        )
        .await;
    let answer = site.post(&format!("{}/orders", hook.path), json!({ "n": 1 })).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let receipt = answer.json();
    let executions = site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
    assert_eq!(receipt["execution_id"], executions[0].id.to_string());
    let status_url = receipt["status_url"].as_str().expect("an address");
    let path = status_url.strip_prefix("http://runnel.test").expect("it is below the public address");
    let status = site.get(path).await;
    assert_eq!((status.status, &status.json()["status"]), (200, &json!("completed")));
    assert!(!status.json().to_string().contains("\"n\""), "nothing of the data");
    assert_eq!(site.get(&path[..path.len() - 1]).await.status, 404);
}

#[tokio::test]
async fn the_last_node_answers_with_an_item_all_items_a_field_or_nothing() {
    let site = Site::start().await;
    let split = json!({ "key": "split", "type": "core.split_out", "name": "Split", "parameters": { "fields": "body.list" } });
    let cases = [
        (json!({ "when": "last_node" }), 200, json!({ "body.list": 1 })),
        (
            json!({ "when": "last_node", "data": "all_items", "status": 201 }),
            201,
            json!([{ "body.list": 1 }, { "body.list": 2 }]),
        ),
    ];
    for (respond, status, _expected) in cases {
        let hook = site.hook(json!({ "respond": respond }), std::slice::from_ref(&split)).await;
        let answer = site.post(&hook.path, json!({ "list": [1, 2] })).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        match respond["data"].as_str() {
            Some(_) => assert_eq!(body.as_array().map(Vec::len), Some(2), "{body}"),
            None => assert!(body.is_object(), "{body}"),
        }
    }
    let fields = set(json!([{ "name": "page.text", "value": "=<b>{{ $json.body.who }}</b>" }]));
    let respond = json!({ "when": "last_node", "field": "page.text", "content_type": "text/html" });
    let hook = site.hook(json!({ "respond": respond }), &[fields]).await;
    let answer = site.post(&hook.path, json!({ "who": "Ada" })).await;
    assert_eq!(&answer.body[..], b"<b>Ada</b>");
    assert_eq!(answer.header("content-type"), "text/html");
    let hook =
        site.hook(json!({ "respond": { "when": "last_node", "data": "nothing", "status": 204 } }), &[]).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[tokio::test]
async fn a_file_that_came_goes_back() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "respond": { "when": "last_node", "data": "first_file" } }), &[]).await;
    let bytes = (0..=255).collect::<Vec<u8>>();
    let answer = site.call(Method::POST, &hook.path, &[("content-type", "image/png")], &bytes).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &bytes[..]));
    assert_eq!(answer.header("content-type"), "image/png");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("sandbox"));
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!(answer.status, 500, "{answer:?}");
}

#[tokio::test]
async fn a12b_a_page_of_a_workflow_has_no_origin_and_speaks_for_nobody_else() {
    let site = Site::start().await;
    for (name, value) in [
        ("Set-Cookie", "__Host-sid=stolen; Path=/"),
        ("Strict-Transport-Security", "max-age=0"),
        ("Access-Control-Allow-Origin", "https://evil.example"),
        ("Clear-Site-Data", "\"*\""),
        ("Content-Security-Policy", "default-src *"),
    ] {
        let respond = json!({
            "key": "respond", "type": "core.respond_to_webhook", "name": "Respond", "parameters": {
                "answer": { "with": "text", "body": "<script>alert(document.cookie)</script>" },
                "headers": [{ "name": "Content-Type", "value": "text/html" }, { "name": name, "value": value }, { "name": "X-Mine", "value": "1" }],
            },
        });
        let hook = site.hook(json!({ "respond": { "when": "node" } }), &[respond]).await;
        let answer = site.post(&hook.path, json!({})).await;
        assert_eq!((answer.status, answer.header("x-mine")), (200, "1"), "{answer:?}");
        let kept = answer.header(name);
        assert!(kept.is_empty() || kept.starts_with("sandbox "), "{name}: {kept}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("sandbox ") && !policy.contains("allow-same-origin"), "{policy}");
    }
}

#[tokio::test]
async fn a_node_answers_with_status_headers_and_body() {
    let site = Site::start().await;
    let respond = |parameters: Value| json!({ "key": "respond", "type": "core.respond_to_webhook", "name": "Respond", "parameters": parameters });
    let call = async |parameters: Value| {
        let hook = site
            .hook(json!({ "methods": ["GET"], "respond": { "when": "node" } }), &[respond(parameters)])
            .await;
        site.get(&format!("{}?name=Ada", hook.path)).await
    };
    let answer =
        call(json!({ "answer": { "with": "text", "body": "=Hello {{ $json.query.name }}" }, "status": 203 }))
            .await;
    assert_eq!((answer.status, &answer.body[..]), (203, &b"Hello Ada"[..]));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let answer = call(json!({ "answer": { "with": "json", "body": "{\"a\": [1, null]}" } })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "a": [1, null] })));
    let answer = call(json!({ "answer": { "with": "redirect", "to": "https://example.com/next" } })).await;
    assert_eq!((answer.status, answer.header("location")), (307, "https://example.com/next"));
    let answer = call(json!({ "answer": { "with": "nothing" }, "status": 204 })).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[tokio::test]
async fn a_failure_is_told_without_its_inside() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "respond": { "when": "last_node" } }), &[fail()]).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!((answer.status, answer.header("content-type")), (500, "application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:runnel:problem:execution-failed");
    assert!(problem["execution_id"].is_string() && !problem.to_string().contains("inside story"));
}

#[tokio::test]
async fn imported_webhooks_answer_in_the_words_of_n8n() {
    let site = Site::start().await;
    let hook = site.import(n8n(json!({ "httpMethod": "POST", "path": "a" }), &[])).await;
    let answer = site.post(&format!("{}/a", hook.path), json!({})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "message": "Workflow was started" })));
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");

    let answer = site.get(&hook.path).await;
    let text = "This webhook is not registered for GET requests. Did you mean to make a POST request?";
    assert_eq!((answer.status, &answer.json()["message"]), (404, &json!(text)));

    let answer = site.call(Method::POST, &hook.path, &[("content-type", "application/json")], "{").await;
    assert_eq!((answer.status, &answer.json()["message"]), (422, &json!("Failed to parse request body")));

    let options = json!({ "responseData": "received!", "responseHeaders": { "entries": [{ "name": "X-A", "value": "=b-{{ 1 + 1 }}" }] }, "responseCode": { "values": { "responseCode": 201 } } });
    let hook = site.import(n8n(json!({ "httpMethod": "POST", "path": "a", "options": options }), &[])).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!((answer.status, &answer.body[..], answer.header("x-a")), (201, &b"received!"[..], "b-2"));
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");

    let last = json!({ "httpMethod": "POST", "path": "a", "responseMode": "lastNode" });
    let stop = json!({ "id": "2", "name": "Stop", "type": "n8n-nodes-base.stopAndError", "typeVersion": 1, "position": [0, 0], "parameters": { "errorMessage": "no" } });
    let hook = site.import(n8n(last.clone(), &[stop])).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!((answer.status, answer.json()), (500, json!({ "message": "Error in workflow" })));

    let filter = json!({ "id": "2", "name": "Filter", "type": "n8n-nodes-base.filter", "typeVersion": 2, "position": [0, 0], "parameters": {
        "conditions": { "options": { "caseSensitive": true, "typeValidation": "strict", "version": 2 }, "combinator": "and", "conditions": [
            { "id": "c", "leftValue": "a", "rightValue": "b", "operator": { "type": "string", "operation": "equals" } },
        ] },
    } });
    let hook = site.import(n8n(last, &[filter])).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!((answer.status, &answer.json()["message"]), (500, &json!("No item to return was found")));
}

#[tokio::test]
async fn who_waits_too_long_learns_where_to_ask() {
    let site =
        Site::with_limits(HookLimits { deadline: Duration::from_millis(50), ..HookLimits::default() }).await;
    let wait = json!({ "key": "wait", "type": "core.wait", "name": "Wait", "parameters": { "until": "interval", "amount": 3600, "unit": "seconds" } });
    let hook = site.hook(json!({ "respond": { "when": "last_node" } }), &[wait]).await;
    let answer = site.post(&hook.path, json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let executions = site.until(hook.workflow, 1, ExecutionStatus::Waiting).await;
    assert_eq!(answer.json()["execution_id"], executions[0].id.to_string());
}

#[tokio::test]
async fn several_methods_have_a_port_each_and_paths_have_parameters() {
    let site = Site::start().await;
    let set = |key: &str, value: &str| json!({ "key": key, "type": "core.set", "name": key, "parameters": { "fields": [{ "name": "via", "value": value }] } });
    let hook = site.publish(json!({
        "name": "Two methods",
        "nodes": [
            { "key": "hook", "type": "core.webhook", "name": "Hook", "parameters": {
                "methods": ["GET", "PUT"], "path": "users/:user", "respond": { "when": "last_node", "field": "via" } } },
            set("get", "=get {{ $json.params.user }}"),
            set("put", "=put {{ $json.params.user }}"),
        ],
        "edges": [
            { "source": "hook", "source_port": "GET", "target": "get" },
            { "source": "hook", "source_port": "PUT", "target": "put" },
        ],
    })).await;
    let path = format!("{}/users/a%20b", hook.path);
    assert_eq!(&site.get(&path).await.body[..], b"get a b");
    assert_eq!(&site.call(Method::PUT, &path, &[], "").await.body[..], b"put a b");
    let refused = site.post(&path, json!({})).await;
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, PUT"));
    for other in ["", "/users", "/users/", "/users/a/b", "/people/a"] {
        assert_eq!(site.get(&format!("{}{other}", hook.path)).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn what_the_webhook_says_may_be_worked_out_from_the_call() {
    let site = Site::start().await;
    let hook = site.hook(json!({
        "headers": [{ "name": "X-Echo", "value": "={{ $json.body.echo }}" }],
        "respond": { "when": "immediately", "status": "={{ $json.body.status }}", "body": "={{ { got: $json.body.echo } }}" },
    }), &[]).await;
    let answer = site.post(&hook.path, json!({ "echo": "hi", "status": 207 })).await;
    assert_eq!((answer.status, answer.header("x-echo"), answer.json()), (207, "hi", json!({ "got": "hi" })));
    for bad in [
        json!({ "echo": "a\r\nSet-Cookie: b=c", "status": 200 }),
        json!({ "echo": "a", "status": 99 }),
        json!({ "echo": "a", "status": "no" }),
    ] {
        let answer = site.post(&hook.path, bad).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (500, ""), "{answer:?}");
    }
    assert_eq!(
        site.until(hook.workflow, 1, ExecutionStatus::Completed).await.len(),
        1,
        "what cannot be answered does not begin"
    );
}
