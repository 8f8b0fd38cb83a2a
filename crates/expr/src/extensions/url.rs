//! Encoding for addresses of the web.

use crate::builtins::uri::{percent_decode, percent_encode};

/// What an address may contain unencoded besides letters and digits.
const WHOLE: &[u8] = b"-_.!~*'();/?:@&=+$,#";
/// What a part of an address may contain unencoded.
const PART: &[u8] = b"-_.!~*'()";
/// What separates the parts of an address.
const SEPARATORS: &[u8] = b";/?:@&=+$,#";

/// `encodeURIComponent`, or `encodeURI` for a whole address.
pub(super) fn encode(text: &str, whole: bool) -> String {
    percent_encode(text, if whole { WHOLE } else { PART })
}

/// `decodeURIComponent`, or `decodeURI` for a whole address; `None` when the text is not encoded properly.
pub(super) fn decode(text: &str, whole: bool) -> Option<String> {
    percent_decode(text, if whole { SEPARATORS } else { b"" })
}

/// Names and values as a form is sent: `a=1&b=x+y`.
pub(super) fn form_encode<K: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (K, V)>) -> String {
    let part = |text: &str| percent_encode(text, b"-_.* ").replace(' ', "+");
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{}={}", part(key.as_ref()), part(value.as_ref()))).collect();
    pairs.join("&")
}

/// The path of an absolute address, encoded; `None` when the text is none.
pub(super) fn path(text: &str) -> Option<String> {
    /// What a path keeps besides letters and digits; a `%` is taken for encoding already done.
    const PATH: &[u8] = b"-_.!~*'();/:@&=+$,%|[]\\^";
    let text = text.trim();
    let (scheme, rest) = text.split_once(':')?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !well_formed {
        return None;
    }
    let special = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ftp" | "ws" | "wss");
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let rest = &rest[..end];
    let after_host =
        if special { Some(rest.trim_start_matches(['/', '\\'])) } else { rest.strip_prefix("//") };
    let Some(after_host) = after_host else {
        let written = |c: char| {
            if c.is_ascii_graphic() || c == ' ' {
                c.to_string()
            } else {
                percent_encode(c.encode_utf8(&mut [0; 4]), b"")
            }
        };
        return Some(rest.chars().map(written).collect());
    };
    let (host, path) = after_host.split_at(after_host.find('/').unwrap_or(after_host.len()));
    if special && (host.is_empty() || host.contains([' ', '<', '>', '^', '|'])) {
        return None;
    }
    Some(if path.is_empty() && special { "/".to_owned() } else { percent_encode(&without_dots(path), PATH) })
}

/// Resolves `.` and `..` in a path.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    parts.pop();
                }
                if last {
                    parts.push("");
                }
            }
            segment => parts.push(segment),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_write_blanks_as_plus() {
        let pairs = [("a", "b c"), ("name", "hello!()"), ("i j", "é")];
        assert_eq!(form_encode(pairs.into_iter()), "a=b+c&name=hello%21%28%29&i+j=%C3%A9");
    }

    #[test]
    fn only_absolute_addresses_have_a_path() {
        assert_eq!(path("https://x.com/a/b.html?c").as_deref(), Some("/a/b.html"));
        assert_eq!(path("https://x.com").as_deref(), Some("/"));
        assert_eq!(path("http://x.com/ä b").as_deref(), Some("/%C3%A4%20b"));
        assert_eq!(path("http://x.com/a/../b/./c").as_deref(), Some("/b/c"));
        assert_eq!(path("mailto:a@b.c").as_deref(), Some("a@b.c"));
        assert_eq!(path("x.com/a/b"), None);
        assert_eq!(path("/a/b"), None);
    }
}
