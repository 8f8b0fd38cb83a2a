//! Runs one case.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{Plan, Runner, Start};
use model::{Imported, Text, Value, Workflow};
use nodes::n8n::{self, Unsupported};
use sdk::n8n::{N8nNode, Unmapped};
use sdk::net::{Client, Mocks};
use sdk::{Catalogue, Mode, Services};
use tokio_util::sync::CancellationToken;

use super::case::{Case, Subject, WorkflowCase};
use super::{expressions, judge};
use crate::world::{self, ByType, Folder, SystemClock};

/// Whether a case did what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did.
    Pass,
    /// It did not: the first difference.
    Fail(String),
    /// A node that had to run is of a type that does not exist here.
    Unsupported(String),
}

/// What all cases share.
pub(super) struct Shared {
    catalogue: Catalogue,
    test_catalogue: Catalogue,
    services: Services,
    limit: Duration,
}

impl Shared {
    pub(super) fn new(limit: Duration) -> anyhow::Result<Self> {
        let services = world::services(None)?;
        Ok(Self {
            catalogue: ::nodes::catalogue(),
            test_catalogue: super::nodes::catalogue(),
            services,
            limit,
        })
    }
}

/// Runs a case and judges it.
pub(super) async fn run(case: Case, shared: &Shared) -> Verdict {
    let verdict = match case.subject {
        Subject::Expression(case) => expressions::run(&case, world::now_ms()).map(|()| Verdict::Pass),
        Subject::Workflow(case) => run_workflow(*case, shared).await,
    };
    verdict.unwrap_or_else(Verdict::Fail)
}

async fn run_workflow(mut case: WorkflowCase, shared: &Shared) -> Result<Verdict, String> {
    if case.slow_seconds > shared.limit.as_secs_f64() {
        return Err(format!("it takes at least {} s; allow more with --timeout", case.slow_seconds));
    }
    let catalogue = if case.test_nodes { &shared.test_catalogue } else { &shared.catalogue };
    let _folders = place_files(&mut case)?;
    let mut workflow = read_workflow(&case, catalogue)?;
    let missing = missing_types(&workflow, catalogue);
    prepare(&mut workflow, &case)?;
    let stand_in = |name: &str| {
        let node = workflow.nodes.iter().find(|node| node.name == name);
        node.is_some_and(|node| node.disabled || workflow.pins.contains_key(&node.key))
    };
    let mut must_run = case.must_run.iter().filter(|name| !stand_in(name));
    if let Some((name, kind)) = must_run.find_map(|name| missing.get_key_value(name)) {
        return Ok(unsupported(name, kind));
    }
    let plan = Plan::compile(&workflow, catalogue).map_err(|problems| {
        format!(
            "the workflow is not valid: {}",
            problems.first().map(ToString::to_string).unwrap_or_default()
        )
    })?;
    let plan = Arc::new(plan);
    let cancel = CancellationToken::new();
    let start = start(&case, &plan, cancel.clone())?;
    let services = Services {
        credentials: Arc::new(ByType(case.credentials.clone())),
        http: Client::with_mocks(Mocks::from(case.mocks.clone())),
        ..shared.services.clone()
    };
    let folder = Folder::new(case.folder.clone(), catalogue.clone(), case.missing_order);
    let clock = Arc::new(SystemClock::new(case.now_ms));
    let runner = Runner::new(services, clock).with_workflows(Arc::new(folder));
    let Ok(outcome) = tokio::time::timeout(shared.limit, runner.run(plan.clone(), start)).await else {
        return Err(format!("it did not end within {} s", shared.limit.as_secs_f64()));
    };
    let record = world::record(&plan, &outcome);
    let ports = |name: &str| -> Vec<Text> {
        plan.find(name).map_or_else(Vec::new, |node| plan.node(node).outputs.clone())
    };
    let judged = judge::judge(&case.expected, &record, &ports);
    let Err(difference) = judged else { return Ok(Verdict::Pass) };
    let failed = record.error.iter().filter_map(|error| error.node.as_ref());
    let reached = record.nodes.keys().chain(failed).map(Text::as_str).filter(|name| !stand_in(name));
    match reached.filter_map(|name| missing.get_key_value(name)).next() {
        Some((name, kind)) => Ok(unsupported(name, kind)),
        None => Err(difference),
    }
}

fn unsupported(name: &str, kind: &str) -> Verdict {
    Verdict::Unsupported(format!("node \"{name}\": node type {kind} is not supported"))
}

/// Reads the workflow.
fn read_workflow(case: &WorkflowCase, catalogue: &Catalogue) -> Result<Workflow, String> {
    let workflow = if n8n::is_n8n(&case.workflow) {
        n8n::import_as(&case.workflow, catalogue, case.missing_order).map(|import| import.workflow)
    } else {
        Workflow::from_json(&case.workflow.to_json())
    };
    workflow.map_err(|problem| format!("the workflow is not valid: {problem}"))
}

/// The nodes of types that do not exist here: their names and types.
fn missing_types(workflow: &Workflow, catalogue: &Catalogue) -> HashMap<String, String> {
    let missing = workflow.nodes.iter().filter_map(|node| {
        let kind = match &node.origin {
            Some(Imported { kind, type_version, parameters, .. }) if node.kind == Unsupported::KIND.name => {
                let foreign = N8nNode { kind, version: *type_version, parameters, webhook_id: None };
                (catalogue.import_n8n(&foreign) == Err(Unmapped::UnknownType)).then_some(kind)
            }
            _ => catalogue.find(&node.kind, node.version).is_none().then_some(&node.kind),
        };
        Some((node.name.to_string(), kind?.clone()))
    });
    missing.collect()
}

/// Pins and disables nodes as the case says.
fn prepare(workflow: &mut Workflow, case: &WorkflowCase) -> Result<(), String> {
    let key = |workflow: &Workflow, name: &str| {
        let node = workflow.nodes.iter().position(|node| node.name == name || node.key == name);
        node.ok_or_else(|| format!("the case names node \"{name}\", which does not exist"))
    };
    for (name, items) in &case.pins {
        let node = key(workflow, name)?;
        let key = workflow.nodes[node].key.clone();
        workflow.pins.insert(key, items.clone());
    }
    for name in &case.disabled {
        let node = key(workflow, name)?;
        workflow.nodes[node].disabled = true;
    }
    Ok(())
}

fn start(case: &WorkflowCase, plan: &Plan, cancel: CancellationToken) -> Result<Start, String> {
    let find =
        |name: &String| plan.find(name).ok_or_else(|| format!("there is no node \"{name}\" to start at"));
    Ok(Start {
        node: case.start.as_ref().map(find).transpose()?,
        items: Arc::new(case.input.clone()),
        // Where time stands still it does so for people's code too.
        mode: match case.mode {
            Mode::Manual if case.now_ms.is_some() => Mode::Test,
            mode => mode,
        },
        zone: world::zone(plan, &case.timezone).map_err(|error| error.to_string())?,
        variables: case.variables.clone(),
        seed: 1,
        cancel,
        ..Start::default()
    })
}

/// Puts the files of a case into a folder and says in the workflow where that is. The folders go with the result.
fn place_files(case: &mut WorkflowCase) -> Result<Option<[tempfile::TempDir; 2]>, String> {
    let text = case.workflow.to_json();
    if !text.contains("$FILES_DIR") && !text.contains("$TMP_DIR") {
        return Ok(None);
    }
    let folder =
        || tempfile::tempdir().map_err(|error| format!("a folder for files cannot be made: {error}"));
    let [files, empty] = [folder()?, folder()?];
    for (name, content) in &case.files {
        let plain = Path::new(name).file_name().is_some_and(|file| file == name.as_str());
        if !plain {
            return Err(format!("file name \"{name}\" is not valid; give a name without folders"));
        }
        std::fs::write(files.path().join(name), content)
            .map_err(|error| format!("{name} cannot be written: {error}"))?;
    }
    let places = [("$FILES_DIR", files.path()), ("$TMP_DIR", empty.path())];
    case.workflow = with_places(&case.workflow, &places);
    Ok(Some([files, empty]))
}

fn with_places(value: &Value, places: &[(&str, &Path)]) -> Value {
    match value {
        Value::String(text) => {
            let replace =
                |text: String, (name, path): &(&str, &Path)| text.replace(name, &path.to_string_lossy());
            Value::from(places.iter().fold(text.to_string(), replace))
        }
        Value::Array(values) => Value::array(values.iter().map(|value| with_places(value, places))),
        Value::Object(object) => Value::Object(
            object.iter().map(|(key, value)| (key.clone(), with_places(value, places))).collect(),
        ),
        other => other.clone(),
    }
}
