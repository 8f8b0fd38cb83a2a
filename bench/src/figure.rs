//! A measured figure, and how it is measured.

use std::fmt;
use std::time::Instant;

use serde_json::{Value, json};

/// What was measured: the median of the repeats, with the least and the most.
pub(crate) struct Figure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    min: f64,
    max: f64,
    /// What it must stay below.
    gate: Option<f64>,
}

impl Figure {
    /// A figure from its repeats.
    pub(crate) fn new(name: &'static str, unit: &'static str, mut repeats: Vec<f64>) -> Self {
        repeats.sort_by(f64::total_cmp);
        let (min, max) = (repeats[0], repeats[repeats.len() - 1]);
        Self { name, unit, value: repeats[repeats.len() / 2], min, max, gate: None }
    }

    /// The same, which must stay below `limit`.
    pub(crate) fn below(self, limit: f64) -> Self {
        Self { gate: Some(limit), ..self }
    }

    pub(crate) fn meets_gate(&self) -> bool {
        self.gate.is_none_or(|gate| self.value < gate)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "unit": self.unit, "min": self.min, "max": self.max })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, value, min, max, .. } = self;
        write!(f, "{name:<22} {value:>10.3} {unit:<3} ({min:.3} to {max:.3})")?;
        match self.gate {
            Some(gate) if self.meets_gate() => write!(f, "  below {gate} {unit}"),
            Some(gate) => write!(f, "  MISSES its gate of {gate} {unit}"),
            None => Ok(()),
        }
    }
}

/// How long `work` takes, in seconds.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}
