//! A client of the API for tests: one connection per request.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;

#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    pub key: Option<String>,
}

/// What the server answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks that this is a whole problem document with this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail", "instance"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        let id = self.header("x-request-id");
        assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
        problem
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

impl Client {
    pub fn new(address: SocketAddr, key: Option<String>) -> Self {
        Self { address, key }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, &[], None).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut all = headers.to_vec();
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            all.push((CONTENT_TYPE.as_str(), "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.raw(method, path, &all, body).await
    }

    pub async fn raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let (status, headers, body) = self.open(method, path, headers, body).await;
        let body = body.0.collect().await.expect("the body arrives").to_bytes();
        Answer { status: status.as_u16(), headers, body }
    }

    /// Sends a request and does not wait for the end of a stream.
    pub async fn head_of(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let (status, headers, body) = self.open(method, path, headers, Vec::new()).await;
        let is_stream = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body =
            if is_stream { Bytes::new() } else { body.0.collect().await.expect("it arrives").to_bytes() };
        Answer { status: status.as_u16(), headers, body }
    }

    /// Opens a stream of events.
    pub async fn events(&self, path: &str, last: Option<&str>) -> Events {
        let headers: Vec<_> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        let (status, headers, body) = self.open(Method::GET, path, &headers, Vec::new()).await;
        assert_eq!(status, 200);
        assert_eq!(headers[CONTENT_TYPE], "text/event-stream");
        body
    }

    #[allow(clippy::disallowed_types, reason = "a test calls its own server")]
    async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (StatusCode, HeaderMap, Events) {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("the server listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, "runnel.test");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, Events(body, String::new()))
    }
}

/// A stream of events.
pub struct Events(Incoming, String);

impl Events {
    /// The next event: its id, its kind and its data. Comments are passed over; `None` at the end.
    pub async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((block, rest)) = self.1.split_once("\n\n") {
                let block = block.to_owned();
                self.1 = rest.to_owned();
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_default().to_owned()
                };
                if block.lines().any(|line| line.starts_with("data")) {
                    let data = serde_json::from_str(&field("data")).expect("events hold JSON");
                    return Some((field("id"), field("event"), data));
                }
            }
            let frame = self.0.frame().await?.expect("the stream is not broken off");
            if let Ok(data) = frame.into_data() {
                self.1.push_str(std::str::from_utf8(&data).expect("events are text"));
            }
        }
    }
}
