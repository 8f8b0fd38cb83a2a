//! Edit Fields: sets fields of items.

mod n8n;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use model::Binary;
use sdk::expression::Tree;
use sdk::prelude::*;

pub use self::n8n::N8N;
use crate::convert::{self, Type};
use crate::json_text::{InvalidJson, JsonText};
use crate::path::Path;

/// Sets fields of each item and decides which of its other fields stay. One item in, one item out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Set {
    /// The fields to set, in order.
    fields: Vec<Field>,
    /// An object whose members are set instead of `fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<JsonText>,
    /// Which fields of the input stay.
    include: Expr<Include>,
    /// The fields that stay with `include: selected`, separated by commas.
    include_fields: Expr<Text>,
    /// The fields that go with `include: except`, separated by commas.
    exclude_fields: Expr<Text>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// Whether the files of the input stay.
    keep_files: Expr<bool>,
    /// Whether a value that cannot be converted is set as it is instead of failing the item.
    ignore_conversion_errors: Expr<bool>,
    /// What becomes of missing values and `null`.
    nulls: Nulls,
    /// How many more times each item leaves the node in manual and test executions, to try what follows.
    copies_in_manual_executions: Expr<usize>,
}

/// A field to set.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name, or the path to it.
    name: Expr<Text>,
    /// What the value is converted to.
    #[serde(rename = "type", default)]
    kind: FieldType,
    /// The value.
    #[serde(default)]
    value: Expr<Value>,
    /// The value as JSON text, for the type that wants it; read at first use.
    #[serde(skip)]
    text: OnceLock<Result<JsonText, String>>,
}

/// What a value is converted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Nothing: it stays what it is.
    #[default]
    Any,
    /// Text.
    String,
    /// A number; anything else fails the item.
    Number,
    /// True or false; anything else but `true`, `false`, 1 and 0 fails the item.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
    /// An object, from JSON text with expressions inside, each of which leaves its value there as JSON.
    Json,
    /// A file of the input, by name.
    File,
    /// A number where text reads as one; anything else stays what it is.
    NumberLike,
    /// True for what counts as true in a condition.
    Truth,
}

/// Which fields of the input stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// None of them.
    None,
    /// All of them.
    All,
    /// Those named.
    Selected,
    /// All but those named.
    Except,
}
sdk::parameter!(Include);

/// What becomes of missing values and `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// They are set as `null`.
    Keep,
    /// In fields of type `string` they fail the item, elsewhere they are set as `null`.
    RefuseInText,
    /// In fields of type `string` they are written out, elsewhere they are set as `null`.
    WriteInText,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            json: None,
            include: Include::None.into(),
            include_fields: Text::new().into(),
            exclude_fields: Text::new().into(),
            dot_notation: true.into(),
            keep_files: true.into(),
            ignore_conversion_errors: false.into(),
            nulls: Nulls::Keep,
            copies_in_manual_executions: 0.into(),
        }
    }
}

impl Node for Set {
    const KIND: Kind = Kind::new("core.set", 1);
    const TITLE: &'static str = "Edit Fields";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "A greeting beside the other fields",
            parameters: r#"{
                "fields": [{ "name": "greeting", "type": "string", "value": "={{ 'Hello ' + $json.name }}" }],
                "include": "all"
            }"#,
            items: r#"[{"name": "Ada"}, {"name": "Grace"}]"#,
        },
        Example {
            title: "Only what is named, nested",
            parameters: r#"{
                "fields": [
                    { "name": "person.age", "type": "number", "value": "={{ $json.age }}" },
                    { "name": "checked", "type": "boolean", "value": true }
                ]
            }"#,
            items: r#"[{"age": "36", "secret": "x"}]"#,
        },
        Example {
            title: "A whole object as JSON",
            parameters: r#"{ "json": "={ \"all\": {{ $json }} }" }"#,
            items: r#"[{"a": 1}]"#,
        },
        Example {
            title: "Everything but one field",
            parameters: r#"{ "include": "except", "exclude_fields": "secret" }"#,
            items: r#"[{"name": "Ada", "secret": "x"}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let prepared: Vec<Prepared<'_>> = self.fields.iter().map(|field| self.prepare(field)).collect();
        let mut items = ctx.map_items(|index, item| self.edit(ctx, index, item, &prepared))?;
        if ctx.execution.mode.as_n8n() == "manual" && !inputs.main().is_empty() {
            let copies = self.copies_in_manual_executions.eval(ctx, 0)?;
            if copies > 0 {
                items = items.into_iter().flat_map(|item| std::iter::repeat_n(item, copies + 1)).collect();
            }
        }
        Ok(Output::main(items))
    }
}

/// What of a field is the same for every item.
struct Prepared<'a> {
    field: &'a Field,
    path: Option<Path>,
    value: Option<Value>,
}

impl Set {
    fn prepare<'a>(&self, field: &'a Field) -> Prepared<'a> {
        let path = match (field.name.literal(), self.dot_notation.literal()) {
            (Some(name), Some(dotted)) => Some(Path::new(name, *dotted)),
            _ => None,
        };
        let value = match (field.kind.as_type(), field.value.literal()) {
            (Some(kind), Some(value)) if !value.is_null() => kind.convert(value),
            (None, Some(value)) if field.kind == FieldType::Any => Some(value.clone()),
            _ => None,
        };
        Prepared { field, path, value }
    }

    fn edit(
        &self,
        ctx: &Context,
        index: usize,
        item: &Item,
        fields: &[Prepared<'_>],
    ) -> Result<Item, NodeError> {
        let dotted = self.dot_notation.eval(ctx, index)?;
        let mut json = self.kept(ctx, index, item, dotted)?;
        let mut binary = if self.keep_files.eval(ctx, index)? { item.binary.clone() } else { None };
        if let Some(text) = &self.json {
            for (name, value) in object_of(text, "'JSON Output'", ctx, index)?.iter() {
                Path::new(name, dotted).set(&mut json, Some(value.clone()))?;
            }
        }
        for Prepared { field, path, value } in fields {
            let computed;
            let path = match path {
                Some(path) => path,
                None => {
                    computed = Path::new(&field.name.eval(ctx, index)?, dotted);
                    &computed
                }
            };
            if field.kind == FieldType::File {
                let file = file(&field.value.eval(ctx, index)?, item, path.text())?;
                Arc::make_mut(binary.get_or_insert_default()).insert(path.text().clone(), file);
                continue;
            }
            let value = match value {
                Some(value) => Some(value.clone()),
                None => self.value(field, path.text(), ctx, index)?,
            };
            path.set(&mut json, value)?;
        }
        Ok(Item { json, binary, lineage: Lineage::unknown() })
    }

    /// The fields of the input that stay.
    fn kept(&self, ctx: &Context, index: usize, item: &Item, dotted: bool) -> Result<Object, NodeError> {
        Ok(match self.include.eval(ctx, index)? {
            Include::All => item.json.clone(),
            Include::None => Object::with_capacity(self.fields.len()),
            Include::Selected => {
                let mut kept = Object::new();
                for path in Path::list(&self.include_fields.eval(ctx, index)?, dotted) {
                    Path::new(path.last(), dotted)
                        .set(&mut kept, path.find(&item.json).map(Cow::into_owned))?;
                }
                kept
            }
            Include::Except => {
                let mut kept = item.json.clone();
                for path in Path::list(&self.exclude_fields.eval(ctx, index)?, dotted) {
                    path.remove(&mut kept);
                }
                kept
            }
        })
    }

    /// The value of a field for one item; `None` is `undefined`.
    fn value(
        &self,
        field: &Field,
        name: &str,
        ctx: &Context,
        index: usize,
    ) -> Result<Option<Value>, NodeError> {
        let mut value = match &field.value {
            Expr::Literal(value) => Some(value.clone()),
            Expr::Computed(_) => match field.value.eval_value(ctx, index)? {
                // As data it would be `null`.
                expr::Value::Number(number) => Some(number.into()),
                value => value.to_data(),
            },
        };
        if let FieldType::Json = field.kind
            && let Expr::Computed(Tree::Template(template)) = &field.value
            && value.as_ref().is_some_and(|value| !value.is_null())
        {
            let parse = || {
                JsonText::parse(format!("={}", template.source()).into()).map_err(|error| error.to_string())
            };
            let text = field.text.get_or_init(parse).as_ref().map_err(NodeError::permanent)?;
            value = Some(
                object_of(text, &format!("entry \"{name}\" inside 'Fields to Set'"), ctx, index)?.into(),
            );
        }
        let Some(kind) = field.kind.as_type() else {
            return Ok(field.kind.convert_leniently(value).map(as_json));
        };
        let missing = value.as_ref().is_none_or(Value::is_null);
        let converted = match (value, self.nulls, kind) {
            (None, Nulls::WriteInText, Type::String) => return Ok(Some("undefined".into())),
            (Some(Value::Null), Nulls::WriteInText, Type::String) => return Ok(Some("null".into())),
            (value, Nulls::RefuseInText, Type::String) if missing => Err(value),
            _ if missing => return Ok(Some(Value::Null)),
            (value, ..) => value.as_ref().and_then(|value| kind.convert(value)).ok_or(value),
        };
        converted.map(Some).or_else(|value| {
            if self.ignore_conversion_errors.eval(ctx, index)? {
                return Ok(Some(as_json(value.unwrap_or_default())));
            }
            let message = format!("{} [item {index}]", kind.mismatch(name, value.as_ref()));
            Err(NodeError::permanent(message).describe(format!(
                "change the type of \"{name}\" or set ignore_conversion_errors to keep the value as it is"
            )))
        })
    }
}

impl FieldType {
    /// The type that values must have; `None` for the lenient ones.
    fn as_type(self) -> Option<Type> {
        Some(match self {
            FieldType::String => Type::String,
            FieldType::Number => Type::Number,
            FieldType::Boolean => Type::Boolean,
            FieldType::Array => Type::Array,
            FieldType::Object | FieldType::Json => Type::Object,
            FieldType::Any | FieldType::File | FieldType::NumberLike | FieldType::Truth => return None,
        })
    }

    fn convert_leniently(self, value: Option<Value>) -> Option<Value> {
        match self {
            FieldType::Truth => Some(value.as_ref().is_some_and(convert::truthy).into()),
            FieldType::NumberLike => {
                value.map(|value| match value.as_str().map(|_| convert::to_number(&value)) {
                    Some(number) if !number.is_nan() => number.into(),
                    _ => value,
                })
            }
            _ => value,
        }
    }
}

/// What is no finite number is `null` as JSON.
fn as_json(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_finite() => Value::Null,
        value => value,
    }
}

fn object_of(text: &JsonText, what: &str, ctx: &Context, index: usize) -> Result<Object, NodeError> {
    match text.eval(ctx, index)? {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(NodeError::permanent(format!(
            "The {what} in item {index} does not contain a valid JSON object"
        ))),
        Err(InvalidJson(text)) => {
            Err(NodeError::permanent(format!("The {what} in item {index} contains invalid JSON"))
                .describe(text))
        }
    }
}

/// The file of `item` that `value` names, or is the data of.
fn file(value: &Value, item: &Item, field: &str) -> Result<Binary, NodeError> {
    let files = item.binary.iter().flat_map(|files| files.iter());
    let found = match value {
        Value::String(name) => files.into_iter().find(|(other, _)| *other == name),
        Value::Object(data) => files.into_iter().find(|(_, file)| {
            let text = |key: &str| data.get(key).and_then(Value::as_str);
            text("mimeType") == Some(&file.mime_type) && text("fileName") == file.file_name.as_deref()
        }),
        _ => None,
    };
    let missing = || NodeError::permanent(format!("Could not find binary data specified in field {field}"));
    found.map(|(_, file)| file.clone()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn fields_are_added_to_what_stays() {
        check::<Set>(
            json!({ "fields": [{ "name": "b", "type": "number", "value": "2" }], "include": "all" }),
            json!([{ "a": 1 }, { "b": 0, "c": 3 }]),
            json!({ "main": [{ "a": 1, "b": 2 }, { "b": 2, "c": 3 }] }),
        );
    }

    #[test]
    fn names_with_dots_nest_unless_told_otherwise() {
        let fields = json!([{ "name": "a.b", "value": 1 }]);
        check::<Set>(
            json!({ "fields": fields.clone() }),
            json!([{}]),
            json!({ "main": [{ "a": { "b": 1 } }] }),
        );
        check::<Set>(
            json!({ "fields": fields, "dot_notation": false }),
            json!([{}]),
            json!({ "main": [{ "a.b": 1 }] }),
        );
    }

    #[test]
    fn selected_fields_lose_their_path() {
        check::<Set>(
            json!({ "include": "selected", "include_fields": "a.b, c, missing" }),
            json!([{ "a": { "b": 1 }, "c": 2, "d": 3 }]),
            json!({ "main": [{ "b": 1, "c": 2 }] }),
        );
    }

    #[test]
    fn excluded_fields_may_be_deep() {
        check::<Set>(
            json!({ "include": "except", "exclude_fields": "a.b,c" }),
            json!([{ "a": { "b": 1, "x": 0 }, "c": 2, "d": 3 }]),
            json!({ "main": [{ "a": { "x": 0 }, "d": 3 }] }),
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_fails_the_item() {
        let fields = json!([{ "name": "age", "type": "number", "value": "old" }]);
        let error = check_error::<Set>(json!({ "fields": fields.clone() }), json!([{}]));
        assert_eq!(error.message, "'age' expects a number but we got 'old' [item 0]");
        assert_eq!(error.item, Some(0));
        check::<Set>(
            json!({ "fields": fields, "ignore_conversion_errors": true }),
            json!([{}]),
            json!({ "main": [{ "age": "old" }] }),
        );
    }

    #[test]
    fn what_is_not_a_number_fails_the_item() {
        let fields = json!([{ "name": "age", "type": "number", "value": "={{ Number($json.age) }}" }]);
        let error = check_error::<Set>(json!({ "fields": fields }), json!([{ "age": "old" }]));
        assert_eq!(error.message, "'age' expects a number but we got 'NaN' [item 0]");
    }

    #[test]
    fn null_in_text_is_kept_refused_or_written_out() {
        let parameters = |nulls: &str| json!({ "nulls": nulls, "fields": [{ "name": "a", "type": "string", "value": null }] });
        check::<Set>(parameters("keep"), json!([{}]), json!({ "main": [{ "a": null }] }));
        check::<Set>(parameters("write_in_text"), json!([{}]), json!({ "main": [{ "a": "null" }] }));
        let error = check_error::<Set>(parameters("refuse_in_text"), json!([{}]));
        assert_eq!(error.message, "'a' expects a string but we got 'null' [item 0]");
    }

    #[test]
    fn a_whole_object_is_set_at_once() {
        check::<Set>(
            json!({ "json": "{ \"a\": 1, \"b.c\": 2 }", "include": "all" }),
            json!([{ "b": 0, "d": 4 }]),
            json!({ "main": [{ "b": { "c": 2 }, "d": 4, "a": 1 }] }),
        );
        let error = check_error::<Set>(json!({ "json": "[1]" }), json!([{}]));
        assert_eq!(error.message, "The 'JSON Output' in item 0 does not contain a valid JSON object");
    }

    #[test]
    fn copies_are_made_only_where_somebody_tries_the_workflow() {
        check::<Set>(
            json!({ "include": "all", "copies_in_manual_executions": 1 }),
            json!([{ "a": 1 }]),
            json!({ "main": [{ "a": 1 }, { "a": 1 }] }),
        );
    }
}
