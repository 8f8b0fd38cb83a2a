//! From our workflow to n8n's. What was imported and not changed since keeps the form it came in.

use model::validate::{Code, Problem};
use model::{Item, Node, Object, Value, Workflow};
use sdk::Catalogue;
use sdk::lookback::item_to_data;
use sdk::node::Ports;

use super::connections::{self, End, Ends};
use super::import::{read_pins, read_position};
use super::policies::Policies;
use super::{NATIVE_PREFIX, settings};

/// A workflow as n8n writes it, and what n8n cannot express.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The file.
    pub file: Object,
    /// What was left out or has no n8n form.
    pub problems: Vec<Problem>,
}

/// Exports a workflow to n8n's format.
pub fn export(workflow: &Workflow, catalogue: &Catalogue) -> Export {
    let Export { mut file, mut problems } = write(workflow, catalogue);
    let ends = ends(workflow, catalogue);
    for (name, value) in workflow.origin.iter().flat_map(Object::iter) {
        // The foreign form stands for as long as it means what the workflow says now.
        let current = match name.as_str() {
            "nodes" => false,
            "name" => value.as_str().unwrap_or_default() == workflow.name,
            "id" => value.as_str().filter(|id| !id.is_empty()) == workflow.id.as_deref(),
            "settings" => settings::read(Some(value), workflow.settings.order) == workflow.settings,
            "connections" => connections::read(value, &ends, &mut Vec::new()) == workflow.edges,
            "pinData" => read_pins(Some(value), &ends, &mut Vec::new()) == workflow.pins,
            _ => true,
        };
        match value {
            _ if !current => {}
            Value::Null => _ = file.remove(name),
            value => _ = file.insert(name.clone(), value.clone()),
        }
        if current && name == "connections" {
            problems.retain(|problem| !problem.path.starts_with("edges["));
        }
    }
    Export { file, problems }
}

/// The workflow as this product would write it by itself.
pub(super) fn write(workflow: &Workflow, catalogue: &Catalogue) -> Export {
    let mut problems = Vec::new();
    let ends = ends(workflow, catalogue);
    let mut file = Object::new();
    if let Some(id) = &workflow.id {
        file.insert("id", id.clone());
    }
    file.insert("name", workflow.name.clone());
    let nodes = workflow.nodes.iter().enumerate().map(|(index, node)| {
        if node.origin.is_none() {
            let message = format!("n8n has no node type {}; the node stays a placeholder there", node.kind);
            problems.push(Problem::warning(format!("nodes[{index}].type"), Code::UnknownType, message));
        }
        Value::Object(with_extra(node))
    });
    file.insert("nodes", Value::array(nodes));
    file.insert("connections", connections::write(&workflow.edges, &ends, &mut problems));
    file.insert("settings", settings::write(&workflow.settings));
    let pins = workflow.nodes.iter().filter_map(|node| {
        let items = workflow.pins.get(&node.key)?;
        Some((node.name.clone(), write_items(items)))
    });
    let pins: Object = pins.collect();
    if !pins.is_empty() {
        file.insert("pinData", pins);
    }
    Export { file, problems }
}

fn write_items(items: &[Item]) -> Value {
    Value::array(items.iter().map(item_to_data))
}

/// The node as this product would write it by itself.
pub(super) fn write_node(node: &Node) -> Object {
    let mut written = Object::new();
    match &node.origin {
        Some(origin) => {
            written.insert("parameters", origin.parameters.clone());
            written.insert("type", origin.kind.clone());
            written.insert("typeVersion", origin.type_version);
        }
        None => {
            written.insert("parameters", node.parameters.clone());
            written.insert("type", format!("{NATIVE_PREFIX}{}", node.kind));
            written.insert("typeVersion", node.version);
        }
    }
    written.insert("position", Value::array(node.position.map(Value::from)));
    written.insert("name", node.name.clone());
    Policies::of(node).write(&mut written);
    written
}

/// The node in the form it was imported in, member by member, where that still means the same.
fn with_extra(node: &Node) -> Object {
    let written = write_node(node);
    let Some(origin) = &node.origin else { return written };
    let overlay = |keep: &dyn Fn(&str, &Value) -> bool| {
        let mut object = written.clone();
        for (name, value) in origin.extra.iter().filter(|(name, value)| keep(name, value)) {
            match value {
                Value::Null => _ = object.remove(name),
                value => _ = object.insert(name.clone(), value.clone()),
            }
        }
        object
    };
    let current =
        |name: &str, value: &Value| name != "position" || read_position(Some(value)) == node.position;
    let whole = overlay(&current);
    if Policies::read(&whole) == Policies::of(node) {
        return whole;
    }
    overlay(&|name, value| current(name, value) && !Policies::covers(name))
}

/// The nodes by name, with their ports.
fn ends(workflow: &Workflow, catalogue: &Catalogue) -> Ends {
    let end = |node: &Node| {
        let node_type = catalogue.find(&node.kind, node.version);
        let ports = node_type.and_then(|node_type| Some(node_type.build(&node.parameters).ok()?.ports()));
        let ports = ports.unwrap_or_else(|| Ports::new(&["main"], &["main"]));
        let kind = node.origin.as_ref().map(|origin| origin.kind.as_str());
        (node.name.clone(), End::new(node.key.clone(), kind, ports, node.on_error))
    };
    workflow.nodes.iter().map(end).collect()
}
