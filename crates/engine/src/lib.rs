//! Runs executions: decides what happens next and makes it happen.
//!
//! Start at [`Plan`], a workflow version compiled. [`Execution::decide`] is the pure planner: an event comes in,
//! commands come out, and the execution is the fold of its events. A `session` carries the commands out, one execution
//! each, and [`step`] is what surrounds the call of a node. The same session serves [`Runner`], for executions that live
//! in memory, and [`Engine`], for those that live in a store: `durable` builds their commits, [`journal`] gives events the
//! form in which they are kept, [`engine`] claims, fires timers, hands over; [`triggers`] fires what starts executions.
//! Deliberately absent: SQL text, HTTP routes, the names of concrete nodes. Nothing below `decide` awaits, reads a
//! clock or rolls dice.

mod children;
pub mod clock;
pub mod decide;
mod durable;
pub mod engine;
pub mod event;
pub mod journal;
pub mod plan;
pub mod plans;
pub mod runner;
mod session;
pub mod start;
pub mod step;
pub mod triggers;

pub use clock::Clock;
pub use decide::{Execution, Limits, Unexpected};
pub use engine::{Config, Engine, Host, LocalHost, Metrics, Progress, Watch, World};
pub use event::{Command, Event, StepId};
pub use plan::{Plan, PlanNode};
pub use plans::Plans;
pub use runner::{Outcome, Runner, Start, Workflows};
pub use start::{
    Answer, Answering, Reply, Retry, Settlement, StartError, StartRequest, Started, TriggerKind,
};
