//! Function: the old form of code over all items.

use sdk::code::Contract;
use sdk::prelude::*;

use crate::code::run_code;

/// Runs JavaScript in a sandbox, once for all items, which it finds in `items` and returns. New workflows use Code.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Function {
    /// The body of a function; it returns items.
    source: String,
}

impl Node for Function {
    const KIND: Kind = Kind::new("core.function", 1);
    const TITLE: &'static str = "Function";
    const GROUP: Group = Group::Code;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A field on every item",
        parameters: r#"{"source": "for (const item of items) item.json.seen = true; return items"}"#,
        items: r#"[{"id": 1}]"#,
    }];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        run_code(&self.source, Contract::Function, ctx, inputs).await
    }
}

/// n8n's node; it runs whatever version a workflow names.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.function",
    versions: &[1.0, 2.0],
    map: |node| Ok(Native::new(Function::KIND, json!({})).set("source", node.get_or("functionCode", SAMPLE))),
}];

/// What n8n's node does when nobody has written code into it.
const SAMPLE: &str =
    "for (item of items) { item.json.myNewField = 1; }\nconsole.log('Done!');\nreturn items;";
