//! Reads n8n's expression cases and runs them in a small imitation of a workflow.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use expr::{Error, Host, Limits, Scope, Template, Text, Value};
use jiff::tz::TimeZone;
use model::{Object, Value as Data};

/// The cases of a file, from the nearest `shared/conformance` upwards.
pub(crate) fn cases(file: &str) -> Option<Vec<Case>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here
        .ancestors()
        .map(|folder| folder.join("shared/conformance/n8n").join(file))
        .find(|path| path.exists())?;
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let cases = Data::from_json(&text).expect("the file is JSON");
    Some(cases.as_array().expect("the file is an array").iter().cloned().map(Case).collect())
}

/// One expression and what n8n makes of it.
pub(crate) struct Case(Data);

impl Case {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Data::as_str).unwrap_or_default()
    }

    /// What is different from n8n, if anything.
    pub(crate) fn failure(&self) -> Option<String> {
        let result = self.run();
        let expected = self.0.get("expected");
        let found = match (&result, expected) {
            (Err(_), None) => return None,
            (Ok(value), Some(expected)) if matches(value, expected) => return None,
            (Ok(value), _) => format!("{value:?}"),
            (Err(error), _) => format!("error: {error}"),
        };
        let wanted = expected.map_or_else(|| format!("error: {}", self.text("error")), Data::to_json);
        Some(format!("{} {}\n  n8n:  {wanted}\n  here: {found}", self.text("id"), self.text("expression")))
    }

    fn run(&self) -> Result<Value, Error> {
        let expression = self.text("expression");
        let template = Template::parse(expression.strip_prefix('=').unwrap_or(expression))?;
        template.eval(&Workflow::of(&self.0), &Limits::default())
    }
}

/// Whether a result is the one n8n gives; absent members equal `undefined`.
fn matches(value: &Value, expected: &Data) -> bool {
    let kind = expected.get("$t").and_then(Data::as_str);
    let text = expected.get("v").and_then(Data::as_str);
    match (kind, value) {
        (Some("undefined"), value) => value.is_undefined(),
        (Some("DateTime"), Value::DateTime(_)) | (Some("Date"), Value::Date(_)) => {
            value.to_data().as_ref().and_then(Data::as_str) == text
        }
        (Some("Duration"), Value::Duration(_)) => value.to_data().as_ref().and_then(Data::as_str) == text,
        (Some("number" | "bigint"), value) => Some(&*value.to_js_string()) == text,
        (Some("function"), value) => value.is_callable(),
        (Some("RegExp"), Value::RegExp(_)) | (Some("Error"), Value::Error(_)) => true,
        (Some(_), _) => false,
        (None, Value::Array(values)) => expected.as_array().is_some_and(|expected| {
            let values = values.to_vec();
            values.len() == expected.len()
                && values.iter().zip(expected).all(|(value, expected)| matches(value, expected))
        }),
        (None, Value::Object(members)) => expected.as_object().is_some_and(|expected| {
            let given = members.entries().into_iter().filter(|(_, value)| !value.is_undefined());
            given.count() <= expected.len()
                && expected
                    .iter()
                    .all(|(key, expected)| matches(&members.get(key).unwrap_or_default(), expected))
        }),
        (None, value) => value.to_data().as_ref() == Some(expected),
    }
}

/// A workflow of finished nodes and the items the current node sees.
struct Workflow {
    nodes: Rc<Nodes>,
    input: Vec<Data>,
    index: usize,
    zone: TimeZone,
    seed: Cell<f64>,
}

/// The finished nodes: their items, each paired with the one before.
struct Nodes {
    items: Object,
    index: usize,
}

impl Workflow {
    fn of(case: &Data) -> Self {
        let index = case.get("item_index").and_then(Data::as_f64).unwrap_or(-1.0);
        let list = |value: Option<&Data>| value.and_then(Data::as_array).unwrap_or_default().to_vec();
        let pinned = case.get("pin_data").and_then(Data::as_object).cloned().unwrap_or_default();
        let input = match case.get("parent").and_then(Data::as_str) {
            Some(parent) => list(pinned.get(parent)),
            None => list(case.get("input")),
        };
        let zone = case.get("timezone").and_then(Data::as_str).unwrap_or("America/New_York");
        let index = if index < 0.0 { usize::MAX } else { index as usize };
        Self {
            nodes: Rc::new(Nodes { items: pinned, index }),
            input,
            index,
            zone: TimeZone::get(zone).expect("the zone is known"),
            seed: Cell::new(0.3),
        }
    }
}

impl Scope for Workflow {
    fn json(&self) -> Option<&Object> {
        self.input.get(self.index)?.as_object()
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, Error> {
        Ok(Some(match name {
            "$json" => return Err(Error::reference("Node 'node' hasn't been executed")),
            "$input" => Value::host(Items { items: self.input.clone(), index: self.index }),
            "$" => {
                let nodes = self.nodes.clone();
                Value::function("$", move |args| nodes.node(args))
            }
            "$node" => Value::host(ByName(self.nodes.clone())),
            "$item" => {
                let (input, nodes) = (self.input.clone(), self.nodes.clone());
                Value::function("$item", move |args| {
                    let index = args.first().map_or(0.0, Value::to_number) as usize;
                    let json = input.get(index).map(Value::from_data);
                    Ok(Value::object([("$json", json.into()), ("$node", Value::host(ByName(nodes.clone())))]))
                })
            }
            "$items" => {
                let (input, nodes) = (self.input.clone(), self.nodes.clone());
                Value::function("$items", move |args| match args {
                    [] => Ok(Value::array(input.iter().map(item).collect())),
                    args => nodes.node(args)?.all(),
                })
            }
            "$itemIndex" => Value::from(self.index),
            "$runIndex" => Value::from(0usize),
            _ => return Ok(None),
        }))
    }

    fn now_ms(&self) -> f64 {
        1_715_500_000_000.0
    }

    fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn random(&self) -> f64 {
        let next = (self.seed.get() * 1103.515 + 0.12345).fract();
        self.seed.set(next);
        next
    }
}

trait All {
    fn all(self) -> Result<Value, Error>;
}

impl All for Value {
    fn all(self) -> Result<Value, Error> {
        match self {
            Value::Host(host) => match host.get("all")? {
                Value::Function(_) => Ok(host.to_data().as_ref().map(Value::from_data).into()),
                other => Ok(other),
            },
            other => Ok(other),
        }
    }
}

fn item(json: &Data) -> Value {
    Value::object([("json", Value::from_data(json))])
}

impl Nodes {
    fn node(&self, args: &[Value]) -> Result<Value, Error> {
        let name = args.first().map(Value::to_js_string).unwrap_or_default();
        match self.items.get(&name).and_then(Data::as_array) {
            Some(items) => Ok(Value::host(Items { items: items.to_vec(), index: self.index })),
            None => Err(Error::reference("Referenced node doesn't exist")),
        }
    }
}

/// `$node`
struct ByName(Rc<Nodes>);

impl Host for ByName {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let node = self.0.node(&[key.into()])?;
        let Value::Host(host) = node else { return Ok(Value::Undefined) };
        host.get("item")
    }
}

/// `$input` and `$('x')`
struct Items {
    items: Vec<Data>,
    index: usize,
}

impl Host for Items {
    fn get(&self, key: &str) -> Result<Value, Error> {
        let at = |index: Option<usize>| -> Value {
            index.and_then(|index| self.items.get(index)).map(item).into()
        };
        let fixed = |name: &'static str, value: Value| Value::function(name, move |_| Ok(value.clone()));
        Ok(match key {
            "item" => at(Some(self.index)),
            "first" => fixed("first", at(Some(0))),
            "last" => fixed("last", at(self.items.len().checked_sub(1))),
            "all" => fixed("all", Value::array(self.items.iter().map(item).collect())),
            "itemMatching" | "pairedItem" => {
                let items = self.items.clone();
                Value::function("itemMatching", move |args| {
                    let index = args.first().map_or(0.0, Value::to_number) as usize;
                    Ok(items.get(index).map(item).into())
                })
            }
            "isExecuted" => Value::Bool(true),
            _ => Value::Undefined,
        })
    }

    fn keys(&self) -> Vec<Text> {
        ["item", "first", "last", "all"].map(Text::from).to_vec()
    }

    fn to_data(&self) -> Option<Data> {
        Some(Data::array(self.items.iter().map(|json| {
            let item: Object = [("json", json.clone())].into_iter().collect();
            Data::from(item)
        })))
    }
}
