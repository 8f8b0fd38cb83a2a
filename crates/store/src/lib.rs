//! Keeps everything that must survive: the only crate with SQL.
//!
//! [`Store`] is one handle over SQLite or PostgreSQL. [`commit`] is how the owner of an execution records what happened,
//! atomically and only while it is the owner; [`queue`] is how executions find an owner, [`timers`] the only clock,
//! [`signals`] what others want of an execution. `db` runs statements written once for both databases; what must
//! differ sits side by side as `sqlite.rs` and `postgres.rs`.
//! Every function that touches a tenant's rows takes the workspace first.
//! Deliberately absent: what the rows mean. The engine decides, `app` permits, this crate keeps.

pub mod api_keys;
pub mod backup;
mod blobs;
pub mod commit;
pub mod credentials;
mod db;
mod error;
pub mod executions;
mod fresh;
pub mod idempotency;
mod inbox;
mod inspect;
pub mod journal;
pub mod logs;
mod migrate;
pub mod outbox;
mod page;
mod payload;
pub mod queue;
pub mod retention;
pub mod routes;
pub mod secrets;
mod settings;
pub mod setup;
pub mod signals;
mod static_data;
pub mod steps;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(not(feature = "testing"))]
mod testing;
pub mod timers;
pub mod triggers;
pub mod users;
pub mod versions;
pub mod workers;
pub mod workflows;
pub mod workspaces;

pub use blobs::{BlobReader, Swept};
pub use commit::{Commit, LeaseAfter, NewExecution};
pub use error::{Cause, Error, Result};
pub use inspect::BrokenBlob;
pub use migrate::{SchemaStep, schema};
pub use page::{Page, PageOf};
pub use queue::{Claim, Lease};
pub use signals::{NewSignal, Signal};
pub use store::{Config, Database, HEARTBEAT, LEASE, Store, Wakeup};
