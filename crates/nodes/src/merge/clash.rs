//! What happens to fields that several items have.

use std::sync::Arc;

use model::{Binary, Item};
use sdk::prelude::*;

/// What happens to fields that several items have.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Clash {
    /// Whether one item wins, or the fields are told apart.
    pub rule: Rule,
    /// The number of the input whose fields win, from 1; the last one without it.
    pub prefer: Option<usize>,
    /// How far objects and lists are merged.
    pub depth: Depth,
    /// Whether `null` and blank text of the winner leave what is there.
    pub skip_empty: bool,
}

/// Whether one item wins, or the fields are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The fields of the preferred input win.
    #[default]
    Prefer,
    /// Every field gets the number of its input: `name_1`, `name_2`.
    AddSuffix,
    /// Every field gets the number of its input, and those of the preferred input are there without it too.
    AddSuffixAndPlain,
}

/// How far objects and lists are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Objects field by field and lists element by element, at every level.
    #[default]
    Deep,
    /// Only the outermost fields.
    Shallow,
}

/// An item that goes into a merged one: its input, its index there.
pub(super) type Entry<'a> = (usize, usize, &'a Item);

impl Clash {
    /// One item out of several, which come in the order of their inputs.
    pub(super) fn merge(&self, entries: &[Entry<'_>]) -> Item {
        let preferred = match self.prefer {
            Some(number) => entries.iter().find(|(port, ..)| port + 1 == number),
            None => entries.last(),
        };
        let json = match self.rule {
            Rule::Prefer => self.layered(entries, preferred),
            Rule::AddSuffix => suffixed(entries),
            Rule::AddSuffixAndPlain => {
                let mut json = suffixed(entries);
                preferred.into_iter().for_each(|(.., item)| self.lay_over(&mut json, &item.json));
                json
            }
        };
        let lineage = Lineage::many(entries.iter().map(|(port, index, _)| Origin::of(*port, *index)));
        Item { json, binary: binaries(entries, preferred), lineage }
    }

    /// An item that found no partner: its fields get the number of its input where that is the rule.
    pub(super) fn alone(&self, entry: Entry<'_>) -> Item {
        match self.rule {
            Rule::Prefer => super::from(entry.0, entry.1, entry.2),
            Rule::AddSuffix | Rule::AddSuffixAndPlain => {
                Clash { rule: Rule::AddSuffix, ..self.clone() }.merge(&[entry])
            }
        }
    }

    /// The fields of all items, those of the preferred one on top.
    fn layered(&self, entries: &[Entry<'_>], preferred: Option<&Entry<'_>>) -> Object {
        let top = preferred.or(entries.last()).map(|(port, ..)| *port);
        let below = entries.iter().filter(|(port, ..)| Some(*port) != top);
        let mut layers = below.chain(entries.iter().filter(|(port, ..)| Some(*port) == top));
        let Some((.., lowest)) = layers.next() else { return Object::new() };
        let mut json = lowest.json.clone();
        layers.for_each(|(.., item)| self.lay_over(&mut json, &item.json));
        json
    }

    fn lay_over(&self, below: &mut Object, above: &Object) {
        for (name, value) in above.iter() {
            match below.get_mut(name) {
                None => _ = below.insert(name.clone(), value.clone()),
                Some(existing) => self.lay_value_over(existing, value),
            }
        }
    }

    fn lay_value_over(&self, below: &mut Value, above: &Value) {
        let is_empty = above.is_null() || above.as_str() == Some("");
        match (below, above) {
            _ if self.skip_empty && is_empty => {}
            (Value::Object(below), Value::Object(above)) if self.depth == Depth::Deep => {
                self.lay_over(below, above);
            }
            (Value::Array(below), Value::Array(above)) if self.depth == Depth::Deep => {
                let below = Arc::make_mut(below);
                for (index, value) in above.iter().enumerate() {
                    match below.get_mut(index) {
                        Some(existing) => self.lay_value_over(existing, value),
                        None => below.push(value.clone()),
                    }
                }
            }
            // Merging an object into a list deeply leaves the list: its fields are no elements.
            (Value::Array(_), Value::Object(_)) if self.depth == Depth::Deep => {}
            (below, above) => *below = above.clone(),
        }
    }
}

/// The fields of all items, each with the number of its input.
fn suffixed(entries: &[Entry<'_>]) -> Object {
    let fields = entries.iter().flat_map(|(port, _, item)| {
        item.json.iter().map(move |(name, value)| (format!("{name}_{}", port + 1), value.clone()))
    });
    fields.collect()
}

/// The files of all items; those of the preferred one win.
fn binaries(entries: &[Entry<'_>], preferred: Option<&Entry<'_>>) -> Option<Arc<model::Binaries>> {
    let mut with_files = entries.iter().chain(preferred).filter_map(|(.., item)| item.binary.as_ref());
    let mut files = with_files.next()?.clone();
    for more in with_files {
        if !Arc::ptr_eq(&files, more) {
            let named = more.iter().map(|(name, file): (&Text, &Binary)| (name.clone(), file.clone()));
            Arc::make_mut(&mut files).extend(named);
        }
    }
    Some(files)
}
