//! n8n's Merge, all versions.

use sdk::prelude::*;

use super::Merge;

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.merge", versions: &[1.0, 2.0, 2.1, 3.0, 3.1, 3.2], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let parameters = match node.version {
        version if version < 2.0 => version_1(node)?,
        version if version < 3.0 => version_2(node)?,
        _ => version_3(node)?,
    };
    Ok(Native::new(Merge::KIND, parameters))
}

fn version_1(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    let shallow = json!({ "depth": "shallow" });
    let choose = |input: Option<usize>| json!({ "mode": "choose", "input": input, "needs_all": false });
    let lookup = |then: &str| {
        json!({
            "mode": "lookup",
            "first": (node.get_or("propertyName1", "")),
            "second": (node.get_or("propertyName2", "")),
            "then": then,
        })
    };
    Ok(match node.text_or("mode", "append") {
        "append" => json!({ "mode": "append" }),
        "mergeByIndex" => {
            let unpaired = match node.text_or("join", "left") {
                "inner" => "drop",
                "outer" => "keep",
                _ => "keep_first",
            };
            json!({ "mode": "position", "unpaired": unpaired, "clash": shallow })
        }
        "mergeByKey" => lookup(match node.text_or("overwrite", "always") {
            "blank" => "fill_blank",
            "undefined" => "fill_missing",
            _ => "overwrite",
        }),
        "keepKeyMatches" => lookup("keep"),
        "removeKeyMatches" => lookup("drop"),
        "multiplex" => json!({ "mode": "cross", "clash": shallow }),
        "passThrough" => choose(Some(if node.text_or("output", "input1") == "input2" { 2 } else { 1 })),
        "wait" => choose(None),
        other => return Err(unsupported(other)),
    })
}

fn version_2(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    Ok(match (node.text_or("mode", "append"), node.text_or("combinationMode", "mergeByFields")) {
        ("append", _) => json!({ "mode": "append" }),
        ("chooseBranch", _) => {
            let input = match node.text_or("output", "input1") {
                "input1" => Value::from(1),
                "input2" => Value::from(2),
                _ => Value::Null,
            };
            json!({ "mode": "choose", "input": input })
        }
        ("combine", "mergeByFields") => {
            let mut join = join(node, pairs(node));
            // Since 2.1 a field that nobody has is no error.
            join.insert("require_fields", node.version < 2.1);
            join.into()
        }
        ("combine", "mergeByPosition") => json!({
            "mode": "position",
            "unpaired": (if includes_unpaired(node) { "keep" } else { "drop_unless_alone" }),
            "clash": (clash(node, None, "add_suffix")),
        }),
        ("combine", "multiplex") => json!({ "mode": "cross", "clash": (clash(node, None, "add_suffix")) }),
        (mode, _) => return Err(unsupported(mode)),
    })
}

fn version_3(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    let inputs = node.get("numberInputs").and_then(Value::as_usize).unwrap_or(2).max(2);
    Ok(match (node.text_or("mode", "append"), node.text_or("combineBy", "combineByFields")) {
        ("append", _) => json!({ "mode": "append", "inputs": inputs }),
        ("chooseBranch", _) => {
            let input = match node.text_or("output", "specifiedInput") {
                "empty" => Value::Null,
                _ => node.get_or("useDataOfInput", 1),
            };
            json!({ "mode": "choose", "inputs": inputs, "input": input })
        }
        ("combine", "combineByFields") => {
            let fields = if node.flag_or("advanced", false) {
                pairs(node)
            } else {
                same_fields(node.text_or("fieldsToMatchString", ""))?
            };
            join(node, fields).into()
        }
        ("combine", "combineByPosition") => json!({
            "mode": "position",
            "inputs": inputs,
            "unpaired": (if includes_unpaired(node) { "keep" } else { "drop" }),
            "clash": (positional_clash(node, inputs)),
        }),
        ("combine", "combineAll") => json!({ "mode": "cross", "clash": (clash(node, None, "add_suffix")) }),
        ("combineBySql", _) => {
            return Err(Unmapped::UnsupportedParameters(
                "merging by an SQL query comes in a later version; merge by fields or in a code node".into(),
            ));
        }
        (mode, _) => return Err(unsupported(mode)),
    })
}

fn unsupported(mode: &str) -> Unmapped {
    Unmapped::UnsupportedParameters(format!("there is no merge mode \"{mode}\"; choose another mode"))
}

fn includes_unpaired(node: &N8nNode<'_>) -> bool {
    node.flag_or("options.includeUnpaired", false)
}

fn join(node: &N8nNode<'_>, fields: Value) -> Object {
    let data = node.text_or("outputDataFrom", "both");
    let (keep, prefer) = match (node.text_or("joinMode", "keepMatches"), data) {
        ("keepNonMatches", "input1") => ("first_non_matches", None),
        ("keepNonMatches", "input2") => ("second_non_matches", None),
        ("keepNonMatches", _) => ("non_matches", None),
        ("keepEverything", _) => ("everything", None),
        ("enrichInput1", _) => ("first", None),
        // What is enriched keeps its own values, unless the clash options say otherwise.
        ("enrichInput2", _) => ("second", Some(1)),
        (_, "input1") => ("first_matches", None),
        (_, "input2") => ("second_matches", None),
        _ => ("matches", None),
    };
    let parameters = json!({
        "mode": "join",
        "fields": fields,
        "dotted": (!node.flag_or("options.disableDotNotation", false)),
        "keep": keep,
        "fuzzy": (node.flag_or("options.fuzzyCompare", false)),
        "first_match_only": (node.text_or("options.multipleMatches", "all") == "first"),
        "clash": (clash(node, prefer, "add_suffix")),
    });
    parameters.as_object().cloned().expect("the parameters are an object")
}

fn pairs(node: &N8nNode<'_>) -> Value {
    let pairs = node.entries("mergeByFields.values").into_iter().map(|pair| {
        let field = |name: &str| pair.get(name).cloned().unwrap_or_else(|| "".into());
        json!({ "first": (field("field1")), "second": (field("field2")) })
    });
    Value::array(pairs)
}

/// Fields that both inputs call the same, from a list with commas.
fn same_fields(list: &str) -> Result<Value, Unmapped> {
    if list.starts_with('=') {
        let names = list.trim_start_matches('=').trim();
        let names = names.strip_prefix("{{").and_then(|names| names.strip_suffix("}}"));
        let names = names.filter(|names| !names.contains("{{")).ok_or_else(|| {
            Unmapped::UnsupportedParameters(
                "the fields to match are text with expressions in it; use one expression for the whole list"
                    .into(),
            )
        })?;
        let pairs = format!(
            "={{{{ String({names}).split(',').map(name => name.trim()).filter(name => name)\
             .map(name => ({{ first: name, second: name }})) }}}}"
        );
        return Ok(pairs.into());
    }
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(Value::array(names.map(|name| json!({ "first": name, "second": name }))))
}

/// The clash options of version 3 by position: with suffixes, the fields of the last input are there without one too.
fn positional_clash(node: &N8nNode<'_>, inputs: usize) -> Value {
    let mut clash = clash(node, None, "add_suffix_and_plain");
    if let (Value::Object(clash), "addSuffix") =
        (&mut clash, node.text_or("options.clashHandling.values.resolveClash", ""))
    {
        clash.insert("prefer", inputs);
    }
    clash
}

/// The clash options; `prefer` is who wins when they are silent, `suffix` what adding suffixes means.
fn clash(node: &N8nNode<'_>, prefer: Option<usize>, suffix: &str) -> Value {
    let Some(options) = node.get("options.clashHandling.values") else { return json!({ "prefer": prefer }) };
    let text = |name: &str| options.get(name).and_then(Value::as_str);
    let flag = |name: &str| options.get(name).and_then(Value::as_bool).unwrap_or(false);
    let (rule, prefer) = match text("resolveClash").unwrap_or("preferLast") {
        "addSuffix" => (suffix, None),
        other => {
            ("prefer", other.strip_prefix("preferInput").and_then(|number| number.parse::<usize>().ok()))
        }
    };
    json!({
        "rule": rule,
        "prefer": prefer,
        "depth": (if text("mergeMode") == Some("shallowMerge") { "shallow" } else { "deep" }),
        "skip_empty": (flag("overrideEmpty")),
    })
}
