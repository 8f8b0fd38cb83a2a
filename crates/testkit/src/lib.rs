//! What tests of executions are written with.
//!
//! [`workflow`](fn@workflow) draws a graph from a line of text, [`Scenario`] plays events against the planner by hand
//! and writes down what happened, [`run`] runs a graph of [`nodes`] in memory, [`Simulator`] draws workflows, crashes
//! and late deliveries from a seed. A dev-dependency only.
//! Deliberately absent: mocks of our own code, and anything a product could use.

mod clock;
pub mod nodes;
mod ordeal;
mod random;
mod scenario;
mod simulator;
mod workflow;

pub use clock::VirtualClock;
pub use ordeal::{Ordeal, Survived};
pub use scenario::{RunningStep, Scenario};
pub use simulator::{Report, Simulator};
pub use workflow::{Draft, workflow};

use std::sync::Arc;

use engine::{Outcome, Plan, Runner, Start};
use model::{Items, Value};
use sdk::Services;

/// Items with these data: one object, or an array of them.
pub fn items(data: Value) -> Items {
    let item =
        |data: &Value| model::Item::new(data.as_object().expect("an item's data is an object").clone());
    Arc::new(match &data {
        Value::Array(values) => values.iter().map(item).collect(),
        value => vec![item(value)],
    })
}

/// Runs a workflow of test nodes in memory, on one item without data.
pub fn run(draft: impl Into<model::Workflow>) -> Outcome {
    run_on(draft, model::json!({}))
}

/// Runs a workflow of test nodes in memory on items with these data.
pub fn run_on(draft: impl Into<model::Workflow>, data: Value) -> Outcome {
    let runner = Runner::new(Services::default(), Arc::new(VirtualClock::default()));
    let start = Start { items: items(data), ..Start::default() };
    block_on(runner.run(plan(draft), start))
}

/// A workflow of test nodes, compiled.
pub fn plan(draft: impl Into<model::Workflow>) -> Arc<Plan> {
    let plan = Plan::compile(&draft.into(), &nodes::catalogue());
    Arc::new(plan.unwrap_or_else(|problems| panic!("the workflow compiles, but: {problems:?}")))
}

/// Waits for a future; time stands still but for what it waits for.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime starts").block_on(future)
}

/// The names of the nodes in the order in which their steps ended.
pub fn order(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    outcome.order.iter().map(|(node, _)| plan.node(*node).info.name.to_string()).collect()
}
