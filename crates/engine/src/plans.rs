//! Workflow versions, compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Workflow;
use model::ids::{VersionId, WorkflowId, WorkspaceId};
use sdk::output::WorkflowSource;
use sdk::{Catalogue, NodeError};
use store::Store;

use crate::engine::World;
use crate::plan::Plan;
use crate::start::StartError;

/// Compiled versions at most.
const CAPACITY: usize = 1_000;

/// Workflow versions, compiled once and shared by their executions. A version never changes, so nothing here grows old.
pub struct Plans {
    store: Store,
    catalogue: Arc<Catalogue>,
    known: Mutex<HashMap<(WorkspaceId, VersionId), Arc<Plan>>>,
}

/// A workflow that another one runs.
pub(crate) struct Found {
    pub(crate) workflow: WorkflowId,
    pub(crate) version: VersionId,
    pub(crate) plan: Arc<Plan>,
}

impl Plans {
    pub(crate) fn new(store: Store, catalogue: Arc<Catalogue>) -> Self {
        Self { store, catalogue, known: Mutex::default() }
    }

    /// The node types.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The plan of a version.
    pub async fn get(
        &self,
        workspace: WorkspaceId,
        workflow: WorkflowId,
        version: VersionId,
    ) -> Result<Arc<Plan>, StartError> {
        if let Some(plan) = self.known(workspace, version) {
            return Ok(plan);
        }
        let stored = self.store.version(workspace, version).await?;
        if stored.workflow != workflow {
            return Err(StartError::NotFound("version"));
        }
        let invalid =
            |problem: String| StartError::Invalid(format!("the workflow version is not valid: {problem}"));
        let definition =
            Workflow::from_json(&stored.definition).map_err(|problem| invalid(problem.to_string()))?;
        let plan = self.compile(workflow, definition).map_err(invalid)?;
        self.insert(workspace, version, plan.clone());
        Ok(plan)
    }

    /// Keeps a plan that was compiled elsewhere, as publishing a version does.
    pub fn insert(&self, workspace: WorkspaceId, version: VersionId, plan: Arc<Plan>) {
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            // Whatever is dropped is compiled again when it is needed.
            known.clear();
        }
        known.insert((workspace, version), plan);
    }

    /// The plan of a version, if it is compiled.
    pub(crate) fn known(&self, workspace: WorkspaceId, version: VersionId) -> Option<Arc<Plan>> {
        self.lock().get(&(workspace, version)).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(WorkspaceId, VersionId), Arc<Plan>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expressions see the id under which the workflow is stored.
    fn compile(&self, workflow: WorkflowId, mut definition: Workflow) -> Result<Arc<Plan>, String> {
        definition.id = Some(workflow.to_string());
        let plan = Plan::compile(&definition, &self.catalogue)
            .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())?;
        Ok(Arc::new(plan))
    }

    /// The workflow that a step of another one, or its settings, names.
    pub(crate) async fn resolve(
        &self,
        world: &World,
        (workspace, caller): (WorkspaceId, WorkflowId),
        source: &WorkflowSource,
    ) -> Result<Found, NodeError> {
        match source {
            WorkflowSource::Reference { id } => self.published(world, workspace, id).await,
            WorkflowSource::Inline { definition } => {
                let definition = world.host.read_definition(definition)?;
                let text = serde_json::to_string(&definition).expect("a workflow has text keys only");
                let version =
                    self.store.test_version(workspace, caller, &text, None).await.map_err(unavailable)?;
                if let Some(plan) = self.known(workspace, version) {
                    return Ok(Found { workflow: caller, version, plan });
                }
                let plan = self.compile(caller, definition).map_err(|problem| {
                    NodeError::permanent(format!("the sub-workflow is not valid: {problem}"))
                })?;
                self.insert(workspace, version, plan.clone());
                Ok(Found { workflow: caller, version, plan })
            }
        }
    }

    async fn published(&self, world: &World, workspace: WorkspaceId, id: &str) -> Result<Found, NodeError> {
        let missing = || NodeError::permanent(format!("workflow \"{id}\" was not found in this workspace"));
        let workflow = match id.parse::<WorkflowId>() {
            Ok(workflow) => Some(workflow),
            Err(_) => world.host.find_workflow(workspace, id).await?,
        };
        let workflow = workflow.ok_or_else(missing)?;
        let stored = match self.store.workflow(workspace, workflow).await {
            Ok(stored) => stored,
            Err(store::Error::NotFound(_)) => return Err(missing()),
            Err(error) => return Err(unavailable(error)),
        };
        let version = stored.head.published.ok_or_else(|| {
            NodeError::permanent(format!("workflow \"{}\" was never published; publish it", stored.head.name))
        })?;
        let plan = match self.get(workspace, workflow, version).await {
            Ok(plan) => plan,
            Err(StartError::Storage(error)) => return Err(unavailable(error)),
            Err(error) => return Err(NodeError::permanent(error.to_string())),
        };
        Ok(Found { workflow, version, plan })
    }
}

fn unavailable(error: store::Error) -> NodeError {
    NodeError::transient(format!("the sub-workflow cannot be looked up: {error}"))
}
