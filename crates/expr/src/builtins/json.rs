//! `JSON`.

use ecow::eco_format;
use model::Text;

use super::{Result, arg, integer};
use crate::eval::{Cx, MEMBER};
use crate::value::{Class, Native, Object};
use crate::{Error, Value};

pub(super) fn static_method(name: &str) -> Option<Native> {
    Some(match name {
        "parse" => |cx, _, args| {
            let value = parse(cx, &cx.to_text(&arg(args, 0))?)?;
            match arg(args, 1) {
                reviver if reviver.is_callable() => revive(cx, &reviver, "".into(), value),
                _ => Ok(value),
            }
        },
        "stringify" => |cx, _, args| {
            let writer = Writer::new(cx, args)?;
            Ok(writer.text(&arg(args, 0))?.map(Value::from).into())
        },
        _ => return None,
    })
}

/// `JSON.parse(text)`
pub(crate) fn parse(cx: &Cx<'_>, text: &str) -> Result {
    cx.allocate(text.len() * 2)?;
    match model::Value::from_json(text) {
        Ok(data) => Ok(Value::from_data(&data)),
        Err(error) => Err(Error::thrown(message(text, &error)).named("SyntaxError")),
    }
}

/// What V8 says, roughly.
fn message(text: &str, error: &dyn std::fmt::Display) -> Text {
    if text.trim().is_empty() {
        return "Unexpected end of JSON input".into();
    }
    eco_format!("Unexpected token in JSON: {error}")
}

fn revive(cx: &Cx<'_>, reviver: &Value, key: Text, value: Value) -> Result {
    cx.deeper(|| {
        let value = match &value {
            Value::Array(_) => {
                let values = cx.iterate(&value)?.into_iter().enumerate();
                let revived = values.map(|(index, value)| revive(cx, reviver, eco_format!("{index}"), value));
                Value::array(revived.collect::<Result<_>>()?)
            }
            Value::Object(_) => {
                let object = Object::new();
                for (key, value) in cx.entries(&value)? {
                    let value = revive(cx, reviver, key.clone(), value)?;
                    if !value.is_undefined() {
                        object.insert(key, value);
                    }
                }
                Value::Object(object)
            }
            _ => value,
        };
        cx.call(reviver, &Value::Undefined, &[Value::String(key), value])
    })
}

struct Writer<'c, 'a> {
    cx: &'c Cx<'a>,
    replacer: Value,
    allowed: Option<Vec<Text>>,
    indent: Text,
}

impl<'c, 'a> Writer<'c, 'a> {
    fn new(cx: &'c Cx<'a>, args: &[Value]) -> Result<Self> {
        let replacer = arg(args, 1);
        let allowed = match &replacer {
            Value::Array(_) => {
                Some(cx.iterate(&replacer)?.iter().map(|key| cx.to_text(key)).collect::<Result<_>>()?)
            }
            _ => None,
        };
        let indent = match arg(args, 2) {
            Value::String(text) => crate::text::slice(&text, 0, 10),
            Value::Undefined => Text::new(),
            _ => " ".repeat(integer(cx, args, 2, 0.0)?.clamp(0.0, 10.0) as usize).into(),
        };
        Ok(Self { cx, replacer, allowed, indent })
    }

    fn text(&self, value: &Value) -> Result<Option<Text>> {
        let mut out = String::new();
        let written = self.write("", value, 0, &mut out)?;
        Ok(written.then(|| out.into()))
    }

    fn push(&self, out: &mut String, text: &str) -> Result<()> {
        self.cx.allocate(text.len())?;
        out.push_str(text);
        Ok(())
    }

    /// Writes a value; false when it is one that JSON leaves out.
    fn write(&self, key: &str, value: &Value, level: usize, out: &mut String) -> Result<bool> {
        self.cx.charge(1)?;
        let mut value = value.clone();
        if let Value::Object(object) = &value
            && let Some(to_json) = object.get("toJSON").filter(Value::is_callable)
        {
            value = self.cx.call(&to_json, &value, &[key.into()])?;
        }
        if self.replacer.is_callable() {
            value = self.cx.call(&self.replacer, &Value::Undefined, &[key.into(), value])?;
        }
        match &value {
            Value::Undefined | Value::Function(_) => return Ok(false),
            Value::Null => self.push(out, "null")?,
            Value::Bool(value) => self.push(out, if *value { "true" } else { "false" })?,
            Value::Number(number) if number.is_finite() => self.push(out, &value.to_js_string())?,
            Value::Number(_) => self.push(out, "null")?,
            Value::String(text) => self.quote(out, text)?,
            Value::BigInt(_) => return Err(Error::type_error("Do not know how to serialize a BigInt")),
            Value::Array(array) if array.class() != Class::Array => self.members(&value, level, out)?,
            Value::Array(array) => {
                let values = array.to_vec();
                self.cx.charge(values.len())?;
                self.list(level, out, ['[', ']'], values.len(), |index, out| {
                    if !self.write(&eco_format!("{index}"), &values[index], level + 1, out)? {
                        self.push(out, "null")?;
                    }
                    Ok(true)
                })?;
            }
            Value::Object(_) | Value::Error(_) => self.members(&value, level, out)?,
            Value::Host(host) if host.is_callable() => return Ok(false),
            Value::Host(_) => self.members(&value, level, out)?,
            Value::Class(class) if class.is_callable() => return Ok(false),
            value => match value.to_data() {
                Some(model::Value::String(text)) => self.quote(out, &text)?,
                Some(data) => self.push(out, &data.to_json())?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn members(&self, value: &Value, level: usize, out: &mut String) -> Result<()> {
        let entries = match &self.allowed {
            None => self.cx.entries(value)?,
            Some(allowed) => {
                let members = allowed.iter().map(|key| Ok((key.clone(), self.cx.member(value, key)?)));
                members.collect::<Result<_>>()?
            }
        };
        self.list(level, out, ['{', '}'], entries.len(), |index, out| {
            let (key, value) = &entries[index];
            let start = out.len();
            self.quote(out, key)?;
            self.push(out, if self.indent.is_empty() { ":" } else { ": " })?;
            let written = self.write(key, value, level + 1, out)?;
            if !written {
                out.truncate(start);
            }
            Ok(written)
        })
    }

    /// Writes a list between brackets; `item` says whether it wrote anything.
    fn list(
        &self,
        level: usize,
        out: &mut String,
        [open, close]: [char; 2],
        count: usize,
        mut item: impl FnMut(usize, &mut String) -> Result<bool>,
    ) -> Result<()> {
        if level > 120 {
            // Nothing is nested this deeply but what contains itself.
            return Err(Error::type_error("Converting circular structure to JSON"));
        }
        self.cx.deeper(|| {
            out.push(open);
            let mut empty = true;
            for index in 0..count {
                let start = out.len();
                if !empty {
                    out.push(',');
                }
                self.line(out, level + 1)?;
                if item(index, out)? {
                    empty = false;
                } else {
                    out.truncate(start);
                }
            }
            if !empty {
                self.line(out, level)?;
            }
            out.push(close);
            Ok(())
        })
    }

    fn line(&self, out: &mut String, level: usize) -> Result<()> {
        if self.indent.is_empty() {
            return Ok(());
        }
        self.cx.allocate(1 + self.indent.len() * level)?;
        out.push('\n');
        (0..level).for_each(|_| out.push_str(&self.indent));
        Ok(())
    }

    fn quote(&self, out: &mut String, text: &str) -> Result<()> {
        self.cx.allocate(text.len() + 2 + MEMBER / 16)?;
        out.push('"');
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                8 => "\\b",
                12 => "\\f",
                0..0x20 => "",
                _ => continue,
            };
            out.push_str(&text[plain..at]);
            plain = at + 1;
            if escape.is_empty() {
                out.push_str(&eco_format!("\\u{byte:04x}"));
            } else {
                out.push_str(escape);
            }
        }
        out.push_str(&text[plain..]);
        out.push('"');
        Ok(())
    }
}
