//! Webhooks, waits and schedules against a real server, engine and store.

mod access;
mod answers;
#[path = "../support/client.rs"]
#[allow(dead_code, missing_docs, unreachable_pub)]
mod client;
mod once;
mod site;
mod time;
mod waits;
