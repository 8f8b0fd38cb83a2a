//! What an expression gives: the real language over the real scope, on nodes that have already run.

use std::collections::HashMap;
use std::sync::Arc;

use expr::Template;
use jiff::tz::TimeZone;
use model::{Item, Object, Value};
use sdk::context::Step;
use sdk::history::{Graph, Parent, Run, Source, Sources};
use sdk::{Context, ExecutionInfo, History, Inputs, ItemScope, Mode, NodeInfo, Services};

use super::compare::{self, Difference};

/// An expression, what surrounds it and what it should give.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExpressionCase {
    /// Text that starts with `=`.
    pub(crate) expression: String,
    /// The items that arrive, unless a parent gives them.
    pub(crate) input: Vec<Item>,
    /// The current item, if there is one.
    pub(crate) index: Option<usize>,
    /// Further variables.
    pub(crate) variables: Object,
    /// The workflow's time zone.
    pub(crate) timezone: String,
    /// The node that evaluates it, by name.
    pub(crate) node: Option<String>,
    /// The node that its items come from.
    pub(crate) parent: Option<String>,
    /// The nodes of the workflow: name and type.
    pub(crate) nodes: Vec<(String, String)>,
    /// Its edges, by name.
    pub(crate) edges: Vec<(String, String)>,
    /// What nodes that have run gave.
    pub(crate) pins: Vec<(String, Vec<Item>)>,
    /// What it should give, with `{"$t": ...}` for what JSON lacks; `None` when it should fail.
    pub(crate) expected: Option<Value>,
}

/// Evaluates an expression and says how the result differs from what was expected.
pub(crate) fn run(case: &ExpressionCase, now_ms: f64) -> Result<(), String> {
    let ctx = context(case, now_ms)?;
    let text = case.expression.strip_prefix('=').unwrap_or(&case.expression);
    let variables: Vec<(&str, Value)> =
        case.variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let evaluate = || {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        let scope = ItemScope::new(&ctx, case.index).with(&variables);
        let value = template.eval(&scope, &ctx.services.limits).map_err(|error| error.to_string())?;
        Ok::<_, String>(tagged(&value))
    };
    match (&case.expected, evaluate()) {
        (None, Err(_)) => Ok(()),
        (None, Ok(value)) => Err(format!("it should fail, but gives {}", compare::shown(value.as_ref()))),
        (Some(expected), Err(error)) => {
            Err(format!("expected {}, but it fails: {error}", compare::shown(Some(expected))))
        }
        (Some(expected), Ok(actual)) => match difference(expected, actual) {
            None => Ok(()),
            Some(difference) => Err(difference.to_string()),
        },
    }
}

/// A step of the node at the point where the expression is evaluated.
fn context(case: &ExpressionCase, now_ms: f64) -> Result<Context, String> {
    let name = case.node.as_deref().unwrap_or("Node");
    let mut names: Vec<(&str, &str)> =
        case.nodes.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    if !names.iter().any(|(other, _)| *other == name) {
        names.push((name, ""));
    }
    let index: HashMap<&str, usize> =
        names.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let infos = names.iter().enumerate().map(|(index, (name, kind))| {
        Arc::new(NodeInfo {
            index,
            key: (*name).into(),
            name: (*name).into(),
            kind: (*kind).into(),
            ..NodeInfo::default()
        })
    });
    let infos: Vec<Arc<NodeInfo>> = infos.collect();
    let mut parents = vec![Vec::new(); infos.len()];
    for (source, target) in &case.edges {
        if let (Some(source), Some(target)) = (index.get(source.as_str()), index.get(target.as_str())) {
            parents[*target].push(Parent { node: *source, output: 0, input: 0 });
        }
    }
    let finished: HashMap<usize, &Vec<Item>> =
        case.pins.iter().filter_map(|(name, items)| Some((*index.get(name.as_str())?, items))).collect();
    let source_of = |node: usize| -> Sources {
        let parent = parents[node].iter().find(|parent| finished.contains_key(&parent.node));
        [parent.map(|parent| Source { node: parent.node, output: 0, run: 0 })].into_iter().collect()
    };
    let sources: HashMap<usize, Sources> = finished.keys().map(|node| (*node, source_of(*node))).collect();
    let graph = Graph::new("test".into(), "test".into(), false, infos.clone(), parents.clone());
    let mut history = History::new(Arc::new(graph));
    for (node, items) in &finished {
        let items = items.iter().enumerate().map(|(index, item)| item.clone().from_item(index));
        let outputs = vec![Arc::new(items.collect())];
        history.push(*node, Run { sources: sources[node].clone(), outputs, ..Run::default() });
    }
    let (inputs, sources) = match case.parent.as_deref().and_then(|parent| index.get(parent)) {
        Some(parent) => {
            let source = Source { node: *parent, output: 0, run: 0 };
            (Inputs::single(history.items(source)), [Some(source)].into_iter().collect())
        }
        None => (Inputs::single(Arc::new(case.input.clone())), Sources::default()),
    };
    let zone =
        TimeZone::get(&case.timezone).map_err(|error| format!("time zone {}: {error}", case.timezone))?;
    let execution = ExecutionInfo {
        id: "1".into(),
        mode: Mode::Manual,
        zone,
        resume_url: "http://localhost/webhook-waiting/1".into(),
        resume_form_url: "http://localhost/form-waiting/1".into(),
        variables: Object::new(),
        static_data: Object::new(),
        seed: 1,
        webhook_url: "http://localhost/".into(),
    };
    let step = Step {
        execution: Arc::new(execution),
        node: infos[index[name]].clone(),
        history: Arc::new(history),
        arrived: inputs.clone(),
        inputs,
        sources,
        run_index: 0,
        attempt: 1,
        now_ms,
        seen: Default::default(),
    };
    Ok(Context::new(step, Services::default(), Default::default()))
}

/// The value as the case format writes it; `None` is `undefined`.
fn tagged(value: &expr::Value) -> Option<Value> {
    let tag = |name: &str, value: Value| {
        let mut object: Object = [("$t", name)].into_iter().collect();
        object.insert("v", value);
        Some(Value::Object(object))
    };
    let text = |value: &expr::Value| value.to_data().unwrap_or_default();
    match value {
        expr::Value::Undefined => None,
        expr::Value::Number(number) if !number.is_finite() => {
            tag("number", Value::from(value.to_js_string()))
        }
        expr::Value::BigInt(_) => tag("bigint", text(value)),
        expr::Value::Function(_) => tag("function", Value::Null),
        expr::Value::RegExp(_) => tag("RegExp", Value::from(value.to_js_string())),
        expr::Value::Date(_) => tag("Date", text(value)),
        expr::Value::DateTime(date) => {
            let zone = date.zone().map(|zone| zone.name());
            let mut object = tag("DateTime", text(value))?.as_object()?.clone();
            object.insert("zone", zone);
            Some(Value::Object(object))
        }
        expr::Value::Duration(_) => tag("Duration", text(value)),
        expr::Value::Error(error) => tag("Error", Value::from(error.message.clone())),
        expr::Value::Array(array) => {
            let undefined = || Value::Object([("$t", "undefined")].into_iter().collect());
            let values = array.to_vec();
            Some(Value::array(values.iter().map(|value| tagged(value).unwrap_or_else(undefined))))
        }
        expr::Value::Object(object) => {
            let members =
                object.entries().into_iter().filter_map(|(key, value)| Some((key, tagged(&value)?)));
            Some(Value::Object(members.collect::<Object>()))
        }
        other => other.to_data(),
    }
}

/// Compares a result with what was expected; of a tagged value only what is expected counts, so that a case may leave
/// out the zone of a date or the source of a pattern.
fn difference(expected: &Value, actual: Option<Value>) -> Option<Difference> {
    let expected = expectation(expected);
    let (Some(expected), Some(actual)) = (&expected, &actual) else {
        return (expected != actual).then(|| Difference { path: String::new(), expected, actual });
    };
    compare::values(expected, &narrowed(expected, actual))
}

/// What is expected: `undefined` members are as good as missing ones.
fn expectation(value: &Value) -> Option<Value> {
    match value {
        Value::Object(object) => match object.get("$t").and_then(Value::as_str) {
            Some("undefined") => None,
            Some("RegExp" | "function") => {
                Some(Value::Object([("$t", object.get("$t").cloned())].into_iter().collect()))
            }
            Some(_) => {
                let kept = ["$t", "v", "zone"]
                    .into_iter()
                    .filter_map(|name| Some((name, object.get(name)?.clone())));
                Some(Value::Object(kept.collect::<Object>()))
            }
            None => {
                let members =
                    object.iter().filter_map(|(key, value)| Some((key.clone(), expectation(value)?)));
                Some(Value::Object(members.collect::<Object>()))
            }
        },
        Value::Array(values) => {
            Some(Value::array(values.iter().map(|value| expectation(value).unwrap_or_else(|| value.clone()))))
        }
        other => Some(other.clone()),
    }
}

/// `actual` without the members of tagged values that are not expected.
fn narrowed(expected: &Value, actual: &Value) -> Value {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let tagged = expected.contains_key("$t");
            let members = actual.iter().filter(|(key, _)| !tagged || expected.contains_key(key));
            let members = members.map(|(key, value)| {
                (
                    key.clone(),
                    expected.get(key).map_or_else(|| value.clone(), |expected| narrowed(expected, value)),
                )
            });
            Value::Object(members.collect::<Object>())
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let values = actual.iter().enumerate();
            Value::array(values.map(|(index, value)| {
                expected.get(index).map_or_else(|| value.clone(), |expected| narrowed(expected, value))
            }))
        }
        (_, actual) => actual.clone(),
    }
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn case(expression: &str, expected: Option<Value>) -> ExpressionCase {
        ExpressionCase {
            expression: expression.to_owned(),
            timezone: "UTC".to_owned(),
            index: Some(0),
            expected,
            ..ExpressionCase::default()
        }
    }

    #[test]
    fn values_that_json_lacks_have_forms_of_their_own() {
        for (expression, expected) in [
            ("={{ undefined }}", json!({ "$t": "undefined" })),
            ("={{ NaN }}", json!({ "$t": "number", "v": "NaN" })),
            ("={{ [1n, { a: undefined }] }}", json!([{ "$t": "bigint", "v": "1" }, {}])),
            ("={{ new Date(0) }}", json!({ "$t": "Date", "v": "1970-01-01T00:00:00.000Z" })),
            ("={{ /a/g }}", json!({ "$t": "RegExp" })),
        ] {
            assert_eq!(run(&case(expression, Some(expected)), 0.0), Ok(()), "{expression}");
        }
    }

    #[test]
    fn an_expression_that_should_fail_says_what_it_gives_instead() {
        assert_eq!(run(&case("={{ 1 }}", None), 0.0), Err("it should fail, but gives 1".to_owned()));
        assert_eq!(run(&case("={{ $('Nowhere').item }}", None), 0.0), Ok(()));
    }

    #[test]
    fn items_are_paired_with_those_of_the_node_before() {
        let item = |value: Value| Item::new(value.as_object().expect("an object").clone());
        let case = ExpressionCase {
            node: Some("C".to_owned()),
            parent: Some("B".to_owned()),
            nodes: ["A", "B", "C"].map(|name| (name.to_owned(), String::new())).to_vec(),
            edges: vec![("A".to_owned(), "B".to_owned()), ("B".to_owned(), "C".to_owned())],
            pins: vec![
                ("A".to_owned(), vec![item(json!({ "a": 1 })), item(json!({ "a": 2 }))]),
                ("B".to_owned(), vec![item(json!({ "b": 1 })), item(json!({ "b": 2 }))]),
            ],
            index: Some(1),
            ..case("={{ $('A').item.json.a + $json.b }}", Some(json!(4)))
        };
        assert_eq!(run(&case, 0.0), Ok(()));
    }
}
