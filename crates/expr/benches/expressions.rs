//! How long common expressions take, in nanoseconds: `cargo bench -p expr`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures and prints")]

use std::hint::black_box;
use std::time::Instant;

use expr::{Error, Limits, Scope, Template, Value};
use jiff::tz::TimeZone;

const EXPRESSIONS: &[&str] = &[
    "{{ $json.a + 1 }}",
    "{{ $json.nested.b.c }}",
    "{{ $json.a > 3 ? `big ${$json.name}` : 'small' }}",
    "{{ $json.name.toUpperCase() + '-' + $json.a }}",
    "Hello {{ $json.name }}, you are number {{ $json.a }}",
    "{{ $json.list.filter(x => x.on).map(x => x.id) }}",
];

struct Item {
    json: model::Object,
    zone: TimeZone,
}

impl Scope for Item {
    fn json(&self) -> Option<&model::Object> {
        Some(&self.json)
    }

    fn variable(&self, _name: &str) -> Result<Option<Value>, Error> {
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

fn main() {
    let data = model::json!({
        "a": 5, "name": "Margaret Hamilton", "nested": { "b": { "c": "deep" } },
        "list": [{ "id": 1, "on": true }, { "id": 2, "on": false }, { "id": 3, "on": true }],
        "other": 1, "more": 2, "keys": 3, "around": 4,
    });
    let item = Item { json: data.as_object().cloned().unwrap_or_default(), zone: TimeZone::UTC };
    let limits = Limits::default();
    for text in EXPRESSIONS {
        let template = Template::parse(text).expect("the expression is valid");
        let best = (0..10).map(|_| round(&template, &item, &limits)).fold(f64::INFINITY, f64::min);
        println!("{best:8.1} ns  {text}");
    }
}

/// Nanoseconds per evaluation, over many.
fn round(template: &Template, item: &Item, limits: &Limits) -> f64 {
    const TIMES: u32 = 100_000;
    let start = Instant::now();
    for _ in 0..TIMES {
        let value = black_box(template).eval(item, limits).expect("the expression runs");
        black_box(value);
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES)
}
