//! Executions per second, and how long their callers wait at half that rate.

use std::time::Duration;

use anyhow::{Result, ensure};
use axum::Json;
use axum::routing::post;
use serde_json::Value;

use super::{Fresh, Options, apart, hook_target};
use crate::api::Api;
use crate::figure::Figure;
use crate::helpers::Helper;
use crate::http::Connection;
use crate::load::{Load, Target};
use crate::postgres::Cluster;
use crate::process::Recipe;
use crate::workflows::{body, workflow};

/// How often each figure is taken.
const REPEATS: usize = 3;

/// What the load generator reaches against a server that only answers: its share of every other figure.
pub(super) async fn ceiling() -> Result<Vec<Figure>> {
    let routes = axum::Router::new().route("/", post(async |Json(body): Json<Value>| Json(body)));
    let helper = Helper::serve(routes).await?;
    let body = body().to_string();
    let request = crate::http::request("POST", "/", &[], Some(body.as_bytes()));
    let load = Load::usual(vec![Target { address: helper.address, request }]);
    let rates = closed("ceiling", &load).await?;
    let latency = open("ceiling", &load, rates.value() / 2.0).await?;
    Ok([vec![rates], latency].concat())
}

/// One of w1 to w6 under the usual load.
pub(super) async fn throughput(options: &Options, name: &str) -> Result<Vec<Figure>> {
    let echo = Helper::echo().await?;
    let fresh = Fresh::start(options, &workflow(name, Some(echo.address))?).await?;
    check_answer(name, &fresh.target()).await?;
    let load = Load::usual(vec![fresh.target()]);
    let rate = closed(name, &load).await?;
    if name == "w1" {
        catch_up(&fresh.api).await?;
    }
    let half = rate.value() / 2.0;
    let latency = open(name, &load, half).await?;
    let memory =
        Figure::new(format!("{name}_rss"), "MiB", vec![fresh.server.memory()? as f64 / (1 << 20) as f64]);
    let rate = match name {
        "w1" => rate.at_least(8_000.0),
        "w2" => rate.at_least(5_000.0),
        "w3" | "w6" => rate.at_least(1_000.0),
        _ => rate,
    };
    Ok([vec![rate], latency, vec![memory]].concat())
}

/// One execution at a time over 10,000 items.
pub(super) async fn w5(options: &Options) -> Result<Vec<Figure>> {
    let fresh = Fresh::start(options, &workflow("w5", None)?).await?;
    check_answer("w5", &fresh.target()).await?;
    let usual = Load::usual(vec![fresh.target()]);
    let load = Load { connections: 1, ..usual };
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        let load = load.clone();
        let tally = apart(move || load.closed()).await?.all_answered()?;
        seconds.push(tally.quantile_ms(0.5) / 1e3);
    }
    let memory = fresh.server.memory()? as f64 / (1 << 20) as f64;
    Ok(vec![Figure::new("w5", "s", seconds).at_most(0.3), Figure::new("w5_rss", "MiB", vec![memory])])
}

/// w2 with PostgreSQL: one process, and the load shared by two.
pub(super) async fn w2_postgres(options: &Options) -> Result<Vec<Figure>> {
    let cluster = Cluster::start()?;
    let database = cluster.create_database("bench")?;
    let folder = tempfile::TempDir::with_prefix("runnel-bench-")?;
    // Both processes need the key with which secrets are encrypted.
    let key = folder.path().join("key").display().to_string();
    let recipe = |name: &str| -> Result<Recipe> {
        let recipe = Recipe::new(&options.program, &folder.path().join(name), Some(&database))?;
        Ok(recipe.with("RUNNEL_KEY_FILE", &key))
    };
    let first = recipe("first")?.start().await?;
    let api = Api::set_up(&first).await?;
    let published = api.publish(&workflow("w2", None)?).await?;
    let target = hook_target(&first, &published);
    check_answer("w2", &target).await?;
    let load = Load::usual(vec![target.clone()]);
    let one = closed("w2-pg", &load).await?.at_least(3_000.0);
    let latency = open("w2-pg", &load, one.value() / 2.0).await?;

    let second = recipe("second")?.start().await?;
    api.await_hook(second.recipe.address, &published.hook, &body()).await?;
    let load = Load::usual(vec![target, hook_target(&second, &published)]);
    // One loses nothing by a second: allowed is what repeats differ by.
    let two = closed("w2-pg-two", &load).await?.at_least(one.value() * 0.95);
    Ok([vec![one], latency, vec![two]].concat())
}

async fn closed(name: &str, load: &Load) -> Result<Figure> {
    let mut rates = Vec::new();
    for _ in 0..REPEATS {
        let load = load.clone();
        rates.push(apart(move || load.closed()).await?.all_answered()?.rate());
    }
    Ok(Figure::new(name, "/s", rates))
}

/// Half of the answers, and all but one in a hundred, come within this.
async fn open(name: &str, load: &Load, rate: f64) -> Result<Vec<Figure>> {
    let (mut halves, mut most) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let load = load.clone();
        let tally = apart(move || load.open(rate)).await?.all_answered()?;
        halves.push(tally.quantile_ms(0.5));
        most.push(tally.quantile_ms(0.99));
    }
    let most = Figure::new(format!("{name}_p99"), "ms", most);
    let most = if name == "w2" { most.at_most(50.0) } else { most };
    Ok(vec![Figure::new(format!("{name}_p50"), "ms", halves), most])
}

/// A workflow that answers quickly because it fails would be no measurement.
async fn check_answer(name: &str, target: &Target) -> Result<()> {
    let mut connection = Connection::open(target.address).await?;
    let answer = connection.exchange(&target.request).await?;
    let text = answer.text();
    let expected = match name {
        "w2" => "\"double\":84",
        "w3" => "\"sum_sq\"",
        "w4" => "\"got\":true",
        _ => "",
    };
    ensure!(answer.is_ok() && text.contains(expected), "{name} answered {} {text}", answer.status);
    Ok(())
}

/// Waits until everything that was accepted has run.
async fn catch_up(api: &Api) -> Result<()> {
    for status in ["queued", "running"] {
        let path = format!("/api/v1/executions?status={status}&limit=1");
        while api.call("GET", &path, None).await?["items"].as_array().is_some_and(|open| !open.is_empty()) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
