//! Import and export of whole n8n workflows, on hand-made ones and on public ones where those are there.

use std::path::PathBuf;

use model::{OnError, Order, Value, Workflow, json};
use nodes::n8n::{self, Outcome};

fn import(file: &Value) -> n8n::Import {
    n8n::import(file, &nodes::catalogue()).expect("the workflow loads")
}

fn export(workflow: &Workflow) -> Value {
    Value::Object(n8n::export(workflow, &nodes::catalogue()).file)
}

/// A workflow in which nearly everything that can be odd is odd.
fn odd() -> Value {
    json!({
        "id": 7,
        "name": "Odd",
        "active": false,
        "meta": { "instanceId": "x" },
        "nodes": [
            { "id": "1", "name": "Start", "type": "acme.start", "position": [0, 0], "parameters": {} },
            {
                "id": "2", "name": "Limit", "type": "n8n-nodes-base.limit", "typeVersion": 1, "position": [200, 0.5],
                "parameters": { "maxItems": 2 }, "continueOnFail": true, "retryOnFail": false, "maxTries": 9,
                "notes": "why", "notesInFlow": true, "creator": { "name": "someone" },
            },
            { "name": "Limit!", "type": "n8n-nodes-base.limit", "typeVersion": 99, "position": "nowhere" },
        ],
        "connections": {
            "Start": { "main": [null, [{ "node": "Limit", "type": "main", "index": 0 }], []] },
            "Limit": { "main": [["Start", { "node": "Limit!", "type": "main", "index": 0 }]] },
            "Gone": { "main": [[{ "node": "Start", "type": "main", "index": 0 }]] },
        },
        "settings": { "timezone": "DEFAULT", "availableInMCP": true },
        "pinData": { "Start": [{ "a": 1 }], "Gone": [{}] },
    })
}

#[test]
fn everything_an_import_brings_is_exported_again() {
    let file = odd();
    assert_eq!(export(&import(&file).workflow), file);
}

#[test]
fn an_import_gives_a_sound_workflow_in_our_words() {
    let n8n::Import { workflow, report } = import(&odd());
    assert_eq!(workflow.problems(), []);
    let keys: Vec<&str> = workflow.nodes.iter().map(|node| node.key.as_str()).collect();
    assert_eq!(keys, ["start", "limit", "limit_2"]);
    assert_eq!(workflow.settings.order, Order::Sequential);
    assert_eq!(workflow.nodes[1].on_error, OnError::Continue);
    assert_eq!(workflow.nodes[1].retry, None);
    assert_eq!(workflow.pins["start"][0].json.get("a"), Some(&json!(1)));
    let outcomes: Vec<&Outcome> = report.nodes.iter().map(|node| &node.outcome).collect();
    assert_eq!(*outcomes[1], Outcome::Native);
    let unsupported =
        |reason: &str, missing_type| Outcome::Unsupported { reason: reason.into(), missing_type };
    assert_eq!(*outcomes[0], unsupported("node type acme.start is not supported", true));
    assert_eq!(
        *outcomes[2],
        unsupported("version 99 of node type n8n-nodes-base.limit is not supported", false)
    );
    let warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "connections[\"Limit\"].main[0][0]: this is no connection; it was dropped",
            "connections[\"Gone\"].main[0][0]: there is no node called \"Gone\"; the connection was dropped",
            "pinData[\"Gone\"]: there is no node called \"Gone\"; the pin was dropped",
        ]
    );
}

#[test]
fn what_was_changed_since_the_import_is_exported_as_it_is_now() {
    let mut workflow = import(&odd()).workflow;
    workflow.nodes[1].on_error = OnError::Stop;
    workflow.nodes[1].position = [1.0, 2.0];
    workflow.edges.pop();
    workflow.pins.clear();
    let file = export(&workflow);
    let limit = file.get("nodes").and_then(|nodes| nodes.get("1")).expect("the node is there");
    assert_eq!(limit.get("continueOnFail"), None);
    assert_eq!(limit.get("position"), Some(&json!([1, 2])));
    assert_eq!(limit.get("creator"), Some(&json!({ "name": "someone" })));
    assert_eq!(
        file.get("connections"),
        Some(&json!({ "Start": { "main": [[], [{ "node": "Limit", "type": "main", "index": 0 }]] } }))
    );
    assert_eq!(file.get("pinData"), None);
    assert_eq!(file.get("settings").and_then(|settings| settings.get("availableInMCP")), Some(&json!(true)));
}

#[test]
fn the_last_node_of_a_name_wins() {
    let node = |version| json!({ "name": "A", "type": "n8n-nodes-base.limit", "typeVersion": version });
    let file = json!({ "nodes": [node(99), node(1)], "connections": {} });
    let import = import(&file);
    assert_eq!(import.report.nodes.len(), 1);
    assert_eq!(import.report.nodes[0].outcome, Outcome::Native);
}

#[test]
fn a_node_that_leads_back_to_itself_does_so_through_another() {
    let file = json!({
        "nodes": [{ "name": "A", "type": "n8n-nodes-base.limit", "typeVersion": 1, "position": [0, 0], "parameters": {} }],
        "connections": { "A": { "main": [[{ "node": "A", "type": "main", "index": 0 }]] } },
    });
    let import = import(&file);
    assert_eq!(import.workflow.problems(), []);
    let edges: Vec<_> =
        import.workflow.edges.iter().map(|edge| (edge.source.as_str(), edge.target.as_str())).collect();
    assert_eq!(edges, [("a", "a_again"), ("a_again", "a")]);
    assert!(import.report.warnings[0].message.contains("leads back to itself"));
}

#[test]
fn sub_nodes_stay_tied_to_the_node_that_uses_them() {
    let file = json!({
        "name": "AI",
        "nodes": [
            { "name": "Agent", "type": "acme.agent", "typeVersion": 1.7, "position": [0, 0], "parameters": {} },
            { "name": "Model", "type": "acme.model", "typeVersion": 1, "position": [0, 100], "parameters": {} },
        ],
        "connections": { "Model": { "ai_languageModel": [[{ "node": "Agent", "type": "ai_languageModel", "index": 1 }]] } },
        "settings": { "executionOrder": "v1" },
    });
    let workflow = import(&file).workflow;
    assert_eq!(workflow.edges[0].target_port, "ai_languageModel:1");
    assert_eq!(export(&workflow), file);
}

#[test]
fn what_is_no_workflow_is_refused_with_a_path() {
    let error =
        |file: Value| n8n::import(&file, &nodes::catalogue()).expect_err("it does not load").to_string();
    assert_eq!(
        error(json!({ "nodes": {} })),
        "nodes: expected an array of nodes, found object; export the workflow from n8n again"
    );
    let many = Value::array(vec![json!({}); 10_001]);
    assert!(error(json!({ "nodes": many })).starts_with("nodes: 10001 nodes are more than the 10000"));
    let nothing = n8n::workflows(&json!({ "data": [{ "nodes": [] }, 3] })).expect_err("3 is no workflow");
    assert_eq!(nothing.path, "data[1]");
}

#[test]
fn workflows_are_found_in_lists_and_wrappers() {
    let file = json!([{ "workflow": { "workflow": { "nodes": [] } } }, { "nodes": [] }]);
    let found = n8n::workflows(&file).expect("both are workflows");
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["[0].workflow.workflow", "[1]"]);
}

#[test]
fn public_workflows_survive_import_and_export() {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/n8n-real/workflows");
    let Ok(files) = std::fs::read_dir(folder) else { return };
    let catalogue = nodes::catalogue();
    for path in files.map(|file| file.expect("the folder is readable").path()) {
        let text = std::fs::read_to_string(&path).expect("the file is readable");
        let file = Value::from_json(&text).expect("the file is JSON");
        let import =
            n8n::import(&file, &catalogue).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(import.workflow.problems(), [], "{}", path.display());
        let text = serde_json::to_string(&import.workflow).expect("a workflow serialises");
        let workflow =
            Workflow::from_json(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(workflow, import.workflow, "{} changes when it is stored", path.display());
        assert_eq!(export(&workflow), file, "{} changes on the way back", path.display());
    }
}
