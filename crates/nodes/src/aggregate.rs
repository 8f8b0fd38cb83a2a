//! Aggregate: gathers items into one.

use std::collections::HashSet;
use std::sync::Arc;

use model::Binaries;
use sdk::prelude::*;

use crate::names::Names;
use crate::path::Path;

/// Gathers all items into one: the values of chosen fields in lists, or the data of all items in one list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Aggregate {
    /// What is gathered.
    gather: Gather,
    /// The fields to gather, with `gather: fields`.
    fields: Vec<Gathered>,
    /// The field that gets the list, with `gather: items`.
    into: Expr<Text>,
    /// The only fields of each item that are gathered, with `gather: items`; empty for all.
    include_fields: Expr<Names>,
    /// The fields of each item that are not gathered, with `gather: items`.
    exclude_fields: Expr<Names>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// Whether values that are lists are joined into one list.
    merge_lists: Expr<bool>,
    /// Whether missing values and `null` are gathered as `null`.
    keep_missing: Expr<bool>,
    /// Whether a field that no item has fails the step.
    fail_when_missing: bool,
    /// Whether the new item gets the files of all items.
    keep_files: Expr<bool>,
    /// Whether files of the same type, size and extension are kept once.
    unique_files: Expr<bool>,
}

/// What is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gather {
    /// The values of chosen fields.
    Fields,
    /// The data of all items.
    Items,
}

/// A field to gather.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gathered {
    /// Its name or path.
    name: Expr<Text>,
    /// What its list is called; empty for its own name, without the path before it.
    #[serde(default)]
    rename: Expr<Text>,
}

impl Default for Aggregate {
    fn default() -> Self {
        Self {
            gather: Gather::Fields,
            fields: Vec::new(),
            into: Text::from("data").into(),
            include_fields: Names::default().into(),
            exclude_fields: Names::default().into(),
            dot_notation: true.into(),
            merge_lists: false.into(),
            keep_missing: false.into(),
            fail_when_missing: false,
            keep_files: false.into(),
            unique_files: false.into(),
        }
    }
}

impl Node for Aggregate {
    const KIND: Kind = Kind::new("core.aggregate", 1);
    const TITLE: &'static str = "Aggregate";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "All names in one list",
            parameters: r#"{"fields": [{"name": "person.name", "rename": "names"}]}"#,
            items: r#"[{"person": {"name": "Ada"}}, {"person": {"name": "Grace"}}]"#,
        },
        Example {
            title: "All items in one list",
            parameters: r#"{"gather": "items", "into": "people", "exclude_fields": "secret"}"#,
            items: r#"[{"name": "Ada", "secret": 1}, {"name": "Grace", "secret": 2}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main();
        if items.is_empty() {
            return Ok(Output::main(Vec::new()));
        }
        let (json, used) = match self.gather {
            Gather::Fields => (self.gather_fields(ctx, items)?, (0..items.len()).collect()),
            Gather::Items => self.gather_items(ctx, items)?,
        };
        let binary = match self.keep_files.eval(ctx, 0)? {
            true => files(used.iter().map(|index| &items[*index]), self.unique_files.eval(ctx, 0)?),
            false => None,
        };
        let lineage = Lineage::many(used.into_iter().map(Origin::item));
        Ok(Output::main(vec![Item { json, binary, lineage }]))
    }
}

impl Aggregate {
    fn gather_fields(&self, ctx: &Context, items: &[Item]) -> Result<Object, NodeError> {
        if self.fields.is_empty() {
            return Err(NodeError::permanent("No fields specified").describe("name a field to aggregate"));
        }
        let dotted = self.dot_notation.eval(ctx, 0)?;
        let merge_lists = self.merge_lists.eval(ctx, 0)?;
        let keep_missing = self.keep_missing.eval(ctx, 0)?;
        let mut taken = HashSet::new();
        let mut json = Object::new();
        for field in &self.fields {
            let path = Path::new(&field.name.eval(ctx, 0)?, dotted);
            let rename = field.rename.eval(ctx, 0)?;
            let output = if rename.is_empty() { Text::from(path.last()) } else { rename.clone() };
            let claimed = if rename.is_empty() { path.text().clone() } else { rename };
            if !taken.insert(claimed.clone()) {
                let message = format!("The '{claimed}' output field is used more than once");
                return Err(NodeError::permanent(message).describe("give each field a name of its own"));
            }
            let found = || items.iter().any(|item| path.find(&item.json).is_some());
            if self.fail_when_missing && !keep_missing && !found() {
                let message = format!("Couldn't find the field '{}' in the input data", path.text());
                return Err(NodeError::permanent(message));
            }
            if path.text().is_empty() {
                continue;
            }
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                match path.find(&item.json).as_deref() {
                    None | Some(Value::Null) if keep_missing => values.push(Value::Null),
                    None | Some(Value::Null) => {}
                    Some(Value::Array(list)) => {
                        let kept = list.iter().filter(|value| keep_missing || !value.is_null()).cloned();
                        if merge_lists {
                            values.extend(kept);
                        } else {
                            values.push(Value::array(kept));
                        }
                    }
                    Some(value) => values.push(value.clone()),
                }
            }
            Path::new(&output, dotted).set(&mut json, Some(values.into()))?;
        }
        Ok(json)
    }

    /// The list of the items' data, and which items are in it.
    fn gather_items(&self, ctx: &Context, items: &[Item]) -> Result<(Object, Vec<usize>), NodeError> {
        let exclude = self.exclude_fields.eval(ctx, 0)?.0;
        let include = self.include_fields.eval(ctx, 0)?.0;
        let mut used = Vec::with_capacity(items.len());
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let mut json = item.json.clone();
            if !(exclude.is_empty() && include.is_empty()) {
                json.retain(|key, _| {
                    !exclude.iter().any(|name| name == key)
                        && (include.is_empty() || include.iter().any(|name| name == key))
                });
                if json.is_empty() {
                    continue;
                }
            }
            used.push(index);
            list.push(Value::Object(json));
        }
        let into = self.into.eval(ctx, 0)?;
        Ok(([(into, Value::from(list))].into_iter().collect(), used))
    }
}

/// All files of these items; a name that is taken gets a number.
fn files<'a>(items: impl Iterator<Item = &'a Item>, unique: bool) -> Option<Arc<Binaries>> {
    let mut files = Binaries::default();
    let mut seen = HashSet::new();
    for (name, file) in items.flat_map(|item| item.binary.iter().flat_map(|files| files.iter())) {
        if unique && !seen.insert((file.mime_type.clone(), file.blob.size(), file.file_extension.clone())) {
            continue;
        }
        let mut free = name.clone();
        let mut number = 1;
        while files.contains_key(&free) {
            free = format!("{name}_{number}").into();
            number += 1;
        }
        files.insert(free, file.clone());
    }
    (!files.is_empty()).then(|| Arc::new(files))
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.aggregate", versions: &[1.0], map: |node| Ok(from_n8n(node)) }];

/// Also serves the list operation of the same purpose.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let native = Native::new(Aggregate::KIND, json!({}))
        .set("keep_files", node.get_or("options.includeBinaries", false))
        .set("unique_files", node.get_or("options.keepOnlyUnique", false));
    if node.text_or("aggregate", "aggregateIndividualFields") == "aggregateAllItemData" {
        let include = node.text_or("include", "allFields");
        let when =
            |wanted: &str, name: &str| if include == wanted { node.get_or(name, "") } else { "".into() };
        return native
            .set("gather", "items")
            .set("into", node.get_or("destinationFieldName", "data"))
            .set("include_fields", when("specifiedFields", "fieldsToInclude"))
            .set("exclude_fields", when("allFieldsExcept", "fieldsToExclude"));
    }
    let mut fields = node.entries("fieldsToAggregate.fieldToAggregate");
    if node.get("fieldsToAggregate").is_none() {
        fields.push(json!({}));
    }
    let fields = fields.iter().map(|field| {
        let text = |key: &str| field.get(key).cloned().unwrap_or_else(|| "".into());
        let renamed = field.get("renameField").and_then(Value::as_bool).unwrap_or(false);
        let rename = if renamed { text("outputFieldName") } else { "".into() };
        Value::Object([("name", text("fieldToAggregate")), ("rename", rename)].into_iter().collect())
    });
    native
        .set("fields", Value::array(fields))
        .set("dot_notation", node.not("options.disableDotNotation"))
        .set("merge_lists", node.get_or("options.mergeLists", false))
        .set("keep_missing", node.get_or("options.keepMissing", false))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check, check_error, run};

    use super::*;

    #[test]
    fn values_are_gathered_under_the_last_part_of_their_path() {
        check::<Aggregate>(
            json!({ "fields": [{ "name": "a.b" }, { "name": "c", "rename": "d.e" }] }),
            json!([{ "a": { "b": 1 }, "c": 3 }, { "a": { "b": 2 }, "c": null }]),
            json!({ "main": [{ "b": [1, 2], "d": { "e": [3] } }] }),
        );
    }

    #[test]
    fn lists_are_joined_and_missing_values_kept_on_request() {
        check::<Aggregate>(
            json!({ "fields": [{ "name": "a" }], "merge_lists": true, "keep_missing": true }),
            json!([{ "a": [1, null] }, {}, { "a": 2 }]),
            json!({ "main": [{ "a": [1, null, null, 2] }] }),
        );
    }

    #[test]
    fn items_without_a_wanted_field_are_left_out() {
        let node = build::<Aggregate>(&json!({ "gather": "items", "into": "all", "include_fields": "a" }));
        let emission = run(&node, json!([{ "a": 1, "b": 2 }, { "b": 3 }])).expect("the step completes");
        assert_eq!(Value::Object(emission.ports[0][0].json.clone()), json!({ "all": [{ "a": 1 }] }));
        assert_eq!(emission.ports[0][0].lineage.origins(), [Origin::item(0)]);
    }

    #[test]
    fn a_name_may_be_used_once() {
        let fields = json!([{ "name": "a" }, { "name": "b", "rename": "a" }]);
        let error = check_error::<Aggregate>(json!({ "fields": fields }), json!([{}]));
        assert_eq!(error.message, "The 'a' output field is used more than once");
    }
}
