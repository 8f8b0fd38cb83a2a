//! Publishing: what people drew becomes a version that triggers start.

use std::sync::Arc;

use engine::{Plan, PlanNode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::ids::WorkflowId;
use sdk::trigger::Trigger;
use serde_json::json;
use store::workflows::{Publish, Published, TriggerSpec, WorkflowHead};

use super::{changed, check, identified, never_published, read, write};
use crate::access::{Actor, Permission};
use crate::app::App;
use crate::error::{Error, Result};
use crate::executions::refused;

/// Makes the draft the version that triggers start, and switches them on. `rev` is the revision that the caller saw.
pub async fn publish_workflow(
    app: &App,
    actor: &Actor,
    id: WorkflowId,
    rev: Option<u64>,
) -> Result<Published> {
    let workspace = actor.require(Permission::PublishWorkflows)?;
    let stored = app.store.workflow(workspace, id).await?;
    let current = stored.head.rev;
    if rev.is_some_and(|rev| rev != current) {
        return Err(Error::Changed { what: "workflow", current });
    }
    let mut workflow = identified(read(&stored.draft)?, id);
    // Pins are for test runs.
    workflow.pins.clear();
    let checked = check::check(app, &workflow);
    let is_publishable = checked.is_publishable();
    let Some(plan) = checked.plan.filter(|_| is_publishable) else {
        let message = "the draft cannot be published yet; mend its errors first".to_owned();
        return Err(Error::Invalid { message, problems: checked.problems });
    };
    let publish = Publish {
        workflow: id,
        rev: current,
        definition: write(&workflow),
        triggers: triggers(app, &plan),
        user: Some(actor.user()),
    };
    let published = match app.store.publish_workflow(workspace, publish).await {
        Err(store::Error::Conflict(_)) => return Err(changed(app, workspace, id).await?),
        result => result?,
    };
    app.engine.plans().insert(workspace, published.version, Arc::new(plan));
    Ok(published)
}

/// Switches the triggers of a published workflow on again.
pub async fn activate_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<WorkflowHead> {
    let workspace = actor.require(Permission::PublishWorkflows)?;
    let stored = app.store.workflow(workspace, id).await?;
    let version = stored.head.published.ok_or_else(never_published)?;
    let plan = app.engine.plans().get(workspace, id, version).await.map_err(refused)?;
    let (now, zone) = (Timestamp::now(), zone(app, &plan));
    let triggers = app.store.triggers(workspace, id).await?;
    let due: Vec<_> = triggers
        .iter()
        .filter_map(|trigger| {
            let node = plan.nodes().iter().find(|node| *node.info.key == *trigger.node)?;
            Some((trigger.id, first_due(node, now, &zone)?))
        })
        .collect();
    Ok(app.store.activate_workflow(workspace, id, &due, Some(actor.user())).await?)
}

fn triggers(app: &App, plan: &Plan) -> Vec<TriggerSpec> {
    let (now, zone) = (Timestamp::now(), zone(app, plan));
    let enabled = plan.nodes().iter().filter(|node| !node.info.disabled);
    let specs = enabled.filter_map(|node| {
        let Some(Ok(trigger)) = &node.trigger else { return None };
        // What changes it: a timetable that stays the same keeps its time.
        let config = json!({ "parameters": node.info.parameters, "timezone": plan.timezone });
        Some(TriggerSpec {
            node: node.info.key.to_string(),
            kind: trigger.kind().to_owned(),
            config: config.to_string(),
            has_route: matches!(trigger, Trigger::Call(_)),
            due_at: first_due(node, now, &zone),
        })
    });
    specs.collect()
}

fn first_due(node: &PlanNode, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    match &node.trigger {
        Some(Ok(trigger)) => trigger.first_due(now, zone),
        _ => None,
    }
}

/// The time zone of its schedules. Publishing has checked the name.
fn zone(app: &App, plan: &Plan) -> TimeZone {
    let own = plan.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
    own.unwrap_or_else(|| app.zone.clone())
}
