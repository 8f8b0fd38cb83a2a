//! n8n's Compare Datasets.

use sdk::prelude::*;

use super::CompareDatasets;

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.compareDatasets",
    versions: &[1.0, 2.0, 2.1, 2.2, 2.3],
    map: |node| Ok(from_n8n(node)),
}];

fn from_n8n(node: &N8nNode<'_>) -> Native {
    let mut pairs = node.entries("mergeByFields.values");
    if node.get("mergeByFields").is_none() {
        pairs.push(json!({}));
    }
    let pairs = pairs.iter().map(|pair| {
        let field = |name: &str| pair.get(name).cloned().unwrap_or_else(|| "".into());
        Value::Object([("a", field("field1")), ("b", field("field2"))].into_iter().collect())
    });
    let default = if node.version < 2.1 { "preferInput2" } else { "includeBoth" };
    let differing = match node.text_or("resolve", default) {
        "preferInput1" => "a",
        "preferInput2" => "b",
        "includeBoth" => "both",
        other => other,
    };
    let mix_of = match node.text_or("preferWhenMix", "input1") {
        "input1" => "a",
        "input2" => "b",
        expression => expression,
    };
    let all_matches = node.text_or("options.multipleMatches", "first") == "all";
    let fuzzy = if node.version < 2.0 { "options.fuzzyCompare" } else { "fuzzyCompare" };
    let report = match node.version {
        version if version < 2.0 => "numbered",
        version if version < 2.1 => "lettered",
        _ => "deep",
    };
    Native::new(CompareDatasets::KIND, json!({}))
        .set("match_by", Value::array(pairs))
        .set("differing", differing)
        .set("mix_of", mix_of)
        .set("mix_except", node.get_or("exceptWhenMix", ""))
        .set("fuzzy", node.get_or(fuzzy, false))
        .set("skip_fields", node.get_or("options.skipFields", ""))
        .set("dot_notation", node.not("options.disableDotNotation"))
        .set("all_matches", all_matches)
        .set("require_fields", node.version < 2.2)
        .set("report", report)
}
