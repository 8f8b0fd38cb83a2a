//! Parameters that may be expressions.

use std::borrow::Cow;
use std::fmt;

use model::{Object, Text, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::context::Context;
use crate::error::NodeError;
use crate::scope::ItemScope;

/// A parameter of type `T`, or an expression (text that starts with `=`) that gives one. Parsed once per workflow
/// version; objects and arrays may hold expressions at any depth.
#[derive(Clone)]
pub enum Expr<T> {
    /// The value itself.
    Literal(T),
    /// What to evaluate.
    Computed(Tree),
}

/// A value with expressions in it.
#[derive(Clone)]
pub enum Tree {
    /// No expression inside.
    Literal(Value),
    /// An expression.
    Template(expr::Template),
    /// Elements with expressions inside.
    Array(Vec<Tree>),
    /// Members with expressions inside.
    Object(Vec<(Text, Tree)>),
}

impl Tree {
    /// Parses every expression in `value`.
    pub fn parse(value: &Value) -> Result<Self, expr::ParseError> {
        Ok(match value {
            Value::String(text) if text.starts_with('=') => {
                Tree::Template(expr::Template::parse(&text[1..])?)
            }
            Value::Array(values) if values.iter().any(has_expression) => {
                Tree::Array(values.iter().map(Tree::parse).collect::<Result<_, _>>()?)
            }
            Value::Object(object) if object.values().any(has_expression) => Tree::Object(
                object
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Tree::parse(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
            other => Tree::Literal(other.clone()),
        })
    }

    /// Evaluates every expression for input item `index`; `None` is JavaScript's `undefined`.
    pub fn eval(&self, ctx: &Context, index: usize) -> Result<Option<Value>, NodeError> {
        self.eval_with(ctx, index, &[])
    }

    /// The same, with variables that only this evaluation sees.
    pub fn eval_with(
        &self,
        ctx: &Context,
        index: usize,
        extra: Extra<'_>,
    ) -> Result<Option<Value>, NodeError> {
        match self {
            Tree::Literal(value) => Ok(Some(value.clone())),
            Tree::Template(template) => Ok(eval_template(template, ctx, index, extra)?.to_data()),
            Tree::Array(trees) => {
                let values =
                    trees.iter().map(|tree| Ok(tree.eval_with(ctx, index, extra)?.unwrap_or_default()));
                Ok(Some(values.collect::<Result<Vec<_>, NodeError>>()?.into()))
            }
            Tree::Object(members) => {
                let mut object = Object::with_capacity(members.len());
                for (key, tree) in members {
                    if let Some(value) = tree.eval_with(ctx, index, extra)? {
                        object.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(object)))
            }
        }
    }
}

fn eval_template(
    template: &expr::Template,
    ctx: &Context,
    index: usize,
    extra: Extra<'_>,
) -> Result<expr::Value, NodeError> {
    let scope = ItemScope::new(ctx, Some(index)).with(extra);
    template.eval(&scope, &ctx.services.limits).map_err(|error| NodeError::from(error).at_item(index))
}

/// Variables that only one evaluation sees, such as `$response` between two pages, by name.
pub type Extra<'a> = &'a [(&'a str, Value)];

fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with('='),
        Value::Array(values) => values.iter().any(has_expression),
        Value::Object(object) => object.values().any(has_expression),
        _ => false,
    }
}

impl Expr<Value> {
    /// The parameter for input item `index` as expressions know it: dates are still dates.
    pub fn eval_value(&self, ctx: &Context, index: usize) -> Result<expr::Value, NodeError> {
        match self {
            Expr::Literal(value) => Ok(expr::Value::from_data(value)),
            Expr::Computed(Tree::Template(template)) => eval_template(template, ctx, index, &[]),
            Expr::Computed(tree) => {
                let value = tree.eval(ctx, index)?;
                Ok(value.map_or(expr::Value::Undefined, |value| expr::Value::from_data(&value)))
            }
        }
    }
}

impl<T: FromData + Clone> Expr<T> {
    /// The parameter for input item `index`.
    pub fn eval(&self, ctx: &Context, index: usize) -> Result<T, NodeError> {
        self.eval_with(ctx, index, &[])
    }

    /// The same, with variables that only this evaluation sees.
    pub fn eval_with(&self, ctx: &Context, index: usize, extra: Extra<'_>) -> Result<T, NodeError> {
        match self {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Computed(tree) => T::from_data(tree.eval_with(ctx, index, extra)?).map_err(|expected| {
                NodeError::permanent(format!("a parameter of \"{}\" {expected}", ctx.node.name))
                    .at_item(index)
            }),
        }
    }

    /// The value itself, when it is no expression.
    pub fn literal(&self) -> Option<&T> {
        match self {
            Expr::Literal(value) => Some(value),
            Expr::Computed(_) => None,
        }
    }
}

/// What parameters can be made of. The error says what was expected, as in `must be a number, not an object`.
pub trait FromData: Sized {
    /// Reads the result of an expression; `None` is `undefined`.
    fn from_data(value: Option<Value>) -> Result<Self, String>;
    /// Whether text in the definition can be this type; otherwise `"="` alone decides.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

fn mismatch(expected: &str, found: Option<&Value>) -> String {
    format!("must be {expected}, not {}", found.map_or("undefined", Value::type_name))
}

impl FromData for Value {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        Ok(value.unwrap_or_default())
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

impl<T: FromData> FromData for Option<T> {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(None),
            some => T::from_data(some).map(Some),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

impl<T: FromData> FromData for Vec<T> {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            Some(Value::Array(values)) => {
                values.iter().map(|value| T::from_data(Some(value.clone()))).collect()
            }
            other => Err(mismatch("an array", other.as_ref())),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": T::schema(generator) })
    }
}

impl FromData for Object {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            Some(Value::Object(object)) => Ok(object),
            other => Err(mismatch("an object", other.as_ref())),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

impl FromData for Text {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(Text::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Ok(other.to_json().into()),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl FromData for String {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        Text::from_data(value).map(Into::into)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Text::schema(generator)
    }
}

impl FromData for bool {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(false),
            Some(Value::Number(number)) => Ok(number != 0.0),
            other => Err(mismatch("true or false", other.as_ref())),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

impl FromData for f64 {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        match &value {
            Some(Value::Number(number)) => Ok(*number),
            Some(Value::String(text)) => {
                text.trim().parse().map_err(|_| mismatch("a number", value.as_ref()))
            }
            other => Err(mismatch("a number", other.as_ref())),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl FromData for usize {
    fn from_data(value: Option<Value>) -> Result<Self, String> {
        let number = f64::from_data(value)?;
        Value::Number(number)
            .as_usize()
            .ok_or_else(|| format!("must be a whole number of at least 0, not {number}"))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

/// Makes enums and structs usable as `Expr<T>` through their `Deserialize` and `JsonSchema`.
#[macro_export]
macro_rules! parameter {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::expression::FromData for $type {
            fn from_data(value: Option<$crate::prelude::Value>) -> Result<Self, String> {
                let value = value.unwrap_or_default();
                value.parse().map_err(|error| format!("is not valid: {error}"))
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<Self>()
            }
        }
    )+};
}

impl<'de, T: FromData> Deserialize<'de> for Expr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if has_expression(&value) {
            let tree = Tree::parse(&value).map_err(D::Error::custom)?;
            return Ok(Expr::Computed(tree));
        }
        T::from_data(Some(value)).map(Expr::Literal).map_err(D::Error::custom)
    }
}

impl<T: FromData + Default> Default for Expr<T> {
    fn default() -> Self {
        Expr::Literal(T::default())
    }
}

impl<T> From<T> for Expr<T> {
    fn from(value: T) -> Self {
        Expr::Literal(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Expr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Literal(value) => value.fmt(f),
            Expr::Computed(_) => f.write_str("="),
        }
    }
}

impl<T: FromData> JsonSchema for Expr<T> {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = T::schema(generator);
        if value.as_bool() == Some(true) {
            return json_schema!({ "x-expression": true });
        }
        json_schema!({
            "anyOf": [value, { "type": "string", "pattern": "^=" }],
            "x-expression": true,
        })
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Literal(value) => value.serialize(serializer),
            Tree::Template(template) => serializer.collect_str(&format_args!("={}", template.source())),
            Tree::Array(trees) => serializer.collect_seq(trees),
            Tree::Object(members) => {
                serializer.collect_map(members.iter().map(|(key, tree)| (key.as_str(), tree)))
            }
        }
    }
}

impl<T: Serialize> Serialize for Expr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expr::Literal(value) => value.serialize(serializer),
            Expr::Computed(tree) => tree.serialize(serializer),
        }
    }
}
