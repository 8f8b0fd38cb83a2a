//! Error Trigger: starts when an execution of another workflow fails.

use sdk::prelude::*;

/// Starts when an execution fails whose workflow names this one as its error workflow. Its item tells which execution
/// and why; tried out by hand it gives an example of that.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorTrigger {}

impl Node for ErrorTrigger {
    const KIND: Kind = Kind::new("core.error_trigger", 1);
    const TITLE: &'static str = "Error Trigger";
    const GROUP: Group = Group::Trigger;
    const STARTS_ON: StartsOn = StartsOn::Failure;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "What a failure looks like",
        parameters: "{}",
        items: r#"[{"execution": {"id": "7", "error": {"message": "no such host"}}, "workflow": {"id": "1", "name": "Sync"}}]"#,
    }];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut items = super::given(inputs);
        if super::is_bare(inputs) && matches!(ctx.execution.mode, sdk::Mode::Manual | sdk::Mode::Test) {
            items[0].json.extend(example().iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Ok(Output::main(items))
    }
}

/// A failure that never happened.
fn example() -> Object {
    let example = json!({
        "execution": {
            "id": 231,
            "url": "http://execution/workflow/1/231",
            "retryOf": "34",
            "error": { "message": "Example Error Message", "stack": "Stacktrace" },
            "lastNodeExecuted": "Node With Error",
            "mode": "manual",
        },
        "workflow": { "id": "1", "name": "Example Workflow" },
    });
    example.as_object().cloned().expect("the example is an object")
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.errorTrigger",
    versions: &[1.0],
    map: |_| Ok(Native::new(ErrorTrigger::KIND, json!({}))),
}];

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check, run};

    use super::*;

    #[test]
    fn a_failure_passes_on_as_it_is_told() {
        let failure = json!({ "workflow": { "id": "1" } });
        check::<ErrorTrigger>(json!({}), json!([failure]), json!({ "main": [failure] }));
    }

    #[test]
    fn tried_out_by_hand_it_gives_an_example() {
        let emission = run(&build::<ErrorTrigger>(&json!({})), json!([{}])).expect("the step completes");
        assert!(emission.ports[0][0].json.contains_key("execution"));
    }
}
