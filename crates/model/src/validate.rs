//! What is wrong with a workflow: precise problems, each with a path, a code, a message and a fix.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::workflow::{EdgeKind, Workflow};
use crate::{Text, strict};

/// Largest number of nodes in a workflow.
pub const MAX_NODES: usize = 10_000;
/// Largest number of edges in a workflow.
pub const MAX_EDGES: usize = 50_000;
/// Largest number of problems that are named.
pub const MAX_PROBLEMS: usize = 500;

/// Something wrong with a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as in `nodes[3].parameters.url`; empty for the whole.
    pub path: String,
    /// What kind of problem, for programs.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty when the message says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// Whether the workflow can run all the same.
    #[serde(default)]
    pub severity: Severity,
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Not JSON, or nested too deeply.
    Malformed,
    /// A member is missing, unknown or of the wrong type.
    Shape,
    /// The same member twice in one object.
    DuplicateMember,
    /// Two nodes share a key.
    DuplicateKey,
    /// Two nodes share a name.
    DuplicateName,
    /// A key or name is empty.
    EmptyName,
    /// An edge begins or ends at a node that does not exist.
    DanglingEdge,
    /// An edge leads from a node to itself.
    SelfLoop,
    /// The same edge twice.
    DuplicateEdge,
    /// A conditional edge has no condition, or another edge has one.
    Condition,
    /// A pin names a node that does not exist.
    DanglingPin,
    /// A number is out of its range.
    Range,
    /// There are too many nodes or edges.
    TooLarge,
    /// No such node type or version.
    UnknownType,
    /// A node type refuses its parameters.
    Parameters,
    /// No such port.
    UnknownPort,
    /// An expression does not parse or names a node that does not exist.
    Expression,
    /// No such time zone.
    TimeZone,
    /// Nothing can start the workflow.
    NoTrigger,
}

/// Whether a workflow with the problem can run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    #[default]
    Error,
    /// It can, but probably not as meant.
    Warning,
}

impl Problem {
    /// A problem that stops the workflow from running.
    pub fn error(path: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            code,
            message: message.into(),
            fix: String::new(),
            severity: Severity::Error,
        }
    }

    /// A problem that does not.
    pub fn warning(path: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, code, message) }
    }

    /// Says what to do about it.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.fix.is_empty() {
            write!(f, "; {}", self.fix)?;
        }
        Ok(())
    }
}

impl Workflow {
    /// Reads a workflow in our own format: unknown and duplicate members are refused.
    pub fn from_json(text: &str) -> Result<Self, Problem> {
        strict::check_members(text)?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            Problem::error(path, Code::Shape, error.into_inner().to_string())
        })
    }

    /// Everything that is wrong with the graph itself, whatever the node types. Empty when nothing is.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_size(&mut problems);
        if !problems.is_empty() {
            return problems;
        }
        let keys = self.check_nodes(&mut problems);
        self.check_edges(&keys, &mut problems);
        for key in self.pins.keys().filter(|key| !keys.contains(*key)) {
            let problem = Problem::warning(
                format!("pins.{key}"),
                Code::DanglingPin,
                format!("there is no node with the key \"{key}\""),
            );
            problems.push(problem.fix("remove the pin"));
        }
        if let Some(more) = problems.len().checked_sub(MAX_PROBLEMS).filter(|more| *more > 0) {
            problems.truncate(MAX_PROBLEMS);
            let message = format!("there are {more} more problems");
            problems.push(Problem::error("", Code::TooLarge, message).fix("mend these first"));
        }
        problems
    }

    /// A workflow that is too large is not looked at further: its problems could be as many as its edges.
    fn check_size(&self, problems: &mut Vec<Problem>) {
        for (path, len, limit) in
            [("nodes", self.nodes.len(), MAX_NODES), ("edges", self.edges.len(), MAX_EDGES)]
        {
            if len > limit {
                let message = format!("{len} {path} are more than the {limit} a workflow may have");
                problems.push(
                    Problem::error(path, Code::TooLarge, message).fix("move a part into a sub-workflow"),
                );
            }
        }
    }

    fn check_nodes(&self, problems: &mut Vec<Problem>) -> HashSet<&Text> {
        let mut keys = HashSet::new();
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let path = |member: &str| format!("nodes[{index}].{member}");
            if node.key.is_empty() {
                problems.push(Problem::error(path("key"), Code::EmptyName, "the key is empty"));
            } else if !keys.insert(&node.key) {
                let message = format!("another node has the key \"{}\"", node.key);
                problems.push(
                    Problem::error(path("key"), Code::DuplicateKey, message)
                        .fix("give each node its own key"),
                );
            }
            if node.name.is_empty() {
                problems.push(Problem::error(path("name"), Code::EmptyName, "the name is empty"));
            } else if let Some(other) = names.insert(&node.name, index) {
                let message = format!("nodes[{other}] is called \"{}\" too", node.name);
                problems.push(
                    Problem::error(path("name"), Code::DuplicateName, message)
                        .fix("rename one of them; expressions find nodes by name"),
                );
            }
            if let Some(retry) = &node.retry {
                if retry.max_attempts == 0 {
                    let message = "at least one attempt is needed";
                    problems.push(Problem::error(path("retry.max_attempts"), Code::Range, message));
                }
                if !(0.0..=1.0).contains(&retry.jitter) {
                    let message = format!("{} is not between 0 and 1", retry.jitter);
                    problems.push(Problem::error(path("retry.jitter"), Code::Range, message));
                }
            }
            if node.timeout_ms == Some(0) {
                let message = "a time limit of 0 ms lets nothing run";
                problems.push(
                    Problem::error(path("timeout_ms"), Code::Range, message).fix("leave it out for no limit"),
                );
            }
        }
        keys
    }

    fn check_edges(&self, keys: &HashSet<&Text>, problems: &mut Vec<Problem>) {
        let mut seen = HashSet::new();
        for (index, edge) in self.edges.iter().enumerate() {
            let path = |member: &str| format!("edges[{index}].{member}");
            for (member, key) in [("source", &edge.source), ("target", &edge.target)] {
                if !keys.contains(key) {
                    let message = format!("there is no node with the key \"{key}\"");
                    problems.push(
                        Problem::error(path(member), Code::DanglingEdge, message).fix("remove the edge"),
                    );
                }
            }
            if edge.source == edge.target {
                problems.push(
                    Problem::error(path("target"), Code::SelfLoop, "the edge leads back to its own node")
                        .fix("put a no-op node between"),
                );
            }
            if !seen.insert((&edge.source, &edge.source_port, &edge.target, &edge.target_port)) {
                problems.push(
                    Problem::error(
                        format!("edges[{index}]"),
                        Code::DuplicateEdge,
                        "the same edge is there twice",
                    )
                    .fix("remove one of them"),
                );
            }
            let conditional = edge.kind == EdgeKind::Conditional;
            if conditional && edge.condition.is_none() {
                let message = "a conditional edge needs a condition";
                problems.push(Problem::error(path("condition"), Code::Condition, message));
            } else if !conditional && edge.condition.is_some() {
                let message = "only a conditional edge has a condition";
                problems.push(
                    Problem::error(path("condition"), Code::Condition, message)
                        .fix("set kind to conditional or remove it"),
                );
            }
        }
    }
}

/// The JSON Schema (2020-12) of workflow files.
pub fn workflow_schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<Workflow>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match Workflow::from_json(text) {
            Ok(workflow) => workflow.problems().iter().map(ToString::to_string).collect(),
            Err(problem) => vec![problem.to_string()],
        }
    }

    #[test]
    fn a_sound_workflow_has_no_problems() {
        let text = r#"{"nodes":[{"key":"a","type":"core.manual","name":"A"},{"key":"b","type":"core.set","name":"B"}],
            "edges":[{"source":"a","target":"b"}]}"#;
        assert_eq!(problems(text), Vec::<String>::new());
    }

    #[test]
    fn every_problem_names_its_place_and_a_fix() {
        let text = r#"{"nodes":[{"key":"a","type":"x","name":"A"},{"key":"a","type":"x","name":"A"}],
            "edges":[{"source":"a","target":"z"},{"source":"a","target":"a","kind":"conditional"}]}"#;
        assert_eq!(
            problems(text),
            [
                "nodes[1].key: another node has the key \"a\"; give each node its own key",
                "nodes[1].name: nodes[0] is called \"A\" too; rename one of them; expressions find nodes by name",
                "edges[0].target: there is no node with the key \"z\"; remove the edge",
                "edges[1].target: the edge leads back to its own node; put a no-op node between",
                "edges[1].condition: a conditional edge needs a condition",
            ]
        );
    }

    #[test]
    fn a_workflow_that_is_broken_everywhere_names_only_the_first_problems() {
        let broken = |edges: usize| {
            let edges = vec![r#"{"source":"x","target":"y"}"#; edges].join(",");
            problems(&format!(r#"{{"nodes":[],"edges":[{edges}]}}"#))
        };
        let many = broken(20_000);
        assert_eq!(many.len(), MAX_PROBLEMS + 1);
        assert_eq!(many.last().map(String::as_str), Some("there are 59499 more problems; mend these first"));
        assert_eq!(
            broken(MAX_EDGES + 1),
            [
                "edges: 50001 edges are more than the 50000 a workflow may have; move a part into a sub-workflow"
            ]
        );
    }

    #[test]
    fn a_wrong_type_names_its_path() {
        let text = r#"{"nodes":[{"key":"a","type":"x","name":"A","disabled":"no"}]}"#;
        let problem = Workflow::from_json(text).expect_err("a text is no switch");
        assert_eq!((problem.path.as_str(), problem.code), ("nodes[0].disabled", Code::Shape));
    }

    #[test]
    fn unknown_and_duplicate_members_are_refused() {
        assert!(problems(r#"{"nods":[]}"#)[0].contains("unknown field `nods`"));
        assert_eq!(
            problems(r#"{"nodes":[{"key":"a","type":"x","name":"A","parameters":{"b":{"c":1,"c":2}}}]}"#),
            ["nodes[0].parameters.b.c: the member \"c\" is there twice; remove one of them"]
        );
    }

    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/workflow.schema.json");
        let current = serde_json::to_string_pretty(&workflow_schema()).expect("a schema serialises") + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &current).expect("the docs folder is writable");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(published == current, "docs/schema/workflow.schema.json is old; run with UPDATE_SCHEMA=1");
    }
}
