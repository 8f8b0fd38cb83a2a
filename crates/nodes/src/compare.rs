//! How values compare: JavaScript's order, and a stable sort that bears comparisons that contradict each other.

use std::cmp::Ordering;
use std::fmt::Write as _;

use sdk::prelude::*;

use crate::convert::{to_number, to_text};

/// JavaScript's `a < b`; `None` is `undefined`.
pub fn less_than(a: Option<&Value>, b: Option<&Value>) -> bool {
    let as_text = |value: Option<&Value>| match value {
        Some(value @ (Value::String(_) | Value::Array(_) | Value::Object(_))) => Some(to_text(value)),
        _ => None,
    };
    match (as_text(a), as_text(b)) {
        (Some(a), Some(b)) => compare_text(&a, &b) == Ordering::Less,
        _ => number(a) < number(b),
    }
}

/// lodash's `lt(a, b)`: text against text as text, anything else as numbers.
pub fn loosely_less_than(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => compare_text(a, b) == Ordering::Less,
        _ => number(a) < number(b),
    }
}

fn number(value: Option<&Value>) -> f64 {
    value.map_or(f64::NAN, to_number)
}

/// The order of text in JavaScript: by UTF-16 code units.
pub fn compare_text(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Text that is the same for equal values only; the order of members does not count. `None` is `undefined`.
pub fn fingerprint(value: Option<&Value>) -> String {
    let mut print = String::new();
    write_fingerprint(value, &mut print);
    print
}

fn write_fingerprint(value: Option<&Value>, print: &mut String) {
    match value {
        None => print.push('?'),
        Some(Value::Object(object)) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            print.push('{');
            for (key, value) in members {
                write!(print, "{key:?}:").expect("text can be written to");
                write_fingerprint(Some(value), print);
            }
            print.push('}');
        }
        Some(Value::Array(values)) => {
            print.push('[');
            values.iter().for_each(|value| write_fingerprint(Some(value), print));
            print.push(']');
        }
        Some(value) => write!(print, "{value}").expect("text can be written to"),
    }
    print.push(',');
}

/// Whether two values mean the same in spite of their form: a number and its text, JSON and its text, `true` and
/// `"True"`, and everything empty. `None` is `undefined`.
pub fn means_the_same(a: Option<&Value>, b: Option<&Value>, null_is_zero: bool) -> bool {
    let is_null = |value: Option<&Value>| value.is_some_and(Value::is_null);
    let empty = |value: Option<&Value>| match value {
        Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(values)) => values.is_empty(),
        _ => false,
    };
    let zero = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => *number == 0.0,
        Some(Value::String(text)) => text == "0",
        _ => false,
    };
    if !is_null(a) && !is_null(b) && type_of(a) == type_of(b) {
        return a == b;
    }
    if null_is_zero && (is_null(a) && zero(b) || is_null(b) && zero(a)) {
        return true;
    }
    match (a, b) {
        _ if empty(a) && (empty(b) || b.is_none()) || a.is_none() && empty(b) => true,
        (Some(Value::String(text)), Some(other)) | (Some(other), Some(Value::String(text))) => match other {
            Value::Number(_) => to_text(other) == *text,
            Value::Object(_) | Value::Array(_) => Value::from_json(text).is_ok_and(|parsed| parsed == *other),
            Value::Bool(value) => crate::convert::to_boolean(&text.clone().into()) == Some(*value),
            _ => false,
        },
        (Some(Value::Bool(value)), Some(Value::Number(number)))
        | (Some(Value::Number(number)), Some(Value::Bool(value))) => *number == f64::from(u8::from(*value)),
        _ => false,
    }
}

/// What `typeof` gives, except for `null`.
fn type_of(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Array(_)) => "object",
        Some(value) => value.type_name(),
    }
}

/// Lists up to this length are sorted by insertion, as JavaScript engines do; it shows when comparisons contradict each
/// other, as those with missing values do.
const RUN: usize = 64;

/// Sorts stably by `compare`, in the steps that JavaScript's engines take.
pub fn sort_by<T>(values: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    let count = values.len();
    if count < RUN {
        insertion_sort(values, &mut compare);
        return;
    }
    let mut right = values.split_off(count / 2);
    let mut left = std::mem::take(values);
    sort_by_dyn(&mut left, &mut compare);
    sort_by_dyn(&mut right, &mut compare);
    values.reserve(count);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(b, a) == Ordering::Less { right.next() } else { left.next() };
        values.extend(next);
    }
    values.extend(left);
    values.extend(right);
}

fn sort_by_dyn<T>(values: &mut Vec<T>, compare: &mut dyn FnMut(&T, &T) -> Ordering) {
    sort_by(values, compare);
}

/// Finds the run at the start, turns it round when it descends, then puts every other value in its place.
fn insertion_sort<T>(values: &mut [T], compare: &mut impl FnMut(&T, &T) -> Ordering) {
    if values.len() < 2 {
        return;
    }
    let descends = compare(&values[1], &values[0]) == Ordering::Less;
    let mut run = 2;
    while run < values.len() && (compare(&values[run], &values[run - 1]) == Ordering::Less) == descends {
        run += 1;
    }
    if descends {
        values[..run].reverse();
    }
    for at in run..values.len() {
        let (mut low, mut high) = (0, at);
        while low < high {
            let middle = low + (high - low) / 2;
            match compare(&values[at], &values[middle]) {
                Ordering::Less => high = middle,
                _ => low = middle + 1,
            }
        }
        values[low..=at].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_compares_as_text_and_anything_else_as_numbers() {
        let less = |a: Value, b: Value| less_than(Some(&a), Some(&b));
        assert!(less("10".into(), "9".into()));
        assert!(!less("10".into(), 9.into()));
        assert!(less(Value::Null, 1.into()));
        assert!(!less_than(None, Some(&1.into())));
        assert!(less("\u{10000}".into(), "\u{ffff}".into()), "by UTF-16 code units");
    }

    #[test]
    fn values_may_mean_the_same_in_spite_of_their_form() {
        let same = |a: Value, b: Value| means_the_same(Some(&a), Some(&b), true);
        assert!(same(1.into(), "1".into()));
        assert!(same(json!({ "a": [1] }), "{\"a\": [1]}".into()));
        assert!(same(true.into(), "TRUE".into()));
        assert!(same("0".into(), false.into()));
        assert!(same(1.into(), true.into()));
        assert!(same("".into(), json!([])));
        assert!(same(Value::Null, "0".into()));
        assert!(!same("1".into(), "1.0".into()));
        assert!(means_the_same(None, Some(&"".into()), true));
        assert!(!means_the_same(Some(&Value::Null), Some(&0.into()), false));
    }

    #[test]
    fn sorting_is_stable_at_any_length() {
        for count in [0, 1, 2, 63, 64, 65, 1000] {
            let mut values: Vec<(usize, usize)> = (0..count).map(|at| (at * 7919 % 10, at)).collect();
            let mut expected = values.clone();
            sort_by(&mut values, |a, b| a.0.cmp(&b.0));
            expected.sort_by_key(|value| value.0);
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn contradicting_comparisons_do_no_harm() {
        let mut values: Vec<usize> = (0..200).collect();
        sort_by(&mut values, |_, _| Ordering::Less);
        values.sort_unstable();
        assert_eq!(values, (0..200).collect::<Vec<_>>());
    }
}
