//! What callers are told: by the workflow, or in words of our own where it says nothing.

use std::sync::Arc;

use app::{App, addresses};
use axum::body::Body;
use bytes::Bytes;
use engine::{Answer, StartError};
use futures_util::stream;
use http::header::{
    self, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use model::ids::{ExecutionId, WorkspaceId};
use model::{Binary, Blob, ExecutionStatus, Item, Value, json};
use sdk::Context;
use sdk::trigger::call::{Respond, ResponseData};
use store::Store;

use super::refusal::{Refusal, Wording};
use super::route::Route;
use super::scope::Scope;

/// Where somebody who did not wait can see what became of an execution.
pub(super) struct Receipt<'a> {
    pub(super) app: &'a App,
    pub(super) workspace: WorkspaceId,
    pub(super) execution: ExecutionId,
    /// Whether an earlier call with the same key had started it.
    pub(super) duplicate: bool,
}

impl Receipt<'_> {
    /// Where to ask; made only for those who are told, because it is signed.
    fn status_url(&self) -> String {
        addresses::status_address(&self.app.key, &self.app.public_url, self.workspace, self.execution)
    }
}

/// The status and headers that the webhook gives its answers.
pub(super) struct Head {
    pub(super) status: Option<StatusCode>,
    headers: HeaderMap,
    /// The body of an immediate answer.
    body: Option<Value>,
    /// The field of the last node's item, or the name of its file.
    field: Option<String>,
    content_type: Option<String>,
}

impl Head {
    /// Works out what the webhook says about its answers; `scope` is there when expressions are.
    pub(super) fn of(route: &Route, scope: Option<&Context>) -> Result<Self, Refusal> {
        let mut head =
            Self { status: None, headers: HeaderMap::new(), body: None, field: None, content_type: None };
        for (name, value) in &route.headers {
            head.headers.append(name.clone(), value.clone());
        }
        let scope = Scope(scope);
        if route.is_computed {
            for header in route.spec.headers.iter().filter(|header| header.is_computed()) {
                add_header(&mut head.headers, &scope.get(&header.name)?, &scope.get(&header.value)?)?;
            }
        }
        match &route.spec.respond {
            Respond::Immediately { status, body, .. } => {
                head.status = status.as_ref().map(|code| status_of(scope.get(code)?)).transpose()?;
                head.body = body.as_ref().map(|body| scope.get(body)).transpose()?;
            }
            Respond::LastNode { status, field, content_type, .. } => {
                head.status = Some(status_of(scope.get(status)?)?);
                let text = |text: &Option<_>| text.as_ref().map(|text| scope.get(text)).transpose();
                head.field = text(field)?.filter(|field: &String| !field.is_empty());
                head.content_type = text(content_type)?.filter(|kind: &String| !kind.is_empty());
            }
            Respond::Node | Respond::Streaming => {}
        }
        Ok(head)
    }
}

/// The answer to a call whose execution was accepted and is not waited for.
pub(super) fn accepted(route: &Route, head: Head, receipt: &Receipt<'_>) -> Response<Body> {
    let no_body = matches!(route.spec.respond, Respond::Immediately { no_body: true, .. });
    let default = match route.wording {
        Wording::Native => StatusCode::ACCEPTED,
        Wording::N8n => StatusCode::OK,
    };
    let status = head.status.unwrap_or(default);
    let body = match head.body {
        _ if no_body => return finish(status, head.headers, Body::empty(), None),
        Some(Value::String(text)) if text.is_empty() => None,
        body => body.filter(|body| !body.is_null()),
    };
    match body {
        Some(body) => value(route.wording, status, head.headers, &body),
        None => receipt_body(route.wording, status, head.headers, receipt),
    }
}

/// The answer to a call that was to be answered by its execution, which takes longer than anybody waits, or was started
/// by an earlier call.
pub(super) fn pending(route: &Route, receipt: &Receipt<'_>) -> Response<Body> {
    receipt_body(Wording::Native, StatusCode::ACCEPTED, route.headers.iter().cloned().collect(), receipt)
}

fn receipt_body(
    wording: Wording,
    status: StatusCode,
    headers: HeaderMap,
    receipt: &Receipt<'_>,
) -> Response<Body> {
    let text = match wording {
        Wording::N8n => r#"{"message":"Workflow was started"}"#.to_owned(),
        Wording::Native => {
            let duplicate = if receipt.duplicate { r#","duplicate":true"# } else { "" };
            // An address is made of characters that JSON takes as they are.
            format!(
                r#"{{"execution_id":"{}","status_url":"{}"{duplicate}}}"#,
                receipt.execution,
                receipt.status_url()
            )
        }
    };
    finish(status, headers, Body::from(text), Some(json_type(wording)))
}

/// The answer that an execution gives.
pub(super) async fn outcome(
    route: &Route,
    store: &Store,
    head: Head,
    answer: Answer,
    receipt: &Receipt<'_>,
) -> Result<Response<Body>, Refusal> {
    let workspace = route.stored.workspace;
    match answer {
        Answer::Response(response) => respond_node(route, store, head.headers, &response).await,
        Answer::Refused(error) => Err(refused(&error)),
        Answer::Ended { status: ExecutionStatus::Completed, last, .. } => match &route.spec.respond {
            Respond::LastNode { data, .. } => {
                last_node(route.wording, (store, workspace), head, *data, &last).await
            }
            // Nobody answered although somebody was to.
            Respond::Node | Respond::Streaming | Respond::Immediately { .. } => {
                let status = match route.wording {
                    Wording::N8n => StatusCode::OK,
                    Wording::Native => StatusCode::NO_CONTENT,
                };
                Ok(finish(status, head.headers, Body::empty(), None))
            }
        },
        Answer::Ended { status, .. } => Ok(failed(route.wording, head.headers, status, receipt)),
    }
}

/// The answer to a call that ended a wait.
pub(super) fn resumed(wording: Wording, status: StatusCode, receipt: &Receipt<'_>) -> Response<Body> {
    receipt_body(wording, status, HeaderMap::new(), receipt)
}

/// The answer to somebody who asks how an execution stands.
pub(super) fn status(body: &Value) -> Response<Body> {
    let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
    value(Wording::Native, StatusCode::OK, headers, body)
}

/// The answer for an execution that did not complete. What went wrong is for those who may see the execution.
fn failed(
    wording: Wording,
    headers: HeaderMap,
    status: ExecutionStatus,
    receipt: &Receipt<'_>,
) -> Response<Body> {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    if wording == Wording::N8n {
        return value(wording, code, headers, &json!({ "message": "Error in workflow" }));
    }
    let (kind, title) = match status {
        ExecutionStatus::TimedOut => ("execution-timed-out", "The execution ran longer than allowed"),
        ExecutionStatus::Cancelled => ("execution-cancelled", "The execution was cancelled"),
        _ => ("execution-failed", "The execution failed"),
    };
    let body = json!({
        "type": (format!("urn:runnel:problem:{kind}")),
        "title": title,
        "status": 500,
        "detail": "see the execution for what happened",
        "execution_id": (receipt.execution.to_string()),
        "status_url": (receipt.status_url()),
    });
    finish(code, headers, Body::from(body.to_json()), Some("application/problem+json"))
}

/// Why nothing was started, for the caller.
pub(super) fn refused(error: &StartError) -> Refusal {
    use std::time::Duration;
    match error {
        StartError::NotFound(_) => Refusal::not_found(),
        StartError::Draining => {
            Refusal::unavailable("draining", "the server is about to end; try again", Duration::from_secs(1))
        }
        StartError::Storage(store::Error::Full) => Refusal::unavailable(
            "disk-full",
            "nothing can be kept at the moment; try again",
            Duration::from_secs(5),
        ),
        StartError::Storage(store::Error::Unavailable(_) | store::Error::Stale) => {
            let detail = "the database does not answer; try again";
            Refusal::unavailable("unavailable", detail, Duration::from_secs(2))
        }
        error => {
            tracing::error!(error = %error, source = ?std::error::Error::source(error), "a webhook could not start an execution");
            Refusal::internal("the execution could not be started")
        }
    }
}

async fn last_node(
    wording: Wording,
    at: (&Store, WorkspaceId),
    head: Head,
    data: ResponseData,
    items: &[Item],
) -> Result<Response<Body>, Refusal> {
    let status = head.status.unwrap_or(StatusCode::OK);
    match data {
        ResponseData::Nothing => Ok(finish(status, head.headers, Body::empty(), None)),
        ResponseData::AllItems => {
            let mut text = Vec::with_capacity(2 + items.len() * 64);
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                serde_json::to_writer(&mut text, &item.json).expect("data serialises into memory");
            }
            text.push(b']');
            Ok(finish(status, head.headers, Body::from(text), Some(json_type(wording))))
        }
        ResponseData::FirstItem => {
            let Some(item) = items.first() else {
                return match wording {
                    Wording::N8n => Err(Refusal::no_answer("No item to return was found")),
                    Wording::Native => Ok(finish(status, head.headers, Body::empty(), None)),
                };
            };
            let mut headers = head.headers;
            if let Some(kind) = &head.content_type {
                headers.insert(CONTENT_TYPE, header_value(kind)?);
            }
            match &head.field {
                None => {
                    let text = serde_json::to_vec(&item.json).expect("data serialises into memory");
                    Ok(finish(status, headers, Body::from(text), Some(json_type(wording))))
                }
                Some(field) => {
                    let found = at_path(item, field).cloned().unwrap_or_default();
                    Ok(value(wording, status, headers, &found))
                }
            }
        }
        ResponseData::FirstFile => {
            let Some(item) = items.first() else {
                return Err(Refusal::no_answer("No item was found to return"));
            };
            let Some(files) = &item.binary else {
                return Err(Refusal::no_answer("No binary data was found to return"));
            };
            let name = head.field.as_deref().unwrap_or("data");
            let Some(file) = files.get(name) else {
                let message = format!("The binary property '{name}' which should be returned does not exist");
                return Err(Refusal::no_answer(&message));
            };
            file_answer(at, status, head.headers, file).await
        }
    }
}

/// The member of an item at a dotted path.
fn at_path<'a>(item: &'a Item, path: &str) -> Option<&'a Value> {
    if let Some(whole) = item.json.get(path) {
        return Some(whole);
    }
    let mut parts = path.split('.');
    let first = item.json.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

async fn respond_node(
    route: &Route,
    store: &Store,
    mut headers: HeaderMap,
    response: &Value,
) -> Result<Response<Body>, Refusal> {
    let status = response.get("status").and_then(Value::as_f64).map_or(Ok(StatusCode::OK), status_of)?;
    for (name, value) in
        response.get("headers").and_then(Value::as_object).into_iter().flat_map(|headers| headers.iter())
    {
        let text = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
        add_header(&mut headers, name, &text)?;
    }
    if let Some(file) = response.get("file").filter(|file| !file.is_null()) {
        let file: Binary = file.parse().map_err(|_| Refusal::internal("the answer names no file"))?;
        return file_answer((store, route.stored.workspace), status, headers, &file).await;
    }
    match response.get("body") {
        None => Ok(finish(status, headers, Body::empty(), None)),
        Some(body) => Ok(value(route.wording, status, headers, body)),
    }
}

async fn file_answer(
    (store, workspace): (&Store, WorkspaceId),
    status: StatusCode,
    mut headers: HeaderMap,
    file: &Binary,
) -> Result<Response<Body>, Refusal> {
    let kind = HeaderValue::from_str(&file.mime_type);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.entry(CONTENT_TYPE).or_insert(kind);
    let body = match &file.blob {
        Blob::Inline(bytes) => Body::from(Bytes::from_owner(Shared(bytes.clone()))),
        Blob::Stored { sha256, .. } => {
            let address = from_hex(sha256).ok_or_else(|| Refusal::internal("the answer names no file"))?;
            let reader = store.blob(workspace, address).await.map_err(|error| {
                tracing::error!(%error, "the file of an answer cannot be read");
                Refusal::internal("the file of the answer cannot be read")
            })?;
            let pieces = stream::try_unfold(reader, |mut reader| async move {
                Ok::<_, store::Error>(reader.piece().await?.map(|piece| (piece, reader)))
            });
            Body::from_stream(pieces)
        }
    };
    Ok(finish(status, headers, body, None))
}

/// Bytes that an item shares with an answer.
struct Shared(Arc<[u8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// An answer that is a value: text as it is, everything else as JSON.
fn value(wording: Wording, status: StatusCode, headers: HeaderMap, body: &Value) -> Response<Body> {
    match body {
        Value::String(text) => {
            let kind = match wording {
                // What Express calls text.
                Wording::N8n => "text/html; charset=utf-8",
                Wording::Native => "text/plain; charset=utf-8",
            };
            finish(status, headers, Body::from(text.as_str().to_owned()), Some(kind))
        }
        other => {
            let text = serde_json::to_vec(other).expect("a value serialises into memory");
            finish(status, headers, Body::from(text), Some(json_type(wording)))
        }
    }
}

fn json_type(wording: Wording) -> &'static str {
    match wording {
        Wording::N8n => "application/json; charset=utf-8",
        Wording::Native => "application/json",
    }
}

/// Puts an answer together. What a browser could run as a page runs in a box without an origin: it reaches neither
/// cookies nor storage nor anything else of this site.
fn finish(status: StatusCode, headers: HeaderMap, body: Body, kind: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_data = headers.get(CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json")
            || kind.starts_with(b"application/problem+json")
            || kind.starts_with(b"text/plain")
    });
    if !is_data {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
    response
}

/// What a page of a workflow may do; above all it has no origin.
const SANDBOX: &str = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts \
                       allow-top-navigation-by-user-activation";

/// Headers that a workflow cannot set: those that speak for the whole site, those that make the message, and those that
/// other settings of the webhook make.
pub(super) fn is_forbidden_header(name: &HeaderName) -> bool {
    const FORBIDDEN: [HeaderName; 18] = [
        header::SET_COOKIE,
        HeaderName::from_static("set-cookie2"),
        header::STRICT_TRANSPORT_SECURITY,
        header::PUBLIC_KEY_PINS,
        header::ALT_SVC,
        HeaderName::from_static("clear-site-data"),
        HeaderName::from_static("service-worker-allowed"),
        HeaderName::from_static("origin-agent-cluster"),
        header::CONTENT_SECURITY_POLICY,
        header::X_CONTENT_TYPE_OPTIONS,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::UPGRADE,
        header::TRAILER,
        header::DATE,
    ];
    name.as_str().starts_with("access-control-") || FORBIDDEN.contains(name)
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let name: HeaderName =
        name.trim().parse().map_err(|_| Refusal::internal("a header of the answer has no valid name"))?;
    if !is_forbidden_header(&name) {
        // Browsers follow addresses with line breaks left out; nobody else should.
        let value = header_value(if name == LOCATION { value.trim() } else { value })?;
        headers.insert(name, value);
    }
    Ok(())
}

fn header_value(text: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|_| Refusal::internal("a header of the answer has a value that no header can have"))
}

fn status_of(status: f64) -> Result<StatusCode, Refusal> {
    let whole = if status.fract() == 0.0 && (200.0..=599.0).contains(&status) { status as u16 } else { 0 };
    StatusCode::from_u16(whole)
        .map_err(|_| Refusal::internal("the status of the answer is not between 200 and 599"))
}
