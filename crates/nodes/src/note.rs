//! Note: text on the canvas.

use sdk::prelude::*;

/// Text on the canvas for those who read the workflow. It has no ports and never runs.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Note {
    /// The text, in Markdown.
    content: String,
    /// Height on the canvas.
    height: Option<f64>,
    /// Width on the canvas.
    width: Option<f64>,
    /// Colour: one of the numbered ones, or as in `#1e90ff`.
    color: Value,
}

impl Node for Note {
    const KIND: Kind = Kind::new("core.note", 1);
    const TITLE: &'static str = "Note";
    const GROUP: Group = Group::Note;
    const INPUTS: &'static [&'static str] = &[];
    const OUTPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A hint",
        parameters: r###"{"content": "## Start here", "color": 4}"###,
        items: "[]",
    }];

    async fn run(&self, _: &Context, _: &Inputs) -> Result<Output, NodeError> {
        Ok(Output::Silent)
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.stickyNote", versions: &[1.0], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let size = |name: &str, default: f64| node.get(name).and_then(Value::as_f64).unwrap_or(default);
    Ok(Native::new(Note::KIND, json!({}))
        .set("content", node.text_or("content", ""))
        .set("height", size("height", 160.0))
        .set("width", size("width", 240.0))
        .set("color", node.get_or("color", 1)))
}
