//! Reads our own test files; `docs/test-cases.md` is their manual.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{ExecutionStatus, Item, Object, Order, Value, json};
use nodes::n8n::{read_item, read_items};
use sdk::Mode;
use sdk::net::{Mock, Url};
use serde::Deserialize;

use super::case::{Case, Expected, Output, Port, Subject, Which, WorkflowCase};
use super::compare::Scope;
use crate::files;

/// A test file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    /// The workflow of every case that names no other: a path beside this file, or the workflow itself.
    #[serde(default)]
    workflow: Option<Value>,
    cases: Vec<Test>,
}

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    #[serde(default)]
    workflow: Option<Value>,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    now: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    pins: BTreeMap<String, Value>,
    #[serde(default)]
    disabled: Vec<String>,
    #[serde(default)]
    credentials: Object,
    #[serde(default)]
    variables: Object,
    #[serde(default)]
    http: Vec<Exchange>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    expect: Expect,
}

/// A request that the workflow makes and the answer it gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    #[serde(default)]
    method: Option<String>,
    url: String,
    #[serde(default)]
    query: Value,
    #[serde(default)]
    headers: Object,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    answer: Answer,
    #[serde(default)]
    fails: Option<String>,
    #[serde(default)]
    times: Times,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: Object,
    #[serde(default)]
    body: Value,
}

/// How often a mock answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Times {
    Count(u32),
    Any(Any),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Any {
    Any,
}

impl Default for Times {
    fn default() -> Self {
        Times::Count(1)
    }
}

/// What should come out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(default)]
    status: Option<ExecutionStatus>,
    #[serde(default)]
    error: Option<ExpectedError>,
    #[serde(default)]
    order: Option<Vec<String>>,
    #[serde(default)]
    runs: BTreeMap<String, usize>,
    #[serde(default)]
    nodes: BTreeMap<String, Value>,
    #[serde(default)]
    lineage: bool,
    #[serde(default)]
    files: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ExpectedError {
    Message(String),
    Detailed(ErrorDetails),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorDetails {
    #[serde(default)]
    node: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Whether a file is a test file of ours.
pub(super) fn is_test_file(file: &Value) -> bool {
    file.get("cases").and_then(Value::as_array).is_some() && file.get("nodes").is_none()
}

/// Reads a test file. Cases belong to the group that the file names.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Case>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let file: TestFile = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let group = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let group = group.trim_end_matches(".json").trim_end_matches(".test");
    let cases = file.cases.into_iter().enumerate().map(|(index, test)| {
        let id = format!("{group}/{}", test.name);
        let case = read_test(test, file.workflow.as_ref(), folder)
            .map_err(|error| format!("cases[{index}]: {error}"))?;
        Ok(Case { id, group: group.to_owned(), subject: Subject::Workflow(Box::new(case)) })
    });
    cases.collect()
}

fn read_test(test: Test, shared: Option<&Value>, folder: &Path) -> Result<WorkflowCase, String> {
    let workflow = match test.workflow.as_ref().or(shared) {
        None => return Err("no workflow; name one here or for the whole file".to_owned()),
        Some(Value::String(name)) => {
            files::read_json(&folder.join(name.as_str())).map_err(|error| error.to_string())?
        }
        Some(workflow) => workflow.clone(),
    };
    let input = match &test.input {
        Value::Null => vec![Item::default()],
        Value::Array(_) => read_items(&test.input).ok_or("input: a list of objects is needed")?,
        one => vec![read_item(one).ok_or("input: an object or a list of objects is needed")?],
    };
    let pins = test.pins.into_iter().map(|(node, items)| {
        let items = read_items(&items).ok_or_else(|| format!("pins.{node}: a list of objects is needed"))?;
        Ok((node, items))
    });
    let files = test.files.into_iter().map(|(name, content)| {
        let content =
            STANDARD.decode(content).map_err(|error| format!("files.{name}: not base64: {error}"))?;
        Ok((name, content))
    });
    let moment = |now: String| -> Result<f64, String> {
        let moment: jiff::Timestamp = now.parse().map_err(|error| format!("now: {error}"))?;
        Ok(moment.as_millisecond() as f64)
    };
    Ok(WorkflowCase {
        workflow,
        folder: Some(folder.to_owned()),
        missing_order: Order::Sequential,
        test_nodes: false,
        start: test.start,
        input,
        mode: test.mode,
        pins: pins.collect::<Result<_, String>>()?,
        disabled: test.disabled,
        credentials: test.credentials,
        variables: test.variables,
        mocks: test.http.into_iter().map(read_exchange).collect::<Result<_, String>>()?,
        files: files.collect::<Result<_, String>>()?,
        now_ms: test.now.map(moment).transpose()?,
        timezone: test.timezone.unwrap_or_else(|| "UTC".to_owned()),
        slow_seconds: 0.0,
        expected: read_expect(test.expect)?,
        must_run: Vec::new(),
    })
}

fn read_exchange(exchange: Exchange) -> Result<Mock, String> {
    let url = Url::parse(&exchange.url).map_err(|error| format!("http: {}: {error}", exchange.url))?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (times, persist) = match exchange.times {
        Times::Count(times) => (Some(times), false),
        Times::Any(Any::Any) => (None, true),
    };
    let mock = json!({
        "base": url.origin().ascii_serialization(),
        "path": format!("{}{query}", url.path()),
        "method": exchange.method.as_deref().unwrap_or("GET"),
        "statusCode": exchange.answer.status.unwrap_or(200),
        "times": times,
        "persist": persist,
        "networkError": exchange.fails,
    });
    let mut mock = mock.as_object().expect("it was just written as an object").clone();
    mock.insert("query", exchange.query);
    mock.insert("requestHeaders", exchange.headers);
    mock.insert("responseHeaders", exchange.answer.headers);
    mock.insert("responseBody", exchange.answer.body);
    if let Some(body) = exchange.body {
        mock.insert("requestBody", body);
    }
    Value::Object(mock).parse().map_err(|error| format!("http: {}: {error}", exchange.url))
}

fn read_expect(expect: Expect) -> Result<Expected, String> {
    let (error, failed_node) = match expect.error {
        None => (None, None),
        Some(ExpectedError::Message(message)) => (Some(message), None),
        Some(ExpectedError::Detailed(details)) => (details.message, details.node),
    };
    let fails = error.is_some() || failed_node.is_some();
    let otherwise = if fails { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
    let scope = Scope { binary: expect.files, lineage: expect.lineage };
    let mut outputs = Vec::new();
    for (node, given) in &expect.nodes {
        let mut add = |port: Port, items: &Value| {
            let items =
                items.as_array().ok_or_else(|| format!("expect.nodes.{node}: a list of items is needed"))?;
            outputs.push(Output { node: node.clone(), run: Which::Last, port, items: items.to_vec(), scope });
            Ok::<_, String>(())
        };
        match given {
            Value::Object(ports) => {
                ports.iter().try_for_each(|(port, items)| add(Port::Named(port.to_string()), items))?;
            }
            items => add(Port::Index(0), items)?,
        }
    }
    Ok(Expected {
        status: expect.status.unwrap_or(otherwise),
        error,
        failed_node,
        order: expect.order,
        runs: expect.runs.into_iter().collect(),
        outputs,
    })
}
