//! Everything that is wrong with a workflow, and what that keeps people from.

use engine::Plan;
use jiff::tz::TimeZone;
use model::validate::{Code, Severity};
use model::{Problem, Workflow};

use crate::app::App;

/// What is wrong with a workflow.
pub struct Checked {
    /// Everything, with where it is and what to do about it. Errors keep it from being published.
    pub problems: Vec<Problem>,
    /// The workflow compiled, unless it cannot run at all.
    pub plan: Option<Plan>,
}

impl Checked {
    /// Whether it can be published.
    pub fn is_publishable(&self) -> bool {
        !self.problems.iter().any(is_error)
    }

    /// What keeps it even from a test run, if anything does.
    pub(super) fn blocking_runs(&self) -> Option<Vec<Problem>> {
        self.plan
            .is_none()
            .then(|| self.problems.iter().filter(|problem| is_error(problem)).cloned().collect())
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

/// The node type that stands for what an import could not translate. It may stand in a draft, and pinned in test runs.
const UNSUPPORTED: &str = "core.unsupported";

/// Looks at a workflow as publishing does.
pub(super) fn check(app: &App, workflow: &Workflow) -> Checked {
    let mut problems = workflow.problems();
    if problems.iter().any(|problem| problem.code == Code::TooLarge) {
        return Checked { problems, plan: None };
    }
    let is_broken = problems.iter().any(is_error);
    let plan = match Plan::compile(workflow, app.catalogue()) {
        Ok(plan) => {
            add(&mut problems, plan.warnings().iter().map(|warning| as_published(workflow, warning)));
            check_triggers(&plan, &mut problems);
            // Keys that stand twice or edges to nowhere would make another workflow of it.
            (!is_broken).then_some(plan)
        }
        Err(errors) => {
            add(&mut problems, errors);
            None
        }
    };
    for (index, node) in workflow.nodes.iter().enumerate().filter(|(_, node)| !node.disabled) {
        if node.kind == UNSUPPORTED {
            let reason =
                node.parameters.get("reason").and_then(model::Value::as_str).unwrap_or("it is not supported");
            let problem = Problem::error(format!("nodes[{index}].type"), Code::UnknownType, reason);
            problems.push(problem.fix("replace the node or disable it"));
        }
    }
    let zone = workflow.settings.timezone.as_ref();
    if let Some(zone) = zone.filter(|zone| TimeZone::get(zone).is_err()) {
        let message = format!("there is no time zone \"{zone}\"");
        let problem = Problem::error("settings.timezone", Code::TimeZone, message);
        problems.push(problem.fix("use an IANA name such as Europe/Berlin"));
    }
    Checked { problems, plan }
}

/// Adds what was not found before.
fn add(problems: &mut Vec<Problem>, more: impl IntoIterator<Item = Problem>) {
    for problem in more {
        let is_known = problems.iter().any(|known| known.path == problem.path && known.code == problem.code);
        if !is_known {
            problems.push(problem);
        }
    }
}

/// A node that cannot run may stand in a draft, but not in what is published, unless it is disabled.
fn as_published(workflow: &Workflow, warning: &Problem) -> Problem {
    let blocks = matches!(warning.code, Code::UnknownType | Code::Parameters | Code::Expression);
    let index = warning.path.strip_prefix("nodes[").and_then(|path| path.split_once(']'));
    let node = index.and_then(|(index, _)| workflow.nodes.get(index.parse::<usize>().ok()?));
    let runs = node.is_none_or(|node| !node.disabled);
    let severity = if blocks && runs { Severity::Error } else { warning.severity };
    Problem { severity, ..warning.clone() }
}

fn check_triggers(plan: &Plan, problems: &mut Vec<Problem>) {
    let mut is_started = false;
    for (index, node) in plan.nodes().iter().enumerate().filter(|(_, node)| !node.info.disabled) {
        is_started |= node.starts_on.is_some();
        if let Some(Err(error)) = &node.trigger {
            let path = format!("nodes[{index}].parameters");
            problems.push(Problem::error(path, Code::Parameters, error.to_string()));
        }
    }
    if !is_started {
        let problem = Problem::error("nodes", Code::NoTrigger, "nothing starts this workflow");
        problems.push(problem.fix("add a trigger, or enable one"));
    }
}
