//! `runnel test`: runs workflow test cases.
//!
//! `own` reads the format of `docs/test-cases.md`, `conformance` that of the conformance data; both give a [`case`].
//! `run` runs a case, `judge` and `compare` say whether it did what was expected, `expressions` does the same for
//! expressions. `nodes` are node types for cases only.

mod case;
mod compare;
mod conformance;
mod expressions;
mod judge;
mod nodes;
mod own;
mod run;
mod source;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indexmap::IndexMap;
use model::Problem;
use model::validate::Code;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) use compare::clip;

use crate::files::{self, Invalid};
use crate::print::{self, Paint, Progress, Side, Table, plain};
use crate::{Exit, world};
use case::Case;
use run::{Shared, Verdict};

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files with test cases, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only cases whose id contains this text; may be repeated.
    #[arg(long)]
    filter: Vec<String>,
    /// Longest time for one case, in seconds.
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = crate::args::seconds)]
    timeout: f64,
    /// Compare everything that was recorded, with the origin of every item (conformance cases only).
    #[arg(long)]
    strict: bool,
    /// Print JSON: one line per case, then the counts.
    #[arg(long)]
    json: bool,
}

/// How much of a recorded case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    /// What it names as expected.
    Usual,
    /// Every node, run, branch and origin.
    Strict,
}

/// What `--json` prints per case.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    group: &'a str,
    result: &'static str,
    reason: Option<&'a str>,
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    total: usize,
    pass: usize,
    fail: usize,
    unsupported: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        self.total += 1;
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail(_) => self.fail += 1,
            Verdict::Unsupported(_) => self.unsupported += 1,
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let strictness = if args.strict { Strictness::Strict } else { Strictness::Usual };
    let mut cases = Vec::new();
    for path in &args.paths {
        find_cases(path, strictness, &mut cases)?;
    }
    cases.retain(|case| {
        args.filter.is_empty() || args.filter.iter().any(|text| case.id.contains(text.as_str()))
    });
    if cases.is_empty() {
        anyhow::bail!("no test cases found; docs/test-cases.md shows how to write one");
    }
    let limit = Duration::from_secs_f64(args.timeout);
    world::runtime()?.block_on(run_all(args, cases, limit))
}

/// Reads the cases below a path. In a folder, files that hold none are passed over.
fn find_cases(path: &Path, strictness: Strictness, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let files = files::json_files(path).with_context(|| path.display().to_string())?;
    let named = files.len() == 1 && files[0] == path;
    for file in files {
        let invalid = |message: String| Invalid::new(&file, Problem::error("", Code::Shape, message));
        let text = files::read_text(&file)?;
        let value = match files::parse(&file, &text) {
            Ok(value) => value,
            Err(_) if !named => continue,
            Err(error) => return Err(error.into()),
        };
        if conformance::is_case(&value) {
            cases.push(conformance::read_case(&value, strictness).map_err(invalid)?);
        } else if conformance::is_expressions(&value) {
            let group = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            cases.extend(conformance::read_expressions(&value, group).map_err(invalid)?);
        } else if own::is_test_file(&value) {
            cases.extend(own::read(&file, &text).map_err(invalid)?);
        } else if named {
            let message = "this file holds no test cases; docs/test-cases.md shows how to write one";
            return Err(invalid(message.to_owned()).into());
        }
    }
    Ok(())
}

async fn run_all(args: &Args, cases: Vec<Case>, limit: Duration) -> anyhow::Result<Exit> {
    let shared = Arc::new(Shared::new(limit)?);
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Arc::new(Semaphore::new(parallel));
    let count = cases.len();
    let mut running: VecDeque<(String, String, JoinHandle<Verdict>)> = VecDeque::with_capacity(count);
    for case in cases {
        let (shared, turns) = (shared.clone(), turns.clone());
        let (id, group) = (case.id.clone(), case.group.clone());
        let verdict = tokio::spawn(async move {
            let _turn = turns.acquire().await.expect("the semaphore is never closed");
            run::run(case, &shared).await
        });
        running.push_back((id, group, verdict));
    }
    let mut report = Report { args, groups: IndexMap::new(), paint: Paint::stdout() };
    let progress = Progress::new();
    let mut done = 0;
    while let Some((id, group, verdict)) = running.pop_front() {
        progress.show(&format!("{done}/{count} {id}"));
        let verdict =
            verdict.await.unwrap_or_else(|error| Verdict::Fail(format!("the case ended early: {error}")));
        progress.clear();
        report.add(&id, &group, &verdict)?;
        done += 1;
    }
    report.finish()
}

struct Report<'a> {
    args: &'a Args,
    groups: IndexMap<String, Counts>,
    paint: Paint,
}

impl Report<'_> {
    fn add(&mut self, id: &str, group: &str, verdict: &Verdict) -> anyhow::Result<()> {
        self.groups.entry(group.to_owned()).or_default().add(verdict);
        let (result, reason) = match verdict {
            Verdict::Pass => ("pass", None),
            Verdict::Fail(reason) => ("fail", Some(reason.as_str())),
            Verdict::Unsupported(reason) => ("unsupported", Some(reason.as_str())),
        };
        if self.args.json {
            return print::json(&Line { id, group, result, reason });
        }
        let mark = match verdict {
            Verdict::Pass => return Ok(()),
            Verdict::Fail(_) => self.paint.red("fail"),
            Verdict::Unsupported(_) => self.paint.yellow("unsupported"),
        };
        print::line(&format!("{mark} {id}\n  {}", reason.unwrap_or_default()))?;
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Exit> {
        let mut total = Counts::default();
        for counts in self.groups.values() {
            total.total += counts.total;
            total.pass += counts.pass;
            total.fail += counts.fail;
            total.unsupported += counts.unsupported;
        }
        if self.args.json {
            let mut line = json!(total);
            line["groups"] = json!(self.groups);
            print::json(&line)?;
        } else {
            print::line(&self.table(total))?;
        }
        Ok(if total.pass == total.total { Exit::Completed } else { Exit::Failed })
    }

    fn table(&self, total: Counts) -> String {
        let columns = ["pass", "fail", "unsupported", "total"].map(|title| (title, Side::Right));
        let mut table = Table::new(&[&[("group", Side::Left)][..], &columns[..]].concat());
        let total = (self.groups.len() > 1).then(|| ("total".to_owned(), total));
        for (group, counts) in self.groups.clone().into_iter().chain(total) {
            let coloured = |number: usize, colour: fn(Paint, &str) -> String| {
                let text = number.to_string();
                let shown = if number == 0 { self.paint.dim(&text) } else { colour(self.paint, &text) };
                (text, shown)
            };
            table.row(vec![
                plain(group),
                coloured(counts.pass, Paint::green),
                coloured(counts.fail, Paint::red),
                coloured(counts.unsupported, Paint::yellow),
                plain(counts.total.to_string()),
            ]);
        }
        table.text(self.paint, "").trim_end().to_owned()
    }
}
