//! Items of two inputs whose fields are equal.

use std::collections::HashMap;

use sdk::prelude::*;

use super::clash::Clash;
use super::{Merged, from};
use crate::convert::to_text;
use crate::path::Path;

/// Items of two inputs whose fields are equal.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The fields that must be equal, in pairs.
    fields: Expr<Vec<Pair>>,
    /// Whether dots in field names lead into objects.
    #[serde(default = "super::yes")]
    dotted: bool,
    /// Which items pass.
    #[serde(default)]
    keep: Keep,
    /// Whether different forms of a value are equal: `1` and `"1"`, true and 1, blank and missing.
    #[serde(default)]
    fuzzy: bool,
    /// Whether an item of the first input is merged with its first partner only.
    #[serde(default)]
    first_match_only: bool,
    /// Whether a field that no item of an input has is an error.
    #[serde(default)]
    require_fields: bool,
    /// What happens to fields that both items have.
    #[serde(default)]
    clash: Clash,
}

/// Two fields that must be equal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// The field of the first input.
    first: String,
    /// The field of the second input.
    second: String,
}
sdk::parameter!(Pair);

/// Which items pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keep {
    /// Merged pairs.
    #[default]
    Matches,
    /// Items of the first input that have a partner, unchanged.
    FirstMatches,
    /// Items of the second input that have a partner, unchanged.
    SecondMatches,
    /// Items without a partner; `_source` says which input they are from.
    NonMatches,
    /// Items of the first input without a partner.
    FirstNonMatches,
    /// Items of the second input without a partner.
    SecondNonMatches,
    /// Merged pairs, then what has no partner.
    Everything,
    /// Merged pairs, then items of the first input without a partner.
    First,
    /// Merged pairs, then items of the second input without a partner.
    Second,
}

/// Who found whom.
struct Matches {
    /// The partners of each item of the first input.
    partners: Vec<Vec<usize>>,
    /// Whether each item of the second input is a partner.
    found: Vec<bool>,
}

impl Join {
    pub(super) fn run(
        &self,
        merged: &mut Merged<'_>,
        first: &[Item],
        second: &[Item],
    ) -> Result<(), NodeError> {
        let pairs = self.fields.eval(merged.ctx, 0)?;
        let paths = self.paths(&pairs)?;
        if self.require_fields {
            require(first, paths.iter().map(|(first, _)| first), 1)?;
            require(second, paths.iter().map(|(_, second)| second), 2)?;
        }
        let matches = self.find(merged, first, second, &paths)?;
        let keep = self.keep;
        if matches!(keep, Keep::Matches | Keep::Everything | Keep::First | Keep::Second) {
            for (index, partners) in matches.partners.iter().enumerate() {
                for &partner in partners {
                    merged.push(
                        self.clash.merge(&[(0, index, &first[index]), (1, partner, &second[partner])]),
                    )?;
                }
            }
        }
        // Where a whole input is missing, there is nothing to tell apart.
        let told_apart = !first.is_empty() && !second.is_empty();
        let alone = |port: usize, index: usize, item: &Item| match told_apart {
            true => self.clash.alone((port, index, item)),
            false => from(port, index, item),
        };
        for (index, item) in first.iter().enumerate() {
            let has_partner = !matches.partners[index].is_empty();
            match keep {
                Keep::FirstMatches if has_partner => merged.push(from(0, index, item))?,
                Keep::FirstNonMatches if !has_partner => merged.push(from(0, index, item))?,
                Keep::NonMatches if !has_partner => {
                    merged.push(with_source(from(0, index, item), told_apart, "input1"))?
                }
                Keep::Everything | Keep::First if !has_partner => merged.push(alone(0, index, item))?,
                _ => {}
            }
        }
        for (index, item) in second.iter().enumerate() {
            let found = matches.found[index];
            match keep {
                Keep::SecondMatches if found => merged.push(from(1, index, item))?,
                Keep::SecondNonMatches if !found => merged.push(from(1, index, item))?,
                Keep::NonMatches if !found => {
                    merged.push(with_source(from(1, index, item), told_apart, "input2"))?
                }
                Keep::Everything | Keep::Second if !found => merged.push(alone(1, index, item))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn paths(&self, pairs: &[Pair]) -> Result<Vec<(Path, Path)>, NodeError> {
        if pairs.is_empty() {
            return Err(NodeError::permanent(
                "You need to define at least one pair of fields in \"Fields to Match\" to match on",
            ));
        }
        // Of several pairs with the same second field only the last counts.
        let counts =
            |index: usize| !pairs[index + 1..].iter().any(|later| later.second == pairs[index].second);
        let path = |field: &str| Path::new(field, self.dotted);
        let pair = |(index, pair): (usize, &Pair)| match (pair.first.as_str(), pair.second.as_str()) {
            ("", _) | (_, "") => Err(NodeError::permanent(format!(
                "pair {} of the fields to match needs both fields; name them",
                index + 1
            ))),
            (first, second) => Ok((path(first), path(second))),
        };
        pairs.iter().enumerate().filter(|(index, _)| counts(*index)).map(pair).collect()
    }

    /// Finds partners through an index of the second input, so that the time grows with the items, not with the pairs.
    fn find(
        &self,
        merged: &Merged<'_>,
        first: &[Item],
        second: &[Item],
        paths: &[(Path, Path)],
    ) -> Result<Matches, NodeError> {
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        let wanted: Vec<Vec<Option<&Value>>> =
            second.iter().map(|item| paths.iter().map(|(_, path)| path.get(&item.json)).collect()).collect();
        for (position, values) in wanted.iter().enumerate() {
            merged.ctx.check_cancelled_at(position)?;
            if self.fuzzy || values.iter().all(Option::is_some) {
                index.entry(self.bucket(values)).or_default().push(position);
            }
        }
        let mut matches =
            Matches { partners: Vec::with_capacity(first.len()), found: vec![false; second.len()] };
        for (position, item) in first.iter().enumerate() {
            merged.ctx.check_cancelled_at(position)?;
            let values: Vec<_> = paths.iter().map(|(path, _)| path.get(&item.json)).collect();
            let mut partners = Vec::new();
            if values.iter().all(Option::is_some) {
                let candidates = index.get(&self.bucket(&values)).map_or(&[][..], Vec::as_slice);
                let limit = if self.first_match_only { 1 } else { usize::MAX };
                let equal = |candidate: &&usize| {
                    values.iter().zip(&wanted[**candidate]).all(|(first, second)| self.equal(*first, *second))
                };
                partners.extend(candidates.iter().filter(equal).take(limit));
            }
            partners.iter().for_each(|partner| matches.found[*partner] = true);
            matches.partners.push(partners);
        }
        Ok(matches)
    }

    /// A text that is the same for values that may be equal.
    fn bucket(&self, values: &[Option<&Value>]) -> String {
        let mut bucket = String::new();
        for value in values {
            let value = value.unwrap_or(&Value::Null);
            match value {
                Value::Object(_) | Value::Array(_) if !is_blank(value) => bucket.push('{'),
                _ if !self.fuzzy => bucket.push_str(&value.to_json()),
                _ if is_blank(value) => {}
                other => match to_text(other).to_lowercase().as_str() {
                    "1" => bucket.push_str("true"),
                    "0" => bucket.push_str("false"),
                    text => bucket.push_str(text),
                },
            }
            bucket.push('\u{0}');
        }
        bucket
    }

    fn equal(&self, first: Option<&Value>, second: Option<&Value>) -> bool {
        let (first, second) = (first.unwrap_or(&Value::Null), second.unwrap_or(&Value::Null));
        if first == second {
            return true;
        }
        if !self.fuzzy {
            return false;
        }
        match (first, second) {
            (Value::Bool(truth), other) | (other, Value::Bool(truth)) => {
                let text = to_text(other).to_lowercase();
                matches!((truth, text.as_str()), (true, "true" | "1") | (false, "false" | "0"))
            }
            (Value::Number(_), Value::String(_)) | (Value::String(_), Value::Number(_)) => {
                to_text(first) == to_text(second)
            }
            (first, second) => is_blank(first) && is_blank(second),
        }
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

fn with_source(mut item: Item, named: bool, source: &str) -> Item {
    if named {
        item.json.insert("_source", source);
    }
    item
}

fn require<'a>(items: &[Item], paths: impl Iterator<Item = &'a Path>, input: usize) -> Result<(), NodeError> {
    for path in paths {
        if !items.iter().any(|item| path.get(&item.json).is_some()) {
            let field = path.text();
            return Err(NodeError::permanent(format!(
                "Field '{field}' is not present in any of items in 'Input {input}'"
            )));
        }
    }
    Ok(())
}
