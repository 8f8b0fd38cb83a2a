//! Whole n8n workflows: import to our format and export back.
//!
//! [`import()`] turns a file into a workflow and a [`Report`] of what became of every node; [`export()`] turns it back.
//! Each node maps itself (see [`sdk::n8n`]); here is what surrounds the nodes: names, ports, policies, settings, pins.
//! One rule makes the way back exact: where writing our form would not give the foreign form again, the foreign form is
//! kept, and it is written for as long as reading it still gives what the workflow says.
//! Deliberately absent: files, n8n's API, and the behaviour of any node but [`Unsupported`].

mod connections;
mod export;
mod import;
mod items;
mod policies;
mod report;
mod settings;
mod unsupported;

use model::validate::{Code, Problem};
use model::{Object, Value};

pub use export::{Export, export};
pub use import::{Import, import, import_as};
pub use items::{read_item, read_items, read_lineage};
pub use report::{MissingCredential, NodeReport, OldWebhook, Outcome, Report, Totals};
pub use unsupported::Unsupported;

/// The n8n type that a node leading back to itself goes through.
const LOOP_NODE: &str = "n8n-nodes-base.noOp";
/// The n8n type of a node that has only a native form is this and its native type.
const NATIVE_PREFIX: &str = "n8n-nodes-runnel.";

/// The members under which exports and backups wrap workflows.
const WRAPPERS: [&str; 4] = ["workflow", "workflows", "workflowData", "data"];

/// Wrappers nested deeper than this are no workflow file.
const MAX_WRAPPERS: usize = 8;

/// Whether a file is in n8n's format rather than ours.
pub fn is_n8n(file: &Value) -> bool {
    let Some(nodes) = file.get("nodes").and_then(Value::as_array) else {
        return file.as_array().is_some() || WRAPPERS.iter().any(|wrapper| file.get(wrapper).is_some());
    };
    file.get("edges").is_none()
        && (file.get("connections").is_some() || nodes.iter().any(|node| node.get("key").is_none()))
}

/// Every n8n workflow in a file, with its path there: one, a list, or what a backup wraps.
pub fn workflows(file: &Value) -> Result<Vec<(String, &Value)>, Problem> {
    let mut found = Vec::new();
    collect(file, String::new(), MAX_WRAPPERS, &mut found)?;
    Ok(found)
}

fn collect<'a>(
    file: &'a Value,
    path: String,
    depth: usize,
    found: &mut Vec<(String, &'a Value)>,
) -> Result<(), Problem> {
    let wrapped = |object: &'a Object| WRAPPERS.iter().find_map(|name| Some((*name, object.get(name)?)));
    match file {
        Value::Object(object) if object.contains_key("nodes") => found.push((path, file)),
        Value::Array(files) if depth > 0 => {
            for (index, file) in files.iter().enumerate() {
                collect(file, format!("{path}[{index}]"), depth - 1, found)?;
            }
        }
        Value::Object(object) if depth > 0 && wrapped(object).is_some() => {
            let (name, file) = wrapped(object).expect("the guard found it");
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            collect(file, path, depth - 1, found)?;
        }
        _ => {
            let message = "this is no workflow: it has no nodes";
            return Err(
                Problem::error(path, Code::Shape, message).fix("export the workflow from n8n as JSON")
            );
        }
    }
    Ok(())
}
