//! `RegExp` and what text does with it.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use ecow::eco_format;
use model::Text;

use super::{Result, arg};
use crate::eval::{Cx, VALUE};
use crate::regexp::{Match, Program, RegExp};
use crate::text;
use crate::value::{Array, Native, Object};
use crate::{Error, Value};

/// `new RegExp(pattern, flags)`
pub(super) fn construct(cx: &Cx<'_>, args: &[Value]) -> Result {
    let (source, own_flags) = match arg(args, 0) {
        Value::RegExp(regexp) => (regexp.source().clone(), regexp.flags().clone()),
        Value::Undefined => ("(?:)".into(), Text::new()),
        pattern => (cx.to_text(&pattern)?, Text::new()),
    };
    let flags = match arg(args, 1) {
        Value::Undefined => own_flags,
        flags => cx.to_text(&flags)?,
    };
    Ok(Value::RegExp(compile(cx, &source, &flags)?))
}

fn compile(cx: &Cx<'_>, source: &str, flags: &str) -> Result<Rc<RegExp>> {
    // A character class may become a table of ranges.
    cx.allocate(256 + source.len() * 64)?;
    match Program::compile(source, flags) {
        Ok(program) => Ok(Rc::new(RegExp::new(Arc::new(program)))),
        Err(bad) => {
            let message = eco_format!("Invalid regular expression: /{source}/{flags}: {}", bad.0);
            Err(Error::thrown(message).named("SyntaxError"))
        }
    }
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    (name == "escape").then_some(|cx, _, args| {
        let text = cx.to_text(&arg(args, 0))?;
        let mut escaped = Text::with_capacity(text.len());
        for (index, c) in text.chars().enumerate() {
            if index == 0 && c.is_ascii_alphanumeric() {
                escaped.push_str(&eco_format!("\\x{:02x}", c as u32));
            } else if "^$\\.*+?()[]{}|/".contains(c) {
                escaped.push('\\');
                escaped.push(c);
            } else if ",-=<>#&!%:;@~'`\"".contains(c) || c == ' ' {
                escaped.push_str(&eco_format!("\\x{:02x}", c as u32));
            } else {
                escaped.push(c);
            }
        }
        Ok(Value::String(escaped))
    })
}

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "test" => |cx, this, args| {
            let text = cx.to_text(&arg(args, 0))?;
            Ok(execute(cx, own(this)?, &text)?.is_some().into())
        },
        "exec" => |cx, this, args| {
            let text = cx.to_text(&arg(args, 0))?;
            let regexp = own(this)?;
            match execute(cx, regexp, &text)? {
                Some(found) => match_array(cx, regexp, &text, &found),
                None => Ok(Value::Null),
            }
        },
        "toString" => |_, this, _| Ok(this.to_js_string().into()),
        name => return super::object::method(name),
    })
}

fn own(this: &Value) -> Result<&Rc<RegExp>> {
    match this {
        Value::RegExp(regexp) => Ok(regexp),
        _ => Err(Error::type_error("this is no RegExp")),
    }
}

/// One match, from where the last one of a global or sticky expression ended.
fn execute(cx: &Cx<'_>, regexp: &RegExp, text: &str) -> Result<Option<Match>> {
    let resumes = regexp.is_global() || regexp.is_sticky();
    let start = if resumes { regexp.last_index.get() } else { 0.0 };
    if start > text::length(text) as f64 {
        regexp.last_index.set(0.0);
        return Ok(None);
    }
    let from = text::byte_at(text, start.max(0.0) as usize);
    let found = regexp.program.find(cx, text, from, regexp.is_sticky())?;
    if resumes {
        let end = found.as_ref().map_or(0, |found| text::index_at(text, found.end()));
        regexp.last_index.set(end as f64);
    }
    Ok(found)
}

/// All matches, from the start of the text, none inside another.
fn all(cx: &Cx<'_>, regexp: &RegExp, text: &str) -> Result<Vec<Match>> {
    let mut matches = Vec::new();
    let mut from = 0;
    while from <= text.len() {
        let Some(found) = regexp.program.find(cx, text, from, regexp.is_sticky())? else { break };
        cx.allocate(32 + found.groups() * 16)?;
        from = found.end();
        if found.start() == found.end() {
            from += text[from..].chars().next().map_or(1, char::len_utf8);
        }
        matches.push(found);
    }
    regexp.last_index.set(0.0);
    Ok(matches)
}

fn piece(text: &str, range: Option<Range<usize>>) -> Value {
    range.map(|range| &text[range]).into()
}

/// What `exec` and `match` give.
fn match_array(cx: &Cx<'_>, regexp: &RegExp, text: &Text, found: &Match) -> Result {
    cx.allocate(found.groups() * VALUE + found.end() - found.start() + 256)?;
    let groups = (0..found.groups()).map(|group| piece(text, found.group(group)));
    let array = Array::new(groups.collect());
    array.set_named("index", text::index_at(text, found.start()).into());
    array.set_named("input", Value::String(text.clone()));
    array.set_named("groups", named_groups(regexp, |group| piece(text, found.group(group))));
    if regexp.has_indices() {
        let place = |group: usize| match found.group(group) {
            Some(range) => {
                let ends = [range.start, range.end].map(|byte| Value::from(text::index_at(text, byte)));
                Value::array(ends.to_vec())
            }
            None => Value::Undefined,
        };
        let indices = Array::new((0..found.groups()).map(place).collect());
        indices.set_named("groups", named_groups(regexp, place));
        array.set_named("indices", Value::Array(indices));
    }
    Ok(Value::Array(array))
}

fn named_groups(regexp: &RegExp, value: impl Fn(usize) -> Value) -> Value {
    let names = regexp.program.names();
    if names.is_empty() {
        return Value::Undefined;
    }
    let groups = Object::new();
    for (name, group) in names {
        let value = value(*group);
        // Of several groups with one name, at most one took part.
        if !(value.is_undefined() && groups.contains_key(name)) {
            groups.insert(name.clone(), value);
        }
    }
    Value::Object(groups)
}

/// A pattern argument; text is compiled.
fn pattern(cx: &Cx<'_>, value: &Value, flags: &str) -> Result<Rc<RegExp>> {
    match value {
        Value::RegExp(regexp) => Ok(regexp.clone()),
        Value::Undefined => compile(cx, "(?:)", flags),
        value => compile(cx, &cx.to_text(value)?, flags),
    }
}

/// `text.match(pattern)`
pub(super) fn matches(cx: &Cx<'_>, text: &Text, value: &Value) -> Result {
    let regexp = pattern(cx, value, "")?;
    if !regexp.is_global() {
        return Ok(match execute(cx, &regexp, text)? {
            Some(found) => match_array(cx, &regexp, text, &found)?,
            None => Value::Null,
        });
    }
    let found = all(cx, &regexp, text)?;
    if found.is_empty() {
        return Ok(Value::Null);
    }
    cx.allocate(text.len() + found.len() * VALUE)?;
    Ok(Value::array(found.iter().map(|found| piece(text, found.group(0))).collect()))
}

/// `text.matchAll(pattern)`
pub(super) fn match_all(cx: &Cx<'_>, text: &Text, value: &Value) -> Result {
    let regexp = pattern(cx, value, "g")?;
    if !regexp.is_global() {
        return Err(Error::type_error("String.prototype.matchAll called with a non-global RegExp argument"));
    }
    let found = all(cx, &regexp, text)?;
    Ok(Value::array(found.iter().map(|found| match_array(cx, &regexp, text, found)).collect::<Result<_>>()?))
}

/// `text.search(pattern)`
pub(super) fn search(cx: &Cx<'_>, text: &Text, value: &Value) -> Result {
    let regexp = pattern(cx, value, "")?;
    let found = regexp.program.find(cx, text, 0, regexp.is_sticky())?;
    Ok(Value::Number(found.map_or(-1.0, |found| text::index_at(text, found.start()) as f64)))
}

/// `text.split(pattern, limit)`
pub(super) fn split(cx: &Cx<'_>, text: &Text, regexp: &RegExp, limit: usize) -> Result<Vec<Value>> {
    let mut pieces = Vec::new();
    if limit == 0 {
        return Ok(pieces);
    }
    if text.is_empty() {
        if regexp.program.find(cx, text, 0, true)?.is_none() {
            pieces.push(Value::String(text.clone()));
        }
        return Ok(pieces);
    }
    let mut start = 0;
    let mut from = 0;
    while from < text.len() {
        let Some(found) = regexp.program.find(cx, text, from, false)? else { break };
        if found.start() >= text.len() {
            break;
        }
        if found.end() == start {
            // An empty match right behind the last piece splits nothing.
            from = found.start() + text[found.start()..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        cx.allocate(found.start() - start + found.groups() * VALUE)?;
        pieces.push(text[start..found.start()].into());
        for group in 1..found.groups() {
            pieces.push(piece(text, found.group(group)));
        }
        if pieces.len() >= limit {
            pieces.truncate(limit);
            return Ok(pieces);
        }
        start = found.end();
        from = start;
    }
    cx.allocate(text.len() - start + VALUE)?;
    pieces.push(text[start..].into());
    Ok(pieces)
}

/// `text.replace(pattern, replacement)` and `replaceAll`
pub(super) fn replace(cx: &Cx<'_>, this: &Value, args: &[Value], every: bool) -> Result {
    let text = cx.to_text(this)?;
    let replacement = arg(args, 1);
    let replacement = if replacement.is_callable() {
        Replacement::Function(replacement)
    } else {
        Replacement::Text(cx.to_text(&replacement)?)
    };
    let mut out = Text::new();
    let mut last = 0;
    let mut add = |range: Range<usize>, with: Text| {
        cx.allocate(range.start - last + with.len())?;
        out.push_str(&text[last..range.start]);
        out.push_str(&with);
        last = range.end;
        Ok::<(), Error>(())
    };
    match arg(args, 0) {
        Value::RegExp(regexp) => {
            if every && !regexp.is_global() {
                return Err(Error::type_error("replaceAll must be called with a global RegExp"));
            }
            let found = match regexp.is_global() {
                true => all(cx, &regexp, &text)?,
                false => execute(cx, &regexp, &text)?.into_iter().collect(),
            };
            for found in &found {
                let with = replacement.of_match(cx, &regexp, &text, found)?;
                add(found.start()..found.end(), with)?;
            }
        }
        wanted => {
            let wanted = cx.to_text(&wanted)?;
            cx.charge(text.len() / 32)?;
            let mut from = 0;
            while from <= text.len() {
                let Some(at) = text[from..].find(&*wanted).map(|at| from + at) else { break };
                let range = at..at + wanted.len();
                add(range.clone(), replacement.of_text(cx, &text, range)?)?;
                from = at + wanted.len();
                if wanted.is_empty() {
                    from += text[from..].chars().next().map_or(1, char::len_utf8);
                }
                if !every {
                    break;
                }
            }
        }
    }
    if last == 0 && out.is_empty() {
        return Ok(Value::String(text));
    }
    cx.allocate(text.len() - last)?;
    out.push_str(&text[last..]);
    Ok(Value::String(out))
}

enum Replacement {
    Text(Text),
    Function(Value),
}

impl Replacement {
    fn of_match(&self, cx: &Cx<'_>, regexp: &RegExp, text: &Text, found: &Match) -> Result<Text> {
        match self {
            Replacement::Text(template) => {
                let names = regexp.program.names();
                expand(cx, template, text, found.start()..found.end(), found.groups(), names, |group| {
                    found.group(group)
                })
            }
            Replacement::Function(function) => {
                let mut args: Vec<Value> =
                    (0..found.groups()).map(|group| piece(text, found.group(group))).collect();
                args.push(text::index_at(text, found.start()).into());
                args.push(Value::String(text.clone()));
                if !regexp.program.names().is_empty() {
                    args.push(named_groups(regexp, |group| piece(text, found.group(group))));
                }
                cx.to_text(&cx.call(function, &Value::Undefined, &args)?)
            }
        }
    }

    fn of_text(&self, cx: &Cx<'_>, text: &Text, range: Range<usize>) -> Result<Text> {
        match self {
            Replacement::Text(template) => expand(cx, template, text, range.clone(), 1, &[], |_| None),
            Replacement::Function(function) => {
                let index = text::index_at(text, range.start);
                let args = [text[range].into(), index.into(), Value::String(text.clone())];
                cx.to_text(&cx.call(function, &Value::Undefined, &args)?)
            }
        }
    }
}

/// Puts `$1`, `$&`, `$<name>` and their relatives in place.
fn expand(
    cx: &Cx<'_>,
    template: &Text,
    text: &str,
    whole: Range<usize>,
    groups: usize,
    names: &[(Text, usize)],
    group: impl Fn(usize) -> Option<Range<usize>>,
) -> Result<Text> {
    if !template.contains('$') {
        return Ok(template.clone());
    }
    let mut out = Text::new();
    let mut rest = template.as_str();
    let mut add = |piece: &str| {
        cx.allocate(piece.len())?;
        out.push_str(piece);
        Ok::<(), Error>(())
    };
    while let Some(at) = rest.find('$') {
        add(&rest[..at])?;
        let after = &rest[at + 1..];
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        // Two digits when there are that many groups, else one.
        let number = (1..=digits).rev().find_map(|digits| {
            let number: usize = after[..digits].parse().ok()?;
            (number > 0 && number < groups).then_some((number, digits))
        });
        rest = match (after.bytes().next(), number) {
            (_, Some((number, digits))) => {
                if let Some(range) = group(number) {
                    add(&text[range])?;
                }
                &after[digits..]
            }
            (Some(b'$'), _) => {
                add("$")?;
                &after[1..]
            }
            (Some(b'&'), _) => {
                add(&text[whole.clone()])?;
                &after[1..]
            }
            (Some(b'`'), _) => {
                add(&text[..whole.start])?;
                &after[1..]
            }
            (Some(b'\''), _) => {
                add(&text[whole.end..])?;
                &after[1..]
            }
            (Some(b'<'), _) if !names.is_empty() && after.contains('>') => {
                let end = after.find('>').unwrap_or(after.len());
                let named = names.iter().filter(|(name, _)| *name == after[1..end]);
                if let Some(range) = named.filter_map(|(_, number)| group(*number)).next() {
                    add(&text[range])?;
                }
                &after[end + 1..]
            }
            _ => {
                add("$")?;
                after
            }
        };
    }
    add(rest)?;
    Ok(out)
}
