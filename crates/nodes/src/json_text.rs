//! JSON text with expressions inside: `{"name": {{ $json.name }}, "tags": {{ $json.tags }}}`.

use std::borrow::Cow;

use schemars::{Schema, SchemaGenerator, json_schema};
use sdk::expression::Tree;
use sdk::prelude::*;
use serde::{Deserializer, Serializer};

use crate::convert::to_text;
use crate::loose_json;

/// A JSON value, given as such, as text, or as text with expressions inside (text that starts with `=`). Each
/// expression leaves its value in the text, objects and lists as JSON, before the text is read.
#[derive(Clone)]
pub struct JsonText {
    source: Value,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Done(Value),
    Broken,
    Pieces(Vec<Piece>),
}

#[derive(Clone)]
enum Piece {
    Text(Text),
    Expression(Tree),
}

/// The text is no JSON, and cannot be mended; it holds the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidJson(pub String);

impl JsonText {
    /// Parses the expressions inside `source`, and the JSON when there are none.
    pub fn parse(source: Value) -> Result<Self, expr::ParseError> {
        let form = match &source {
            Value::String(text) if text.starts_with('=') => {
                Form::Pieces(pieces(text.trim_start_matches('='))?)
            }
            Value::String(text) => read(text).map_or(Form::Broken, Form::Done),
            value => Form::Done(value.clone()),
        };
        Ok(Self { source, form })
    }

    /// The value for input item `index`.
    pub fn eval(&self, ctx: &Context, index: usize) -> Result<Result<Value, InvalidJson>, NodeError> {
        let pieces = match &self.form {
            Form::Done(value) => return Ok(Ok(value.clone())),
            Form::Broken => return Ok(Err(InvalidJson(to_text(&self.source).into()))),
            Form::Pieces(pieces) => pieces,
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Expression(expression) => match expression.eval(ctx, index)? {
                    None => text.push_str("undefined"),
                    Some(value @ (Value::Object(_) | Value::Array(_))) => text.push_str(&value.to_json()),
                    Some(value) => text.push_str(&to_text(&value)),
                },
            }
        }
        Ok(read(&text).ok_or(InvalidJson(text)))
    }
}

fn read(text: &str) -> Option<Value> {
    Value::from_json(text).ok().or_else(|| loose_json::repair(text))
}

/// Splits at `{{` and the first `}}` after it.
fn pieces(text: &str) -> Result<Vec<Piece>, expr::ParseError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        let end = start + length + 2;
        pieces.push(Piece::Text(rest[..start].into()));
        pieces.push(Piece::Expression(Tree::parse(&format!("={}", &rest[start..end]).into())?));
        rest = &rest[end..];
    }
    pieces.push(Piece::Text(rest.into()));
    Ok(pieces)
}

impl std::fmt::Debug for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for JsonText {
    fn schema_name() -> Cow<'static, str> {
        "JsonText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-expression": true, "x-json": true })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn eval(source: impl Into<Value>, data: Value) -> Result<Value, InvalidJson> {
        let item = Item::new(data.as_object().expect("an object").clone());
        let ctx = sdk::testing::context(Inputs::single(Arc::new(vec![item])));
        let text = JsonText::parse(source.into()).expect("the expressions are valid");
        text.eval(&ctx, 0).expect("the expressions work")
    }

    #[test]
    fn values_are_written_into_the_text_as_json() {
        let value =
            eval(r#"={"a": {{ $json.list }}, "b": "{{ $json.name }}"}"#, json!({ "list": [1], "name": "x" }));
        assert_eq!(value, Ok(json!({ "a": [1], "b": "x" })));
    }

    #[test]
    fn line_breaks_that_an_expression_brings_along_are_mended() {
        let value = eval(r#"={"a": "{{ $json.text }}"}"#, json!({ "text": "one\ntwo" }));
        assert_eq!(value, Ok(json!({ "a": "one\ntwo" })));
    }

    #[test]
    fn without_a_leading_equals_sign_braces_are_text() {
        assert_eq!(eval(r#"{"a": "{{ 1 }}"}"#, json!({})), Ok(json!({ "a": "{{ 1 }}" })));
    }

    #[test]
    fn text_that_is_no_json_is_told_apart() {
        assert_eq!(eval(r#"{"a"}"#, json!({})), Err(InvalidJson(r#"{"a"}"#.to_owned())));
    }
}
