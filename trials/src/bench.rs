//! The gates of PERFORMANCE.md on the real server: `cargo xtask bench`.

mod flat;
mod idle;
mod start;
mod throughput;

use std::path::PathBuf;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::api::{Api, Published};
use crate::figure::Figure;
use crate::load::Target;
use crate::process::{Recipe, Server};
use crate::workflows::body;

/// What can be measured.
pub(crate) const ALL: [&str; 13] = [
    "ceiling",
    "w1",
    "w2",
    "w3",
    "w4",
    "w5",
    "w6",
    "w2-pg",
    "first-step",
    "start",
    "idle",
    "flat",
    "idle-pg",
];

/// How to measure.
pub(crate) struct Options {
    /// The program.
    pub(crate) program: PathBuf,
    /// One measurement instead of all.
    pub(crate) only: Option<String>,
    /// A million stored executions instead of a hundred thousand.
    pub(crate) long: bool,
    /// JSON lines instead of a table.
    pub(crate) json: bool,
}

/// Prints every figure; whether all of them meet their gates.
pub(crate) async fn bench(options: &Options) -> Result<bool> {
    if let Some(only) = options.only.as_deref().filter(|only| !ALL.contains(only)) {
        bail!("there is no benchmark \"{only}\"; there are {}", ALL.join(", "));
    }
    let mut met = true;
    for name in ALL.into_iter().filter(|name| options.only.as_deref().is_none_or(|only| only == *name)) {
        for figure in measure(name, options).await? {
            met &= figure.meets_gate();
            if options.json { println!("{}", figure.to_json()) } else { println!("{figure}") }
        }
    }
    Ok(met)
}

async fn measure(name: &str, options: &Options) -> Result<Vec<Figure>> {
    match name {
        "ceiling" => throughput::ceiling().await,
        "w2-pg" => throughput::w2_postgres(options).await,
        "w5" => throughput::w5(options).await,
        "first-step" => start::first_step(options).await,
        "start" => start::start(options).await,
        "idle" => idle::idle(options).await,
        "idle-pg" => idle::idle_postgres(options).await,
        "flat" => flat::flat(options).await,
        name => throughput::throughput(options, name).await,
    }
}

/// A server with a workflow, all of it new.
struct Fresh {
    server: Server,
    api: Api,
    published: Published,
    /// The data folder, gone in the end.
    _folder: TempDir,
}

impl Fresh {
    async fn start(options: &Options, workflow: &serde_json::Value) -> Result<Self> {
        let folder = TempDir::with_prefix("runnel-bench-")?;
        let server = Recipe::new(&options.program, &folder.path().join("data"), None)?.start().await?;
        let api = Api::set_up(&server).await?;
        let published = api.publish(workflow).await?;
        Ok(Self { server, api, published, _folder: folder })
    }

    /// The usual request to its webhook.
    fn target(&self) -> Target {
        hook_target(&self.server, &self.published)
    }
}

fn hook_target(server: &Server, published: &Published) -> Target {
    let body = body().to_string();
    let request = crate::http::request("POST", &published.hook, &[], Some(body.as_bytes()));
    Target { address: server.recipe.address, request }
}

/// Runs load, which blocks, beside everything else.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}
