//! Switch: sends items one of several ways.

use sdk::prelude::*;

use crate::condition::{self, Conditions};

/// Sends each item to one or more of its output ports. Order and lineage are preserved.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Switch {
    /// The first rule that an item meets says where it leaves.
    Rules {
        /// The output ports, in order.
        outputs: Vec<String>,
        /// What sends an item where, looked at in this order.
        rules: Vec<Rule>,
        /// Where an item leaves that meets no rule: the name or number of a port. Without it such items are dropped.
        #[serde(default)]
        fallback: Option<Expr<Value>>,
        /// Whether an item leaves once for every rule it meets instead of for the first one.
        #[serde(default)]
        all_matches: bool,
    },
    /// An expression says where an item leaves.
    Expression {
        /// The output ports, in order.
        outputs: Vec<String>,
        /// The name of a port, or its number from 0.
        output: Expr<Value>,
    },
}

/// What sends an item to a port.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What an item must meet.
    when: Conditions,
    /// Where it leaves: the name or number of a port.
    output: Value,
}

impl Node for Switch {
    const KIND: Kind = Kind::new("core.switch", 1);
    const TITLE: &'static str = "Switch";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "By country, the rest on its own",
            parameters: r#"{"mode": "rules", "outputs": ["home", "abroad"], "fallback": "abroad", "rules": [
                {"output": "home", "when": {"conditions": [
                    {"left": "={{ $json.country }}", "type": "string", "operator": "equals", "right": "DE"}
                ]}}
            ]}"#,
            items: r#"[{"country": "DE"}, {"country": "FR"}]"#,
        },
        Example {
            title: "By the number that an expression gives",
            parameters: r#"{"mode": "expression", "outputs": ["even", "odd"], "output": "={{ $json.n % 2 }}"}"#,
            items: r#"[{"n": 1}, {"n": 2}]"#,
        },
    ];

    fn ports(&self) -> Ports {
        let names: Vec<&str> = self.outputs().iter().map(String::as_str).collect();
        Ports::new(Self::INPUTS, &names)
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut ports = vec![Vec::new(); self.outputs().len()];
        let mut chosen = Vec::new();
        for (index, item) in inputs.main().iter().enumerate() {
            ctx.check_cancelled_at(index)?;
            chosen.clear();
            if let Err(error) = self.choose(ctx, index, &mut chosen) {
                // It went through no output, so it says nothing of where it came from.
                let failed = Item { lineage: Lineage::default(), ..ctx.error_item(index, error)? };
                ports.first_mut().ok_or_else(no_ports)?.push(failed);
                continue;
            }
            for port in &chosen {
                ports[*port].push(item.clone().from_item(index));
            }
        }
        Ok(Output::ports(ports))
    }
}

impl Switch {
    fn outputs(&self) -> &[String] {
        match self {
            Switch::Rules { outputs, .. } | Switch::Expression { outputs, .. } => outputs,
        }
    }

    /// Adds the ports at which input item `index` leaves.
    fn choose(&self, ctx: &Context, index: usize, chosen: &mut Vec<usize>) -> Result<(), NodeError> {
        match self {
            Switch::Expression { output, .. } => chosen.push(self.port(&output.eval(ctx, index)?)?),
            Switch::Rules { rules, fallback, all_matches, .. } => {
                for rule in rules {
                    if rule.when.hold(ctx, index)? {
                        chosen.push(self.port(&rule.output)?);
                        if !all_matches {
                            break;
                        }
                    }
                }
                if let (true, Some(fallback)) = (chosen.is_empty(), fallback) {
                    chosen.push(self.port(&fallback.eval(ctx, index)?)?);
                }
            }
        }
        Ok(())
    }

    /// The port that a value means: its name, else its number, which may be text.
    fn port(&self, value: &Value) -> Result<usize, NodeError> {
        let outputs = self.outputs();
        let named = value.as_str().and_then(|name| outputs.iter().position(|output| output == name));
        let number = || match value {
            Value::String(text) => text.trim().parse().ok().map(Value::Number)?.as_usize(),
            other => other.as_usize(),
        };
        named.or_else(number).filter(|port| *port < outputs.len()).ok_or_else(|| {
            let shown = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
            let last = outputs.len().saturating_sub(1);
            // The words of n8n, so that workflows that look at them go on.
            NodeError::permanent(format!("The ouput {shown} is not allowed"))
                .describe(format!("it has to be the name of a port, or a number between 0 and {last}"))
        })
    }
}

fn no_ports() -> NodeError {
    NodeError::permanent("the node has no output port for failed items; add an output")
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.switch",
    versions: &[1.0, 2.0, 3.0, 3.1, 3.2, 3.3, 3.4],
    map: from_n8n,
}];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(Switch::KIND, json!({}));
    if node.text_or("mode", "rules") == "expression" {
        let amount = if node.version < 3.0 { "outputsAmount" } else { "numberOutputs" };
        let amount = if node.version < 2.0 { 4 } else { node.get_or(amount, 4).as_usize().unwrap_or(4) };
        let native = native.set("mode", "expression").set("outputs", numbered(amount));
        return Ok(native.set("output", node.get_or("output", 0)));
    }
    let native = native.set("mode", "rules");
    Ok(if node.version < 3.0 { old_rules(node, native) } else { rules(node, native) })
}

/// Rules of version 3: each has conditions and its own port.
fn rules(node: &N8nNode<'_>, native: Native) -> Native {
    let mut values = node.entries("rules.values");
    if node.get("rules").is_none() {
        values.push(json!({}));
    }
    let name = |(index, rule): (usize, &Value)| match rule.get("outputKey").and_then(Value::as_str) {
        Some(name) if !name.is_empty() && !name.starts_with('=') => name.to_owned(),
        _ => index.to_string(),
    };
    let mut outputs: Vec<String> = values.iter().enumerate().map(name).collect();
    let rules = values.iter().enumerate().map(|(index, rule)| {
        let conditions = rule.get("conditions");
        json!({ "when": (condition::n8n::from_filter_value(node, conditions)), "output": index })
    });
    let rules = Value::array(rules);
    let fallback = match node.get("options.fallbackOutput") {
        None => Value::Null,
        Some(Value::String(none)) if none == "none" => Value::Null,
        Some(Value::String(extra)) if extra == "extra" => {
            outputs.push(node.text_or("options.renameFallbackOutput", "Fallback").into());
            (outputs.len() - 1).into()
        }
        Some(other) => other.clone(),
    };
    native
        .set("outputs", unique(outputs))
        .set("rules", rules)
        .set("fallback", fallback)
        .set("all_matches", node.flag_or("options.allMatchingOutputs", false))
}

/// Rules of versions 1 and 2: all compare the same value; in version 1 they name one of four ports.
fn old_rules(node: &N8nNode<'_>, native: Native) -> Native {
    let kind = node.text_or("dataType", "number");
    let values = node.entries("rules.rules");
    let rule = |(index, rule): (usize, &Value)| {
        let operation = rule.get("operation").and_then(Value::as_str);
        let condition = condition::n8n::old_condition(
            kind,
            node.get("value1").cloned(),
            operation,
            rule.get("value2").cloned(),
        );
        let port = if node.version < 2.0 {
            rule.get("output").cloned().unwrap_or_else(|| 0.into())
        } else {
            index.into()
        };
        json!({ "when": { "conditions": [condition], "types": "as_is" }, "output": port })
    };
    let outputs = if node.version < 2.0 {
        numbered(4)
    } else {
        let name = |(index, rule): (usize, &Value)| match rule.get("outputKey").and_then(Value::as_str) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => index.to_string(),
        };
        unique(values.iter().enumerate().map(name).collect())
    };
    let fallback = match node.get_or("fallbackOutput", -1) {
        Value::Number(-1.0) => Value::Null,
        port => port,
    };
    let rules = Value::array(values.iter().enumerate().map(rule));
    native.set("outputs", outputs).set("rules", rules).set("fallback", fallback)
}

fn numbered(amount: usize) -> Value {
    Value::array((0..amount).map(|index| index.to_string().into()))
}

/// The names, told apart where n8n had the same one twice; `error` is the port of failed items.
fn unique(mut names: Vec<String>) -> Value {
    for index in 0..names.len() {
        if names[index] == "error" || names[..index].contains(&names[index]) {
            names[index] = format!("{} ({index})", names[index]);
        }
    }
    Value::array(names.into_iter().map(Value::from))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::OnError;
    use sdk::context::NodeInfo;
    use sdk::testing::{build, check, check_error, context};

    use super::*;

    fn is(field: &str, value: &str) -> Value {
        json!({ "conditions": [
            { "left": (format!("={{{{ $json.{field} }}}}")), "type": "string", "operator": "equals", "right": value },
        ] })
    }

    fn rules(more: Value) -> Value {
        let mut parameters = json!({ "mode": "rules", "outputs": ["a", "b", "rest"], "rules": [
            { "when": (is("x", "1")), "output": "a" },
            { "when": (is("y", "1")), "output": "b" },
        ] });
        if let (Value::Object(parameters), Some(more)) = (&mut parameters, more.as_object()) {
            parameters.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        parameters
    }

    #[test]
    fn an_item_that_fails_leaves_at_the_first_output_and_does_not_say_where_it_came_from() {
        let wrong = json!({ "conditions": [
            { "left": "={{ $json.x }}", "type": "number", "operator": "greater_than", "right": 1 },
        ] });
        let node: Switch = build(&rules(json!({ "rules": [{ "when": wrong, "output": "b" }] })));
        let item = Item::new(json!({ "x": "text" }).as_object().expect("an object").clone());
        let mut ctx = context(Inputs::single(vec![item].into()));
        let step = Arc::get_mut(&mut ctx.step).expect("nobody else has it");
        step.node = Arc::new(NodeInfo { on_error: OnError::Continue, ..(*step.node).clone() });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        let Ok(Output::Items(emission)) = runtime.block_on(Node::run(&node, &ctx, &ctx.inputs)) else {
            panic!("the step goes on");
        };
        assert!(emission.ports[0][0].json.contains_key("error"));
        assert!(emission.ports[0][0].lineage.is_unknown());
    }

    #[test]
    fn the_first_rule_that_holds_decides() {
        let both = json!({ "x": "1", "y": "1" });
        check::<Switch>(
            rules(json!({})),
            json!([both, { "x": "", "y": "1" }, { "x": "", "y": "" }]),
            json!({
                "a": [both],
                "b": [{ "x": "", "y": "1" }],
            }),
        );
    }

    #[test]
    fn an_item_leaves_once_per_rule_when_all_matches_count() {
        let both = json!({ "x": "1", "y": "1" });
        check::<Switch>(
            rules(json!({ "all_matches": true })),
            json!([both]),
            json!({ "a": [both], "b": [both] }),
        );
    }

    #[test]
    fn what_meets_no_rule_leaves_at_the_fallback() {
        let none = json!({ "x": "", "y": "" });
        check::<Switch>(rules(json!({ "fallback": "rest" })), json!([none]), json!({ "rest": [none] }));
        check::<Switch>(rules(json!({ "fallback": 1 })), json!([none]), json!({ "b": [none] }));
    }

    #[test]
    fn an_expression_gives_the_number_or_the_name_of_a_port() {
        let parameters = json!({ "mode": "expression", "outputs": ["a", "b"], "output": "={{ $json.to }}" });
        check::<Switch>(
            parameters.clone(),
            json!([{ "to": 1 }, { "to": "a" }, { "to": "1" }]),
            json!({
                "a": [{ "to": "a" }],
                "b": [{ "to": 1 }, { "to": "1" }],
            }),
        );
        let error = check_error::<Switch>(parameters, json!([{ "to": 2 }]));
        assert_eq!(error.message, "The ouput 2 is not allowed");
    }

    #[test]
    fn ports_of_the_same_name_are_told_apart_on_import() {
        let parameters = json!({
            "rules": { "values": [{ "outputKey": "x" }, { "outputKey": "x" }, {}] },
            "options": { "fallbackOutput": "extra" },
        });
        let parameters = parameters.as_object().expect("an object");
        let node = N8nNode { kind: "n8n-nodes-base.switch", version: 3.2, parameters, webhook_id: None };
        let native = from_n8n(&node).expect("the node is mapped");
        let switch: Switch = build(&native.parameters.into());
        assert_eq!(Node::ports(&switch).outputs, ["x", "x (1)", "2", "Fallback"]);
    }
}
