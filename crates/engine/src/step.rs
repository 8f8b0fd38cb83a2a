//! What surrounds the call of a node: which items it sees, and what becomes of those that it gives. Pure.

use std::sync::Arc;

use model::{Item, Items, Lineage, Object, OnError, Origin, Value};
use sdk::{Children, Emission, Inputs, NodeError, Output, Wait};

use crate::decide::in_place;
use crate::event::{Event, RunStep};
use crate::plan::{Plan, PlanNode, Task};

/// What to do about an attempt.
pub enum Prepared<'a> {
    /// Run the node on these inputs and [`settle`] what it gives.
    Run(&'a sdk::node::SharedNode, Inputs),
    /// Nothing needs to run: this is what happened.
    Done(Event),
}

/// Whether an attempt runs its node, and on what.
pub fn prepare<'a>(plan: &'a Plan, step: &RunStep, use_pins: bool) -> Prepared<'a> {
    let index = step.attempt.step.node();
    let node = plan.node(index);
    let attempt = step.attempt;
    if node.info.disabled {
        return Prepared::Done(match step.inputs.ports().first().cloned().flatten() {
            Some(items) => complete(node, step, Some(Emission { ports: vec![items], ..Emission::default() })),
            None => complete(node, step, None),
        });
    }
    if let Some(items) = plan.pins().get(&index).filter(|_| use_pins) {
        let emission = Emission { ports: vec![items.clone()], ..Emission::default() };
        return Prepared::Done(complete(node, step, Some(emission)));
    }
    // A trigger has nothing in front of it; any other node without items has nothing to do.
    if step.inputs.main().is_empty() && node.starts_on.is_none() {
        return Prepared::Done(complete(node, step, None));
    }
    match &node.task {
        Task::Run(shared) if node.execute_once => Prepared::Run(shared, first_items(&step.inputs)),
        Task::Run(shared) => Prepared::Run(shared, step.inputs.clone()),
        Task::Fail(error) => Prepared::Done(Event::StepFailed(attempt, error.clone())),
        Task::Note => Prepared::Done(Event::StepSilent(attempt)),
    }
}

/// What happened, given what the node gave.
pub fn settle(plan: &Plan, step: &RunStep, result: Result<Output, NodeError>) -> Event {
    let attempt = step.attempt;
    let node = plan.node(attempt.step.node());
    match result {
        Err(error) => Event::StepFailed(attempt, error),
        Ok(Output::Silent) => complete(node, step, None),
        Ok(Output::Items(mut emission)) => {
            if attempt.number < node.max_attempts()
                && let Some(error) = reported_error(&emission)
            {
                return Event::StepFailed(attempt, error);
            }
            if let Some(port) = node.error_port.filter(|_| node.info.on_error == OnError::ErrorOutput) {
                move_failed_items(port, &step.inputs, &mut emission.ports);
            }
            complete(node, step, Some(emission))
        }
        Ok(Output::Wait(wait)) => {
            let emit = wait.emit.iter().map(|items| keep_lineage(items, &step.inputs)).collect();
            Event::StepWaiting(attempt, Wait { emit, ..wait })
        }
        Ok(Output::Children(children)) => Event::StepCalling(attempt, called(children, &step.inputs)),
    }
}

/// The event for a step that gave this, `None` being nothing at all.
fn complete(node: &PlanNode, step: &RunStep, emission: Option<Emission>) -> Event {
    let mut emission = emission.map(|mut emission| {
        for items in &mut emission.ports {
            *items = keep_lineage(items, &step.inputs);
        }
        fill_lineage(&mut emission.ports, &step.inputs);
        emission
    });
    let is_empty = |emission: &Emission| emission.ports.first().is_none_or(|items| items.is_empty());
    if node.always_output && emission.as_ref().is_none_or(is_empty) {
        let emission = emission.get_or_insert_default();
        let item = Item { lineage: Lineage::many(every_origin(&step.inputs)), ..Item::default() };
        match emission.ports.first_mut() {
            Some(first) => *first = Arc::new(vec![item]),
            None => emission.ports.push(Arc::new(vec![item])),
        }
    }
    match emission {
        None => Event::StepSilent(step.attempt),
        Some(mut emission) => {
            emission.ports.iter_mut().for_each(unwrap_errors);
            Event::StepSucceeded(step.attempt, emission)
        }
    }
}

fn first_items(inputs: &Inputs) -> Inputs {
    let first = |items: &Items| match items.len() {
        0 | 1 => items.clone(),
        _ => Arc::new(vec![items[0].clone()]),
    };
    Inputs::new(inputs.ports().iter().map(|items| items.as_ref().map(first)), inputs.main_port())
}

/// A first item with an `error` counts as a failed attempt while there are attempts left.
fn reported_error(emission: &Emission) -> Option<NodeError> {
    let error = emission.ports.first()?.first()?.json.get("error")?;
    Some(NodeError::permanent(error_text(error)))
}

fn error_text(error: &Value) -> String {
    let message = error.get("message").and_then(Value::as_str).or(error.as_str());
    message.map_or_else(|| error.to_string(), str::to_owned)
}

/// Moves the items that stand for a failure to the error port, merged over the data of the item they stem from.
pub(crate) fn move_failed_items(port: usize, inputs: &Inputs, ports: &mut Vec<Items>) {
    ports.resize_with(port + 1, Items::default);
    let mut failed = Vec::new();
    for items in &mut ports[..port] {
        if !items.iter().any(|item| is_failure(&item.json)) {
            continue;
        }
        let (bad, good): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|item| is_failure(&item.json));
        failed.extend(bad.into_iter().map(|item| over_its_origin(item, inputs)));
        *items = Arc::new(good);
    }
    ports[port] = Arc::new(failed);
}

/// Whether data says nothing but that something failed: `{error}` or `{error, message}`.
fn is_failure(json: &Object) -> bool {
    let says = |key: &str| json.get(key).is_some_and(is_truthy);
    says("error") && (json.len() == 1 || (json.len() == 2 && says("message")))
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn over_its_origin(item: Item, inputs: &Inputs) -> Item {
    let origin = item.lineage.origins().first();
    let origin = origin.and_then(|origin| inputs.port(origin.input as usize).get(origin.item as usize));
    let Some(origin) = origin else { return item };
    let mut json = origin.json.clone();
    for (key, value) in item.json.iter() {
        json.insert(key.clone(), value.clone());
    }
    Item { json, ..item }
}

/// Items that a node passes on as they arrived stem from their own place.
fn keep_lineage(items: &Items, inputs: &Inputs) -> Items {
    let same = |port: &Option<Items>| port.as_ref().is_some_and(|input| Arc::ptr_eq(input, items));
    match inputs.ports().iter().position(same) {
        Some(port) => in_place(items, port),
        None => items.clone(),
    }
}

/// Where a node did not say what its items stem from but there is only one answer, fills it in.
fn fill_lineage(ports: &mut [Items], inputs: &Inputs) {
    let [Some(input)] = inputs.ports() else { return };
    let single_port = ports.len() == 1;
    for items in ports.iter_mut() {
        let one_for_one = single_port && items.len() == input.len();
        let one_for_all = single_port && items.len() == 1;
        if !items.iter().any(|item| item.lineage.is_unknown()) {
            continue;
        }
        if input.len() != 1 && !one_for_one && !one_for_all {
            return;
        }
        for (index, item) in Arc::make_mut(items).iter_mut().enumerate() {
            if item.lineage.is_unknown() {
                let from = if input.len() != 1 && one_for_one { index } else { 0 };
                item.lineage = Lineage::one(Origin::item(from));
            }
        }
    }
}

/// An item of the form `{$error, $json}` becomes `{error}`.
fn unwrap_errors(items: &mut Items) {
    let wrapped = |item: &Item| item.json.get("$error").is_some() && item.json.get("$json").is_some();
    if !items.iter().any(wrapped) {
        return;
    }
    for item in Arc::make_mut(items).iter_mut().filter(|item| wrapped(item)) {
        let message = item.json.get("$error").map(error_text);
        item.json = [("error", message)].into_iter().collect();
    }
}

fn every_origin(inputs: &Inputs) -> impl Iterator<Item = Origin> {
    let ports = inputs.ports().iter().enumerate();
    ports.flat_map(|(port, items)| {
        (0..items.as_ref().map_or(0, |items| items.len())).map(move |index| Origin::of(port, index))
    })
}

/// The items of calls stem from the places they were taken from: the result of a call is traced back through them.
fn called(mut children: Children, inputs: &Inputs) -> Children {
    let port = inputs.main_port();
    let item_by_item = children.calls.len() == inputs.main().len();
    let single_call = children.calls.len() == 1;
    for (index, items) in children.calls.iter_mut().enumerate() {
        if single_call && items.len() == inputs.main().len() {
            *items = in_place(items, port);
        } else if item_by_item && items.len() == 1 {
            let item = Item { lineage: Lineage::one(Origin::of(port, index)), ..items[0].clone() };
            *items = Arc::new(vec![item]);
        }
    }
    children.pass = keep_lineage(&children.pass, inputs);
    children
}
