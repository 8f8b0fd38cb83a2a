//! Runs executions: decides what happens next and makes it happen.
//!
//! Start at [`Plan`], a workflow version compiled. [`Execution::decide`] is the pure planner: an event comes in,
//! commands come out, and the execution is the fold of its events. [`step`] is what surrounds the call of a node;
//! [`Runner`] carries the commands out in memory; [`journal`] gives events the form in which they are kept.
//! Deliberately absent: SQL text, HTTP routes, the names of concrete nodes. Nothing below `decide` awaits, reads a
//! clock or rolls dice.

pub mod clock;
pub mod decide;
pub mod event;
pub mod journal;
pub mod plan;
pub mod runner;
pub mod step;

pub use clock::Clock;
pub use decide::{Execution, Limits, Unexpected};
pub use event::{Command, Event, StepId};
pub use plan::{Plan, PlanNode};
pub use runner::{Outcome, Runner, Start, Workflows};
