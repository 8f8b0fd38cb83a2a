//! Forms with files, read strictly: what two readers could understand differently is refused.

use std::ops::Range;

use super::refusal::Refusal;

/// Parts at most.
const MAX_PARTS: usize = 1000;
/// Files among them at most.
const MAX_FILES: usize = 100;
/// Bytes of the head of a part at most.
const MAX_HEAD: usize = 8 << 10;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// Its file name; a part without one is a field.
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    /// Where its content is in the body.
    pub(super) content: Range<usize>,
}

/// The boundary that a content type names.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let mut found = None;
    for parameter in content_type.split(';').skip(1) {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("boundary") {
            let value = value.trim().trim_matches('"');
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    found.filter(|boundary| (1..=70).contains(&boundary.len()))
}

/// Reads the parts of a body. With `repeated` a name may come again; otherwise only one that ends with `[]` may.
pub(super) fn parse(body: &[u8], boundary: &str, repeated: bool) -> Result<Vec<Part>, Refusal> {
    let malformed = |what: &str| Refusal::malformed(format!("the form cannot be read: {what}"));
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = delimiter.as_bytes();
    let mut parts: Vec<Part> = Vec::new();
    let mut files = 0;
    // The first boundary may stand at the very beginning.
    let mut at = match body.strip_prefix(&delimiter[2..]) {
        Some(_) => delimiter.len() - 2,
        None => find(body, delimiter, 0).ok_or_else(|| malformed("it has no boundary"))? + delimiter.len(),
    };
    loop {
        match body.get(at..at + 2) {
            Some(b"--") => break,
            Some(b"\r\n") => at += 2,
            _ => return Err(malformed("a boundary does not end its line")),
        }
        let window = &body[at..body.len().min(at + MAX_HEAD + 4)];
        // A part without any header begins with the empty line.
        let head_end = if window.starts_with(b"\r\n") {
            Some(0)
        } else {
            find(window, b"\r\n\r\n", 0).map(|end| end + 2)
        };
        let head_end = head_end.ok_or_else(|| malformed("the head of a part does not end"))?;
        let content_at = at + head_end + 2;
        let end = find(body, delimiter, content_at.saturating_sub(2))
            .ok_or_else(|| malformed("a part does not end"))?;
        let mut part = head(&body[at..at + head_end]).map_err(malformed)?;
        part.content = content_at..end.max(content_at);
        files += usize::from(part.file_name.is_some());
        if parts.len() >= MAX_PARTS || files > MAX_FILES {
            return Err(Refusal::too_large(format!(
                "a form has at most {MAX_PARTS} parts and {MAX_FILES} files"
            )));
        }
        let twin = parts.iter().find(|other| other.name == part.name);
        if let Some(twin) = twin {
            let may_repeat = repeated || part.name.ends_with("[]");
            if !may_repeat || twin.file_name.is_some() != part.file_name.is_some() {
                return Err(Refusal::malformed(format!("the form has two parts called \"{}\"", part.name)));
            }
        }
        parts.push(part);
        at = end + delimiter.len();
    }
    Ok(parts)
}

fn head(head: &[u8]) -> Result<Part, &'static str> {
    let text = std::str::from_utf8(head).map_err(|_| "the head of a part is not UTF-8")?;
    let (mut disposition, mut content_type) = (None, None);
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("a header of a part has no colon")?;
        let place = match name.trim() {
            name if name.eq_ignore_ascii_case("content-disposition") => &mut disposition,
            name if name.eq_ignore_ascii_case("content-type") => &mut content_type,
            name if name.eq_ignore_ascii_case("content-transfer-encoding") => {
                let plain =
                    ["7bit", "8bit", "binary"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain));
                match plain {
                    true => continue,
                    false => return Err("a part is encoded"),
                }
            }
            _ => continue,
        };
        if place.replace(value.trim()).is_some() {
            return Err("a part has a header twice");
        }
    }
    let (name, file_name) = names(disposition.ok_or("a part has no name")?)?;
    Ok(Part { name, file_name, content_type: content_type.map(str::to_owned), content: 0..0 })
}

/// The name and the file name in `form-data; name="a"; filename="b.txt"`.
fn names(disposition: &str) -> Result<(String, Option<String>), &'static str> {
    let (kind, mut rest) = disposition.split_once(';').ok_or("a part has no name")?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err("a part is no form data");
    }
    let (mut name, mut file_name) = (None, None);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            break;
        }
        let (parameter, after) = rest.split_once('=').ok_or("a parameter of a part has no value")?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or("a quoted name does not end")?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        rest = after;
        let place = match parameter.trim() {
            name_ if name_.eq_ignore_ascii_case("name") => &mut name,
            name_ if name_.eq_ignore_ascii_case("filename") => &mut file_name,
            // RFC 7578 forbids it, and the two could differ.
            name_ if name_.eq_ignore_ascii_case("filename*") => return Err("a file has a second name"),
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err("a part has two names");
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or("a part has no name")?;
    Ok((name, file_name.map(|file| clean(&file))))
}

/// The text up to the closing quote, as browsers write it: `%22` for a quote, or a backslash before it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => {
                value.extend(characters.next().map(|(_, next)| next))
            }
            other => value.push(other),
        }
    }
    None
}

/// A file name without a folder and without control characters: it is only shown.
fn clean(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.chars().filter(|character| !character.is_control()).take(255).collect()
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = memchr::memmem::find(haystack.get(from..)?, needle)?;
    Some(from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &[(&str, &str)]) -> String {
        let parts = parts.iter().map(|(head, content)| format!("--B\r\n{head}\r\n\r\n{content}\r\n"));
        parts.collect::<String>() + "--B--\r\n"
    }

    fn read(text: &str) -> Result<Vec<(String, Option<String>, String)>, String> {
        let parts = parse(text.as_bytes(), "B", false).map_err(|refusal| refusal.to_string())?;
        Ok(parts.into_iter().map(|part| (part.name, part.file_name, text[part.content].to_owned())).collect())
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let text = form(&[
            ("Content-Disposition: form-data; name=\"a\"", "1\r\n2"),
            (
                "content-disposition: form-data; name=\"f\"; filename=\"C:\\x\\a b.txt\"\r\nContent-Type: text/plain",
                "x",
            ),
            ("Content-Disposition: form-data; name=empty", ""),
        ]);
        let parts = read(&text).expect("the form is valid");
        assert_eq!(parts[0], ("a".into(), None, "1\r\n2".into()));
        assert_eq!(parts[1], ("f".into(), Some("a b.txt".into()), "x".into()));
        assert_eq!(parts[2], ("empty".into(), None, String::new()));
    }

    #[test]
    fn a05_what_could_be_understood_in_two_ways_is_refused() {
        let a = "Content-Disposition: form-data; name=\"a\"";
        for (parts, why) in [
            (&[(a, "1"), (a, "2")][..], "two parts"),
            (&[("Content-Disposition: form-data; name=\"a\"; name=\"b\"", "1")], "two names"),
            (
                &[("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "1")],
                "twice",
            ),
            (
                &[("Content-Disposition: form-data; name=\"a\"; filename=\"x\"; filename*=UTF-8''y", "1")],
                "second name",
            ),
            (
                &[(
                    "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
                    "MQ==",
                )],
                "encoded",
            ),
            (&[("Content-Disposition: attachment; name=\"a\"", "1")], "no form data"),
            (&[("Content-Type: text/plain", "1")], "no name"),
        ] {
            let error = read(&form(parts)).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
        let file = ("Content-Disposition: form-data; name=\"a[]\"; filename=\"x\"", "1");
        assert!(read(&form(&[("Content-Disposition: form-data; name=\"a[]\"", "1"), file])).is_err());
        assert!(read(&form(&[file, file])).is_ok(), "a name that says so may come again");
    }

    #[test]
    fn a05_forms_that_break_off_are_refused() {
        let text = form(&[("Content-Disposition: form-data; name=\"a\"", "1")]);
        for cut in 1..text.len() - 4 {
            assert!(parse(&text.as_bytes()[..cut], "B", false).is_err(), "cut at {cut}");
        }
        assert!(read("no form at all").is_err());
    }

    #[test]
    fn a05_parts_and_heads_are_limited() {
        let a = "Content-Disposition: form-data; name=\"a[]\"";
        assert!(read(&form(&vec![(a, ""); 1001])).is_err());
        let file = "Content-Disposition: form-data; name=\"a[]\"; filename=\"x\"";
        assert!(read(&form(&vec![(file, ""); 101])).is_err());
        let long = format!("{a}\r\nX: {}", "x".repeat(9_000));
        assert!(read(&form(&[(&long, "")])).is_err());
    }

    #[test]
    fn the_boundary_is_named_once() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\""), Some("a b"));
        assert_eq!(boundary("multipart/form-data; charset=utf-8; boundary=x"), Some("x"));
        assert_eq!(boundary("multipart/form-data; boundary=x; boundary=y"), None);
        assert_eq!(boundary("multipart/form-data"), None);
    }
}
