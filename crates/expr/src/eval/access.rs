//! Reading members, elements and everything that can be listed.

use ecow::eco_format;
use model::Text;

use super::{Cx, Result, VALUE};
use crate::builtins;
use crate::text;
use crate::value::Function;
use crate::{Error, Value, luxon};

impl Cx<'_> {
    /// `object.key`, where `key` is a name that may be read.
    pub(crate) fn member(&self, object: &Value, key: &str) -> Result<Value> {
        let own = match object {
            Value::Undefined | Value::Null => {
                let message =
                    eco_format!("Cannot read properties of {} (reading '{key}')", object.to_js_string());
                return Err(Error::type_error(message));
            }
            Value::Object(members) => members.get(key),
            Value::Array(array) => match key {
                "length" => return Ok(Value::from(array.len())),
                key => match model::value::array_index(key) {
                    Some(index) => return Ok(array.get(index as usize).into()),
                    None => array.named(key),
                },
            },
            Value::String(text) => match key {
                "length" => return Ok(Value::from(text::length(text))),
                key => match model::value::array_index(key) {
                    Some(index) => return Ok(text::unit(text, index as usize).into()),
                    None => None,
                },
            },
            Value::Host(host) => {
                let value = host.get(key)?;
                return Ok(self.tracked(value));
            }
            Value::Function(function) => match key {
                "name" => Some(Value::from(function.name())),
                "length" => Some(Value::from(function.arity())),
                _ => None,
            },
            Value::Map(entries) | Value::Set(entries) if key == "size" && !entries.is_weak() => {
                Some(Value::from(entries.len()))
            }
            Value::Error(error) => match key {
                "name" => Some(error.name.clone().into()),
                "message" => Some(error.message.clone().into()),
                "stack" => Some(object.to_js_string().into()),
                key => error.members.get(key),
            },
            Value::RegExp(regexp) => regexp.property(key),
            Value::Class(class) => builtins::static_member(*class, key),
            Value::DateTime(_) | Value::Duration(_) | Value::Interval(_) => luxon::property(object, key),
            _ => None,
        };
        match own {
            Some(value) => Ok(value),
            None => Ok(builtins::method(object, key)
                .map(|call| Value::Function(Function::native(key, call)))
                .into()),
        }
    }

    /// `object[key]`
    pub(crate) fn index(&self, object: &Value, key: &Value) -> Result<Value> {
        match (object, key) {
            (Value::Array(array), Value::Number(number)) if number.fract() == 0.0 && *number >= 0.0 => {
                Ok(array.get(*number as usize).into())
            }
            (Value::String(text), Value::Number(number)) if number.fract() == 0.0 && *number >= 0.0 => {
                Ok(text::unit(text, *number as usize).into())
            }
            (object, key) => {
                let key = self.to_key(key)?;
                self.member(object, &key)
            }
        }
    }

    /// The values `for of`, spread and destructuring see.
    pub(crate) fn iterate(&self, value: &Value) -> Result<Vec<Value>> {
        let pay = |count: usize| self.allocate(count * VALUE).and_then(|()| self.charge(count));
        match value {
            Value::Array(array) => {
                pay(array.len())?;
                Ok(array.to_vec())
            }
            Value::String(text) => {
                pay(text.len())?;
                Ok(text
                    .chars()
                    .map(|c| Value::String(Text::from(c.encode_utf8(&mut [0; 4]) as &str)))
                    .collect())
            }
            Value::Map(entries) if !entries.is_weak() => {
                pay(entries.len() * 4)?;
                Ok(entries.entries().into_iter().map(|(key, value)| Value::array(vec![key, value])).collect())
            }
            Value::Set(entries) if !entries.is_weak() => {
                pay(entries.len())?;
                Ok(entries.entries().into_iter().map(|(key, _)| key).collect())
            }
            Value::Host(host) => match host.to_data() {
                Some(model::Value::Array(values)) => {
                    pay(values.len())?;
                    Ok(values.iter().map(Value::from_data).collect())
                }
                _ => Err(Error::type_error("the object is not iterable")),
            },
            value => Err(Error::type_error(eco_format!("{} is not iterable", value.to_js_string()))),
        }
    }

    /// The own enumerable members, as `Object.entries` and spread see them.
    pub(crate) fn entries(&self, value: &Value) -> Result<Vec<(Text, Value)>> {
        let pay = |count: usize| self.allocate(count * 2 * VALUE).and_then(|()| self.charge(count));
        match value {
            Value::Object(object) => {
                pay(object.len())?;
                Ok(object.entries())
            }
            Value::Array(array) => {
                pay(array.len())?;
                let elements = array.to_vec().into_iter().enumerate();
                let mut entries: Vec<_> =
                    elements.map(|(index, value)| (eco_format!("{index}"), value)).collect();
                for name in array.names() {
                    if let Some(value) = array.named(&name) {
                        entries.push((name, value));
                    }
                }
                Ok(entries)
            }
            Value::String(text) => {
                pay(text.len())?;
                let units = 0..text::length(text);
                Ok(units.map(|index| (eco_format!("{index}"), text::unit(text, index).into())).collect())
            }
            Value::Host(host) => {
                let keys = host.keys();
                pay(keys.len())?;
                keys.into_iter()
                    .map(|key| {
                        let value = host.get(&key)?;
                        Ok((key, self.tracked(value)))
                    })
                    .collect()
            }
            Value::Error(error) => Ok(error.members.entries()),
            _ => Ok(Vec::new()),
        }
    }

    /// The names of the own enumerable members.
    pub(crate) fn keys(&self, value: &Value) -> Result<Vec<Text>> {
        let pay = |count: usize| self.allocate(count * VALUE).and_then(|()| self.charge(count));
        match value {
            Value::Object(object) => {
                pay(object.len())?;
                Ok(object.keys())
            }
            Value::Host(host) => {
                let keys = host.keys();
                pay(keys.len())?;
                Ok(keys)
            }
            value => Ok(self.entries(value)?.into_iter().map(|(key, _)| key).collect()),
        }
    }
}
