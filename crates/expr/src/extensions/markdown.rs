//! Taking the marks out of Markdown: a series of replacements, each on the result of the one before.

use std::ops::RangeInclusive;
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
    text = Pairs { marks: b"*_", widths: 1..=3, tight: true }.remove(&text, cx)?;
    text = Pairs { marks: b"`", widths: 3..=64, tight: false }.remove(&text, cx)?;
    for (pattern, replacement) in AFTER.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    Ok(text)
}

/// Marks that stand in equal runs around text of one line.
struct Pairs {
    marks: &'static [u8],
    /// How many marks make a run.
    widths: RangeInclusive<usize>,
    /// Whether the text between must start and end without blanks and have two characters.
    tight: bool,
}

impl Pairs {
    /// The text without the marks.
    fn remove(&self, text: &str, cx: &Cx<'_>) -> Result<String, Error> {
        let bytes = text.as_bytes();
        let mut plain = String::with_capacity(text.len());
        let (mut kept, mut start) = (0, 0);
        // Runs without a partner, and the end of the line up to which that holds: nothing is searched twice.
        let mut alone: Vec<(&str, usize)> = Vec::new();
        while start < bytes.len() {
            let run =
                bytes[start..].iter().take(*self.widths.end()).take_while(|byte| self.marks.contains(byte));
            let mut found = None;
            for width in (*self.widths.start()..=run.count()).rev() {
                let (mark, inner) = (&text[start..start + width], start + width);
                if alone.iter().any(|(other, end)| *other == mark && inner <= *end) {
                    continue;
                }
                let end = text[inner..].find(['\n', '\r']).map_or(text.len(), |at| inner + at);
                if self.tight && text[inner..end].starts_with(char::is_whitespace) {
                    continue;
                }
                cx.charge(1 + (end - inner) / 4)?;
                if let Some(length) = self.content(&text[inner..end], mark) {
                    found = Some((width, length));
                    break;
                }
                alone.retain(|(other, _)| *other != mark);
                alone.push((mark, end));
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
    fn content(&self, line: &str, mark: &str) -> Option<usize> {
        let mut places = (0..line.len()).filter(|at| line.as_bytes()[*at..].starts_with(mark.as_bytes()));
        places.find(|at| {
            let inside = &line[..*at];
            !self.tight || (inside.chars().nth(1).is_some() && !inside.ends_with(char::is_whitespace))
        })
    }
}

fn rules(rules: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    rules
        .iter()
        .map(|(pattern, replacement)| (Regex::new(pattern).expect("the pattern is fixed"), *replacement))
        .collect()
}
