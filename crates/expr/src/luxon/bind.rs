//! What expressions see of dates, durations and intervals: their members and those of their classes.

mod arguments;
mod datetime;
mod duration;
mod interval;

pub(crate) use arguments::{duration as to_duration, format as format_argument, settings, to_date_time};

use super::{DateTime, Unit};
use crate::eval::Cx;
use crate::value::{Class, Native, Value};

impl From<super::Error> for crate::Error {
    fn from(error: super::Error) -> Self {
        crate::Error::thrown(error.to_string())
    }
}

/// The property `key` of a `DateTime`, `Duration` or `Interval` (`year`, `isValid`, ...).
pub(crate) fn property(receiver: &Value, key: &str) -> Option<Value> {
    match receiver {
        Value::DateTime(date) => datetime::property(date, key),
        Value::Duration(value) => duration::property(value, key),
        Value::Interval(value) => interval::property(value, key),
        _ => None,
    }
}

/// The method `name` of a `DateTime`, `Duration` or `Interval`; it gets the receiver as `this`.
pub(crate) fn method(receiver: &Value, name: &str) -> Option<Native> {
    match receiver {
        Value::DateTime(_) => datetime::method(name),
        Value::Duration(_) => duration::method(name),
        Value::Interval(_) => interval::method(name),
        _ => None,
    }
}

/// The static property `key` (`DateTime.DATE_SHORT`).
pub(crate) fn static_property(class: Class, key: &str) -> Option<Value> {
    match class {
        Class::DateTime => datetime::static_property(key),
        _ => None,
    }
}

/// The static method `name` (`DateTime.fromISO`); `this` is the class.
pub(crate) fn static_method(class: Class, name: &str) -> Option<Native> {
    match class {
        Class::DateTime => datetime::static_method(name),
        Class::Duration => duration::static_method(name),
        Class::Interval => interval::static_method(name),
        _ => None,
    }
}

/// `$now`
pub(crate) fn now(cx: &Cx<'_>) -> Value {
    Value::date_time(DateTime::now(&arguments::settings(cx)))
}

/// `$today`
pub(crate) fn today(cx: &Cx<'_>) -> Value {
    Value::date_time(DateTime::now(&arguments::settings(cx)).start_of(Unit::Days, false))
}
