//! Texts with `{{ }}` parts.

use std::ops::Range;
use std::sync::Arc;

use model::Text;

use crate::error::{ErrorKind, Limit};
use crate::eval::Cx;
use crate::lower::{Part, lower};
use crate::{Error, Limits, ParseError, Scope, Value};

/// A parsed text with `{{ }}` parts, ready to be evaluated any number of times.
#[derive(Clone, Debug)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Text,
    references: Vec<Text>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Nothing but text.
    Text,
    /// One part and nothing around it: the value keeps its type.
    Value(Part),
    /// Text and parts, joined.
    Joined(Vec<Piece>),
}

#[derive(Debug)]
enum Piece {
    Text(Text),
    Part(Part),
}

/// Bytes of code between `{{` and `}}`.
const LONGEST_CODE: usize = 1 << 20;

/// Results of up to so many bytes are not reported to the scope.
const SMALL: usize = 4096;

impl Template {
    /// Parses the text of a parameter, without the leading `=`.
    pub fn parse(text: &str) -> Result<Template, ParseError> {
        if let Some(at) = constructor_access(text) {
            return Err(ParseError {
                kind: ErrorKind::Forbidden,
                message: "Expression contains invalid constructor function call".into(),
                span: at,
            });
        }
        let mut pieces = Vec::new();
        let mut references: Vec<Text> = Vec::new();
        for chunk in split(text) {
            pieces.push(match chunk {
                Chunk::Text(text) => Piece::Text(text.into()),
                Chunk::Code(code, offset) => {
                    if code.len() > LONGEST_CODE {
                        return Err(ParseError {
                            kind: ErrorKind::Limit(Limit::Memory),
                            message: "an expression has at most 1 MiB".into(),
                            span: offset..offset,
                        });
                    }
                    let part = lower(&code, offset)?;
                    for name in &part.references {
                        if !references.contains(name) {
                            references.push(name.clone());
                        }
                    }
                    Piece::Part(part)
                }
            });
        }
        let kind = match pieces.pop() {
            None => Kind::Text,
            Some(Piece::Text(_)) if pieces.is_empty() => Kind::Text,
            Some(Piece::Part(part)) if pieces.is_empty() => Kind::Value(part),
            Some(last) => {
                pieces.push(last);
                Kind::Joined(pieces)
            }
        };
        Ok(Self(Arc::new(Inner { source: text.into(), references, kind })))
    }

    /// The value for one item.
    ///
    /// What JavaScript code can throw makes its part `undefined`, as in n8n; every other error is returned.
    pub fn eval(&self, scope: &dyn Scope, limits: &Limits) -> Result<Value, Error> {
        match &self.0.kind {
            Kind::Text => Ok(Value::String(self.0.source.clone())),
            Kind::Value(part) => {
                let cx = Cx::new(scope, limits, part.mutates);
                let value = match cx.run(&part.code) {
                    Ok(value) => value,
                    Err(error) if !error.is_swallowed() => return Err(error),
                    Err(_) if part.guarded => Value::Undefined,
                    Err(_) => Value::Null,
                };
                check_result(&value)?;
                cx.check_output(&value)?;
                let kept = match &value {
                    Value::String(text) => cx.allocated().min(text.len()),
                    _ if value.is_object() => cx.allocated(),
                    _ => 0,
                };
                if kept > SMALL {
                    scope.keep(kept)?;
                }
                Ok(value)
            }
            Kind::Joined(pieces) => self.join(pieces, scope, limits),
        }
    }

    fn join(&self, pieces: &[Piece], scope: &dyn Scope, limits: &Limits) -> Result<Value, Error> {
        let mutates = pieces.iter().any(|piece| matches!(piece, Piece::Part(part) if part.mutates));
        let cx = Cx::new(scope, limits, mutates);
        let mut joined = String::with_capacity(self.0.source.len());
        let mut add = |text: &str| {
            if joined.len() + text.len() > limits.output_bytes.max(self.0.source.len()) {
                return Err(Error::limit(Limit::Output));
            }
            joined.push_str(text);
            Ok(())
        };
        for piece in pieces {
            match piece {
                Piece::Text(text) => add(text)?,
                Piece::Part(part) => match cx.run(&part.code) {
                    Ok(value) if value.truthy() || matches!(value, Value::Bool(false)) => {
                        add(&cx.to_text(&value)?)?;
                    }
                    // Zero is shown, everything else that is false is not.
                    Ok(Value::Number(0.0)) => add("0")?,
                    Ok(_) => {}
                    Err(error) if !error.is_swallowed() => return Err(error),
                    Err(_) if part.guarded => {}
                    Err(_) => return Ok(Value::Null),
                },
            }
        }
        if joined.len() > SMALL {
            scope.keep(joined.len())?;
        }
        Ok(Value::String(joined.into()))
    }

    /// Names of the nodes that are mentioned literally: `$('x')`, `$node["x"]`, `$items("x")`.
    pub fn references(&self) -> &[Text] {
        &self.0.references
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.0.source
    }
}

/// Functions are no results.
fn check_result(value: &Value) -> Result<(), Error> {
    use crate::value::Class;
    match value {
        Value::Class(Class::DateTime) => {
            Err(Error::new(ErrorKind::Function, "this is a DateTime, please access its methods"))
        }
        value if value.is_callable() => {
            Err(Error::new(ErrorKind::Function, "this is a function, please add ()"))
        }
        _ => Ok(()),
    }
}

enum Chunk<'a> {
    Text(&'a str),
    /// Code, and where it starts.
    Code(String, u32),
}

/// Splits at `{{` and the next `}}`, unless a backslash stands before it. What is not closed is code to the end.
fn split(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let open = find_unescaped(text, start, "{{");
        if open.unwrap_or(text.len()) > start {
            chunks.push(Chunk::Text(&text[start..open.unwrap_or(text.len())]));
        }
        let Some(open) = open else { break };
        let close = find_unescaped(text, open + 2, "}}");
        let code = text[open + 2..close.unwrap_or(text.len())].replacen("\\}}", "}}", 1);
        chunks.push(Chunk::Code(code, open as u32 + 2));
        start = close.map_or(text.len(), |close| close + 2);
    }
    chunks
}

fn find_unescaped(text: &str, from: usize, brackets: &str) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + text[at..].find(brackets)?;
        if found == from || !text[from..found].ends_with('\\') {
            return Some(found);
        }
        at = found + brackets.len();
    }
}

/// Where `.constructor` stands, if anywhere: n8n refuses the whole text for it.
fn constructor_access(text: &str) -> Option<Range<u32>> {
    text.match_indices("constructor").find_map(|(at, found)| {
        let before = text[..at].trim_end();
        before.ends_with('.').then(|| before.len() as u32 - 1..(at + found.len()) as u32)
    })
}

#[cfg(test)]
mod tests;
