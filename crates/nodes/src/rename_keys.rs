//! Rename Keys: gives fields other names.

use std::sync::{Arc, LazyLock};

use sdk::expression::Tree;
use sdk::prelude::*;

use crate::path::Path;

/// Gives fields of each item other names, or moves them elsewhere in the item.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RenameKeys {
    /// The fields to rename, in order; a field that an item does not have is passed over.
    keys: Vec<Renaming>,
    /// Patterns that rename every field they match, after `keys`.
    patterns: Vec<Pattern>,
}

/// A field to rename.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renaming {
    /// Its name or path.
    from: Expr<Text>,
    /// Its new name or path.
    to: Expr<Text>,
}

/// A regular expression over names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// The regular expression, as in JavaScript.
    search: Expr<Text>,
    /// What takes the place of the first match; `$1` stands for the first group.
    replacement: Expr<Text>,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    ignore_case: Expr<bool>,
    /// How many levels below the item's own fields are renamed too; all of them when below 0.
    #[serde(default = "all_levels")]
    depth: Expr<f64>,
}

fn all_levels() -> Expr<f64> {
    Expr::from(-1.0)
}

impl Node for RenameKeys {
    const KIND: Kind = Kind::new("core.rename_keys", 1);
    const TITLE: &'static str = "Rename Keys";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "A better name",
            parameters: r#"{"keys": [{"from": "fname", "to": "name.first"}]}"#,
            items: r#"[{"fname": "Ada"}, {"other": 1}]"#,
        },
        Example {
            title: "Without a prefix",
            parameters: r#"{"patterns": [{"search": "^data_(.*)$", "replacement": "$1"}]}"#,
            items: r#"[{"data_name": "Ada", "data_more": {"data_age": 36}}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let items = ctx.map_items(|index, item| {
            let mut json = item.json.clone();
            for key in &self.keys {
                let (from, to) = (key.from.eval(ctx, index)?, key.to.eval(ctx, index)?);
                if from.is_empty() || to.is_empty() || from == to {
                    continue;
                }
                let from = Path::parse(&from);
                if let Some(value) = from.find(&item.json) {
                    Path::parse(&to).set(&mut json, Some(value.into_owned()))?;
                    from.remove(&mut json);
                }
            }
            for pattern in &self.patterns {
                let flags = if pattern.ignore_case.eval(ctx, index)? { "i" } else { "" };
                let facts = [
                    ("$search", pattern.search.eval(ctx, index)?.into()),
                    ("$replacement", pattern.replacement.eval(ctx, index)?.into()),
                    ("$flags", flags.into()),
                ];
                let depth = Some(pattern.depth.eval(ctx, index)?).filter(|depth| *depth >= 0.0);
                json = rename(&json, depth.map_or(MAX_DEPTH, |depth| depth as usize), &mut |key| {
                    let mut variables = facts.to_vec();
                    variables.push(("$key", key.clone().into()));
                    match REPLACE.eval_with(ctx, index, &variables)? {
                        Some(Value::String(name)) => Ok(name),
                        _ => Err(NodeError::permanent(format!("{} is no regular expression", facts[0].1))),
                    }
                })?;
            }
            Ok(Item { json, binary: item.binary.clone(), lineage: Lineage::unknown() })
        })?;
        Ok(Output::main(items))
    }
}

/// Deeper objects keep their names.
const MAX_DEPTH: usize = 128;

/// Names follow JavaScript's regular expressions, so expressions evaluate them.
static REPLACE: LazyLock<Tree> = LazyLock::new(|| {
    let source = "={{ $key.replace(new RegExp($search, $flags), $replacement) }}";
    Tree::parse(&source.into()).expect("the expression is valid")
});

/// The same object with other names, and the objects up to `depth` levels below it likewise.
fn rename(
    object: &Object,
    depth: usize,
    name: &mut dyn FnMut(&Text) -> Result<Text, NodeError>,
) -> Result<Object, NodeError> {
    let mut renamed = object.clone();
    for (key, value) in object.iter() {
        if depth > 0 {
            renamed.insert(key.clone(), rename_within(value, depth - 1, name)?);
        }
        let new = name(key)?;
        if new != *key
            && let Some(value) = renamed.remove(key)
        {
            renamed.insert(new, value);
        }
    }
    Ok(renamed)
}

fn rename_within(
    value: &Value,
    depth: usize,
    name: &mut dyn FnMut(&Text) -> Result<Text, NodeError>,
) -> Result<Value, NodeError> {
    match value {
        Value::Object(object) => rename(object, depth, name).map(Value::Object),
        Value::Array(values) if depth > 0 => {
            let values = values.iter().map(|value| rename_within(value, depth - 1, name));
            Ok(Value::Array(Arc::new(values.collect::<Result<_, _>>()?)))
        }
        other => Ok(other.clone()),
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.renameKeys", versions: &[1.0], map: |node| Ok(from_n8n(node)) }];

fn from_n8n(node: &N8nNode<'_>) -> Native {
    let object = |entry: &Value, members: &[(&'static str, &str, Value)]| {
        let member = |(name, path, default): &(&'static str, &str, Value)| {
            let value = path.split('.').try_fold(entry, |value, part| value.get(part));
            (*name, value.unwrap_or(default).clone())
        };
        Value::Object(members.iter().map(member).collect())
    };
    let empty = Value::from("");
    let keys = node.entries("keys.key");
    let keys = keys
        .iter()
        .map(|key| object(key, &[("from", "currentKey", empty.clone()), ("to", "newKey", empty.clone())]));
    let patterns = node.entries("additionalOptions.regexReplacement.replacements");
    let patterns = patterns.iter().map(|pattern| {
        let members = [
            ("search", "searchRegex", empty.clone()),
            ("replacement", "replaceRegex", empty.clone()),
            ("ignore_case", "options.caseInsensitive", false.into()),
            ("depth", "options.depth", (-1).into()),
        ];
        object(pattern, &members)
    });
    Native::new(RenameKeys::KIND, json!({}))
        .set("keys", Value::array(keys))
        .set("patterns", Value::array(patterns))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn fields_move_to_their_new_place() {
        check::<RenameKeys>(
            json!({ "keys": [{ "from": "a.b", "to": "c" }, { "from": "x", "to": "y.z" }] }),
            json!([{ "a": { "b": 1 }, "x": 2 }, { "other": 3 }]),
            json!({ "main": [{ "a": {}, "c": 1, "y": { "z": 2 } }, { "other": 3 }] }),
        );
    }
    #[test]
    fn patterns_rename_whatever_they_match_down_to_a_depth() {
        let patterns = |depth: i32| {
            json!({ "patterns": [
                { "search": "^X_(.+)", "replacement": "$1", "ignore_case": true, "depth": depth }
            ] })
        };
        let items = json!([{ "x_a": { "x_b": [{ "X_c": 1 }] } }]);
        check::<RenameKeys>(patterns(-1), items.clone(), json!({ "main": [{ "a": { "b": [{ "c": 1 }] } }] }));
        check::<RenameKeys>(patterns(0), items, json!({ "main": [{ "a": { "x_b": [{ "X_c": 1 }] } }] }));
    }

    #[test]
    fn a_broken_pattern_is_an_error() {
        let parameters = json!({ "patterns": [{ "search": "(", "replacement": "" }] });
        let error = check_error::<RenameKeys>(parameters, json!([{ "a": 1 }]));
        assert_eq!(error.message, "\"(\" is no regular expression");
    }
}
