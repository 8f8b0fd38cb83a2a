//! Events in the form in which they are kept, and back.
//!
//! [`Writer`] and [`Reader`] go through the records of one execution in their order, because lists of items that were
//! recorded before are referred to instead of written again.

mod list;
mod read;
mod write;

use std::time::Duration;

pub use read::Reader;
use serde::{Deserialize, Serialize};
pub use write::Writer;

use crate::event::Event;

/// An event in a journal.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it was decided on, in Unix milliseconds.
    pub at_ms: f64,
    /// How long the attempt took whose result it is.
    pub duration: Option<Duration>,
    /// What happened.
    pub event: Event,
}

/// Why a record is no event of this plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record names a node that the plan does not have.
    #[error("record {seq} names the node \"{node}\", which the workflow version does not have")]
    NoSuchNode {
        /// Its place.
        seq: u64,
        /// The node.
        node: String,
    },
    /// A later version of the program wrote it.
    #[error("record {seq} has a payload of version {version}, which this version of the program cannot read")]
    Version {
        /// Its place.
        seq: u64,
        /// The version.
        version: u32,
    },
    /// The payload does not fit the kind.
    #[error("record {seq} is damaged")]
    Damaged {
        /// Its place.
        seq: u64,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The payload lacks what its kind needs.
    #[error("record {seq} lacks \"{member}\"")]
    Incomplete {
        /// Its place.
        seq: u64,
        /// What is missing.
        member: &'static str,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimerKind {
    Retry,
    Wait,
}
