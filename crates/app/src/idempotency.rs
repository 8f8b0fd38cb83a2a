//! Requests that happen once although they were sent several times.

use std::time::Duration;

use jiff::Timestamp;

use crate::access::Actor;
use crate::app::App;
use crate::error::Result;

pub use store::idempotency::Begun;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Whoever works on a request for longer has died.
const ABANDONED: Duration = Duration::from_secs(120);

/// A request that came with a key.
pub struct Request {
    /// The key.
    pub key: String,
    /// What was asked, so that a key used for something else is noticed.
    pub sha256: [u8; 32],
}

/// Takes the key for a request, or tells what became of it.
pub async fn begin(app: &App, actor: &Actor, request: &Request) -> Result<Begun> {
    let now = Timestamp::now();
    let begin = store::idempotency::Begin {
        key: request.key.clone(),
        request_sha256: request.sha256,
        expires_at: now + KEPT,
        abandoned_before: now - ABANDONED,
    };
    Ok(app.store.begin_request(actor.workspace(), begin).await?)
}

/// Keeps the answer for whoever sends the request again.
pub async fn finish(app: &App, actor: &Actor, request: &Request, status: u16, body: &str) -> Result<()> {
    Ok(app.store.finish_request(actor.workspace(), &request.key, status, body).await?)
}

/// Gives the key back: the request may be tried again.
pub async fn forget(app: &App, actor: &Actor, request: &Request) -> Result<()> {
    Ok(app.store.forget_request(actor.workspace(), &request.key).await?)
}
