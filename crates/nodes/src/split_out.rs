//! Split Out: makes an item of every element of a list.

use std::sync::Arc;

use sdk::prelude::*;

use crate::names::Names;
use crate::path::Path;

/// Makes an item of every element of a list inside each item; of an object, of every member. Several lists are split
/// side by side.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SplitOut {
    /// Names or paths of the lists, separated by commas; `$binary` stands for the files.
    fields: Expr<Text>,
    /// What the fields are called afterwards, as many names as `fields`. Without it, elements that are objects become
    /// the data of the new item when one list is split.
    destination_fields: Expr<Text>,
    /// Which other fields each new item gets.
    include: Expr<Others>,
    /// Those fields, with `include: selected`.
    include_fields: Expr<Names>,
    /// Whether `a.b` in a name means the member `b` of `a`.
    dot_notation: Expr<bool>,
    /// Whether each new item gets the files.
    keep_files: Expr<bool>,
    /// What may be split; anything else fails the item.
    accept: Accept,
}

/// Which other fields each new item gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// None of them.
    None,
    /// All of them.
    All,
    /// Those named.
    Selected,
}
sdk::parameter!(Others);

/// What may be split, from lenient to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Everything: a missing field gives nothing, a single value one item.
    Anything,
    /// Lists, objects and missing fields.
    ListsObjectsAndMissing,
    /// Lists and objects.
    ListsAndObjects,
    /// Lists.
    Lists,
}

impl Default for SplitOut {
    fn default() -> Self {
        Self {
            fields: Text::new().into(),
            destination_fields: Text::new().into(),
            include: Others::None.into(),
            include_fields: Names::default().into(),
            dot_notation: true.into(),
            keep_files: false.into(),
            accept: Accept::Anything,
        }
    }
}

impl Node for SplitOut {
    const KIND: Kind = Kind::new("core.split_out", 1);
    const TITLE: &'static str = "Split Out";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "An item per tag",
            parameters: r#"{"fields": "tags", "destination_fields": "tag", "include": "all"}"#,
            items: r#"[{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": ["c"]}]"#,
        },
        Example {
            title: "An item per line of an order",
            parameters: r#"{"fields": "order.lines", "include": "none"}"#,
            items: r#"[{"order": {"lines": [{"sku": "x"}, {"sku": "y"}]}}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut output = Vec::new();
        for (index, item) in inputs.main().iter().enumerate() {
            ctx.check_cancelled()?;
            let split = self.split(ctx, index, item).map_err(|error| error.at_item(index))?;
            output.extend(split.into_iter().map(|item| item.from_item(index)));
        }
        Ok(Output::main(output))
    }
}

impl SplitOut {
    fn split(&self, ctx: &Context, index: usize, item: &Item) -> Result<Vec<Item>, NodeError> {
        let fields = self.fields.eval(ctx, index)?;
        let fields: Vec<&str> = fields
            .split(',')
            .map(|field| field.trim())
            .map(|field| field.strip_prefix("$json.").unwrap_or(field))
            .collect();
        let destinations = Names::from_text(&self.destination_fields.eval(ctx, index)?).0;
        if !destinations.is_empty() && destinations.len() != fields.len() {
            return Err(NodeError::permanent(
                "If multiple fields to split out are given, the same number of destination fields must be given",
            ));
        }
        let dotted = self.dot_notation.eval(ctx, index)?;
        let include = self.include.eval(ctx, index)?;
        // Elements become the item itself where nothing else claims a place in it.
        let whole = include == Others::None && fields.len() == 1 && destinations.is_empty();
        let mut split: Vec<Item> = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            if *field == "$binary" {
                for (at, (name, file)) in item.binary.iter().flat_map(|files| files.iter()).enumerate() {
                    let files = entry(&mut split, at).binary.get_or_insert_default();
                    Arc::make_mut(files).insert(name.clone(), file.clone());
                }
                continue;
            }
            let name = destinations.get(position).map_or(*field, Text::as_str);
            let elements = self.elements(Path::new(field, dotted).find(&item.json).as_deref(), field)?;
            for (at, element) in elements.iter().enumerate() {
                let json = &mut entry(&mut split, at).json;
                match element {
                    Value::Object(element) if whole => {
                        json.extend(element.iter().map(|(key, value)| (key.clone(), value.clone())));
                    }
                    Value::Array(element) if whole => {
                        json.extend(
                            element.iter().enumerate().map(|(key, value)| (key.to_string(), value.clone())),
                        );
                    }
                    element => drop(json.insert(name, element.clone())),
                }
            }
        }
        self.add_others(ctx, index, item, &fields, &mut split)?;
        Ok(split)
    }

    /// What the value found in `field` splits into.
    fn elements(&self, value: Option<&Value>, field: &str) -> Result<Arc<Vec<Value>>, NodeError> {
        let refuse = |what: String| Err(NodeError::permanent(what));
        match value {
            Some(Value::Array(values)) => Ok(values.clone()),
            None if self.accept >= Accept::ListsAndObjects => {
                refuse(format!("Couldn't find the field '{field}' in the input data"))
            }
            None => Ok(Arc::default()),
            Some(_) if self.accept == Accept::Lists => {
                refuse(format!("The provided field '{field}' is not an array"))
            }
            Some(Value::Object(object)) => Ok(Arc::new(object.values().cloned().collect())),
            Some(_) if self.accept >= Accept::ListsObjectsAndMissing => {
                refuse(format!("The provided field '{field}' is not an array or object"))
            }
            Some(single) => Ok(Arc::new(vec![single.clone()])),
        }
    }

    fn add_others(
        &self,
        ctx: &Context,
        index: usize,
        item: &Item,
        fields: &[&str],
        split: &mut [Item],
    ) -> Result<(), NodeError> {
        let dotted = self.dot_notation.eval(ctx, index)?;
        match self.include.eval(ctx, index)? {
            Others::None => {}
            Others::All => {
                let mut others = item.json.clone();
                for field in fields {
                    Path::new(field, dotted).remove(&mut others);
                }
                for item in split.iter_mut() {
                    let own = std::mem::replace(&mut item.json, others.clone());
                    item.json.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
            Others::Selected => {
                let paths = self.include_fields.eval(ctx, index)?.paths(dotted);
                if paths.is_empty() && !split.is_empty() {
                    return Err(
                        NodeError::permanent("No fields specified").describe("name a field to include")
                    );
                }
                for item_out in split.iter_mut() {
                    for path in &paths {
                        match path.find(&item.json) {
                            Some(value) => {
                                drop(item_out.json.insert(path.text().clone(), value.into_owned()));
                            }
                            None => drop(item_out.json.remove(path.text())),
                        }
                    }
                }
            }
        }
        if self.keep_files.eval(ctx, index)? {
            for item_out in split.iter_mut().filter(|item_out| item_out.binary.is_none()) {
                item_out.binary = item.binary.clone();
            }
        }
        Ok(())
    }
}

fn entry(split: &mut Vec<Item>, at: usize) -> &mut Item {
    if at >= split.len() {
        split.resize_with(at + 1, Item::default);
    }
    &mut split[at]
}

/// n8n's node, and the one that did this and more before.
pub const N8N: &[N8nMapping] = &[
    N8nMapping { kind: "n8n-nodes-base.splitOut", versions: &[1.0], map: |node| Ok(from_n8n(node)) },
    crate::item_lists::MAPPING,
];

/// Also serves the list operation of the same name.
pub(crate) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let include = match node.text_or("include", "noOtherFields") {
        "noOtherFields" => "none",
        "allOtherFields" => "all",
        "selectedOtherFields" => "selected",
        expression => expression,
    };
    Native::new(SplitOut::KIND, json!({}))
        .set("fields", node.get_or("fieldToSplitOut", ""))
        .set("destination_fields", node.get_or("options.destinationFieldName", ""))
        .set("include", include)
        .set("include_fields", node.get_or("fieldsToInclude", ""))
        .set("dot_notation", node.not("options.disableDotNotation"))
        .set("keep_files", node.get_or("options.includeBinary", false))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    #[test]
    fn elements_that_are_objects_become_items() {
        check::<SplitOut>(
            json!({ "fields": "a.list" }),
            json!([{ "a": { "list": [{ "x": 1 }, { "x": 2 }] } }]),
            json!({ "main": [{ "x": 1 }, { "x": 2 }] }),
        );
    }

    #[test]
    fn other_elements_keep_the_name_of_the_field() {
        check::<SplitOut>(
            json!({ "fields": "a.list" }),
            json!([{ "a": { "list": [1, null] } }]),
            json!({ "main": [{ "a.list": 1 }, { "a.list": null }] }),
        );
    }

    #[test]
    fn several_lists_are_split_side_by_side() {
        check::<SplitOut>(
            json!({ "fields": "a, b", "destination_fields": "x, y" }),
            json!([{ "a": [1, 2], "b": [3] }]),
            json!({ "main": [{ "x": 1, "y": 3 }, { "x": 2 }] }),
        );
    }

    #[test]
    fn the_other_fields_come_along() {
        check::<SplitOut>(
            json!({ "fields": "list", "include": "all" }),
            json!([{ "id": 1, "list": [{ "x": 1 }] }]),
            json!({ "main": [{ "id": 1, "list": { "x": 1 } }] }),
        );
        check::<SplitOut>(
            json!({ "fields": "list", "include": "selected", "include_fields": "a.b" }),
            json!([{ "a": { "b": 7 }, "c": 1, "list": [1] }]),
            json!({ "main": [{ "list": 1, "a.b": 7 }] }),
        );
    }

    #[test]
    fn an_object_is_split_into_its_values() {
        check::<SplitOut>(
            json!({ "fields": "o" }),
            json!([{ "o": { "a": 1, "b": 2 } }]),
            json!({ "main": [{ "o": 1 }, { "o": 2 }] }),
        );
    }

    #[test]
    fn a_missing_field_gives_nothing_unless_it_is_refused() {
        check::<SplitOut>(json!({ "fields": "list" }), json!([{}]), json!({}));
        let parameters = json!({ "fields": "list", "accept": "lists_and_objects" });
        let error = check_error::<SplitOut>(parameters, json!([{}]));
        assert_eq!(error.message, "Couldn't find the field 'list' in the input data");
    }
}
