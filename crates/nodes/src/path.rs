//! Dotted paths into data: `customer.tags[0]`, `a["b.c"]`. They mean what n8n's users expect of them: a member whose
//! name is the whole path wins over the way through its parts.

use std::borrow::Cow;
use std::sync::Arc;

use sdk::prelude::*;

/// How far past its end an array may be filled up with `null` by setting one element.
const MAX_GAP: usize = 100_000;

/// Where a value sits in data. Parse once, use for every item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    whole: Text,
    parts: Vec<Text>,
}

impl Path {
    /// The path that `text` writes with dots and brackets.
    pub fn parse(text: &str) -> Self {
        let parts = if text.contains(['.', '[', ']']) { split(text) } else { Vec::new() };
        Self { whole: text.into(), parts }
    }

    /// The member whose name is `name`, dots and all.
    pub fn name(name: &str) -> Self {
        Self { whole: name.into(), parts: Vec::new() }
    }

    /// Either of the two.
    pub fn new(text: &str, dotted: bool) -> Self {
        if dotted { Self::parse(text) } else { Self::name(text) }
    }

    /// The paths in a comma-separated list.
    pub fn list(text: &str, dotted: bool) -> Vec<Self> {
        text.split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| Self::new(text, dotted))
            .collect()
    }

    /// The path as it was written.
    pub fn text(&self) -> &Text {
        &self.whole
    }

    /// What comes after the last dot.
    pub fn last(&self) -> &str {
        match self.parts.is_empty() {
            true => &self.whole,
            false => self.whole.rsplit('.').next().unwrap_or(&self.whole),
        }
    }

    /// The value there; `None` where the way ends before it.
    pub fn get<'a>(&self, object: &'a Object) -> Option<&'a Value> {
        if let Some(value) = object.get(&self.whole) {
            return Some(value);
        }
        let (first, rest) = self.parts.split_first()?;
        rest.iter().try_fold(object.get(first)?, |value, part| value.get(part))
    }

    /// The same, and what JavaScript adds to data: the characters of text and the length of text and arrays.
    pub fn find<'a>(&self, object: &'a Object) -> Option<Cow<'a, Value>> {
        if let Some(value) = self.get(object) {
            return Some(Cow::Borrowed(value));
        }
        let (last, way) = self.parts.split_last()?;
        let (first, way) = way.split_first()?;
        let holder = way.iter().try_fold(object.get(first)?, |value, part| value.get(part))?;
        let added = match (holder, last.as_str()) {
            (Value::Array(values), "length") => values.len().into(),
            (Value::String(text), "length") => text.encode_utf16().count().into(),
            (Value::String(text), index) => {
                let unit = text.encode_utf16().nth(model::value::array_index(index)? as usize)?;
                String::from_utf16_lossy(&[unit]).into()
            }
            _ => return None,
        };
        Some(Cow::Owned(added))
    }

    /// Puts `value` there and makes the objects and arrays on the way; `None` removes what is there. Whatever stands
    /// in the way and is neither object nor array is replaced.
    pub fn set(&self, object: &mut Object, value: Option<Value>) -> Result<(), NodeError> {
        let Some(value) = value else {
            // The way there is made all the same.
            self.set(object, Some(Value::Null))?;
            self.remove(object);
            return Ok(());
        };
        let parts = match self.parts.as_slice() {
            parts if parts.is_empty() || object.contains_key(&self.whole) => {
                std::slice::from_ref(&self.whole)
            }
            parts => parts,
        };
        if parts.iter().any(|part| matches!(part.as_str(), "__proto__" | "constructor" | "prototype")) {
            return Ok(());
        }
        let (first, rest) = parts.split_first().expect("a path has a part");
        if rest.is_empty() {
            object.insert(first.clone(), value);
            return Ok(());
        }
        self.set_in(object.entry(first.clone()), rest, value)
    }

    fn set_in(&self, mut place: &mut Value, parts: &[Text], value: Value) -> Result<(), NodeError> {
        for part in parts {
            if !matches!(place, Value::Object(_) | Value::Array(_)) {
                let array = model::value::array_index(part).is_some();
                *place = if array { Value::array([]) } else { Value::Object(Object::new()) };
            }
            place = match place {
                Value::Object(object) => object.entry(part.clone()),
                Value::Array(values) => {
                    // A name on an array is lost when JavaScript writes the array as JSON.
                    let Some(index) = model::value::array_index(part) else { return Ok(()) };
                    let (index, values) = (index as usize, Arc::make_mut(values));
                    if index > values.len() + MAX_GAP {
                        return Err(NodeError::permanent(format!(
                            "\"{}\" is more than {MAX_GAP} elements past the end of the array",
                            self.whole
                        )));
                    }
                    if index >= values.len() {
                        values.resize(index + 1, Value::Null);
                    }
                    &mut values[index]
                }
                _ => unreachable!("what is neither was just replaced"),
            };
        }
        *place = value;
        Ok(())
    }

    /// Removes what is there. An element of an array leaves `null` behind.
    pub fn remove(&self, object: &mut Object) {
        if self.parts.is_empty() || object.contains_key(&self.whole) {
            object.remove(&self.whole);
            return;
        }
        if self.get(object).is_none() {
            return;
        }
        let (last, way) = self.parts.split_last().expect("a path has a part");
        let Some((first, way)) = way.split_first() else {
            object.remove(last);
            return;
        };
        let mut place = object.get_mut(first);
        for part in way {
            place = match place {
                Some(Value::Object(object)) => object.get_mut(part),
                Some(Value::Array(values)) => element(values, part),
                _ => return,
            };
        }
        match place {
            Some(Value::Object(object)) => drop(object.remove(last)),
            Some(Value::Array(values)) => {
                element(values, last).into_iter().for_each(|value| *value = Value::Null)
            }
            _ => {}
        }
    }
}

fn element<'a>(values: &'a mut Arc<Vec<Value>>, part: &str) -> Option<&'a mut Value> {
    Arc::make_mut(values).get_mut(model::value::array_index(part)? as usize)
}

/// Splits a path as lodash does: dots separate, brackets hold an index or a quoted name.
fn split(text: &str) -> Vec<Text> {
    let mut parts = Vec::new();
    let mut rest = text;
    if rest.starts_with('.') {
        parts.push(Text::new());
    }
    while let Some(first) = rest.chars().next() {
        match first {
            '.' | ']' => {
                let after = &rest[1..];
                // Nothing between two separators is a part with an empty name.
                if first == '.' && (after.is_empty() || after.starts_with('.') || after.starts_with("[]")) {
                    parts.push(Text::new());
                }
                rest = after;
            }
            '[' => match quoted(&rest[1..]) {
                Some((name, after)) => {
                    parts.push(name);
                    rest = after;
                }
                None => match rest[1..].find(']').map(|end| (&rest[1..=end], &rest[end + 2..])) {
                    Some((index, after)) if is_number(index) => {
                        parts.push(index.into());
                        rest = after;
                    }
                    _ => rest = &rest[1..],
                },
            },
            _ => {
                let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
                parts.push(rest[..end].into());
                rest = &rest[end..];
            }
        }
    }
    parts
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// The name in `"name"]` or `'name']`, and what follows.
fn quoted(text: &str) -> Option<(Text, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut name = Text::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return text[at + 1..].strip_prefix(']').map(|after| (name, after)),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().expect("an object").clone()
    }

    fn parts(text: &str) -> Vec<String> {
        split(text).iter().map(|part| part.to_string()).collect()
    }

    #[test]
    fn dots_brackets_and_quotes_separate() {
        assert_eq!(parts("a.b[0].c"), ["a", "b", "0", "c"]);
        assert_eq!(parts(r#"a["b.c"]['d']"#), ["a", "b.c", "d"]);
        assert_eq!(parts("a..b."), ["a", "", "b", ""]);
        assert_eq!(parts("a[b]"), ["a", "b"]);
    }

    #[test]
    fn a_member_named_like_the_whole_path_wins() {
        let data = object(json!({ "a.b": 1, "a": { "b": 2 } }));
        assert_eq!(Path::parse("a.b").get(&data), Some(&Value::from(1)));
        let mut changed = data.clone();
        Path::parse("a.b").set(&mut changed, Some(9.into())).expect("it can be set");
        assert_eq!(Value::Object(changed), json!({ "a.b": 9, "a": { "b": 2 } }));
    }

    #[test]
    fn what_is_missing_on_the_way_is_made() {
        let mut data = object(json!({ "a": 5 }));
        Path::parse("a.b[1].c").set(&mut data, Some(true.into())).expect("it can be set");
        assert_eq!(Value::Object(data), json!({ "a": { "b": [null, { "c": true }] } }));
    }

    #[test]
    fn characters_and_lengths_can_be_found() {
        let data = object(json!({ "text": "héllo", "list": [1, 2] }));
        let find = |path: &str| Path::parse(path).find(&data).map(Cow::into_owned);
        assert_eq!(find("text[1]"), Some("é".into()));
        assert_eq!(find("text.length"), Some(5.into()));
        assert_eq!(find("list.length"), Some(2.into()));
        assert_eq!(find("list.other"), None);
    }

    #[test]
    fn a_far_element_is_refused() {
        let mut data = Object::new();
        assert!(Path::parse("a[4000000000]").set(&mut data, Some(1.into())).is_err());
    }

    #[test]
    fn removing_touches_nothing_else() {
        let mut data = object(json!({ "a": { "b": 1, "c": 2 }, "d": [1, 2] }));
        for path in ["a.b", "d[0]", "x.y", "a.c.z"] {
            Path::parse(path).remove(&mut data);
        }
        assert_eq!(Value::Object(data), json!({ "a": { "c": 2 }, "d": [null, 2] }));
    }

    #[test]
    fn without_dots_a_path_is_a_name() {
        let mut data = Object::new();
        Path::name("a.b").set(&mut data, Some(1.into())).expect("it can be set");
        assert_eq!(Value::Object(data), json!({ "a.b": 1 }));
    }
}
