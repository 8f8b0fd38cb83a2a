//! Node types that exist only in test cases.

use sdk::prelude::*;
use sdk::{Catalogue, NodeType, StartsOn};

/// Every node type of the product and those of test cases.
pub(super) fn catalogue() -> Catalogue {
    let own = [
        NodeType::of::<TestData>().with_n8n(&[N8nMapping {
            kind: "n8n-nodes-testing.testData",
            versions: &[1.0],
            map: |node| {
                Ok(Native::new(TestData::KIND, json!({})).set("data", node.get_or("data", Value::Null)))
            },
        }]),
        NodeType::of::<TestStart>().with_n8n(&[N8nMapping {
            kind: "n8n-nodes-base.start",
            versions: &[1.0],
            map: |_| Ok(Native::new(TestStart::KIND, json!({}))),
        }]),
    ];
    Catalogue::new(nodes::catalogue().types().cloned().chain(own))
}

/// Emits fixed data whatever arrives.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TestData {
    /// One object per item, or JSON text of that.
    data: Value,
}

impl Node for TestData {
    const KIND: Kind = Kind::new("test.data", 1);
    const TITLE: &'static str = "Test Data";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[];

    async fn run(&self, _: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let parsed = match &self.data {
            Value::String(text) => Value::from_json(text)
                .map_err(|error| NodeError::permanent(format!("the test data is not JSON: {error}")))?,
            data => data.clone(),
        };
        let elements = match &parsed {
            Value::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        let items = elements.iter().map(|element| match element {
            Value::Object(json) => Ok(Item::new(json.clone())),
            other => {
                Err(NodeError::permanent(format!("test data is made of objects, not {}", other.type_name())))
            }
        });
        Ok(Output::main(items.collect::<Result<_, _>>()?))
    }
}

/// Starts a workflow and passes on what it is given.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TestStart {}

impl Node for TestStart {
    const KIND: Kind = Kind::new("test.start", 1);
    const TITLE: &'static str = "Test Start";
    const GROUP: Group = Group::Trigger;
    const STARTS_ON: StartsOn = StartsOn::Event;
    const EXAMPLES: &'static [Example] = &[];

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main().iter().enumerate();
        Ok(Output::main(items.map(|(index, item)| item.clone().from_item(index)).collect()))
    }
}
