//! If: sends items one way or the other.

use sdk::prelude::*;

use crate::condition::{self, Conditions};

/// Sends each item to `true` or `false`, depending on conditions. Order and lineage are preserved.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct If {
    /// What sends an item to `true`.
    when: Conditions,
    /// When the node continues on errors: whether an item that cannot be compared leaves on `false`. Otherwise it fails
    /// the step as a whole.
    failed_to_false: bool,
}

impl Node for If {
    const KIND: Kind = Kind::new("core.if", 1);
    const TITLE: &'static str = "If";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &["true", "false"];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Adults and others",
            parameters: r#"{"when": {"conditions": [
                {"left": "={{ $json.age }}", "type": "number", "operator": "at_least", "right": 18}
            ]}}"#,
            items: r#"[{"age": 17}, {"age": 18}]"#,
        },
        Example {
            title: "One of two is enough, upper and lower case are the same",
            parameters: r#"{"when": {"match": "any", "ignore_case": true, "conditions": [
                {"left": "={{ $json.name }}", "type": "string", "operator": "starts_with", "right": "a"},
                {"left": "={{ $json.tags }}", "type": "array", "operator": "contains", "right": "vip"}
            ]}}"#,
            items: r#"[{"name": "Ada"}, {"name": "Bob", "tags": ["VIP"]}, {"name": "Eve"}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let [mut yes, mut no] = [Vec::new(), Vec::new()];
        for (index, item) in inputs.main().iter().enumerate() {
            ctx.check_cancelled_at(index)?;
            let port = match self.when.hold(ctx, index) {
                Ok(true) => &mut yes,
                Ok(false) => &mut no,
                Err(_) if self.failed_to_false && ctx.continues_on_error() => &mut no,
                Err(error) => return Err(error),
            };
            port.push(item.clone().from_item(index));
        }
        Ok(Output::from([yes, no]))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.if", versions: &[1.0, 2.0, 2.1, 2.2, 2.3], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(If::KIND, json!({}));
    if node.version < 2.0 {
        let any = node.text_or("combineOperation", "all") == "any";
        return Ok(native.set("when", condition::n8n::from_groups(node.get("conditions"), any)));
    }
    Ok(native.set("when", condition::n8n::from_filter(node, "conditions")).set("failed_to_false", true))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn items_are_split_in_order() {
        check::<If>(
            json!({ "when": { "conditions": [
                { "left": "={{ $json.n }}", "type": "number", "operator": "greater_than", "right": 1 },
            ] } }),
            json!([{ "n": 2 }, { "n": 1 }, { "n": 3 }]),
            json!({ "true": [{ "n": 2 }, { "n": 3 }], "false": [{ "n": 1 }] }),
        );
    }

    #[test]
    fn no_conditions_always_hold() {
        check::<If>(json!({}), json!([{}]), json!({ "true": [{}] }));
    }

    #[test]
    fn an_item_of_the_wrong_type_is_named() {
        let error = check_error::<If>(
            json!({ "when": { "conditions": [
                { "left": "={{ $json.n }}", "type": "number", "operator": "greater_than", "right": 1 },
            ] } }),
            json!([{ "n": 2 }, { "n": "1" }]),
        );
        assert_eq!(
            error.message,
            "Wrong type: '1' is a string but was expecting a number [condition 0, item 1]"
        );
        assert_eq!(error.item, Some(1));
    }

    #[test]
    fn an_old_node_compares_without_conversion() {
        let equal =
            json!({ "conditions": { "number": [{ "value1": "={{ $json.n }}", "operation": "equal" }] } });
        let parameters = equal.as_object().expect("an object");
        let node = N8nNode { kind: "n8n-nodes-base.if", version: 1.0, parameters, webhook_id: None };
        let native = from_n8n(&node).expect("the node is mapped");
        check::<If>(
            native.parameters.into(),
            json!([{ "n": 0 }, { "n": "0" }]),
            json!({ "true": [{ "n": 0 }], "false": [{ "n": "0" }] }),
        );
    }
}
