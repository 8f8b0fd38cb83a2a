//! `runnel import`: turns n8n workflows into ours.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::Problem;
use model::validate::Code;
use nodes::n8n::{self, NodeReport, Outcome, Report, Totals};
use serde::Serialize;
use serde_json::json;

use crate::Exit;
use crate::files::{self, Invalid};
use crate::print::{self, Paint, Progress, count};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file with one or several n8n workflows, or a folder of such files.
    path: PathBuf,
    /// Where the workflow files go.
    #[arg(long, default_value = "workflows")]
    out: PathBuf,
    /// Only report; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON: one line per workflow, then the totals.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints per workflow.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    name: &'a str,
    loaded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    nodes: usize,
    native: usize,
    notes: usize,
    changed: Vec<serde_json::Value>,
    unsupported: Vec<serde_json::Value>,
    executable: bool,
    webhooks: &'a [n8n::OldWebhook],
    credentials: &'a [n8n::MissingCredential],
    problems: &'a [Problem],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let files = files::json_files(&args.path).with_context(|| args.path.display().to_string())?;
    let mut import =
        Import { args, totals: Totals::default(), taken: HashSet::new(), catalogue: nodes::catalogue() };
    let progress = Progress::new();
    for (index, file) in files.iter().enumerate() {
        progress.show(&format!("{}/{} {}", index + 1, files.len(), file.display()));
        import.file(file, &progress)?;
    }
    progress.clear();
    let totals = &import.totals;
    if args.json {
        print::json(totals)?;
    } else {
        print::line(&totals_text(totals, Paint::stdout()))?;
    }
    Ok(if totals.loaded == totals.workflows && totals.workflows > 0 {
        Exit::Completed
    } else {
        Exit::Invalid
    })
}

struct Import<'a> {
    args: &'a Args,
    totals: Totals,
    taken: HashSet<String>,
    catalogue: sdk::Catalogue,
}

impl Import<'_> {
    fn file(&mut self, path: &Path, progress: &Progress) -> anyhow::Result<()> {
        let file = path.display().to_string();
        let workflows = files::read_json(path).and_then(|value| {
            if value.get("edges").is_some() && !n8n::is_n8n(&value) {
                let problem = Problem::error("", Code::Shape, "this workflow is in our format already");
                return Err(Invalid::new(path, problem.fix("use it as it is")));
            }
            let found = n8n::workflows(&value).map_err(|problem| Invalid::new(path, problem))?;
            let import = |(inside, workflow): (String, &model::Value)| {
                (inside, n8n::import(workflow, &self.catalogue))
            };
            Ok(found.into_iter().map(import).collect::<Vec<_>>())
        });
        progress.clear();
        let workflows = match workflows {
            Ok(workflows) => workflows,
            Err(invalid) => return self.refused(&file, "", &invalid.problems),
        };
        for (inside, import) in workflows {
            match import {
                Ok(import) => self.imported(path, &inside, &import)?,
                Err(problem) => self.refused(&file, &inside, &[problem])?,
            }
        }
        Ok(())
    }

    fn refused(&mut self, file: &str, path: &str, problems: &[Problem]) -> anyhow::Result<()> {
        self.totals.add_failed();
        if !self.args.json {
            print::line(print::problems(Paint::stdout(), file, problems).trim_end())?;
            return Ok(());
        }
        let report = Report::default();
        let line = Line { loaded: false, executable: false, problems, ..line(file, path, &report, None) };
        print::json(&line)
    }

    fn imported(&mut self, file: &Path, inside: &str, import: &n8n::Import) -> anyhow::Result<()> {
        self.totals.add(&import.report);
        let written = if self.args.dry_run { None } else { Some(self.write(file, import)?) };
        let file = file.display().to_string();
        if self.args.json {
            return print::json(&line(&file, inside, &import.report, written));
        }
        print::line(&report_text(&file, &import.report, written.as_deref(), Paint::stdout()))?;
        Ok(())
    }

    /// Writes the workflow under the name of the file it came from.
    fn write(&mut self, file: &Path, import: &n8n::Import) -> anyhow::Result<String> {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("workflow");
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let name = std::iter::once(stem.to_owned()).chain(numbered).find(|name| !self.taken.contains(name));
        let name = name.expect("numbers do not end");
        let path = self.args.out.join(format!("{name}.json"));
        self.taken.insert(name);
        let text = serde_json::to_string_pretty(&import.workflow)? + "\n";
        let write = || {
            std::fs::create_dir_all(&self.args.out)?;
            std::fs::write(&path, text)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path.display().to_string())
    }
}

fn line<'a>(file: &'a str, path: &'a str, report: &'a Report, written: Option<String>) -> Line<'a> {
    let mut changed = Vec::new();
    let mut unsupported = Vec::new();
    for node in &report.nodes {
        let facts =
            json!({ "node": node.node, "type": node.kind, "version": model::Value::from(node.version) });
        let with = |name: &str, value: serde_json::Value| {
            let mut facts = facts.clone();
            facts[name] = value;
            facts
        };
        match &node.outcome {
            Outcome::Native | Outcome::Note => {}
            Outcome::Changed { reasons } => changed.push(with("reasons", json!(reasons))),
            Outcome::Unsupported { reason, .. } => unsupported.push(with("reason", json!(reason))),
        }
    }
    Line {
        file,
        path,
        name: &report.name,
        loaded: true,
        written,
        nodes: report.nodes.len(),
        native: report.count(|outcome| *outcome == Outcome::Native),
        notes: report.count(|outcome| *outcome == Outcome::Note),
        changed,
        unsupported,
        executable: report.is_fully_executable(),
        webhooks: &report.webhooks,
        credentials: &report.credentials,
        problems: &report.warnings,
    }
}

fn report_text(file: &str, report: &Report, written: Option<&str>, paint: Paint) -> String {
    let mut head = vec![count(report.nodes.len(), "node")];
    let changed = report.count(|outcome| matches!(outcome, Outcome::Changed { .. }));
    let unsupported = report.count(|outcome| matches!(outcome, Outcome::Unsupported { .. }));
    head.push(format!("{} native", report.count(|outcome| *outcome == Outcome::Native)));
    if changed > 0 {
        head.push(paint.yellow(&format!("{changed} changed")));
    }
    if unsupported > 0 {
        head.push(paint.red(&format!("{unsupported} unsupported")));
    }
    let name = if report.name.is_empty() { file } else { &report.name };
    let arrow = written.map(|path| format!(" {} {path}", paint.dim("->"))).unwrap_or_default();
    let mut text = format!("{} {}{arrow}", paint.bold(name), head.join(", "));
    for (label, what, nodes) in differences(report) {
        let label = if label == "changed" { paint.yellow(label) } else { paint.red(label) };
        text += &format!("\n  {label} {}: {what}", nodes.join(", "));
    }
    for webhook in &report.webhooks {
        let moved =
            format!("/webhook/{} gets a new address when the workflow is published", webhook.old_path);
        text += &format!("\n  {} {}: {moved}", paint.yellow("webhook"), webhook.node);
    }
    for problem in &report.warnings {
        text += &format!("\n  {} {problem}", paint.yellow("warning"));
    }
    text
}

/// What became different or was not supported, each with the nodes that it happened to.
fn differences(report: &Report) -> Vec<(&'static str, &str, Vec<&str>)> {
    let mut found: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    let mut add = |label, what, node| match found
        .iter_mut()
        .find(|(other, text, _)| (*other, *text) == (label, what))
    {
        Some((_, _, nodes)) => nodes.push(node),
        None => found.push((label, what, vec![node])),
    };
    for NodeReport { node, outcome, .. } in &report.nodes {
        match outcome {
            Outcome::Native | Outcome::Note => {}
            Outcome::Changed { reasons } => reasons.iter().for_each(|reason| add("changed", reason, node)),
            Outcome::Unsupported { reason, .. } => add("unsupported", reason, node),
        }
    }
    found
}

fn totals_text(totals: &Totals, paint: Paint) -> String {
    let mut text = format!(
        "\n{} of {} loaded, {} fully executable; {} of {} executable",
        totals.loaded,
        count(totals.workflows, "workflow"),
        totals.fully_executable_workflows,
        totals.executable_nodes,
        count(totals.nodes - totals.notes, "node"),
    );
    let missing = totals.missing_by_frequency();
    if !missing.is_empty() {
        let shown = missing.iter().take(10).map(|(kind, count)| format!("{kind} ({count})"));
        text += &format!("\n{} {}", paint.dim("most missed:"), shown.collect::<Vec<_>>().join(", "));
    }
    text
}
