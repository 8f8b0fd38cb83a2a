//! Regular expressions as people write them for JavaScript: bare or as `/pattern/flags`.

use std::sync::Mutex;

use fancy_regex::{Regex, RegexBuilder};
use sdk::prelude::*;

/// How many steps a pattern with lookaround or backreferences may take; others run in linear time.
const STEPS: usize = 1_000_000;

/// The latest pattern of a condition, so that it is compiled once and not per item.
#[derive(Debug, Default)]
pub(super) struct Patterns(Mutex<Option<(Text, Regex)>>);

impl Patterns {
    /// Whether `text` has a match of `pattern`.
    pub(super) fn matches(&self, pattern: &Text, text: &str) -> Result<bool, NodeError> {
        let mut latest = self.0.lock().expect("no step panics while it holds a pattern");
        if latest.as_ref().is_none_or(|(source, _)| source != pattern) {
            *latest = Some((pattern.clone(), compile(pattern)?));
        }
        let (_, regex) = latest.as_ref().expect("the pattern was just compiled");
        regex.is_match(text).map_err(|_| {
            NodeError::permanent(format!("the regular expression /{pattern}/ takes too long; simplify it"))
        })
    }
}

fn compile(pattern: &str) -> Result<Regex, NodeError> {
    let (source, flags) = split_flags(pattern);
    RegexBuilder::new(&translate(source, flags.contains('s')))
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .backtrack_limit(STEPS)
        .build()
        .map_err(|error| NodeError::permanent(format!("Invalid regular expression: /{source}/: {error}")))
}

/// The pattern and its flags: `/a/i` has some, anything else is all pattern.
fn split_flags(pattern: &str) -> (&str, &str) {
    let delimited = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    match delimited {
        Some((source, flags)) if flags.chars().all(|flag| "gimsuy".contains(flag)) => (source, flags),
        _ => (pattern, ""),
    }
}

/// Rewrites what JavaScript understands differently: classes are ASCII, `.` stops at every line end, a class may hold
/// brackets, braces that count nothing are literal. Only word boundaries stay as they are: here accented letters belong
/// to words.
fn translate(source: &str, dot_matches_all: bool) -> String {
    let mut translated = String::with_capacity(source.len() + 8);
    let mut in_class = false;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let (taken, replacement) = match c {
            '\\' => escape(rest, in_class),
            '[' if in_class => (1, Some(r"\[")),
            '[' if rest.starts_with("[^]") => (3, Some(r"[\s\S]")),
            '[' if rest.starts_with("[]") => (2, Some(r"[^\s\S]")),
            '[' => {
                in_class = true;
                (if rest.starts_with("[^") { 2 } else { 1 }, None)
            }
            ']' if in_class => {
                in_class = false;
                (1, None)
            }
            ']' => (1, Some(r"\]")),
            '&' | '~' if in_class => (1, Some(if c == '&' { r"\&" } else { r"\~" })),
            '.' if !in_class && dot_matches_all => (1, Some(r"[\s\S]")),
            '.' if !in_class => (1, Some(r"[^\n\r\x{2028}\x{2029}]")),
            '{' if !in_class && !is_count(rest) => (1, Some(r"\{")),
            '}' if !in_class && !closes_count(&translated) => (1, Some(r"\}")),
            other => (other.len_utf8(), None),
        };
        let (head, tail) = rest.split_at(taken);
        translated.push_str(replacement.unwrap_or(head));
        rest = tail;
    }
    translated
}

/// How long the escape at the start of `rest` is, and what stands for it where JavaScript means something else.
fn escape(rest: &str, in_class: bool) -> (usize, Option<&'static str>) {
    let Some(escaped) = rest.chars().nth(1) else { return (1, Some(r"\\")) };
    let replacement = match (escaped, in_class) {
        ('d', false) => Some("[0-9]"),
        ('d', true) => Some("0-9"),
        ('D', _) => Some("[^0-9]"),
        ('w', false) => Some("[0-9A-Za-z_]"),
        ('w', true) => Some("0-9A-Za-z_"),
        ('W', _) => Some("[^0-9A-Za-z_]"),
        ('b', true) => Some(r"\x08"),
        ('0', _) => Some(r"\x00"),
        ('/', _) => Some("/"),
        ('<', _) => Some("<"),
        ('>', _) => Some(">"),
        _ => None,
    };
    (1 + escaped.len_utf8(), replacement)
}

/// Whether `rest` starts with a count such as `{2}`, `{2,}` or `{2,5}`.
fn is_count(rest: &str) -> bool {
    let Some((count, _)) = rest[1..].split_once('}') else { return false };
    let (least, most) = count.split_once(',').unwrap_or((count, ""));
    !least.is_empty() && least.bytes().chain(most.bytes()).all(|byte| byte.is_ascii_digit())
}

/// Whether a closing brace here ends a count or an escape that was opened before.
fn closes_count(translated: &str) -> bool {
    let opened = translated.rfind('{');
    opened.is_some_and(|at| !translated[at..].contains('}') && !translated[..at].ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Patterns::default().matches(&pattern.into(), text).expect("the pattern is valid")
    }

    #[test]
    fn a_pattern_may_carry_flags() {
        assert!(matches("/B/i", "abc"));
        assert!(!matches("/B/", "abc"));
        assert!(matches("/a/b/", "a/b"));
        assert!(matches("/a", "/a"));
        assert!(matches("/^y$/m", "x\ny"));
    }

    #[test]
    fn classes_are_ascii() {
        assert!(!matches(r"^\w+$", "é"));
        assert!(matches(r"^[\w-]+@[\d.]+$", "a-b@1.2"));
        assert!(matches(r"\bb\b", "a b c"));
        assert!(matches(r"^\W$", "é"));
    }

    #[test]
    fn brackets_and_braces_that_mean_nothing_are_literal() {
        assert!(matches("^[[a]$", "["));
        assert!(matches("^{a}$", "{a}"));
        assert!(matches("^a{2}$", "aa"));
        assert!(matches(r"^\d{4}-\d{2,}$", "2024-01"));
        assert!(matches(r"^[^]$", "\n"));
        assert!(matches(r"^\/a$", "/a"));
    }

    #[test]
    fn lookaround_and_backreferences_work() {
        assert!(matches("^(?!x)a", "ab"));
        assert!(matches(r"(a)\1", "aa"));
    }

    #[test]
    fn an_endless_search_is_an_error() {
        let error = Patterns::default().matches(&r"^(a|aa)+(?=b)\1$".into(), &"a".repeat(60));
        assert!(error.expect_err("the search is cut off").message.contains("too long"));
    }

    #[test]
    fn an_invalid_pattern_is_an_error() {
        let error = Patterns::default().matches(&"[".into(), "").expect_err("no pattern");
        assert!(error.message.starts_with("Invalid regular expression: /[/"), "{error}");
    }
}
