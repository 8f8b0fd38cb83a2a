//! The server: listens, sends each request where it belongs, ends gracefully.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::auth::KeyCache;
use crate::config::Config;
use crate::connections::{self, Limits};
use crate::hooks::Hooks;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::rate::RateLimit;
use crate::state::{Shared, State};
use crate::{address, api};

/// A server that does not listen yet.
pub struct Server {
    state: State,
    hooks: Hooks,
    router: Router,
}

/// A server that listens, so that its addresses are known.
pub struct Bound {
    server: Server,
    listeners: Vec<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Server {
    /// A server of this product.
    pub fn new(app: Arc<App>, config: Config) -> Self {
        let mut metrics = Metrics::new();
        let hooks = Hooks::new(app.clone(), config.hooks, metrics.registry_mut());
        let state = State::new(Shared {
            app,
            config,
            metrics: Arc::new(metrics),
            keys: KeyCache::default(),
            strangers: RateLimit::new(30, 30),
            live: Live::default(),
            draining: CancellationToken::new(),
            document: crate::openapi_document(),
        });
        let router = api::router(&state);
        Self { state, hooks, router }
    }

    /// Takes its addresses.
    pub async fn bind(self) -> io::Result<Bound> {
        let mut listeners = Vec::new();
        for address in &self.state.config.listen {
            listeners.push(TcpListener::bind(address).await?);
        }
        let metrics = match self.state.config.metrics {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        Ok(Bound { server: self, listeners, metrics })
    }

    /// Listens and answers until `shutdown` is cancelled: then it says that it is not ready, takes no more connections
    /// and lets the requests end that have begun.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        self.bind().await?.run(shutdown).await;
        Ok(())
    }
}

impl Bound {
    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Where it gives metrics.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// See [`Server::run`].
    pub async fn run(self, shutdown: CancellationToken) {
        let Bound { server, listeners, metrics } = self;
        let Server { state, hooks, router } = server;
        let draining = state.draining.clone();
        let flips = async {
            shutdown.cancelled().await;
            draining.cancel();
        };
        let config = &state.config;
        let limits = Limits {
            connections: config.max_connections,
            header_timeout: config.header_timeout,
            drain_timeout: config.drain_timeout,
            linger: config.linger,
        };
        let trusted: Arc<[IpNet]> = config
            .trusted_proxies
            .iter()
            .filter_map(|(address, length)| IpNet::new(*address, *length).ok())
            .collect();
        let routes = hooks.clone().keep_fresh(state.draining.clone());
        let answer = answer(hooks, router, trusted);
        let open = state.metrics.connections.clone();
        let api = connections::serve(listeners, limits, open, state.draining.clone(), answer);
        let live = state.live.run(state.app.store.clone(), state.draining.clone());
        // Metrics are given until the end.
        let ended = CancellationToken::new();
        let metrics = serve_metrics(state.clone(), metrics, limits, ended.clone());
        let api = async {
            api.await;
            ended.cancel();
        };
        tokio::join!(flips, routes, api, live, metrics);
    }
}

/// Sends a request where it belongs: webhooks first, because they are most.
fn answer(
    hooks: Hooks,
    router: Router,
    trusted: Arc<[IpNet]>,
) -> impl Fn(Request<Incoming>, SocketAddr) -> ResponseFuture + Clone + Send + Sync + 'static {
    move |mut request, peer| {
        let client = address::client(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(client);
        if Hooks::owns(request.uri().path()) {
            let hooks = hooks.clone();
            return Box::pin(async move { hooks.handle(request.map(Body::new)).await });
        }
        let router = router.clone();
        Box::pin(async move {
            match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    }
}

type ResponseFuture = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

async fn serve_metrics(
    state: State,
    listener: Option<TcpListener>,
    limits: Limits,
    ended: CancellationToken,
) {
    let Some(listener) = listener else { return };
    let give = async |axum::extract::State(state): axum::extract::State<State>| {
        sample(&state).await;
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(CONTENT_TYPE, kind)], state.metrics.text()).into_response()
    };
    let router = Router::new().route("/metrics", axum::routing::get(give)).with_state(state);
    let answer = move |request: Request<Incoming>, _| {
        let router = router.clone();
        async move {
            match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    let limits = Limits { connections: 16, linger: Duration::ZERO, ..limits };
    connections::serve(vec![listener], limits, Default::default(), ended, answer).await;
}

/// Looks up what is not counted along the way.
async fn sample(state: &State) {
    let sampled = &state.metrics.sampled;
    match state.app.store.queue_depth().await {
        Ok(depth) => {
            sampled.database_up.set(1);
            sampled.queue_depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
        }
        Err(_) => {
            sampled.database_up.set(0);
        }
    }
    sampled.engine(&state.app.engine.metrics());
}

/// Layers that surround all routes.
pub(crate) fn surround(router: Router<State>, state: &State) -> Router {
    router
        .layer(middleware::from_fn_with_state(state.clone(), crate::observe::observe))
        .with_state(state.clone())
}
