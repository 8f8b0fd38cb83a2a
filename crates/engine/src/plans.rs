//! Workflow versions, compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use model::ids::{VersionId, WorkflowId, WorkspaceId};
use sdk::Catalogue;
use store::Store;

use crate::plan::Plan;
use crate::start::StartError;

/// Compiled versions at most.
const CAPACITY: usize = 1_000;

/// Workflow versions, compiled once and shared by their executions. A version never changes, so nothing here grows old.
pub struct Plans {
    #[expect(dead_code, reason = "it gives the definitions")]
    store: Store,
    catalogue: Arc<Catalogue>,
    known: Mutex<HashMap<(WorkspaceId, VersionId), Arc<Plan>>>,
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
        _workflow: WorkflowId,
        version: VersionId,
    ) -> Result<Arc<Plan>, StartError> {
        let known = self.known.lock().expect("nobody panics while holding the plans");
        known.get(&(workspace, version)).cloned().ok_or(StartError::NotFound("workflow version"))
    }

    /// Keeps a plan that was compiled elsewhere, as publishing a version does.
    pub fn insert(&self, workspace: WorkspaceId, version: VersionId, plan: Arc<Plan>) {
        let mut known = self.known.lock().expect("nobody panics while holding the plans");
        if known.len() >= CAPACITY {
            // Whatever is dropped is compiled again when it is needed.
            known.clear();
        }
        known.insert((workspace, version), plan);
    }
}
