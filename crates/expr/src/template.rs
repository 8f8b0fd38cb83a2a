//! Texts with `{{ }}` parts.

use std::sync::Arc;

use model::Text;

use crate::eval::Cx;
use crate::{Error, Limits, ParseError, Scope, Value};

/// A parsed text with `{{ }}` parts, ready to be evaluated any number of times.
#[derive(Clone, Debug)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Text,
    references: Vec<Text>,
}

impl Template {
    /// Parses the text of a parameter, without the leading `=`.
    pub fn parse(text: &str) -> Result<Template, ParseError> {
        Ok(Self(Arc::new(Inner { source: text.into(), references: Vec::new() })))
    }

    /// The value for one item.
    pub fn eval(&self, scope: &dyn Scope, limits: &Limits) -> Result<Value, Error> {
        let cx = Cx::new(scope, limits);
        cx.charge(1)?;
        Ok(Value::String(self.0.source.clone()))
    }

    /// Names of the nodes that are mentioned literally: `$('x')`, `$node["x"]`, `$items("x")`.
    pub fn references(&self) -> &[Text] {
        &self.0.references
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.0.source
    }
}
