//! Opens connections: resolve once, check every address, connect to a checked one.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the place that opens sockets for users' work"
)]

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::address::TrustedNetworks;
use super::error::{Error, Unreachable};
use crate::node::BoxFuture;

/// Finds the addresses of a host name.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, best first.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// Opens sockets to checked addresses.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) trusted: Arc<TrustedNetworks>,
    pub(super) limit: Duration,
}

/// Addresses tried for one host.
const MAX_ADDRESSES: usize = 4;

impl Connector {
    /// A connection to `host`. The socket goes to the very address that was checked, so a name that changes its address
    /// in between gains nothing.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let addresses = self.addresses(host).await?;
        let share = self.limit / u32::try_from(addresses.len()).expect("at most four addresses");
        let mut last = Unreachable::NotFound;
        for address in addresses {
            match timeout(share, TcpStream::connect(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => {
                    // Without it small requests wait for acknowledgements of earlier ones.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = reason(&error),
                Err(_) => last = Unreachable::TimedOut,
            }
        }
        Err(Error::Unreachable { host: host.to_owned(), reason: last })
    }

    /// The addresses of `host` that may be reached; fails when there is none.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        let unreachable = |reason| Error::Unreachable { host: host.to_owned(), reason };
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let found = match literal {
            Ok(address) => vec![address],
            Err(_) => match timeout(self.limit, self.resolver.resolve(host)).await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err(_)) => return Err(unreachable(Unreachable::NotFound)),
                Err(_) => return Err(unreachable(Unreachable::TimedOut)),
            },
        };
        let mut blocked = None;
        let mut allowed = Vec::new();
        for address in found {
            match self.trusted.check(host, address) {
                Ok(()) if allowed.len() < MAX_ADDRESSES => allowed.push(address),
                Ok(()) => {}
                Err(what) => blocked = blocked.or(Some((address, what))),
            }
        }
        match blocked {
            _ if !allowed.is_empty() => Ok(allowed),
            Some((address, what)) => Err(Error::Blocked { host: host.to_owned(), address, what }),
            None => Err(unreachable(Unreachable::NotFound)),
        }
    }
}

fn reason(error: &io::Error) -> Unreachable {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreachable::Refused,
        io::ErrorKind::TimedOut => Unreachable::TimedOut,
        _ => Unreachable::Other(error.to_string()),
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
            let port = uri.port_u16().unwrap_or(default_port);
            connector.connect(host, port).await.map(TokioIo::new)
        })
    }
}
