//! Taking the marks out of Markdown: a series of replacements, each on the result of the one before.

use std::sync::LazyLock;

use regex::Regex;

use crate::Error;
use crate::eval::Cx;

/// Patterns and what replaces them, up to emphasis and after it.
static BEFORE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    rules(&[
        (r"(?m)^(\s*)(?:[*+-]|[0-9]\.)\s+", "$1"),
        (r"\n={2,}", "\n"),
        ("~~", ""),
        (r"`{3}.*\n", ""),
        (r"<[^>]*>", ""),
        (r"^[=-]{2,}\s*$", ""),
        (r"\[\^.+?\](?:: .*?$)?", ""),
        (r"\s{0,2}\[.*?\]: .*?$", ""),
        (r"!\[.*?\][\[(].*?[\])]", ""),
        (r"\[(.*?)\][\[(].*?[\])]", "$1"),
        (">", ""),
        (r#"^\s{1,2}\[.*?\]: \S+(?: ".*?")?\s*$"#, ""),
        (r"(?m)^#{1,6}\s*([^#]*)\s*(?:#{1,6})?", "$1"),
    ])
});
static AFTER: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| rules(&[(r"^-{3,}\s*$", ""), ("`(.+?)`", "$1"), (r"\n{2,}", "\n\n")]));

/// The text without marks of Markdown and tags of HTML.
pub(super) fn remove(text: &str, cx: &Cx<'_>) -> Result<String, Error> {
    cx.charge(text.len())?;
    let mut text = text.to_owned();
    for (pattern, replacement) in BEFORE.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text = without_pairs(&text, cx, |mark| matches!(mark, b'*' | b'_'), 1, 3, true)?;
    text = without_pairs(&text, cx, |mark| mark == b'`', 3, usize::MAX, false)?;
    for (pattern, replacement) in AFTER.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    Ok(text)
}

/// Takes away equal runs of marks around text of one line; `tight` text starts and ends without blanks and has at
/// least two characters.
fn without_pairs(
    text: &str,
    cx: &Cx<'_>,
    is_mark: impl Fn(u8) -> bool,
    least: usize,
    most: usize,
    tight: bool,
) -> Result<String, Error> {
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    let mut kept = 0;
    let mut start = 0;
    while start < bytes.len() {
        let run = bytes[start..].iter().take(most).take_while(|byte| is_mark(**byte)).count();
        let mut found = None;
        for width in (least..=run).rev() {
            let line = &text[start + width..];
            let line = &line[..line.find(['\n', '\r']).unwrap_or(line.len())];
            cx.charge(1 + line.len() / 16)?;
            if let Some(length) = content(line, &text[start..start + width], tight) {
                found = Some((width, length));
                break;
            }
        }
        let Some((width, length)) = found else {
            start += 1;
            continue;
        };
        plain.push_str(&text[kept..start]);
        plain.push_str(&text[start + width..start + width + length]);
        start += 2 * width + length;
        kept = start;
    }
    plain.push_str(&text[kept..]);
    Ok(plain)
}

/// How much of a line stands before the mark that closes it.
fn content(line: &str, mark: &str, tight: bool) -> Option<usize> {
    if tight && line.starts_with(char::is_whitespace) {
        return None;
    }
    let mut places = (0..line.len()).filter(|at| line.as_bytes()[*at..].starts_with(mark.as_bytes()));
    places.find(|at| {
        let inside = &line[..*at];
        !tight || (inside.chars().nth(1).is_some() && !inside.ends_with(char::is_whitespace))
    })
}

fn rules(rules: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    rules
        .iter()
        .map(|(pattern, replacement)| (Regex::new(pattern).expect("the pattern is fixed"), *replacement))
        .collect()
}
