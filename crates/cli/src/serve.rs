//! `runnel serve`: accepts work and runs it, until it is asked to stop.
//!
//! Stopping: the first signal flips readiness, lets requests end and executions go on for a while, and hands back what
//! is left; the second ends the process at once, and what ran is taken up at the next start.

mod housekeeping;
mod logging;
mod notify;
mod shutdown;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use engine::engine::Engine;
use server::{Bound, Server};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::config::{AllFlags, Config, HttpConfig, Role};
use crate::product::{self, Product};
use crate::{Exit, open, print, world};
use shutdown::Shutdown;

/// What its help says at its end.
const HELP: &str = "\
Every option also has a place in runnel.toml (log_format = \"json\") and in the environment
(RUNNEL_LOG_FORMAT=json). Options win over the environment, the environment wins over the file.";

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    flags: AllFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    logging::start(&config.logs)?;
    let runtime = world::runtime()?;
    let exit = runtime.block_on(serve(&config));
    // Whoever still blocks a thread had its time.
    runtime.shutdown_timeout(Duration::from_millis(500));
    exit
}

async fn serve(config: &Config) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let shutdown = Shutdown::listen().context("signals cannot be listened to")?;
    let listen = free_port(config.http.listen)?;
    let public_url = public_url(&config.http, listen);
    let chosen = config.http.setup_token.as_ref().map(|token| token.expose().to_owned());
    let token = chosen.clone().unwrap_or_else(app::setup::generate_token);
    let product = product::open(config, public_url.clone(), token.clone()).await?;
    let bound = bind(config, listen, &product).await?;
    let is_set_up = app::setup::is_set_up(&product.app).await?;
    let token = (!is_set_up).then_some((token.as_str(), chosen.is_some()));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        role = ?config.executions.role,
        address = %listen,
        ready_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    // Whoever reads it may have gone; the server serves all the same.
    if let Err(error) = announce(config, &public_url, bound.metrics_address(), token) {
        tracing::warn!(%error, "nobody reads standard output");
    }
    notify::tell(notify::READY);
    let tidying =
        housekeeping::run(product.app.store.clone(), config.executions.retention, shutdown.asked.clone());
    // Whatever becomes of it concerns nobody but the disk.
    tokio::spawn(tidying);
    Ok(Running::start(bound, product.engine, config.http.drain).until(shutdown).await)
}

/// The port that is used in place of 0, so that addresses can be told before anything listens.
fn free_port(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.port() != 0 {
        return Ok(listen);
    }
    let free = std::net::TcpListener::bind(listen).and_then(|listener| listener.local_addr());
    free.with_context(|| format!("listen: {listen} is not an address of this machine"))
}

/// The address under which others reach this instance. Never what a request calls it.
fn public_url(http: &HttpConfig, listen: SocketAddr) -> String {
    if let Some(url) = &http.public_url {
        return url.to_string();
    }
    if listen.ip().is_unspecified() || listen.ip().is_loopback() {
        return format!("http://localhost:{}/", listen.port());
    }
    format!("http://{listen}/")
}

async fn bind(config: &Config, listen: SocketAddr, product: &Product) -> anyhow::Result<Bound> {
    let serves = config.executions.role != Role::Worker;
    let server = Server::new(
        product.app.clone(),
        server::Config {
            listen: serves.then_some(listen).into_iter().collect(),
            metrics: config.http.metrics,
            trusted_proxies: config.http.trusted_proxies.clone(),
            drain_timeout: config.http.drain,
            linger: config.http.linger,
            ..server::Config::default()
        },
    );
    let bound = server.bind().await;
    bound.with_context(|| match config.http.metrics {
        Some(metrics) => format!(
            "the server cannot listen on {listen} or, for metrics, on {metrics}; choose others with --listen and --metrics-listen"
        ),
        None => format!("the server cannot listen on {listen}; choose another address with --listen"),
    })
}

/// What people need to know, on standard output; everything else is in the log.
fn announce(
    config: &Config,
    public_url: &str,
    metrics: Option<SocketAddr>,
    token: Option<(&str, bool)>,
) -> anyhow::Result<()> {
    let paint = print::Paint::stdout();
    let does = match config.executions.role {
        Role::All => "is ready at",
        Role::Api => "accepts work, and leaves it to workers, at",
        Role::Worker => "runs executions of",
    };
    print::line(&format!(
        "{} {does} {public_url}",
        paint.bold(concat!("Runnel ", env!("CARGO_PKG_VERSION")))
    ))?;
    print::line(&format!("  data     {}", open::described(&config.data)))?;
    if let Some(metrics) = metrics {
        print::line(&format!("  metrics  http://{metrics}/metrics"))?;
    }
    if let Some(file) = &config.file {
        print::line(&format!("  settings {}", open::shown(file)))?;
    }
    let Some((token, is_chosen)) = token else { return Ok(()) };
    // A token that the operator chose is known to them, and a log is no place for it.
    let token = if is_chosen { "$RUNNEL_SETUP_TOKEN" } else { token };
    print::line(&format!(
        "
This instance has no owner yet. Become its owner, with an address and a password of yours; the answer holds your API key:

  curl {public_url}api/v1/setup -H 'content-type: application/json' -d '{{
    \"token\": \"{token}\",
    \"email\": \"you@example.com\",
    \"name\": \"Your Name\",
    \"password\": \"at least 12 characters\"
  }}'
"
    ))?;
    Ok(())
}

/// The loops of the process.
struct Running {
    server: JoinHandle<()>,
    engine: Engine,
    loops: JoinHandle<()>,
    stop_server: CancellationToken,
    stop_engine: CancellationToken,
    drain: Duration,
}

impl Running {
    fn start(bound: Bound, engine: Engine, drain: Duration) -> Self {
        let (stop_server, stop_engine) = (CancellationToken::new(), CancellationToken::new());
        Self {
            server: tokio::spawn(bound.run(stop_server.clone())),
            loops: tokio::spawn(engine.clone().run(stop_engine.clone())),
            engine,
            stop_server,
            stop_engine,
            drain,
        }
    }

    /// Goes on until somebody asks it to stop or a loop dies, which never happens in good health.
    async fn until(mut self, shutdown: Shutdown) -> Exit {
        let died = tokio::select! {
            () = shutdown.asked.cancelled() => None,
            end = &mut self.server => Some(("server", end)),
            end = &mut self.loops => Some(("engine", end)),
        };
        notify::tell(notify::STOPPING);
        let is_well = died.is_none();
        if let Some((name, end)) = died {
            report_death(name, end);
        }
        let ended = tokio::select! {
            ended = self.drain() => ended,
            () = shutdown.now.cancelled() => false,
        };
        if is_well && ended { Exit::Completed } else { Exit::Failed }
    }

    /// Lets what has begun end. True when nothing went wrong on the way.
    async fn drain(self) -> bool {
        let begun = Instant::now();
        self.stop_server.cancel();
        let server = if self.server.is_finished() { Ok(()) } else { self.server.await };
        self.engine.drain(self.drain.saturating_sub(begun.elapsed())).await;
        self.stop_engine.cancel();
        let engine = if self.loops.is_finished() { Ok(()) } else { self.loops.await };
        let ended = [("server", server), ("engine", engine)].map(|(name, end)| match end {
            Ok(()) => true,
            Err(_) => {
                report_death(name, end);
                false
            }
        });
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(took_ms, "stopped");
        ended.iter().all(|well| *well)
    }
}

fn report_death(name: &str, end: Result<(), JoinError>) {
    match end {
        Ok(()) => tracing::error!("the {name} stopped although nobody asked it to; stopping"),
        Err(error) => tracing::error!(%error, "the {name} died; stopping"),
    }
}
