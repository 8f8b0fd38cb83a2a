//! Regular expressions as people write them for JavaScript: bare or as `/pattern/flags`.

use std::sync::Mutex;

use expr::{ErrorKind, Pattern};
use sdk::prelude::*;

/// The latest pattern of a condition, so that it is compiled once and not per item.
#[derive(Debug, Default)]
pub(super) struct Patterns(Mutex<Option<(Text, Pattern)>>);

impl Patterns {
    /// Whether `text` has a match of `pattern`.
    pub(super) fn matches(&self, pattern: &Text, text: &str) -> Result<bool, NodeError> {
        let mut latest = self.0.lock().expect("no step panics while it holds a pattern");
        if latest.as_ref().is_none_or(|(source, _)| source != pattern) {
            *latest = Some((pattern.clone(), compile(pattern)?));
        }
        let (_, compiled) = latest.as_ref().expect("the pattern was just compiled");
        compiled.is_match(text).map_err(|error| match error.kind() {
            ErrorKind::Limit(_) => NodeError::permanent(format!(
                "the regular expression /{pattern}/ takes too long; simplify it"
            )),
            _ => NodeError::from(error),
        })
    }
}

fn compile(pattern: &str) -> Result<Pattern, NodeError> {
    let (source, flags) = split_flags(pattern);
    Pattern::new(source, flags).map_err(|error| NodeError::permanent(error.message()))
}

/// The pattern and its flags: `/a/i` has some, anything else is all pattern.
fn split_flags(pattern: &str) -> (&str, &str) {
    let delimited = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    match delimited {
        Some((source, flags)) if flags.chars().all(|flag| "gimsuy".contains(flag)) => (source, flags),
        _ => (pattern, ""),
    }
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
