//! Whether an execution did what its case expects: the first difference, or nothing.

use model::{ExecutionStatus, Text, Value};
use sdk::lookback::item_to_data;

use super::case::{Expected, Output, Port, Which};
use super::compare::{self, clip};
use crate::record::{Record, Run, status_word};

/// The names of a node's output ports.
pub(crate) type PortNames<'a> = &'a dyn Fn(&str) -> Vec<Text>;

/// The first difference between what was expected and what happened.
pub(crate) fn judge(expected: &Expected, record: &Record, ports: PortNames<'_>) -> Result<(), String> {
    check_status(expected, record)?;
    if expected.error.is_some() || expected.failed_node.is_some() {
        check_error(expected, record)?;
    }
    if let Some(order) = &expected.order {
        check_order(order, &record.order)?;
    }
    for (node, wanted) in &expected.runs {
        let ran = runs(record, node).len();
        if ran != *wanted {
            return Err(format!("node \"{node}\" should run {}, but ran {}", times(*wanted), times(ran)));
        }
    }
    expected.outputs.iter().try_for_each(|output| check_output(output, record, ports))
}

fn check_status(expected: &Expected, record: &Record) -> Result<(), String> {
    if expected.status == record.status {
        return Ok(());
    }
    let mut text =
        format!("status: expected {}, got {}", status_word(expected.status), status_word(record.status));
    if let Some(error) = &record.error {
        text += &match &error.node {
            Some(node) => format!(" at node \"{node}\": {}", clip(&error.message, 300)),
            None => format!(": {}", clip(&error.message, 300)),
        };
    }
    Err(text)
}

fn check_error(expected: &Expected, record: &Record) -> Result<(), String> {
    let Some(error) = &record.error else {
        return Err("it should fail with an error, but did not".to_owned());
    };
    if let Some(message) = expected.error.as_ref().filter(|message| **message != error.message) {
        return Err(format!("error: expected {message:?}, got {:?}", clip(&error.message, 300)));
    }
    match &expected.failed_node {
        Some(node) if error.node.as_deref() != Some(node) => {
            let failed = error.node.as_deref().unwrap_or("none");
            Err(format!("failed node: expected \"{node}\", got \"{failed}\""))
        }
        _ => Ok(()),
    }
}

fn check_order(expected: &[String], actual: &[Text]) -> Result<(), String> {
    for index in 0..expected.len().max(actual.len()) {
        let (wanted, got) = (expected.get(index).map(String::as_str), actual.get(index).map(Text::as_str));
        if wanted != got {
            let name = |name: Option<&str>| name.map_or("no more".to_owned(), |name| format!("\"{name}\""));
            return Err(format!("order: step {index} should be {}, but is {}", name(wanted), name(got)));
        }
    }
    Ok(())
}

fn check_output(output: &Output, record: &Record, ports: PortNames<'_>) -> Result<(), String> {
    let Output { node, run, port, items, scope } = output;
    let runs = runs(record, node);
    let index = match run {
        Which::Index(index) => *index,
        Which::Last => runs.len().saturating_sub(1),
    };
    let Some(run) = runs.get(index) else {
        return Err(match runs.len() {
            0 => format!("node \"{node}\" did not run{}", because(record)),
            ran => format!("node \"{node}\" should have a run {index}, but ran {}", times(ran)),
        });
    };
    let position = match port {
        Port::Index(position) => *position,
        Port::Named(name) => {
            let names = ports(node);
            names.iter().position(|other| other == name).ok_or_else(|| {
                format!("node \"{node}\" has no output port \"{name}\"; it has {}", names.join(", "))
            })?
        }
    };
    let actual: Vec<Value> =
        run.outputs.get(position).map_or(&[][..], |items| items).iter().map(item_to_data).collect();
    let Some(difference) = compare::items(items, &actual, *scope) else { return Ok(()) };
    let branch = match port {
        Port::Index(position) => format!("branch {position}"),
        Port::Named(name) => format!("port {name}"),
    };
    let failed = run.error.as_ref().map(|error| format!(" (the run failed: {})", clip(&error.message, 200)));
    Err(format!("node \"{node}\", run {index}, {branch}, {difference}{}", failed.unwrap_or_default()))
}

/// Why a node may not have run.
fn because(record: &Record) -> String {
    match &record.error {
        Some(error) if record.status != ExecutionStatus::Completed => {
            format!("; the execution failed: {}", clip(&error.message, 200))
        }
        _ => String::new(),
    }
}

fn runs<'a>(record: &'a Record, node: &str) -> &'a [Run] {
    record.nodes.get(node).map_or(&[], Vec::as_slice)
}

fn times(number: usize) -> String {
    match number {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        number => format!("{number} times"),
    }
}
