//! Compare Datasets: finds what two lists of items have in common and where they differ.

mod n8n;

use std::collections::{HashMap, HashSet};

use sdk::prelude::*;

pub use self::n8n::N8N;
use crate::compare::{fingerprint, means_the_same};
use crate::names::Names;
use crate::path::Path;

/// Pairs the items of two lists by fields and sends them on: those only in A, those that are the same in both, those
/// that differ, those only in B.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareDatasets {
    /// The fields that two items must agree in to be compared.
    match_by: Vec<Pair>,
    /// What leaves for two items that differ.
    differing: Expr<Differing>,
    /// Whose fields leave with `differing: mix`.
    mix_of: Expr<Side>,
    /// The fields that are taken from the other side with `differing: mix`.
    mix_except: Expr<Names>,
    /// Whether a number equals its text, JSON its text, and everything empty everything else that is empty.
    fuzzy: Expr<bool>,
    /// Fields that may differ.
    skip_fields: Expr<Names>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// Whether an item of A is compared with all items of B that it agrees with, instead of the first.
    all_matches: Expr<bool>,
    /// Whether it is an error when no item has a field of `match_by`.
    require_fields: bool,
    /// How differences are reported with `differing: both`.
    report: Report,
}

/// Two fields that must agree.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Name or path in A.
    a: Expr<Text>,
    /// Name or path in B.
    b: Expr<Text>,
}

/// What leaves for two items that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Differing {
    /// The item of A.
    A,
    /// The item of B.
    B,
    /// The item of one side with some fields of the other.
    Mix,
    /// A report with the fields that are the same and both values of those that differ.
    Both,
}
sdk::parameter!(Differing);

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first input.
    A,
    /// The second input.
    B,
}
sdk::parameter!(Side);

/// How differences are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The sides are called `input1` and `input2`; values that count as false are reported as `null`.
    Numbered,
    /// The sides are called `inputA` and `inputB`.
    Lettered,
    /// The same; skipped fields that lie inside others are reported apart, and fields that one side lacks may be equal
    /// when the comparison is fuzzy.
    Deep,
}

impl Default for CompareDatasets {
    fn default() -> Self {
        Self {
            match_by: Vec::new(),
            differing: Differing::Both.into(),
            mix_of: Side::A.into(),
            mix_except: Names::default().into(),
            fuzzy: false.into(),
            skip_fields: Names::default().into(),
            dot_notation: true.into(),
            all_matches: false.into(),
            require_fields: false,
            report: Report::Deep,
        }
    }
}

impl Node for CompareDatasets {
    const KIND: Kind = Kind::new("core.compare_datasets", 1);
    const TITLE: &'static str = "Compare Datasets";
    const GROUP: Group = Group::Flow;
    const INPUTS: &'static [&'static str] = &["a", "b"];
    const OUTPUTS: &'static [&'static str] = &["only_a", "same", "different", "only_b"];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Customers by number",
        parameters: r#"{"match_by": [{"a": "id", "b": "id"}], "differing": "both"}"#,
        items: r#"[{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]"#,
    }];

    fn ports(&self) -> Ports {
        Ports { required: Required::AtLeast(1), ..Ports::new(Self::INPUTS, Self::OUTPUTS) }
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let comparison = self.comparison(ctx)?;
        let (a, b) = (entries(inputs, 0), entries(inputs, 1));
        if self.require_fields {
            require(&a, comparison.pairs.iter().map(|(path, _)| path), "Input A")?;
            require(&b, comparison.pairs.iter().map(|(_, path)| path), "Input B")?;
        }
        if let Some(field) = comparison.skip.iter().find(|field| !comparison.dotted && field.contains('.')) {
            let message =
                format!("Dot notation is disabled, but field to skip comparing '{field}' contains dot");
            return Err(NodeError::permanent(message));
        }
        let mut outputs: [Vec<Item>; 4] = Default::default();
        let mut matched = HashSet::new();
        let candidates = Candidates::new(&comparison, &b);
        for (at, entry) in a.iter().enumerate() {
            if at % 256 == 0 {
                ctx.check_cancelled()?;
            }
            let mut found = candidates.find(entry);
            if !comparison.all_matches {
                found.truncate(1);
            }
            if found.is_empty() {
                outputs[0].push(entry.item());
                continue;
            }
            matched.extend(found.iter().copied());
            let mut same = None;
            for other in found.into_iter().map(|index| &b[index]) {
                if comparison.equal(entry, other) {
                    let take_b = comparison.fuzzy && comparison.differing == Differing::B;
                    same.get_or_insert_with(|| if take_b { other.item() } else { entry.item() });
                } else {
                    outputs[2].push(comparison.difference(entry, other)?);
                }
            }
            outputs[1].extend(same);
        }
        outputs[3].extend(
            b.iter().enumerate().filter(|(index, _)| !matched.contains(index)).map(|(_, entry)| entry.item()),
        );
        Ok(Output::from(outputs))
    }
}

impl CompareDatasets {
    fn comparison(&self, ctx: &Context) -> Result<Comparison, NodeError> {
        let dotted = self.dot_notation.eval(ctx, 0)?;
        let mut pairs = Vec::with_capacity(self.match_by.len());
        for (number, pair) in self.match_by.iter().enumerate() {
            let (a, b) = (pair.a.eval(ctx, 0)?, pair.b.eval(ctx, 0)?);
            if a.is_empty() && b.is_empty() && self.match_by.len() == 1 {
                return Err(NodeError::permanent(
                    "You need to define at least one pair of fields in \"Fields to Match\" to match on",
                ));
            }
            if a.is_empty() || b.is_empty() {
                let message =
                    format!("You need to define both fields in \"Fields to Match\" for pair {}", number + 1);
                return Err(NodeError::permanent(message));
            }
            pairs.push((Path::new(&a, dotted), Path::new(&b, dotted)));
        }
        let skip = self.skip_fields.eval(ctx, 0)?.0;
        Ok(Comparison {
            pairs,
            skip,
            dotted,
            fuzzy: self.fuzzy.eval(ctx, 0)?,
            all_matches: self.all_matches.eval(ctx, 0)?,
            differing: self.differing.eval(ctx, 0)?,
            mix_of: self.mix_of.eval(ctx, 0)?,
            mix_except: self.mix_except.eval(ctx, 0)?.paths(dotted),
            report: self.report,
        })
    }
}

/// An item of one side and where it is.
struct Entry<'a> {
    item: &'a Item,
    origin: Origin,
}

impl Entry<'_> {
    fn item(&self) -> Item {
        Item { lineage: Lineage::one(self.origin), ..self.item.clone() }
    }
}

/// The items of a port that have data.
fn entries(inputs: &Inputs, port: usize) -> Vec<Entry<'_>> {
    let items = inputs.port(port).iter().enumerate().filter(|(_, item)| !item.json.is_empty());
    items.map(|(index, item)| Entry { item, origin: Origin::of(port, index) }).collect()
}

fn require<'a>(
    entries: &[Entry<'_>],
    paths: impl Iterator<Item = &'a Path>,
    side: &str,
) -> Result<(), NodeError> {
    for path in paths {
        if !entries.is_empty() && entries.iter().all(|entry| path.get(&entry.item.json).is_none()) {
            let message = format!("Field '{}' is not present in any of items in '{side}'", path.text());
            return Err(NodeError::permanent(message));
        }
    }
    Ok(())
}

/// The parameters of one step.
struct Comparison {
    pairs: Vec<(Path, Path)>,
    skip: Vec<Text>,
    dotted: bool,
    fuzzy: bool,
    all_matches: bool,
    differing: Differing,
    mix_of: Side,
    mix_except: Vec<Path>,
    report: Report,
}

/// The items of B, found by the values that must agree.
struct Candidates<'a> {
    comparison: &'a Comparison,
    entries: &'a [Entry<'a>],
    by_values: HashMap<String, Vec<usize>>,
}

impl<'a> Candidates<'a> {
    fn new(comparison: &'a Comparison, entries: &'a [Entry<'a>]) -> Self {
        let mut by_values: HashMap<String, Vec<usize>> = HashMap::new();
        if !comparison.fuzzy {
            for (index, entry) in entries.iter().enumerate() {
                let values = comparison.pairs.iter().map(|(_, path)| fingerprint(path.get(&entry.item.json)));
                by_values.entry(values.collect()).or_default().push(index);
            }
        }
        Self { comparison, entries, by_values }
    }

    fn find(&self, entry: &Entry<'_>) -> Vec<usize> {
        let pairs = &self.comparison.pairs;
        let values: Vec<_> = pairs.iter().map(|(path, _)| path.get(&entry.item.json)).collect();
        if values.iter().any(Option::is_none) {
            return Vec::new();
        }
        if !self.comparison.fuzzy {
            let key: String = values.into_iter().map(fingerprint).collect();
            return self.by_values.get(&key).cloned().unwrap_or_default();
        }
        let agrees = |other: &Entry<'_>| {
            let others = pairs.iter().map(|(_, path)| path.get(&other.item.json));
            values.iter().zip(others).all(|(value, other)| self.comparison.same(*value, other))
        };
        self.entries.iter().enumerate().filter(|(_, other)| agrees(other)).map(|(index, _)| index).collect()
    }
}

impl Comparison {
    fn same(&self, a: Option<&Value>, b: Option<&Value>) -> bool {
        if self.fuzzy { means_the_same(a, b, self.report > Report::Numbered) } else { a == b }
    }

    /// Whether two items agree in all fields that count.
    fn equal(&self, a: &Entry<'_>, b: &Entry<'_>) -> bool {
        let counting = |entry: &Entry<'_>| {
            let mut json = entry.item.json.clone();
            for field in &self.skip {
                Path::new(field, self.dotted).remove(&mut json);
            }
            json
        };
        let (a, b) = (counting(a), counting(b));
        match self.fuzzy {
            true => a.iter().all(|(key, value)| self.same(Some(value), b.get(key))),
            false => a == b,
        }
    }

    /// What leaves for two items that differ.
    fn difference(&self, a: &Entry<'_>, b: &Entry<'_>) -> Result<Item, NodeError> {
        match self.differing {
            Differing::A => Ok(a.item()),
            Differing::B => Ok(b.item()),
            Differing::Mix => {
                let (base, other) = if self.mix_of == Side::A { (a, b) } else { (b, a) };
                let mut item = base.item();
                for path in &self.mix_except {
                    let value = path.get(&other.item.json).cloned();
                    match value {
                        None if !self.dotted => drop(item.json.remove(path.text())),
                        value => drop(item.json.insert(path.text().clone(), value.unwrap_or_default())),
                    }
                }
                Ok(item)
            }
            Differing::Both => {
                let lineage = Lineage::many([a.origin, b.origin]);
                Ok(Item { json: self.reported(&a.item.json, &b.item.json)?, binary: None, lineage })
            }
        }
    }

    fn reported(&self, a: &Object, b: &Object) -> Result<Object, NodeError> {
        let mut keys = Object::new();
        for (path, _) in &self.pairs {
            if let Some(value) = a.get(path.text()) {
                keys.insert(path.text().clone(), value.clone());
            }
        }
        let (mut same, mut different, mut skipped) = (Object::new(), Object::new(), Object::new());
        let only_b = b.keys().filter(|key| !a.contains_key(key));
        for (number, key) in a.keys().chain(only_b).enumerate() {
            let (in_a, in_b) = (a.get(key), b.get(key));
            let may_be_same = in_a.is_some() && in_b.is_some() || self.fuzzy && self.report == Report::Deep;
            if may_be_same && self.same(in_a, in_b) {
                if let Some(value) = in_a {
                    same.insert(key.clone(), value.clone());
                }
                continue;
            }
            let (mut in_a, mut in_b) = (self.shown(in_a), self.shown(in_b));
            if self.skip.contains(key) {
                skipped.insert(key.clone(), self.both(in_a, in_b));
                continue;
            }
            if self.report == Report::Deep && self.dotted {
                let apart = self.take_skipped(key, &mut in_a, &mut in_b, number)?;
                if let Some((a, b)) = apart {
                    skipped.insert(key.clone(), self.both(a.into(), b.into()));
                }
            }
            different.insert(key.clone(), self.both(in_a, in_b));
        }
        let mut report: Object =
            [("keys", keys), ("same", same), ("different", different)].into_iter().collect();
        if !skipped.is_empty() {
            report.insert("skipped", skipped);
        }
        Ok(report)
    }

    /// A value as reports show it.
    fn shown(&self, value: Option<&Value>) -> Value {
        let hidden = |value: &&Value| self.report > Report::Numbered || crate::convert::truthy(value);
        value.filter(hidden).cloned().unwrap_or_default()
    }

    fn both(&self, a: Value, b: Value) -> Value {
        let names = if self.report > Report::Numbered { ["inputA", "inputB"] } else { ["input1", "input2"] };
        Value::Object(names.into_iter().zip([a, b]).collect())
    }

    /// Takes the skipped parts of two differing values out of them.
    fn take_skipped(
        &self,
        key: &Text,
        a: &mut Value,
        b: &mut Value,
        number: usize,
    ) -> Result<Option<(Object, Object)>, NodeError> {
        let inside = |field: &&Text| field.starts_with(key.as_str()) && field.contains('.');
        let mut apart = None;
        for field in self.skip.iter().filter(inside) {
            let plain = |value: &Value| !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null);
            if plain(a) || plain(b) {
                return Err(NodeError::permanent(format!(
                    "The field '{key}' in item {number} is not an object. It is not possible to use dot notation."
                )));
            }
            let path = Path::parse(&field.replacen(&format!("{key}."), "", 1));
            let (apart_a, apart_b): &mut (Object, Object) = apart.get_or_insert_default();
            for (value, apart) in [(&mut *a, apart_a), (&mut *b, apart_b)] {
                if let Value::Object(object) = value {
                    path.set(apart, path.get(object).cloned())?;
                    path.remove(object);
                }
            }
        }
        Ok(apart)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sdk::testing::{build, context};

    use super::*;

    /// The data that leaves each port.
    fn compare(parameters: Value, a: Value, b: Value) -> Value {
        let items = |list: Value| {
            let list = list.as_array().expect("a list").to_vec();
            let items = list.iter().map(|json| Item::new(json.as_object().expect("an object").clone()));
            Some(Arc::new(items.collect::<Vec<_>>()))
        };
        let ctx = context(Inputs::new([items(a), items(b)], 0));
        let node = build::<CompareDatasets>(&parameters);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        let output = runtime.block_on(Node::run(&node, &ctx, &ctx.inputs)).expect("the step completes");
        let Output::Items(emission) = output else { panic!("items leave the node") };
        let data = |items: &Items| Value::array(items.iter().map(|item| Value::Object(item.json.clone())));
        Value::array(emission.ports.iter().map(data))
    }

    #[test]
    fn items_are_told_apart_by_their_fields() {
        let outputs = compare(
            json!({ "match_by": [{ "a": "id", "b": "key" }], "differing": "a", "skip_fields": "id, key" }),
            json!([{ "id": 1, "x": 1 }, { "id": 2, "x": 2 }, { "id": 3 }]),
            json!([{ "key": 1, "x": 1 }, { "key": 2, "x": 3 }, { "key": 4 }]),
        );
        assert_eq!(
            outputs,
            json!([[{ "id": 3 }], [{ "id": 1, "x": 1 }], [{ "id": 2, "x": 2 }], [{ "key": 4 }]])
        );
    }

    #[test]
    fn a_report_shows_both_values() {
        let outputs = compare(
            json!({ "match_by": [{ "a": "id", "b": "id" }], "skip_fields": "at" }),
            json!([{ "id": 1, "x": 1, "at": 1 }]),
            json!([{ "id": 1, "x": 2, "at": 2, "y": 0 }]),
        );
        assert_eq!(
            outputs.as_array().expect("four ports")[2],
            json!([{
                "keys": { "id": 1 },
                "same": { "id": 1 },
                "different": { "x": { "inputA": 1, "inputB": 2 }, "y": { "inputA": null, "inputB": 0 } },
                "skipped": { "at": { "inputA": 1, "inputB": 2 } }
            }])
        );
    }

    #[test]
    fn a_fuzzy_comparison_looks_through_the_form() {
        let outputs = compare(
            json!({ "match_by": [{ "a": "id", "b": "id" }], "fuzzy": true }),
            json!([{ "id": "1", "x": null }]),
            json!([{ "id": 1, "x": "" }]),
        );
        assert_eq!(outputs, json!([[], [{ "id": "1", "x": null }], [], []]));
    }

    #[test]
    fn a_mix_takes_some_fields_of_the_other_side() {
        let outputs = compare(
            json!({
                "match_by": [{ "a": "id", "b": "id" }], "differing": "mix", "mix_of": "b", "mix_except": "x"
            }),
            json!([{ "id": 1, "x": 1, "y": 1 }]),
            json!([{ "id": 1, "x": 2, "y": 2 }]),
        );
        assert_eq!(outputs, json!([[], [], [{ "id": 1, "x": 1, "y": 2 }], []]));
    }
}
