//! Filter: parts the items that meet conditions from the others.

use sdk::prelude::*;

use crate::condition::{self, Conditions};

/// Passes on the items that meet conditions on `kept`, the others on `discarded`. Order and lineage are preserved.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// What keeps an item.
    when: Conditions,
    /// When the node continues on errors: whether an item that cannot be compared is discarded. Otherwise it fails
    /// the step as a whole.
    discard_failed: bool,
}

impl Node for Filter {
    const KIND: Kind = Kind::new("core.filter", 1);
    const TITLE: &'static str = "Filter";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &["kept", "discarded"];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Recent and open",
        parameters: r#"{"when": {"conditions": [
            {"left": "={{ $json.at }}", "type": "date_time", "operator": "greater_than", "right": "2024-01-01"},
            {"left": "={{ $json.closed }}", "type": "boolean", "operator": "false"}
        ]}}"#,
        items: r#"[{"at": "2024-02-03", "closed": false}, {"at": "2023-02-03", "closed": false}]"#,
    }];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let [mut kept, mut discarded] = [Vec::new(), Vec::new()];
        for (index, item) in inputs.main().iter().enumerate() {
            ctx.check_cancelled_at(index)?;
            let port = match self.when.hold(ctx, index) {
                Ok(true) => &mut kept,
                Ok(false) => &mut discarded,
                Err(_) if self.discard_failed && ctx.continues_on_error() => &mut discarded,
                Err(error) => return Err(error),
            };
            port.push(item.clone().from_item(index));
        }
        Ok(Output::from([kept, discarded]))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.filter", versions: &[1.0, 2.0, 2.1, 2.2, 2.3], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(Filter::KIND, json!({}));
    if node.version < 2.0 {
        let any = node.text_or("combineConditions", "AND") == "OR";
        return Ok(native.set("when", condition::n8n::from_groups(node.get("conditions"), any)));
    }
    Ok(native.set("when", condition::n8n::from_filter(node, "conditions")).set("discard_failed", true))
}

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn items_that_meet_the_conditions_part_from_the_others_in_order() {
        check::<Filter>(
            json!({ "when": { "conditions": [
                { "left": "={{ $json.name }}", "type": "string", "operator": "contains", "right": "b" },
            ] } }),
            json!([{ "name": "abc" }, { "name": "xyz" }, { "name": "bcd" }]),
            json!({ "kept": [{ "name": "abc" }, { "name": "bcd" }], "discarded": [{ "name": "xyz" }] }),
        );
    }
}
