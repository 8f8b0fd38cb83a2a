//! Parameters become a request.

use sdk::net::{self, Method, Url};
use sdk::prelude::*;

use super::HttpRequest;
use super::auth::Auth;
use super::fields::Fields;
use crate::convert::to_text;
use crate::path::Path;

/// What a request sends along.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// A JSON value, or JSON text.
    Json {
        /// The value.
        value: Expr<Value>,
    },
    /// A JSON object made of fields.
    JsonFields {
        /// Its members.
        fields: Expr<Fields>,
        /// Whether a dotted name such as `user.name` makes objects within objects.
        #[serde(default)]
        nested: bool,
    },
    /// A form, as a browser sends it.
    Form {
        /// Its fields.
        fields: Expr<Fields>,
    },
    /// A form with files.
    Multipart {
        /// Fields and files in order.
        #[serde(default)]
        parts: Vec<Part>,
        /// More fields.
        #[serde(default)]
        fields: Expr<Fields>,
    },
    /// Text of any type.
    Text {
        /// Its content type, such as `application/xml`.
        content_type: Expr<Text>,
        /// The text.
        text: Expr<Text>,
    },
    /// A file of the item.
    File {
        /// The name of the file in the item.
        field: Expr<Text>,
    },
}

/// A part of a form with files: it has a value or names a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Its name.
    name: Expr<Text>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Expr<Value>>,
    /// The name of a file in the item, in place of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<Expr<Text>>,
}

/// How a list in a query is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lists {
    /// `a[]=1&a[]=2`
    #[default]
    Brackets,
    /// `a=1&a=2`
    Repeat,
    /// `a[0]=1&a[1]=2`
    Indices,
}

/// A request before credentials, open to changes between pages.
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Whether an answer gave the address: then the query it brings counts, not the fields of the same name.
    pub(super) url_from_answer: bool,
    pub(super) query: Object,
    pub(super) headers: Object,
    pub(super) body: DraftBody,
}

pub(super) enum DraftBody {
    None,
    Json(Value),
    Form(Object),
    Ready(net::Body),
}

impl Draft {
    /// The request of input item `index`.
    pub(super) fn new(node: &HttpRequest, ctx: &Context, index: usize) -> Result<Self, NodeError> {
        let address = node.url.eval(ctx, index)?;
        let request =
            net::Request::parse(&node.method.eval(ctx, index)?, &address).map_err(NodeError::from)?;
        let mut headers = Object::new();
        headers.insert("accept", node.response.accept());
        if let Some(user_agent) = &node.user_agent {
            headers.insert("user-agent", user_agent.as_str());
        }
        if let Some(header) = &node.idempotency_header {
            headers.insert(header.to_ascii_lowercase(), ctx.idempotency_key(index));
        }
        for (name, value) in node.headers.eval(ctx, index)?.pairs() {
            headers.insert(name.to_ascii_lowercase(), to_text(&value));
        }
        Ok(Self {
            method: request.method,
            url: request.url,
            url_from_answer: false,
            query: node.query.eval(ctx, index)?.pairs().into_iter().collect(),
            headers,
            body: node.body.draft(ctx, index)?,
        })
    }

    /// What expressions see as `$request`: no credentials.
    pub(super) fn to_value(&self) -> Value {
        let body = match &self.body {
            DraftBody::Json(value) => value.clone(),
            DraftBody::Form(fields) => Value::Object(fields.clone()),
            DraftBody::None | DraftBody::Ready(_) => Value::Null,
        };
        json!({
            "method": self.method.as_str(),
            "url": self.url.as_str(),
            "uri": self.url.as_str(),
            "qs": Value::Object(self.query.clone()),
            "headers": Value::Object(self.headers.clone()),
            "body": body,
        })
    }

    /// The request, with what `auth` adds.
    pub(super) fn request(&self, lists: Lists, auth: &Auth) -> Result<net::Request, NodeError> {
        auth.check(&self.url)?;
        let mut request = net::Request::new(self.method.clone(), self.url.clone());
        let mut pairs = Vec::new();
        let in_url = |name: &str| self.url_from_answer && self.url.query_pairs().any(|(key, _)| key == name);
        for (name, value) in self.query.iter().chain(auth.query.iter()).filter(|(name, _)| !in_url(name)) {
            flatten(name.to_string(), value, lists, &mut pairs);
        }
        if !pairs.is_empty() {
            request.url.query_pairs_mut().extend_pairs(&pairs);
        }
        for (name, value) in self.headers.iter() {
            request.header(name, &to_text(value))?;
        }
        for (name, value) in auth.headers.iter() {
            request.secret_header(name, &to_text(value))?;
        }
        request.body = match &self.body {
            DraftBody::None if auth.body.is_empty() => net::Body::default(),
            DraftBody::None => net::Body::json(&Value::Object(auth.body.clone())),
            DraftBody::Json(Value::Object(members)) if !auth.body.is_empty() => {
                net::Body::json(&Value::Object(merged(members, &auth.body)))
            }
            DraftBody::Json(value) => net::Body::json(value),
            DraftBody::Form(fields) => {
                let mut pairs = Vec::new();
                for (name, value) in merged(fields, &auth.body).iter() {
                    flatten(name.to_string(), value, Lists::Indices, &mut pairs);
                }
                net::Body::form(pairs)
            }
            DraftBody::Ready(body) => body.clone(),
        };
        Ok(request)
    }
}

fn merged(first: &Object, second: &Object) -> Object {
    let mut all = first.clone();
    for (name, value) in second.iter() {
        all.insert(name.clone(), value.clone());
    }
    all
}

impl Body {
    fn draft(&self, ctx: &Context, index: usize) -> Result<DraftBody, NodeError> {
        Ok(match self {
            Body::None => DraftBody::None,
            Body::Json { value } => DraftBody::Json(match value.eval(ctx, index)? {
                Value::String(text) => Value::from_json(&text).map_err(|error| {
                    NodeError::permanent(format!("the body is no valid JSON: {error}"))
                        .describe(text.to_string())
                })?,
                value => value,
            }),
            Body::JsonFields { fields, nested } => {
                let mut object = Object::new();
                for (name, value) in fields.eval(ctx, index)?.pairs() {
                    Path::new(&name, *nested).set(&mut object, Some(value))?;
                }
                DraftBody::Json(Value::Object(object))
            }
            Body::Form { fields } => DraftBody::Form(fields.eval(ctx, index)?.pairs().into_iter().collect()),
            Body::Multipart { parts, fields } => {
                let mut all = Vec::with_capacity(parts.len());
                for part in parts {
                    all.push(part.read(ctx, index)?);
                }
                for (name, value) in fields.eval(ctx, index)?.pairs() {
                    all.push(text_part(name, &value));
                }
                DraftBody::Ready(net::Body::multipart(&all))
            }
            Body::Text { content_type, text } => {
                let content_type = content_type.eval(ctx, index)?;
                let content_type = if content_type.is_empty() { "text/plain".into() } else { content_type };
                DraftBody::Ready(net::Body::bytes(content_type, text.eval(ctx, index)?.to_string()))
            }
            Body::File { field } => {
                let (file, bytes) = file(ctx, index, &field.eval(ctx, index)?)?;
                let content_type =
                    if file.mime_type.is_empty() { "application/octet-stream" } else { &file.mime_type };
                DraftBody::Ready(net::Body::bytes(content_type, bytes))
            }
        })
    }
}

impl Part {
    fn read(&self, ctx: &Context, index: usize) -> Result<net::Part, NodeError> {
        let name = self.name.eval(ctx, index)?;
        let Some(field) = &self.file else {
            let value = self.value.as_ref().map(|value| value.eval(ctx, index)).transpose()?;
            return Ok(text_part(name, &value.unwrap_or_default()));
        };
        let (file, bytes) = file(ctx, index, &field.eval(ctx, index)?)?;
        Ok(net::Part {
            name: name.into(),
            file_name: Some(file.file_name.as_deref().unwrap_or("file").to_owned()),
            content_type: Some(file.mime_type.to_string()),
            bytes: bytes.into(),
        })
    }
}

fn text_part(name: Text, value: &Value) -> net::Part {
    net::Part {
        name: name.into(),
        file_name: None,
        content_type: None,
        bytes: to_text(value).to_string().into(),
    }
}

/// A file of input item `index` and its bytes.
fn file<'a>(ctx: &'a Context, index: usize, field: &str) -> Result<(&'a model::Binary, Vec<u8>), NodeError> {
    let files = ctx.item(index).and_then(|item| item.binary.as_deref());
    let file = files.and_then(|files| files.get(field.trim())).ok_or_else(|| {
        NodeError::permanent(format!("the item has no file \"{field}\"; check the field name")).at_item(index)
    })?;
    match &file.blob {
        model::item::Blob::Inline(bytes) => Ok((file, bytes.to_vec())),
        model::item::Blob::Stored { .. } => {
            Err(NodeError::permanent(format!("file \"{field}\" is not at hand here")).at_item(index))
        }
    }
}

/// The pairs that a value in a query or form stands for.
fn flatten(name: String, value: &Value, lists: Lists, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let name = match lists {
                    Lists::Brackets => format!("{name}[]"),
                    Lists::Repeat => name.clone(),
                    Lists::Indices => format!("{name}[{index}]"),
                };
                flatten(name, value, lists, pairs);
            }
        }
        Value::Object(members) => {
            for (member, value) in members.iter() {
                flatten(format!("{name}[{member}]"), value, lists, pairs);
            }
        }
        value => pairs.push((name, to_text(value).into())),
    }
}
