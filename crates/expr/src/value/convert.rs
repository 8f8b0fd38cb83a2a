//! From data, to data, and JavaScript's conversions between types.

use model::Text;

use super::{Array, Class, Object, Value};
use crate::number::number_to_text;

/// How deeply a result may be nested.
const DEPTH: usize = 200;
/// How many values a result may have that the expression made itself. Only what contains itself has more.
const VALUES: usize = 2_000_000;

impl Value {
    /// A value that shows this data, without copying it.
    pub fn from_data(data: &model::Value) -> Self {
        match data {
            model::Value::Null => Value::Null,
            model::Value::Bool(value) => Value::Bool(*value),
            model::Value::Number(number) => Value::Number(*number),
            model::Value::String(text) => Value::String(text.clone()),
            model::Value::Array(values) => Value::Array(Array::from_data(values.clone())),
            model::Value::Object(object) => Value::Object(Object::from_data(object.clone())),
        }
    }

    /// The value as data; `None` for what JSON leaves out (`undefined`, functions). Dates become ISO text, `NaN` and
    /// infinity `null`, as `JSON.stringify` has it.
    pub fn to_data(&self) -> Option<model::Value> {
        self.to_data_within(DEPTH, &mut VALUES.clone())
    }

    fn to_data_within(&self, depth: usize, left: &mut usize) -> Option<model::Value> {
        let depth = depth.checked_sub(1)?;
        *left = left.checked_sub(1)?;
        Some(match self {
            Value::Undefined | Value::Function(_) => return None,
            Value::Class(class) if class.is_callable() => return None,
            Value::Null => model::Value::Null,
            Value::Bool(value) => model::Value::Bool(*value),
            Value::Number(number) if number.is_finite() => model::Value::Number(*number),
            Value::Number(_) => model::Value::Null,
            Value::String(text) => model::Value::String(text.clone()),
            Value::BigInt(value) => model::Value::String(ecow::eco_format!("{value}")),
            // JSON shows typed arrays as objects.
            Value::Array(array) if array.class() != Class::Array => {
                let elements = array.to_vec().into_iter().enumerate();
                let element =
                    |(index, value): (usize, Value)| (ecow::eco_format!("{index}"), value.to_number());
                model::Value::Object(elements.map(element).collect())
            }
            Value::Array(array) => match array.as_data() {
                Some(data) => model::Value::Array(data),
                None => model::Value::array(
                    array.to_vec().iter().map(|value| value.to_data_within(depth, left).unwrap_or_default()),
                ),
            },
            Value::Object(object) => match object.as_data() {
                Some(data) => model::Value::Object(data),
                None => model::Value::Object(
                    object
                        .entries()
                        .into_iter()
                        .filter_map(|(key, value)| Some((key, value.to_data_within(depth, left)?)))
                        .collect(),
                ),
            },
            Value::Date(ms) => crate::date::to_iso(ms.get()).into(),
            Value::DateTime(value) => value.to_iso().into(),
            Value::Duration(value) => value.to_iso().into(),
            Value::Interval(value) => value.to_iso().into(),
            Value::RegExp(_) | Value::Map(_) | Value::Set(_) | Value::Error(_) | Value::Class(_) => {
                model::Value::Object(model::Object::new())
            }
            Value::Host(host) => return host.to_data(),
        })
    }

    /// Whether `if` takes it for true.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Undefined | Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::String(text) => !text.is_empty(),
            Value::BigInt(value) => **value != 0,
            _ => true,
        }
    }

    /// `String(value)`, without conversions the expression itself defines.
    pub fn to_js_string(&self) -> Text {
        match self {
            Value::Undefined => "undefined".into(),
            Value::Null => "null".into(),
            Value::Bool(true) => "true".into(),
            Value::Bool(false) => "false".into(),
            Value::Number(number) => number_to_text(*number),
            Value::String(text) => text.clone(),
            Value::BigInt(value) => ecow::eco_format!("{value}"),
            Value::Array(array) => {
                let mut text = String::new();
                join(array, DEPTH, &mut VALUES.clone(), &mut text);
                text.into()
            }
            Value::Object(_) | Value::Host(_) => "[object Object]".into(),
            Value::Map(_) => "[object Map]".into(),
            Value::Set(_) => "[object Set]".into(),
            Value::Function(function) => {
                ecow::eco_format!("function {}() {{ [native code] }}", function.name())
            }
            Value::Class(class) if class.is_callable() => {
                ecow::eco_format!("function {}() {{ [native code] }}", class.name())
            }
            Value::Class(class) => ecow::eco_format!("[object {}]", class.name()),
            Value::Date(ms) => crate::date::to_text(ms.get()),
            Value::RegExp(regexp) => ecow::eco_format!("/{}/{}", regexp.source(), regexp.flags()),
            Value::Error(error) if error.message.is_empty() => error.name.clone(),
            Value::Error(error) => ecow::eco_format!("{}: {}", error.name, error.message),
            Value::DateTime(value) => value.to_text(),
            Value::Duration(value) => value.to_text(),
            Value::Interval(value) => value.to_text(),
        }
    }

    /// `Number(value)`, without conversions the expression itself defines; `NaN` for what is not a number.
    pub fn to_number(&self) -> f64 {
        match self {
            Value::Undefined => f64::NAN,
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(number) => *number,
            Value::String(text) => text_to_number(text),
            Value::BigInt(value) => **value as f64,
            Value::Date(ms) => ms.get(),
            Value::DateTime(value) => value.to_millis(),
            Value::Duration(value) => value.to_millis(),
            Value::Array(_) => text_to_number(&self.to_js_string()),
            _ => f64::NAN,
        }
    }

    /// What operators see of an object: its number where it has one (dates of luxon), else its text.
    pub fn to_primitive(&self) -> Value {
        match self {
            Value::DateTime(value) => Value::Number(value.to_millis()),
            Value::Duration(value) => Value::Number(value.to_millis()),
            value if value.is_object() => Value::String(value.to_js_string()),
            value => value.clone(),
        }
    }

    /// See [`Object::track`].
    pub(crate) fn track(&self) {
        match self {
            Value::Object(object) => object.track(),
            Value::Array(array) => array.track(),
            _ => {}
        }
    }

    /// Where an object is, to tell it from others; 0 for primitives.
    pub(crate) fn address(&self) -> usize {
        use std::rc::Rc;
        match self {
            Value::Array(value) => value.address(),
            Value::Object(value) => value.address(),
            Value::Function(value) => value.address(),
            Value::Class(class) => *class as usize + 1,
            Value::Date(value) => Rc::as_ptr(value) as usize,
            Value::RegExp(value) => Rc::as_ptr(value) as usize,
            Value::Map(value) | Value::Set(value) => value.address(),
            Value::Error(value) => Rc::as_ptr(value) as usize,
            Value::DateTime(value) => Rc::as_ptr(value) as usize,
            Value::Duration(value) => Rc::as_ptr(value) as usize,
            Value::Interval(value) => Rc::as_ptr(value) as usize,
            Value::Host(value) => Rc::as_ptr(value) as *const u8 as usize,
            _ => 0,
        }
    }
}

/// `array.join()`; what goes too deep or on too long is left out.
fn join(array: &Array, depth: usize, left: &mut usize, text: &mut String) {
    for (index, value) in array.to_vec().iter().enumerate() {
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        if index > 0 {
            text.push(',');
        }
        match value {
            Value::Undefined | Value::Null => {}
            Value::Array(nested) if depth > 0 => join(nested, depth - 1, left, text),
            Value::Array(_) => {}
            value => text.push_str(&value.to_js_string()),
        }
    }
}

/// `Number(text)`
pub(crate) fn text_to_number(text: &str) -> f64 {
    let text = text.trim_matches(crate::number::is_js_space);
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return 0.0;
    }
    if bytes.len() > 2 && bytes[0] == b'0' {
        let radix = match bytes[1] | 0x20 {
            b'x' => 16,
            b'o' => 8,
            b'b' => 2,
            _ => 10,
        };
        if radix != 10 {
            return digits_to_number(&text[2..], radix);
        }
    }
    match text {
        "Infinity" | "+Infinity" => return f64::INFINITY,
        "-Infinity" => return f64::NEG_INFINITY,
        _ => {}
    }
    // Rust reads more than JavaScript does: `inf`, `nan`.
    if bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        text.parse().unwrap_or(f64::NAN)
    } else {
        f64::NAN
    }
}

fn digits_to_number(digits: &str, radix: u32) -> f64 {
    let mut number = 0.0;
    for digit in digits.chars() {
        match digit.to_digit(radix) {
            Some(digit) => number = number * f64::from(radix) + f64::from(digit),
            None => return f64::NAN,
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    #[test]
    fn data_comes_back_as_it_went_in() {
        let data = json!({ "b": [1, { "c": null }], "a": "x", "1": true });
        assert_eq!(Value::from_data(&data).to_data(), Some(data));
    }

    #[test]
    fn undefined_members_are_left_out_and_undefined_elements_are_null() {
        let value = Value::object([
            ("gone", Value::Undefined),
            ("list", Value::array(vec![Value::Undefined, f64::NAN.into()])),
        ]);
        assert_eq!(value.to_data(), Some(json!({ "list": [null, null] })));
    }

    #[test]
    fn text_becomes_a_number_as_in_javascript() {
        for (text, number) in
            [("", 0.0), (" 12 ", 12.0), ("0x1F", 31.0), ("1e3", 1000.0), ("-Infinity", f64::NEG_INFINITY)]
        {
            assert_eq!(text_to_number(text), number, "{text:?}");
        }
        for text in ["1,5", "12px", "inf", "nan", "0x", "1_000", "--1"] {
            assert!(text_to_number(text).is_nan(), "{text:?}");
        }
    }
}
