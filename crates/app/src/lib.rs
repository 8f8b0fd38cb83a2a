//! What the product does: one module per resource, permissions included.
//!
//! [`App`] holds the concrete parts, built once. Every operation takes it and the [`Actor`](access::Actor) who asks, asks
//! for the permission first, and then for the rows of the actor's workspace only. An operation has one name here, in
//! the handler that calls it and in the store.
//! Deliberately absent: HTTP types and SQL.

pub mod access;
pub mod addresses;
mod app;
pub mod credentials;
pub mod error;
pub mod executions;
pub mod expressions;
pub mod health;
pub mod idempotency;
pub mod keys;
pub mod secrets;
pub mod setup;
pub mod workflows;

pub use app::{App, Foreign, Imported, Parts};
pub use error::{Error, Result};
pub use secrets::RootKey;
