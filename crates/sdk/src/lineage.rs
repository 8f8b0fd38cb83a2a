//! Walks items back to where they came from: what `$('Node').item` means.

use model::{Item, Text};

use crate::context::Step;
use crate::history::{History, Source};

/// An item of an earlier run: which run, which output port, which index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: Source,
    pub(crate) item: usize,
}

impl Place {
    pub(crate) fn item<'a>(&self, history: &'a History) -> Option<&'a Item> {
        history.runs(self.source.node).get(self.source.run)?.output(self.source.output).get(self.item)
    }
}

/// Why an item has no single ancestor in a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// An item on the way does not say where it came from; the node that made it.
    Unknown(Text),
    /// The way ends before it reaches the node.
    NoPath,
    /// Several items of the node are ancestors.
    Several,
}

/// Lineage deeper than this is a cycle.
const MAX_STEPS: usize = 100_000;

/// The item of `target` that main input item `index` of the current step stems from.
pub(crate) fn ancestor(step: &Step, index: usize, target: usize) -> Result<Place, Lost> {
    let source = step.sources.get(step.inputs.main_port()).copied().flatten().ok_or(Lost::NoPath)?;
    let mut steps = 0;
    trace(&step.history, Place { source, item: index }, target, &mut steps)
}

/// The item of `target` that the item at `place` stems from.
pub(crate) fn trace(
    history: &History,
    mut place: Place,
    target: usize,
    steps: &mut usize,
) -> Result<Place, Lost> {
    loop {
        *steps += 1;
        if place.source.node == target {
            return Ok(place);
        }
        if *steps > MAX_STEPS {
            return Err(Lost::NoPath);
        }
        let maker = || history.graph().nodes()[place.source.node].name.clone();
        let runs = history.runs(place.source.node);
        let run = runs.get(place.source.run).ok_or(Lost::NoPath)?;
        let item = run.output(place.source.output).get(place.item).ok_or_else(|| Lost::Unknown(maker()))?;
        let step_back = |origin: &model::Origin| {
            let arrived = origin.run.map_or(Some(run), |earlier| runs.get(earlier as usize))?;
            let source = arrived.sources.get(origin.input as usize).copied().flatten()?;
            Some(Place { source, item: origin.item as usize })
        };
        match item.lineage.origins() {
            [] => return Err(Lost::Unknown(maker())),
            [origin] => place = step_back(origin).ok_or(Lost::NoPath)?,
            several => {
                let mut found: Option<Place> = None;
                let mut first_lost = None;
                for origin in several {
                    let traced = step_back(origin)
                        .ok_or(Lost::NoPath)
                        .and_then(|place| trace(history, place, target, steps));
                    match traced {
                        Ok(place) if found.is_some_and(|other| other != place) => return Err(Lost::Several),
                        Ok(place) => found = Some(place),
                        Err(lost) => first_lost = first_lost.or(Some(lost)),
                    }
                }
                return found.ok_or_else(|| first_lost.unwrap_or(Lost::NoPath));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Item, Lineage, Origin, json};
    use smallvec::smallvec;

    use super::*;
    use crate::context::NodeInfo;
    use crate::history::{Graph, Run};

    #[test]
    fn an_item_that_a_loop_kept_is_traced_through_the_run_it_arrived_in() {
        let node =
            |index: usize, name: &str| Arc::new(NodeInfo { index, name: name.into(), ..NodeInfo::default() });
        let nodes = vec![node(0, "Start"), node(1, "Loop"), node(2, "Body")];
        let graph = Graph::new("".into(), "".into(), false, nodes, vec![Vec::new(); 3]);
        let mut history = History::new(Arc::new(graph));
        let item = |lineage| Arc::new(vec![Item { lineage, ..Item::default() }]);
        let from = |node, run| smallvec![Some(Source { node, output: 0, run })];
        let two = Arc::new(vec![Item::new(json!({ "id": 1 }).as_object().expect("an object").clone()); 2]);
        history.push(0, Run { outputs: vec![two], ..Run::default() });
        let handed_out = |index| item(Lineage::one(Origin::item(index).in_run(0)));
        history.push(1, Run { sources: from(0, 0), outputs: vec![handed_out(0)], ..Run::default() });
        history.push(
            2,
            Run { sources: from(1, 0), outputs: vec![item(Lineage::one(Origin::item(0)))], ..Run::default() },
        );
        history.push(1, Run { sources: from(2, 0), outputs: vec![handed_out(1)], ..Run::default() });

        let second = Place { source: Source { node: 1, output: 0, run: 1 }, item: 0 };
        let found = trace(&history, second, 0, &mut 0).expect("the item has an ancestor");
        assert_eq!(found, Place { source: Source { node: 0, output: 0, run: 0 }, item: 1 });
    }

    /// `Left` and `Right` give an item each, `Join` one item that stems from both, and `Start` gave both theirs.
    fn joined_history(right: Lineage) -> History {
        let names = ["Start", "Left", "Right", "Join"];
        let node = |(index, name): (usize, &&str)| {
            Arc::new(NodeInfo { index, name: (*name).into(), ..NodeInfo::default() })
        };
        let nodes = names.iter().enumerate().map(node).collect();
        let mut history =
            History::new(Arc::new(Graph::new("".into(), "".into(), false, nodes, vec![Vec::new(); 4])));
        let one = |lineage| vec![Arc::new(vec![Item { lineage, ..Item::default() }])];
        let from = |node| Some(Source { node, output: 0, run: 0 });
        let first = || Lineage::one(Origin::item(0));
        history.push(0, Run { outputs: one(first()), ..Run::default() });
        history.push(1, Run { sources: smallvec![from(0)], outputs: one(first()), ..Run::default() });
        history.push(2, Run { sources: smallvec![from(0)], outputs: one(right), ..Run::default() });
        let both = Lineage::many([Origin::item(0), Origin::of(1, 0)]);
        history.push(3, Run { sources: smallvec![from(1), from(2)], outputs: one(both), ..Run::default() });
        history
    }

    const OF_THE_JOIN: Place = Place { source: Source { node: 3, output: 0, run: 0 }, item: 0 };

    #[test]
    fn an_item_of_a_join_is_traced_along_the_side_that_has_the_node() {
        let history = joined_history(Lineage::one(Origin::item(0)));
        let found = trace(&history, OF_THE_JOIN, 1, &mut 0).expect("the left side came from there");
        assert_eq!(found.source.node, 1);
        let unknown = joined_history(Lineage::default());
        let found = trace(&unknown, OF_THE_JOIN, 0, &mut 0).expect("the left side knows where it came from");
        assert_eq!(found.source.node, 0);
    }

    #[test]
    fn an_item_that_came_another_way_has_no_trace_rather_than_an_unknown_origin() {
        let history = joined_history(Lineage::one(Origin::item(0)));
        let of_right = Place { source: Source { node: 2, output: 0, run: 0 }, item: 0 };
        assert_eq!(trace(&history, of_right, 1, &mut 0), Err(Lost::NoPath));
    }
}
