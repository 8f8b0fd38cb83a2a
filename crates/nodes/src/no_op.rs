//! No Operation: passes items on.

use sdk::prelude::*;

/// Passes every item on unchanged: a place for edges to meet, or the end of a branch that has nothing to do.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOp {}

impl Node for NoOp {
    const KIND: Kind = Kind::new("core.no_op", 1);
    const TITLE: &'static str = "No Operation";
    const GROUP: Group = Group::Flow;
    const EXAMPLES: &'static [Example] =
        &[Example { title: "Items pass", parameters: "{}", items: r#"[{"id": 1}]"# }];

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main().iter().enumerate();
        Ok(Output::main(items.map(|(index, item)| item.clone().from_item(index)).collect()))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.noOp",
    versions: &[1.0],
    map: |_| Ok(Native::new(NoOp::KIND, json!({}))),
}];

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn items_pass_unchanged() {
        check::<NoOp>(json!({}), json!([{ "a": 1 }, {}]), json!({ "main": [{ "a": 1 }, {}] }));
    }
}
