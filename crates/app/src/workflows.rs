//! Workflows: drafts that people edit, versions that triggers start.

mod check;
mod publish;

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::ids::{VersionId, WorkflowId, WorkspaceId};
use model::validate::Code;
use model::{Blob, Item, NodeKey, Object, Problem, Value, Workflow};
use store::routes::Route;
use store::triggers::Trigger;
use store::versions::{Version, VersionSummary};
use store::workflows::{Change, NewWorkflow, WorkflowHead};
use store::{Page, PageOf};

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::error::{Error, Result};

pub use check::Checked;
pub use publish::{activate_workflow, publish_workflow};
pub use store::workflows::{Published, Workflow as Stored, WorkflowStatus};

/// How long the test address of a webhook is open.
const TEST_ROUTE: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// Creates a workflow with this draft.
pub async fn create_workflow(app: &App, actor: &Actor, workflow: Workflow) -> Result<Stored> {
    let workspace = actor.require(Permission::EditWorkflows)?;
    let new = new_workflow(actor, workflow)?;
    Ok(app.store.create_workflow(workspace, new).await?)
}

fn new_workflow(actor: &Actor, workflow: Workflow) -> Result<NewWorkflow> {
    let workflow = to_draft(workflow)?;
    Ok(NewWorkflow {
        draft: write(&workflow),
        name: workflow.name,
        description: workflow.description,
        user: Some(actor.user()),
    })
}

/// Lists workflows, newest first; `search` is part of the name.
pub async fn list_workflows(
    app: &App,
    actor: &Actor,
    search: Option<&str>,
    page: Page<WorkflowId>,
) -> Result<PageOf<WorkflowHead>> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    if search.is_some_and(|search| search.chars().any(char::is_control) || search.chars().count() > 200) {
        let message = "a search has at most 200 characters, none of them a control character";
        return Err(Error::invalid(Problem::error("search", Code::Range, message)));
    }
    Ok(app.store.workflows(workspace, search, page).await?)
}

/// A workflow with its draft.
pub async fn find_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<Stored> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    Ok(app.store.workflow(workspace, id).await?)
}

/// Replaces the draft of a workflow whose revision is `rev`.
pub async fn update_workflow(
    app: &App,
    actor: &Actor,
    id: WorkflowId,
    rev: u64,
    workflow: Workflow,
) -> Result<Stored> {
    let workspace = actor.require(Permission::EditWorkflows)?;
    let workflow = to_draft(workflow)?;
    let change = Change {
        draft: Some(write(&workflow)),
        name: Some(workflow.name),
        description: Some(workflow.description),
        user: Some(actor.user()),
    };
    match app.store.update_workflow(workspace, id, rev, change).await {
        Err(store::Error::Conflict(_)) => Err(changed(app, workspace, id).await?),
        result => Ok(result?),
    }
}

/// Says which revision a workflow has by now.
async fn changed(app: &App, workspace: WorkspaceId, id: WorkflowId) -> Result<Error> {
    let current = app.store.workflow(workspace, id).await?.head.rev;
    Ok(Error::Changed { what: "workflow", current })
}

/// Everything that is wrong with a draft.
pub async fn validate_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<Checked> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    let stored = app.store.workflow(workspace, id).await?;
    Ok(check::check(app, &read(&stored.draft)?))
}

/// Everything that is wrong with a workflow that is stored nowhere.
pub async fn validate_definition(app: &App, actor: &Actor, workflow: &Workflow) -> Result<Checked> {
    actor.require(Permission::ReadWorkflows)?;
    Ok(check::check(app, workflow))
}

/// Switches the triggers of a workflow off for now.
pub async fn pause_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<WorkflowHead> {
    let workspace = actor.require(Permission::PublishWorkflows)?;
    let found = app.store.workflow(workspace, id).await?;
    if found.head.published.is_none() {
        return Err(never_published());
    }
    Ok(app.store.pause_workflow(workspace, id, Some(actor.user())).await?)
}

fn never_published() -> Error {
    Error::Conflict("the workflow was never published; publish it first".into())
}

/// Removes a workflow: it starts nothing any more.
pub async fn delete_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<()> {
    let workspace = actor.require(Permission::EditWorkflows)?;
    Ok(app.store.delete_workflow(workspace, id, Some(actor.user())).await?)
}

/// Creates a workflow with the draft of another one.
pub async fn duplicate_workflow(
    app: &App,
    actor: &Actor,
    id: WorkflowId,
    name: Option<String>,
) -> Result<Stored> {
    let workspace = actor.require(Permission::EditWorkflows)?;
    let stored = app.store.workflow(workspace, id).await?;
    let mut workflow = read(&stored.draft)?;
    workflow.name = name.unwrap_or_else(|| format!("{} (copy)", workflow.name));
    Ok(app.store.create_workflow(workspace, new_workflow(actor, workflow)?).await?)
}

/// Creates a workflow from a file of another product, and says what became of it.
pub async fn import_workflow(app: &App, actor: &Actor, file: &Value) -> Result<(Stored, Value)> {
    let workspace = actor.require(Permission::EditWorkflows)?;
    let imported = (app.foreign.import)(file, app.catalogue()).map_err(Error::invalid)?;
    let new = new_workflow(actor, imported.workflow)?;
    Ok((app.store.create_workflow(workspace, new).await?, imported.report))
}

/// The draft of a workflow as a file of another product, and what cannot be said there.
pub async fn export_workflow(app: &App, actor: &Actor, id: WorkflowId) -> Result<(Value, Vec<Problem>)> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    let stored = app.store.workflow(workspace, id).await?;
    Ok((app.foreign.export)(&read(&stored.draft)?, app.catalogue()))
}

/// Lists the published versions of a workflow, newest first.
pub async fn list_versions(
    app: &App,
    actor: &Actor,
    id: WorkflowId,
    page: Page<u64>,
) -> Result<PageOf<VersionSummary>> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    app.store.workflow(workspace, id).await?;
    Ok(app.store.versions(workspace, id, page).await?)
}

/// A published version.
pub async fn find_version(app: &App, actor: &Actor, id: WorkflowId, number: u64) -> Result<Version> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    app.store.workflow(workspace, id).await?;
    Ok(app.store.version_by_number(workspace, id, number).await?)
}

/// The triggers of a published workflow, and the addresses of its webhooks.
pub async fn list_triggers(app: &App, actor: &Actor, id: WorkflowId) -> Result<(Vec<Trigger>, Vec<Route>)> {
    let workspace = actor.require(Permission::ReadWorkflows)?;
    app.store.workflow(workspace, id).await?;
    Ok((app.store.triggers(workspace, id).await?, app.store.routes(workspace, id).await?))
}

/// Opens the test address of a webhook of the draft for ten minutes.
pub async fn open_test_route(app: &App, actor: &Actor, id: WorkflowId, node: &str) -> Result<Route> {
    let workspace = actor.require(Permission::Execute)?;
    let version = test_version(app, actor, id, None).await?;
    let plan = app.engine.plans().get(workspace, id, version).await.map_err(crate::executions::refused)?;
    let found = plan.find(node).map(|index| plan.node(index));
    let is_called =
        |node: &&engine::PlanNode| matches!(node.trigger, Some(Ok(sdk::trigger::Trigger::Call(_))));
    let Some(found) = found.filter(is_called) else {
        let problem =
            Problem::error("node", Code::Range, format!("\"{node}\" is no webhook of this workflow"));
        return Err(Error::invalid(problem.fix("use the key or the name of a webhook")));
    };
    let until = Timestamp::now() + TEST_ROUTE;
    Ok(app.store.open_test_route(workspace, (id, version), &found.info.key, until).await?)
}

/// The version of a test run of the draft as it is now.
pub(crate) async fn test_version(
    app: &App,
    actor: &Actor,
    id: WorkflowId,
    pins: Option<BTreeMap<NodeKey, Vec<Object>>>,
) -> Result<VersionId> {
    let workspace = actor.require(Permission::Execute)?;
    let stored = app.store.workflow(workspace, id).await?;
    let mut workflow = identified(read(&stored.draft)?, id);
    for (node, items) in pins.into_iter().flatten() {
        if !workflow.nodes.iter().any(|found| found.key == node) {
            let message = format!("there is no node with the key \"{node}\"");
            return Err(Error::invalid(Problem::error(format!("pins.{node}"), Code::DanglingPin, message)));
        }
        workflow.pins.insert(node, items.into_iter().map(Item::new).collect());
    }
    let checked = check::check(app, &workflow);
    if let Some(problems) = checked.blocking_runs() {
        return Err(Error::Invalid { message: "the draft cannot run".into(), problems });
    }
    Ok(app.store.test_version(workspace, id, &write(&workflow), Some(actor.user())).await?)
}

/// The version that triggers start.
pub(crate) async fn published_version(
    app: &App,
    workspace: WorkspaceId,
    id: WorkflowId,
) -> Result<VersionId> {
    let stored = app.store.workflow(workspace, id).await?;
    stored.head.published.ok_or_else(never_published)
}

/// A workflow as people may store it: its identity and its files are the server's to say.
fn to_draft(mut workflow: Workflow) -> Result<Workflow> {
    workflow.id = None;
    workflow.schema = None;
    let mut problems: Vec<Problem> =
        workflow.problems().into_iter().filter(|problem| problem.code == Code::TooLarge).collect();
    if workflow.name.chars().count() > 200 || workflow.name.chars().any(char::is_control) {
        let message = "a name has at most 200 characters, none of them a control character";
        problems.push(Problem::error("name", Code::Range, message));
    }
    for (node, items) in &workflow.pins {
        for (index, item) in items.iter().enumerate() {
            let files = item.binary.iter().flat_map(|files| files.iter());
            for (name, _) in files.filter(|(_, file)| matches!(file.blob, Blob::Stored { .. })) {
                let path = format!("pins.{node}[{index}].binary.{name}.blob");
                let message = "a stored file cannot be named here";
                problems.push(
                    Problem::error(path, Code::Shape, message).fix("give its bytes inline, or leave it out"),
                );
            }
        }
    }
    if has_nul(&write(&workflow)) {
        let message = "the character U+0000 cannot be stored";
        problems.push(Problem::error("", Code::Malformed, message).fix("remove it"));
    }
    match problems.first() {
        None => Ok(workflow),
        Some(first) => Err(Error::Invalid { message: first.to_string(), problems }),
    }
}

/// Whether some JSON text holds U+0000, which PostgreSQL cannot store.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        // An escaped backslash before it makes it six ordinary characters.
        let before = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        before % 2 == 0
    })
}

/// The workflow as executions see it.
fn identified(mut workflow: Workflow, id: WorkflowId) -> Workflow {
    workflow.id = Some(id.to_string());
    workflow
}

fn write(workflow: &Workflow) -> String {
    serde_json::to_string(workflow).expect("a workflow serialises")
}

/// Reads a stored definition.
pub fn read(definition: &str) -> Result<Workflow> {
    serde_json::from_str(definition).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u_0000_is_found_and_what_only_looks_like_it_is_not() {
        let json = |text: &str| serde_json::to_string(text).expect("text is JSON");
        assert!(has_nul(&json("a\0b")));
        assert!(has_nul(&json("\\\0")));
        assert!(!has_nul(&json("\\u0000")));
        assert!(!has_nul(&json("u0000")));
    }
}
