//! Sort: changes the order of items.

use std::cmp::Ordering;

use sdk::code::Contract;
use sdk::prelude::*;

use crate::code::run_code;
use crate::compare;
use crate::path::Path;

/// Changes the order of items: by fields, at random, or by code that compares two items.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sort {
    /// What decides the order.
    by: By,
    /// The fields that decide, the most important first, with `by: fields`. Text is compared without regard to case.
    fields: Vec<SortField>,
    /// The body of a function of `a` and `b`, with `by: code`: below 0 puts `a` first, above 0 puts `b` first.
    code: String,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
}

/// What decides the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The values of fields.
    Fields,
    /// Chance.
    Random,
    /// People's own code.
    Code,
}

/// A field that decides.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SortField {
    /// Its name or path.
    name: Expr<Text>,
    /// Whether high values come first.
    #[serde(default)]
    descending: Expr<bool>,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: By::Fields, fields: Vec::new(), code: String::new(), dot_notation: true.into() }
    }
}

impl Node for Sort {
    const KIND: Kind = Kind::new("core.sort", 1);
    const TITLE: &'static str = "Sort";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "The oldest first, then by name",
            parameters: r#"{"fields": [{"name": "age", "descending": true}, {"name": "name"}]}"#,
            items: r#"[{"name": "b", "age": 36}, {"name": "A", "age": 36}, {"name": "c", "age": 80}]"#,
        },
        Example { title: "At random", parameters: r#"{"by": "random"}"#, items: r#"[{"a": 1}, {"a": 2}]"# },
        Example {
            title: "By code",
            parameters: r#"{"by": "code", "code": "return a.json.n - b.json.n"}"#,
            items: r#"[{"n": 2}, {"n": 1}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main();
        if items.is_empty() {
            return Ok(Output::main(Vec::new()));
        }
        let order = match self.by {
            By::Fields => self.by_fields(ctx, items)?,
            By::Random => shuffled(ctx, items.len()),
            By::Code => return self.by_code(ctx, inputs).await,
        };
        Ok(Output::main(order.into_iter().map(|index| items[index].clone().from_item(index)).collect()))
    }
}

impl Sort {
    fn by_fields(&self, ctx: &Context, items: &[Item]) -> Result<Vec<usize>, NodeError> {
        if self.fields.is_empty() {
            return Err(NodeError::permanent("No sorting specified. Please add a field to sort by"));
        }
        let dotted = self.dot_notation.eval(ctx, 0)?;
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let path = Path::new(&field.name.eval(ctx, 0)?, dotted);
            // Once per item, not once per comparison.
            let keys: Vec<Option<Value>> =
                items.iter().map(|item| path.find(&item.json).map(|value| folded(&value))).collect();
            if keys.iter().all(Option::is_none) {
                let error = NodeError::permanent(format!(
                    "Couldn't find the field '{}' in the input data",
                    path.text()
                ));
                let nested = !dotted && path.text().contains('.');
                return Err(if nested {
                    error.describe("turn dot notation on to reach into objects")
                } else {
                    error
                });
            }
            fields.push((keys, field.descending.eval(ctx, 0)?));
        }
        let mut order: Vec<usize> = (0..items.len()).collect();
        compare::sort_by(&mut order, |a, b| {
            let different = fields.iter().find(|(keys, _)| keys[*a] != keys[*b]);
            different.map_or(Ordering::Equal, |(keys, descending)| {
                let less = compare::loosely_less_than(keys[*a].as_ref(), keys[*b].as_ref());
                if less != *descending { Ordering::Less } else { Ordering::Greater }
            })
        });
        Ok(order)
    }

    async fn by_code(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let words = || self.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if !words().any(|word| word == "return") {
            return Err(NodeError::permanent(
                "Sort code doesn't return. Please add a 'return' statement to your code",
            ));
        }
        let source = format!("return items.sort((a, b) => {{ {} \n}})", self.code);
        run_code(&source, Contract::AllItems, ctx, inputs).await
    }
}

/// A value as it is compared.
fn folded(value: &Value) -> Value {
    match value {
        Value::String(text) => text.to_lowercase().into(),
        value => value.clone(),
    }
}

/// The numbers below `count` in an order that the step's chance decides.
fn shuffled(ctx: &Context, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = (ctx.chance(last as u64) * (last + 1) as f64) as usize;
        order.swap(last, other);
    }
    order
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.sort", versions: &[1.0], map: |node| Ok(from_n8n(node)) }];

/// What n8n's node does when nobody has written code into it.
const SAMPLE: &str = "const field = 'myField';\nif (a.json[field] < b.json[field]) return -1;\n\
                      if (a.json[field] > b.json[field]) return 1;\nreturn 0;";

/// Also serves the list operation of the same name.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let native = Native::new(Sort::KIND, json!({}));
    match node.text_or("type", "simple") {
        "random" => native.set("by", "random"),
        "code" => native.set("by", "code").set("code", node.get_or("code", SAMPLE)),
        _ => {
            let fields = node.entries("sortFieldsUi.sortField");
            let fields = fields.iter().map(|field| {
                let name = field.get("fieldName").cloned().unwrap_or_else(|| "".into());
                let descending = field.get("order").and_then(Value::as_str) == Some("descending");
                Value::Object([("name", name), ("descending", descending.into())].into_iter().collect())
            });
            native
                .set("fields", Value::array(fields))
                .set("dot_notation", node.not("options.disableDotNotation"))
        }
    }
}

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check, check_error, run};

    use super::*;

    #[test]
    fn text_is_sorted_without_regard_to_case() {
        check::<Sort>(
            json!({ "fields": [{ "name": "a.b" }] }),
            json!([{ "a": { "b": "b" } }, { "a": { "b": "C" } }, { "a": { "b": "A" } }]),
            json!({ "main": [{ "a": { "b": "A" } }, { "a": { "b": "b" } }, { "a": { "b": "C" } }] }),
        );
    }

    #[test]
    fn the_next_field_decides_between_equals() {
        check::<Sort>(
            json!({ "fields": [{ "name": "a", "descending": true }, { "name": "b" }] }),
            json!([{ "a": 1, "b": 1 }, { "a": 2, "b": 2 }, { "a": 2, "b": 1 }]),
            json!({ "main": [{ "a": 2, "b": 1 }, { "a": 2, "b": 2 }, { "a": 1, "b": 1 }] }),
        );
    }

    #[test]
    fn items_keep_their_lineage() {
        let node = build::<Sort>(&json!({ "fields": [{ "name": "a" }] }));
        let emission = run(&node, json!([{ "a": 2 }, { "a": 1 }])).expect("the step completes");
        let origins: Vec<_> = emission.ports[0].iter().map(|item| item.lineage.origins()[0].item).collect();
        assert_eq!(origins, [1, 0]);
    }

    #[test]
    fn chance_loses_no_item() {
        let node = build::<Sort>(&json!({ "by": "random" }));
        let items = json!([{ "a": 1 }, { "a": 2 }, { "a": 3 }, { "a": 4 }]);
        let emission = run(&node, items).expect("the step completes");
        let mut seen: Vec<_> = emission.ports[0].iter().map(|item| item.lineage.origins()[0].item).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn a_field_that_no_item_has_is_an_error() {
        let error = check_error::<Sort>(json!({ "fields": [{ "name": "x" }] }), json!([{}]));
        assert_eq!(error.message, "Couldn't find the field 'x' in the input data");
        let error = check_error::<Sort>(json!({ "by": "code", "code": "a - b" }), json!([{}]));
        assert!(error.message.contains("doesn't return"), "{error}");
    }
}
