//! Output: text for people, JSON for programs.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use model::Problem;
use model::validate::Severity;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// What [`Paint`] writes.
const COLOURS: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Colours, where the output is a terminal that wants them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Self { on: io::stdout().is_terminal() && wants_colour() }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self { on: io::stderr().is_terminal() && wants_colour() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text as a terminal may have it: what would move its cursor or change its settings is spelled out. Names, messages
/// and logs come from files and from outside.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_control = |character: char| character.is_control() && character != '\n' && character != '\t';
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        let (before, from) = rest.split_at(at);
        shown += before;
        // Our own colours.
        let colour = COLOURS.iter().find(|colour| from.starts_with(**colour));
        let length = match colour {
            Some(colour) => {
                shown += colour;
                colour.len()
            }
            None => {
                let control = from.chars().next().expect("a character was found here");
                shown.extend(control.escape_unicode());
                control.len_utf8()
            }
        };
        rest = &from[length..];
    }
    Cow::Owned(shown + rest)
}

/// Writes a line to standard output.
pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", harmless(text))
}

/// Writes a value as one line of JSON to standard output.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{}", serde_json::to_string(value)?)?;
    Ok(())
}

/// Writes an error to standard error.
pub(crate) fn error(message: &str) {
    let label = Paint::stderr().red("error:");
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{label} {}", harmless(message));
}

/// Writes a line to standard error.
pub(crate) fn error_line(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
}

/// Problems for people, one or two lines each.
pub(crate) fn problems(paint: Paint, file: &str, problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let label = match problem.severity {
            Severity::Error => paint.red("error:"),
            Severity::Warning => paint.yellow("warning:"),
        };
        let place =
            if problem.path.is_empty() { file.to_owned() } else { format!("{file}: {}", problem.path) };
        text += &format!("{label} {}\n  {} {}\n", problem.message, paint.dim("at"), place);
        if !problem.fix.is_empty() {
            text += &format!("  {} {}\n", paint.dim("fix"), problem.fix);
        }
    }
    text
}

/// A line on standard error that is written over and over; nothing unless that is a terminal.
pub(crate) struct Progress {
    on: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { on: io::stderr().is_terminal() }
    }

    /// Shows a line in place of the last one.
    pub(crate) fn show(&self, text: &str) {
        if self.on {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{text}");
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.show("");
    }
}

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Columns of text, as wide as they need to be.
pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<(String, String)>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: each cell as it is measured and as it is shown (with colours).
    pub(crate) fn row(&mut self, cells: Vec<(String, String)>) {
        self.rows.push(cells);
    }

    /// The table, each line behind `indent`.
    pub(crate) fn text(&self, paint: Paint, indent: &str) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].0.width());
            cells.chain([self.columns[column].0.width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = (String, String)>| {
            let mut text = indent.to_owned();
            for (column, (plain, shown)) in cells.enumerate() {
                let padding = " ".repeat(widths[column] - plain.width());
                let last = column + 1 == widths.len();
                match self.columns[column].1 {
                    Side::Right => text += &(padding + &shown),
                    Side::Left if last => text += &shown,
                    Side::Left => text += &(shown + &padding),
                }
                if !last {
                    text += "  ";
                }
            }
            text.trim_end().to_owned() + "\n"
        };
        let mut heading = self.columns.iter().map(|(title, _)| ((*title).to_owned(), paint.dim(title)));
        let mut text = line(&mut heading);
        for row in &self.rows {
            text += &line(&mut row.iter().cloned());
        }
        text
    }
}

/// A cell without colours.
pub(crate) fn plain(text: impl Into<String>) -> (String, String) {
    let text = harmless(&text.into()).into_owned();
    (text.clone(), text)
}

/// A duration for people.
pub(crate) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1_000.0),
    }
}

/// `1 item`, `2 items`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a31_control_characters_are_spelled_out() {
        let paint = Paint { on: true };
        assert_eq!(harmless(&paint.red("a\tb\n")), paint.red("a\tb\n"));
        assert_eq!(harmless("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(harmless("\x1b]0;title\x07"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(harmless("gone\r\u{9b}31m\0"), "gone\\u{d}\\u{9b}31m\\u{0}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("node", Side::Left), ("items", Side::Right)]);
        table.row(vec![plain("取得"), plain("1")]);
        table.row(vec![plain("Limit the list"), plain("1000000")]);
        let text = table.text(Paint { on: false }, "  ");
        assert_eq!(text, "  node              items\n  取得                  1\n  Limit the list  1000000\n");
    }
}
