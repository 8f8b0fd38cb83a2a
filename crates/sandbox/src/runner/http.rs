//! `this.helpers.httpRequest`, through the guarded client.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Object, Text, Value};
use sdk::Context;
use sdk::net::{Body, Request, Response};

use crate::request::{Answer, HostError};

/// Sends a request with the options of n8n's helper.
pub(super) async fn request(ctx: &Context, options: Value) -> Result<Answer, HostError> {
    let refused = |error: sdk::net::Error| HostError::new(error.to_string());
    let request = read_options(&options).map_err(refused)?;
    let response = ctx.services.http.send(request, &ctx.cancel).await.map_err(refused)?;
    let body = body(&response, options.get("encoding").and_then(Value::as_str) == Some("arraybuffer"));
    let status = response.status.as_u16();
    let is_wanted = |option: &str| options.get(option).is_some_and(|value| value == &Value::Bool(true));
    if status >= 400 && !is_wanted("ignoreHttpStatusErrors") && !is_wanted("simple") {
        let seen: Object = [
            ("status", Value::from(status)),
            ("headers", headers(&response)),
            ("data", body.clone()),
            ("body", body),
        ]
        .into_iter()
        .collect();
        let details = [
            ("httpCode", Value::from(status.to_string())),
            ("statusCode", status.into()),
            ("response", seen.into()),
        ];
        return Err(HostError {
            message: format!("Request failed with status code {status}"),
            details: details.into_iter().collect(),
        });
    }
    if !is_wanted("returnFullResponse") {
        return Ok(Answer::Value(body));
    }
    let full: Object = [
        ("body", body),
        ("headers", headers(&response)),
        ("statusCode", status.into()),
        ("statusMessage", response.status_text.clone().into()),
    ]
    .into_iter()
    .collect();
    Ok(Answer::Value(full.into()))
}

fn read_options(options: &Value) -> Result<Request, sdk::net::Error> {
    let text = |key: &str| options.get(key).and_then(Value::as_str);
    let url = text("url").unwrap_or_default();
    let address = match text("baseURL") {
        Some(base) if !url.contains("://") => {
            format!("{}/{}", base.trim_end_matches('/'), url.trim_start_matches('/'))
        }
        _ => url.to_owned(),
    };
    let mut request = Request::parse(text("method").unwrap_or("GET"), &address)?;
    if let Some(query) = options.get("qs").and_then(Value::as_object).filter(|query| !query.is_empty()) {
        let mut pairs = request.url.query_pairs_mut();
        for (key, value) in query.iter() {
            match value {
                Value::Array(values) => {
                    pairs.extend_pairs(values.iter().map(|value| (key.as_str(), shown(value))))
                }
                value => pairs.append_pair(key, &shown(value)),
            };
        }
    }
    if let Some(body) = options.get("body") {
        request = with_body(request, body, options);
    }
    for (name, value) in options.get("headers").and_then(Value::as_object).into_iter().flat_map(Object::iter)
    {
        request.header(name, &shown(value))?;
    }
    if let Some(auth) = options.get("auth") {
        let part = |key: &str| auth.get(key).and_then(Value::as_str).unwrap_or_default();
        let user = if part("username").is_empty() { part("user") } else { part("username") };
        let password = if part("password").is_empty() { part("pass") } else { part("password") };
        request.secret_header(
            "authorization",
            &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
        )?;
    }
    let timeout_ms = options.get("timeout").and_then(Value::as_f64);
    // What is no time, such as a number beyond all years, is no limit either.
    request.timeout = timeout_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
    if options.get("disableFollowRedirect") == Some(&Value::Bool(true)) {
        request.redirects = Some(0);
    }
    request.ignore_tls_errors = options.get("skipSslCertificateValidation") == Some(&Value::Bool(true));
    Ok(request)
}

fn with_body(request: Request, body: &Value, options: &Value) -> Request {
    let content_type = options
        .get("headers")
        .and_then(Value::as_object)
        .and_then(|headers| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")))
        .map(|(_, value)| shown(value));
    match body {
        Value::Null => request,
        Value::String(text) => request
            .with_body(Body::bytes(content_type.unwrap_or_else(|| "text/plain".into()), text.to_string())),
        // What a `Buffer` becomes in JSON.
        Value::Object(object) if object.get("type") == Some(&Value::from("Buffer")) => {
            let bytes = object.get("data").and_then(Value::as_array).unwrap_or_default();
            let bytes: Vec<u8> = bytes.iter().map(|byte| byte.as_f64().unwrap_or_default() as u8).collect();
            request.with_body(Body::bytes(
                content_type.unwrap_or_else(|| "application/octet-stream".into()),
                bytes,
            ))
        }
        Value::Object(object) if content_type.as_deref().is_some_and(|kind| kind.contains("urlencoded")) => {
            request.with_body(Body::form(object.iter().map(|(key, value)| (key.to_string(), shown(value)))))
        }
        other => request.with_body(Body::json(other)),
    }
}

/// JSON where the text is JSON, as n8n's helper gives it.
fn body(response: &Response, is_binary: bool) -> Value {
    if is_binary {
        return STANDARD.encode(&response.body).into();
    }
    let text = response.text();
    Value::from_json(&text).unwrap_or_else(|_| text.as_ref().into())
}

fn headers(response: &Response) -> Value {
    let headers = response.headers.iter();
    let headers = headers.map(|(name, value)| {
        (Text::from(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Value::Object(headers.collect())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_json(),
    }
}
