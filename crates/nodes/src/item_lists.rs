//! n8n's Item Lists: one node that did what several nodes of its own do today.

use sdk::prelude::*;

use crate::{aggregate, limit, remove_duplicates, sort, split_out, summarize};

/// n8n's node, mapped by operation.
pub const MAPPING: N8nMapping =
    N8nMapping { kind: "n8n-nodes-base.itemLists", versions: &[1.0, 2.0, 2.1, 2.2, 3.0, 3.1], map: from_n8n };

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let mut parameters = node.parameters.clone();
    // Before version 3 each name stood in an entry of its own.
    for list in ["fieldsToInclude", "fieldsToExclude", "fieldsToCompare"] {
        let names = node.entries(&format!("{list}.fields"));
        if names.is_empty() {
            continue;
        }
        let names = names.iter().map(|entry| entry.get("fieldName").cloned().unwrap_or_else(|| "".into()));
        parameters.insert(list, Value::array(names));
    }
    let node = &N8nNode { parameters: &parameters, ..*node };
    Ok(match node.text_or("operation", "splitOutItems") {
        "splitOutItems" => split_out::from_n8n(node).set(
            "accept",
            match node.version {
                version if version < 2.0 => "lists",
                version if version < 2.1 => "lists_and_objects",
                version if version < 2.2 => "lists_objects_and_missing",
                _ => "anything",
            },
        ),
        "aggregateItems" | "concatenateItems" => {
            aggregate::from_n8n(node).set("fail_when_missing", node.version < 2.1)
        }
        "summarize" => summarize::from_n8n(node)
            .set("group_values", "names")
            .set("plain_names", node.version >= 2.0)
            .set("extremes_of_numbers_only", node.version < 3.0)
            .set("fail_when_missing", node.version < 2.1),
        "removeDuplicates" => {
            remove_duplicates::from_n8n(node).set("types", if node.version < 3.1 { "same" } else { "any" })
        }
        "sort" => sort::from_n8n(node),
        "limit" => limit::from_n8n(node),
        other => {
            let reason = format!("operation {other} is not supported");
            return Err(Unmapped::UnsupportedParameters(reason));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(version: f64, parameters: Value) -> Native {
        let parameters = parameters.as_object().expect("an object");
        let node = N8nNode { kind: "n8n-nodes-base.itemLists", version, parameters, webhook_id: None };
        from_n8n(&node).expect("it is supported")
    }

    #[test]
    fn the_first_version_splits_lists_only() {
        let native = map(1.0, json!({ "fieldToSplitOut": "a" }));
        assert_eq!(native.kind.name, "core.split_out");
        assert_eq!(native.parameters.get("accept"), Some(&"lists".into()));
    }

    #[test]
    fn names_in_entries_become_a_list() {
        let fields = json!({ "fields": [{ "fieldName": "a,b" }, { "fieldName": "c" }] });
        let native = map(
            2.2,
            json!({ "operation": "removeDuplicates", "compare": "selectedFields", "fieldsToCompare": fields }),
        );
        assert_eq!(native.kind.name, "core.remove_duplicates");
        assert_eq!(native.parameters.get("fields"), Some(&json!(["a,b", "c"])));
    }
}
