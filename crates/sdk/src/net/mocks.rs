//! Answers for tests, in place of the network.

mod matching;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use model::{Object, Value};
use serde::{Deserialize, Deserializer};
use url::Url;

use self::matching::{decoded, flatten, matches, pairs, sent, shown};
use super::Response;
use super::error::{Error, Unreachable};
use super::redirect::Hop;

/// The answers of a test. A client that has them opens no socket: the first mock that matches a request and is not used
/// up answers it, and a request that none matches fails with the mock that comes nearest.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Vec<Mock>")]
pub struct Mocks {
    shared: Arc<Mutex<Vec<Open>>>,
}

/// A mock and how often it may still answer.
struct Open {
    mock: Mock,
    left: u32,
}

/// One request that a test expects and the answer it gets. The field names are those of the test case format:
///
/// ```json
/// { "base": "https://api.example.com", "method": "POST", "path": "/users", "query": { "dry": "true" },
///   "requestBody": { "name": "Ada" }, "requestHeaders": { "authorization": "Bearer 1" },
///   "statusCode": 201, "responseBody": { "id": 7 }, "responseHeaders": { "x-page": "1" }, "times": 2 }
/// ```
///
/// Wherever a text is compared, `{"__regex": "/^\\d+$/i"}` stands for a pattern, and `{"__function": true}` for anything
/// at all. Unknown fields are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mock {
    /// Scheme, host and the beginning of the path.
    #[serde(default)]
    pub base: String,
    /// The method; `GET` when missing.
    #[serde(default = "get")]
    pub method: String,
    /// The rest of the path, with a query if it must have one; or a pattern for both.
    #[serde(default)]
    pub path: Value,
    /// The query: an object (a list stands for a repeated key), a text, or `true` for any. Without it the request must
    /// have exactly the query that `path` shows.
    #[serde(default)]
    pub query: Value,
    /// The body: a value is compared with the JSON or form that is sent, a text with the text. Without it any body will
    /// do.
    #[serde(default, deserialize_with = "present")]
    pub request_body: Option<Value>,
    /// Headers that the request must have; names in any case.
    #[serde(default)]
    pub request_headers: Object,
    /// The same under the name that nock has for it.
    #[serde(default)]
    pub scope_opts: ScopeOptions,
    /// The status of the answer; 200 when missing.
    #[serde(default)]
    pub status_code: Value,
    /// The body of the answer: an object or a list is sent as JSON, a text as it is, `null` as nothing,
    /// `{"__base64": "..."}` as bytes.
    #[serde(default)]
    pub response_body: Value,
    /// The headers of the answer.
    #[serde(default)]
    pub response_headers: Object,
    /// In place of an answer, how the network fails: a word such as `ECONNREFUSED`, or `{"code": "ECONNREFUSED"}`.
    #[serde(default)]
    pub network_error: Value,
    /// How often it answers; once when missing.
    #[serde(default)]
    pub times: Option<u32>,
    /// It answers any number of times.
    #[serde(default)]
    pub persist: bool,
}

/// Options that hold for all requests to one base.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ScopeOptions {
    /// Headers that a request must have.
    #[serde(default)]
    pub reqheaders: Object,
}

fn get() -> String {
    "GET".to_owned()
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl From<Vec<Mock>> for Mocks {
    fn from(mocks: Vec<Mock>) -> Self {
        let open = |mock: Mock| Open { left: mock.times.unwrap_or(1), mock };
        Self { shared: Arc::new(Mutex::new(mocks.into_iter().map(open).collect())) }
    }
}

impl Mocks {
    /// The answer to `hop`.
    pub(super) fn answer(&self, hop: &Hop) -> Result<Response, Error> {
        let mut mocks = self.shared.lock().expect("no thread panics while it holds the mocks");
        let mut nearest: Option<(usize, String)> = None;
        for open in mocks.iter_mut() {
            let mismatch = match open.mock.mismatch(hop) {
                None if open.left > 0 || open.mock.persist => {
                    open.left = open.left.saturating_sub(1);
                    return open.mock.respond(hop);
                }
                None => (Mismatch::Used, "it was used up".to_owned()),
                Some(mismatch) => mismatch,
            };
            let rank = mismatch.0 as usize;
            if nearest.as_ref().is_none_or(|(best, _)| rank > *best) {
                nearest = Some((rank, format!("{}: {}", open.mock.title(), mismatch.1)));
            }
        }
        let request = format!("{} {}", hop.method, hop.url);
        Err(Error::Mock(match nearest {
            Some((_, nearest)) => format!("no mock answers {request}; the nearest is {nearest}"),
            None => format!("no mock answers {request}: the test has none"),
        }))
    }
}

/// The first part of a request that is not as a mock wants it, farthest from a match first.
#[derive(Clone, Copy)]
enum Mismatch {
    Host,
    Path,
    Method,
    Query,
    Headers,
    Body,
    Used,
}

impl Mock {
    fn title(&self) -> String {
        let path = match self.path.get("__regex").unwrap_or(&self.path) {
            Value::String(path) => path.as_str(),
            _ => "/",
        };
        let query = match &self.query {
            Value::Null => String::new(),
            query => format!(" with query {}", query.to_json()),
        };
        format!("{} {}{path}{query}", self.method, self.base.trim_end_matches('/'))
    }

    /// The base as an address, and the path of requests that it leaves to `path`.
    fn below_base<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let base = Url::parse(&self.base).ok()?;
        let same = base.scheme() == url.scheme()
            && base.host_str() == url.host_str()
            && base.port_or_known_default() == url.port_or_known_default();
        let prefix = base.path().trim_end_matches('/');
        same.then(|| url.path().strip_prefix(prefix))?
    }

    fn mismatch(&self, hop: &Hop) -> Option<(Mismatch, String)> {
        let Some(path) = self.below_base(&hop.url) else {
            return Some((Mismatch::Host, "another base".to_owned()));
        };
        let pattern = self.path.get("__regex").is_some();
        let wanted = self.path.as_str().unwrap_or("/");
        let (wanted_path, wanted_query) = wanted.split_once('?').unwrap_or((wanted, ""));
        let path_matches = match hop.url.query() {
            _ if !pattern => decoded(wanted_path) == decoded(path),
            Some(query) if self.query.is_null() => {
                matches(&self.path, &Value::from(format!("{path}?{query}")))
            }
            _ => matches(&self.path, &Value::from(path)),
        };
        if !path_matches {
            return Some((Mismatch::Path, "another path".to_owned()));
        }
        if !self.method.eq_ignore_ascii_case(hop.method.as_str()) {
            return Some((Mismatch::Method, "another method".to_owned()));
        }
        let query_seen = pattern && self.query.is_null();
        if !query_seen && !self.query_matches(wanted_query, hop.url.query().unwrap_or_default()) {
            return Some((Mismatch::Query, "another query".to_owned()));
        }
        for (name, wanted) in self.request_headers.iter().chain(self.scope_opts.reqheaders.iter()) {
            let actual =
                hop.headers.get(name.as_str()).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let actual = actual.map_or(Value::Null, |text| Value::from(text.as_ref()));
            let wanted =
                if wanted.as_object().is_some() { wanted.clone() } else { Value::from(shown(wanted)) };
            if !matches(&wanted, &actual) {
                return Some((Mismatch::Headers, format!("header {name} is {}", actual.to_json())));
            }
        }
        let wanted = self.request_body.as_ref()?;
        let actual = sent(&hop.headers, &hop.body.bytes, wanted);
        if matches(wanted, &actual) {
            return None;
        }
        let start: String = actual.to_json().chars().take(300).collect();
        Some((Mismatch::Body, format!("the body sent is {start}")))
    }

    fn query_matches(&self, in_path: &str, actual: &str) -> bool {
        let mut wanted: Vec<(String, Value)> = pairs(in_path);
        match &self.query {
            Value::Null => {}
            Value::String(text) => wanted.extend(pairs(text)),
            Value::Object(object) if object.get("__function").is_none() => {
                object.iter().for_each(|(key, value)| flatten(key.to_string(), value, &mut wanted));
            }
            _ => return true,
        }
        let mut actual = pairs(actual);
        wanted.len() == actual.len()
            && wanted.iter().all(|(key, value)| {
                let found = actual.iter().position(|(name, text)| name == key && matches(value, text));
                found.map(|index| actual.swap_remove(index)).is_some()
            })
    }

    fn respond(&self, hop: &Hop) -> Result<Response, Error> {
        let host = || hop.url.host_str().unwrap_or_default().to_owned();
        if !self.network_error.is_null() {
            let code = self.network_error.get("code").unwrap_or(&self.network_error);
            return Err(network_error(host(), code.as_str().unwrap_or_default()));
        }
        let status = match &self.status_code {
            Value::Null => 200,
            Value::Number(status) => *status as u16,
            _ => {
                return Err(Error::Mock(format!(
                    "mock {} has no status, but code that a test cannot run",
                    self.title()
                )));
            }
        };
        let status = StatusCode::from_u16(status)
            .map_err(|_| Error::Mock(format!("mock {} has no valid status: {status}", self.title())))?;
        let mut headers = HeaderMap::new();
        let body = match &self.response_body {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(text.to_string()),
            value => match value.get("__base64").and_then(Value::as_str) {
                Some(text) => base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .map_err(|error| Error::Mock(format!("mock {}: {error}", self.title())))?
                    .into(),
                None => {
                    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                    value.to_json().into()
                }
            },
        };
        for (name, value) in self.response_headers.iter() {
            let values = value.as_array().unwrap_or(std::slice::from_ref(value));
            for (index, value) in values.iter().enumerate() {
                let pair = HeaderName::from_bytes(name.as_bytes())
                    .ok()
                    .zip(HeaderValue::from_str(&shown(value)).ok());
                let (name, value) = pair.ok_or_else(|| {
                    Error::Mock(format!(
                        "mock {} answers with header {name}, which is not valid",
                        self.title()
                    ))
                })?;
                if index == 0 {
                    headers.insert(name, value);
                } else {
                    headers.append(name, value);
                }
            }
        }
        let status_text = status.canonical_reason().unwrap_or_default().to_owned();
        Ok(Response { status, status_text, headers, body, url: hop.url.clone() })
    }
}

fn network_error(host: String, code: &str) -> Error {
    let reason = match code {
        "ECONNREFUSED" => Unreachable::Refused,
        "ENOTFOUND" | "EAI_AGAIN" => Unreachable::NotFound,
        "ETIMEDOUT" => Unreachable::TimedOut,
        "ECONNABORTED" => return Error::TimedOut { host, limit: std::time::Duration::ZERO },
        other => return Error::Broken { host, reason: other.to_owned() },
    };
    Error::Unreachable { host, reason }
}
