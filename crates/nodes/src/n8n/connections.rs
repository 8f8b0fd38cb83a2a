//! Connections: n8n names nodes and counts ports, we name both.
//!
//! Data flows over the kind `main`; the kinds `ai_...` tie a sub-node (a model, a tool) to the node that uses it. Such
//! an edge keeps its kind as the name of both ports.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use model::validate::{Code, Problem};
use model::{Edge, EdgeKind, NodeKey, Object, OnError, Text, Value};
use sdk::node::Ports;

/// The port that failed items leave from.
const ERROR_PORT: &str = "error";

/// Connections to or from higher ports are no connections.
const MAX_PORTS: usize = 1_000;

/// A node as connections see it.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) key: NodeKey,
    pub(super) inputs: Vec<Text>,
    /// Output ports in order, the error port included where the node has one.
    pub(super) outputs: Vec<Text>,
}

/// The nodes of a workflow by name.
pub(super) type Ends = HashMap<Text, End>;

impl End {
    /// A node that came from an n8n node of type `kind`, or from none.
    pub(super) fn new(key: NodeKey, kind: Option<&str>, ports: Ports, on_error: OnError) -> Self {
        let Ports { inputs, mut outputs, .. } = ports;
        if on_error == OnError::ErrorOutput {
            let declared = DECLARED_OUTPUTS.iter().find(|(other, _)| Some(*other) == kind);
            outputs.truncate(declared.map_or(outputs.len(), |(_, count)| *count));
            outputs.push(ERROR_PORT.into());
        }
        Self { key, inputs, outputs }
    }
}

/// n8n node types that give more outputs than they declare, with the number that they declare: their error output comes
/// right behind those.
const DECLARED_OUTPUTS: [(&str, usize); 1] = [("n8n-nodes-base.filter", 1)];

/// How many main ports the connections of a node use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Used {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// One connection as n8n writes it.
struct Connection<'a> {
    path: String,
    source: &'a Text,
    kind: &'a str,
    output: usize,
    target: &'a str,
    input: usize,
}

/// Counts the main ports that connections use, by node name.
pub(super) fn used_ports(connections: &Value) -> HashMap<&str, Used> {
    let mut used: HashMap<&str, Used> = HashMap::new();
    for connection in walk(connections, &mut Vec::new()).iter().filter(|connection| connection.kind == "main")
    {
        let source = used.entry(connection.source).or_default();
        source.outputs = source.outputs.max(connection.output + 1);
        let target = used.entry(connection.target).or_default();
        target.inputs = target.inputs.max(connection.input + 1);
    }
    used
}

/// Reads connections into edges. Those that lead nowhere are left out and named in `problems`.
pub(super) fn read(connections: &Value, ends: &Ends, problems: &mut Vec<Problem>) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut seen = HashSet::new();
    for connection in walk(connections, problems) {
        let Connection { path, source, kind, output, target, input } = connection;
        let end = |name: &str| {
            ends.get(name).ok_or_else(|| {
                let message = format!("there is no node called \"{name}\"; the connection was dropped");
                Problem::warning(path.clone(), Code::DanglingEdge, message)
            })
        };
        // A port that a node does not have keeps its number as its name, and whatever n8n does with it.
        let port = |ports: &[Text], index: usize| {
            ports.get(index).cloned().unwrap_or_else(|| index.to_string().into())
        };
        let mut edge = || {
            let (from, to) = (end(source)?, end(target)?);
            let (source_port, target_port) = match kind {
                "main" => (port(&from.outputs, output), port(&to.inputs, input)),
                _ => (sub_port(kind, output), sub_port(kind, input)),
            };
            if !seen.insert((from.key.clone(), source_port.clone(), to.key.clone(), target_port.clone())) {
                let message = "the same connection is there twice; one was dropped";
                return Err(Problem::warning(path.clone(), Code::DuplicateEdge, message));
            }
            let (source, target) = (from.key.clone(), to.key.clone());
            let kind = EdgeKind::Data;
            Ok(Edge { source, source_port, target, target_port, kind, condition: None, enabled: true })
        };
        match edge() {
            Ok(edge) => edges.push(edge),
            Err(problem) => problems.push(problem),
        }
    }
    edges
}

/// Writes edges as n8n's connections. Edges n8n cannot express are left out and named in `problems`.
pub(super) fn write(edges: &[Edge], ends: &Ends, problems: &mut Vec<Problem>) -> Object {
    let names: HashMap<&NodeKey, (&Text, &End)> =
        ends.iter().map(|(name, end)| (&end.key, (name, end))).collect();
    let mut connections: IndexMap<&Text, BTreeMap<&str, Vec<Vec<Value>>>> = IndexMap::new();
    for (index, edge) in edges.iter().enumerate() {
        let path = format!("edges[{index}]");
        if edge.kind != EdgeKind::Data || !edge.enabled {
            let message =
                "n8n has neither control, conditional nor disabled connections; the edge was left out";
            problems.push(Problem::warning(path, Code::Condition, message));
            continue;
        }
        let (Some((source, from)), Some((target, to))) = (names.get(&edge.source), names.get(&edge.target))
        else {
            let message = "the edge leads to or from a node that does not exist; it was left out";
            problems.push(Problem::warning(path, Code::DanglingEdge, message));
            continue;
        };
        let output = port_index(&from.outputs, &edge.source_port);
        let input = port_index(&to.inputs, &edge.target_port);
        let (Some((kind, output)), Some((_, input))) = (output, input) else {
            let message = "the edge uses a port that the node does not have; it was left out";
            problems.push(Problem::warning(path, Code::UnknownPort, message));
            continue;
        };
        let outputs = connections.entry(source).or_default().entry(kind).or_default();
        if outputs.len() <= output {
            outputs.resize(output + 1, Vec::new());
        }
        outputs[output].push(model::json!({ "node": target.as_str(), "type": kind, "index": input }));
    }
    let outputs = |outputs: Vec<Vec<Value>>| Value::array(outputs.into_iter().map(Value::from));
    let kinds = |kinds: BTreeMap<&str, Vec<Vec<Value>>>| -> Object {
        kinds.into_iter().map(|(kind, lists)| (kind, outputs(lists))).collect()
    };
    connections.into_iter().map(|(source, lists)| (source.clone(), kinds(lists))).collect()
}

/// Every connection in the order in which it is written down. What is no connection is named in `problems`.
fn walk<'a>(connections: &'a Value, problems: &mut Vec<Problem>) -> Vec<Connection<'a>> {
    let mut found = Vec::new();
    let mut drop = |path: String| {
        let message = "this is no connection; it was dropped";
        problems.push(Problem::warning(path, Code::Shape, message));
    };
    for (source, kinds) in connections.as_object().into_iter().flat_map(Object::iter) {
        for (kind, outputs) in kinds.as_object().into_iter().flat_map(Object::iter) {
            let base = format!("connections[\"{source}\"].{kind}");
            let Some(outputs) = outputs.as_array() else {
                drop(base);
                continue;
            };
            for (output, targets) in outputs.iter().enumerate() {
                let Some(targets) = targets.as_array() else {
                    if !targets.is_null() {
                        drop(format!("{base}[{output}]"));
                    }
                    continue;
                };
                for (position, target) in targets.iter().enumerate() {
                    let path = format!("{base}[{output}][{position}]");
                    let Some(name) = target.get("node").and_then(Value::as_str) else {
                        drop(path);
                        continue;
                    };
                    let input = target.get("index").and_then(Value::as_usize).unwrap_or(0);
                    if output.max(input) >= MAX_PORTS {
                        drop(path);
                        continue;
                    }
                    found.push(Connection { path, source, kind, output, target: name, input });
                }
            }
        }
    }
    found
}

/// The name of a sub-node port: the kind of connection, with its index where that is not 0.
fn sub_port(kind: &str, index: usize) -> Text {
    if index == 0 { kind.into() } else { format!("{kind}:{index}").into() }
}

/// The kind and index of a port.
fn port_index<'a>(ports: &[Text], port: &'a str) -> Option<(&'a str, usize)> {
    if let Some(index) = ports.iter().position(|other| other == port) {
        return Some(("main", index));
    }
    if !port.starts_with("ai_") {
        return Some(("main", port.parse().ok().filter(|index| *index < MAX_PORTS)?));
    }
    match port.rsplit_once(':') {
        Some((kind, index)) => Some((kind, index.parse().ok()?)),
        None => Some((port, 0)),
    }
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn ends() -> Ends {
        let end = |key: &str, outputs: &[&str]| End {
            key: key.into(),
            inputs: vec!["main".into()],
            outputs: outputs.iter().map(|port| Text::from(*port)).collect(),
        };
        [
            ("Start".into(), end("start", &["main"])),
            ("If".into(), end("if", &["true", "false", ERROR_PORT])),
            ("End".into(), end("end", &["main"])),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn ports_get_names_and_get_their_numbers_back() {
        let connections = json!({
            "Start": { "main": [[{ "node": "If", "type": "main", "index": 0 }]] },
            "If": {
                "main": [[], [{ "node": "End", "type": "main", "index": 0 }], [{ "node": "Start", "type": "main", "index": 0 }]],
                "ai_tool": [[{ "node": "End", "type": "ai_tool", "index": 1 }]],
            },
        });
        let mut problems = Vec::new();
        let edges = read(&connections, &ends(), &mut problems);
        let ports: Vec<_> =
            edges.iter().map(|edge| (edge.source_port.as_str(), edge.target_port.as_str())).collect();
        assert_eq!(ports, [("main", "main"), ("false", "main"), ("error", "main"), ("ai_tool", "ai_tool:1")]);
        assert_eq!(Value::Object(write(&edges, &ends(), &mut problems)), connections);
        assert_eq!(problems, []);
    }

    #[test]
    fn ports_that_a_node_does_not_have_keep_their_numbers() {
        let connections =
            json!({ "Start": { "main": [[], [], [{ "node": "End", "type": "main", "index": 1 }]] } });
        let mut problems = Vec::new();
        let edges = read(&connections, &ends(), &mut problems);
        assert_eq!((edges[0].source_port.as_str(), edges[0].target_port.as_str()), ("2", "1"));
        assert_eq!(Value::Object(write(&edges, &ends(), &mut problems)), connections);
        assert_eq!(problems, []);
    }

    #[test]
    fn what_leads_nowhere_is_dropped_with_its_path() {
        let connections = json!({
            "Start": { "main": [["End", { "node": "Gone" }, { "node": "End", "index": 7000 }], null, 3] },
            "Gone": { "main": [[{ "node": "End" }]] },
        });
        let mut problems = Vec::new();
        assert_eq!(read(&connections, &ends(), &mut problems), []);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "connections[\"Start\"].main[0][0]: this is no connection; it was dropped",
                "connections[\"Start\"].main[0][2]: this is no connection; it was dropped",
                "connections[\"Start\"].main[2]: this is no connection; it was dropped",
                "connections[\"Start\"].main[0][1]: there is no node called \"Gone\"; the connection was dropped",
                "connections[\"Gone\"].main[0][0]: there is no node called \"Gone\"; the connection was dropped",
            ]
        );
    }
}
