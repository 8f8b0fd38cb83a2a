//! Nodes that start executions.
//!
//! A trigger's step only passes on the items that it is given: whoever starts the execution has made them, be it the
//! server from a request, the clock, another workflow or a person who tries the workflow out.

pub mod error_trigger;
pub mod execute_workflow_trigger;
pub mod http_poll;
pub mod manual;
pub mod schedule;
pub mod webhook;

use sdk::prelude::*;

/// The given items, each stemming from itself.
fn given(inputs: &Inputs) -> Vec<Item> {
    inputs.main().iter().enumerate().map(|(index, item)| item.clone().from_item(index)).collect()
}

/// Whether the start gave nothing but the fact that it happened.
fn is_bare(inputs: &Inputs) -> bool {
    matches!(inputs.main(), [item] if item.json.is_empty() && item.binary.is_none())
}
