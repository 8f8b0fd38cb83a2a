//! Rename Keys: gives fields other names.

use sdk::prelude::*;

use crate::path::Path;

/// Gives fields of each item other names, or moves them elsewhere in the item.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RenameKeys {
    /// The fields to rename, in order; a field that an item does not have is passed over.
    keys: Vec<Renaming>,
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

impl Node for RenameKeys {
    const KIND: Kind = Kind::new("core.rename_keys", 1);
    const TITLE: &'static str = "Rename Keys";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A better name",
        parameters: r#"{"keys": [{"from": "fname", "to": "name.first"}]}"#,
        items: r#"[{"fname": "Ada"}, {"other": 1}]"#,
    }];

    async fn run(&self, ctx: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let items = ctx.map_items(|index, item| {
            let mut json = item.json.clone();
            for key in &self.keys {
                let (from, to) = (key.from.eval(ctx, index)?, key.to.eval(ctx, index)?);
                if from.is_empty() || to.is_empty() || from == to {
                    continue;
                }
                let from = Path::parse(&from);
                if let Some(value) = from.get(&item.json) {
                    Path::parse(&to).set(&mut json, Some(value.clone()))?;
                    from.remove(&mut json);
                }
            }
            Ok(Item { json, binary: item.binary.clone(), lineage: Lineage::unknown() })
        })?;
        Ok(Output::main(items))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.renameKeys", versions: &[1.0], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    if !node.entries("additionalOptions.regexReplacement.replacements").is_empty() {
        let reason = "renaming by regular expression is not supported yet; rename the keys in a code node";
        return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
    }
    let keys = node.entries("keys.key");
    let keys = keys.iter().map(|key| {
        let text = |name: &str| key.get(name).cloned().unwrap_or_else(|| "".into());
        Value::Object([("from", text("currentKey")), ("to", text("newKey"))].into_iter().collect())
    });
    Ok(Native::new(RenameKeys::KIND, json!({})).set("keys", Value::array(keys)))
}

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn fields_move_to_their_new_place() {
        check::<RenameKeys>(
            json!({ "keys": [{ "from": "a.b", "to": "c" }, { "from": "x", "to": "y.z" }] }),
            json!([{ "a": { "b": 1 }, "x": 2 }, { "other": 3 }]),
            json!({ "main": [{ "a": {}, "c": 1, "y": { "z": 2 } }, { "other": 3 }] }),
        );
    }
}
