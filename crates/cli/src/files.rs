//! Reads files: sizes are limited, and what is wrong is named with its place.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::validate::{Code, Severity};
use model::{Order, Problem, Value, Workflow};
use nodes::n8n;
use sdk::Catalogue;

/// Largest file that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;
/// Most values a file may have: a value in memory takes many times the bytes it takes in the file.
const MAX_VALUES: usize = 5_000_000;

/// A file that cannot be used, and why.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// The file, as it was named.
    pub(crate) file: String,
    /// What is wrong with it; at least one problem is an error.
    pub(crate) problems: Vec<Problem>,
}

impl Invalid {
    pub(crate) fn new(file: &Path, problem: Problem) -> Self {
        Self { file: file.display().to_string(), problems: vec![problem] }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.problems.iter().filter(|problem| problem.severity == Severity::Error);
        match errors.next() {
            Some(first) => write!(f, "{}: {first}", self.file)?,
            None => write!(f, "{} is not valid", self.file)?,
        }
        match errors.count() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

impl std::error::Error for Invalid {}

/// A workflow file, read.
pub(crate) struct Loaded {
    /// The workflow in our format.
    pub(crate) workflow: Workflow,
    /// What the import did, when the file is n8n's.
    pub(crate) report: Option<n8n::Report>,
}

/// Reads the text of a file; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, Invalid> {
    let unreadable = |error: &dyn fmt::Display| {
        Invalid::new(path, Problem::error("", Code::Malformed, format!("cannot be read: {error}")))
    };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let size = file.metadata().map_err(|error| unreadable(&error))?;
        if size.is_dir() {
            return Err(unreadable(&"it is a directory"));
        }
        if size.len() > MAX_BYTES {
            return Err(too_large(path, size.len()));
        }
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)
    };
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(path, bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let message = format!("byte {} is not UTF-8", error.utf8_error().valid_up_to() + 1);
        Invalid::new(path, Problem::error("", Code::Malformed, message).fix("save the file as UTF-8"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn too_large(path: &Path, size: u64) -> Invalid {
    let message = format!("{size} bytes are more than the {} MiB a file may have", MAX_BYTES >> 20);
    Invalid::new(path, Problem::error("", Code::TooLarge, message).fix("split the file"))
}

/// Reads a JSON file.
pub(crate) fn read_json(path: &Path) -> Result<Value, Invalid> {
    parse(path, &read_text(path)?)
}

/// Reads JSON text that came from a file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Value, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new(path, Problem::error("", Code::Malformed, "the file is empty")));
    }
    let values = count_values(text);
    if values > MAX_VALUES {
        let message = format!("{values} values are more than the {MAX_VALUES} a file may have");
        return Err(Invalid::new(path, Problem::error("", Code::TooLarge, message).fix("split the file")));
    }
    Value::from_json(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = match error.to_string() {
            text if text.starts_with("recursion limit") => "nested deeper than 128 levels".to_owned(),
            text => {
                format!("not JSON: {}", text.rsplit_once(" at line").map_or(text.as_str(), |(what, _)| what))
            }
        };
        Invalid::new(path, Problem::error(place, Code::Malformed, message))
    })
}

/// How many values some JSON has, give or take the empty lists and objects.
fn count_values(text: &str) -> usize {
    let (mut count, mut in_text, mut escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// Reads a workflow file in our format or n8n's. `missing_order` is the order of an n8n workflow that names none.
pub(crate) fn load(path: &Path, catalogue: &Catalogue, missing_order: Order) -> Result<Loaded, Invalid> {
    let text = read_text(path)?;
    let value = parse(path, &text)?;
    if !n8n::is_n8n(&value) {
        let workflow = Workflow::from_json(&text).map_err(|problem| Invalid::new(path, problem))?;
        return Ok(Loaded { workflow, report: None });
    }
    let found = n8n::workflows(&value).map_err(|problem| Invalid::new(path, problem))?;
    let [(inside, workflow)] = found.as_slice() else {
        let message = format!("the file holds {} workflows, and one is needed", found.len());
        let problem =
            Problem::error("", Code::Shape, message).fix("import the file and use one of the results");
        return Err(Invalid::new(path, problem));
    };
    let import = n8n::import_as(workflow, catalogue, missing_order).map_err(|mut problem| {
        problem.path = [inside.as_str(), problem.path.as_str()].join(".").trim_matches('.').to_owned();
        Invalid::new(path, problem)
    })?;
    Ok(Loaded { workflow: import.workflow, report: Some(import.report) })
}

/// The JSON files below a path, sorted; the path itself when it is a file.
pub(crate) fn json_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_error(text: &str) -> String {
        parse(Path::new("a.json"), text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn malformed_json_names_its_line() {
        assert_eq!(parse_error("{\n  \"a\": }"), "a.json: line 2, column 8: not JSON: expected value");
        assert_eq!(parse_error(" \n"), "a.json: the file is empty");
        let many = format!("[{}0]", "0,".repeat(6_000_000));
        assert_eq!(
            parse_error(&many),
            "a.json: 6000002 values are more than the 5000000 a file may have; split the file"
        );
        assert_eq!(count_values(r#"{"a,[{\"": [1, 2], "b": {}}"#), 6);
        let deep = "[".repeat(1_000);
        assert_eq!(parse_error(&deep), "a.json: line 1, column 128: nested deeper than 128 levels");
    }
}
