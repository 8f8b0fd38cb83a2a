//! Code: runs people's own JavaScript in the sandbox.

use sdk::code::{Code as Program, Contract};
use sdk::context::Level;
use sdk::prelude::*;

/// Runs JavaScript in a sandbox, once for all items or once per item. What it returns leaves the node.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Code {
    /// How often the code runs and what it sees.
    mode: CodeMode,
    /// The body of a function; it returns items.
    source: String,
}

/// How often code runs and what it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeMode {
    /// Once: `$input.all()` are the items, and a list of items is returned.
    #[default]
    AllItems,
    /// Once per item: `$json` and `$input.item` are the item, and one item is returned.
    EachItem,
}

impl Node for Code {
    const KIND: Kind = Kind::new("core.code", 1);
    const TITLE: &'static str = "Code";
    const GROUP: Group = Group::Code;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "The number of items",
            parameters: r#"{"source": "return [{ count: $input.all().length }]"}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
        Example {
            title: "A field per item",
            parameters: r#"{"mode": "each_item", "source": "return { ...$json, double: $json.n * 2 }"}"#,
            items: r#"[{"n": 1}, {"n": 2}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let contract = match self.mode {
            CodeMode::AllItems => Contract::AllItems,
            CodeMode::EachItem => Contract::EachItem,
        };
        run_code(&self.source, contract, ctx, inputs).await
    }
}

/// Runs `source` and passes on what it returns, prints and remembers.
pub(crate) async fn run_code(
    source: &str,
    contract: Contract,
    ctx: &Context,
    inputs: &Inputs,
) -> Result<Output, NodeError> {
    let program = Program { source: source.into(), contract };
    let result = ctx.services.code.run(&program, ctx, inputs).await?;
    for (level, text) in result.logs {
        ctx.log(log_level(&level), text);
    }
    if let Some(Value::Object(data)) = result.static_data {
        ctx.set_static_data(data);
    }
    Ok(Output::shared(result.items))
}

fn log_level(method: &str) -> Level {
    match method {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.code", versions: &[1.0, 2.0], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    // Spelt in several ways in the wild.
    if node.text_or("language", "javaScript").to_ascii_lowercase().starts_with("python") {
        let reason = "code in Python does not run yet; rewrite it in JavaScript or wait for the sandbox to learn Python";
        return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
    }
    let mode = match node.text_or("mode", "runOnceForAllItems") {
        "runOnceForEachItem" => "each_item",
        _ => "all_items",
    };
    Ok(Native::new(Code::KIND, json!({ "mode": mode })).set("source", node.get_or("jsCode", "")))
}

#[cfg(test)]
mod tests {
    use sdk::testing::check_error;

    use super::*;

    #[test]
    fn without_a_sandbox_code_does_not_run() {
        let error = check_error::<Code>(json!({ "source": "return []" }), json!([{}]));
        assert!(error.message.contains("sandbox"), "{error}");
    }

    #[test]
    fn python_is_refused_when_imported() {
        let parameters = json!({ "language": "python", "pythonCode": "return []" });
        let parameters = parameters.as_object().expect("an object");
        let node = N8nNode { kind: "n8n-nodes-base.code", version: 2.0, parameters, webhook_id: None };
        let reason = from_n8n(&node).expect_err("Python is refused").to_string();
        assert!(reason.contains("Python"), "{reason}");
    }
}
