//! A scope for tests: some data, a fixed clock.

use jiff::tz::TimeZone;

use crate::{Error, Limits, Scope, Template, Value};

/// Sees `$json` and nothing else, in New York on the first of March 2024.
pub(crate) struct Nothing {
    json: model::Object,
    zone: TimeZone,
}

impl Default for Nothing {
    fn default() -> Self {
        Self::with(model::Object::new())
    }
}

impl Nothing {
    pub(crate) fn with(json: model::Object) -> Self {
        Self { json, zone: TimeZone::get("America/New_York").expect("the zone is bundled") }
    }
}

impl Scope for Nothing {
    fn json(&self) -> Option<&model::Object> {
        Some(&self.json)
    }

    fn variable(&self, _name: &str) -> Result<Option<Value>, Error> {
        Ok(None)
    }

    fn now_ms(&self) -> f64 {
        1_709_312_400_000.0
    }

    fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// The value of a template over some `$json`.
pub(crate) fn eval_with(template: &str, json: model::Value) -> Result<Value, Error> {
    let json = json.as_object().cloned().unwrap_or_default();
    Template::parse(template)?.eval(&Nothing::with(json), &Limits::default())
}

/// The value of one expression, as JSON text; `undefined` where there is none, `!` and the message for errors.
pub(crate) fn eval(code: &str) -> String {
    match eval_with(&format!("{{{{ {code} }}}}"), model::json!({})) {
        Ok(value) => value.to_data().map_or("undefined".into(), |data| data.to_json()),
        Err(error) => format!("! {error}"),
    }
}
