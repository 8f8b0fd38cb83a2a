//! Remove Duplicates: drops items that repeat earlier ones.

use std::borrow::Cow;
use std::collections::HashSet;

use sdk::prelude::*;

use crate::compare;
use crate::names::Names;
use crate::path::Path;

/// Drops every item that agrees with an earlier one in all compared fields.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveDuplicates {
    /// Which fields are compared.
    compare: Expr<Compared>,
    /// The fields that are compared with `compare: selected`, or not compared with `compare: except`.
    fields: Expr<Names>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// Whether the items that stay keep the compared fields only.
    remove_other_fields: Expr<bool>,
    /// How alike the values of a field must be over all items.
    types: Types,
}

/// Which fields are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// All of them.
    All,
    /// All but those named.
    Except,
    /// Those named.
    Selected,
}
sdk::parameter!(Compared);

/// How alike the values of a compared field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Types {
    /// Of any type; every item must have the field.
    Any,
    /// Of one type; every item must have the field.
    Same,
    /// Of one type or `null`; every item must have the field.
    SameOrNull,
}

impl Default for RemoveDuplicates {
    fn default() -> Self {
        Self {
            compare: Compared::All.into(),
            fields: Names::default().into(),
            dot_notation: true.into(),
            remove_other_fields: false.into(),
            types: Types::SameOrNull,
        }
    }
}

impl Node for RemoveDuplicates {
    const KIND: Kind = Kind::new("core.remove_duplicates", 1);
    const TITLE: &'static str = "Remove Duplicates";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Items that are the same",
            parameters: "{}",
            items: r#"[{"a": 1}, {"a": 1}, {"a": 2}]"#,
        },
        Example {
            title: "One item per customer",
            parameters: r#"{"compare": "selected", "fields": "customer.id", "remove_other_fields": true}"#,
            items: r#"[{"customer": {"id": 1}, "n": 1}, {"customer": {"id": 1}, "n": 2}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main();
        if items.is_empty() {
            return Ok(Output::main(Vec::new()));
        }
        let paths = self.compared(ctx, items)?;
        self.check(&paths, items)?;
        let remove_others = self.remove_other_fields.eval(ctx, 0)?;
        let mut seen = HashSet::new();
        let mut output = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut print = String::new();
            for path in &paths {
                print.push_str(&compare::fingerprint(path.find(&item.json).as_deref()));
            }
            if !seen.insert(print) {
                continue;
            }
            let mut item = item.clone();
            if remove_others {
                let mut json = Object::new();
                for path in &paths {
                    path.set(&mut json, path.find(&item.json).map(Cow::into_owned))?;
                }
                item = Item::new(json);
            }
            output.push(item.from_item(index));
        }
        Ok(Output::main(output))
    }
}

impl RemoveDuplicates {
    /// The fields that are compared.
    fn compared(&self, ctx: &Context, items: &[Item]) -> Result<Vec<Path>, NodeError> {
        let dotted = self.dot_notation.eval(ctx, 0)?;
        let fields = self.fields.eval(ctx, 0)?;
        let compare = self.compare.eval(ctx, 0)?;
        let missing = |what: &str| {
            Err(NodeError::permanent(format!("No fields specified. Please add a field to {what}")))
        };
        match compare {
            Compared::Selected if fields.0.is_empty() => return missing("compare on"),
            Compared::Except if fields.0.is_empty() => return missing("exclude from comparison"),
            Compared::Selected => return Ok(fields.paths(dotted)),
            Compared::All | Compared::Except => {}
        }
        // What is left out is left out of the fields that the first item has.
        let sample = if compare == Compared::Except && dotted { &items[..1] } else { items };
        let mut names: Vec<Text> = Vec::new();
        let mut taken = HashSet::new();
        for item in sample {
            let mut own = Vec::new();
            match dotted {
                true => leaves(&item.json, "", &mut own),
                false => own.extend(item.json.keys().cloned()),
            }
            names.extend(own.into_iter().filter(|name| taken.insert(name.clone())));
        }
        if compare == Compared::Except {
            names.retain(|name| !fields.0.contains(name));
        }
        Ok(Names(names).paths(dotted))
    }

    /// Refuses fields that are missing somewhere or of several types.
    fn check(&self, paths: &[Path], items: &[Item]) -> Result<(), NodeError> {
        for path in paths {
            if path.text().is_empty() {
                return Err(NodeError::permanent("Name of field to compare is blank"));
            }
            let mut found: Option<&str> = None;
            for item in items {
                let Some(value) = path.find(&item.json) else {
                    let message = format!("'{}' field is missing from some input items", path.text());
                    return Err(NodeError::permanent(message));
                };
                let kind = match &*value {
                    Value::Null if self.types == Types::SameOrNull => continue,
                    Value::Null | Value::Array(_) => "object",
                    value => value.type_name(),
                };
                if self.types != Types::Any && found.is_some_and(|found| found != kind) {
                    let message = format!("'{}' isn't always the same type", path.text());
                    return Err(
                        NodeError::permanent(message).describe("The type of this field varies between items")
                    );
                }
                found = Some(kind);
            }
        }
        Ok(())
    }
}

/// The paths to all values that are neither objects nor lists.
fn leaves(object: &Object, prefix: &str, paths: &mut Vec<Text>) {
    for (key, value) in object.iter() {
        add_leaves(value, format!("{prefix}{key}"), paths);
    }
}

fn add_leaves(value: &Value, path: String, paths: &mut Vec<Text>) {
    match value {
        Value::Object(object) => leaves(object, &format!("{path}."), paths),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                add_leaves(value, format!("{path}.{index}"), paths);
            }
        }
        _ => paths.push(path.into()),
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.removeDuplicates", versions: &[1.0, 1.1, 2.0], map: map_node }];

fn map_node(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    if node.text_or("operation", "removeDuplicateInputItems") != "removeDuplicateInputItems" {
        let reason =
            "comparison with earlier executions is not supported yet; compare the items of one execution";
        return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
    }
    Ok(from_n8n(node).set("types", if node.version > 1.0 { "same_or_null" } else { "same" }))
}

/// Also serves the list operation of the same name.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let native = Native::new(RemoveDuplicates::KIND, json!({}))
        .set("dot_notation", node.not("options.disableDotNotation"))
        .set("remove_other_fields", node.get_or("options.removeOtherFields", false));
    match node.text_or("compare", "allFields") {
        "allFieldsExcept" => {
            native.set("compare", "except").set("fields", node.get_or("fieldsToExclude", ""))
        }
        "selectedFields" => {
            native.set("compare", "selected").set("fields", node.get_or("fieldsToCompare", ""))
        }
        _ => native,
    }
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn the_first_of_equal_items_stays() {
        check::<RemoveDuplicates>(
            json!({}),
            json!([{ "a": 1, "b": { "c": 2 } }, { "b": { "c": 2 }, "a": 1 }, { "a": 1, "b": { "c": 3 } }]),
            json!({ "main": [{ "a": 1, "b": { "c": 2 } }, { "a": 1, "b": { "c": 3 } }] }),
        );
    }

    #[test]
    fn some_fields_do_not_count() {
        check::<RemoveDuplicates>(
            json!({ "compare": "except", "fields": "at", "remove_other_fields": true }),
            json!([{ "a": 1, "at": 1 }, { "a": 1, "at": 2 }]),
            json!({ "main": [{ "a": 1 }] }),
        );
    }

    #[test]
    fn text_and_numbers_are_different() {
        check::<RemoveDuplicates>(
            json!({ "compare": "selected", "fields": "a", "types": "any" }),
            json!([{ "a": 1 }, { "a": "1" }]),
            json!({ "main": [{ "a": 1 }, { "a": "1" }] }),
        );
        let error = check_error::<RemoveDuplicates>(json!({}), json!([{ "a": 1 }, { "a": "1" }]));
        assert_eq!(error.message, "'a' isn't always the same type");
    }

    #[test]
    fn every_item_must_have_the_fields() {
        let error = check_error::<RemoveDuplicates>(json!({}), json!([{ "a": 1 }, { "b": 1 }]));
        assert_eq!(error.message, "'a' field is missing from some input items");
    }
}
