//! Serves HTTP: the API, inbound webhooks, live updates, health and metrics.
//!
//! [`Server`] listens and answers; `connections` keeps the limits of time and number. A request to a webhook goes to
//! `hooks` before any routing; everything else to the routes of `api`, each of which says what it needs ([`api::Api`])
//! and is guarded by it. Every error becomes a problem document in `problem`, and nowhere else.
//! Deliberately absent: decisions. A handler extracts, calls one function of `app` or `engine`, and shapes the answer.

mod address;
mod api;
mod auth;
mod body;
mod config;
mod connections;
mod health;
mod hooks;
mod idempotency;
mod landing;
mod live;
mod metrics;
mod observe;
mod parameters;
mod problem;
mod rate;
mod request_id;
mod server;
mod state;

pub use config::{Config, HookLimits};
pub use server::{Bound, Server};

/// The OpenAPI document of the API, as it is served and kept in `docs/openapi.json`.
pub fn openapi_document() -> String {
    let document = api::document();
    serde_json::to_string_pretty(&document).expect("a document serialises") + "\n"
}
