//! One suite, both databases: every test runs on SQLite and on PostgreSQL.
//!
//! PostgreSQL is the server that `RUNNEL_TEST_POSTGRES` names, or the one on this machine; each test gets a database of
//! its own there.

#![allow(clippy::unwrap_used, reason = "a test may, also in what its functions share")]

#[path = "../../../../xtask/src/postgres.rs"]
mod cluster;
mod support;

mod backup;
mod commits;
mod credentials;
mod executions;
mod faults;
mod fixture;
mod logs;
mod people;
mod queue;
mod requests;
mod restarts;
mod schema;
mod shared;
mod signals;
mod timers;
mod walls;
mod workflows;
