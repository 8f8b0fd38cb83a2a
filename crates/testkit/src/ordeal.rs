//! Draws workflows and misfortune from a seed, and lets the engine live through them on a real store.
//!
//! An ordeal is a few lives of a process on one data folder. In each, executions are started (some twice with one key),
//! cancelled, paused, answered; the database crashes before or after some statement, or its disk fills up; a life ends
//! by a crash, by a kill between statements, or in good order. The last life is calm. Time is virtual. What must hold:
//! - whatever was acknowledged is there, and a start that came twice is one execution;
//! - a journal has no gaps, its fold is what the head says, and one that has ended never changes;
//! - a step that has ended never runs again, and an effect is on record before it begins, and begins once;
//! - every execution ends, and none was found stuck.

mod check;
mod life;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use engine::Plan;
use model::ids::{ExecutionId, VersionId, WorkflowId, WorkspaceId};
use model::{ExecutionStatus, Workflow};
use store::Store;
use store::api_keys::NewApiKey;
use store::setup::Setup;
use store::testing::{Faults, Testing};
use store::workflows::{NewWorkflow, Publish};
use tempfile::TempDir;

use crate::nodes::{self, CALLED};
use crate::random::Random;
use crate::{Simulator, workflow};
use life::Death;

/// A process that lives through what a seed draws.
pub struct Ordeal {
    random: Random,
    folder: TempDir,
    /// Microseconds since 1970, for the database and the engine.
    now: Arc<AtomicI64>,
    workspace: WorkspaceId,
    workflow: (WorkflowId, VersionId),
    plans: HashMap<VersionId, Arc<Plan>>,
    /// What was acknowledged.
    acknowledged: Vec<ExecutionId>,
    /// The executions that keys have started.
    keys: HashMap<String, ExecutionId>,
    /// Where executions stood when they were seen last, and how long their journals were.
    seen: HashMap<ExecutionId, (ExecutionStatus, u64)>,
    survived: Survived,
}

/// What an ordeal consisted of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    /// Executions, those that others started included.
    pub executions: usize,
    /// Records in their journals.
    pub records: u64,
    /// Lives that ended at a chosen statement.
    pub crashes: usize,
    /// Lives that ended while nothing was being written.
    pub kills: usize,
    /// Lives that ended in good order.
    pub leaves: usize,
    /// Times that the disk was full.
    pub full: usize,
    /// Effects that were begun.
    pub effects: usize,
    /// Effects whose end nobody saw.
    pub lost: usize,
}

/// What broke.
pub(crate) type Broken = String;

impl Ordeal {
    /// Draws and plays the ordeal of this seed. The error says what broke.
    pub fn play(seed: u64) -> Result<Survived, String> {
        let mut ordeal = Self::new(seed).map_err(|error| format!("it could not begin: {error}"))?;
        nodes::take_effects();
        for _ in 0..2 + ordeal.random.below(4) {
            let death = Death::draw(&mut ordeal.random);
            ordeal.live(death)?;
        }
        ordeal.live(Death::Never)?;
        ordeal.judge()?;
        Ok(ordeal.survived)
    }

    fn new(seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
        // In memory where there is a file system in memory: what is tried is not the disk.
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let mut ordeal = Self {
            random: Random::new(seed ^ 0x0bad_5eed),
            folder: TempDir::with_prefix_in("runnel-ordeal-", place)?,
            now: Arc::new(AtomicI64::new((sdk::testing::NOW_MS * 1_000.0) as i64)),
            workspace: WorkspaceId::from_bytes([0; 16]),
            workflow: (WorkflowId::from_bytes([0; 16]), VersionId::from_bytes([0; 16])),
            plans: HashMap::new(),
            acknowledged: Vec::new(),
            keys: HashMap::new(),
            seen: HashMap::new(),
            survived: Survived::default(),
        };
        crate::block_on(ordeal.set_up(seed))?;
        Ok(ordeal)
    }

    /// A workspace with the drawn workflow and the one that it calls.
    async fn set_up(&mut self, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
        let store = self.open(Faults::default())?;
        let key = NewApiKey {
            name: "owner".into(),
            prefix: "rnl".into(),
            hash: vec![0; 32],
            scopes: "[]".into(),
            expires_at: None,
        };
        let setup = Setup {
            email: "ada@example.com".into(),
            name: "Ada".into(),
            password_hash: String::new(),
            workspace: "Default".into(),
            slug: "default".into(),
            key,
        };
        self.workspace = store.set_up(setup).await?.workspace;
        let called = workflow("called -> inner").is("called", CALLED, model::json!({}));
        let (other, _) = self.publish(&store, called.into()).await?;
        let drawn = serde_json::to_string(&Simulator::workflow(seed))?;
        let drawn = drawn.replace("\"other\"", &format!("\"{other}\""));
        let drawn = Workflow::from_json(&drawn).map_err(|problem| problem.to_string())?;
        self.workflow = self.publish(&store, drawn).await?;
        Ok(())
    }

    async fn publish(
        &mut self,
        store: &Store,
        workflow: Workflow,
    ) -> Result<(WorkflowId, VersionId), Box<dyn std::error::Error>> {
        let (name, draft) = (workflow.name.to_string(), serde_json::to_string(&workflow)?);
        let new = NewWorkflow { name, description: String::new(), draft: draft.clone(), user: None };
        let head = store.create_workflow(self.workspace, new).await?.head;
        let publish =
            Publish { workflow: head.id, rev: head.rev, definition: draft, triggers: Vec::new(), user: None };
        let version = store.publish_workflow(self.workspace, publish).await?.version;
        self.plans.insert(version, crate::plan(workflow));
        Ok((head.id, version))
    }

    fn open(&self, faults: Faults) -> store::Result<Store> {
        let testing = Testing { inline: true, clock: Some(self.now.clone()), faults };
        Store::open_testing(self.folder.path(), testing)
    }
}
