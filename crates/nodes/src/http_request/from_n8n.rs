//! What n8n's HTTP Request becomes.

use sdk::prelude::*;

use super::HttpRequest;
use crate::convert::truthy;

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.httpRequest",
    versions: &[1.0, 2.0, 3.0, 4.0, 4.1, 4.2, 4.3, 4.4],
    map: from_n8n,
}];

/// What n8n calls itself.
const USER_AGENT: &str = "n8n";

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(HttpRequest::KIND, json!({ "user_agent": USER_AGENT }));
    let native = native.set("url", node.get_or("url", ""));
    if node.version < 3.0 { before_3(node, native) } else { since_3(node, native) }
}

fn since_3(node: &N8nNode<'_>, native: Native) -> Result<Native, Unmapped> {
    let mut native = native.set("method", node.get_or("method", "GET"));
    if node.flag_or("provideSslCertificates", false) {
        return Err(unsupported("client certificates are not supported yet"));
    }
    native = with_credential(node, native)?;
    if node.flag_or("sendQuery", false) {
        native = native.set("query", fields(node, "specifyQuery", "queryParameters.parameters", "jsonQuery"));
        let lists = node.text_or("options.queryParameterArrays", "brackets");
        native = native.set("query_lists", choice(lists, &["brackets", "repeat", "indices"])?);
    }
    if node.flag_or("sendHeaders", false) {
        let headers = fields(node, "specifyHeaders", "headerParameters.parameters", "jsonHeaders");
        native = native.set("headers", headers);
        if !node.flag_or("options.lowercaseHeaders", true) {
            native = native.changed("names of headers are sent in lower case");
        }
    }
    if node.flag_or("sendBody", false) {
        native = native.set("body", body_since_3(node)?);
    }
    let format = node.text_or("options.response.response.responseFormat", "autodetect");
    native = native.set(
        "response",
        json!({
            "format": choice(if format == "autodetect" { "auto" } else { format }, &["auto", "json", "text", "file"])?,
            "field": node.get_or("options.response.response.outputPropertyName", "data"),
            "full": node.flag_or("options.response.response.fullResponse", false),
            "never_error": node.flag_or("options.response.response.neverError", false),
        }),
    );
    // Since version 4 redirects are followed unless somebody turns that off; before, only when somebody turns it on.
    let follows = match node.get("options.redirect.redirect") {
        Some(redirect) => redirect.get("followRedirects").map_or(node.version >= 4.0, truthy),
        None => node.version >= 4.0,
    };
    let follow = if follows { "all" } else { "none" };
    let max = node.get_or("options.redirect.redirect.maxRedirects", 21);
    native = native.set("redirects", json!({ "follow": follow, "max": max }));
    if let Some(Value::Object(batch)) = node.get("options.batching.batch") {
        let size = batch.get("batchSize").cloned().unwrap_or_else(|| 50.into());
        let pause = batch.get("batchInterval").cloned().unwrap_or_else(|| 1000.into());
        native = with_batch(native, size, pause);
    }
    if let Some(pagination) = node.get("options.pagination.pagination") {
        native = with_pagination(pagination, native)?;
    }
    if node.flag_or("options.sendCredentialsOnCrossOriginRedirect", false) {
        native = native
            .changed("credentials stay with the host they were meant for, also when it redirects to another");
    }
    Ok(with_common_options(node, native, 300_000))
}

fn before_3(node: &N8nNode<'_>, native: Native) -> Result<Native, Unmapped> {
    let method = node.text_or("requestMethod", "GET");
    let json = node.flag_or("jsonParameters", false);
    let read = |text: &str, pairs: &str| {
        if json { node.get_or(text, "") } else { pairs_of(&node.entries(pairs)) }
    };
    let mut native = native
        .set("method", method)
        .set("query", read("queryParametersJson", "queryParametersUi.parameter"))
        .set("headers", read("headerParametersJson", "headerParametersUi.parameter"));
    native = with_credential(node, native)?;
    if node.flag_or("options.useQueryString", false) {
        native = native.set("query_lists", "repeat");
    }
    if matches!(method, "PATCH" | "POST" | "PUT" | "DELETE") || method.starts_with('=') {
        native = native.set("body", body_before_3(node, json)?);
    }
    let format = match node.text_or("responseFormat", "json") {
        "string" => "text",
        other => other,
    };
    native = native.set(
        "response",
        json!({
            "format": choice(format, &["json", "text", "file"])?,
            "field": node.get_or("dataPropertyName", "data"),
            "full": node.flag_or("options.fullResponse", false),
            "never_error": node.flag_or("options.ignoreResponseCode", false),
            "split": node.flag_or("options.splitIntoItems", false),
        }),
    );
    let follow = match (
        node.flag_or("options.followAllRedirects", false),
        node.flag_or("options.followRedirect", true),
    ) {
        (true, _) => "all",
        (false, true) => "safe",
        (false, false) => "none",
    };
    native = native.set("redirects", json!({ "follow": follow }));
    if let (Some(size), Some(pause)) = (node.get("options.batchSize"), node.get("options.batchInterval")) {
        native = with_batch(native, size.clone(), pause.clone());
    }
    Ok(with_common_options(node, native, 3_600_000))
}

fn with_common_options(node: &N8nNode<'_>, mut native: Native, timeout_ms: usize) -> Native {
    native = native.set("timeout_ms", node.get_or("options.timeout", timeout_ms));
    let insecure = ["allowUnauthorizedCerts", "options.allowUnauthorizedCerts"];
    if insecure.iter().any(|path| node.flag_or(path, false)) {
        native = native
            .set("ignore_tls_errors", true)
            .changed("certificates are checked unless the settings of this instance allow otherwise");
    }
    if !node.text_or("options.proxy", "").is_empty() {
        native = native.changed("requests do not go through the proxy");
    }
    native
}

fn with_credential(node: &N8nNode<'_>, native: Native) -> Result<Native, Unmapped> {
    let kind = match node.text_or("authentication", "none") {
        "none" | "" => return Ok(native),
        "predefinedCredentialType" => node.text_or("nodeCredentialType", ""),
        "genericCredentialType" => node.text_or("genericAuthType", ""),
        "basicAuth" => "httpBasicAuth",
        "digestAuth" => "httpDigestAuth",
        "headerAuth" => "httpHeaderAuth",
        "queryAuth" => "httpQueryAuth",
        "oAuth1" => "oAuth1Api",
        "oAuth2" => "oAuth2Api",
        other => return Err(unsupported(format!("authentication \"{other}\" is not known"))),
    };
    // Without a type n8n sends the request as it is.
    if kind.is_empty() { Ok(native) } else { Ok(native.set("credential", kind)) }
}

fn with_batch(native: Native, size: Value, pause_ms: Value) -> Native {
    match size.as_f64() {
        Some(size) if size < 0.0 => native,
        Some(size) => native.set("batch", json!({ "size": size.max(1.0), "pause_ms": pause_ms })),
        None => native.set("batch", json!({ "size": size, "pause_ms": pause_ms })),
    }
}

fn body_since_3(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    let pairs = || pairs_of(&node.entries("bodyParameters.parameters"));
    let specify = node.text_or("specifyBody", "keypair");
    Ok(match node.text_or("contentType", "json") {
        "json" if specify == "json" => json!({ "kind": "json", "value": node.get_or("jsonBody", "") }),
        // Since version 4 a dot in a name makes an object within the body.
        "json" => json!({ "kind": "json_fields", "fields": pairs(), "nested": node.version >= 4.0 }),
        "form-urlencoded" if specify == "string" => {
            text_body("application/x-www-form-urlencoded".into(), node.get_or("body", ""))
        }
        "form-urlencoded" => json!({ "kind": "form", "fields": pairs() }),
        "multipart-form-data" => {
            let parts = node.entries("bodyParameters.parameters");
            json!({ "kind": "multipart", "parts": Value::array(parts.iter().map(part)) })
        }
        "raw" => text_body(node.get_or("rawContentType", ""), node.get_or("body", "")),
        "binaryData" => json!({ "kind": "file", "field": node.get_or("inputDataFieldName", "") }),
        other => return Err(unsupported(format!("content type \"{other}\" is not known"))),
    })
}

fn body_before_3(node: &N8nNode<'_>, json: bool) -> Result<Value, Unmapped> {
    let content_type = node.text_or("options.bodyContentType", "json");
    let fields = if json {
        node.get_or("bodyParametersJson", "")
    } else {
        pairs_of(&node.entries("bodyParametersUi.parameter"))
    };
    if json && node.flag_or("sendBinaryData", false) {
        let files = node.text_or("binaryPropertyName", "data");
        if content_type != "multipart-form-data" {
            return Ok(json!({ "kind": "file", "field": files }));
        }
        // `name:file`, or just `file`, with commas between them.
        let parts = files.split(',').map(|entry| {
            let (name, file) = entry.split_once(':').unwrap_or((entry, entry));
            json!({ "name": name.trim(), "file": file.trim() })
        });
        return Ok(json!({ "kind": "multipart", "parts": Value::array(parts), "fields": fields }));
    }
    let empty = match &fields {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    };
    Ok(match content_type {
        "raw" => text_body(node.get_or("options.bodyContentCustomMimeType", ""), fields),
        _ if empty => json!({ "kind": "none" }),
        "json" if json => json!({ "kind": "json", "value": fields }),
        "json" => json!({ "kind": "json_fields", "fields": fields }),
        "form-urlencoded" => json!({ "kind": "form", "fields": fields }),
        "multipart-form-data" => json!({ "kind": "multipart", "fields": fields }),
        other => return Err(unsupported(format!("body content type \"{other}\" is not known"))),
    })
}

fn text_body(content_type: Value, text: Value) -> Value {
    json!({ "kind": "text", "content_type": content_type, "text": text })
}

fn part(entry: &Value) -> Value {
    let get = |key: &str| entry.get(key).cloned().unwrap_or_else(|| "".into());
    match entry.get("parameterType").and_then(Value::as_str) {
        Some("formBinaryData") => json!({ "name": get("name"), "file": get("inputDataFieldName") }),
        _ => json!({ "name": get("name"), "value": get("value") }),
    }
}

/// Fields as names with values, or as JSON text.
fn fields(node: &N8nNode<'_>, specify: &str, pairs: &str, text: &str) -> Value {
    match node.text_or(specify, "keypair") {
        "json" => node.get_or(text, ""),
        _ => pairs_of(&node.entries(pairs)),
    }
}

fn pairs_of(entries: &[Value]) -> Value {
    let get = |entry: &Value, key: &str| entry.get(key).cloned().unwrap_or_else(|| "".into());
    let named =
        entries.iter().filter(|entry| entry.get("name").is_some_and(|name| name.as_str() != Some("")));
    Value::array(named.map(|entry| json!({ "name": get(entry, "name"), "value": get(entry, "value") })))
}

fn with_pagination(pagination: &Value, native: Native) -> Result<Native, Unmapped> {
    let get = |key: &str, default: Value| pagination.get(key).cloned().unwrap_or(default);
    let text =
        |key: &str, default: &'static str| pagination.get(key).and_then(Value::as_str).unwrap_or(default);
    let next = match text("paginationMode", "updateAParameterInEachRequest") {
        "off" => return Ok(native),
        "responseContainsNextURL" => json!({ "mode": "url", "url": get("nextURL", "".into()) }),
        "updateAParameterInEachRequest" => {
            let values = pagination.get("parameters").and_then(|parameters| parameters.get("parameters"));
            let values = values.and_then(Value::as_array).unwrap_or_default();
            let change = |entry: &Value| {
                let place = match entry.get("type").and_then(Value::as_str).unwrap_or("qs") {
                    "qs" => "query",
                    "headers" => "header",
                    "body" => "body",
                    other => return Err(unsupported(format!("pagination of \"{other}\" is not known"))),
                };
                let get = |key: &str| entry.get(key).cloned().unwrap_or_else(|| "".into());
                Ok(json!({ "place": place, "name": get("name"), "value": get("value") }))
            };
            let values = values.iter().map(change).collect::<Result<Vec<_>, _>>()?;
            json!({ "mode": "change", "values": values })
        }
        other => return Err(unsupported(format!("pagination mode \"{other}\" is not known"))),
    };
    let until = match text("paginationCompleteWhen", "responseIsEmpty") {
        "responseIsEmpty" => json!({ "when": "empty" }),
        "receiveSpecificStatusCodes" => {
            json!({ "when": "status", "codes": get("statusCodesWhenComplete", "".into()) })
        }
        "other" => json!({ "when": "expression", "complete": get("completeExpression", "".into()) }),
        other => return Err(unsupported(format!("pagination that ends when \"{other}\" is not known"))),
    };
    let mut pages = json!({ "next": next, "until": until, "pause_ms": get("requestInterval", 0.into()) });
    if let (Value::Object(pages), Some(true)) = (&mut pages, pagination.get("limitPagesFetched").map(truthy))
    {
        pages.insert("max_pages", get("maxRequests", 100.into()));
    }
    Ok(native.set("pagination", pages))
}

/// `value` when it is one of `known`.
fn choice<'a>(value: &'a str, known: &[&str]) -> Result<&'a str, Unmapped> {
    match known.contains(&value) {
        true => Ok(value),
        false => Err(unsupported(format!("\"{value}\" is not one of {}", known.join(", ")))),
    }
}

fn unsupported(reason: impl Into<String>) -> Unmapped {
    Unmapped::UnsupportedParameters(reason.into())
}
