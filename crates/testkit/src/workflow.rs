//! Draws workflows from text.

use model::{Edge, EdgeKind, Item, Node, Object, OnError, Order, Retry, Value, Workflow, json};

use crate::nodes;

/// A workflow of test nodes that is being drawn.
#[derive(Clone, Debug)]
pub struct Draft {
    workflow: Workflow,
}

/// Draws a workflow: chains of nodes separated by semicolons or line ends, such as `start -> a -> b; a.no -> join.2`.
///
/// The first node is the trigger. Behind a dot stands a port: of the output for the first node of a chain, of the
/// input for the others. `=>` is a control edge. Order is sequential unless [`Draft::parallel`] says otherwise; nodes
/// are drawn from left to right in the order in which they are named.
pub fn workflow(text: &str) -> Draft {
    let settings = model::Settings { order: Order::Sequential, ..model::Settings::default() };
    let mut draft = Draft { workflow: Workflow { name: "Test".into(), settings, ..Workflow::default() } };
    for chain in text.split([';', '\n']).map(str::trim).filter(|chain| !chain.is_empty()) {
        draft.chain(chain);
    }
    draft
}

impl Draft {
    fn chain(&mut self, chain: &str) {
        let mut previous: Option<(String, String, EdgeKind)> = None;
        for part in chain.split_inclusive("->").flat_map(|part| part.split_inclusive("=>")) {
            let kind = if part.ends_with("=>") { EdgeKind::Control } else { EdgeKind::Data };
            let end = part.trim_end_matches("->").trim_end_matches("=>").trim();
            let (name, port) = end.split_once('.').unwrap_or((end, "main"));
            assert!(!name.is_empty(), "a node has no name in \"{chain}\"");
            self.node(name);
            let first = previous.is_none();
            if let Some((source, source_port, kind)) = previous.take() {
                self.add_port(&source, "outputs", &source_port);
                self.add_port(name, "inputs", port);
                self.workflow.edges.push(Edge {
                    source: source.into(),
                    source_port: source_port.into(),
                    target: name.into(),
                    target_port: port.into(),
                    kind,
                    condition: None,
                    enabled: true,
                });
            }
            let output = if first { port } else { "main" };
            previous = Some((name.to_owned(), output.to_owned(), kind));
        }
    }

    /// The node called `name`, drawn if need be.
    fn node(&mut self, name: &str) -> &mut Node {
        let nodes = &mut self.workflow.nodes;
        let index = nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            let kind = if nodes.is_empty() { nodes::TRIGGER } else { nodes::STEP };
            let node = json!({ "key": name, "type": kind, "name": name, "position": [100 * nodes.len(), 0] });
            nodes.push(node.parse().expect("a node of our own making is well formed"));
            nodes.len() - 1
        });
        &mut nodes[index]
    }

    /// Ports are there once they are used.
    fn add_port(&mut self, name: &str, side: &str, port: &str) {
        let node = self.node(name);
        let mut ports = match node.parameters.get(side) {
            Some(Value::Array(ports)) => ports.to_vec(),
            _ if port == "main" || port == "error" => return,
            _ => Vec::new(),
        };
        let port = Value::from(port);
        if port.as_str() != Some("error") && !ports.contains(&port) {
            ports.push(port);
            node.parameters.insert(side, Value::from(ports));
        }
    }

    fn change(mut self, name: &str, change: impl FnOnce(&mut Node)) -> Self {
        let node = self.workflow.nodes.iter_mut().find(|node| node.name == name);
        change(node.unwrap_or_else(|| panic!("no node is called {name}")));
        self
    }

    /// Makes it a node of another type with these parameters, ports included.
    pub fn is(self, name: &str, kind: &str, parameters: Value) -> Self {
        self.change(name, |node| {
            node.kind = kind.into();
            let given: &Object = parameters.as_object().expect("parameters are an object");
            for (key, value) in given.iter() {
                node.parameters.insert(key.clone(), value.clone());
            }
        })
    }

    /// Tries it so often, with this pause such as `1s` or `100ms`.
    pub fn retry(self, name: &str, max_attempts: u32, pause: &str) -> Self {
        let retry: Retry = json!({ "max_attempts": max_attempts, "delay_ms": milliseconds(pause) })
            .parse()
            .expect("a retry of our own making is well formed");
        self.change(name, |node| node.retry = Some(retry))
    }

    /// What happens when it fails.
    pub fn on_error(self, name: &str, on_error: OnError) -> Self {
        self.change(name, |node| node.on_error = on_error)
    }

    /// Disables it.
    pub fn disable(self, name: &str) -> Self {
        self.change(name, |node| node.disabled = true)
    }

    /// Makes it emit one empty item when there would be none.
    pub fn always_output(self, name: &str) -> Self {
        self.change(name, |node| node.always_output = true)
    }

    /// Makes it see only the first item.
    pub fn execute_once(self, name: &str) -> Self {
        self.change(name, |node| node.execute_once = true)
    }

    /// Limits an attempt.
    pub fn timeout(self, name: &str, limit: &str) -> Self {
        self.change(name, |node| node.timeout_ms = Some(milliseconds(limit)))
    }

    /// Draws it at this place.
    pub fn at(self, name: &str, x: f64, y: f64) -> Self {
        self.change(name, |node| node.position = [x, y])
    }

    /// Pins its output to items with these data.
    pub fn pin(mut self, name: &str, data: Value) -> Self {
        let items: Vec<Item> = crate::items(data).to_vec();
        self.workflow.pins.insert(name.into(), items);
        self
    }

    /// Runs independent branches at the same time, at most so many.
    pub fn parallel(mut self, max: u32) -> Self {
        self.workflow.settings.order = Order::Parallel;
        self.workflow.settings.max_parallel = Some(max);
        self
    }

    /// Runs level by level, as old imports do.
    pub fn breadth_first(mut self) -> Self {
        self.workflow.settings.order = Order::SequentialV0;
        self
    }

    /// Limits the running time of the execution.
    pub fn limit(mut self, limit: &str) -> Self {
        self.workflow.settings.timeout_ms = Some(milliseconds(limit));
        self
    }

    /// Changes whatever has no method of its own.
    pub fn with(mut self, change: impl FnOnce(&mut Workflow)) -> Self {
        change(&mut self.workflow);
        self
    }
}

impl From<Draft> for Workflow {
    fn from(draft: Draft) -> Self {
        draft.workflow
    }
}

/// The milliseconds of `1s`, `100ms`, `2m`, `3h`.
pub(crate) fn milliseconds(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => panic!("\"{unit}\" is no unit of time"),
    };
    digits.parse::<u64>().expect("a length of time begins with a number") * factor
}
