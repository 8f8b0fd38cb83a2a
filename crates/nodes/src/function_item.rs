//! Function Item: the old form of code per item.

use sdk::code::Contract;
use sdk::prelude::*;

use crate::code::run_code;

/// Runs JavaScript in a sandbox, once per item, whose data it finds in `item` and returns. New workflows use Code.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FunctionItem {
    /// The body of a function; it returns the data of the item.
    source: String,
}

impl Node for FunctionItem {
    const KIND: Kind = Kind::new("core.function_item", 1);
    const TITLE: &'static str = "Function Item";
    const GROUP: Group = Group::Code;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A field on every item",
        parameters: r#"{"source": "item.seen = true; return item"}"#,
        items: r#"[{"id": 1}]"#,
    }];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        run_code(&self.source, Contract::FunctionItem, ctx, inputs).await
    }
}

/// n8n's node; it runs whatever version a workflow names.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.functionItem",
    versions: &[1.0, 2.0],
    map: |node| {
        Ok(Native::new(FunctionItem::KIND, json!({})).set("source", node.get_or("functionCode", SAMPLE)))
    },
}];

/// What n8n's node does when nobody has written code into it.
const SAMPLE: &str = "item.myNewField = 1;\nconsole.log('Done!');\nreturn item;";
