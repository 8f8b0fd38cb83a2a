//! Accepts connections and serves HTTP/1 and HTTP/2 on them, within limits of time and number.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Most bytes of the heads of a request.
const MAX_HEAD: usize = 64 << 10;
/// Requests at the same time on one connection.
const MAX_REQUESTS: u32 = 200;

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// How long connections are still accepted after the server was asked to end.
    pub(crate) linger: Duration,
}

/// Serves until `shutdown` fires, then lets the requests end that have begun. Whoever sends requests does not know at
/// once: for a while connections are still accepted, and every answer asks the client to take another one.
pub(crate) async fn serve<S, F>(
    listeners: Vec<TcpListener>,
    limits: Limits,
    open: Gauge,
    shutdown: CancellationToken,
    answer: S,
) where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let builder = builder(limits);
    let accept = Accept { places, graceful: &graceful, builder, open, answer, shutdown: shutdown.clone() };
    let accepting =
        futures_util::future::join_all(listeners.into_iter().map(|listener| accept.run(listener)));
    let asked = async {
        shutdown.cancelled().await;
        tokio::time::sleep(limits.linger).await;
    };
    tokio::select! {
        () = asked => {}
        // It only ends at once, when there is nothing to listen on.
        never = async {
            accepting.await;
            std::future::pending::<Infallible>().await
        } => match never {},
    }
    drop(accept);
    let left = graceful.count();
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = left, "connections were closed with requests in flight");
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEAD)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_REQUESTS)
        .max_header_list_size(MAX_HEAD as u32)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

struct Accept<'a, S> {
    places: Arc<Semaphore>,
    graceful: &'a GracefulShutdown,
    builder: auto::Builder<TokioExecutor>,
    open: Gauge,
    answer: S,
    shutdown: CancellationToken,
}

impl<S, F> Accept<'_, S>
where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    async fn run(&self, listener: TcpListener) {
        // No task takes the last place and keeps it from being given back: the semaphore is never closed.
        while let Ok(place) = self.places.clone().acquire_owned().await {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Too many open files, or a connection that went away: the next may do better.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let connection = self.connection(stream, peer);
            let open = self.open.clone();
            tokio::spawn(async move {
                open.inc();
                connection.await;
                open.dec();
                drop(place);
            });
        }
    }

    #[expect(clippy::disallowed_types, reason = "the server is called; it calls nobody")]
    fn connection(
        &self,
        stream: tokio::net::TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<S, F> {
        // Answers are written whole: waiting for more only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let (answer, shutdown) = (self.answer.clone(), self.shutdown.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let is_http1 = request.version() < Version::HTTP_2;
            let response = answer(request, peer);
            let shutdown = shutdown.clone();
            async move {
                let mut response = response.await;
                if is_http1 && shutdown.is_cancelled() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.graceful.watch(connection);
        async move {
            if let Err(error) = connection.await {
                // What strangers send wrong is no concern of ours.
                tracing::debug!(%error, "a connection ended badly");
            }
        }
    }
}
