//! n8n's Set: versions 1 and 2 with values by type, 3 to 3.2 with typed fields, 3.3 and 3.4 with assignments.

use sdk::prelude::*;

use super::Set;

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.set",
    versions: &[1.0, 2.0, 3.0, 3.1, 3.2, 3.3, 3.4],
    map: from_n8n,
}];

/// What n8n offers in a new raw node.
const SAMPLE: &str = "{\n  \"my_field_1\": \"value\",\n  \"my_field_2\": 1\n}\n";

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let native = Native::new(Set::KIND, json!({}))
        .set("dot_notation", node.get_or("options.dotNotation", true))
        .set("ignore_conversion_errors", node.get_or("options.ignoreConversionErrors", false));
    if node.version < 3.0 {
        return first_form(native, node);
    }
    let include = match node.get("includeOtherFields") {
        _ if node.version < 3.3 => node.get_or("include", "all"),
        Some(Value::Bool(true)) => node.get_or("include", "all"),
        None | Some(Value::Bool(false)) => "none".into(),
        Some(_) => {
            let reason = "an expression in includeOtherFields is not supported; set it to true or false";
            return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
        }
    };
    let keep_files = match node.get("options.stripBinary") {
        _ if node.version < 3.4 => node.get_or("options.includeBinary", false),
        _ if include == "none".into() => false.into(),
        Some(Value::Bool(strip)) => (!strip).into(),
        None => true.into(),
        Some(_) => {
            let reason = "an expression in stripBinary is not supported; set it to true or false";
            return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
        }
    };
    let nulls = match node.version {
        version if version < 3.1 => "write_in_text",
        version if version < 3.2 => "refuse_in_text",
        _ => "keep",
    };
    let copies =
        if node.flag_or("duplicateItem", false) { node.get_or("duplicateCount", 0) } else { 0.into() };
    let native = native
        .set("include", include)
        .set("include_fields", node.get_or("includeFields", ""))
        .set("exclude_fields", node.get_or("excludeFields", ""))
        .set("keep_files", keep_files)
        .set("nulls", nulls)
        .set("copies_in_manual_executions", copies);
    let dotted = node.flag_or("options.dotNotation", true);
    Ok(match node.text_or("mode", "manual") {
        "raw" => native.set("json", node.get_or("jsonOutput", SAMPLE)),
        _ if node.version < 3.3 => native.set("fields", second_form(node, dotted)),
        _ => native.set("fields", third_form(node, dotted)),
    })
}

/// `values.{boolean,number,string}`: numbers become numbers since version 2, text stays what it is.
fn first_form(native: Native, node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let number = if node.version < 2.0 { "any" } else { "number_like" };
    let kinds = [
        ("values.boolean", "truth", Value::from(false)),
        ("values.number", number, 0.into()),
        ("values.string", "any", "".into()),
    ];
    let fields = kinds.into_iter().flat_map(|(path, kind, default)| {
        node.entries(path).into_iter().map(move |entry| {
            let value = entry
                .get("value")
                .filter(|value| !(value.is_null() && default.as_str().is_some()))
                .unwrap_or(&default)
                .clone();
            field(entry.get("name").cloned().unwrap_or("propertyName".into()), kind, value)
        })
    });
    let fields = Value::array(fields);
    let keep_only_set = match node.get_or("keepOnlySet", false) {
        Value::Bool(keep_only_set) => keep_only_set,
        _ => {
            let reason = "an expression in keepOnlySet is not supported; set it to true or false";
            return Err(Unmapped::UnsupportedParameters(reason.to_owned()));
        }
    };
    let native = native.set("fields", fields).set("keep_files", !keep_only_set);
    Ok(native.set("include", if keep_only_set { "none" } else { "all" }))
}

/// `fields.values`: the value stands in a parameter named after its type.
fn second_form(node: &N8nNode<'_>, dotted: bool) -> Value {
    Value::array(node.entries("fields.values").iter().map(|entry| {
        let parameter = entry.get("type").and_then(Value::as_str).unwrap_or("stringValue");
        let (kind, default) = match parameter {
            "numberValue" => ("number", ""),
            "booleanValue" => ("boolean", "true"),
            "arrayValue" => ("array", ""),
            "objectValue" => ("json", "={}"),
            _ => ("string", ""),
        };
        let value = entry.get(parameter).cloned().unwrap_or_else(|| default.into());
        field(name(entry, dotted), kind, value)
    }))
}

/// `assignments.assignments`: name, type and value.
fn third_form(node: &N8nNode<'_>, dotted: bool) -> Value {
    Value::array(node.entries("assignments.assignments").iter().map(|entry| {
        let kind = match entry.get("type").and_then(Value::as_str).unwrap_or("string") {
            kind @ ("string" | "number" | "boolean" | "array" | "object") => kind,
            "binary" => "file",
            _ => "any",
        };
        field(name(entry, dotted), kind, entry.get("value").cloned().unwrap_or_default())
    }))
}

/// The name of a field. Without dot notation, a name in brackets and quotes is the name itself.
fn name(entry: &Value, dotted: bool) -> Value {
    let name = entry.get("name").cloned().unwrap_or_else(|| "".into());
    let inside = |open: &str, close: &str| name.as_str()?.strip_prefix(open)?.strip_suffix(close);
    match inside("['", "']").or_else(|| inside("[\"", "\"]")) {
        Some(inside) if !dotted => inside.into(),
        _ => name,
    }
}

fn field(name: Value, kind: &str, value: Value) -> Value {
    Value::Object([("name", name), ("type", kind.into()), ("value", value)].into_iter().collect())
}
