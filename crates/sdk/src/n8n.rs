//! How n8n's nodes map to ours: a pure function from (type, version, parameters) to a native node, kept beside the
//! node it maps to.

use model::{Object, Value};

use crate::node::Kind;

/// An n8n node to be mapped.
#[derive(Clone, Copy, Debug)]
pub struct N8nNode<'a> {
    /// Such as `n8n-nodes-base.set`.
    pub kind: &'a str,
    /// `typeVersion`; 1 when missing.
    pub version: f64,
    /// Its parameters; only those that differ from their defaults are there.
    pub parameters: &'a Object,
    /// Its `webhookId`, when it has one.
    pub webhook_id: Option<&'a str>,
}

/// A mapping of one n8n node type.
#[derive(Debug)]
pub struct N8nMapping {
    /// Such as `n8n-nodes-base.set`.
    pub kind: &'static str,
    /// Every `typeVersion` it covers.
    pub versions: &'static [f64],
    /// What the node becomes.
    pub map: fn(&N8nNode<'_>) -> Result<Native, Unmapped>,
}

/// A native node, as mapped.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// Its type.
    pub kind: Kind,
    /// Its parameters.
    pub parameters: Object,
    /// What behaves differently from n8n, for the import report.
    pub changes: Vec<String>,
}

impl Native {
    /// A node of type `kind` with these parameters (a JSON object).
    pub fn new(kind: Kind, parameters: Value) -> Self {
        let parameters = match parameters {
            Value::Object(object) => object,
            other => unreachable!("parameters are an object, not {}", other.type_name()),
        };
        Self { kind, parameters, changes: Vec::new() }
    }

    /// The same with parameter `name`.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name, value);
        self
    }

    /// Reports something that behaves differently from n8n.
    pub fn changed(mut self, what: impl Into<String>) -> Self {
        self.changes.push(what.into());
        self
    }
}

/// Why an n8n node has no native form.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unmapped {
    /// No mapping for the type.
    #[error("node type is not supported")]
    UnknownType,
    /// No mapping for this version of the type.
    #[error("type version {0} is not supported")]
    UnknownVersion(f64),
    /// The type is known, but not with these parameters.
    #[error("{0}")]
    UnsupportedParameters(String),
}

impl<'a> N8nNode<'a> {
    /// The parameter at a dotted path such as `options.reset`.
    pub fn get(&self, path: &str) -> Option<&'a Value> {
        let mut parts = path.split('.');
        let mut value = self.parameters.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(value)
    }

    /// The parameter at `path`, or its default.
    pub fn get_or(&self, path: &str, default: impl Into<Value>) -> Value {
        self.get(path).cloned().unwrap_or_else(|| default.into())
    }

    /// The text at `path`, or its default.
    pub fn text_or(&self, path: &str, default: &'a str) -> &'a str {
        self.get(path).and_then(Value::as_str).unwrap_or(default)
    }

    /// The switch at `path`, or its default.
    pub fn flag_or(&self, path: &str, default: bool) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(default)
    }

    /// The opposite of the switch at `path`, which is off by default; also of an expression.
    pub fn not(&self, path: &str) -> Value {
        match self.get(path) {
            None => true.into(),
            Some(Value::Bool(value)) => (!value).into(),
            Some(Value::String(text)) if text.starts_with('=') => {
                let inner = text[1..].trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
                inner.map_or(true.into(), |inner| format!("={{{{ !({inner}) }}}}").into())
            }
            Some(_) => true.into(),
        }
    }

    /// The entries of a `fixedCollection` with several values, such as `assignments.assignments`; one entry that is
    /// not in a list counts as a list of one.
    pub fn entries(&self, path: &str) -> Vec<Value> {
        match self.get(path) {
            Some(Value::Array(values)) => values.to_vec(),
            Some(value @ Value::Object(_)) => vec![value.clone()],
            _ => Vec::new(),
        }
    }
}
