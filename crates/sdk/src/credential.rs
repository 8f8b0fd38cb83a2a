//! Secrets that a step may use.

use model::{Object, Value};

use crate::context::NodeInfo;
use crate::error::NodeError;
use crate::node::BoxFuture;

/// A decrypted credential. It has no `Debug`, `Display` or `Serialize` on purpose: its fields go into a request and
/// nowhere else.
#[derive(Clone)]
pub struct Credential {
    kind: String,
    fields: Object,
}

impl Credential {
    /// A credential of type `kind` with these fields.
    pub fn new(kind: impl Into<String>, fields: Object) -> Self {
        Self { kind: kind.into(), fields }
    }

    /// The credential type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// A field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A text field; empty when it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.field(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Where credentials come from.
pub trait Credentials: Send + Sync {
    /// The credential of type `kind` that `node` names.
    fn find<'a>(&'a self, node: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>>;
}

/// Refuses every request for a credential.
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn find<'a>(&'a self, node: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        Box::pin(async move {
            Err(NodeError::permanent(format!(
                "node \"{}\" needs a credential of type {kind}; none is set",
                node.name
            )))
        })
    }
}
