//! Answers become items and errors.

use std::sync::Arc;

use model::item::{Binaries, Binary, Blob};
use sdk::error::ErrorKind;
use sdk::net::{self, HeaderMap, Response, StatusCode};
use sdk::prelude::*;

/// What to make of an answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answer {
    /// What the body is.
    format: Format,
    /// Where text or a file goes.
    field: Expr<Text>,
    /// Give `{body, headers, statusCode, statusMessage}` in place of the body.
    full: bool,
    /// Take every status for a success.
    never_error: bool,
    /// Make one item of each element of a list.
    split: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            field: Expr::from(Text::from("data")),
            full: false,
            never_error: false,
            split: true,
        }
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// What its content type says.
    #[default]
    Auto,
    /// JSON.
    Json,
    /// Text.
    Text,
    /// A file.
    File,
}

/// Content types that are files, by their beginning.
const FILES: [&str; 24] = [
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/octet-stream",
    "application/pdf",
    "application/gzip",
    "application/zip",
    "application/rtf",
    "application/msword",
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.rar",
    "application/vnd.ms-",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-",
    "application/vnd.amazon.ebook",
    "application/vnd.visio",
    "application/x-7z-compressed",
    "application/x-bzip",
    "application/x-freearc",
    "application/x-tar",
    "application/x-gzip",
    "application/x-zip",
];

impl Answer {
    /// Whether an answer with this status is a success.
    pub(super) fn accepts(&self, status: StatusCode) -> bool {
        self.never_error || status.is_success()
    }

    /// What servers should send, in case they can choose.
    pub(super) fn accept(&self) -> &'static str {
        match self.format {
            Format::Json => "application/json, text/*;q=0.9",
            Format::Auto => {
                "application/json, text/html, application/xml, text/*;q=0.9, image/*;q=0.8, */*;q=0.7"
            }
            Format::Text => "application/json, text/html, application/xml, text/*;q=0.9, */*;q=0.1",
            Format::File => "*/*",
        }
    }

    /// Adds the items of `response`, which stem from input item `index`.
    pub(super) fn read(
        &self,
        ctx: &Context,
        index: usize,
        response: &Response,
        items: &mut Vec<Item>,
    ) -> Result<(), NodeError> {
        let format = match self.format {
            Format::Auto => detect(response),
            format => format,
        };
        let mut full = Object::new();
        if self.full {
            full.insert("headers", headers(&response.headers));
            full.insert("statusCode", response.status.as_u16());
            full.insert("statusMessage", response.status_text.as_str());
        }
        match format {
            Format::File => {
                let field = self.field.eval(ctx, index)?;
                let mut files =
                    ctx.item(index).and_then(|item| item.binary.as_deref()).cloned().unwrap_or_default();
                files.insert(field, file(response));
                items.push(
                    Item { binary: Some(Arc::<Binaries>::new(files)), ..Item::new(full) }.from_item(index),
                );
            }
            Format::Text => {
                full.insert(self.field.eval(ctx, index)?, response.text().as_ref());
                items.push(Item::new(full).from_item(index));
            }
            Format::Json | Format::Auto => match self.parse(response)? {
                body if self.full => {
                    full.insert("body", body);
                    items.push(Item::new(full).from_item(index));
                }
                Value::Array(elements) if self.split => {
                    items.extend(elements.iter().map(|element| Item::new(object(element)).from_item(index)));
                }
                body => items.push(Item::new(object(&body)).from_item(index)),
            },
        }
        Ok(())
    }

    /// The body as JSON. An empty one is an empty object.
    fn parse(&self, response: &Response) -> Result<Value, NodeError> {
        let text = response.text();
        if text.trim().is_empty() {
            return Ok(json!({}));
        }
        match Value::from_json(&text) {
            Ok(value) => Ok(value),
            Err(_) if self.never_error && self.format == Format::Auto => Ok(json!({})),
            Err(_) if self.format == Format::Auto => {
                Err(NodeError::permanent("Invalid JSON in response body"))
            }
            Err(_) => Err(NodeError::permanent(
                "Response body is not valid JSON. Change \"Response Format\" to \"Text\"",
            )),
        }
    }
}

/// What expressions see as `$response`.
pub(super) fn to_value(response: &Response) -> Value {
    let text = response.text();
    let body = match detect(response) {
        Format::Json => Value::from_json(&text).unwrap_or_else(|_| json!({})),
        _ => Value::from(text.as_ref()),
    };
    json!({
        "body": body,
        "headers": headers(&response.headers),
        "statusCode": response.status.as_u16(),
    })
}

fn detect(response: &Response) -> Format {
    let content_type = response.content_type();
    if content_type == "application/json" {
        Format::Json
    } else if FILES.iter().any(|file| content_type.starts_with(file)) {
        Format::File
    } else {
        Format::Text
    }
}

/// Data of an item: objects as they are, the elements of a list by index, anything else as `data`.
fn object(value: &Value) -> Object {
    match value {
        Value::Object(object) => object.clone(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, element)| (index.to_string(), element.clone())).collect()
        }
        other => [("data", other.clone())].into_iter().collect(),
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let mut object = Object::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let mut values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let value = match name.as_str() {
            "set-cookie" => Value::array(values.map(Value::from)),
            _ => {
                let first = values.next().unwrap_or_default();
                Value::from(values.fold(first, |all, next| format!("{all}, {next}")))
            }
        };
        object.insert(name.as_str(), value);
    }
    Value::Object(object)
}

fn file(response: &Response) -> Binary {
    let content_type = response.content_type();
    let in_path = response.url.path_segments().and_then(|mut segments| segments.next_back());
    let in_path = in_path.filter(|name| name.contains('.')).map(str::to_owned);
    let name = response.header("content-disposition").and_then(file_name).or(in_path);
    let extension =
        name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.into());
    Binary {
        mime_type: if content_type.is_empty() {
            "application/octet-stream".into()
        } else {
            content_type.into()
        },
        file_name: name.as_deref().map(Text::from),
        file_extension: extension,
        directory: None,
        blob: Blob::Inline(Arc::from(&response.body[..])),
    }
}

/// The file name in a `content-disposition` header, without folders.
fn file_name(header: &str) -> Option<String> {
    let parameter = |wanted: &str| {
        header.split(';').skip(1).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    let extended =
        parameter("filename*").and_then(|value| value.rsplit_once('\'').map(|(_, name)| name.to_owned()));
    let name = extended.or_else(|| parameter("filename"))?;
    let name = name.rsplit(['/', '\\']).next()?;
    (!name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
}

/// The error that an answer with such a status is.
pub(super) fn failure(response: &Response) -> NodeError {
    let status = response.status.as_u16();
    let message = match status {
        400 => "Bad request - please check your parameters",
        401 => "Authorization failed - please check your credentials",
        402 => "Payment required - perhaps check your payment details?",
        403 => "Forbidden - perhaps check your credentials?",
        404 => "The resource you are requesting could not be found",
        405 => "Method not allowed - please check you are using the right HTTP method",
        429 => "The service is receiving too many requests from you",
        500 => "The service was not able to process your request",
        502 => "Bad gateway - the service failed to handle your request",
        503 => {
            "Service unavailable - try again later or consider setting this node to retry automatically (in the node settings)"
        }
        504 => "Gateway timed out - perhaps try again later?",
        _ if status < 400 => "The service answered with a redirect that is not followed",
        _ if status < 500 => "Your request is invalid or could not be processed by the service",
        _ => "The service failed to process your request",
    };
    let transient = matches!(status, 408 | 425 | 429 | 500..);
    let error = if transient { NodeError::transient(message) } else { NodeError::permanent(message) };
    let text = response.text();
    let code = if status >= 500 { "ERR_BAD_RESPONSE" } else { "ERR_BAD_REQUEST" };
    let facts = json!({
        "message": format!("{status} - {}", Value::from(text.as_ref()).to_json()),
        "name": "AxiosError",
        "code": code,
        "status": status,
    });
    error.describe(explanation(&text)).details(facts)
}

/// What a service says about a failure.
fn explanation(text: &str) -> String {
    const KEYS: [&str; 8] =
        ["message", "error_description", "error", "detail", "description", "reason", "title", "errors"];
    fn find(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => Some(text),
            Value::Array(values) => values.iter().find_map(find),
            Value::Object(object) => KEYS.iter().find_map(|key| object.get(key).and_then(find)),
            _ => None,
        }
    }
    let value = Value::from_json(text).unwrap_or_default();
    find(&value).unwrap_or(text).chars().take(2000).collect()
}

/// The error that an exchange without an answer is.
pub(super) fn unanswered(error: net::Error) -> NodeError {
    let Some(code) = error.code() else { return error.into() };
    let message = match code {
        "ECONNREFUSED" => "The service refused the connection - perhaps it is offline",
        "ENOTFOUND" => {
            "The connection cannot be established, this usually occurs due to an incorrect host (domain) value"
        }
        "ETIMEDOUT" => {
            "The connection timed out, consider setting the 'Retry on Fail' option in the node settings"
        }
        "ECONNABORTED" => "The connection was aborted, perhaps the server is offline",
        _ => {
            "The connection to the server was closed unexpectedly, perhaps it is offline. You can retry the request immediately or wait and retry later."
        }
    };
    let details = error.to_string();
    NodeError::transient(message)
        .describe(details.clone())
        .details(json!({ "message": details, "name": "AxiosError", "code": code }))
}

/// The item that stands for a failed one: its `error` holds the facts, as n8n's does.
pub(super) fn failed_item(ctx: &Context, index: usize, error: NodeError) -> Result<Item, NodeError> {
    let facts = error.details.as_deref().cloned().filter(|_| error.kind != ErrorKind::Cancelled);
    let mut item = ctx.error_item(index, error)?;
    if let Some(facts) = facts {
        item.json.insert("error", facts);
    }
    Ok(item)
}
