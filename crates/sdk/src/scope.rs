//! What an expression sees: n8n's variables over a step.

use std::sync::Arc;

use expr::{Error, Host, Limit, Scope, Value};
use jiff::tz::TimeZone;
use model::{Object, Text};

use crate::context::{Context, Step};
use crate::expression::Extra;
use crate::history::Source;
use crate::lookback::{LookbackError, item_to_data};

/// What the results of all expressions of a step may hold together.
const MAX_KEPT_BYTES: u64 = 512 << 20;

/// The scope of one input item of a step.
pub struct ItemScope<'a> {
    step: &'a Arc<Step>,
    index: Option<usize>,
    limits: &'a Arc<expr::Limits>,
    draws: std::cell::Cell<u64>,
    extra: Extra<'a>,
}

impl<'a> ItemScope<'a> {
    /// What expressions of this step see for main input item `index`; without one they see no item.
    pub fn new(ctx: &'a Context, index: Option<usize>) -> Self {
        Self {
            step: &ctx.step,
            index,
            limits: &ctx.services.limits,
            draws: std::cell::Cell::new(0),
            extra: &[],
        }
    }

    /// The same with variables of its own.
    pub fn with(self, extra: Extra<'a>) -> Self {
        Self { extra, ..self }
    }

    fn view(&self) -> View {
        View { step: self.step.clone(), index: self.index, limits: self.limits.clone() }
    }
}

impl Scope for ItemScope<'_> {
    fn json(&self) -> Option<&Object> {
        self.step.inputs.main().get(self.index?).map(|item| &item.json)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, Error> {
        let step = self.step;
        let view = || self.view();
        let value = match name {
            "$json" | "$data" if self.index.is_none() => {
                return Err(LookbackError::NotExecuted(step.node.name.to_string()).into());
            }
            "$json" | "$data" => self.json().map_or(Value::Undefined, object),
            "$binary" => view().member("binary"),
            "$thisItem" => view().item(),
            "$input" => Value::host(Input(view())),
            "$" => {
                let view = view();
                Value::function("$", move |args| node_named(&view, args))
            }
            "$node" => Value::host(Nodes(view())),
            "$items" => {
                let view = view();
                Value::function("$items", move |args| view.items(args))
            }
            "$item" => {
                let view = view();
                Value::function("$item", move |args| {
                    let index = index_argument(args, 0).unwrap_or(0);
                    Ok(Value::host(AtItem(View { index: Some(index), ..view.clone() })))
                })
            }
            "$workflow" => {
                let graph = step.history.graph();
                let facts = [
                    ("id", model::Value::from(graph.id.clone())),
                    ("name", graph.name.clone().into()),
                    ("active", graph.active.into()),
                ];
                object(&facts.into_iter().collect())
            }
            "$execution" => Value::host(Execution(view())),
            "$prevNode" => {
                let previous = step.previous().map(|(source, _)| source);
                let name = previous.map(|source| step.history.graph().nodes()[source.node].name.clone());
                let facts = [
                    ("name", model::Value::from(name)),
                    ("outputIndex", previous.map(|source| source.output).into()),
                    ("runIndex", previous.map(|source| source.run).into()),
                ];
                object(&facts.into_iter().collect())
            }
            "$runIndex" => Value::Number(step.run_index as f64),
            "$itemIndex" | "$position" => Value::Number(self.index.unwrap_or(0) as f64),
            "$mode" => Value::String(step.execution.mode.as_n8n().into()),
            "$parameter" => view().parameters(step.node.index),
            "$rawParameter" => object(&step.node.parameters),
            "$self" => context_of(step, step.node.index),
            "$nodeVersion" => Value::Number(step.node.version),
            "$nodeId" => Value::String(step.node.key.clone()),
            "$vars" => object(&step.execution.variables),
            "$secrets" => object(&Object::new()),
            "$env" => Value::host(Environment),
            "$webhookId" => Value::Undefined,
            "$getWorkflowStaticData" => {
                let data = step.execution.static_data.clone();
                let node = step.node.name.clone();
                Value::function("$getWorkflowStaticData", move |args| {
                    let kind = args.first().map(Value::to_js_string).unwrap_or_default();
                    let key = if kind == "node" { format!("node:{node}") } else { "global".to_owned() };
                    Ok(data
                        .get(&key)
                        .and_then(|data| data.as_object())
                        .map_or_else(|| object(&Object::new()), object))
                })
            }
            "$evaluateExpression" => {
                let view = view();
                Value::function("$evaluateExpression", move |args| view.evaluate(args))
            }
            // Only a tool call of an agent fills it in; elsewhere the default stands.
            "$fromAI" | "$fromAi" | "$fromai" => {
                Value::function("$fromAI", |args| Ok(args.get(3).cloned().unwrap_or(Value::Undefined)))
            }
            _ => {
                return Ok(self.extra.iter().find(|(extra, _)| *extra == name).map(|(_, value)| data(value)));
            }
        };
        Ok(Some(value))
    }

    fn now_ms(&self) -> f64 {
        self.step.now_ms
    }

    fn zone(&self) -> &TimeZone {
        &self.step.execution.zone
    }

    fn random(&self) -> f64 {
        let draw = self.draws.get();
        self.draws.set(draw + 1);
        self.step.chance((self.index.unwrap_or(0) as u64) << 20 | draw)
    }

    fn keep(&self, bytes: usize) -> Result<(), Error> {
        if self.step.seen.keep(bytes) <= MAX_KEPT_BYTES {
            return Ok(());
        }
        Err(Error::limit(Limit::Memory).with_description(
            "the expressions of this step made more than 512 MiB in all; split the items into batches",
        ))
    }
}

/// What host objects keep: the step and the item they were made for.
#[derive(Clone)]
struct View {
    step: Arc<Step>,
    index: Option<usize>,
    limits: Arc<expr::Limits>,
}

impl View {
    fn item(&self) -> Value {
        let values = self.index.and_then(|index| self.step.inputs.main().get(index));
        values.map_or(Value::Undefined, |item| data(&item_to_data(item)))
    }

    fn member(&self, name: &str) -> Value {
        let Some(item) = self.index.and_then(|index| self.step.inputs.main().get(index)) else {
            return Value::Undefined;
        };
        item_to_data(item).get(name).map_or_else(|| object(&Object::new()), data)
    }

    /// The parameters of a node with their expressions evaluated for this item.
    fn parameters(&self, node: usize) -> Value {
        let node = self.step.history.graph().nodes()[node].clone();
        Value::host(Parameters { view: self.clone(), parameters: node.parameters.clone() })
    }

    fn items(&self, args: &[Value]) -> Result<Value, Error> {
        let name = match args.first() {
            None | Some(Value::Undefined) => return Ok(data(&self.step.input_values())),
            Some(name) => name.to_js_string(),
        };
        let node = self.step.find_node(&name)?;
        let output = Some(index_argument(args, 1).unwrap_or(0));
        let source = self.step.output_of(node, output, index_argument(args, 2))?;
        Ok(data(&self.step.item_values(source)))
    }

    fn evaluate(&self, args: &[Value]) -> Result<Value, Error> {
        let text = args.first().map(Value::to_js_string).unwrap_or_default();
        let text = text.strip_prefix('=').unwrap_or(&text);
        let template = expr::Template::parse(text).map_err(|error| Error::thrown(error.to_string()))?;
        let index = index_argument(args, 1).or(self.index);
        let draws = std::cell::Cell::new(1 << 16);
        let scope = ItemScope { step: &self.step, index, limits: &self.limits, draws, extra: &[] };
        template.eval(&scope, &self.limits)
    }
}

fn object(object: &Object) -> Value {
    Value::from_data(&model::Value::Object(object.clone()))
}

fn data(value: &model::Value) -> Value {
    Value::from_data(value)
}

fn index_argument(args: &[Value], position: usize) -> Option<usize> {
    match args.get(position) {
        None | Some(Value::Undefined | Value::Null) => None,
        // A negative index means "the default one", as in n8n.
        Some(value) => Some(value.to_number()).filter(|number| *number >= 0.0).map(|number| number as usize),
    }
}

fn node_named(view: &View, args: &[Value]) -> Result<Value, Error> {
    let name = args.first().map(Value::to_js_string).unwrap_or_default();
    let node = view.step.find_node(&name)?;
    Ok(Value::host(NodeData { view: view.clone(), node }))
}

fn context_of(step: &Step, node: usize) -> Value {
    let state = step.history.runs(node).iter().rev().find_map(|run| run.state.as_ref());
    match state.and_then(|state| state.get("context").or(Some(state))) {
        Some(context) => data(context),
        None => object(&Object::new()),
    }
}

/// `$input`
struct Input(View);

impl Host for Input {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let View { step, .. } = &self.0;
        Ok(match key {
            "item" => self.0.item(),
            "all" => {
                let step = step.clone();
                Value::function("all", move |_| Ok(data(&step.input_values())))
            }
            "first" | "last" => {
                let (step, last) = (step.clone(), key == "last");
                Value::function(key, move |_| {
                    let items = step.arrived.main();
                    let item = if last { items.last() } else { items.first() };
                    Ok(item.map_or(Value::Undefined, |item| data(&item_to_data(item))))
                })
            }
            "params" => match step.previous() {
                Some((source, _)) => self.0.parameters(source.node),
                None => Value::Undefined,
            },
            "context" => match step.previous() {
                Some((source, _)) => context_of(step, source.node),
                None => Value::Undefined,
            },
            _ => Value::Undefined,
        })
    }

    fn keys(&self) -> Vec<Text> {
        ["all", "context", "first", "item", "last", "params"].map(Text::from).to_vec()
    }
}

/// `$('Node')`
struct NodeData {
    view: View,
    node: usize,
}

impl NodeData {
    fn paired(&self, index: Option<usize>) -> Result<Value, Error> {
        let item = self.view.step.paired_item(self.node, index.unwrap_or(0))?;
        Ok(data(&item_to_data(&item)))
    }

    fn pick(
        &self,
        args: &[Value],
        pick: impl Fn(&[model::Item]) -> Option<&model::Item>,
    ) -> Result<Value, Error> {
        let source = self.output(args)?;
        let items = self.view.step.items_of(source);
        Ok(pick(&items).map_or(Value::Undefined, |item| data(&item_to_data(item))))
    }

    fn output(&self, args: &[Value]) -> Result<Source, LookbackError> {
        self.view.step.output_of(self.node, index_argument(args, 0), index_argument(args, 1))
    }
}

impl Host for NodeData {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let step = &self.view.step;
        let this = || NodeData { view: self.view.clone(), node: self.node };
        let executed = !step.history.runs(self.node).is_empty();
        Ok(match key {
            "isExecuted" => Value::Bool(executed),
            "params" => self.view.parameters(self.node),
            "context" => context_of(step, self.node),
            "item" => self.paired(self.view.index)?,
            "pairedItem" | "itemMatching" => {
                let this = this();
                Value::function(key, move |args| this.paired(index_argument(args, 0).or(this.view.index)))
            }
            "first" | "last" | "all" if !executed => {
                let name = step.history.graph().nodes()[self.node].name.to_string();
                return Err(LookbackError::NotExecuted(name).into());
            }
            "first" => {
                let this = this();
                Value::function(key, move |args| this.pick(args, |items| items.first()))
            }
            "last" => {
                let this = this();
                Value::function(key, move |args| this.pick(args, |items| items.last()))
            }
            "all" => {
                let this = this();
                Value::function(key, move |args| {
                    let source = this.output(args)?;
                    Ok(data(&this.view.step.item_values(source)))
                })
            }
            _ => Value::Undefined,
        })
    }

    fn keys(&self) -> Vec<Text> {
        ["all", "context", "first", "isExecuted", "item", "itemMatching", "last", "pairedItem", "params"]
            .map(Text::from)
            .to_vec()
    }
}

/// `$node`
struct Nodes(View);

impl Host for Nodes {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let node = self.0.step.find_node(key)?;
        Ok(Value::host(OldNodeData { view: self.0.clone(), node }))
    }

    fn keys(&self) -> Vec<Text> {
        self.0.step.history.graph().nodes().iter().map(|node| node.name.clone()).collect()
    }
}

/// `$node["Node"]`
struct OldNodeData {
    view: View,
    node: usize,
}

impl Host for OldNodeData {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let step = &self.view.step;
        Ok(match key {
            "json" | "binary" | "data" => {
                let source = step.output_of(self.node, None, None)?;
                let index = self.view.index.unwrap_or(0);
                let items = step.items_of(source);
                let name = || step.history.graph().nodes()[self.node].name.to_string();
                let graph = step.history.graph();
                let connected = graph.output_towards(step.node.index, self.node).is_some();
                // A node with nothing in front of it, a trigger or a lone node in a preview, may look anywhere.
                if !connected && !graph.parents(step.node.index).is_empty() {
                    let from = step.node.name.to_string();
                    return Err(LookbackError::NotConnected { from, to: name() }.into());
                }
                let item = items.get(index);
                let item = item.ok_or_else(|| LookbackError::NoSuchItem { node: name(), item: index })?;
                match key {
                    "binary" => item_to_data(item).get("binary").map_or(Value::Undefined, data),
                    _ => object(&item.json),
                }
            }
            "parameter" => self.view.parameters(self.node),
            "context" => context_of(step, self.node),
            "runIndex" => match step.history.runs(self.node).len() {
                0 => Value::Number(-1.0),
                runs => Value::Number((runs - 1) as f64),
            },
            _ => Value::Undefined,
        })
    }

    fn keys(&self) -> Vec<Text> {
        ["binary", "context", "data", "json", "parameter", "runIndex"].map(Text::from).to_vec()
    }
}

/// `$item(i)`: the variables as another item sees them.
struct AtItem(View);

impl Host for AtItem {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let draws = std::cell::Cell::new(0);
        let scope =
            ItemScope { step: &self.0.step, index: self.0.index, limits: &self.0.limits, draws, extra: &[] };
        Ok(scope.variable(key)?.unwrap_or(Value::Undefined))
    }
}

/// `$execution`
struct Execution(View);

impl Host for Execution {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let execution = &self.0.step.execution;
        Ok(match key {
            "id" => Value::String(execution.id.clone()),
            "mode" => {
                let test = matches!(execution.mode, crate::Mode::Manual | crate::Mode::Test);
                Value::String(if test { "test" } else { "production" }.into())
            }
            "resumeUrl" => Value::String(execution.resume_url.clone()),
            "resumeFormUrl" => Value::String(execution.resume_form_url.clone()),
            "customData" => object(&Object::new()),
            _ => Value::Undefined,
        })
    }

    fn keys(&self) -> Vec<Text> {
        ["customData", "id", "mode", "resumeFormUrl", "resumeUrl"].map(Text::from).to_vec()
    }
}

/// `$env`: refused, whatever the name.
struct Environment;

impl Host for Environment {
    fn get(&self, _: &str) -> Result<Value, Error> {
        Err(Error::denied("access to env vars denied"))
    }
}

/// `$parameter` and `$('Node').params`: parameters whose expressions are evaluated when read.
struct Parameters {
    view: View,
    parameters: Object,
}

impl Host for Parameters {
    fn get(&self, key: &str) -> Result<Value, Error> {
        match self.parameters.get(key) {
            None => Ok(Value::Undefined),
            Some(model::Value::String(text)) if text.starts_with('=') => {
                self.view.evaluate(&[Value::String(text.clone())])
            }
            Some(model::Value::Object(parameters)) => {
                Ok(Value::host(Parameters { view: self.view.clone(), parameters: parameters.clone() }))
            }
            Some(other) => Ok(data(other)),
        }
    }

    fn keys(&self) -> Vec<Text> {
        self.parameters.keys().cloned().collect()
    }
}
