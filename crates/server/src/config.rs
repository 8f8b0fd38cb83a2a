//! How the server serves.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How the server serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes any that is free.
    pub listen: Vec<SocketAddr>,
    /// Where it gives metrics, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` is believed: networks, as address and length of the prefix.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, and a connection may be idle.
    pub header_timeout: Duration,
    /// How long requests may take to end after the server was asked to.
    pub drain_timeout: Duration,
    /// How long connections are still accepted after the server was asked to end: until whoever sends requests here has
    /// noticed.
    pub linger: Duration,
    /// Live streams of events at the same time.
    pub max_streams: usize,
    /// What calls of webhooks may use.
    pub hooks: HookLimits,
}

/// What calls of webhooks may use.
#[derive(Clone, Copy, Debug)]
pub struct HookLimits {
    /// Bytes of one body.
    pub body: usize,
    /// Bytes of all large bodies that are read or worked on, together.
    pub bodies: usize,
    /// Calls at the same time.
    pub calls: usize,
    /// How long a caller waits for the answer of an execution; then it learns where to ask for it.
    pub deadline: Duration,
}

impl Default for HookLimits {
    fn default() -> Self {
        Self { body: 16 << 20, bodies: 512 << 20, calls: 10_000, deadline: Duration::from_secs(60) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            metrics: None,
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
            header_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            linger: Duration::ZERO,
            max_streams: 1_000,
            hooks: HookLimits::default(),
        }
    }
}
