//! Looks back from a step at what other nodes gave: the questions that expressions and code ask.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Binary, Blob, Item, Items, Lineage, Object, Value};

use crate::context::Step;
use crate::history::{Run, Source};
use crate::lineage::{self, Lost};

/// Why a question about another node has no answer. The texts are n8n's, because workflows match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookbackError {
    /// No node of that name.
    #[error("Referenced node doesn't exist: '{0}'")]
    NoSuchNode(String),
    /// It has not run.
    #[error("Node '{0}' hasn't been executed")]
    NotExecuted(String),
    /// It has no such output port.
    #[error("Node \"{node}\" has no branch with index {output}.")]
    NoSuchOutput {
        /// The node.
        node: String,
        /// The port.
        output: usize,
    },
    /// It has run, but not that often.
    #[error("Run {run} of node \"{node}\" not found")]
    NoSuchRun {
        /// The node.
        node: String,
        /// The run.
        run: usize,
    },
    /// It gave fewer items.
    #[error("Can't get data for expression: node '{node}' has no item {item}")]
    NoSuchItem {
        /// The node.
        node: String,
        /// The item.
        item: usize,
    },
    /// A node on the way back did not say where its items came from.
    #[error(
        "Paired item data for item from node '{0}' is unavailable. Ensure '{0}' is providing the required output."
    )]
    LineageUnknown(String),
    /// No edges lead back to it.
    #[error("No path back to referenced node: '{0}'")]
    NoPath(String),
    /// No edges lead back to it, and the expression asked in the old way.
    #[error("connect \"{from}\" to \"{to}\"")]
    NotConnected {
        /// The node that asks.
        from: String,
        /// The node that it asks about.
        to: String,
    },
    /// There are such edges, but the item did not come along them.
    #[error("the item does not stem from node '{0}'; it came another way")]
    CameAnotherWay(String),
    /// Several of its items are ancestors.
    #[error("Multiple matches found")]
    SeveralMatches(String),
}

impl From<LookbackError> for expr::Error {
    fn from(error: LookbackError) -> Self {
        let message = error.to_string();
        match error {
            LookbackError::SeveralMatches(node) => {
                let what = format!("the item stems from several items of node '{node}'");
                let fix = format!("{what}; use .first(), .last() or .all()[index] instead of .item");
                expr::Error::paired_item(message).with_description(fix)
            }
            LookbackError::LineageUnknown(_) | LookbackError::NoPath(_) => expr::Error::paired_item(message),
            // As in n8n, the expression then gives nothing instead of failing the step.
            LookbackError::CameAnotherWay(_) => expr::Error::type_error(message),
            _ => expr::Error::reference(message),
        }
    }
}

/// What the expressions of a step have used so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Item lists that were already turned into values, by node, output and run; the step's own input has no node.
    lists: Mutex<HashMap<Option<Source>, Value>>,
    /// Bytes that the results of expressions hold.
    kept_bytes: AtomicU64,
}

impl Seen {
    /// Counts bytes that the result of an expression holds; the total when they were added.
    pub(crate) fn keep(&self, bytes: usize) -> u64 {
        let bytes = bytes as u64;
        self.kept_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
    }
}

impl Step {
    /// The index of the node called `name`.
    pub fn find_node(&self, name: &str) -> Result<usize, LookbackError> {
        self.history.graph().find(name).ok_or_else(|| LookbackError::NoSuchNode(name.into()))
    }

    /// Where the output of `node` is: the port that leads here unless `output` says another, the latest run unless
    /// `run` says another.
    pub fn output_of(
        &self,
        node: usize,
        output: Option<usize>,
        run: Option<usize>,
    ) -> Result<Source, LookbackError> {
        let name = || self.history.graph().nodes()[node].name.to_string();
        let runs = self.history.runs(node);
        if runs.is_empty() {
            return Err(LookbackError::NotExecuted(name()));
        }
        let run = run.unwrap_or(runs.len() - 1);
        let outputs = &runs.get(run).ok_or_else(|| LookbackError::NoSuchRun { node: name(), run })?.outputs;
        let output =
            output.or_else(|| self.history.graph().output_towards(self.node.index, node)).unwrap_or_default();
        if output > 0 && output >= outputs.len() {
            return Err(LookbackError::NoSuchOutput { node: name(), output });
        }
        Ok(Source { node, output, run })
    }

    /// The items of an output.
    pub fn items_of(&self, source: Source) -> Items {
        self.history.items(source)
    }

    /// The same as data, built once per step.
    pub fn item_values(&self, source: Source) -> Value {
        self.cached_values(Some(source), || items_to_data(&self.items_of(source)))
    }

    /// The main input items as data, built once per step.
    pub fn input_values(&self) -> Value {
        self.cached_values(None, || {
            let port = self.arrived.main_port();
            let items = self.arrived.main().iter().enumerate();
            Value::array(items.map(|(index, item)| {
                let here = Lineage::one(model::Origin::of(port, index));
                item_to_data(&Item { lineage: here, ..item.clone() })
            }))
        })
    }

    fn cached_values(&self, key: Option<Source>, build: impl FnOnce() -> Value) -> Value {
        let mut seen = self.seen.lists.lock().expect("building values does not panic");
        seen.entry(key).or_insert_with(build).clone()
    }

    /// The item of `node` that main input item `index` stems from.
    pub fn paired_item(&self, node: usize, index: usize) -> Result<Item, LookbackError> {
        let graph = self.history.graph();
        let name = graph.nodes()[node].name.to_string();
        if self.history.runs(node).is_empty() {
            return Err(LookbackError::NotExecuted(name));
        }
        if graph.output_towards(self.node.index, node).is_none() {
            return Err(LookbackError::NoPath(name));
        }
        let place = lineage::ancestor(self, index, node).map_err(|lost| match lost {
            Lost::Unknown(maker) => LookbackError::LineageUnknown(maker.to_string()),
            Lost::NoPath => LookbackError::CameAnotherWay(name.clone()),
            Lost::Several => LookbackError::SeveralMatches(name.clone()),
        })?;
        let item = place.item(&self.history).cloned();
        item.ok_or(LookbackError::NoSuchItem { node: name, item: place.item })
    }

    /// The run that gave the main input, with the node it was a run of.
    pub fn previous(&self) -> Option<(Source, &Run)> {
        let source = self.sources.get(self.inputs.main_port()).copied().flatten()?;
        Some((source, self.history.runs(source.node).get(source.run)?))
    }
}

/// An item as code and expressions see it: `{json, binary?, pairedItem?}`.
pub fn item_to_data(item: &Item) -> Value {
    let mut object = Object::with_capacity(3);
    object.insert("json", item.json.clone());
    if let Some(binary) = item.binary.as_ref().filter(|binary| !binary.is_empty()) {
        let files: Object = binary.iter().map(|(name, file)| (name.clone(), binary_to_data(file))).collect();
        object.insert("binary", files);
    }
    if let Some(paired) = lineage_to_data(&item.lineage) {
        object.insert("pairedItem", paired);
    }
    Value::Object(object)
}

/// Items as code and expressions see them.
pub fn items_to_data(items: &[Item]) -> Value {
    Value::array(items.iter().map(item_to_data))
}

/// Lineage as n8n writes it; `None` when unknown.
pub fn lineage_to_data(lineage: &Lineage) -> Option<Value> {
    let origin = |origin: &model::Origin| {
        let mut object: Object = [("item", origin.item)].into_iter().collect();
        if origin.input > 0 {
            object.insert("input", origin.input);
        }
        Value::Object(object)
    };
    match lineage.origins() {
        [] => None,
        [one] => Some(origin(one)),
        several => Some(Value::array(several.iter().map(origin))),
    }
}

/// A file as code and expressions see it.
pub fn binary_to_data(file: &Binary) -> Value {
    let mut object = Object::new();
    let size = file.blob.size();
    object.insert("mimeType", file.mime_type.clone());
    object.insert("fileType", file_type(&file.mime_type));
    object.insert("fileExtension", file.file_extension.clone());
    object.insert("fileName", file.file_name.clone());
    object.insert("directory", file.directory.clone());
    object.insert("fileSize", pretty_size(size));
    object.insert("bytes", size);
    match &file.blob {
        Blob::Inline(bytes) => object.insert("data", base64(bytes)),
        Blob::Stored { sha256, .. } => object.insert("id", sha256.clone()),
    };
    object.retain(|_, value| !value.is_null());
    Value::Object(object)
}

/// The family of a media type, as n8n names it.
pub fn file_type(mime_type: &str) -> Option<&'static str> {
    match mime_type {
        "application/json" => Some("json"),
        "text/html" => Some("html"),
        "application/pdf" => Some("pdf"),
        other if other.starts_with("image/") => Some("image"),
        other if other.starts_with("video/") => Some("video"),
        other if other.starts_with("audio/") => Some("audio"),
        other if other.starts_with("text/") || other.starts_with("application/javascript") => Some("text"),
        _ => None,
    }
}

/// A size for people, such as `12.3 kB`: powers of 1000, three significant digits.
pub fn pretty_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let digits = if size >= 100.0 || unit == 0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{size:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {}", UNITS[unit])
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
