//! `runnel validate`: checks a workflow file without running it.

use std::path::PathBuf;

use model::validate::Severity;
use model::{Order, Problem};
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
    let problems = match files::load(&args.file, &nodes::catalogue(), Order::Sequential) {
        Ok(loaded) => {
            let mut problems = loaded.report.map(|report| report.warnings).unwrap_or_default();
            problems.extend(loaded.workflow.problems());
            problems
        }
        Err(Invalid { problems, .. }) => problems,
    };
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
