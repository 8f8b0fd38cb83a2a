//! Answers for tests, in place of the network.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use model::{Object, Value};
use regex::Regex;
use serde::{Deserialize, Deserializer};
use url::{Url, form_urlencoded};

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

/// A value as queries, forms and headers write it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// The body of a request in the form that `wanted` is compared with.
fn sent(headers: &HeaderMap, body: &[u8], wanted: &Value) -> Value {
    let text = String::from_utf8_lossy(body);
    if wanted.as_str().is_some() {
        return Value::from(text.as_ref());
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Ok(value) = Value::from_json(&text) {
        return value;
    }
    if !content_type.contains("x-www-form-urlencoded") {
        return Value::from(text.as_ref());
    }
    let mut form = Object::new();
    for (key, value) in form_urlencoded::parse(body) {
        let value = Value::from(value.as_ref());
        let merged = match form.get(&key) {
            None => value,
            Some(Value::Array(values)) => Value::array(values.iter().cloned().chain([value])),
            Some(first) => Value::array([first.clone(), value]),
        };
        form.insert(key.as_ref(), merged);
    }
    Value::Object(form)
}

/// Whether `actual` is what `wanted` describes.
fn matches(wanted: &Value, actual: &Value) -> bool {
    match (wanted, actual) {
        (Value::Object(object), _) if object.get("__function").is_some() => true,
        (Value::Object(object), _) if object.get("__regex").is_some() => {
            let pattern = object.get("__regex").and_then(Value::as_str).and_then(pattern);
            let text = if actual.is_null() { None } else { Some(shown(actual)) };
            pattern.zip(text).is_some_and(|(pattern, text)| pattern.is_match(&text))
        }
        (Value::Object(wanted), Value::Object(actual)) => {
            wanted.len() == actual.len()
                && wanted
                    .iter()
                    .all(|(key, value)| actual.get(key).is_some_and(|actual| matches(value, actual)))
        }
        (Value::Array(wanted), Value::Array(actual)) => {
            wanted.len() == actual.len()
                && wanted.iter().zip(actual.iter()).all(|(wanted, actual)| matches(wanted, actual))
        }
        (Value::String(wanted), Value::String(actual)) => {
            wanted == actual || wanted.lines().collect::<String>() == actual.lines().collect::<String>()
        }
        // A form knows only text.
        (Value::Number(_) | Value::Bool(_), Value::String(actual)) => shown(wanted) == actual.as_str(),
        _ => wanted == actual,
    }
}

/// A JavaScript pattern such as `/a\/b/i`.
fn pattern(source: &str) -> Option<Regex> {
    let body = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (body, flags) = body.unwrap_or((source, ""));
    let flags: String = flags.chars().filter(|flag| "ims".contains(*flag)).collect();
    let prefix = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    Regex::new(&format!("{prefix}{body}")).ok()
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The pairs of a query. `a[]=1`, `a[0]=1` and `a=1` are the same.
fn pairs(query: &str) -> Vec<(String, Value)> {
    form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (element_of(&key).to_owned(), Value::from(value.as_ref())))
        .collect()
}

fn element_of(key: &str) -> &str {
    match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
        Some((list, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => list,
        _ => key,
    }
}

/// The pairs that a wanted query value stands for.
fn flatten(key: String, value: &Value, pairs: &mut Vec<(String, Value)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| flatten(key.clone(), value, pairs)),
        Value::Object(object) if object.get("__regex").is_none() && object.get("__function").is_none() => {
            object.iter().for_each(|(name, value)| flatten(format!("{key}[{name}]"), value, pairs));
        }
        Value::Object(_) => pairs.push((element_of(&key).to_owned(), value.clone())),
        Value::Null => pairs.push((element_of(&key).to_owned(), Value::from(""))),
        value => pairs.push((element_of(&key).to_owned(), Value::from(shown(value)))),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use model::json;

    use super::super::{Body, Client, Request};
    use super::*;

    fn mocks(mocks: Value) -> Mocks {
        mocks.parse().expect("the mocks are valid")
    }

    fn send(client: &Client, request: Request) -> Result<Response, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(client.send(request, &Default::default()))
    }

    fn get(client: &Client, url: &str) -> Result<Response, Error> {
        send(client, Request::parse("GET", url)?)
    }

    fn get_text(client: &Client, url: &str) -> String {
        match get(client, url) {
            Ok(response) => response.text(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn mocks_answer_in_order_once_or_as_often_as_they_say() {
        let client = Client::with_mocks(mocks(json!([
            { "base": "http://h.test", "path": "/a", "responseBody": "first" },
            { "base": "http://h.test", "path": "/a", "times": 2, "responseBody": "second" },
            { "base": "http://h.test/", "path": "/b", "persist": true, "responseBody": "always", "unknown": 1 },
        ])));
        let answers: Vec<_> = (0..4).map(|_| get_text(&client, "http://h.test/a")).collect();
        assert_eq!(answers[..3], ["first", "second", "second"]);
        assert!(answers[3].contains("used up"), "{}", answers[3]);
        for _ in 0..3 {
            assert_eq!(get_text(&client, "http://h.test/b"), "always");
        }
    }

    #[test]
    fn a_request_without_mock_fails_and_shows_the_nearest() {
        let client = Client::with_mocks(mocks(json!([
            { "base": "http://h.test", "path": "/a", "query": { "page": 1 } },
            { "base": "http://h.test", "path": "/b" },
        ])));
        let error = get(&client, "http://h.test/a?page=2").unwrap_err().to_string();
        assert_eq!(
            error,
            "no mock answers GET http://h.test/a?page=2; the nearest is GET http://h.test/a with query {\"page\":1}: another query"
        );
        let none = Client::with_mocks(Mocks::default());
        assert!(get(&none, "http://h.test/").unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn queries_are_compared_as_pairs_in_any_order() {
        for (query, url, expected) in [
            (json!({ "a": 1, "b": true }), "?b=true&a=1", true),
            (json!({ "a": 1 }), "?a=1&b=2", false),
            (json!({ "a": [1, 2] }), "?a=1&a=2", true),
            (json!({ "a": [1, 2] }), "?a[]=1&a[]=2", true),
            (json!({ "a[0]": "1" }), "?a%5B0%5D=1", true),
            (json!({ "a": { "b": "x y" } }), "?a[b]=x+y", true),
            (json!({ "a": { "__regex": "/^\\d+$/" } }), "?a=12", true),
            (json!({ "a": { "__regex": "/^\\d+$/" } }), "?a=x", false),
            (json!({ "__function": true }), "?anything=1", true),
            (json!(true), "?anything=1", true),
            (json!("a=1&b=2"), "?b=2&a=1", true),
            (Value::Null, "?a=1", false),
            (json!({}), "", true),
        ] {
            let mock = json!({ "base": "http://h.test", "path": "/", "query": query.clone() });
            let client = Client::with_mocks(mocks(Value::array([mock])));
            let answered = get(&client, &format!("http://h.test/{url}")).is_ok();
            assert_eq!(answered, expected, "{} against {url}", query.to_json());
        }
    }

    #[test]
    fn paths_may_carry_a_query_or_be_a_pattern() {
        for (base, path, url, expected) in [
            ("http://h.test/v1", json!("/a?x=1"), "http://h.test/v1/a?x=1", true),
            ("http://h.test/v1", json!("?location"), "http://h.test/v1?location=", true),
            ("http://h.test", json!("/a b"), "http://h.test/a%20b", true),
            ("http://h.test", json!({ "__regex": "/\\/users\\/\\d+/" }), "http://h.test/users/12", true),
            ("http://h.test", json!({ "__regex": "/\\/users\\/\\d+/" }), "http://h.test/users/x", false),
            ("http://h.test:8080", json!("/"), "http://h.test/", false),
            ("https://h.test", json!("/"), "http://h.test/", false),
        ] {
            let mock = json!({ "base": base, "path": path.clone() });
            let client = Client::with_mocks(mocks(Value::array([mock])));
            assert_eq!(get(&client, url).is_ok(), expected, "{base} {} against {url}", path.to_json());
        }
    }

    #[test]
    fn bodies_are_compared_as_json_form_or_text() {
        let form = Body::form([("a", "1"), ("b", "x y"), ("c", "1"), ("c", "2")]);
        for (wanted, body, expected) in [
            (json!({ "a": 1 }), Body::json(&json!({ "a": 1 })), true),
            (json!({ "a": 1 }), Body::json(&json!({ "a": 2 })), false),
            (json!({ "a": 1 }), Body::json(&json!({ "a": 1, "b": 2 })), false),
            (json!({ "a": 1, "b": "x y", "c": ["1", "2"] }), form, true),
            (json!("{\"a\":1}"), Body::json(&json!({ "a": 1 })), true),
            (json!({ "a": { "__regex": "/^x/" } }), Body::json(&json!({ "a": "xyz" })), true),
            (json!({ "__function": true }), Body::json(&json!([])), true),
        ] {
            let mock = json!({ "base": "http://h.test", "path": "/", "method": "POST", "requestBody": wanted.clone() });
            let client = Client::with_mocks(mocks(Value::array([mock])));
            let request = Request::new(Method::POST, "http://h.test/".parse().unwrap()).with_body(body);
            assert_eq!(send(&client, request).is_ok(), expected, "{}", wanted.to_json());
        }
    }

    #[test]
    fn headers_must_be_there_whatever_their_case() {
        for field in ["requestHeaders", "scopeOpts"] {
            let headers = json!({ "X-Key": "k", "user-agent": { "__regex": "/runnel/" } });
            let headers =
                if field == "scopeOpts" { json!({ "reqheaders": headers.clone() }) } else { headers };
            let mut mock =
                json!({ "base": "http://h.test", "path": "/", "persist": true }).as_object().unwrap().clone();
            mock.insert(field, headers);
            let client = Client::with_mocks(mocks(Value::array([Value::Object(mock)])));
            let mut request = Request::parse("GET", "http://h.test/").unwrap();
            assert!(send(&client, request.clone()).is_err(), "{field}");
            request.header("x-key", "k").unwrap();
            assert!(send(&client, request).is_ok(), "{field}");
        }
    }

    #[test]
    fn answers_are_json_text_bytes_nothing_or_a_broken_network() {
        let client = Client::with_mocks(mocks(json!([
            { "base": "http://h.test", "path": "/json", "statusCode": 201, "responseBody": { "a": 1 } },
            { "base": "http://h.test", "path": "/text", "responseBody": "t", "responseHeaders": { "Content-Type": "text/html", "x": ["1", "2"] } },
            { "base": "http://h.test", "path": "/bytes", "responseBody": { "__base64": "AAE=" } },
            { "base": "http://h.test", "path": "/nothing", "statusCode": 404, "responseBody": null },
            { "base": "http://h.test", "path": "/refused", "networkError": { "code": "ECONNREFUSED" } },
            { "base": "http://h.test", "path": "/code", "statusCode": { "__function": true } },
        ])));
        let json = get(&client, "http://h.test/json").unwrap();
        assert_eq!(
            (json.status.as_u16(), json.text().as_str(), json.content_type().as_str()),
            (201, "{\"a\":1}", "application/json")
        );
        let text = get(&client, "http://h.test/text").unwrap();
        assert_eq!(text.headers.get_all("x").iter().count(), 2);
        assert_eq!(text.content_type(), "text/html");
        assert_eq!(&get(&client, "http://h.test/bytes").unwrap().body[..], [0, 1]);
        let nothing = get(&client, "http://h.test/nothing").unwrap();
        assert_eq!(
            (nothing.status.as_u16(), nothing.body.len(), nothing.status_text.as_str()),
            (404, 0, "Not Found")
        );
        assert_eq!(get(&client, "http://h.test/refused").unwrap_err().code(), Some("ECONNREFUSED"));
        assert!(get(&client, "http://h.test/code").unwrap_err().to_string().contains("cannot run"));
    }

    #[test]
    fn redirects_are_followed_from_mock_to_mock() {
        let client = Client::with_mocks(mocks(json!([
            { "base": "http://h.test", "path": "/a", "statusCode": 302, "responseHeaders": { "location": "/b" } },
            { "base": "http://h.test", "path": "/b", "responseBody": "here" },
        ])));
        assert_eq!(get_text(&client, "http://h.test/a"), "here");
    }
}
