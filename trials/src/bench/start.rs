//! How soon it is there: from start to ready, and from a trigger to the first node.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Json;
use axum::routing::any;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Fresh, Options, apart};
use crate::figure::Figure;
use crate::helpers::Helper;
use crate::http::Connection;
use crate::load::Load;
use crate::process::Recipe;
use crate::workflows::workflow;

/// From start to ready: with a new data folder, and with one in which there is something.
pub(super) async fn start(options: &Options) -> Result<Vec<Figure>> {
    let mut new = Vec::new();
    for _ in 0..5 {
        let folder = TempDir::with_prefix("runnel-bench-")?;
        let recipe = Recipe::new(&options.program, &folder.path().join("data"), None)?;
        new.push(recipe.spawn()?.ready().await?.as_secs_f64());
    }
    let fresh = Fresh::start(options, &workflow("w2", None)?).await?;
    let load = Load { warm_up: Duration::ZERO, ..Load::usual(vec![fresh.target()]) };
    apart(move || load.closed()).await?.all_answered()?;
    let Fresh { server, _folder, .. } = fresh;
    let mut recipe = server.kill()?;
    let mut again = Vec::new();
    for _ in 0..5 {
        let mut server = recipe.spawn()?;
        again.push(server.ready().await?.as_secs_f64());
        recipe = server.kill()?;
    }
    Ok(vec![
        Figure::new("start", "s", new).at_most(1.0),
        Figure::new("start_after_kill", "s", again).at_most(1.0),
    ])
}

/// From the moment a request is sent until the first node that does something outside has done it, while nothing else
/// happens.
pub(super) async fn first_step(options: &Options) -> Result<Vec<Figure>> {
    let (seen, mut arrivals) = mpsc::unbounded_channel();
    let arrive = async move || {
        // The receiver goes away only when all has been measured.
        let _ = seen.send(Instant::now());
        Json(json!({ "ok": true }))
    };
    let helper = Helper::serve(axum::Router::new().fallback(any(arrive))).await?;
    let fresh = Fresh::start(options, &workflow("w4", Some(helper.address))?).await?;
    let target = fresh.target();
    let mut connection = Connection::open(target.address).await?;
    let mut delays = Vec::new();
    for round in 0..120 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let sent = Instant::now();
        connection.exchange(&target.request).await?;
        let arrival = arrivals.recv().await.context("the echo server ended")?;
        // The first ones warm up.
        if round >= 20 {
            delays.push((arrival - sent).as_secs_f64() * 1e3);
        }
    }
    Ok(vec![Figure::new("first-step", "ms", delays).at_most(10.0)])
}
