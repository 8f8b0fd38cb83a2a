//! The list of node types that an engine runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::Object;
use schemars::Schema;

use crate::n8n::{N8nMapping, N8nNode, Native, Unmapped};
use crate::node::{Effect, Example, Group, Kind, Node, SharedNode, StartsOn};

/// Everything there is to know about a node type without running it.
#[derive(Clone)]
pub struct NodeType {
    /// Type and version.
    pub kind: Kind,
    /// What people call it.
    pub title: &'static str,
    /// Where the catalogue shows it.
    pub group: Group,
    /// For triggers: what starts an execution there.
    pub starts_on: StartsOn,
    /// What repeating a step would do.
    pub effect: Effect,
    /// Input ports, unless they depend on parameters.
    pub inputs: &'static [&'static str],
    /// Output ports, unless they depend on parameters.
    pub outputs: &'static [&'static str],
    /// The foreign node types it stands for.
    pub n8n: &'static [N8nMapping],
    /// What it does, shown.
    pub examples: &'static [Example],
    schema: fn() -> Schema,
    complete: fn(&Object) -> Result<Object, ParameterError>,
    build: fn(&Object) -> Result<SharedNode, ParameterError>,
}

/// Parameters that a node type refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// Where, as in `fields[0].value`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl NodeType {
    /// Describes the node type `N`, without foreign types.
    pub fn of<N: Node>() -> Self {
        Self {
            kind: N::KIND,
            title: N::TITLE,
            group: N::GROUP,
            starts_on: N::STARTS_ON,
            effect: N::EFFECT,
            inputs: N::INPUTS,
            outputs: N::OUTPUTS,
            n8n: &[],
            examples: N::EXAMPLES,
            complete: complete::<N>,
            schema: || {
                schemars::generate::SchemaSettings::draft2020_12()
                    .into_generator()
                    .into_root_schema_for::<N>()
            },
            build: build::<N>,
        }
    }

    /// Adds the foreign node types it stands for.
    pub fn with_n8n(mut self, mappings: &'static [N8nMapping]) -> Self {
        self.n8n = mappings;
        self
    }

    /// The JSON Schema of its parameters; its description is the manual page.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }

    /// The same parameters with the defaults of those that are missing.
    pub fn complete(&self, parameters: &Object) -> Result<Object, ParameterError> {
        (self.complete)(parameters)
    }

    /// Reads parameters into a node that can run.
    pub fn build(&self, parameters: &Object) -> Result<SharedNode, ParameterError> {
        (self.build)(parameters)
    }
}

fn complete<N: Node>(parameters: &Object) -> Result<Object, ParameterError> {
    match model::Value::from_serialize(&read::<N>(parameters)?) {
        Ok(model::Value::Object(complete)) => Ok(complete),
        other => unreachable!("the parameters of {} are an object, not {other:?}", N::KIND.name),
    }
}

fn build<N: Node>(parameters: &Object) -> Result<SharedNode, ParameterError> {
    Ok(Arc::new(read::<N>(parameters)?))
}

fn read<N: Node>(parameters: &Object) -> Result<N, ParameterError> {
    let json = serde_json::Value::from(&model::Value::Object(parameters.clone()));
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        ParameterError { path, message: error.into_inner().to_string() }
    })
}

/// All node types, by type and version, and the foreign types they stand for.
#[derive(Clone, Default)]
pub struct Catalogue {
    types: BTreeMap<&'static str, Vec<NodeType>>,
    foreign: HashMap<&'static str, &'static N8nMapping>,
}

impl Catalogue {
    /// A catalogue of these node types. Two entries for one type and version, or for one foreign type, are a mistake in
    /// the program and panic.
    pub fn new(types: impl IntoIterator<Item = NodeType>) -> Self {
        let mut catalogue = Self::default();
        for node_type in types {
            for mapping in node_type.n8n {
                let previous = catalogue.foreign.insert(mapping.kind, mapping);
                assert!(previous.is_none(), "two node types stand for {}", mapping.kind);
            }
            let versions = catalogue.types.entry(node_type.kind.name).or_default();
            let taken = versions.iter().any(|other| other.kind == node_type.kind);
            assert!(!taken, "two node types are called {} {}", node_type.kind.name, node_type.kind.version);
            versions.push(node_type);
        }
        catalogue
    }

    /// The node type `name`, version `version`.
    pub fn find(&self, name: &str, version: u32) -> Option<&NodeType> {
        self.types.get(name)?.iter().find(|node_type| node_type.kind.version == version)
    }

    /// All node types in order.
    pub fn types(&self) -> impl Iterator<Item = &NodeType> {
        self.types.values().flatten()
    }

    /// The foreign node types that are known, in no order.
    pub fn foreign(&self) -> impl Iterator<Item = &'static N8nMapping> {
        self.foreign.values().copied()
    }

    /// What an n8n node becomes here.
    pub fn import_n8n(&self, node: &N8nNode<'_>) -> Result<Native, Unmapped> {
        match self.foreign.get(node.kind) {
            None => Err(Unmapped::UnknownType),
            Some(mapping) if !mapping.versions.contains(&node.version) => {
                Err(Unmapped::UnknownVersion(node.version))
            }
            Some(mapping) => (mapping.map)(node),
        }
    }
}
