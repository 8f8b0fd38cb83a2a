//! Execute Workflow Trigger: starts when another workflow runs this one.

use sdk::prelude::*;

/// Starts when another workflow runs this one, with the items that it sends.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecuteWorkflowTrigger {
    /// The fields that callers send: others are dropped, missing ones are null. Without it items pass on as they are.
    fields: Option<Vec<String>>,
}

impl Node for ExecuteWorkflowTrigger {
    const KIND: Kind = Kind::new("core.execute_workflow_trigger", 1);
    const TITLE: &'static str = "Execute Workflow Trigger";
    const GROUP: Group = Group::Trigger;
    const STARTS_ON: StartsOn = StartsOn::Workflow;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        Example { title: "Whatever the caller sends", parameters: "{}", items: r#"[{"id": 1}]"# },
        Example {
            title: "Two fields",
            parameters: r#"{"fields": ["id", "name"]}"#,
            items: r#"[{"id": 1, "other": true}]"#,
        },
    ];

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut items = super::given(inputs);
        if let Some(fields) = &self.fields {
            for item in &mut items {
                let field =
                    |name: &'_ String| (Text::from(name), item.json.get(name).cloned().unwrap_or_default());
                *item = Item {
                    json: fields.iter().map(field).collect(),
                    binary: None,
                    lineage: item.lineage.clone(),
                };
            }
        }
        Ok(Output::main(items))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.executeWorkflowTrigger", versions: &[1.0, 1.1], map: from_n8n }];

const JSON_EXAMPLE: &str = "{\n  \"aField\": \"a string\",\n  \"aNumber\": 123,\n  \"thisFieldAcceptsAnyType\": null,\n  \"anArray\": []\n}";

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let source = node.text_or("inputSource", "workflowInputs");
    let fields = match source {
        _ if node.version < 1.1 => Value::Null,
        "passthrough" => Value::Null,
        "jsonExample" => {
            let example = Value::from_json(node.text_or("jsonExample", JSON_EXAMPLE));
            let example = example.ok().and_then(|example| example.as_object().cloned()).ok_or_else(|| {
                Unmapped::UnsupportedParameters(
                    "the example of the input is not a JSON object; mend it".into(),
                )
            })?;
            Value::array(example.keys().map(|name| Value::from(name.clone())))
        }
        _ => {
            let fields = node.entries("workflowInputs.values").into_iter();
            Value::array(fields.filter_map(|field| field.get("name").cloned()))
        }
    };
    Ok(Native::new(ExecuteWorkflowTrigger::KIND, json!({})).set("fields", fields))
}

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn declared_fields_are_all_that_passes() {
        check::<ExecuteWorkflowTrigger>(
            json!({ "fields": ["a", "b"] }),
            json!([{ "a": 1, "c": 2 }]),
            json!({ "main": [{ "a": 1, "b": null }] }),
        );
    }

    #[test]
    fn fields_may_come_from_an_example() {
        let example = json!({ "inputSource": "jsonExample", "jsonExample": "{\"a\": 1, \"b\": []}" });
        let parameters = example.as_object().expect("an object");
        let kind = "n8n-nodes-base.executeWorkflowTrigger";
        let native = from_n8n(&N8nNode { kind, version: 1.1, parameters, webhook_id: None });
        assert_eq!(native.expect("the node is mapped").parameters.get("fields"), Some(&json!(["a", "b"])));
    }
}
