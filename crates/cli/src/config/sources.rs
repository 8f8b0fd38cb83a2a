//! Where values come from: flags over the environment over the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml::de::{DeTable, DeValue};

use super::flags::Flags;
use super::setting::{Kind, SETTINGS, Setting, find, nearest};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "runnel.toml";
/// What `RUNNEL_CONFIG` stands for.
const CONFIG_VARIABLE: &str = "RUNNEL_CONFIG";

/// What was given, and where.
pub(crate) struct Sources {
    given: BTreeMap<&'static str, Given>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

/// A value with the place it came from.
struct Given {
    text: String,
    origin: Origin,
}

/// The place a value came from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Option(String),
    Variable(String),
    File { path: PathBuf, line: usize, name: &'static str },
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Option(name) | Origin::Variable(name) => f.write_str(name),
            Origin::File { path, line, name } => write!(f, "{}, line {line}: {name}", path.display()),
            Origin::Default(name) => write!(f, "{name} (its default)"),
        }
    }
}

impl Sources {
    /// Reads everything that was given. Names nobody knows are errors: a setting that is misspelt would otherwise
    /// silently not hold.
    pub(crate) fn read<const ALL: bool>(
        flags: &Flags<ALL>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let environment = variables(environment)?;
        let named = flags.config.as_ref().map(|file| ("--config", file));
        let named = named.or_else(|| environment.get(CONFIG_VARIABLE).map(|file| (CONFIG_VARIABLE, file)));
        let file = match named {
            Some((_, file)) => Some(PathBuf::from(file)),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()),
        };
        let mut given = BTreeMap::new();
        if let Some(path) = &file {
            let text = std::fs::read_to_string(path).with_context(|| match named {
                Some((origin, _)) => format!("{origin}: {} cannot be read", path.display()),
                None => format!("{} cannot be read", path.display()),
            })?;
            read_file(path, &text, &mut given)?;
        }
        read_variables(&environment, &mut given)?;
        for (name, value) in &flags.values {
            let option = find(name).map(Setting::option).unwrap_or_default();
            given.insert(name, Given { text: value.clone(), origin: Origin::Option(option) });
        }
        Ok(Self { given, file })
    }

    /// Takes what was given for a setting, if anything was.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        debug_assert!(find(name).is_some(), "{name} is no setting");
        let Some(Given { text, origin }) = self.given.remove(name) else { return Ok(None) };
        match parse(text.trim()) {
            Ok(value) => Ok(Some(value)),
            Err(problem) => bail!("{origin}: {problem}"),
        }
    }

    /// Where a setting came from; to be asked before it is taken.
    pub(crate) fn origin(&self, name: &'static str) -> Origin {
        self.given.get(name).map_or(Origin::Default(name), |given| given.origin.clone())
    }

    /// Names that nobody took.
    #[cfg(test)]
    pub(crate) fn left(&self) -> Vec<&'static str> {
        self.given.keys().copied().collect()
    }
}

/// The variables that are ours.
fn variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut ours = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("RUNNEL_")) else { continue };
        let Some(value) = value.to_str() else { bail!("{name}: the value is not UTF-8") };
        ours.insert(name.to_owned(), value.to_owned());
    }
    Ok(ours)
}

fn read_variables(
    environment: &BTreeMap<String, String>,
    given: &mut BTreeMap<&'static str, Given>,
) -> anyhow::Result<()> {
    let known = || SETTINGS.iter().map(|setting| (setting, setting.variable()));
    for (variable, value) in environment {
        if variable == CONFIG_VARIABLE || is_from_elsewhere(variable) {
            continue;
        }
        let plain = known().find(|(_, name)| name == variable);
        let in_file =
            known().find(|(setting, name)| setting.is_secret && format!("{name}_FILE") == *variable);
        let (setting, text) = match (plain, in_file) {
            (Some((setting, _)), _) => (setting, value.clone()),
            (None, Some((setting, name))) => {
                if environment.contains_key(&name) {
                    bail!("{variable} and {name} are both set; keep one of them");
                }
                let text = std::fs::read_to_string(value)
                    .with_context(|| format!("{variable}: {value} cannot be read"))?;
                (setting, text.trim_end().to_owned())
            }
            (None, None) => {
                let names: Vec<String> = known().map(|(_, name)| name).collect();
                bail!("{}", unknown(variable, nearest(variable, names.iter().map(String::as_str))));
            }
        };
        // An empty variable is how many tools say "not set".
        if !text.trim().is_empty() {
            given.insert(setting.name, Given { text, origin: Origin::Variable(variable.clone()) });
        }
    }
    Ok(())
}

/// Kubernetes sets such variables in every container beside a service called `runnel`.
fn is_from_elsewhere(variable: &str) -> bool {
    let name = variable.trim_start_matches("RUNNEL_");
    name == "PORT" || ["PORT_", "SERVICE_HOST", "SERVICE_PORT"].iter().any(|start| name.starts_with(start))
}

fn unknown(name: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("{name} is no setting; did you mean {near}?"),
        None => format!("{name} is no setting; docs/configuration.md lists all of them"),
    }
}

fn read_file(path: &Path, text: &str, given: &mut BTreeMap<&'static str, Given>) -> anyhow::Result<()> {
    let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let place = |line: usize| format!("{}, line {line}", path.display());
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        anyhow::anyhow!("{}: not TOML: {}", place(line), error.message())
    })?;
    // A relative path counts from the file, wherever the command was started.
    let folder = path.parent().unwrap_or(Path::new(""));
    for (key, value) in table.into_inner() {
        let line = line_of(key.span().start);
        let name = key.into_inner();
        let Some(setting) = find(&name) else {
            let near = nearest(&name, SETTINGS.iter().map(|setting| setting.name));
            bail!("{}: {}", place(line), unknown(&name, near));
        };
        let text = written(setting.kind, value.into_inner())
            .map_err(|problem| anyhow::anyhow!("{}: {name}: {problem}", place(line)))?;
        let text = match setting.kind {
            Kind::Path => folder.join(text).display().to_string(),
            _ => text,
        };
        let origin = Origin::File { path: path.to_owned(), line, name: setting.name };
        given.insert(setting.name, Given { text, origin });
    }
    Ok(())
}

/// A value of a file, as it would be written on a command line.
fn written(kind: Kind, value: DeValue<'_>) -> Result<String, String> {
    Ok(match (kind, value) {
        (Kind::Text | Kind::Path, DeValue::String(text)) => text.into_owned(),
        (Kind::Number, DeValue::Integer(number)) => number.to_string(),
        (Kind::Switch, DeValue::Boolean(on)) => on.to_string(),
        (Kind::List, DeValue::Array(entries)) => {
            let texts = entries.into_iter().map(|entry| match entry.into_inner() {
                DeValue::String(text) => Ok(text.into_owned()),
                other => Err(format!("a list of texts is needed, and it holds a {}", other.type_str())),
            });
            texts.collect::<Result<Vec<_>, _>>()?.join(",")
        }
        (kind, other) => {
            let needed = match kind {
                Kind::Text | Kind::Path => "a text such as \"...\"",
                Kind::Number => "a number",
                Kind::Switch => "true or false",
                Kind::List => "a list such as [\"...\"]",
            };
            return Err(format!("{needed} is needed instead of this {}", other.type_str()));
        }
    })
}
