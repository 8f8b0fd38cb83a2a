//! Runs one node on a few items, for the tests beside a node.

use std::sync::Arc;

use jiff::tz::TimeZone;
use model::{Item, Object, Value};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, ExecutionInfo, Mode, NodeInfo, Services, Step};
use crate::error::NodeError;
use crate::history::{Graph, History};
use crate::node::{Inputs, Node};
use crate::output::{Emission, Output};

/// 2026-01-02T03:04:05Z in Unix milliseconds: the time of every test.
pub const NOW_MS: f64 = 1_767_323_045_000.0;

/// Runs a node with these parameters on these items (their data) and compares what leaves on each output port: an
/// object of port name to list of data. Ports that are not named must be empty.
pub fn check<N: Node>(parameters: Value, items: Value, expected: Value) {
    let node = build::<N>(&parameters);
    let emission = run(&node, items).expect("the step completes");
    let ports = Node::ports(&node).outputs;
    for (index, port) in ports.iter().enumerate() {
        let actual = emission.ports.get(index).map_or(Value::array([]), |items| {
            Value::array(items.iter().map(|item| Value::Object(item.json.clone())))
        });
        let expected = expected.get(port).cloned().unwrap_or_else(|| Value::array([]));
        assert_eq!(actual, expected, "port {port} of {}", N::KIND.name);
    }
}

/// Runs a node that must fail and gives its error.
pub fn check_error<N: Node>(parameters: Value, items: Value) -> NodeError {
    run(&build::<N>(&parameters), items).expect_err("the step fails")
}

/// Reads parameters into a node.
pub fn build<N: Node>(parameters: &Value) -> N {
    parameters.parse().unwrap_or_else(|error| panic!("{} refuses its parameters: {error}", N::KIND.name))
}

/// Runs a node on the data of these items and gives what it emits.
pub fn run<N: Node>(node: &N, items: Value) -> Result<Emission, NodeError> {
    let items = items.as_array().expect("items are an array").iter();
    let items = items.map(|json| Item::new(json.as_object().expect("data is an object").clone())).collect();
    let ctx = context(Inputs::single(Arc::new(items)));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    match runtime.block_on(Node::run(node, &ctx, &ctx.inputs))? {
        Output::Items(emission) => Ok(emission),
        other => panic!("the step emits items, not {other:?}"),
    }
}

/// A context for a lone node called `Node` with these inputs, at [`NOW_MS`] in UTC.
pub fn context(inputs: Inputs) -> Context {
    let node = Arc::new(NodeInfo { name: "Node".into(), key: "node".into(), ..NodeInfo::default() });
    let graph = Graph::new("test".into(), "Test".into(), false, vec![node.clone()], vec![Vec::new()]);
    let step = Step {
        execution: Arc::new(execution()),
        node,
        history: Arc::new(History::new(Arc::new(graph))),
        arrived: inputs.clone(),
        inputs,
        sources: Default::default(),
        run_index: 0,
        attempt: 1,
        now_ms: NOW_MS,
        seen: Default::default(),
    };
    Context::new(step, Services::default(), CancellationToken::new())
}

/// What tests know of an execution.
pub fn execution() -> ExecutionInfo {
    ExecutionInfo {
        id: "1".into(),
        mode: Mode::Test,
        zone: TimeZone::UTC,
        resume_url: "http://localhost/resume/1".into(),
        resume_form_url: "http://localhost/form/1".into(),
        variables: Object::new(),
        static_data: Object::new(),
        seed: 1,
        webhook_url: "http://localhost/".into(),
    }
}
