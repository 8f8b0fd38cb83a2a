//! How many commits a second SQLite makes durable, and how long each waits.
//!
//! `cargo bench -p store --bench commit -- [one] [two] [accept] [flat] [--submitters N] [--seconds N] [--folder PATH]`
//!
//! - `one`: an execution is created and ended in one commit, with 5 records of about 1 KB and a row for the outbox
//! - `two`: the same in two commits, the first of which accepts
//! - `accept`: an execution is created and queued, with one record
//! - `flat`: `one` again and again, up to 1,000,000 stored executions
//!
//! Each is measured twice: as fast as it goes, and at half of that rate.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, VersionId, WorkerId, WorkflowId, WorkspaceId};
use model::journal::{Kind, Record};
use store::commit::{Finish, NewEvent};
use store::{Commit, Config, Database, LeaseAfter, NewExecution, Store};

const EXECUTIONS: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    Two,
    Accept,
}

struct Options {
    shapes: Vec<Shape>,
    flat: bool,
    submitters: usize,
    duration: Duration,
    folder: PathBuf,
}

/// What one run gave.
struct Measured {
    rate: f64,
    /// Processor time per execution in microseconds, of the writer and of the whole process.
    writer_us: f64,
    all_us: f64,
    waits: Vec<Duration>,
}

fn main() {
    let options = options();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(run(options));
}

async fn run(options: Options) {
    println!("shape    submitters per second       p50       p99     p99.9       max writer us    all us");
    for shape in &options.shapes {
        let store = open(&options.folder).await;
        let full = measure(&store, *shape, options.submitters, None, options.duration).await;
        report(*shape, options.submitters, &full);
        let half = measure(&store, *shape, options.submitters, Some(full.rate / 2.0), options.duration).await;
        report(*shape, options.submitters, &half);
        let one = measure(&store, *shape, 1, None, options.duration / 2).await;
        report(*shape, 1, &one);
    }
    if options.flat {
        flat(&options).await;
    }
    let _ = std::fs::remove_dir_all(&options.folder);
}

/// Whether an execution costs as much with a million stored ones as with none.
async fn flat(options: &Options) {
    let store = open(&options.folder).await;
    let mut stored = 0;
    while stored < EXECUTIONS {
        let measured = measure(&store, Shape::One, options.submitters, None, options.duration).await;
        stored += measured.waits.len() as u64;
        print!("{stored:>8} stored  ");
        report(Shape::One, options.submitters, &measured);
    }
}

async fn open(folder: &PathBuf) -> Store {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let config = Config { database: Database::Sqlite, folder: folder.clone() };
    Store::open(config).await.expect("the store opens")
}

async fn measure(
    store: &Store,
    shape: Shape,
    submitters: usize,
    rate: Option<f64>,
    duration: Duration,
) -> Measured {
    let (writer, all) = (processor_time(Some("sqlite-writer")), processor_time(None));
    let began = Instant::now();
    let pause = rate.map(|rate| Duration::from_secs_f64(submitters as f64 / rate));
    let tasks = (0..submitters).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut waits = Vec::new();
            let mut next = began + pause.unwrap_or_default() * number as u32 / submitters as u32;
            while began.elapsed() < duration {
                if let Some(pause) = pause {
                    tokio::time::sleep_until(next.into()).await;
                    next += pause;
                }
                waits.extend(submit(&store, shape).await);
            }
            waits
        })
    });
    let mut waits = Vec::new();
    for task in join_all(tasks).await {
        waits.extend(task.expect("no submitter panics"));
    }
    let executions = if shape == Shape::Two { waits.len() / 2 } else { waits.len() };
    waits.sort();
    let each = |now: Duration, before: Duration| (now - before).as_secs_f64() * 1e6 / executions as f64;
    Measured {
        rate: executions as f64 / began.elapsed().as_secs_f64(),
        writer_us: each(processor_time(Some("sqlite-writer")), writer),
        all_us: each(processor_time(None), all),
        waits,
    }
}

/// Gives how long each commit took.
async fn submit(store: &Store, shape: Shape) -> Vec<Duration> {
    let mut waits = Vec::with_capacity(2);
    for commit in commits(shape) {
        let asked = Instant::now();
        store.commit(commit).await.expect("the commit is allowed");
        waits.push(asked.elapsed());
    }
    waits
}

fn report(shape: Shape, submitters: usize, measured: &Measured) {
    let at = |part: f64| {
        let index = (measured.waits.len() as f64 * part) as usize;
        let wait = measured.waits[index.min(measured.waits.len() - 1)];
        format!("{:.2} ms", wait.as_secs_f64() * 1e3)
    };
    let shape = format!("{shape:?}").to_lowercase();
    let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), at(1.0));
    let Measured { rate, writer_us, all_us, .. } = measured;
    let times = format!("{p50:>9} {p99:>9} {p999:>9} {max:>9}");
    println!("{shape:<8} {submitters:>10} {rate:>10.0} {times} {writer_us:>9.1} {all_us:>9.1}");
}

/// The processor time that threads of this process with a name have used so far; nothing where it cannot be told.
fn processor_time(name: Option<&str>) -> Duration {
    let mut ticks = 0;
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(") ") else { continue };
        if name.is_none_or(|name| head.ends_with(&name[..name.len().min(15)])) {
            ticks +=
                tail.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
        }
    }
    Duration::from_millis(ticks * 10)
}

/// The commits of one execution.
fn commits(shape: Shape) -> Vec<Commit> {
    let worker = WorkerId::new(1, [1; 10]);
    let mut first = Commit {
        workspace: WorkspaceId::new(1, [2; 10]),
        execution: execution(),
        create: Some(Box::new(NewExecution {
            workflow: WorkflowId::new(1, [3; 10]),
            version: VersionId::new(1, [4; 10]),
            mode: "production".into(),
            trigger_node: "webhook".into(),
            trigger_kind: "webhook".into(),
            parent: None,
            depth: 0,
            retry_of: None,
            priority: 0,
            concurrency_key: None,
            key: None,
            created_by: None,
            accepted_at: Timestamp::now(),
            options: "{}".into(),
        })),
        fence: 1,
        seq: 0,
        records: records(0, 5),
        status: ExecutionStatus::Completed,
        finish: Some(Finish { at: Timestamp::now(), error: None }),
        run_us: 1_000,
        timers: Vec::new(),
        dropped_timers: Vec::new(),
        waits: Vec::new(),
        closed_waits: Vec::new(),
        taken: Vec::new(),
        signals: Vec::new(),
        children: Vec::new(),
        static_data: None,
        events: vec![NewEvent { kind: "execution.completed", subject: [5; 16], data: "{}".into() }],
        lease: LeaseAfter::Release,
    };
    if shape == Shape::One {
        return vec![first];
    }
    let mut last = Commit { create: None, seq: 1, records: records(1, 4), ..clone_of(&first) };
    std::mem::swap(&mut last.events, &mut first.events);
    (first.status, first.finish) = (ExecutionStatus::Running, None);
    first.records.truncate(1);
    first.lease = LeaseAfter::Keep(worker);
    if shape == Shape::Accept {
        first.status = ExecutionStatus::Queued;
        first.lease = LeaseAfter::Queue;
        return vec![first];
    }
    vec![first, last]
}

fn clone_of(first: &Commit) -> Commit {
    Commit {
        create: None,
        records: Vec::new(),
        finish: first.finish.clone(),
        timers: Vec::new(),
        dropped_timers: Vec::new(),
        waits: Vec::new(),
        closed_waits: Vec::new(),
        taken: Vec::new(),
        signals: Vec::new(),
        children: Vec::new(),
        static_data: None,
        events: Vec::new(),
        ..*first
    }
}

fn records(after: u64, count: u64) -> Vec<Record> {
    let record = |seq| Record {
        seq,
        kind: Kind::StepSucceeded,
        node: Some("set".into()),
        run_index: 0,
        attempt: 1,
        at_us: Timestamp::now().as_microsecond(),
        duration_us: Some(120),
        payload: format!(
            "{{\"v\":1,\"items\":[{{\"json\":{{\"seq\":{seq},\"text\":\"{}\"}}}}]}}",
            "abcdefgh".repeat(120)
        ),
    };
    (after + 1..=after + count).map(record).collect()
}

fn execution() -> ExecutionId {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("there is entropy");
    ExecutionId::new(u64::try_from(Timestamp::now().as_millisecond()).expect("it is after 1970"), random)
}

fn options() -> Options {
    let mut options = Options {
        shapes: Vec::new(),
        flat: false,
        submitters: 64,
        duration: Duration::from_secs(5),
        folder: std::env::temp_dir().join("runnel-bench-commit"),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("the option has a value");
        match argument.as_str() {
            "one" => options.shapes.push(Shape::One),
            "two" => options.shapes.push(Shape::Two),
            "accept" => options.shapes.push(Shape::Accept),
            "flat" => options.flat = true,
            "--submitters" => options.submitters = value().parse().expect("a number of submitters"),
            "--seconds" => {
                options.duration = Duration::from_secs(value().parse().expect("a number of seconds"));
            }
            "--folder" => options.folder = value().into(),
            // What `cargo bench` says to every benchmark.
            "--bench" => {}
            other => panic!("{other} is no shape and no option"),
        }
    }
    if options.shapes.is_empty() && !options.flat {
        options.shapes = vec![Shape::One, Shape::Two, Shape::Accept];
    }
    options
}
