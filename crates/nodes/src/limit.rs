//! Limit: passes on the first or last items.

use sdk::prelude::*;

/// Passes on at most so many items, from the start or the end of the list, and drops the others. Order and lineage are
/// preserved.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// How many items pass; evaluated once, for the first item.
    max_items: Expr<usize>,
    /// Which end of the list passes.
    keep: Expr<Keep>,
}

/// Which end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The items that came first.
    First,
    /// The items that came last.
    Last,
}
sdk::parameter!(Keep);

impl Default for Limit {
    fn default() -> Self {
        Self { max_items: Expr::from(1), keep: Expr::from(Keep::First) }
    }
}

impl Node for Limit {
    const KIND: Kind = Kind::new("core.limit", 1);
    const TITLE: &'static str = "Limit";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example { title: "The first item", parameters: "{}", items: r#"[{"id": 1}, {"id": 2}]"# },
        Example {
            title: "The last two items",
            parameters: r#"{"max_items": 2, "keep": "last"}"#,
            items: r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main();
        if items.is_empty() {
            return Ok(Output::main(Vec::new()));
        }
        let count = self.max_items.eval(ctx, 0)?.min(items.len());
        let kept = match self.keep.eval(ctx, 0)? {
            Keep::First => 0..count,
            Keep::Last => items.len() - count..items.len(),
        };
        Ok(Output::main(kept.map(|index| items[index].clone().from_item(index)).collect()))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.limit", versions: &[1.0], map: |node| Ok(from_n8n(node)) }];

/// Also serves the list operation of the same name.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let keep = match node.text_or("keep", "firstItems") {
        "firstItems" => Value::from("first"),
        "lastItems" => Value::from("last"),
        expression => Value::from(expression),
    };
    Native::new(Limit::KIND, json!({})).set("max_items", node.get_or("maxItems", 1)).set("keep", keep)
}

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn the_first_item_passes_by_default() {
        check::<Limit>(json!({}), json!([{ "id": 1 }, { "id": 2 }]), json!({ "main": [{ "id": 1 }] }));
    }

    #[test]
    fn the_last_items_keep_their_order() {
        check::<Limit>(
            json!({ "max_items": 2, "keep": "last" }),
            json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }]),
            json!({ "main": [{ "id": 2 }, { "id": 3 }] }),
        );
    }

    #[test]
    fn a_limit_above_the_number_of_items_passes_all() {
        check::<Limit>(json!({ "max_items": 9 }), json!([{ "id": 1 }]), json!({ "main": [{ "id": 1 }] }));
    }

    #[test]
    fn a_limit_that_is_no_count_is_an_error() {
        let error = json!({ "max_items": -1 }).parse::<Limit>().expect_err("a count is not negative");
        assert!(error.to_string().contains("whole number"), "{error}");
    }
}
