//! Merge: brings the items of several inputs together.

mod clash;
mod join;
mod lookup;
mod n8n;

use sdk::prelude::*;

use self::clash::Clash;
use self::join::Join;
use self::lookup::Lookup;
pub use self::n8n::N8N;

/// Brings the items of several inputs together: one after the other, side by side, or by what they have in common.
///
/// It runs when every connected input has arrived; an input that never comes counts as empty. A merged item stems from
/// every item that went into it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Merge {
    /// The items of the first input, then those of the second, and so on.
    Append {
        /// How many inputs there are.
        #[serde(default = "two")]
        inputs: usize,
    },
    /// Items of two inputs whose fields are equal.
    Join(Join),
    /// First item with first item, second with second, and so on.
    Position {
        /// How many inputs there are.
        #[serde(default = "two")]
        inputs: usize,
        /// What happens where an input has fewer items than another.
        #[serde(default)]
        unpaired: Unpaired,
        /// What happens to fields that several items have.
        #[serde(default)]
        clash: Clash,
    },
    /// Every item of the first input with every item of the second; those of input 1 change fastest where it is preferred.
    Cross {
        /// What happens to fields that both items have.
        #[serde(default)]
        clash: Clash,
    },
    /// The items of one input, once all have arrived.
    Choose {
        /// How many inputs there are.
        #[serde(default = "two")]
        inputs: usize,
        /// The number of the input that passes, from 1; without it one empty item does.
        #[serde(default)]
        input: Option<Expr<usize>>,
        /// Whether the node runs only when every input has brought items.
        #[serde(default = "yes")]
        needs_all: bool,
    },
    /// Items of the first input, depending on whether the second has the same key.
    Lookup(Lookup),
}

/// What happens to items by position where an input has fewer items than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unpaired {
    /// They are dropped.
    #[default]
    Drop,
    /// They are dropped, unless one of the inputs is empty: then the others pass.
    DropUnlessAlone,
    /// Those of the first input pass.
    KeepFirst,
    /// They pass.
    Keep,
}

fn two() -> usize {
    2
}

fn yes() -> bool {
    true
}

/// Items for the output; every one checks now and then whether the step should stop.
struct Merged<'a> {
    ctx: &'a Context,
    items: Vec<Item>,
}

impl Merged<'_> {
    fn push(&mut self, item: Item) -> Result<(), NodeError> {
        self.ctx.check_cancelled_at(self.items.len())?;
        self.items.push(item);
        Ok(())
    }
}

impl Node for Merge {
    const KIND: Kind = Kind::new("core.merge", 1);
    const TITLE: &'static str = "Merge";
    const GROUP: Group = Group::Flow;
    const INPUTS: &'static [&'static str] = &["1", "2"];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "One after the other",
            parameters: r#"{"mode": "append"}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
        Example {
            title: "Enrich orders with their customers",
            parameters: r#"{"mode": "join", "fields": [{"first": "customer", "second": "id"}], "keep": "first"}"#,
            items: r#"[{"id": 1, "customer": 2}, {"id": 2, "name": "Ada"}]"#,
        },
        Example {
            title: "Side by side",
            parameters: r#"{"mode": "position", "unpaired": "keep", "clash": {"rule": "add_suffix"}}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
        Example { title: "All combinations", parameters: r#"{"mode": "cross"}"#, items: r#"[{"id": 1}]"# },
        Example {
            title: "Wait for both",
            parameters: r#"{"mode": "choose", "input": 1}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "Without those on the list",
            parameters: r#"{"mode": "lookup", "first": "id", "second": "id", "then": "drop"}"#,
            items: r#"[{"id": 1}]"#,
        },
    ];

    fn ports(&self) -> Ports {
        let names: Vec<String> = (1..=self.inputs()).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let required = match self {
            Merge::Choose { needs_all: true, .. } => Required::All,
            Merge::Choose { .. } | Merge::Lookup(_) => Required::None,
            _ => Required::AtLeast(1),
        };
        Ports { required, ..Ports::new(&names, Self::OUTPUTS) }
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut merged = Merged { ctx, items: Vec::new() };
        match self {
            Merge::Append { .. } => append(&mut merged, inputs)?,
            Merge::Join(join) => join.run(&mut merged, inputs.port(0), inputs.port(1))?,
            Merge::Position { inputs: count, unpaired, clash } => {
                let ports: Vec<&[Item]> = (0..*count).map(|port| inputs.port(port)).collect();
                by_position(&mut merged, &ports, *unpaired, clash)?;
            }
            Merge::Cross { clash } => cross(&mut merged, inputs.port(0), inputs.port(1), clash)?,
            Merge::Choose { inputs: count, input, .. } => {
                choose(&mut merged, inputs, *count, input.as_ref())?
            }
            Merge::Lookup(lookup) => lookup.run(&mut merged, inputs.port(0), inputs.port(1))?,
        }
        Ok(Output::main(merged.items))
    }
}

impl Merge {
    fn inputs(&self) -> usize {
        match self {
            Merge::Append { inputs } | Merge::Position { inputs, .. } | Merge::Choose { inputs, .. } => {
                *inputs
            }
            Merge::Join(_) | Merge::Cross { .. } | Merge::Lookup(_) => 2,
        }
    }
}

fn append(merged: &mut Merged<'_>, inputs: &Inputs) -> Result<(), NodeError> {
    for port in 0..inputs.ports().len() {
        for (index, item) in inputs.port(port).iter().enumerate() {
            merged.push(from(port, index, item))?;
        }
    }
    Ok(())
}

/// The item, stemming from item `index` of input `port`.
fn from(port: usize, index: usize, item: &Item) -> Item {
    Item { lineage: Lineage::one(Origin::of(port, index)), ..item.clone() }
}

/// Every item with every item; those of the preferred input change fastest where it is named.
fn cross(merged: &mut Merged<'_>, first: &[Item], second: &[Item], clash: &Clash) -> Result<(), NodeError> {
    let mut pair = |row: usize, column: usize| {
        merged.push(clash.merge(&[(0, row, &first[row]), (1, column, &second[column])]))
    };
    if clash.rule == clash::Rule::Prefer && clash.prefer == Some(1) {
        (0..second.len()).try_for_each(|column| (0..first.len()).try_for_each(|row| pair(row, column)))
    } else {
        (0..first.len()).try_for_each(|row| (0..second.len()).try_for_each(|column| pair(row, column)))
    }
}

fn by_position(
    merged: &mut Merged<'_>,
    ports: &[&[Item]],
    unpaired: Unpaired,
    clash: &Clash,
) -> Result<(), NodeError> {
    let lengths = || ports.iter().map(|items| items.len());
    let shortest = lengths().min().unwrap_or(0);
    let longest = lengths().max().unwrap_or(0);
    let rows = match unpaired {
        Unpaired::DropUnlessAlone if shortest == 0 => longest,
        Unpaired::Drop | Unpaired::DropUnlessAlone => shortest,
        Unpaired::KeepFirst => lengths().next().unwrap_or(0),
        Unpaired::Keep => longest,
    };
    // Where only one input has items, there is nothing to tell apart.
    let alone = lengths().filter(|length| *length > 0).count() == 1 && clash.rule == clash::Rule::AddSuffix;
    for row in 0..rows {
        let entries = ports.iter().enumerate().filter_map(|(port, items)| Some((port, row, items.get(row)?)));
        let entries: Vec<_> = entries.collect();
        match entries.as_slice() {
            [(port, row, item)] if alone => merged.push(from(*port, *row, item))?,
            entries => merged.push(clash.merge(entries))?,
        }
    }
    Ok(())
}

fn choose(
    merged: &mut Merged<'_>,
    inputs: &Inputs,
    count: usize,
    input: Option<&Expr<usize>>,
) -> Result<(), NodeError> {
    let Some(input) = input else {
        let origins = (0..count)
            .flat_map(|port| (0..inputs.port(port).len()).map(move |index| Origin::of(port, index)));
        return merged.push(Item { lineage: Lineage::many(origins), ..Item::default() });
    };
    let number = input.eval(merged.ctx, 0)?;
    if !(1..=count).contains(&number) {
        return Err(NodeError::permanent(format!(
            "there is no input {number}; choose one from 1 to {count}"
        )));
    }
    for (index, item) in inputs.port(number - 1).iter().enumerate() {
        merged.push(from(number - 1, index, item))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
