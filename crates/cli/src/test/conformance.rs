//! Reads the case format of the conformance data: one workflow case per file, and lists of expressions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{ExecutionStatus, Item, Object, Order, Value};
use nodes::n8n::{read_item, read_items};
use sdk::Mode;

use super::case::{Case, Expected, Output, Port, Subject, Which, WorkflowCase};
use super::compare::Scope;
use super::expressions::ExpressionCase;
use super::{Strictness, source};

/// The default time zone of the engine that the cases were recorded with.
const DEFAULT_ZONE: &str = "America/New_York";

/// Whether a file holds a case of this format.
pub(super) fn is_case(file: &Value) -> bool {
    ["id", "group", "workflow", "reference"].iter().all(|member| file.get(member).is_some())
}

/// Whether a file holds a list of expressions.
pub(super) fn is_expressions(file: &Value) -> bool {
    let first = file.as_array().and_then(<[Value]>::first);
    first.is_some_and(|first| {
        ["id", "expression", "item_index"].iter().all(|member| first.get(member).is_some())
    })
}

/// Reads a workflow case.
pub(super) fn read_case(file: &Value, strictness: Strictness) -> Result<Case, String> {
    let group = source::text(file, "group")?.to_owned();
    let reference = file.get("reference").unwrap_or(&Value::Null);
    let nodes = |member: &str| file.get(member).and_then(Value::as_object).cloned().unwrap_or_default();
    let mode = match file.get("trigger").and_then(|trigger| trigger.get("mode")).and_then(Value::as_str) {
        None | Some("manual") => Mode::Manual,
        Some("integrated") => Mode::Integrated,
        Some("error") => Mode::Error,
        Some("webhook") => Mode::Webhook,
        Some(_) => Mode::Production,
    };
    let input = file.get("trigger").and_then(|trigger| trigger.get("input"));
    let workflow = file.get("workflow").expect("it is a case because it has a workflow").clone();
    let case = WorkflowCase {
        workflow,
        folder: None,
        missing_order: Order::SequentialV0,
        test_nodes: true,
        start: source::optional_text(file, "start_node")?.map(str::to_owned),
        input: vec![input.and_then(read_item).unwrap_or_default()],
        mode,
        pins: nodes("pin_data")
            .iter()
            .map(|(node, items)| {
                Ok((node.to_string(), read_items(items).ok_or("a pin is a list of objects")?))
            })
            .collect::<Result<_, String>>()?,
        disabled: source::texts(file, "disabled_nodes")?,
        credentials: nodes("credentials"),
        variables: Object::new(),
        mocks: source::parsed(file, "http_mocks")?.unwrap_or_default(),
        files: nodes("files").iter().map(read_file).collect::<Result<_, _>>()?,
        now_ms: file.get("fake_now_ms").and_then(Value::as_f64),
        timezone: DEFAULT_ZONE.to_owned(),
        slow_seconds: file.get("slow_seconds").and_then(Value::as_f64).unwrap_or_default(),
        expected: read_expected(file, &group, reference, strictness)?,
        must_run: source::texts(reference, "order")?,
    };
    Ok(Case { id: source::text(file, "id")?.to_owned(), group, subject: Subject::Workflow(Box::new(case)) })
}

fn read_file((name, content): (&model::Text, &Value)) -> Result<(String, Vec<u8>), String> {
    let content = content.as_str().and_then(|text| STANDARD.decode(text).ok());
    Ok((name.to_string(), content.ok_or_else(|| format!("file {name} is not base64 text"))?))
}

fn read_expected(
    file: &Value,
    group: &str,
    reference: &Value,
    strictness: Strictness,
) -> Result<Expected, String> {
    let strict = strictness == Strictness::Strict;
    let mut expected = Expected {
        status: match source::text(reference, "status")? {
            "success" => ExecutionStatus::Completed,
            "waiting" => ExecutionStatus::Waiting,
            "canceled" => ExecutionStatus::Cancelled,
            _ => ExecutionStatus::Failed,
        },
        error: source::optional_text(file, "expected_error")?.map(str::to_owned),
        ..Expected::default()
    };
    if expected.error.is_some() {
        return Ok(expected);
    }
    let scope = Scope { binary: file.get("compare_binary") == Some(&Value::Bool(true)), lineage: false };
    if file.get("expected_order").is_some() {
        expected.order = Some(source::texts(file, "expected_order")?);
    }
    let unchecked = source::texts(file, "unchecked_nodes")?;
    let volatile = source::texts(reference, "volatile_nodes")?;
    let checked = |node: &&str| !unchecked.iter().chain(&volatile).any(|other| other == node);
    let empty = Object::new();
    let outputs = file.get("expected").and_then(Value::as_object).unwrap_or(&empty);
    let runs = file.get("expected_runs").and_then(Value::as_object).unwrap_or(&empty);
    for (node, branches) in outputs.iter().filter(|(node, _)| checked(&node.as_str())) {
        if runs.contains_key(node) {
            continue;
        }
        let branches = branches.as_array().unwrap_or_default();
        let (run, all) = match group {
            "real-runs" => (Which::Last, true),
            "order" => (Which::Index(0), true),
            _ => (Which::Index(0), false),
        };
        if !all {
            expected.runs.push((node.to_string(), 1));
        }
        let count = if all { branches.len() } else { 1 };
        for port in 0..count {
            let items = items(branches.get(port));
            expected.outputs.push(Output {
                node: node.to_string(),
                run,
                port: Port::Index(port),
                items,
                scope,
            });
        }
    }
    for (node, lists) in runs.iter().filter(|(node, _)| checked(&node.as_str())) {
        let lists = lists.as_array().unwrap_or_default();
        expected.runs.push((node.to_string(), lists.len()));
        expected.outputs.extend(lists.iter().enumerate().map(|(run, list)| Output {
            node: node.to_string(),
            run: Which::Index(run),
            port: Port::Index(0),
            items: items(Some(list)),
            scope,
        }));
    }
    if strict || (outputs.is_empty() && runs.is_empty()) {
        let run_data = reference.get("run_data").and_then(Value::as_object).unwrap_or(&empty);
        for (node, runs) in run_data.iter().filter(|(node, _)| checked(&node.as_str())) {
            let scope = Scope { lineage: strict, ..scope };
            add_run_data(&mut expected, node, runs.as_array().unwrap_or_default(), scope);
        }
    }
    Ok(expected)
}

/// Expects every run and branch of a node as it was recorded.
fn add_run_data(expected: &mut Expected, node: &str, runs: &[Value], scope: Scope) {
    expected.runs.push((node.to_owned(), runs.len()));
    for (run, recorded) in runs.iter().enumerate() {
        let branches = recorded.get("outputs").and_then(Value::as_array).unwrap_or_default();
        expected.outputs.extend(branches.iter().enumerate().map(|(port, branch)| Output {
            node: node.to_owned(),
            run: Which::Index(run),
            port: Port::Index(port),
            items: items(Some(branch)),
            scope,
        }));
    }
}

fn items(list: Option<&Value>) -> Vec<Value> {
    list.and_then(Value::as_array).unwrap_or_default().to_vec()
}

/// Reads a list of expressions; `group` is the name of its file.
pub(super) fn read_expressions(file: &Value, group: &str) -> Result<Vec<Case>, String> {
    let cases = file.as_array().unwrap_or_default().iter();
    cases
        .map(|case| read_expression(case, group).map_err(|error| format!("{error} in {}", compare_id(case))))
        .collect()
}

fn compare_id(case: &Value) -> &str {
    case.get("id").and_then(Value::as_str).unwrap_or("a case without id")
}

fn read_expression(case: &Value, group: &str) -> Result<Case, String> {
    let list = |member: &str| case.get(member).and_then(Value::as_array).unwrap_or_default();
    let index = case.get("item_index").and_then(Value::as_f64).unwrap_or_default();
    let pins = case.get("pin_data").and_then(Value::as_object).cloned().unwrap_or_default();
    let edge = |edge: &Value| {
        let end = |index: &str| edge.get(index).and_then(Value::as_str).map(str::to_owned);
        Some((end("0")?, end("1")?))
    };
    let expression = ExpressionCase {
        expression: source::text(case, "expression")?.to_owned(),
        input: list("input").iter().filter_map(read_item).collect(),
        index: (index >= 0.0).then_some(index as usize),
        variables: case.get("additional_keys").and_then(Value::as_object).cloned().unwrap_or_default(),
        timezone: source::optional_text(case, "timezone")?.unwrap_or(DEFAULT_ZONE).to_owned(),
        node: source::optional_text(case, "node")?.map(str::to_owned),
        parent: source::optional_text(case, "parent")?.map(str::to_owned),
        nodes: list("nodes")
            .iter()
            .map(|node| Ok((source::text(node, "name")?.to_owned(), source::text(node, "type")?.to_owned())))
            .collect::<Result<_, String>>()?,
        edges: list("edges").iter().filter_map(edge).collect(),
        pins: pins
            .iter()
            .map(|(node, items)| (node.to_string(), read_items(items).unwrap_or_default()))
            .collect::<Vec<(String, Vec<Item>)>>(),
        expected: match case.get("error") {
            Some(_) => None,
            None => Some(case.get("expected").cloned().unwrap_or_default()),
        },
    };
    let id = source::text(case, "id")?.to_owned();
    Ok(Case { id, group: group.to_owned(), subject: Subject::Expression(Box::new(expression)) })
}
