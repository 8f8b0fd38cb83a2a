//! Summarize: counts, sums and joins values, per group.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sdk::prelude::*;

use crate::compare::less_than;
use crate::convert::to_text;
use crate::names::Names;
use crate::path::Path;

/// Counts, sums, joins or otherwise condenses the values of fields over all items, or over each group of items that
/// agree in some fields.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Summarize {
    /// What to work out.
    fields: Vec<Summary>,
    /// The fields that the items of a group agree in; empty for one group of all items.
    group_by: Expr<Names>,
    /// Whether the groups leave as items or nested in one item.
    output: Expr<Layout>,
    /// Whether items with an empty value in a field of `group_by` are left out.
    skip_empty_groups: Expr<bool>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// What the values of `group_by` are in the output.
    group_values: GroupValues,
    /// Whether the names of output fields lose their brackets and quotes and have `_` for blanks and dots.
    plain_names: bool,
    /// Whether the lowest and highest value are sought among numbers only.
    extremes_of_numbers_only: bool,
    /// Whether a field that no item has fails the step.
    fail_when_missing: Expr<bool>,
}

/// One thing to work out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// How the values are condensed.
    aggregation: Aggregation,
    /// Name or path of the field.
    name: Expr<Text>,
    /// Whether missing values, `null` and empty text count as well.
    #[serde(default)]
    include_empty: Expr<bool>,
    /// What stands between joined values.
    #[serde(default = "comma")]
    separator: Expr<Text>,
}

fn comma() -> Expr<Text> {
    Text::from(",").into()
}

/// How values are condensed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// A list of them.
    Append,
    /// Their mean.
    Average,
    /// All of them as one text.
    Concatenate,
    /// How many there are.
    Count,
    /// How many different ones there are.
    CountUnique,
    /// The highest.
    Max,
    /// The lowest.
    Min,
    /// Their sum.
    Sum,
}

/// Whether groups leave as items or nested in one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// An item per group.
    Items,
    /// One item, the values of the groups as names in it.
    Nested,
}
sdk::parameter!(Layout);

/// What the values that define a group are in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupValues {
    /// What they were; lists and objects become JSON text.
    Typed,
    /// Text.
    Text,
    /// Text, groups ordered like the names of an object: whole numbers first.
    Names,
}

impl Default for Summarize {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            group_by: Names::default().into(),
            output: Layout::Items.into(),
            skip_empty_groups: false.into(),
            dot_notation: true.into(),
            group_values: GroupValues::Typed,
            plain_names: true,
            extremes_of_numbers_only: false,
            fail_when_missing: false.into(),
        }
    }
}

impl Node for Summarize {
    const KIND: Kind = Kind::new("core.summarize", 1);
    const TITLE: &'static str = "Summarize";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Turnover per country",
            parameters: r#"{"fields": [{"aggregation": "sum", "name": "total"}], "group_by": "country"}"#,
            items: r#"[{"country": "FR", "total": 1}, {"country": "DE", "total": 2}, {"country": "FR", "total": 3}]"#,
        },
        Example {
            title: "All names in one text",
            parameters: r#"{"fields": [{"aggregation": "concatenate", "name": "name", "separator": ", "}]}"#,
            items: r#"[{"name": "Ada"}, {"name": "Grace"}]"#,
        },
        Example {
            title: "Nested groups",
            parameters: r#"{
                "fields": [{"aggregation": "count", "name": "id"}], "group_by": "year,month", "output": "nested"
            }"#,
            items: r#"[{"id": 1, "year": 2025, "month": 1}, {"id": 2, "year": 2025, "month": 2}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main();
        if items.is_empty() {
            return Ok(Output::main(Vec::new()));
        }
        let dotted = self.dot_notation.eval(ctx, 0)?;
        let columns = self.columns(ctx, items, dotted)?;
        let group_by = self.group_by.eval(ctx, 0)?.paths(dotted);
        let names = group_by.iter().map(|path| self.output_name(path.text())).collect();
        let split = Split {
            items,
            names,
            columns: &columns,
            group_values: self.group_values,
            skip_empty: self.skip_empty_groups.eval(ctx, 0)?,
            numbers_only: self.extremes_of_numbers_only,
        };
        let all: Vec<usize> = (0..items.len()).collect();
        if self.output.eval(ctx, 0)? == Layout::Nested {
            let json = match split.nest(&group_by, &all) {
                Value::Object(object) => object,
                other => unreachable!("groups nest in an object, not in {}", other.type_name()),
            };
            return Ok(Output::main(vec![with_origins(json, all)]));
        }
        let mut output = Vec::new();
        split.list(&group_by, all, &Object::new(), &mut output);
        Ok(Output::main(output))
    }
}

/// A field to condense, looked up once.
struct Column<'a> {
    aggregation: Aggregation,
    name: Text,
    include_empty: bool,
    separator: Text,
    values: Vec<Option<Cow<'a, Value>>>,
}

impl Summarize {
    fn output_name(&self, name: &str) -> Text {
        if self.plain_names { plain_name(name) } else { name.into() }
    }

    fn columns<'a>(
        &self,
        ctx: &Context,
        items: &'a [Item],
        dotted: bool,
    ) -> Result<Vec<Column<'a>>, NodeError> {
        let mut columns = Vec::with_capacity(self.fields.len());
        let mut named = false;
        for field in &self.fields {
            let path = Path::new(&field.name.eval(ctx, 0)?, dotted);
            let values: Vec<_> = items.iter().map(|item| path.find(&item.json)).collect();
            let missing = !path.text().is_empty() && values.iter().all(Option::is_none);
            if missing && self.fail_when_missing.eval(ctx, 0)? {
                let message = format!("The field '{}' does not exist in any items", path.text());
                return Err(NodeError::permanent(message));
            }
            named |= !path.text().is_empty();
            columns.push(Column {
                aggregation: field.aggregation,
                name: format!("{}{}", field.aggregation.prefix(), self.output_name(path.text())).into(),
                include_empty: field.include_empty.eval(ctx, 0)?,
                separator: field.separator.eval(ctx, 0)?,
                values,
            });
        }
        if !named {
            return Err(NodeError::permanent(
                "You need to add at least one aggregation to 'Fields to Summarize' with non empty 'Field'",
            ));
        }
        Ok(columns)
    }
}

struct Split<'a> {
    items: &'a [Item],
    /// What the fields of the groups are called in the output.
    names: Vec<Text>,
    columns: &'a [Column<'a>],
    group_values: GroupValues,
    skip_empty: bool,
    numbers_only: bool,
}

impl Split<'_> {
    /// Adds an item per group of `members`, with the values that define the groups around them.
    fn list(&self, group_by: &[Path], members: Vec<usize>, outer: &Object, output: &mut Vec<Item>) {
        let Some((path, rest)) = group_by.split_first() else {
            let mut json = outer.clone();
            json.extend(self.condense(&members).iter().map(|(key, value)| (key.clone(), value.clone())));
            output.push(with_origins(json, members));
            return;
        };
        for (value, members) in self.groups(path, &members) {
            let mut outer = outer.clone();
            if let Some(value) = value {
                outer.insert(self.names[self.names.len() - group_by.len()].clone(), value);
            }
            self.list(rest, members, &outer, output);
        }
    }

    fn nest(&self, group_by: &[Path], members: &[usize]) -> Value {
        let Some((path, rest)) = group_by.split_first() else { return self.condense(members).into() };
        let groups = self.groups(path, members).into_iter();
        let name = |value: Option<Value>| value.map_or("undefined".into(), |value| to_text(&value));
        Value::Object(groups.map(|(value, members)| (name(value), self.nest(rest, &members))).collect())
    }

    /// The groups in the order in which they first occur; the value that defines a group is `None` for `undefined`.
    fn groups(&self, path: &Path, members: &[usize]) -> Vec<(Option<Value>, Vec<usize>)> {
        let mut groups: Vec<(Option<Value>, Vec<usize>)> = Vec::new();
        let mut places: HashMap<(&str, Text), usize> = HashMap::new();
        for member in members {
            let mut value = path.find(&self.items[*member].json).map(Cow::into_owned);
            if let Some(object @ (Value::Array(_) | Value::Object(_))) = &value {
                value = Some(object.to_json().into());
            }
            match self.group_values {
                GroupValues::Typed => {}
                GroupValues::Text => value = Some(value.as_ref().map_or("undefined".into(), to_text).into()),
                // `null` is an object in JavaScript, so it counts as its JSON text here, not as empty.
                GroupValues::Names if value == Some(Value::Null) => value = Some("null".into()),
                GroupValues::Names => {}
            }
            let empty = !matches!(value, Some(Value::Number(_)))
                && !value.as_ref().is_some_and(crate::convert::truthy);
            if self.skip_empty && empty {
                continue;
            }
            if self.group_values == GroupValues::Names {
                value = Some(value.as_ref().map_or("undefined".into(), to_text).into());
            }
            let key = value
                .as_ref()
                .map_or(("undefined", Text::new()), |value| (value.type_name(), to_text(value)));
            let place = *places.entry(key).or_insert_with(|| {
                groups.push((value, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(*member);
        }
        if self.group_values == GroupValues::Names {
            let number = |value: &Option<Value>| {
                value.as_ref().and_then(|value| model::value::array_index(value.as_str()?))
            };
            groups.sort_by_key(|(value, _)| number(value).map_or((1, 0), |number| (0, number)));
        }
        groups
    }

    fn condense(&self, members: &[usize]) -> Object {
        let columns = self.columns.iter();
        columns.map(|column| (column.name.clone(), column.condense(members, self.numbers_only))).collect()
    }
}

impl Column<'_> {
    fn condense(&self, members: &[usize], numbers_only: bool) -> Value {
        let values = || members.iter().map(|member| self.values[*member].as_deref());
        let wanted = || values().filter(|value| self.include_empty || !is_empty(*value));
        let numbers = || values().filter_map(|value| value.and_then(Value::as_f64));
        match self.aggregation {
            Aggregation::Append => Value::array(wanted().map(|value| value.cloned().unwrap_or_default())),
            Aggregation::Concatenate => {
                let texts: Vec<Text> = wanted().map(written).collect();
                texts.join(&self.separator).into()
            }
            Aggregation::Count => wanted().count().into(),
            Aggregation::CountUnique => count_unique(wanted()).into(),
            Aggregation::Sum => numbers().sum::<f64>().into(),
            Aggregation::Average => match numbers().count() {
                0 => Value::Null,
                count => (numbers().sum::<f64>() / count as f64).into(),
            },
            Aggregation::Min | Aggregation::Max => {
                let found = values().flatten().filter(|value| !is_empty(Some(value)));
                let found = found.filter(|value| !numbers_only || value.as_f64().is_some());
                let better = |a: &Value, b: &Value| match self.aggregation {
                    Aggregation::Min => less_than(Some(a), Some(b)),
                    _ => less_than(Some(b), Some(a)),
                };
                found.reduce(|best, value| if better(value, best) { value } else { best }).cloned().into()
            }
        }
    }
}

impl Aggregation {
    fn prefix(self) -> &'static str {
        match self {
            Aggregation::Append => "appended_",
            Aggregation::Average => "average_",
            Aggregation::Concatenate => "concatenated_",
            Aggregation::Count => "count_",
            Aggregation::CountUnique => "unique_count_",
            Aggregation::Max => "max_",
            Aggregation::Min => "min_",
            Aggregation::Sum => "sum_",
        }
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn written(value: Option<&Value>) -> Text {
    match value {
        None => "undefined".into(),
        Some(value @ (Value::Array(_) | Value::Object(_))) => value.to_json().into(),
        Some(value) => to_text(value),
    }
}

/// How many different values there are; each list and object is different from all others.
fn count_unique<'a>(values: impl Iterator<Item = Option<&'a Value>>) -> usize {
    let mut seen = HashSet::new();
    let mut objects = 0;
    for value in values {
        match value {
            Some(Value::Array(_) | Value::Object(_)) => objects += 1,
            Some(value) => drop(seen.insert((value.type_name(), to_text(value)))),
            None => drop(seen.insert(("undefined", Text::new()))),
        }
    }
    seen.len() + objects
}

/// The name of a field as it is used in names made from it.
fn plain_name(name: &str) -> Text {
    let kept = name.chars().filter(|c| !matches!(c, '[' | ']' | '"'));
    kept.map(|c| if matches!(c, ' ' | '.') { '_' } else { c }).collect()
}

fn with_origins(json: Object, members: Vec<usize>) -> Item {
    Item { json, binary: None, lineage: Lineage::many(members.into_iter().map(Origin::item)) }
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.summarize",
    versions: &[1.0, 1.1],
    map: |node| {
        let first = node.version < 1.1;
        let lenient = !first || node.flag_or("options.continueIfFieldNotFound", false);
        Ok(from_n8n(node)
            .set("group_values", if first { "text" } else { "typed" })
            .set("fail_when_missing", !lenient))
    },
}];

/// Also serves the list operation of the same name.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let mut fields = node.entries("fieldsToSummarize.values");
    if node.get("fieldsToSummarize").is_none() {
        fields.push(json!({}));
    }
    let fields = fields.iter().map(|field| {
        let get = |key: &str, default: Value| field.get(key).cloned().unwrap_or(default);
        let aggregation = match field.get("aggregation").and_then(Value::as_str).unwrap_or("count") {
            "countUnique" => "count_unique",
            other => other,
        };
        let separator = match get("separateBy", ",".into()) {
            Value::String(text) if text == "other" => get("customSeparator", "".into()),
            separator => separator,
        };
        let members = [
            ("aggregation", aggregation.into()),
            ("name", get("field", "".into())),
            ("include_empty", get("includeEmpty", false.into())),
            ("separator", separator),
        ];
        Value::Object(members.into_iter().collect())
    });
    let output = match node.text_or("options.outputFormat", "separateItems") {
        "singleItem" => "nested",
        "separateItems" => "items",
        expression => expression,
    };
    Native::new(Summarize::KIND, json!({}))
        .set("fields", Value::array(fields))
        .set("group_by", node.get_or("fieldsToSplitBy", ""))
        .set("output", output)
        .set("skip_empty_groups", node.get_or("options.skipEmptySplitFields", false))
        .set("dot_notation", node.not("options.disableDotNotation"))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn every_aggregation_has_its_own_field() {
        let of = |aggregation: &str| json!({ "aggregation": aggregation, "name": "n" });
        let all = ["append", "average", "concatenate", "count", "count_unique", "max", "min", "sum"];
        let fields = Value::array(all.map(of));
        check::<Summarize>(
            json!({ "fields": fields }),
            json!([{ "n": 1 }, { "n": 3 }, { "n": 3 }, { "n": null }, {}]),
            json!({ "main": [{
                "appended_n": [1, 3, 3], "average_n": 7.0 / 3.0, "concatenated_n": "1,3,3", "count_n": 3,
                "unique_count_n": 2, "max_n": 3, "min_n": 1, "sum_n": 7
            }] }),
        );
    }

    #[test]
    fn groups_keep_the_type_of_their_value() {
        check::<Summarize>(
            json!({ "fields": [{ "aggregation": "count", "name": "n" }], "group_by": "a.b" }),
            json!([{ "a": { "b": 1 }, "n": 1 }, { "a": { "b": "1" }, "n": 1 }, { "a": { "b": 1 }, "n": 1 }]),
            json!({ "main": [{ "a_b": 1, "count_n": 2 }, { "a_b": "1", "count_n": 1 }] }),
        );
    }

    #[test]
    fn groups_may_nest_in_one_item() {
        check::<Summarize>(
            json!({
                "fields": [{ "aggregation": "sum", "name": "n" }], "group_by": "a,b", "output": "nested"
            }),
            json!([{ "a": "x", "b": 1, "n": 1 }, { "a": "x", "b": 2, "n": 2 }, { "a": "y", "b": 1, "n": 3 }]),
            json!({ "main": [{ "x": { "1": { "sum_n": 1 }, "2": { "sum_n": 2 } }, "y": { "1": { "sum_n": 3 } } }] }),
        );
    }

    #[test]
    fn empty_groups_are_left_out_on_request() {
        check::<Summarize>(
            json!({ "fields": [{ "aggregation": "count", "name": "n" }], "group_by": "g", "skip_empty_groups": true }),
            json!([{ "g": "", "n": 1 }, { "n": 1 }, { "g": 0, "n": 1 }]),
            json!({ "main": [{ "g": 0, "count_n": 1 }] }),
        );
    }

    #[test]
    fn a_field_that_no_item_has_may_be_an_error() {
        let fields = json!([{ "aggregation": "count", "name": "x" }]);
        let error =
            check_error::<Summarize>(json!({ "fields": fields, "fail_when_missing": true }), json!([{}]));
        assert_eq!(error.message, "The field 'x' does not exist in any items");
    }
}
