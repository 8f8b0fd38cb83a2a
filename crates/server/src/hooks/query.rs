//! Queries and forms: `a=1&b[c]=2&d[]=3` as data.

use model::{Object, Value};
use percent_encoding::percent_decode_str;

/// Pairs at most; the rest is left out.
const MAX_PAIRS: usize = 1000;
/// Brackets of one name at most.
const MAX_DEPTH: usize = 5;

/// Reads a query, in which brackets in names make objects and lists. A name that comes again makes a list.
pub(super) fn parse_nested(text: &str) -> Object {
    let mut object = Object::new();
    for (name, value) in pairs(text) {
        let (name, rest) = match name.find('[') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name.as_str(), ""),
        };
        match brackets(rest) {
            Some(path) => put(object.entry(name), &path, value),
            None => add(object.entry(name), value),
        }
    }
    object
}

/// Reads a form: names as they are. A name that comes again makes a list.
pub(super) fn parse_flat(text: &str) -> Object {
    let mut object = Object::new();
    for (name, value) in pairs(text) {
        add(object.entry(name), value);
    }
    object
}

fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(MAX_PAIRS);
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    if !text.contains(['+', '%']) {
        return text.to_owned();
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The names in `[a][b]`; `None` when there are none or too many, or they are not closed.
fn brackets(text: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.strip_prefix('[')?.split_once(']')?;
        names.push(name);
        rest = after;
    }
    (!names.is_empty() && names.len() <= MAX_DEPTH).then_some(names)
}

/// Adds a value; a second one makes a list.
fn add(place: &mut Value, value: String) {
    let value = Value::from(value);
    *place = match std::mem::take(place) {
        Value::Null => value,
        Value::Array(mut values) => {
            std::sync::Arc::make_mut(&mut values).push(value);
            Value::Array(values)
        }
        first => Value::array([first, value]),
    };
}

fn put(place: &mut Value, path: &[&str], value: String) {
    let Some((name, rest)) = path.split_first() else { return add(place, value) };
    let is_index = name.is_empty() || (name.len() <= 2 && name.bytes().all(|byte| byte.is_ascii_digit()));
    match place {
        Value::Null if is_index => *place = Value::array([]),
        Value::Null => *place = Object::new().into(),
        _ => {}
    }
    match place {
        Value::Array(values) => {
            let values = std::sync::Arc::make_mut(values);
            let index = name.parse::<usize>().ok().filter(|index| *index < values.len());
            match index {
                Some(index) => put(&mut values[index], rest, value),
                None => {
                    values.push(Value::Null);
                    put(values.last_mut().expect("one was just added"), rest, value);
                }
            }
        }
        Value::Object(object) => put(object.entry(*name), rest, value),
        // A plain value was there first: both are kept.
        other => add(other, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(text: &str) -> String {
        Value::from(parse_nested(text)).to_json()
    }

    #[test]
    fn names_that_come_again_make_lists() {
        assert_eq!(nested("a=1&b=x+y%21&a=2&c"), r#"{"a":["1","2"],"b":"x y!","c":""}"#);
        assert_eq!(Value::from(parse_flat("a[b]=1&a[b]=2")).to_json(), r#"{"a[b]":["1","2"]}"#);
    }

    #[test]
    fn brackets_make_objects_and_lists() {
        assert_eq!(nested("a[b][c]=1&a[b][d]=2"), r#"{"a":{"b":{"c":"1","d":"2"}}}"#);
        assert_eq!(nested("a[]=1&a[]=2&b[0][x]=1&b[1][x]=2"), r#"{"a":["1","2"],"b":[{"x":"1"},{"x":"2"}]}"#);
        assert_eq!(nested("a[b=1&[c]=2"), r#"{"a":"1","[c]":"2"}"#);
    }

    #[test]
    fn a03b_names_of_prototypes_are_only_names() {
        let text = nested("__proto__[x]=1&constructor[prototype][y]=2&toString=3");
        assert_eq!(text, r#"{"__proto__":{"x":"1"},"constructor":{"prototype":{"y":"2"}},"toString":"3"}"#);
    }

    #[test]
    fn brackets_without_end_and_pairs_without_end_are_bounded() {
        assert_eq!(
            parse_nested(&"a=1&".repeat(5_000)).get("a").and_then(Value::as_array).map(<[_]>::len),
            Some(1000)
        );
        let deep = format!("a{}=1", "[b]".repeat(50_000));
        assert_eq!(nested(&deep), r#"{"a":"1"}"#);
    }
}
