//! `runnel validate`: checks a workflow file without running it.

use std::path::{Path, PathBuf};

use engine::Plan;
use model::validate::{Code, Severity};
use model::{Order, Problem};
use nodes::n8n::{NodeReport, Outcome};
use serde::Serialize;

use crate::Exit;
use crate::files::{self, Invalid};
use crate::print::{self, Paint};

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow file, ours or n8n's; `-` reads standard input.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Verdict<'a> {
    file: &'a str,
    valid: bool,
    problems: &'a [Problem],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let file = args.file.display().to_string();
    let problems = check(&args.file).unwrap_or_else(|invalid| invalid.problems);
    let valid = problems.iter().all(|problem| problem.severity == Severity::Warning);
    if args.json {
        print::json(&Verdict { file: &file, valid, problems: &problems })?;
    } else {
        let paint = Paint::stdout();
        let verdict = if valid { paint.green("valid") } else { paint.red("not valid") };
        print::line(&format!("{}{file}: {verdict}", print::problems(paint, &file, &problems)))?;
    }
    Ok(if valid { Exit::Completed } else { Exit::Invalid })
}

/// Everything that is wrong with a file: its graph, its node types and their parameters.
fn check(file: &Path) -> Result<Vec<Problem>, Invalid> {
    let catalogue = nodes::catalogue();
    let files::Loaded { workflow, report } = files::load(file, &catalogue, Order::Sequential)?;
    let mut problems = workflow.problems();
    if let Some(report) = report {
        problems.extend(report.nodes.iter().filter_map(unsupported));
        problems.extend(report.warnings);
    }
    if problems.iter().all(|problem| problem.severity == Severity::Warning) {
        match Plan::compile(&workflow, &catalogue) {
            Ok(plan) => problems.extend(plan.warnings().iter().cloned()),
            Err(more) => problems.extend(more),
        }
    }
    Ok(problems)
}

fn unsupported(node: &NodeReport) -> Option<Problem> {
    let Outcome::Unsupported { reason, missing_type } = &node.outcome else { return None };
    let code = if *missing_type { Code::UnknownType } else { Code::Parameters };
    let problem = Problem::warning(format!("nodes[\"{}\"]", node.node), code, reason.clone());
    Some(problem.fix("the workflow fails when it gets there; replace the node, disable it or pin its output"))
}
