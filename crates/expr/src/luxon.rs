//! Dates and times with luxon's interface.

use jiff::Zoned;
use model::Text;

use crate::eval::Cx;
use crate::value::{Class, Native, Value};

/// A moment in a time zone, or an invalid one.
#[derive(Clone, Debug, PartialEq)]
pub struct DateTime {
    zoned: Option<Zoned>,
}

impl DateTime {
    /// ISO text with offset; `None` when invalid.
    pub fn to_iso(&self) -> Option<Text> {
        let zoned = self.zoned.as_ref()?;
        Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string().into())
    }

    /// Milliseconds since 1970; `NaN` when invalid.
    pub fn to_millis(&self) -> f64 {
        self.zoned.as_ref().map_or(f64::NAN, |zoned| zoned.timestamp().as_millisecond() as f64)
    }

    /// `toString()`
    pub fn to_text(&self) -> Text {
        self.to_iso().unwrap_or_else(|| "Invalid DateTime".into())
    }
}

/// A length of time in calendar units.
#[derive(Clone, Debug, PartialEq)]
pub struct Duration {
    millis: f64,
}

impl Duration {
    /// ISO text such as `P1DT2H`; `None` when invalid.
    pub fn to_iso(&self) -> Option<Text> {
        Some(ecow::eco_format!("PT{}S", self.millis / 1000.0))
    }

    /// All of it in milliseconds.
    pub fn to_millis(&self) -> f64 {
        self.millis
    }

    /// `toString()`
    pub fn to_text(&self) -> Text {
        self.to_iso().unwrap_or_else(|| "Invalid Duration".into())
    }
}

/// The time between two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    start: DateTime,
    end: DateTime,
}

impl Interval {
    /// ISO text of both ends with `/` between; `None` when invalid.
    pub fn to_iso(&self) -> Option<Text> {
        Some(ecow::eco_format!("{}/{}", self.start.to_iso()?, self.end.to_iso()?))
    }

    /// `toString()`
    pub fn to_text(&self) -> Text {
        ecow::eco_format!("[{} – {})", self.start.to_text(), self.end.to_text())
    }
}

/// The property `key` of a `DateTime`, `Duration` or `Interval` (`year`, `isValid`, ...).
pub(crate) fn property(receiver: &Value, key: &str) -> Option<Value> {
    match (receiver, key) {
        (Value::DateTime(value), "isValid") => Some(value.zoned.is_some().into()),
        _ => None,
    }
}

/// The method `name` of a `DateTime`, `Duration` or `Interval`; it gets the receiver as `this`.
pub(crate) fn method(receiver: &Value, name: &str) -> Option<Native> {
    match (receiver, name) {
        (Value::DateTime(_), "toMillis" | "valueOf") => Some(|_, this, _| Ok(this.to_number().into())),
        _ => None,
    }
}

/// The static property `key` (`DateTime.DATE_SHORT`).
pub(crate) fn static_property(class: Class, key: &str) -> Option<Value> {
    let _ = (class, key);
    None
}

/// The static method `name` (`DateTime.fromISO`); `this` is the class.
pub(crate) fn static_method(class: Class, name: &str) -> Option<Native> {
    match (class, name) {
        (Class::DateTime, "now") => Some(|cx, _, _| Ok(now(cx))),
        _ => None,
    }
}

/// `$now`
pub(crate) fn now(cx: &Cx<'_>) -> Value {
    Value::date_time(at(cx, cx.now_ms()))
}

/// `$today`
pub(crate) fn today(cx: &Cx<'_>) -> Value {
    let now = at(cx, cx.now_ms());
    Value::date_time(DateTime { zoned: now.zoned.and_then(|zoned| zoned.start_of_day().ok()) })
}

fn at(cx: &Cx<'_>, ms: f64) -> DateTime {
    let timestamp = jiff::Timestamp::from_millisecond(ms as i64).ok();
    DateTime { zoned: timestamp.map(|timestamp| timestamp.to_zoned(cx.zone().clone())) }
}
