//! The parts of the product.

use std::sync::Arc;

use engine::Engine;
use jiff::tz::TimeZone;
use model::{Problem, Value, Workflow};
use sdk::Catalogue;
use store::Store;

use crate::secrets::RootKey;
use crate::setup::Setup;

/// Everything an operation may use.
pub struct App {
    /// What survives.
    pub store: Store,
    /// What runs executions.
    pub engine: Engine,
    /// The key of the instance.
    pub key: RootKey,
    /// The address under which the world reaches this instance, with a slash at its end.
    pub public_url: String,
    /// The time zone of workflows that name none: the engine's.
    pub zone: TimeZone,
    /// Workflows of other products.
    pub foreign: Foreign,
    pub(crate) setup: Setup,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// What survives.
    pub store: Store,
    /// What runs executions.
    pub engine: Engine,
    /// The key of the instance.
    pub key: RootKey,
    /// The address under which the world reaches this instance, with a slash at its end.
    pub public_url: String,
    /// The time zone of workflows that name none: the engine's.
    pub zone: TimeZone,
    /// The text that lets somebody set the instance up, once.
    pub setup_token: String,
    /// Workflows of other products.
    pub foreign: Foreign,
}

/// How workflows of other products are read and written. Only the binary knows the nodes, so it hands this in.
#[derive(Clone, Copy)]
pub struct Foreign {
    /// Reads a file with one workflow.
    pub import: fn(&Value, &Catalogue) -> Result<Imported, Problem>,
    /// Writes a workflow as such a file, with what cannot be said there.
    pub export: fn(&Workflow, &Catalogue) -> (Value, Vec<Problem>),
}

/// A workflow of another product, read.
pub struct Imported {
    /// The workflow.
    pub workflow: Workflow,
    /// What became of its nodes, for people and programs.
    pub report: Value,
}

impl App {
    /// The product made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            store: parts.store,
            engine: parts.engine,
            setup: Setup::new(&parts.key, &parts.setup_token),
            key: parts.key,
            public_url: parts.public_url,
            zone: parts.zone,
            foreign: parts.foreign,
        }
    }

    /// The node types.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        self.engine.plans().catalogue()
    }
}
