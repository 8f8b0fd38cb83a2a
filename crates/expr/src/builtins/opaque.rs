//! Objects that can be made but hold nothing an expression could read: buffers, views of them, symbols.

use model::Text;

use super::{Result, arg};
use crate::Value;
use crate::eval::Cx;
use crate::scope::Host;
use crate::value::Class;

struct Buffer {
    length: f64,
}

impl Host for Buffer {
    fn get(&self, key: &str) -> Result {
        Ok(match key {
            "byteLength" | "length" => Value::Number(self.length),
            "byteOffset" => Value::Number(0.0),
            _ => Value::Undefined,
        })
    }
}

/// `new ArrayBuffer(length)`, `new DataView(buffer)`
pub(super) fn buffer(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    let length = match (class, arg(args, 0)) {
        (Class::DataView, buffer) => cx.to_number(&cx.member(&buffer, "byteLength")?)?,
        (_, length) => cx.to_number(&length)?,
    };
    let length = if length > 0.0 { length.trunc() } else { 0.0 };
    cx.allocate(length as usize)?;
    Ok(Value::host(Buffer { length }))
}

struct Symbol {
    description: Option<Text>,
}

impl Host for Symbol {
    fn get(&self, key: &str) -> Result {
        Ok(match key {
            "description" => self.description.clone().into(),
            "toString" => {
                let description = self.description.clone().unwrap_or_default();
                Value::function("toString", move |_| Ok(ecow::eco_format!("Symbol({description})").into()))
            }
            _ => Value::Undefined,
        })
    }

    fn to_data(&self) -> Option<model::Value> {
        None
    }
}

/// `Symbol(description)`
pub(super) fn symbol(cx: &Cx<'_>, args: &[Value]) -> Result {
    let description = match arg(args, 0) {
        Value::Undefined => None,
        value => Some(cx.to_text(&value)?),
    };
    Ok(Value::host(Symbol { description }))
}
