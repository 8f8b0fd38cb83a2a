//! Execute Workflow: runs another workflow and goes on with its result.

use std::sync::Arc;

use sdk::output::WorkflowSource;
use sdk::prelude::*;

/// Runs another workflow with its items and gives what that workflow gives in the end.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecuteWorkflow {
    /// Which workflow.
    workflow: Source,
    /// Whether it runs once per item instead of once with all items.
    #[serde(default)]
    each_item: bool,
    /// Whether to wait for the result; otherwise the items pass on at once.
    #[serde(default = "waits")]
    wait: Expr<bool>,
    /// Fields that are set on every item before the workflow sees it.
    #[serde(default)]
    fields: Option<Expr<Value>>,
    /// Names among them that are not set after all.
    #[serde(default)]
    without: Vec<String>,
}

/// Where a workflow comes from.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A stored workflow, or a file beside this workflow's file.
    Reference {
        /// Id or file name.
        id: Expr<String>,
    },
    /// A definition, in our format or n8n's.
    Definition {
        /// The definition, or JSON text of one.
        definition: Expr<Value>,
    },
}

fn waits() -> Expr<bool> {
    Expr::from(true)
}

impl Node for ExecuteWorkflow {
    const KIND: Kind = Kind::new("core.execute_workflow", 1);
    const TITLE: &'static str = "Execute Workflow";
    const GROUP: Group = Group::Flow;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Once with all items",
            parameters: r#"{"workflow": {"from": "reference", "id": "clean-up"}}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
        Example {
            title: "Once per item, with more data",
            parameters: r#"{"workflow": {"from": "reference", "id": "notify"}, "each_item": true,
                "fields": {"channel": "={{ $json.team }}"}}"#,
            items: r#"[{"team": "a"}, {"team": "b"}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = self.prepare(ctx, inputs)?;
        let workflow = match self.source(ctx, items.len()) {
            Ok(workflow) => workflow,
            Err(error) => return self.failed(ctx, items.len(), &error),
        };
        let wait = self.wait.eval(ctx, 0)?;
        let pass = inputs.main().iter().enumerate().map(|(index, item)| item.clone().from_item(index));
        let pass = Arc::new(if wait { Vec::new() } else { pass.collect() });
        let calls = match self.each_item {
            true => items.into_iter().map(|item| Arc::new(vec![item])).collect(),
            false => vec![Arc::new(items)],
        };
        Ok(Output::Children(Children { workflow, calls, wait, pass }))
    }
}

impl ExecuteWorkflow {
    /// The items as the other workflow sees them.
    fn prepare(&self, ctx: &Context, inputs: &Inputs) -> Result<Vec<Item>, NodeError> {
        let mut items = Vec::with_capacity(inputs.main().len());
        for (index, item) in inputs.main().iter().enumerate() {
            ctx.check_cancelled_at(index)?;
            let mut item = item.clone().from_item(index);
            match self.fields.as_ref().map(|fields| fields.eval(ctx, index)).transpose()? {
                Some(Value::Object(fields)) => {
                    let wanted =
                        fields.iter().filter(|(name, _)| !self.without.iter().any(|other| *name == other));
                    item.json.extend(wanted.map(|(name, value)| (name.clone(), value.clone())));
                }
                None | Some(Value::Null) => {}
                Some(other) => {
                    let found = other.type_name();
                    let message = format!("the fields for the workflow must be an object, not {found}");
                    return Err(NodeError::permanent(message).at_item(index));
                }
            }
            items.push(item);
        }
        Ok(items)
    }

    /// What there is to say where the node goes on without a workflow to run: an item per call.
    fn failed(&self, ctx: &Context, count: usize, error: &NodeError) -> Result<Output, NodeError> {
        let failed = |index: usize| ctx.error_item(index, error.clone());
        if self.each_item {
            return Ok(Output::main((0..count).map(failed).collect::<Result<_, _>>()?));
        }
        let lineage = Lineage::many((0..count).map(Origin::item));
        Ok(Output::main(vec![Item { lineage, ..failed(0)? }]))
    }

    fn source(&self, ctx: &Context, count: usize) -> Result<WorkflowSource, NodeError> {
        match &self.workflow {
            Source::Reference { id } => {
                let first = id.eval(ctx, 0)?;
                if self.each_item && id.literal().is_none() {
                    for index in 1..count {
                        if id.eval(ctx, index)? != first {
                            let message =
                                "the items name different workflows; split them with a switch first";
                            return Err(NodeError::permanent(message).at_item(index));
                        }
                    }
                }
                if first.trim().is_empty() {
                    return Err(NodeError::permanent("no workflow is chosen; choose the one to run"));
                }
                Ok(WorkflowSource::Reference { id: first })
            }
            Source::Definition { definition } => {
                let definition = match definition.eval(ctx, 0)? {
                    Value::String(text) => Value::from_json(&text).map_err(|error| {
                        NodeError::permanent(format!("the workflow to run is not valid JSON: {error}"))
                    })?,
                    other => other,
                };
                Ok(WorkflowSource::Inline { definition })
            }
        }
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.executeWorkflow", versions: &[1.0, 1.1, 1.2, 1.3], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let source = node.text_or("source", "database");
    let workflow = match source {
        "database" => {
            let id = node.get("workflowId").map(|id| id.get("value").unwrap_or(id)).cloned();
            json!({ "from": "reference", "id": (id.unwrap_or_else(|| "".into())) })
        }
        "localFile" => json!({ "from": "reference", "id": (node.get_or("workflowPath", "")) }),
        "parameter" => json!({ "from": "definition", "definition": (node.get_or("workflowJson", "")) }),
        other => {
            return Err(Unmapped::UnsupportedParameters(format!(
                "a workflow from \"{other}\" is not supported; import it and choose it by its id"
            )));
        }
    };
    let mut native = Native::new(ExecuteWorkflow::KIND, json!({ "workflow": workflow }))
        .set("each_item", node.text_or("mode", "once") == "each")
        .set("wait", node.get_or("options.waitForSubWorkflow", true));
    if node.version >= 1.2 && source == "database" {
        let removed = node
            .entries("workflowInputs.schema")
            .into_iter()
            .filter(|field| field.get("removed").and_then(Value::as_bool).unwrap_or(false));
        let removed = removed.filter_map(|field| field.get("id").cloned());
        native = native
            .set("fields", node.get_or("workflowInputs.value", Value::Null))
            .set("without", Value::array(removed));
    }
    Ok(native)
}

#[cfg(test)]
mod tests {
    use model::OnError;
    use sdk::context::NodeInfo;
    use sdk::testing::{build, check_error, context};

    use super::*;

    fn children(parameters: Value) -> Children {
        let node: ExecuteWorkflow = build(&parameters);
        let item = |id: i32| Item::new(json!({ "id": id }).as_object().expect("an object").clone());
        let ctx = context(Inputs::single(Arc::new(vec![item(1), item(2)])));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        match runtime.block_on(Node::run(&node, &ctx, &ctx.inputs)) {
            Ok(Output::Children(children)) => children,
            other => panic!("the step runs workflows, not {other:?}"),
        }
    }

    #[test]
    fn without_a_workflow_to_run_a_node_that_goes_on_gives_an_item_per_call() {
        let failures = |each_item: bool| {
            let workflow = json!({ "from": "definition", "definition": "no JSON" });
            let node: ExecuteWorkflow = build(&json!({ "workflow": workflow, "each_item": each_item }));
            let mut ctx = context(Inputs::single(Arc::new(vec![Item::default(); 2])));
            let step = Arc::get_mut(&mut ctx.step).expect("nobody else has it");
            step.node = Arc::new(NodeInfo { on_error: OnError::Continue, ..(*step.node).clone() });
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
            let Ok(Output::Items(emission)) = runtime.block_on(Node::run(&node, &ctx, &ctx.inputs)) else {
                panic!("the step goes on");
            };
            assert!(emission.ports[0].iter().all(|item| item.json.contains_key("error")));
            emission.ports[0].iter().map(|item| item.lineage.origins().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(failures(false), [[Origin::item(0), Origin::item(1)]]);
        assert_eq!(failures(true), [[Origin::item(0)], [Origin::item(1)]]);
    }

    #[test]
    fn a_workflow_runs_once_with_all_items_or_once_per_item() {
        let lengths = |each_item: bool| {
            let workflow = json!({ "from": "reference", "id": "w" });
            let children = children(json!({ "workflow": workflow, "each_item": each_item }));
            children.calls.iter().map(|items| items.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(false), [2]);
        assert_eq!(lengths(true), [1, 1]);
    }

    #[test]
    fn fields_are_added_to_what_the_items_have() {
        let children = children(json!({
            "workflow": { "from": "reference", "id": "w" },
            "fields": { "x": 1, "y": 2 },
            "without": ["y"],
        }));
        assert_eq!(Value::from(children.calls[0][1].json.clone()), json!({ "id": 2, "x": 1 }));
    }

    #[test]
    fn items_pass_at_once_when_nobody_waits() {
        let children = children(json!({ "workflow": { "from": "reference", "id": "w" }, "wait": false }));
        assert_eq!((children.wait, children.pass.len()), (false, 2));
    }

    #[test]
    fn a_definition_may_be_json_text() {
        let workflow = json!({ "from": "definition", "definition": "{\"nodes\": []}" });
        let children = children(json!({ "workflow": workflow }));
        assert_eq!(children.workflow, WorkflowSource::Inline { definition: json!({ "nodes": [] }) });
        let broken = json!({ "workflow": { "from": "definition", "definition": "{" } });
        assert!(check_error::<ExecuteWorkflow>(broken, json!([{}])).message.contains("not valid JSON"));
    }
}
