//! Unsupported: stands for a foreign node that has no native form.

use sdk::node::Required;
use sdk::prelude::*;

/// Stands for an imported node that has no native form. It is shown, keeps everything it was imported with, and fails
/// when it is reached; pinned or disabled, it lets a workflow run past it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsupported {
    /// Why it has no native form.
    reason: String,
    /// How many input ports its connections use.
    #[serde(default = "one")]
    inputs: usize,
    /// How many output ports its connections use, the error port not counted.
    #[serde(default = "one")]
    outputs: usize,
}

/// More ports than this say that a file is broken.
const MAX_PORTS: usize = 1_000;

fn one() -> usize {
    1
}

impl Unsupported {
    /// The type and version of the node.
    pub const KIND: Kind = Kind::new("core.unsupported", 1);

    pub(super) fn foreign_ports(inputs: usize, outputs: usize) -> Ports {
        let required = Required::None;
        Ports { inputs: ports("input", inputs), outputs: ports("output", outputs), required }
    }

    pub(super) fn parameters(reason: &str, inputs: usize, outputs: usize) -> Object {
        let ports = |count: usize| count.clamp(1, MAX_PORTS);
        let mut parameters = Object::with_capacity(3);
        parameters.insert("reason", reason);
        parameters.insert("inputs", ports(inputs));
        parameters.insert("outputs", ports(outputs));
        parameters
    }
}

impl Node for Unsupported {
    const KIND: Kind = Self::KIND;
    const TITLE: &'static str = "Unsupported";
    const GROUP: Group = Group::Action;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A node type that does not exist here",
        parameters: r#"{"reason": "node type acme.rocket is not supported"}"#,
        items: r#"[{"id": 1}]"#,
    }];

    fn ports(&self) -> Ports {
        Self::foreign_ports(self.inputs, self.outputs)
    }

    async fn run(&self, _: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let error = NodeError::permanent(self.reason.clone());
        Err(error.describe("replace the node, disable it or pin its output"))
    }
}

/// `main`, then numbered names.
fn ports(name: &str, count: usize) -> Vec<Text> {
    let numbered = (2..=count.min(MAX_PORTS)).map(|number| Text::from(format!("{name}_{number}")));
    std::iter::once(Text::from("main")).chain(numbered).collect()
}

#[cfg(test)]
mod tests {
    use sdk::testing::check_error;

    use super::*;

    #[test]
    fn reaching_it_fails_with_the_reason() {
        let error = check_error::<Unsupported>(
            json!({ "reason": "node type acme.rocket is not supported" }),
            json!([{}]),
        );
        assert_eq!(error.message, "node type acme.rocket is not supported");
    }
}
