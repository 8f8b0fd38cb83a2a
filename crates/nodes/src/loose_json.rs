//! JSON as people write it: single quotes, names without quotes, trailing commas, comments, line breaks in text.

use sdk::prelude::*;

/// Deeper nesting is not read.
const MAX_DEPTH: usize = 128;

/// Reads an object written as JavaScript writes it: `{ name: 'Ada', tags: ["a",], }`.
pub fn parse_object_literal(text: &str) -> Option<Value> {
    Parser { rest: text, repair: false }.document().filter(|value| value.as_object().is_some())
}

/// Reads JSON and mends what is commonly wrong with it: in addition to the above missing commas, quotes inside text,
/// words without quotes, missing brackets at the end. `None` when nothing can be made of it.
pub fn repair(text: &str) -> Option<Value> {
    Parser { rest: text, repair: true }.document()
}

struct Parser<'a> {
    rest: &'a str,
    repair: bool,
}

impl<'a> Parser<'a> {
    fn document(mut self) -> Option<Value> {
        self.skip_blanks();
        if self.repair && self.eat("```") {
            self.eat("json");
            self.skip_blanks();
        }
        self.peek()?;
        let value = self.value(MAX_DEPTH)?;
        self.skip_blanks();
        if self.repair {
            self.eat("```");
            self.eat(";");
            self.skip_blanks();
        }
        self.rest.is_empty().then_some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"' | '\'' | '`' | '“' | '”' | '‘' | '’') => self.string().map(Value::from),
            Some(_) => self.word(),
            None => self.repair.then_some(Value::Null),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.eat("{");
        let mut object = Object::new();
        loop {
            self.skip_blanks();
            if self.eat("}") || self.at_missing_end() {
                return Some(object.into());
            }
            let key = match self.peek()? {
                '"' | '\'' | '`' | '“' | '”' | '‘' | '’' => self.string()?,
                _ => self.name()?,
            };
            self.skip_blanks();
            if !self.eat(":") {
                return None;
            }
            self.skip_blanks();
            let value = match self.peek() {
                Some('}' | ',') if self.repair => Value::Null,
                _ => self.value(depth)?,
            };
            object.insert(key, value);
            self.separator('}')?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.eat("[");
        let mut values = Vec::new();
        loop {
            self.skip_blanks();
            if self.eat("]") || self.at_missing_end() {
                return Some(values.into());
            }
            values.push(self.value(depth)?);
            self.separator(']')?;
        }
    }

    /// A comma, or its absence before `end` or where it is to be mended.
    fn separator(&mut self, end: char) -> Option<()> {
        self.skip_blanks();
        (self.eat(",") || self.peek() == Some(end) || self.repair).then_some(())
    }

    fn at_missing_end(&self) -> bool {
        self.repair && self.rest.is_empty()
    }

    fn string(&mut self) -> Option<Text> {
        let start = self.rest;
        let quote = self.next()?;
        let closes = |c: char| match quote {
            '“' | '”' => matches!(c, '“' | '”'),
            '‘' | '’' => matches!(c, '‘' | '’'),
            quote => c == quote,
        };
        let mut text = Text::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => text.push(self.escape()?),
                c if closes(c) && (!self.repair || self.text_ends_here()) => return Some(text),
                '\n' if !self.repair && quote != '`' => return None,
                c => text.push(c),
            }
        }
        if !self.repair {
            return None;
        }
        // Nothing closed it: it ends before the next separator.
        let end = start[1..].find([',', ':', ']', '}', '\n']).map_or(start.len(), |end| end + 1);
        self.rest = &start[end..];
        Some(start[quote.len_utf8()..end].trim_end().into())
    }

    /// Whether a quote that was just read closes its text: a separator follows.
    fn text_ends_here(&self) -> bool {
        let next = self.rest.trim_start().chars().next();
        next.is_none_or(|next| matches!(next, ',' | ':' | ']' | '}' | '/'))
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let high = self.hex()?;
                let code = match high {
                    0xd800..=0xdbff if self.eat("\\u") => {
                        0x10000 + ((high - 0xd800) << 10) + self.hex()?.checked_sub(0xdc00)?
                    }
                    code => code,
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            c => c,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(code)
    }

    /// A name without quotes.
    fn name(&mut self) -> Option<Text> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-')))?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| name.into())
    }

    /// A number, a constant, or words without quotes.
    fn word(&mut self) -> Option<Value> {
        let end =
            self.rest.find([',', ':', ']', '}', '{', '[', '(', ')', '"', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let first = word.split_whitespace().next().unwrap_or_default();
        if let Some(value) = constant(first) {
            self.rest = &self.rest[self.rest.find(first).expect("it is in there") + first.len()..];
            return Some(value);
        }
        if !self.repair || word.trim().is_empty() {
            return None;
        }
        self.rest = rest;
        // A call around the JSON, as of JSONP.
        if self.eat("(") {
            let value = self.value(MAX_DEPTH)?;
            self.skip_blanks();
            self.eat(")");
            return Some(value);
        }
        Some(word.trim().into())
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let end = match self.rest {
                rest if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                rest if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
                _ => return,
            };
            self.rest = &self.rest[end..];
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }
}

fn constant(word: &str) -> Option<Value> {
    Some(match word {
        "null" | "undefined" | "None" => Value::Null,
        "true" | "True" => true.into(),
        "false" | "False" => false.into(),
        // Leading zeros make a code, not a number.
        number if number.trim_start_matches('-').starts_with('0') && number.len() > 1 => {
            let number: f64 = number.parse().ok().filter(|_| number.contains('.'))?;
            number.into()
        }
        number if number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) => {
            number.parse::<f64>().ok()?.into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_may_be_written_as_javascript_writes_it() {
        let value = parse_object_literal("{ name: 'Ada', /* whose */ tags: [\"a\",], n: -1.5, }");
        assert_eq!(value, Some(json!({ "name": "Ada", "tags": ["a"], "n": -1.5 })));
    }

    #[test]
    fn a_literal_is_not_mended() {
        for text in ["{ a: hello }", "{ a: 1 b: 2 }", "{ a: 1", "[1]", "hello", ""] {
            assert_eq!(parse_object_literal(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_commonly_wrong_is_mended() {
        let cases = [
            ("{\"a\":\"x\ny\"}", json!({ "a": "x\ny" })),
            (r#"{"a":"say "hi" there"}"#, json!({ "a": "say \"hi\" there" })),
            (r#"{"a":1 "b":2}"#, json!({ "a": 1, "b": 2 })),
            (r#"{"a":True,b:None}"#, json!({ "a": true, "b": null })),
            (r#"{"a":undefined}"#, json!({ "a": null })),
            (r#"{"a":hello world}"#, json!({ "a": "hello world" })),
            (r#"{"a":}"#, json!({ "a": null })),
            (r#"{"a":[1,2"#, json!({ "a": [1, 2] })),
            (r#"{"a":01}"#, json!({ "a": "01" })),
            ("{“a”:“b”}", json!({ "a": "b" })),
            ("```json\n{\"a\":1}\n```", json!({ "a": 1 })),
            (r#"call({"a":1})"#, json!({ "a": 1 })),
            ("[1 2 3]", json!([1, 2, 3])),
            (r#"{"a":[object Object]}"#, json!({ "a": ["object Object"] })),
            (r#"{"a":"b}"#, json!({ "a": "b" })),
        ];
        for (text, expected) in cases {
            assert_eq!(repair(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", r#"{"a"}"#, r#"{"a":1}{"b":2}"#] {
            assert_eq!(repair(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        assert_eq!(repair(&"[".repeat(100_000)), None);
    }
}
