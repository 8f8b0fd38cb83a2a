//! Everything a node author sees.
//!
//! A node is a struct of parameters that implements [`Node`]: start there, then [`Context`] (what a step may use),
//! [`Expr`] (a parameter that may be an expression) and [`Output`] (what a step gives). [`Catalogue`] is the list of
//! node types that an engine runs; [`history`] is what has run so far, which expressions look back into.
//! [`trigger`] is what a trigger says about itself when its workflow is published; [`n8n`] says how foreign nodes map to ours; [`testing`] runs one node on a few items.
//! Deliberately absent: the order in which nodes run, persistence, and every concrete node.

pub mod catalogue;
pub mod code;
pub mod context;
pub mod credential;
pub mod error;
pub mod expression;
pub mod history;
mod lineage;
pub mod lookback;
pub mod n8n;
pub mod net;
pub mod node;
pub mod output;
mod scope;
pub mod testing;
pub mod trigger;

pub use catalogue::{Catalogue, NodeType};
pub use context::{Context, ExecutionInfo, Mode, NodeInfo, Services};
pub use error::NodeError;
pub use expression::Expr;
pub use history::History;
pub use node::{Effect, Example, Group, Inputs, Kind, Node, Ports, Required, StartsOn};
pub use output::{Children, Emission, Output, Wait};
pub use scope::ItemScope;
pub use trigger::Trigger;

/// What a node file starts with: `use sdk::prelude::*;`
pub mod prelude {
    pub use model::{Item, Items, Lineage, Object, Origin, Text, Value, json};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};

    pub use crate::n8n::{N8nMapping, N8nNode, Native, Unmapped};
    pub use crate::{
        Children, Context, Effect, Emission, Example, Expr, Group, Inputs, Kind, Node, NodeError, Output,
        Ports, Required, StartsOn, Wait,
    };
}
