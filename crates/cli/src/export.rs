//! `runnel export`: turns a workflow into another format.

use std::path::PathBuf;

use anyhow::Context as _;
use model::{Order, Value};
use nodes::n8n;

use crate::Exit;
use crate::files;
use crate::print::{self, Paint};

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The format to write.
    #[arg(long, value_enum)]
    format: Format,
    /// The workflow file; `-` reads standard input.
    file: PathBuf,
    /// Where to write; standard output when missing.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the workflow on one line.
    #[arg(long)]
    json: bool,
}

/// A format of workflow files.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// n8n's export format.
    N8n,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let catalogue = nodes::catalogue();
    let loaded = files::load(&args.file, &catalogue, Order::Sequential)?;
    let Format::N8n = args.format;
    let n8n::Export { file, problems } = n8n::export(&loaded.workflow, &catalogue);
    let text = print::problems(Paint::stderr(), &args.file.display().to_string(), &problems);
    text.lines().for_each(print::error_line);
    let file = Value::Object(file);
    let written = if args.json { file.to_json() } else { serde_json::to_string_pretty(&file)? };
    match &args.out {
        Some(path) => {
            std::fs::write(path, written + "\n")
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        None => print::line(&written)?,
    }
    Ok(Exit::Completed)
}
