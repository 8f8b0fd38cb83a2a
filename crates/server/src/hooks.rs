//! Inbound webhooks: answered before any routing.

use std::sync::Arc;

use app::App;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;

use crate::problem::ApiError;

/// Answers calls of webhooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hooks {
    _app: Arc<App>,
}

impl Hooks {
    /// Webhooks of this product, counted in this registry.
    pub(crate) fn new(app: Arc<App>, _: &mut Registry) -> Self {
        Self { _app: app }
    }

    /// Whether a path is that of a webhook.
    pub(crate) fn owns(path: &str) -> bool {
        path.starts_with("/hooks/") || path.starts_with("/hooks-test/")
    }

    /// Answers a call. The address of the client is in its extensions.
    pub(crate) async fn handle(&self, _: Request) -> Response {
        ApiError::not_found("webhook").into_response()
    }
}
