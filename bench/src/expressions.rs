//! What one expression costs, parsed once and evaluated on an item's data.

use std::hint::black_box;

use expr::{Error, Limits, Scope, Template, Value};
use jiff::tz::TimeZone;
use model::{Object, json};

use crate::figure::{Figure, seconds};

/// Name, text and gate in microseconds.
const EXPRESSIONS: [(&str, &str, Option<f64>); 6] = [
    ("expr", "{{ $json.a + 1 }}", Some(0.3)),
    ("expr_path", "{{ $json.nested.b.c }}", Some(0.3)),
    ("expr_template", "{{ $json.a > 1 ? `big ${$json.name}` : 'small' }}", Some(0.3)),
    ("expr_call", "{{ $json.name.toUpperCase() + '-' + $json.a }}", Some(0.3)),
    ("expr_text", "Hello {{ $json.name }}, you are number {{ $json.a }}", Some(0.3)),
    ("expr_closures", "{{ $json.list.filter(x => x.on).map(x => x.id) }}", None),
];
const ROUNDS: usize = 200_000;
const REPEATS: usize = 7;

struct Data {
    json: Object,
    zone: TimeZone,
}

impl Scope for Data {
    fn json(&self) -> Option<&Object> {
        Some(&self.json)
    }

    fn variable(&self, _: &str) -> Result<Option<Value>, Error> {
        Ok(None)
    }

    fn now_ms(&self) -> f64 {
        0.0
    }

    fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// Microseconds per evaluation of each expression.
pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let value = json!({
        "a": 41, "name": "Ada Lovelace", "nested": { "b": { "c": 7 } },
        "list": [{ "id": 1, "on": true }, { "id": 2, "on": false }, { "id": 3, "on": true }],
    });
    let json = value.as_object().expect("the data is an object").clone();
    let scope = Data { json, zone: TimeZone::UTC };
    let limits = Limits::default();
    let mut figures = Vec::new();
    for (name, text, gate) in EXPRESSIONS {
        let template = Template::parse(text)?;
        let result = template.eval(&scope, &limits)?;
        anyhow::ensure!(!result.is_undefined(), "{text} gives nothing");
        let repeats = (0..REPEATS).map(|_| {
            let total = seconds(|| {
                for _ in 0..ROUNDS {
                    black_box(template.eval(black_box(&scope), &limits).is_ok());
                }
            });
            total * 1e6 / ROUNDS as f64
        });
        let figure = Figure::new(name, "us", repeats.collect());
        figures.push(match gate {
            Some(gate) => figure.below(gate),
            None => figure,
        });
    }
    Ok(figures)
}
