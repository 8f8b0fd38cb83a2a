//! From an n8n workflow to ours.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::validate::{Code, MAX_NODES, Problem};
use model::{Edge, EdgeKind, Imported, Item, Node, NodeKey, Object, OnError, Order, Text, Value, Workflow};
use sdk::Catalogue;
use sdk::n8n::{N8nNode, Native, Unmapped};
use sdk::node::{Group, Ports};

use super::connections::{self, End, Ends, Used};
use super::items::read_items;
use super::policies::Policies;
use super::report::{MissingCredential, NodeReport, OldWebhook, Outcome, Report};
use super::{LOOP_NODE, NATIVE_PREFIX, export, settings};
use crate::n8n::unsupported::Unsupported;

/// A workflow as imported, and what the import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The workflow in our format.
    pub workflow: Workflow,
    /// What became of its nodes.
    pub report: Report,
}

/// Imports one n8n workflow. A workflow that names no execution order gets n8n's present one, as n8n's editor does it.
pub fn import(workflow: &Value, catalogue: &Catalogue) -> Result<Import, Problem> {
    import_as(workflow, catalogue, Order::Sequential)
}

/// Imports one n8n workflow; `missing_order` is the order of one that names none.
pub fn import_as(workflow: &Value, catalogue: &Catalogue, missing_order: Order) -> Result<Import, Problem> {
    let Some(file) = workflow.as_object() else {
        let message = format!("a workflow is an object, not {}", workflow.type_name());
        return Err(Problem::error("", Code::Shape, message));
    };
    let nodes = match file.get("nodes") {
        Some(Value::Array(nodes)) => nodes,
        other => {
            let found = other.map_or("missing", Value::type_name);
            return Err(Problem::error(
                "nodes",
                Code::Shape,
                format!("expected an array of nodes, found {found}"),
            )
            .fix("export the workflow from n8n again"));
        }
    };
    if nodes.len() > MAX_NODES {
        let message = format!("{} nodes are more than the {MAX_NODES} a workflow may have", nodes.len());
        return Err(Problem::error("nodes", Code::TooLarge, message).fix("move a part into a sub-workflow"));
    }
    let no_connections = Value::Object(Object::new());
    let connections = file.get("connections").filter(|value| !value.is_null()).unwrap_or(&no_connections);
    let mut import = Importer {
        catalogue,
        used: connections::used_ports(connections),
        keys: HashSet::new(),
        ends: Ends::new(),
        workflow: Workflow::default(),
        report: Report::default(),
    };
    import.read_nodes(nodes);
    import.read_connections(connections);
    import.workflow.pins = read_pins(file.get("pinData"), &import.ends, &mut import.report.warnings);
    import.workflow.settings = settings::read(file.get("settings"), missing_order);
    let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    import.workflow.id = text("id").filter(|id| !id.is_empty());
    import.workflow.name = text("name").unwrap_or_default();
    import.report.name = import.workflow.name.clone();
    import.workflow.origin = Some(kept(file, &import.workflow, catalogue));
    Ok(Import { workflow: import.workflow, report: import.report })
}

struct Importer<'a> {
    catalogue: &'a Catalogue,
    used: HashMap<&'a str, Used>,
    keys: HashSet<NodeKey>,
    ends: Ends,
    workflow: Workflow,
    report: Report,
}

impl Importer<'_> {
    fn read_nodes(&mut self, nodes: &[Value]) {
        let last: HashMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| Some((node.get("name")?.as_str()?, index)))
            .collect();
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("nodes[{index}]");
            let Some(node) = node.as_object() else {
                let message = format!("a node is an object, not {}; it was dropped", node.type_name());
                self.report.warnings.push(Problem::warning(path, Code::Shape, message));
                continue;
            };
            let name = node.get("name").and_then(Value::as_str).unwrap_or_default();
            if last.get(name).is_some_and(|last| *last != index) {
                let message = format!("a later node is called \"{name}\" too; this one was dropped");
                self.report.warnings.push(Problem::warning(path, Code::DuplicateName, message));
                continue;
            }
            self.read_node(&path, node, name);
        }
        self.report.credentials.sort();
        self.report.credentials.dedup();
    }

    fn read_node(&mut self, path: &str, raw: &Object, name: &str) {
        let kind = raw.get("type").and_then(Value::as_str).unwrap_or_default();
        let version = match raw.get("typeVersion") {
            Some(Value::Number(version)) => *version,
            Some(Value::String(version)) => version.parse().unwrap_or(1.0),
            _ => 1.0,
        };
        let parameters = raw.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        let name = match name {
            "" => self.free_name(kind),
            name => Text::from(name),
        };
        if raw.get("name").and_then(Value::as_str) != Some(&name) {
            let message = format!("the node has no name; it is now called \"{name}\"");
            self.report.warnings.push(Problem::warning(format!("{path}.name"), Code::EmptyName, message));
        }
        let policies = Policies::read(raw);
        let used = self.used.get(name.as_str()).copied().unwrap_or_default();
        let webhook_id = raw.get("webhookId").and_then(Value::as_str);
        let foreign = N8nNode { kind, version, parameters: &parameters, webhook_id };
        let Mapped { kind: native, parameters: mapped, ports, outcome } =
            self.map(&foreign, used, policies.on_error);
        let key = free_key(&name, kind, &mut self.keys);
        self.ends.insert(name.clone(), End::new(key.clone(), Some(kind), ports, policies.on_error));
        if let (Some(_), Some(path)) = (webhook_id, parameters.get("path").and_then(Value::as_str)) {
            self.report.webhooks.push(OldWebhook { node: name.to_string(), old_path: path.to_owned() });
        }
        let missing = policies.credentials.iter().map(|(kind, credential)| MissingCredential {
            kind: kind.clone(),
            name: credential.name.clone(),
        });
        self.report.credentials.extend(missing);
        self.report.nodes.push(NodeReport {
            node: name.to_string(),
            kind: kind.to_owned(),
            version,
            outcome,
        });
        let origin =
            Imported { kind: kind.to_owned(), type_version: version, parameters, extra: Object::new() };
        let mut node = Node {
            key,
            kind: native.0,
            version: native.1,
            name,
            position: read_position(raw.get("position")),
            parameters: mapped,
            credentials: policies.credentials,
            disabled: policies.disabled,
            on_error: policies.on_error,
            retry: policies.retry,
            on_unknown: Default::default(),
            timeout_ms: None,
            always_output: policies.always_output,
            execute_once: policies.execute_once,
            notes: policies.notes,
            origin: Some(origin),
        };
        let mut extra = difference(raw, &export::write_node(&node));
        extra.remove("name");
        node.origin.as_mut().expect("the origin was just set").extra = extra;
        self.workflow.nodes.push(node);
    }

    /// What a foreign node becomes. One whose parameters its native type refuses becomes a placeholder: in n8n too it
    /// would fail only when it is reached.
    fn map(&self, node: &N8nNode<'_>, used: Used, on_error: OnError) -> Mapped {
        let built = self.native(node).and_then(|native| {
            let Some(node_type) = self.catalogue.find(native.kind.name, native.kind.version) else {
                return Err(Unmapped::UnknownType);
            };
            match node_type.build(&native.parameters) {
                Ok(built) => Ok((native, built.ports(), node_type.group)),
                Err(error) => Err(Unmapped::UnsupportedParameters(error.to_string())),
            }
        });
        match built {
            Ok((Native { kind, parameters, changes }, ports, group)) => Mapped {
                kind: (kind.name.to_owned(), kind.version),
                parameters,
                ports,
                outcome: match (group, changes.is_empty()) {
                    (Group::Note, _) => Outcome::Note,
                    (_, true) => Outcome::Native,
                    (_, false) => Outcome::Changed { reasons: changes },
                },
            },
            Err(unmapped) => {
                let missing_type = unmapped == Unmapped::UnknownType;
                let reason = match unmapped {
                    Unmapped::UnknownType => format!("node type {} is not supported", node.kind),
                    Unmapped::UnknownVersion(version) => {
                        format!("version {version} of node type {} is not supported", node.kind)
                    }
                    Unmapped::UnsupportedParameters(reason) => reason,
                };
                // An error output is the last one, behind at least one other.
                let outputs = match on_error {
                    OnError::ErrorOutput if used.outputs > 1 => used.outputs - 1,
                    _ => used.outputs,
                };
                let ports = Unsupported::foreign_ports(used.inputs, outputs);
                Mapped {
                    kind: (Unsupported::KIND.name.to_owned(), Unsupported::KIND.version),
                    parameters: Unsupported::parameters(&reason, used.inputs, outputs),
                    ports,
                    outcome: Outcome::Unsupported { reason, missing_type },
                }
            }
        }
    }

    /// The native node: through its mapping, or by its own name where an export of ours brought it.
    fn native(&self, node: &N8nNode<'_>) -> Result<Native, Unmapped> {
        let Some(name) = node.kind.strip_prefix(NATIVE_PREFIX) else {
            return self.catalogue.import_n8n(node);
        };
        let node_type = self.catalogue.find(name, node.version as u32).ok_or(Unmapped::UnknownType)?;
        Ok(Native::new(node_type.kind, Value::Object(node.parameters.clone())))
    }

    fn read_connections(&mut self, connections: &Value) {
        let mut edges = connections::read(connections, &self.ends, &mut self.report.warnings);
        for index in 0..edges.len() {
            if edges[index].source == edges[index].target {
                let back = self.add_loop_node(&mut edges[index]);
                edges.push(back);
            }
        }
        self.workflow.edges = edges;
    }

    /// Leads an edge from a node to itself through a new no-op node.
    fn add_loop_node(&mut self, edge: &mut Edge) -> Edge {
        let looping = self.workflow.nodes.iter().find(|node| node.key == edge.source);
        let looping = looping.expect("an edge names nodes that exist");
        let position = [looping.position[0], looping.position[1] + 160.0];
        let name = self.free_name(&format!("{} again", looping.name));
        let key = free_key(&name, LOOP_NODE, &mut self.keys);
        let parameters = Object::new();
        let no_op = N8nNode { kind: LOOP_NODE, version: 1.0, parameters: &parameters, webhook_id: None };
        let mapped = self.map(&no_op, Used::default(), OnError::Stop);
        let message =
            format!("node \"{}\" leads back to itself; it now does so through \"{name}\"", looping.name);
        self.report.warnings.push(Problem::warning("connections", Code::SelfLoop, message));
        let end = End::new(key.clone(), Some(LOOP_NODE), mapped.ports, OnError::Stop);
        self.ends.insert(name.clone(), end);
        self.workflow.nodes.push(Node {
            key: key.clone(),
            kind: mapped.kind.0,
            version: mapped.kind.1,
            name,
            position,
            parameters: mapped.parameters,
            credentials: BTreeMap::new(),
            disabled: false,
            on_error: OnError::Stop,
            retry: None,
            on_unknown: Default::default(),
            timeout_ms: None,
            always_output: false,
            execute_once: false,
            notes: String::new(),
            origin: Some(Imported {
                kind: LOOP_NODE.to_owned(),
                type_version: 1.0,
                parameters,
                extra: Object::new(),
            }),
        });
        let target = std::mem::replace(&mut edge.target, key.clone());
        let target_port = std::mem::replace(&mut edge.target_port, "main".into());
        let kind = EdgeKind::Data;
        Edge {
            source: key,
            source_port: "main".into(),
            target,
            target_port,
            kind,
            condition: None,
            enabled: true,
        }
    }

    /// A node name that is not taken: `base`, or the last part of a type.
    fn free_name(&self, base: &str) -> Text {
        let base = base.rsplit('.').next().filter(|base| !base.is_empty()).unwrap_or("Node");
        let taken = |name: &str| self.ends.contains_key(name) || self.used.contains_key(name);
        let numbered = (2..).map(|number| format!("{base} {number}"));
        let mut names = std::iter::once(base.to_owned()).chain(numbered);
        names.find(|name| !taken(name)).expect("numbers do not end").into()
    }
}

/// What a foreign node became.
struct Mapped {
    kind: (String, u32),
    parameters: Object,
    ports: Ports,
    outcome: Outcome,
}

/// The members of `raw` that `written` does not give back; `null` for members that only `written` has.
fn difference(raw: &Object, written: &Object) -> Object {
    let changed = raw.iter().filter(|(name, value)| written.get(name) != Some(value));
    let added = written.keys().filter(|name| !raw.contains_key(name)).map(|name| (name.clone(), Value::Null));
    changed.map(|(name, value)| (name.clone(), value.clone())).chain(added).collect()
}

/// Everything of the file that writing the workflow would not give back.
fn kept(file: &Object, workflow: &Workflow, catalogue: &Catalogue) -> Object {
    let mut kept = difference(file, &export::write(workflow, catalogue).file);
    kept.remove("nodes");
    kept
}

/// Reads pinned items, by node key.
pub(super) fn read_pins(
    pins: Option<&Value>,
    ends: &Ends,
    problems: &mut Vec<Problem>,
) -> BTreeMap<NodeKey, Vec<Item>> {
    let mut read = BTreeMap::new();
    for (name, items) in pins.and_then(Value::as_object).into_iter().flat_map(Object::iter) {
        let path = format!("pinData[\"{name}\"]");
        match (ends.get(name), read_items(items)) {
            (Some(end), Some(items)) => _ = read.insert(end.key.clone(), items),
            (None, _) => {
                let message = format!("there is no node called \"{name}\"; the pin was dropped");
                problems.push(Problem::warning(path, Code::DanglingPin, message));
            }
            (_, None) => {
                let message = "pinned data is a list of objects; the pin was dropped";
                problems.push(Problem::warning(path, Code::Shape, message));
            }
        }
    }
    read
}

pub(super) fn read_position(position: Option<&Value>) -> [f64; 2] {
    let coordinate = |index: usize| position?.as_array()?.get(index)?.as_f64();
    [coordinate(0).unwrap_or_default(), coordinate(1).unwrap_or_default()]
}

/// A short readable key that is not taken: from the name, or from the type where the name has no Latin letters.
fn free_key(name: &str, kind: &str, taken: &mut HashSet<NodeKey>) -> NodeKey {
    let from_type = || slug(kind.rsplit('.').next().unwrap_or_default()).or(Some("node".into()));
    let base = slug(name).or_else(from_type).expect("the last choice is always there");
    let numbered = (2..).map(|number| Text::from(format!("{base}_{number}")));
    let mut keys = std::iter::once(base.clone()).chain(numbered);
    let key = keys.find(|key| !taken.contains(key)).expect("numbers do not end");
    taken.insert(key.clone());
    key
}

/// Lower-case words joined by underscores, at most about 32 characters; `None` when nothing is left.
fn slug(text: &str) -> Option<Text> {
    let mut slug = String::new();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        if slug.len() + word.len() >= 32 && !slug.is_empty() {
            break;
        }
        if !slug.is_empty() {
            slug.push('_');
        }
        slug.extend(word.chars().take(32).map(|letter| letter.to_ascii_lowercase()));
    }
    (!slug.is_empty()).then(|| slug.into())
}
