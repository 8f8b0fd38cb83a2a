//! A node author's view: parameters in, items out.

use sdk::prelude::*;
use sdk::testing::{check, check_error};

/// Sends each item to `kept` or `discarded` depending on a condition.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keep {
    /// Evaluated once per item; must give a boolean.
    condition: Expr<bool>,
}

impl Node for Keep {
    const KIND: Kind = Kind::new("test.keep", 1);
    const TITLE: &'static str = "Keep";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &["kept", "discarded"];
    const EXAMPLES: &'static [Example] = &[];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut ports = [Vec::new(), Vec::new()];
        for (index, item) in inputs.main().iter().enumerate() {
            let port = if self.condition.eval(ctx, index)? { 0 } else { 1 };
            ports[port].push(item.clone().from_item(index));
        }
        Ok(Output::from(ports))
    }
}

/// Gives every item a text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shout {
    /// The text.
    text: Expr<Text>,
}

impl Node for Shout {
    const KIND: Kind = Kind::new("test.shout", 1);
    const TITLE: &'static str = "Shout";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[];

    async fn run(&self, ctx: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let shout =
            |index, _: &Item| Ok(Item::new([("text", self.text.eval(ctx, index)?)].into_iter().collect()));
        Ok(Output::main(ctx.map_items(shout)?))
    }
}

#[test]
fn a_literal_parameter_serves_every_item() {
    check::<Keep>(json!({ "condition": true }), json!([{ "age": 1 }]), json!({ "kept": [{ "age": 1 }] }));
}

#[test]
fn a_parameter_of_the_wrong_type_names_the_node_and_the_item() {
    let error = check_error::<Keep>(json!({ "condition": "={{ [] }}" }), json!([{}]));
    assert_eq!(error.message, "a parameter of \"Node\" must be true or false, not array");
    assert_eq!(error.item, Some(0));
}

#[test]
fn a03_what_the_expressions_of_a_step_make_together_is_bounded() {
    let items = Value::array(std::iter::repeat_n(json!({ "text": "x".repeat(450_000) }), 1_000));
    let error = check_error::<Shout>(json!({ "text": "={{ $json.text + $json.text }}" }), items);
    assert!(error.message.contains("memory"), "{error:?}");
}
