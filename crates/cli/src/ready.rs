//! `runnel ready`: asks a server on this machine whether it is ready, for containers that bring no other client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use sdk::net::{self, Request, TrustedNetworks};
use tokio_util::sync::CancellationToken;

use crate::config::{AllFlags, Config, Role};
use crate::{Exit, print, world};

/// Arguments of `ready`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    flags: AllFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    let address = match (config.executions.role, config.http.metrics) {
        (Role::All | Role::Api, _) => config.http.listen,
        (Role::Worker, Some(metrics)) => metrics,
        (Role::Worker, None) => bail!("a worker says so where it serves metrics; set metrics_listen"),
    };
    world::runtime()?.block_on(ask(address))
}

async fn ask(address: SocketAddr) -> anyhow::Result<Exit> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    let client = net::Client::new(net::Config {
        trusted: TrustedNetworks::parse([ip.to_string().as_str()])?,
        timeout: Duration::from_secs(5),
        ..net::Config::default()
    });
    let request = Request::parse("GET", &format!("http://{address}/readyz"))?;
    let answer = client.send(request, &CancellationToken::new()).await;
    let answer = answer.with_context(|| format!("nothing answers at {address}"))?;
    if answer.status == net::StatusCode::OK {
        print::line("ready")?;
        return Ok(Exit::Completed);
    }
    print::line(&format!("not ready: {}", answer.text()))?;
    Ok(Exit::Failed)
}
