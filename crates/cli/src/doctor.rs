//! `runnel doctor`: looks for what a running server does not notice, and says what to do about it.
//!
//! It changes nothing, and may run beside the server.

mod checks;
mod disk;
mod refold;

use serde::Serialize;

use crate::config::{AllFlags, Config};
use crate::print::{self, Paint};
use crate::{Exit, world};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many executions, drawn at random, are folded again from their journals.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    executions: usize,
    /// Read every large payload and compare its content; without it they only have to be there.
    #[arg(long)]
    deep: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: AllFlags,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// All is well.
    Ok,
    /// It works, and could be better.
    Warning,
    /// Somebody has to do something.
    Problem,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), fix: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: Status::Warning, message: message.into(), fix: Some(fix.into()) }
    }

    fn problem(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, status: Status::Problem, message: message.into(), fix: Some(fix.into()) }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    healthy: bool,
    checks: &'a [Finding],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    let findings = world::runtime()?.block_on(checks::all(&config, args.executions, args.deep));
    let healthy = findings.iter().all(|finding| finding.status != Status::Problem);
    if args.json {
        print::json(&Report { healthy, checks: &findings })?;
    } else {
        let paint = Paint::stdout();
        for finding in &findings {
            print::line(&text(finding, paint))?;
        }
    }
    Ok(if healthy { Exit::Completed } else { Exit::Failed })
}

fn text(finding: &Finding, paint: Paint) -> String {
    let status = match finding.status {
        Status::Ok => paint.green("ok     "),
        Status::Warning => paint.yellow("warning"),
        Status::Problem => paint.red("problem"),
    };
    let fix = finding.fix.as_ref().map(|fix| format!("\n                   -> {fix}")).unwrap_or_default();
    format!("{status} {:<10} {}{fix}", finding.check, finding.message)
}
