//! Stop and Error: fails the execution on purpose.

use sdk::prelude::*;

use crate::json_text::{InvalidJson, JsonText};

/// Fails the step with a message of its own, and with it the execution, unless the node's error policy says otherwise.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopAndError {
    /// What happened.
    message: Expr<Text>,
    /// An object that says what happened, instead of a message: its `message`, `description` or `error` becomes the
    /// message.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<JsonText>,
}

impl Node for StopAndError {
    const KIND: Kind = Kind::new("core.stop_and_error", 1);
    const TITLE: &'static str = "Stop and Error";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "A message with a value in it",
            parameters: r#"{"message": "=no customer {{ $json.id }}"}"#,
            items: r#"[{"id": 7}]"#,
        },
        Example {
            title: "An object",
            parameters: r#"{"object": "{\"message\": \"no such customer\", \"code\": 404}"}"#,
            items: r#"[{"id": 7}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let Some(object) = &self.object else {
            return Err(NodeError::permanent(self.message.eval(ctx, 0)?));
        };
        let object = object.eval(ctx, 0)?.map_err(|InvalidJson(text)| {
            NodeError::permanent("the object of the error is no JSON").describe(text)
        })?;
        let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let message = ["message", "description", "error"].into_iter().find_map(text);
        let message = message.map_or_else(|| format!("Error: {object}"), str::to_owned);
        Err(NodeError::permanent(message).details(object))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.stopAndError", versions: &[1.0], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(StopAndError::KIND, json!({}));
    Ok(match node.text_or("errorType", "errorMessage") {
        "errorObject" => native.set("object", node.get_or("errorObject", "")),
        _ => native.set("message", node.get_or("errorMessage", "")),
    })
}

#[cfg(test)]
mod tests {
    use sdk::testing::check_error;

    use super::*;

    #[test]
    fn the_message_is_the_error() {
        let error = check_error::<StopAndError>(json!({ "message": "no stock" }), json!([{}]));
        assert_eq!(error.message, "no stock");
    }

    #[test]
    fn an_object_is_kept_with_the_error() {
        let object = json!({ "description": "no stock", "code": 7 });
        let error = check_error::<StopAndError>(json!({ "object": object.clone() }), json!([{}]));
        assert_eq!(error.message, "no stock");
        assert_eq!(error.details.as_deref(), Some(&object));
    }
}
