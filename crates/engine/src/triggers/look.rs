//! Looks for news on behalf of a trigger.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::{Object, Text, Value};
use sdk::context::Step;
use sdk::trigger::Polled;
use sdk::{Context, ExecutionInfo, History, Inputs, Mode, NodeError};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::plan::{Plan, Task};

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a cursor at most.
const MAX_CURSOR: usize = 1 << 20;

/// Asks the node at `index` what is new since its last look.
pub(super) async fn look(
    engine: &Engine,
    stored: &store::triggers::Trigger,
    plan: &Plan,
    index: usize,
    zone: &TimeZone,
) -> Result<Polled, NodeError> {
    let node = plan.node(index);
    let Task::Run(shared) = &node.task else {
        return Err(NodeError::permanent("the node cannot run"));
    };
    let cursor = stored.cursor.as_deref().and_then(|cursor| Value::from_json(cursor).ok());
    let world = &engine.shared.world;
    let info = ExecutionInfo {
        id: Text::new(),
        mode: Mode::Production,
        zone: zone.clone(),
        resume_url: Text::new(),
        resume_form_url: Text::new(),
        variables: engine.shared.config.variables.clone(),
        static_data: Object::new(),
        seed: 0,
        webhook_url: world.host.address(),
    };
    let step = Step {
        execution: Arc::new(info),
        node: node.info.clone(),
        history: Arc::new(History::new(plan.graph().clone())),
        inputs: Inputs::default(),
        arrived: Inputs::default(),
        sources: Default::default(),
        run_index: 0,
        attempt: 1,
        now_ms: world.clock.now_ms(),
        seen: Default::default(),
    };
    let mut services = world.services.clone();
    services.credentials = world.host.credentials(stored.workspace);
    let cancel = CancellationToken::new();
    let ctx = Context::new(step, services, cancel.clone());
    let look = tokio::time::timeout(PATIENCE, shared.poll(&ctx, cursor.as_ref()));
    let polled = match look.await {
        Ok(polled) => polled?,
        Err(_) => {
            cancel.cancel();
            return Err(NodeError::transient(format!("looking took longer than {} s", PATIENCE.as_secs())));
        }
    };
    if polled.cursor.to_json().len() > MAX_CURSOR {
        return Err(NodeError::permanent("what the trigger wants to remember is larger than 1 MiB"));
    }
    Ok(polled)
}
