//! What workflows talk to: the echo server of w4.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Json;
use axum::http::Uri;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// A server in this process that is gone when this is dropped.
pub(crate) struct Helper {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Helper {
    /// Serves these routes on a free port.
    pub(crate) async fn serve(routes: axum::Router) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // It ends with the process or by `drop`; until then nothing here can fail.
        let task = tokio::spawn(async move { drop(axum::serve(listener, routes).await) });
        Ok(Self { address, task })
    }

    /// Answers every request with `{ok, path}`.
    pub(crate) async fn echo() -> Result<Self> {
        let answer = async |uri: Uri| -> Json<Value> { Json(json!({ "ok": true, "path": uri.path() })) };
        Self::serve(axum::Router::new().fallback(any(answer))).await
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.task.abort();
    }
}
