//! Manual Trigger: starts executions that a person asks for.

use sdk::prelude::*;

/// Starts an execution when somebody asks for one, with the items that they give.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {}

impl Node for Manual {
    const KIND: Kind = Kind::new("core.manual", 1);
    const TITLE: &'static str = "Manual Trigger";
    const GROUP: Group = Group::Trigger;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] =
        &[Example { title: "On request", parameters: "{}", items: r#"[{"id": 1}]"# }];

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        Ok(Output::main(super::given(inputs)))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.manualTrigger",
    versions: &[1.0],
    map: |_| Ok(Native::new(Manual::KIND, json!({}))),
}];

#[cfg(test)]
mod tests {
    use sdk::testing::check;

    use super::*;

    #[test]
    fn items_pass_on_as_they_are_given() {
        check::<Manual>(json!({}), json!([{ "a": 1 }, {}]), json!({ "main": [{ "a": 1 }, {}] }));
    }
}
