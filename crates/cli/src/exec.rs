//! `runnel exec`: runs a workflow file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use engine::{Plan, Runner, Start};
use model::validate::Severity;
use model::{ExecutionStatus, Item, Object, Order, StepStatus, Value};
use nodes::n8n::{read_item, read_items};
use sdk::Services;
use sdk::context::Level;
use sdk::lookback::item_to_data;
use sdk::net::{self, TrustedNetworks};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Exit;
use crate::files::{self, Invalid};
use crate::print::{self, Paint, Progress, Side, Table, count, duration, plain};
use crate::record::{Failure, Record, Run, status_word};
use crate::world::{self, ByType, Folder, SystemClock};

/// Items of the last node that are shown to people.
const SHOWN_ITEMS: usize = 10;
/// Characters of an item that are shown to people.
const SHOWN_CHARACTERS: usize = 2_000;

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow file, ours or n8n's; `-` reads standard input.
    file: PathBuf,
    /// What the first node is given: an object or an array of items, as JSON or `@FILE`.
    #[arg(long, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// The node to start at, by name or key.
    #[arg(long, value_name = "NODE")]
    start: Option<String>,
    /// Credentials by type, as JSON or `@FILE`.
    #[arg(long, value_name = "JSON|@FILE")]
    credentials: Option<String>,
    /// Variables that expressions see as `$vars`, as JSON or `@FILE`.
    #[arg(long, value_name = "JSON|@FILE")]
    vars: Option<String>,
    /// Time zone of workflows that name none.
    #[arg(long, default_value = world::DEFAULT_ZONE)]
    timezone: String,
    /// Private addresses that requests may reach, such as 10.0.0.0/8; may be repeated. Without it those that
    /// RUNNEL_TRUSTED_NETWORKS lists.
    #[arg(long, value_name = "NETWORK")]
    trust: Vec<String>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = crate::args::seconds)]
    timeout: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    match prepare(args) {
        Ok(prepared) => execute(args, prepared),
        Err(error) if args.json => {
            let problems = error.downcast_ref::<Invalid>().map(|invalid| &invalid.problems);
            let failure =
                Failure { node: None, message: format!("{error:#}"), description: None, item: None };
            print::json(&json!({ "status": "invalid", "error": failure, "problems": problems }))?;
            Ok(Exit::Invalid)
        }
        Err(error) => Err(error),
    }
}

/// A workflow that is ready to run.
struct Prepared {
    plan: Arc<Plan>,
    runner: Runner,
    start: Start,
}

fn prepare(args: &Args) -> anyhow::Result<Prepared> {
    let catalogue = nodes::catalogue();
    let loaded = files::load(&args.file, &catalogue, Order::Sequential)?;
    let workflow = loaded.workflow;
    let problems = workflow.problems();
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Invalid { file: args.file.display().to_string(), problems }.into());
    }
    let plan = Plan::compile(&workflow, &catalogue)
        .map_err(|problems| Invalid { file: args.file.display().to_string(), problems })?;
    let node = args.start.as_ref().map(|start| find_start(&plan, start)).transpose()?;
    let trusted = trusted(&args.trust)?;
    let services = Services {
        credentials: Arc::new(ByType(object("--credentials", args.credentials.as_deref())?)),
        http: net::Client::new(net::Config { trusted, ..net::Config::default() }),
        ..world::services(None)?
    };
    let folder = args.file.parent().map(Path::to_owned);
    let runner = Runner::new(services, Arc::new(SystemClock::new(None)))
        .with_workflows(Arc::new(Folder::new(folder, catalogue, Order::Sequential)));
    let start = Start {
        node,
        items: Arc::new(input(args.input.as_deref())?),
        run_error_workflow: true,
        zone: world::zone(&plan, &args.timezone)?,
        variables: object("--vars", args.vars.as_deref())?,
        seed: world::now_ms().to_bits(),
        ..Start::default()
    };
    Ok(Prepared { plan: Arc::new(plan), runner, start })
}

/// The private networks that requests may reach: those named, else those of the environment.
fn trusted(named: &[String]) -> anyhow::Result<TrustedNetworks> {
    let environment = std::env::var("RUNNEL_TRUSTED_NETWORKS").unwrap_or_default();
    let (option, networks): (_, Vec<&str>) = match named {
        [] => ("RUNNEL_TRUSTED_NETWORKS", environment.split(',').map(str::trim).collect()),
        named => ("--trust", named.iter().map(String::as_str).collect()),
    };
    let networks = networks.into_iter().filter(|network| !network.is_empty());
    TrustedNetworks::parse(networks).with_context(|| option.to_owned())
}

fn find_start(plan: &Plan, name: &str) -> anyhow::Result<usize> {
    plan.find(name).with_context(|| {
        let names: Vec<String> = plan.nodes().iter().map(|node| format!("\"{}\"", node.info.name)).collect();
        format!("--start: there is no node \"{name}\"; there are {}", names.join(", "))
    })
}

/// JSON given on the command line, or in a file.
fn value(option: &str, text: &str) -> anyhow::Result<Value> {
    match text.strip_prefix('@') {
        Some(file) => Ok(files::read_json(Path::new(file)).with_context(|| option.to_owned())?),
        None => {
            Value::from_json(text).with_context(|| format!("{option} is not JSON; a file is named @FILE"))
        }
    }
}

fn input(text: Option<&str>) -> anyhow::Result<Vec<Item>> {
    let Some(text) = text else { return Ok(vec![Item::default()]) };
    let value = value("--input", text)?;
    let items = match &value {
        Value::Array(_) => read_items(&value),
        one => read_item(one).map(|item| vec![item]),
    };
    items.with_context(|| {
        format!("--input: an object or an array of objects is needed, not {}", value.type_name())
    })
}

fn object(option: &str, text: Option<&str>) -> anyhow::Result<Object> {
    let Some(text) = text else { return Ok(Object::new()) };
    match value(option, text)? {
        Value::Object(object) => Ok(object),
        other => bail!("{option}: an object is needed, not {}", other.type_name()),
    }
}

fn execute(args: &Args, prepared: Prepared) -> anyhow::Result<Exit> {
    let Prepared { plan, runner, mut start } = prepared;
    let cancel = CancellationToken::new();
    start.cancel = cancel.clone();
    let outcome = world::runtime()?.block_on(async {
        let run = runner.run(plan.clone(), start);
        tokio::pin!(run);
        let progress = Progress::new();
        let began = Instant::now();
        let deadline = args.timeout.map(Duration::from_secs_f64);
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        let mut timed_out = false;
        loop {
            tokio::select! {
                outcome = &mut run => {
                    progress.clear();
                    return (outcome, timed_out);
                }
                _ = tokio::signal::ctrl_c() => cancel.cancel(),
                _ = ticks.tick() => {
                    let elapsed = began.elapsed();
                    if elapsed > Duration::from_millis(500) {
                        progress.show(&format!("running, {}", duration(elapsed.as_secs_f64() * 1_000.0)));
                    }
                    if !timed_out && deadline.is_some_and(|deadline| elapsed >= deadline) {
                        timed_out = true;
                        cancel.cancel();
                    }
                }
            }
        }
    });
    let (outcome, timed_out) = outcome;
    let mut record = world::record(&plan, &outcome);
    if timed_out && record.status == ExecutionStatus::Cancelled {
        record.status = ExecutionStatus::TimedOut;
    }
    if args.json {
        print::json(&record)?;
    } else {
        let paint = Paint::stdout();
        print::line(&record_text(&args.file, &plan, &record, paint))?;
        for log in &outcome.logs {
            print::error_line(&log_text(&plan.node(log.node).info.name, log.level, &log.text));
        }
        if let Some(handled) = &outcome.error_execution {
            let status = status_word(handled.status);
            print::line(&format!("\nthe error workflow ran: {}", paint.bold(status)))?;
        }
    }
    Ok(match record.status {
        ExecutionStatus::Completed => Exit::Completed,
        ExecutionStatus::Failed => Exit::Failed,
        _ => Exit::Unfinished,
    })
}

fn log_text(node: &str, level: Level, text: &str) -> String {
    let paint = Paint::stderr();
    let level = match level {
        Level::Debug => paint.dim("debug"),
        Level::Info => paint.dim("info"),
        Level::Warn => paint.yellow("warn"),
        Level::Error => paint.red("error"),
    };
    format!("{level} {node}: {text}")
}

/// The result for people: a table of nodes, what the last one gave, and what went wrong.
fn record_text(file: &Path, plan: &Plan, record: &Record, paint: Paint) -> String {
    let status = match record.status {
        ExecutionStatus::Completed => paint.green("completed"),
        ExecutionStatus::Failed => paint.red("failed"),
        other => paint.yellow(status_word(other)),
    };
    let mut text = format!(
        "{} {status} in {}\n\n",
        paint.bold(&file.display().to_string()),
        duration(record.duration_ms)
    );
    let columns = [
        ("node", Side::Left),
        ("runs", Side::Right),
        ("items", Side::Right),
        ("time", Side::Right),
        ("", Side::Left),
    ];
    let mut table = Table::new(&columns);
    for (name, runs) in &record.nodes {
        let failed = runs.iter().any(|run| run.status == StepStatus::Failed);
        let mark = if failed { ("failed".to_owned(), paint.red("failed")) } else { plain("") };
        let time = runs.iter().map(|run| run.duration_ms).sum();
        table.row(vec![
            plain(name.as_str()),
            plain(runs.len().to_string()),
            plain(item_counts(plan, name, runs)),
            plain(duration(time)),
            mark,
        ]);
    }
    text += &table.text(paint, "  ");
    if let Some(error) = &record.error {
        text += &format!("\n{}\n", failure_text(error, paint));
    } else if let Some(last) = record.order.last() {
        text += &format!("\n{}", last_items(last, &record.nodes[last], paint));
    }
    text.trim_end().to_owned()
}

/// The items that left each port, over all runs: `3`, or `true 2, false 1`.
fn item_counts(plan: &Plan, name: &str, runs: &[Run]) -> String {
    let ports = plan.find(name).map_or(&[][..], |node| plan.node(node).outputs.as_slice());
    let sum = |port: usize| {
        runs.iter().filter_map(|run| run.outputs.get(port)).map(|items| items.len()).sum::<usize>()
    };
    match ports {
        [] | [_] => sum(0).to_string(),
        ports => {
            let counts = ports
                .iter()
                .enumerate()
                .map(|(port, name)| (name, sum(port)))
                .filter(|(_, count)| *count > 0);
            let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
            if counts.is_empty() { "0".to_owned() } else { counts.join(", ") }
        }
    }
}

fn failure_text(error: &Failure, paint: Paint) -> String {
    let mut text = format!("{} {}", paint.red("error:"), error.message);
    if let Some(node) = &error.node {
        text += &format!("\n  {} node \"{node}\"", paint.dim("at"));
        if let Some(item) = error.item {
            text += &format!(", item {item}");
        }
    }
    if let Some(description) = &error.description {
        text += &format!("\n  {} {description}", paint.dim("fix"));
    }
    text
}

fn last_items(name: &str, runs: &[Run], paint: Paint) -> String {
    let Some(items) = runs.last().and_then(|run| run.outputs.iter().find(|items| !items.is_empty())) else {
        return String::new();
    };
    let mut text = paint.dim(&format!("{} from \"{name}\"", count(items.len(), "item"))) + "\n";
    for item in items.iter().take(SHOWN_ITEMS) {
        let data = match item.binary {
            None => Value::Object(item.json.clone()),
            Some(_) => item_to_data(item),
        };
        let shown = serde_json::to_string_pretty(&data).expect("a JSON value always serialises");
        text += &format!("{}\n", crate::test::clip(&shown, SHOWN_CHARACTERS));
    }
    if items.len() > SHOWN_ITEMS {
        text += &paint.dim(&format!("and {} more; --json shows all\n", items.len() - SHOWN_ITEMS));
    }
    text
}
