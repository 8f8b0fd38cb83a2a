//! The guarded HTTP client: the only place that opens sockets for users' work.
//!
//! [`Client::send`] takes a [`Request`] and gives a [`Response`] whatever its status. On the way it
//! - connects to public addresses only, unless [`TrustedNetworks`] says otherwise, and checks the very address that the
//!   socket goes to (`connect`, `address`);
//! - follows redirects itself and checks each one (`redirect`);
//! - reads the body within limits of size, time and decompression (`response`);
//! - asks [`Mocks`] instead of the network when a test set them (`mocks`).
//!
//! Deliberately absent: proxies, cookies between requests, retries (the engine retries steps) and a cache.

#![expect(clippy::disallowed_types, reason = "this module is where users' work reaches the network")]

mod address;
mod connect;
mod error;
mod mocks;
mod redirect;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod tls;

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub use self::address::{InvalidNetwork, TrustedNetworks};
pub use self::connect::Resolve;
pub use self::error::{Error, Unreachable};
pub use self::mocks::{Mock, Mocks};
pub use self::request::{Body, Part, Request, parse_url};
pub use self::response::Response;
pub use http::{HeaderMap, HeaderName, HeaderValue as Header, Method, StatusCode};
pub use url::Url;

use self::connect::{Connector, SystemResolver};
use self::redirect::Hop;
use self::response::{Collector, Refused};

/// Header fields that an answer may have, and the bytes they may take together.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Redirects that an instance may allow at most.
const MAX_REDIRECTS: usize = 21;

/// What an instance allows.
#[derive(Clone, Debug)]
pub struct Config {
    /// What may be reached although it is not public.
    pub trusted: TrustedNetworks,
    /// Whether a request may turn off the check of certificates.
    pub allow_insecure_tls: bool,
    /// Redirects that a request may follow; at most 21.
    pub max_redirects: usize,
    /// Time for a connection.
    pub connect_timeout: Duration,
    /// Time for a whole exchange.
    pub timeout: Duration,
    /// Time between two pieces of a body.
    pub idle_timeout: Duration,
    /// Bytes of a decompressed body.
    pub max_response_bytes: usize,
    /// What the client calls itself, unless a request says otherwise.
    pub user_agent: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trusted: TrustedNetworks::none(),
            allow_insecure_tls: false,
            max_redirects: 5,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(60),
            max_response_bytes: 100 << 20,
            user_agent: concat!("runnel/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The guarded HTTP client. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    resolver: Arc<dyn Resolve>,
    mocks: Option<Mocks>,
    checked: OnceLock<Pool>,
    unchecked: OnceLock<Pool>,
}

type Pool = legacy::Client<HttpsConnector<Connector>, Full<Bytes>>;

impl Default for Client {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Client {
    /// A client that allows what `config` allows. Nothing is opened before the first request.
    pub fn new(config: Config) -> Self {
        Self::with_resolver(config, Arc::new(SystemResolver))
    }

    /// A client that asks `resolver` for addresses.
    pub fn with_resolver(config: Config, resolver: Arc<dyn Resolve>) -> Self {
        let shared =
            Shared { config, resolver, mocks: None, checked: OnceLock::new(), unchecked: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// A client that answers from `mocks` and never opens a socket.
    pub fn with_mocks(mocks: Mocks) -> Self {
        let mut client = Self::default();
        let shared = Arc::get_mut(&mut client.shared).expect("nobody else has the new client yet");
        shared.mocks = Some(mocks);
        client
    }

    /// What it allows.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Sends `request` and reads the answer, redirects included. `cancel` ends it at any point.
    pub async fn send(&self, request: Request, cancel: &CancellationToken) -> Result<Response, Error> {
        cancel.run_until_cancelled(self.follow(request)).await.unwrap_or(Err(Error::Cancelled))
    }

    async fn follow(&self, request: Request) -> Result<Response, Error> {
        let config = &self.shared.config;
        if request.ignore_tls_errors && !config.allow_insecure_tls {
            return Err(Error::Invalid(
                "this instance checks every certificate; set allow_insecure_tls in its settings to let requests turn that off"
                    .to_owned(),
            ));
        }
        let most = request.redirects.unwrap_or(usize::MAX).min(config.max_redirects).min(MAX_REDIRECTS);
        let limit = request.timeout.unwrap_or(config.timeout).min(config.timeout);
        let deadline = Deadline { at: Instant::now() + limit, limit };
        let insecure = request.ignore_tls_errors;
        let follows = request.redirects != Some(0);
        let mut hop = self.first_hop(request)?;
        let mut followed = 0;
        loop {
            let response = match &self.shared.mocks {
                Some(mocks) => mocks.answer(&hop)?,
                None => self.exchange(&hop, insecure, &deadline).await?,
            };
            if !follows {
                return Ok(response);
            }
            match hop.next(response.status, &response.headers)? {
                None => return Ok(response),
                Some(_) if followed == most => {
                    let host = hop.url.host_str().unwrap_or_default();
                    return Err(Error::Redirect(format!("\"{host}\" redirects more than {most} times")));
                }
                Some(next) => hop = next,
            }
            followed += 1;
        }
    }

    /// The request as it is sent first: headers that frame messages are ours, credentials in the address become a header.
    fn first_hop(&self, request: Request) -> Result<Hop, Error> {
        let Request { method, mut url, mut headers, body, .. } = request;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(Error::Invalid(format!("scheme {} is not allowed; use http or https", url.scheme())));
        }
        for name in FRAMING {
            headers.remove(name);
        }
        body.add_content_type(&mut headers)?;
        if !url.username().is_empty() || url.password().is_some() {
            if !headers.contains_key(header::AUTHORIZATION) {
                headers.insert(header::AUTHORIZATION, basic_authorization(&url)?);
            }
            // Neither can fail: the address has a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        let defaults = [
            (header::USER_AGENT, self.shared.config.user_agent.as_str()),
            (header::ACCEPT, "*/*"),
            (header::ACCEPT_ENCODING, "gzip, deflate, br"),
        ];
        for (name, value) in defaults {
            if !headers.contains_key(&name) {
                let value = HeaderValue::from_str(value).map_err(|_| {
                    Error::Invalid(format!("setting {name} has a character that headers must not have"))
                })?;
                headers.insert(name, value);
            }
        }
        Ok(Hop { method, url, headers, body })
    }

    async fn exchange(&self, hop: &Hop, insecure: bool, deadline: &Deadline) -> Result<Response, Error> {
        let config = &self.shared.config;
        let host = hop.url.host_str().unwrap_or_default();
        let mut url = hop.url.clone();
        url.set_fragment(None);
        let mut request = http::Request::builder()
            .method(hop.method.clone())
            .uri(url.as_str())
            .body(Full::new(hop.body.bytes.clone()))
            .map_err(|error| Error::Invalid(format!("the address at \"{host}\" cannot be sent: {error}")))?;
        *request.headers_mut() = hop.headers.clone();
        let answer = deadline.limit(host, self.pool(insecure).request(request)).await?;
        let (head, mut body) = answer.map_err(|error| explain(host, &error))?.into_parts();

        let too_large = |what| Error::TooLarge { host: host.to_owned(), what };
        let header_bytes: usize =
            head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if head.headers.len() > MAX_HEADERS || header_bytes > MAX_HEADER_BYTES {
            return Err(too_large(format!(
                "has more than {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes of them"
            )));
        }
        let refused = |refused| match refused {
            Refused::TooLarge(what) => too_large(what),
            Refused::Malformed(reason) => Error::Broken { host: host.to_owned(), reason },
        };
        let mut collector = Collector::new(&head.headers, config.max_response_bytes);
        let decodes = collector.decodes();
        let mut received = 0;
        while let Some(frame) = deadline.idle(config.idle_timeout).limit(host, body.frame()).await? {
            let frame = frame.map_err(|error| explain(host, &error))?;
            if let Some(piece) = frame.data_ref() {
                received += piece.len();
                collector.push(piece, received).map_err(refused)?;
            }
        }
        let body = if received == 0 { Bytes::new() } else { collector.finish().map_err(refused)? };
        let mut headers = head.headers;
        if decodes {
            headers.remove(header::CONTENT_ENCODING);
        }
        let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
        let status_text = match reason {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => head.status.canonical_reason().unwrap_or_default().to_owned(),
        };
        Ok(Response { status: head.status, status_text, headers, body, url: hop.url.clone() })
    }

    fn pool(&self, insecure: bool) -> &Pool {
        let slot = if insecure { &self.shared.unchecked } else { &self.shared.checked };
        slot.get_or_init(|| self.new_pool(insecure))
    }

    fn new_pool(&self, insecure: bool) -> Pool {
        let config = &self.shared.config;
        let connector = Connector {
            resolver: self.shared.resolver.clone(),
            trusted: Arc::new(config.trusted.clone()),
            limit: config.connect_timeout,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(insecure))
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(16)
            .http1_max_headers(MAX_HEADERS)
            .http1_max_buf_size(MAX_HEADER_BYTES)
            .http2_max_header_list_size(MAX_HEADER_BYTES as u32)
            .build(connector)
    }
}

/// Headers that say how a message is framed, which is the client's business.
const FRAMING: [header::HeaderName; 8] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// When an exchange must be over.
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// The same, but at most `idle` from now.
    fn idle(&self, idle: Duration) -> Deadline {
        let at = Instant::now() + idle;
        if at < self.at { Deadline { at, limit: idle } } else { Deadline { at: self.at, limit: self.limit } }
    }

    async fn limit<F: Future>(&self, host: &str, future: F) -> Result<F::Output, Error> {
        timeout_at(self.at, future)
            .await
            .map_err(|_| Error::TimedOut { host: host.to_owned(), limit: self.limit })
    }
}

fn basic_authorization(url: &Url) -> Result<HeaderValue, Error> {
    use base64::Engine as _;
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pair = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).expect("base64 is valid in a header");
    value.set_sensitive(true);
    Ok(value)
}

fn too_many_headers() -> String {
    format!("has more than {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes of them")
}

/// Finds the cause behind the layers of the library.
fn explain(host: &str, error: &(dyn StdError + 'static)) -> Error {
    let host = host.to_owned();
    let mut cause = Some(error);
    let mut connecting = false;
    while let Some(current) = cause {
        if let Some(ours) = current.downcast_ref::<Error>() {
            return ours.clone();
        }
        if let Some(error) = current.downcast_ref::<rustls::Error>() {
            return Error::Certificate { host, reason: error.to_string() };
        }
        if let Some(error) = current.downcast_ref::<hyper::Error>()
            && error.is_parse_too_large()
        {
            return Error::TooLarge { host, what: too_many_headers() };
        }
        if let Some(error) = current.downcast_ref::<legacy::Error>() {
            connecting |= error.is_connect();
        }
        let inner = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let reason = root.to_string();
    if connecting {
        Error::Unreachable { host, reason: Unreachable::Other(reason) }
    } else {
        Error::Broken { host, reason }
    }
}
