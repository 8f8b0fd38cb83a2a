//! Loop Over Items: hands out its items in batches, once per round.

use sdk::prelude::*;

/// Hands out its items in batches: one batch leaves on `loop` each time something comes back, and when none is left,
/// everything that came back leaves on `done`.
///
/// The node remembers only how far it is; items it hands out later are read again from where they came from.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoopOverItems {
    /// How many items leave at a time; evaluated once per round.
    batch_size: Expr<usize>,
    /// Whether to begin again with the items that just arrived, evaluated in every round.
    reset: Expr<bool>,
    /// Which output ports there are.
    outputs: Outputs,
}

/// Which output ports a loop has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outputs {
    /// `done`, then `loop`.
    DoneAndLoop,
    /// `loop`, then `done`.
    LoopAndDone,
    /// Only `loop`; when no item is left, the branch just ends.
    Loop,
}

impl Default for LoopOverItems {
    fn default() -> Self {
        Self { batch_size: Expr::from(1), reset: Expr::from(false), outputs: Outputs::DoneAndLoop }
    }
}

/// What the node remembers between rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// What expressions see as the node's context.
    context: Progress,
    /// The run that brought the items.
    first_run: usize,
    /// How many of them were handed out.
    handed_out: usize,
    /// The items, where no earlier step holds them: the execution began here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Item>>,
}

/// How far a loop is, as expressions see it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    current_run_index: usize,
    max_run_index: usize,
    no_items_left: bool,
    done: bool,
}

impl Node for LoopOverItems {
    const KIND: Kind = Kind::new("core.loop", 1);
    const TITLE: &'static str = "Loop Over Items";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &["done", "loop"];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Two at a time",
        parameters: r#"{"batch_size": 2}"#,
        items: r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#,
    }];

    fn ports(&self) -> Ports {
        let outputs: &[&str] = match self.outputs {
            Outputs::DoneAndLoop => &["done", "loop"],
            Outputs::LoopAndDone => &["loop", "done"],
            Outputs::Loop => &["loop"],
        };
        Ports::new(Self::INPUTS, outputs)
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let batch_size = self.batch_size.eval(ctx, 0)?;
        if batch_size == 0 {
            return Err(NodeError::permanent("the batch size must be at least 1"));
        }
        let remembered = match ctx.state() {
            Some(state) if !self.reset.eval(ctx, 0)? => Some(read(state)?),
            _ => None,
        };
        let mut state = remembered.map_or_else(
            || begin(ctx, inputs, batch_size),
            |mut state| {
                state.context.current_run_index += 1;
                state
            },
        );
        let batch = next_batch(ctx, inputs, &mut state, batch_size)?;
        if batch.is_empty() && self.outputs == Outputs::Loop {
            return Ok(Output::Silent);
        }
        state.context.done = batch.is_empty();
        let done = if state.context.done { returned(ctx, inputs, state.first_run)? } else { Vec::new() };
        let ports = match self.outputs {
            Outputs::DoneAndLoop => vec![done, batch],
            Outputs::LoopAndDone => vec![batch, done],
            Outputs::Loop => vec![batch],
        };
        let state = Value::from_serialize(&state).map_err(|error| NodeError::permanent(error.to_string()))?;
        let ports = ports.into_iter().map(Into::into).collect();
        Ok(Emission { ports, state: Some(state), response: None }.into())
    }
}

/// The state of a loop over the items that just arrived.
fn begin(ctx: &Context, inputs: &Inputs, batch_size: usize) -> State {
    let items = inputs.port(0);
    let held_upstream = ctx.sources.first().copied().flatten().is_some();
    State {
        context: Progress { max_run_index: items.len().div_ceil(batch_size), ..Progress::default() },
        first_run: ctx.run_index,
        handed_out: 0,
        items: (!held_upstream).then(|| items.to_vec()),
    }
}

fn read(state: &Value) -> Result<State, NodeError> {
    state
        .parse()
        .map_err(|error| NodeError::permanent(format!("the loop cannot read what it remembers: {error}")))
}

/// The next items to hand out, stemming from the run that brought them.
fn next_batch(
    ctx: &Context,
    inputs: &Inputs,
    state: &mut State,
    batch_size: usize,
) -> Result<Vec<Item>, NodeError> {
    let from = state.handed_out;
    let is_first = state.first_run == ctx.run_index;
    let arrived;
    let items = match &state.items {
        _ if is_first => inputs.port(0),
        Some(items) => items.as_slice(),
        None => {
            arrived = arrived_in(ctx, state.first_run);
            arrived.as_slice()
        }
    };
    let until = items.len().min(from.saturating_add(batch_size));
    let origin = |index| match is_first {
        true => Origin::item(index),
        false => Origin::item(index).in_run(state.first_run),
    };
    let stemming = |index: usize| Item { lineage: Lineage::one(origin(index)), ..items[index].clone() };
    let batch = (from.min(until)..until).map(stemming).collect();
    state.context.no_items_left = until == items.len();
    state.handed_out = until;
    Ok(batch)
}

/// Everything that came back since run `first`, in the order in which it came.
fn returned(ctx: &Context, inputs: &Inputs, first: usize) -> Result<Vec<Item>, NodeError> {
    let mut returned = Vec::new();
    for run in first + 1..ctx.run_index {
        ctx.check_cancelled()?;
        for (index, item) in arrived_in(ctx, run).iter().enumerate() {
            let lineage = Lineage::one(Origin::item(index).in_run(run));
            returned.push(Item { lineage, ..item.clone() });
        }
    }
    if first < ctx.run_index {
        returned.extend(inputs.port(0).iter().enumerate().map(|(index, item)| item.clone().from_item(index)));
    }
    Ok(returned)
}

/// The items that arrived in an earlier run of this node.
fn arrived_in(ctx: &Context, run: usize) -> model::Items {
    let source =
        ctx.history.runs(ctx.node.index).get(run).and_then(|run| run.sources.first().copied().flatten());
    source.map(|source| ctx.history.items(source)).unwrap_or_default()
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.splitInBatches", versions: &[1.0, 2.0, 3.0], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let (outputs, batch_size) = match node.version {
        version if version < 2.0 => ("loop", 10),
        version if version < 3.0 => ("loop_and_done", 10),
        _ => ("done_and_loop", 1),
    };
    Ok(Native::new(LoopOverItems::KIND, json!({ "outputs": outputs }))
        .set("batch_size", node.get_or("batchSize", batch_size))
        .set("reset", node.get_or("options.reset", false)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sdk::history::{Graph, History, Run, Source};
    use sdk::testing::{build, context};
    use sdk::{NodeInfo, context::Step};

    use super::*;

    /// A workflow of a node that feeds items, the loop, and a node that returns them.
    struct Rounds {
        node: LoopOverItems,
        history: History,
        start: Option<Source>,
    }

    const START: usize = 0;
    const LOOP: usize = 1;
    const BODY: usize = 2;

    impl Rounds {
        fn new(parameters: Value, start: Option<Source>) -> Self {
            let nodes = ["Start", "Loop", "Body"].into_iter().enumerate();
            let nodes = nodes
                .map(|(index, name)| Arc::new(NodeInfo { index, name: name.into(), ..NodeInfo::default() }));
            let graph = Graph::new("".into(), "".into(), false, nodes.collect(), vec![Vec::new(); 3]);
            Self { node: build(&parameters), history: History::new(Arc::new(graph)), start }
        }

        fn from_start(parameters: Value) -> Self {
            Self::new(parameters, Some(Source { node: START, output: 0, run: 0 }))
        }

        /// Runs the loop on these items, which `Start` gives the first time and `Body` after that.
        fn round(&mut self, data: Value) -> Output {
            let data = data.as_array().expect("items are a list").iter();
            let items = data.map(|json| Item::new(json.as_object().expect("an object").clone()).from_item(0));
            let items: model::Items = Arc::new(items.collect());
            let run_index = self.history.runs(LOOP).len();
            let feeder = if run_index == 0 { START } else { BODY };
            let run = self.history.runs(feeder).len();
            self.history.push(feeder, Run { outputs: vec![items.clone()], ..Run::default() });
            let source =
                if run_index == 0 { self.start } else { Some(Source { node: BODY, output: 0, run }) };

            let mut ctx = context(Inputs::single(items));
            let step = Arc::get_mut(&mut ctx.step).expect("the step is not shared yet");
            let node = self.history.graph().nodes()[LOOP].clone();
            let history = Arc::new(self.history.clone());
            *step = Step {
                history,
                node,
                run_index,
                sources: std::iter::once(source).collect(),
                execution: step.execution.clone(),
                inputs: step.inputs.clone(),
                arrived: step.inputs.clone(),
                seen: Default::default(),
                ..*step
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
            let output =
                runtime.block_on(Node::run(&self.node, &ctx, &ctx.inputs)).expect("the step completes");
            if let Output::Items(emission) = &output {
                let (outputs, state) = (emission.ports.clone(), emission.state.clone());
                self.history.push(LOOP, Run { sources: ctx.sources.clone(), outputs, state, error: None });
            }
            output
        }

        /// The data on the ports `done` and `loop` after a round.
        fn data(&mut self, data: Value) -> (Value, Value) {
            let Output::Items(emission) = self.round(data) else { panic!("the round emits items") };
            let port = |name: &str| {
                let at = Node::ports(&self.node)
                    .outputs
                    .iter()
                    .position(|port| port == name)
                    .expect("the port exists");
                Value::array(emission.ports[at].iter().map(|item| item.json.clone().into()))
            };
            (port("done"), port("loop"))
        }
    }

    #[test]
    fn batches_leave_one_per_round_and_what_came_back_leaves_at_the_end() {
        let mut rounds = Rounds::from_start(json!({ "batch_size": 2 }));
        assert_eq!(
            rounds.data(json!([{ "a": 1 }, { "a": 2 }, { "a": 3 }])),
            (json!([]), json!([{ "a": 1 }, { "a": 2 }]))
        );
        assert_eq!(rounds.data(json!([{ "b": 1 }, { "b": 2 }])), (json!([]), json!([{ "a": 3 }])));
        assert_eq!(
            rounds.data(json!([{ "b": 3 }])),
            (json!([{ "b": 1 }, { "b": 2 }, { "b": 3 }]), json!([]))
        );
    }

    #[test]
    fn items_stem_from_the_run_that_brought_them() {
        let mut rounds = Rounds::from_start(json!({}));
        rounds.round(json!([{ "a": 1 }, { "a": 2 }]));
        let Output::Items(second) = rounds.round(json!([{ "b": 1 }])) else {
            panic!("the round emits items")
        };
        assert_eq!(second.ports[1][0].lineage, Lineage::one(Origin::item(1).in_run(0)));
        let Output::Items(last) = rounds.round(json!([{ "b": 2 }])) else { panic!("the round emits items") };
        let lineage: Vec<_> = last.ports[0].iter().map(|item| item.lineage.clone()).collect();
        assert_eq!(lineage, [Lineage::one(Origin::item(0).in_run(1)), Lineage::one(Origin::item(0))]);
    }

    #[test]
    fn the_state_does_not_grow_with_the_items() {
        let state = |count: usize| {
            let items = Value::array((0..count).map(|id| json!({ "id": id })));
            let Output::Items(emission) = Rounds::from_start(json!({})).round(items) else { panic!("items") };
            emission.state.expect("a state").to_json().len()
        };
        assert!(state(10_000) <= state(10) + 8, "{} and {}", state(10_000), state(10));
    }

    #[test]
    fn the_context_tells_how_far_the_loop_is() {
        let mut rounds = Rounds::from_start(json!({}));
        rounds.round(json!([{}, {}]));
        let Output::Items(second) = rounds.round(json!([{}])) else { panic!("the round emits items") };
        let context = second.state.as_ref().and_then(|state| state.get("context")).cloned();
        let expected = json!({ "currentRunIndex": 1, "maxRunIndex": 2, "noItemsLeft": true, "done": false });
        assert_eq!(context, Some(expected));
    }

    #[test]
    fn a_loop_without_done_just_ends() {
        let mut rounds = Rounds::from_start(json!({ "outputs": "loop" }));
        rounds.round(json!([{}]));
        assert!(matches!(rounds.round(json!([{}])), Output::Silent));
    }

    #[test]
    fn reset_begins_again_with_what_arrived() {
        let mut rounds = Rounds::from_start(json!({ "reset": true }));
        rounds.round(json!([{ "a": 1 }]));
        assert_eq!(rounds.data(json!([{ "b": 1 }, { "b": 2 }])), (json!([]), json!([{ "b": 1 }])));
    }

    #[test]
    fn an_execution_may_begin_at_the_loop() {
        let mut rounds = Rounds::new(json!({}), None);
        rounds.round(json!([{ "a": 1 }, { "a": 2 }]));
        assert_eq!(rounds.data(json!([{ "b": 1 }])).1, json!([{ "a": 2 }]));
    }
}
