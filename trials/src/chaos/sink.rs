//! The outside world of a trial: counts every effect and never forgets one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{any, post};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::helpers::Helper;

/// An effect that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) at: Instant,
    /// The key with which it says which effect it is, where it has one.
    pub(crate) key: Option<String>,
}

/// The effects by id, in the order in which they came.
pub(crate) type Effects = HashMap<String, Vec<Effect>>;

/// A server that takes effects at `/done/{id}`, and calls for help at `/poison/{id}`.
pub(crate) struct Sink {
    helper: Helper,
    effects: Seen,
}

type Seen = Arc<Mutex<Effects>>;

impl Sink {
    /// Starts it. What asks for `/poison` is reported to `poisoned` and gets no answer.
    pub(crate) async fn start(poisoned: mpsc::UnboundedSender<String>) -> Result<Self> {
        let effects = Seen::default();
        let poison = async move |Path(id): Path<String>| -> Json<Value> {
            // Whoever no longer listens has ended the trial.
            let _ = poisoned.send(id);
            std::future::pending().await
        };
        let routes = axum::Router::new()
            .route("/done/{id}", post(take))
            .route("/poison/{id}", any(poison))
            .with_state(effects.clone());
        Ok(Self { helper: Helper::serve(routes).await?, effects })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.helper.address
    }

    /// What has arrived so far.
    pub(crate) fn effects(&self) -> Effects {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many ids have arrived so far.
    pub(crate) fn count(&self) -> usize {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn take(State(effects): State<Seen>, Path(id): Path<String>, headers: HeaderMap) -> Json<Value> {
    let at = Instant::now();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(Into::into);
    let mut effects = effects.lock().unwrap_or_else(PoisonError::into_inner);
    effects.entry(id).or_default().push(Effect { at, key });
    Json(json!({ "ok": true }))
}
