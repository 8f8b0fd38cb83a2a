//! Items of one input by a key that the other may have.

use std::collections::HashMap;

use sdk::prelude::*;

use super::{Merged, from};
use crate::convert::to_text;
use crate::path::Path;

/// Items of the first input, depending on whether the second has an item with the same key. Keys are numbers but 0 and
/// text that is not blank; they compare as text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The field of the first input that holds the key.
    first: Expr<String>,
    /// The field of the second input that holds the key; the last of several items counts.
    second: Expr<String>,
    /// What happens to items that are found.
    then: Then,
}

/// What happens to items whose key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// They pass; others do not.
    Keep,
    /// They are dropped; others pass, those without a key too.
    Drop,
    /// They get the fields of what was found; those that are not found pass as they are, unless they have no key at all.
    Overwrite,
    /// The same, but only fields that are missing or blank are set.
    FillBlank,
    /// The same, but only fields that are missing are set.
    FillMissing,
}

impl Lookup {
    pub(super) fn run(
        &self,
        merged: &mut Merged<'_>,
        first: &[Item],
        second: &[Item],
    ) -> Result<(), NodeError> {
        let path = |field: &Expr<String>| Ok::<_, NodeError>(Path::parse(&field.eval(merged.ctx, 0)?));
        let (first_path, second_path) = (path(&self.first)?, path(&self.second)?);
        let keyed = second.iter().filter_map(|item| Some((key(second_path.get(&item.json)?)?, item)));
        let known: HashMap<Text, &Item> = keyed.collect();
        for (index, item) in first.iter().enumerate() {
            let value = first_path.get(&item.json);
            let found = value.and_then(key).and_then(|key| known.get(&key));
            let passes = match self.then {
                Then::Keep => found.is_some(),
                Then::Drop => found.is_none(),
                Then::Overwrite | Then::FillBlank | Then::FillMissing => {
                    matches!(value, Some(Value::String(_) | Value::Number(_) | Value::Null))
                }
            };
            if passes {
                let mut item = from(0, index, item);
                if let Some(found) = found {
                    self.fill(&mut item.json, &found.json);
                }
                merged.push(item)?;
            }
        }
        Ok(())
    }

    fn fill(&self, item: &mut Object, found: &Object) {
        for (name, value) in found.iter() {
            let present = item.get(name);
            let is_blank = present.is_some_and(|value| value.is_null() || value.as_str() == Some(""));
            let is_set = match self.then {
                Then::Overwrite => true,
                Then::FillBlank => present.is_none() || is_blank,
                Then::FillMissing => present.is_none(),
                Then::Keep | Then::Drop => false,
            };
            if is_set {
                item.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The value as a key, if it is one.
fn key(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if *number != 0.0 => Some(to_text(value)),
        _ => None,
    }
}
