//! Nodes that do one thing each, for workflows that test the order of things.

use std::cell::RefCell;
use std::sync::Arc;

use sdk::output::{Resume, WorkflowSource};
use sdk::prelude::*;
use sdk::{Catalogue, NodeType};

/// The type of the first node of a drawn workflow.
pub const TRIGGER: &str = "test.trigger";
/// The type of the others.
pub const STEP: &str = "test.step";
/// A step whose effect must not be repeated.
pub const UNSAFE: &str = "test.unsafe";
/// A trigger that another workflow calls.
pub const CALLED: &str = "test.called";
/// A trigger for failures of other executions.
pub const ON_FAILURE: &str = "test.on_failure";

/// The node types above.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        NodeType::of::<Trigger>(),
        NodeType::of::<Called>(),
        NodeType::of::<OnFailure>(),
        NodeType::of::<Step>(),
        NodeType::of::<Unsafe>(),
    ])
}

/// What a test node does.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Gives all items of all inputs on its first port.
    #[default]
    Pass,
    /// Gives these data, whatever arrives, without lineage.
    Give(Vec<Object>),
    /// Gives nothing at all.
    Nothing,
    /// Sends an item to the output port that its field `to` names.
    Route,
    /// Adds one to the field of this name.
    Count(String),
    /// Sends an item to the first port while the field of this name is below this number, to the second afterwards.
    While(String, f64),
    /// Hands out the items of its first run one by one on its second port, gives what came back on its first port.
    Loop,
    /// Fails so many attempts, then passes.
    Fail(u32),
    /// Fails so many attempts with an error that may pass, then passes.
    FailTransiently(u32),
    /// Gives one item `{error}` so many attempts, then passes.
    ReportError(u32),
    /// Waits so many milliseconds.
    Wait(u32),
    /// Waits until somebody calls.
    WaitForCall,
    /// Takes so many milliseconds, unless it is cancelled.
    Take(u32),
    /// Runs the workflow of this id once per item.
    CallEach(String),
    /// Runs the workflow of this id on all items.
    Call(String),
    /// The same without waiting for it.
    Launch(String),
    /// Panics.
    Panic,
}

macro_rules! test_nodes {
    ($($(#[$doc:meta])* $name:ident = $kind:expr, $group:ident, $starts_on:ident, $effect:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Input ports.
            #[serde(default = "main_port")]
            pub inputs: Vec<String>,
            /// Output ports.
            #[serde(default = "main_port")]
            pub outputs: Vec<String>,
            /// What it does.
            #[serde(default)]
            pub does: Does,
            /// How many inputs it requires; all when more than it has.
            #[serde(default)]
            pub requires: usize,
        }

        impl Node for $name {
            const KIND: Kind = Kind::new($kind, 1);
            const TITLE: &'static str = stringify!($name);
            const GROUP: Group = Group::$group;
            const STARTS_ON: StartsOn = StartsOn::$starts_on;
            const EFFECT: Effect = Effect::$effect;
            const EXAMPLES: &'static [Example] = &[];

            fn ports(&self) -> Ports {
                let required = match self.requires {
                    0 => Required::None,
                    count if count > self.inputs.len() => Required::All,
                    count => Required::AtLeast(count),
                };
                let names = |names: &[String]| names.iter().map(|name| Text::from(name.as_str())).collect();
                Ports { inputs: names(&self.inputs), outputs: names(&self.outputs), required }
            }

            async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
                if Self::EFFECT == Effect::Unsafe {
                    note_effect(ctx);
                }
                self.does.run(ctx, inputs, &self.outputs).await
            }
        }
    )*};
}

test_nodes! {
    /// Begins an execution.
    Trigger = TRIGGER, Trigger, Event, Pure;
    /// Begins an execution for another workflow.
    Called = CALLED, Trigger, Workflow, Pure;
    /// Begins an execution when another has failed.
    OnFailure = ON_FAILURE, Trigger, Failure, Pure;
    /// Any other node.
    Step = STEP, Data, Event, Pure;
    /// A node with an effect.
    Unsafe = UNSAFE, Action, Event, Unsafe;
}

/// An effect that began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Begun {
    /// The execution.
    pub execution: String,
    /// The key of the node.
    pub node: String,
    /// How often the node ran before.
    pub run: u32,
    /// Which try it was.
    pub attempt: u32,
}

thread_local! {
    /// What the unsafe nodes of this thread have done to the world. It survives every crash, as the world does.
    static EFFECTS: RefCell<Vec<Begun>> = const { RefCell::new(Vec::new()) };
}

/// The effects that began in this thread since this was asked last.
pub fn take_effects() -> Vec<Begun> {
    EFFECTS.take()
}

fn note_effect(ctx: &Context) {
    let begun = Begun {
        execution: ctx.execution.id.to_string(),
        node: ctx.node.key.to_string(),
        run: ctx.run_index as u32,
        attempt: ctx.attempt,
    };
    EFFECTS.with_borrow_mut(|effects| effects.push(begun));
}

fn main_port() -> Vec<String> {
    vec!["main".to_owned()]
}

impl Does {
    async fn run(&self, ctx: &Context, inputs: &Inputs, outputs: &[String]) -> Result<Output, NodeError> {
        match self {
            Does::Pass => Ok(pass(inputs)),
            Does::Give(data) => Ok(Output::main(data.iter().cloned().map(Item::new).collect())),
            Does::Nothing => Ok(Output::Silent),
            Does::Route => Ok(route(ctx, outputs.len(), |json| {
                let to = json.get("to").and_then(Value::as_str);
                outputs.iter().position(|port| Some(port.as_str()) == to).unwrap_or(0)
            })),
            Does::Count(field) => Ok(Output::main(ctx.map_items(|_, item| {
                let mut json = item.json.clone();
                json.insert(field.as_str(), number(&json, field) + 1.0);
                Ok(Item::new(json))
            })?)),
            Does::While(field, limit) => Ok(route(ctx, 2, |json| usize::from(number(json, field) >= *limit))),
            Does::Loop => Ok(hand_out(ctx, inputs)),
            Does::Fail(attempts) if ctx.attempt <= *attempts => Err(NodeError::permanent("broken")),
            Does::FailTransiently(attempts) if ctx.attempt <= *attempts => Err(NodeError::transient("busy")),
            Does::ReportError(attempts) if ctx.attempt <= *attempts => {
                let error: Object = [("error", "broken")].into_iter().collect();
                Ok(Output::main(vec![Item::new(error).from_item(0)]))
            }
            Does::Fail(_) | Does::FailTransiently(_) | Does::ReportError(_) => Ok(pass(inputs)),
            Does::Wait(ms) => {
                let until_ms = Some(ctx.now_ms + f64::from(*ms));
                Ok(Output::Wait(sdk::Wait {
                    until_ms,
                    resume: Resume::Never,
                    emit: vec![inputs.main_items()],
                }))
            }
            Does::WaitForCall => {
                let resume = Resume::Call { methods: vec!["GET".into()], options: Value::Null };
                Ok(Output::Wait(sdk::Wait { until_ms: None, resume, emit: Vec::new() }))
            }
            Does::Take(ms) => {
                tokio::select! {
                    () = tokio::time::sleep(std::time::Duration::from_millis(u64::from(*ms))) => Ok(pass(inputs)),
                    () = ctx.cancel.cancelled() => Err(NodeError::cancelled()),
                }
            }
            Does::Call(id) => Ok(call(id, vec![inputs.main_items()], true, inputs)),
            Does::Launch(id) => Ok(call(id, vec![inputs.main_items()], false, inputs)),
            Does::CallEach(id) => {
                let calls = inputs.main().iter().map(|item| Arc::new(vec![item.clone()])).collect();
                Ok(call(id, calls, true, inputs))
            }
            Does::Panic => panic!("as asked"),
        }
    }
}

fn pass(inputs: &Inputs) -> Output {
    if let [Some(items)] = inputs.ports() {
        return Output::shared(items.clone());
    }
    let ports = inputs.ports().iter().enumerate();
    let all = ports.flat_map(|(port, items)| {
        let items = items.iter().flat_map(|items| items.iter()).enumerate();
        items
            .map(move |(index, item)| Item { lineage: Lineage::one(Origin::of(port, index)), ..item.clone() })
    });
    Output::main(all.collect())
}

fn route(ctx: &Context, count: usize, to: impl Fn(&Object) -> usize) -> Output {
    let mut ports = vec![Vec::new(); count.max(1)];
    for (index, item) in ctx.inputs.main().iter().enumerate() {
        ports[to(&item.json)].push(item.clone().from_item(index));
    }
    Output::ports(ports)
}

fn number(json: &Object, field: &str) -> f64 {
    json.get(field).and_then(Value::as_f64).unwrap_or(0.0)
}

/// State: what is still to be handed out, and what has come back.
fn hand_out(ctx: &Context, inputs: &Inputs) -> Output {
    let arrived = || inputs.main().iter().map(|item| Value::Object(item.json.clone()));
    let list =
        |state: &Value, key: &str| state.get(key).and_then(Value::as_array).unwrap_or_default().to_vec();
    let (mut rest, mut back) = match ctx.state() {
        None => (arrived().collect(), Vec::new()),
        Some(state) => {
            let mut back = list(state, "back");
            back.extend(arrived());
            (list(state, "rest"), back)
        }
    };
    let item = |value: Value| Item::new(value.as_object().cloned().unwrap_or_default());
    let next = if rest.is_empty() { Vec::new() } else { vec![item(rest.remove(0))] };
    let done =
        if next.is_empty() { std::mem::take(&mut back).into_iter().map(item).collect() } else { Vec::new() };
    let state = json!({ "rest": rest, "back": back });
    Output::Items(Emission {
        ports: vec![Arc::new(done), Arc::new(next)],
        state: Some(state),
        ..Emission::default()
    })
}

fn call(id: &str, calls: Vec<Items>, wait: bool, inputs: &Inputs) -> Output {
    let workflow = WorkflowSource::Reference { id: id.to_owned() };
    Output::Children(Children { workflow, calls, wait, pass: inputs.main_items() })
}
