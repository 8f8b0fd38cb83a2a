//! A workflow version, compiled: everything that is the same for all its executions, worked out once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use model::validate::Code;
use model::workflow::EdgeCondition;
use model::{
    Edge, EdgeKind, Items, NodeKey, OnError, OnUnknown, Order, Problem, Retry, Text, Value, Workflow,
};
use sdk::history::{Graph, Parent};
use sdk::node::SharedNode;
use sdk::trigger::{InvalidTrigger, Trigger};
use sdk::{Catalogue, Effect, Expr, Group, NodeError, NodeInfo, Ports, Required, StartsOn};

use crate::decide::OPERATORS;

/// Steps that run at the same time in parallel order, unless the workflow says otherwise.
const DEFAULT_PARALLEL: usize = 8;

/// A workflow version, compiled. Immutable and shared by all its executions.
pub struct Plan {
    graph: Arc<Graph>,
    nodes: Vec<PlanNode>,
    /// In which order branches run.
    pub order: Order,
    /// How many steps may run at the same time.
    pub max_parallel: usize,
    /// Longest running time of an execution, waiting not counted.
    pub timeout_ms: Option<u64>,
    /// The workflow to start when an execution fails.
    pub error_workflow: Option<String>,
    /// IANA time zone, unless it is the instance's.
    pub timezone: Option<String>,
    /// How many executions may run at the same time.
    pub max_concurrent: Option<usize>,
    /// What executions that must not run at the same time have in common.
    pub concurrency_key: Option<Expr<String>>,
    /// Whether a step may look at what the workflow remembers between executions.
    pub uses_static_data: bool,
    /// Whether a step may look at the addresses that resume its execution.
    pub uses_addresses: bool,
    pins: HashMap<usize, Items>,
    keys: HashMap<NodeKey, usize>,
    warnings: Vec<Problem>,
}

/// A node of a [`Plan`].
pub struct PlanNode {
    /// What steps and expressions see of it.
    pub info: Arc<NodeInfo>,
    /// What a step of it does.
    pub task: Task,
    /// What repeating a step would do.
    pub effect: Effect,
    /// What starts executions at it, when it is a trigger.
    pub starts_on: Option<StartsOn>,
    /// What it says about itself, when it is a trigger that can run: addresses and timetables, read once.
    pub trigger: Option<Result<Trigger, InvalidTrigger>>,
    /// Whether and how a failed step is tried again.
    pub retry: Option<Retry>,
    /// What happens when a crash hid whether the effect of a step happened.
    pub on_unknown: OnUnknown,
    /// How long one attempt may run.
    pub timeout_ms: Option<u64>,
    /// Emit one empty item when there would be none.
    pub always_output: bool,
    /// See only the first item of every input.
    pub execute_once: bool,
    /// Output ports in order, the error port last when there is one.
    pub outputs: Vec<Text>,
    /// The port of failed items.
    pub error_port: Option<usize>,
    /// How many input ports its type has.
    pub(crate) inputs: usize,
    /// Input ports up to the last connected one.
    pub(crate) data_slots: usize,
    /// Control edges that arrive, each a slot of its own behind the data slots.
    pub(crate) control_slots: usize,
    /// What must have arrived before it is released with missing inputs.
    pub(crate) required: Required,
    /// Outgoing edges by output port, in the order they were drawn.
    pub(crate) targets: Vec<Target>,
    /// The same as indexes, bottom right first: pushed on the front of the queue one by one, the top left one ends up
    /// first.
    pub(crate) upwards: Vec<usize>,
    ancestors: OnceLock<Vec<bool>>,
}

/// What a step does.
pub enum Task {
    /// Runs a node.
    Run(SharedNode),
    /// Fails with this error when it is reached.
    Fail(NodeError),
    /// Nothing: a note is only shown.
    Note,
}

/// An edge, seen from the node it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The output port it leaves from.
    pub(crate) output: usize,
    /// The node it reaches.
    pub(crate) node: usize,
    /// The slot it fills there.
    pub(crate) slot: usize,
    /// What it does.
    pub(crate) carries: Carries,
}

/// What an edge carries.
#[derive(Clone, Debug)]
pub(crate) enum Carries {
    /// The items of its port.
    Items,
    /// Those items of port `from` that meet a condition. They get an output port of their own in the history, so that
    /// the lineage of what follows stays exact.
    Matching { condition: EdgeCondition, from: usize },
    /// Nothing: it only orders.
    Nothing,
}

impl Plan {
    /// Compiles a workflow. Node types that are not in the catalogue and parameters that a node refuses compile to
    /// nodes that fail when they are reached, and are named by [`warnings`](Self::warnings), as edges to nowhere are.
    pub fn compile(workflow: &Workflow, catalogue: &Catalogue) -> Result<Self, Vec<Problem>> {
        Compiler::new(workflow, catalogue).compile()
    }

    /// The graph as expressions see it.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The nodes, by index.
    pub fn nodes(&self) -> &[PlanNode] {
        &self.nodes
    }

    /// The node with this index.
    pub fn node(&self, index: usize) -> &PlanNode {
        &self.nodes[index]
    }

    /// The index of the node called `name`, or else with that key.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.graph.find(name).or_else(|| self.find_key(name))
    }

    /// The index of the node with this key.
    pub fn find_key(&self, key: &str) -> Option<usize> {
        self.keys.get(key).copied()
    }

    /// What makes it run differently from how it was probably meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// What to use instead of running a node, in test runs.
    pub fn pins(&self) -> &HashMap<usize, Items> {
        &self.pins
    }

    /// The trigger at which a test run starts when nobody names one: the first enabled one of the kind that needs
    /// least from outside; in a workflow of one node that node.
    pub fn default_start(&self) -> Option<usize> {
        if let [only] = self.nodes.as_slice() {
            return (!only.info.disabled && !matches!(only.task, Task::Note)).then_some(0);
        }
        self.triggers().min_by_key(|(_, starts_on)| *starts_on).map(|(node, _)| node)
    }

    /// The first enabled trigger of a kind.
    pub fn start_on(&self, kind: StartsOn) -> Option<usize> {
        self.triggers().find(|(_, starts_on)| *starts_on == kind).map(|(node, _)| node)
    }

    fn triggers(&self) -> impl Iterator<Item = (usize, StartsOn)> {
        let enabled = self.nodes.iter().enumerate().filter(|(_, node)| !node.info.disabled);
        enabled.filter_map(|(index, node)| Some((index, node.starts_on?)))
    }

    /// Whether there is a way from `ancestor` to `node`. A node is no ancestor of itself.
    pub(crate) fn is_ancestor(&self, ancestor: usize, node: usize) -> bool {
        let ancestors = self.nodes[node].ancestors.get_or_init(|| {
            let mut found = vec![false; self.nodes.len()];
            let mut stack = vec![node];
            while let Some(current) = stack.pop() {
                for parent in self.graph.parents(current) {
                    if !std::mem::replace(&mut found[parent.node], true) {
                        stack.push(parent.node);
                    }
                }
            }
            found[node] = false;
            found
        });
        ancestors[ancestor]
    }
}

impl PlanNode {
    /// Whether it waits for several inputs.
    pub(crate) fn joins(&self) -> bool {
        self.data_slots + self.control_slots > 1
    }

    /// Attempts in all that a step has.
    pub fn max_attempts(&self) -> u32 {
        self.retry.as_ref().map_or(1, |retry| retry.max_attempts.max(1))
    }
}

/// Whether a workflow's parameters have this text in them: a step that does not name a thing does not use it, and what
/// nobody uses need not be made for every execution.
fn mentions(workflow: &Workflow, text: &str) -> bool {
    fn inside(value: &Value, text: &str) -> bool {
        match value {
            Value::String(string) => string.contains(text),
            Value::Array(values) => values.iter().any(|value| inside(value, text)),
            Value::Object(object) => object.values().any(|value| inside(value, text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    workflow.nodes.iter().any(|node| node.parameters.values().any(|value| inside(value, text)))
}

struct Compiler<'a> {
    workflow: &'a Workflow,
    catalogue: &'a Catalogue,
    by_key: HashMap<&'a NodeKey, usize>,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'a> Compiler<'a> {
    fn new(workflow: &'a Workflow, catalogue: &'a Catalogue) -> Self {
        let by_key = workflow.nodes.iter().enumerate().map(|(index, node)| (&node.key, index)).collect();
        Self { workflow, catalogue, by_key, errors: Vec::new(), warnings: Vec::new() }
    }

    fn compile(mut self) -> Result<Plan, Vec<Problem>> {
        let workflow = self.workflow;
        let concurrency_key = self.concurrency_key();
        let mut ports = Vec::with_capacity(workflow.nodes.len());
        let mut nodes = Vec::with_capacity(workflow.nodes.len());
        for index in 0..workflow.nodes.len() {
            let (node, node_ports) = self.node(index);
            nodes.push(node);
            ports.push(node_ports);
        }
        let parents = self.edges(&mut nodes, &ports);
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        for node in &mut nodes {
            // Stable, so that edges to the same place keep their order.
            node.targets.sort_by_key(|target| target.output);
            let position = |index: &usize| workflow.nodes[node.targets[*index].node].position;
            node.upwards = (0..node.targets.len()).collect();
            node.upwards.sort_by(|a, b| {
                let ([ax, ay], [bx, by]) = (position(a), position(b));
                by.total_cmp(&ay).then(bx.total_cmp(&ax))
            });
        }
        let pins = workflow.pins.iter().filter_map(|(key, items)| {
            let node = *self.by_key.get(key)?;
            Some((node, Arc::new(items.clone())))
        });
        let by_key =
            workflow.nodes.iter().enumerate().map(|(index, node)| (node.key.clone(), index)).collect();
        let infos = nodes.iter().map(|node| node.info.clone()).collect();
        let id = workflow.id.as_deref().unwrap_or_default();
        let graph = Graph::new(id.into(), workflow.name.as_str().into(), false, infos, parents);
        let settings = &workflow.settings;
        Ok(Plan {
            graph: Arc::new(graph),
            pins: pins.collect(),
            nodes,
            order: settings.order,
            max_parallel: match settings.order {
                Order::Parallel => settings.max_parallel.map_or(DEFAULT_PARALLEL, |max| max.max(1) as usize),
                Order::Sequential | Order::SequentialV0 => 1,
            },
            timeout_ms: settings.timeout_ms,
            error_workflow: settings.error_workflow.clone(),
            timezone: settings.timezone.clone(),
            max_concurrent: settings.max_concurrent.map(|max| max.max(1) as usize),
            concurrency_key,
            uses_static_data: mentions(workflow, "StaticData"),
            uses_addresses: mentions(workflow, "$execution"),
            keys: by_key,
            warnings: self.warnings,
        })
    }

    fn concurrency_key(&mut self) -> Option<Expr<String>> {
        let key = self.workflow.settings.concurrency_key.as_ref().filter(|key| !key.is_empty())?;
        match Value::from(key.as_str()).parse() {
            Ok(key) => Some(key),
            Err(error) => {
                let path = "settings.concurrency_key";
                self.errors.push(Problem::error(path, Code::Parameters, error.to_string()));
                None
            }
        }
    }

    fn node(&mut self, index: usize) -> (PlanNode, Option<Ports>) {
        let node = &self.workflow.nodes[index];
        let node_type = self.catalogue.find(&node.kind, node.version);
        let is_trigger = node_type.is_some_and(|node_type| node_type.group == Group::Trigger);
        let mut ports = None;
        let task = match node_type.map(|node_type| (node_type.group, node_type.build(&node.parameters))) {
            Some((Group::Note, _)) => Task::Note,
            Some((_, Ok(shared))) => {
                ports = Some(shared.ports());
                Task::Run(shared)
            }
            Some((_, Err(error))) => {
                let path = match error.path.as_str() {
                    "" => format!("nodes[{index}].parameters"),
                    path => format!("nodes[{index}].parameters.{path}"),
                };
                self.warnings.push(Problem::warning(path, Code::Parameters, error.message.clone()));
                Task::Fail(NodeError::permanent(format!("parameters of \"{}\": {error}", node.name)))
            }
            None => self.unsupported(index),
        };
        let (kind, version, parameters) = match &node.origin {
            Some(origin) => (&origin.kind, origin.type_version, &origin.parameters),
            None => (&node.kind, f64::from(node.version), &node.parameters),
        };
        let info = NodeInfo {
            index,
            key: node.key.clone(),
            name: node.name.clone(),
            kind: kind.as_str().into(),
            version,
            parameters: parameters.clone(),
            credentials: node.credentials.clone(),
            on_error: node.on_error,
            disabled: node.disabled,
        };
        let mut outputs = match (&ports, node_type) {
            (Some(ports), _) => ports.outputs.clone(),
            (None, Some(node_type)) => node_type.outputs.iter().map(|name| Text::from(*name)).collect(),
            (None, None) => vec![Text::from("main")],
        };
        let error_port = (node.on_error == OnError::ErrorOutput).then(|| {
            outputs.push("error".into());
            outputs.len() - 1
        });
        let plan_node = PlanNode {
            info: Arc::new(info),
            effect: match &task {
                Task::Run(shared) => shared.effect(),
                Task::Fail(_) | Task::Note => Effect::Pure,
            },
            trigger: match &task {
                Task::Run(shared) if is_trigger => Some(shared.trigger()),
                _ => None,
            },
            task,
            starts_on: node_type
                .filter(|node_type| node_type.group == Group::Trigger)
                .map(|node_type| node_type.starts_on),
            retry: node.retry.clone(),
            on_unknown: node.on_unknown,
            timeout_ms: node.timeout_ms,
            always_output: node.always_output,
            execute_once: node.execute_once,
            outputs,
            error_port,
            inputs: ports.as_ref().map_or(1, |ports| ports.inputs.len()),
            data_slots: 0,
            control_slots: 0,
            required: ports.as_ref().map_or(Required::None, |ports| ports.required),
            targets: Vec::new(),
            upwards: Vec::new(),
            ancestors: OnceLock::new(),
        };
        (plan_node, ports)
    }

    fn unsupported(&mut self, index: usize) -> Task {
        let node = &self.workflow.nodes[index];
        let kind = node.origin.as_ref().map_or(&node.kind, |origin| &origin.kind);
        let version = node.origin.as_ref().map_or(f64::from(node.version), |origin| origin.type_version);
        let message = format!("node type \"{kind}\" version {version} is not supported");
        self.warnings.push(
            Problem::warning(format!("nodes[{index}].type"), Code::UnknownType, message.clone())
                .fix("replace the node, disable it or pin its output"),
        );
        let details = model::json!({ "unsupported_type": kind.as_str() });
        Task::Fail(NodeError::permanent(message).details(details))
    }

    /// Resolves the edges into the targets of their sources, and gives the data edges that arrive at each node.
    fn edges(&mut self, nodes: &mut [PlanNode], ports: &[Option<Ports>]) -> Vec<Vec<Parent>> {
        let mut parents = vec![Vec::new(); nodes.len()];
        let mut extra_ports = vec![0; nodes.len()];
        for (index, edge) in self.workflow.edges.iter().enumerate() {
            // Edges between an agent and its tools, models and memory are the agent's own business.
            if !edge.enabled || edge.source_port.starts_with("ai_") || edge.target_port.starts_with("ai_") {
                continue;
            }
            let Some((source, target)) = self.ends(index, edge) else { continue };
            let outputs = ports[source].as_ref().map(|_| nodes[source].outputs.as_slice());
            let inputs = ports[target].as_ref().map(|ports| ports.inputs.as_slice());
            let output = self.port(index, "source_port", outputs, &edge.source_port);
            let input = self.port(index, "target_port", inputs, &edge.target_port);
            let (Some(output), Some(input)) = (output, input) else { continue };
            let mut target = Target { output, node: target, slot: input, carries: Carries::Items };
            match edge.kind {
                EdgeKind::Data => {}
                EdgeKind::Control => {
                    nodes[target.node].control_slots += 1;
                    target.carries = Carries::Nothing;
                }
                EdgeKind::Conditional => {
                    let Some(condition) = self.condition(index, edge) else { continue };
                    target.output = nodes[source].outputs.len() + extra_ports[source];
                    target.carries = Carries::Matching { condition, from: output };
                    extra_ports[source] += 1;
                }
            }
            if !matches!(target.carries, Carries::Nothing) {
                let slots = &mut nodes[target.node].data_slots;
                *slots = (*slots).max(input + 1);
                parents[target.node].push(Parent { node: source, output: target.output, input });
            }
            nodes[source].targets.push(target);
        }
        // Only now is it known where the data slots of a node end.
        let mut next: Vec<usize> = nodes.iter().map(|node| node.data_slots).collect();
        for target in nodes.iter_mut().flat_map(|node| &mut node.targets) {
            if matches!(target.carries, Carries::Nothing) {
                target.slot = next[target.node];
                next[target.node] += 1;
            }
        }
        parents
    }

    fn condition(&mut self, index: usize, edge: &Edge) -> Option<EdgeCondition> {
        let path = format!("edges[{index}].condition");
        let Some(condition) = &edge.condition else {
            let problem = Problem::error(path, Code::Condition, "a conditional edge needs a condition");
            self.errors.push(problem.fix("add a condition or make it a data edge"));
            return None;
        };
        if !OPERATORS.contains(&condition.operator.as_str()) {
            let message = format!("there is no operator \"{}\"", condition.operator);
            let problem = Problem::error(format!("{path}.operator"), Code::Condition, message);
            self.errors.push(problem.fix(format!("use one of {}", OPERATORS.join(", "))));
            return None;
        }
        Some(condition.clone())
    }

    fn ends(&mut self, index: usize, edge: &Edge) -> Option<(usize, usize)> {
        let mut find = |end: &str, key: &NodeKey| {
            let found = self.by_key.get(key).copied();
            if found.is_none() {
                let message = format!("no node has the key \"{key}\"; the edge is ignored");
                let path = format!("edges[{index}].{end}");
                self.warnings.push(Problem::warning(path, Code::DanglingEdge, message));
            }
            found
        };
        let source = find("source", &edge.source);
        let target = find("target", &edge.target);
        Some((source?, target?))
    }

    /// The index of the port called `name`. `main` stands for the first port whatever it is called, and a number for a
    /// port that the node does not have: imported edges may use one, and such an input still counts as one to wait for.
    /// The ports of a node that cannot run are not known, so there any name will do.
    fn port(&mut self, index: usize, end: &str, ports: Option<&[Text]>, name: &Text) -> Option<usize> {
        let Some(ports) = ports else {
            return Some(usize::from(name == "error"));
        };
        let found = ports.iter().position(|port| port == name);
        let found = found.or_else(|| (name == "main" && !ports.is_empty()).then_some(0));
        let found = found.or_else(|| name.parse().ok().filter(|port| *port < MAX_PORTS));
        if found.is_none() {
            let known = ports.iter().map(|port| format!("\"{port}\"")).collect::<Vec<_>>().join(", ");
            let message = format!("the node has no port \"{name}\"");
            let problem = Problem::error(format!("edges[{index}].{end}"), Code::UnknownPort, message);
            self.errors.push(problem.fix(match ports {
                [] => "remove the edge".to_owned(),
                _ => format!("use one of {known}"),
            }));
        }
        found
    }
}

/// Higher ports than this belong to no node.
const MAX_PORTS: usize = 1_000;
