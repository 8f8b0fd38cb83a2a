//! A measured figure and its gate.

use std::fmt;

use serde_json::{Value, json};

/// What was measured: the median of the repeats, with the least and the most.
#[derive(Clone)]
pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    min: f64,
    max: f64,
    gate: Option<Gate>,
}

#[derive(Clone, Copy)]
enum Gate {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    /// A figure from its repeats, of which there is at least one.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, mut repeats: Vec<f64>) -> Self {
        repeats.sort_by(f64::total_cmp);
        let (min, max) = (repeats[0], repeats[repeats.len() - 1]);
        Self { name: name.into(), unit, value: repeats[repeats.len() / 2], min, max, gate: None }
    }

    /// The same, which must not be above `limit`.
    pub(crate) fn at_most(self, limit: f64) -> Self {
        Self { gate: Some(Gate::AtMost(limit)), ..self }
    }

    /// The same, which must reach `limit`.
    pub(crate) fn at_least(self, limit: f64) -> Self {
        Self { gate: Some(Gate::AtLeast(limit)), ..self }
    }

    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    pub(crate) fn meets_gate(&self) -> bool {
        match self.gate {
            Some(Gate::AtMost(limit)) => self.value <= limit,
            Some(Gate::AtLeast(limit)) => self.value >= limit,
            None => true,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self { name, unit, value, min, max, .. } = self;
        let mut json = json!({ "name": name, "value": value, "unit": unit, "min": min, "max": max });
        match self.gate {
            Some(Gate::AtMost(limit)) => json["at_most"] = limit.into(),
            Some(Gate::AtLeast(limit)) => json["at_least"] = limit.into(),
            None => {}
        }
        json
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, value, min, max, .. } = self;
        write!(f, "{name:<22} {value:>11.3} {unit:<6} ({min:.3} to {max:.3})")?;
        let (words, limit) = match self.gate {
            Some(Gate::AtMost(limit)) => ("at most", limit),
            Some(Gate::AtLeast(limit)) => ("at least", limit),
            None => return Ok(()),
        };
        let verdict = if self.meets_gate() { "" } else { "MISSED: " };
        write!(f, "  {verdict}{words} {limit} {unit}")
    }
}
