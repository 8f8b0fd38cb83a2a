//! `runnel migrate`: what the schema of a database lacks, and adding it ahead of a start.

use serde::Serialize;
use store::{SchemaStep, Store};

use crate::config::{Config, DataFlags};
use crate::print::{self, Paint};
use crate::{Exit, open, world};

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    #[arg(value_enum)]
    action: Action,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DataFlags,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Say which steps of the schema were applied; exit code 1 when some were not.
    Status,
    /// Apply those that were not.
    Apply,
}

/// A step as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    state: &'static str,
    applied_at: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    world::runtime()?.block_on(migrate(args, &config))
}

async fn migrate(args: &Args, config: &Config) -> anyhow::Result<Exit> {
    let store_config = open::store_config(&config.data);
    if args.action == Action::Apply {
        Store::open(store_config.clone()).await?;
    }
    let steps = store::schema(&store_config).await?;
    let lines = steps.iter().map(|step| Line {
        name: &step.name,
        state: state(step),
        applied_at: step.applied_at.map(|at| format!("{at:.0}")),
    });
    if args.json {
        print::json(&lines.collect::<Vec<_>>())?;
    } else {
        let paint = Paint::stdout();
        for line in lines {
            let state =
                if line.state == "applied" { paint.green(line.state) } else { paint.yellow(line.state) };
            let at = line.applied_at.map(|at| format!(" {at}")).unwrap_or_default();
            print::line(&format!("{} {state}{}", line.name, paint.dim(&at)))?;
        }
    }
    let is_current = steps.iter().all(|step| state(step) == "applied");
    Ok(if is_current { Exit::Completed } else { Exit::Failed })
}

fn state(step: &SchemaStep) -> &'static str {
    match (step.is_known, step.applied_at) {
        (false, _) => "unknown: a newer program applied it",
        (true, Some(_)) => "applied",
        (true, None) => "missing",
    }
}
