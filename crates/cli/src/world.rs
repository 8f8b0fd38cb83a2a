//! The outside world of an execution: clock, secrets, other workflows, people's code.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use engine::{Clock, Event, Outcome, Plan, Workflows};
use jiff::tz::TimeZone;
use model::{Object, Order, Problem, StepStatus, Value, Workflow};
use nodes::n8n;
use sandbox::Sandbox;
use sdk::credential::{Credential, Credentials};
use sdk::node::BoxFuture;
use sdk::output::WorkflowSource;
use sdk::{Catalogue, NodeError, NodeInfo, Services};

use crate::files::{self, Invalid};
use crate::record::{Failure, Record, Run};

/// The time zone of workflows that name none, when nobody says otherwise.
pub(crate) const DEFAULT_ZONE: &str = "UTC";

/// The hidden command that runs people's code.
pub(crate) const SANDBOX_COMMAND: &str = "sandbox-child";

/// The system's clock, or one that stands still.
pub(crate) struct SystemClock {
    fixed_ms: Option<f64>,
    start: Instant,
}

impl SystemClock {
    /// A clock that stands still at this time, or the system's.
    pub(crate) fn new(fixed_ms: Option<f64>) -> Self {
        Self { fixed_ms, start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> f64 {
        self.fixed_ms.unwrap_or_else(now_ms)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64
}

/// Credentials by type, the same for every node.
pub(crate) struct ByType(pub(crate) Object);

impl Credentials for ByType {
    fn find<'a>(&'a self, node: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        Box::pin(async move {
            match self.0.get(kind).and_then(Value::as_object) {
                Some(fields) => Ok(Credential::new(kind, fields.clone())),
                None => Err(NodeError::permanent(format!(
                    "node \"{}\" needs a credential of type {kind}; give one",
                    node.name
                ))),
            }
        })
    }
}

/// Workflow files in a folder, by file name or by the id inside.
pub(crate) struct Folder {
    folder: Option<PathBuf>,
    catalogue: Catalogue,
    missing_order: Order,
    /// What was already found, by id; a step may call one workflow for each of its items.
    found: Mutex<HashMap<String, Arc<Plan>>>,
}

impl Folder {
    pub(crate) fn new(folder: Option<PathBuf>, catalogue: Catalogue, missing_order: Order) -> Self {
        let folder = folder.map(|folder| if folder.as_os_str().is_empty() { ".".into() } else { folder });
        Self { folder, catalogue, missing_order, found: Mutex::default() }
    }

    fn find(&self, id: &str) -> Result<Workflow, NodeError> {
        let missing = || {
            let place =
                self.folder.as_deref().map_or_else(String::new, |folder| format!(" in {}", folder.display()));
            NodeError::permanent(format!(
                "workflow \"{id}\" was not found{place}; put its file there, named {id}.json"
            ))
        };
        let folder = self.folder.as_deref().ok_or_else(missing)?;
        // An id names a file of this folder and nothing outside.
        let is_name = Path::new(id).components().count() == 1 && !id.contains(['/', '\\']) && id != "..";
        let named = [folder.join(id), folder.join(format!("{id}.json"))];
        let named = named.into_iter().filter(|path| is_name && path.is_file());
        let load = |path: &Path| files::load(path, &self.catalogue, self.missing_order);
        if let Some(path) = named.into_iter().next() {
            return load(&path).map(|loaded| loaded.workflow).map_err(refused);
        }
        let files = std::fs::read_dir(folder).map_err(|_| missing())?;
        let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json") && path.is_file());
        files.sort();
        let mut loaded = files.iter().filter_map(|path| Some(load(path).ok()?.workflow));
        loaded.find(|workflow| workflow.id.as_deref() == Some(id)).ok_or_else(missing)
    }

    fn compile(&self, workflow: &Workflow) -> Result<Arc<Plan>, NodeError> {
        let plan = Plan::compile(workflow, &self.catalogue).map_err(|problems| {
            let problem = problems.first().map(ToString::to_string).unwrap_or_default();
            NodeError::permanent(format!("the sub-workflow is not valid: {problem}"))
        })?;
        Ok(Arc::new(plan))
    }
}

/// The workflow that a step defines in place, in our format or n8n's. `missing_order` is the order of an n8n workflow
/// that names none.
pub(crate) fn read_definition(
    definition: &Value,
    catalogue: &Catalogue,
    missing_order: Order,
) -> Result<Workflow, NodeError> {
    let refused =
        |problem: Problem| NodeError::permanent(format!("the sub-workflow is not valid: {problem}"));
    if n8n::is_n8n(definition) {
        let import = n8n::import_as(definition, catalogue, missing_order).map_err(refused)?;
        return Ok(import.workflow);
    }
    Workflow::from_json(&definition.to_json()).map_err(refused)
}

fn refused(invalid: Invalid) -> NodeError {
    NodeError::permanent(invalid.to_string())
}

impl Workflows for Folder {
    fn resolve<'a>(&'a self, source: &'a WorkflowSource) -> BoxFuture<'a, Result<Arc<Plan>, NodeError>> {
        Box::pin(async move {
            match source {
                WorkflowSource::Inline { definition } => {
                    self.compile(&read_definition(definition, &self.catalogue, self.missing_order)?)
                }
                WorkflowSource::Reference { id } => {
                    let known = || self.found.lock().expect("nobody panics while holding plans");
                    if let Some(plan) = known().get(id) {
                        return Ok(plan.clone());
                    }
                    let plan = self.compile(&self.find(id)?)?;
                    known().insert(id.clone(), plan.clone());
                    Ok(plan)
                }
            }
        })
    }
}

/// The time zone of a workflow, or the default one.
pub(crate) fn zone(plan: &Plan, default: &str) -> anyhow::Result<TimeZone> {
    let name = plan.timezone.as_deref().unwrap_or(default);
    TimeZone::get(name)
        .map_err(|_| anyhow::anyhow!("there is no time zone \"{name}\"; use one such as Europe/Berlin"))
}

/// The services that every execution shares: people's code runs in child processes of this program, as many at the same
/// time as `code_processes` says.
pub(crate) fn services(code_processes: Option<usize>) -> anyhow::Result<Services> {
    let mut config = sandbox_config()?;
    config.processes = code_processes.unwrap_or(config.processes);
    Ok(Services { code: Arc::new(Sandbox::new(config)), ..Services::default() })
}

/// How people's code is run.
pub(crate) fn sandbox_config() -> anyhow::Result<sandbox::Config> {
    Ok(sandbox::Config::new(this_program()?, [SANDBOX_COMMAND.into()]))
}

/// This very program, also when another version takes its place on the disk while it runs.
fn this_program() -> anyhow::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe().context("this program does not know where it is")
}

/// A runtime for executions.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 << 20).build()?;
    Ok(runtime)
}

/// What an execution left.
pub(crate) fn record(plan: &Plan, outcome: &Outcome) -> Record {
    let name = |node: usize| plan.node(node).info.name.clone();
    let failure = |node: Option<usize>, error: &NodeError| Failure {
        node: node.map(name),
        message: error.message.clone(),
        description: error.description.clone(),
        item: error.item,
    };
    let mut durations: HashMap<(usize, usize), Duration> = HashMap::new();
    for recorded in &outcome.journal {
        if let (Event::StepSucceeded(attempt, _) | Event::StepFailed(attempt, _), Some(duration)) =
            (&recorded.event, recorded.duration)
        {
            *durations.entry((attempt.step.node(), attempt.step.run as usize)).or_default() += duration;
        }
    }
    let mut record = Record {
        status: outcome.status,
        error: outcome.failure.as_ref().map(|failed| failure(failed.node, &failed.error)),
        duration_ms: milliseconds(outcome.duration),
        order: outcome.order.iter().map(|(node, _)| name(*node)).collect(),
        nodes: Default::default(),
    };
    for (node, run) in &outcome.order {
        let Some(done) = outcome.history.runs(*node).get(*run) else { continue };
        let duration = durations.get(&(*node, *run)).copied().unwrap_or_default();
        record.nodes.entry(name(*node)).or_default().push(Run {
            status: if done.error.is_some() { StepStatus::Failed } else { StepStatus::Completed },
            outputs: done.outputs.clone(),
            error: done.error.as_ref().map(|error| failure(Some(*node), error)),
            duration_ms: milliseconds(duration),
        });
    }
    record
}

/// Milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
