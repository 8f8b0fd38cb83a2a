//! What a trigger says about itself, so that a workflow can be published without anybody knowing concrete nodes.
//!
//! [`Trigger`] is made once per workflow version, from the parameters of the node: addresses, timetables and policies are
//! read there, never when something arrives. [`call`] is the contract of inbound calls, [`Poll`] that of triggers which
//! look for news.

pub mod call;
mod path;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Item, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::call::CallSpec;
pub use self::path::PathPattern;

/// What starts executions at a trigger of a published workflow.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// Somebody asks for it: a person, another workflow, the failure of one. Nothing needs to be set up.
    Asked,
    /// Its address is called.
    Call(Arc<CallSpec>),
    /// A time comes.
    Schedule(Schedule),
    /// It looks for news when a time comes: see [`Node::poll`](crate::Node::poll).
    Poll(Poll),
    /// Something happens in the product.
    Event,
}

impl Trigger {
    /// The word that is stored: `manual`, `webhook`, `schedule`, `poll` or `event`.
    pub fn kind(&self) -> &'static str {
        match self {
            Trigger::Asked => "manual",
            Trigger::Call(_) => "webhook",
            Trigger::Schedule(_) => "schedule",
            Trigger::Poll(_) => "poll",
            Trigger::Event => "event",
        }
    }

    /// When it comes due for the first time after `now`, if it comes due at all.
    pub fn first_due(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Trigger::Schedule(schedule) => schedule.timetable.next_after(now, zone),
            // The first look is what later ones are compared with: the sooner the better.
            Trigger::Poll(_) => Some(now),
            Trigger::Asked | Trigger::Call(_) | Trigger::Event => None,
        }
    }
}

/// Parameters of a trigger that cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTrigger(pub String);

/// The times at which something happens: a pure function, read once.
pub trait Timetable: Send + Sync + fmt::Debug {
    /// The first time after `after`; `None` when there is none any more.
    fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp>;
}

/// A trigger that fires at times.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When.
    pub timetable: Arc<dyn Timetable>,
    /// What becomes of times that passed while nobody was there.
    pub catchup: Catchup,
}

/// What becomes of times that passed while the server was down. Every one of them is recorded, whatever becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "start", rename_all = "snake_case", deny_unknown_fields)]
pub enum Catchup {
    /// Nothing.
    None,
    /// One execution, for the last of them.
    #[default]
    Last,
    /// An execution for each.
    All {
        /// For so many of them at most, the latest.
        #[serde(default = "hundred")]
        at_most: u32,
    },
}

fn hundred() -> u32 {
    100
}

/// A trigger that looks for news at times.
#[derive(Clone, Debug)]
pub struct Poll {
    /// When it looks.
    pub timetable: Arc<dyn Timetable>,
}

/// What a look gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polled {
    /// What is new; nothing starts without any.
    pub items: Vec<Item>,
    /// How far it has looked: given to the next look, and stored in the transaction that starts the execution.
    pub cursor: Value,
}
