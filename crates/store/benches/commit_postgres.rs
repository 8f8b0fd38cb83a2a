//! How many executions a second PostgreSQL keeps: `cargo bench -p store --bench commit_postgres [SECONDS]`.
//!
//! An execution is one head, five records of 1 KB and one event; its caller waits until it is durable. The database is on
//! the server that `RUNNEL_TEST_POSTGRES` names. With two processes each has half of the submitters.
#![allow(clippy::print_stdout, reason = "a measurement is printed")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkerId, WorkflowId, WorkspaceId};
use model::journal::{Kind, Record};
use store::commit::{Finish, NewEvent};
use store::testing::postgres::Temporary;
use store::{Commit, Config, Database, LeaseAfter, NewExecution, Store};

const WARM_UP: Duration = Duration::from_secs(1);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("threads are left");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["submit", url, submitters, seconds, commits] => {
            let number = |text: &str| text.parse().expect("a number");
            runtime.block_on(submit(url, number(submitters), number(seconds) as u64, number(commits)));
        }
        [] => runtime.block_on(all("5")),
        [seconds] => runtime.block_on(all(seconds)),
        _ => println!("usage: commit_postgres [SECONDS]"),
    }
}

async fn all(seconds: &str) {
    println!("processes  submitters  commits  executions/s    p50 ms    p99 ms");
    for (processes, submitters, commits) in
        [(1, 1, 1), (1, 64, 1), (2, 32, 1), (2, 64, 1), (1, 512, 1), (1, 64, 2), (2, 32, 2)]
    {
        let database = Temporary::new().await;
        let children: Vec<_> = (0..processes)
            .map(|_| {
                let arguments =
                    ["submit", &database.url(), &submitters.to_string(), seconds, &commits.to_string()];
                let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
                command.args(arguments).stdout(Stdio::piped()).spawn().expect("this program starts")
            })
            .collect();
        let (mut rate, mut p50, mut p99) = (0.0, 0.0_f64, 0.0_f64);
        for child in children {
            let output = child.wait_with_output().expect("this program ends");
            let text = String::from_utf8(output.stdout).expect("it prints text");
            let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            rate += figures[0];
            p50 = p50.max(figures[1]);
            p99 = p99.max(figures[2]);
        }
        println!("{processes:>9}  {submitters:>10}  {commits:>7}  {rate:>12.0}  {p50:>8.2}  {p99:>8.2}");
    }
}

/// Submits executions for some seconds and prints how many there were a second and how long they took.
async fn submit(url: &str, submitters: usize, seconds: u64, commits: usize) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let database = Database::Postgres { url: url.to_owned(), connections: 4 };
    let store = Store::open(Config { database, folder: folder.path().to_owned() }).await.expect("it opens");
    let payload: Arc<str> = format!("{{\"data\":\"{}\"}}", "x".repeat(1000)).into();
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..submitters)
        .map(|_| {
            let (store, payload) = (store.clone(), payload.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < end {
                    let start = Instant::now();
                    for commit in execution(&payload, commits) {
                        store.commit(commit).await.expect("the database answers");
                    }
                    if start > begin {
                        times.push(start.elapsed());
                    }
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a submitter ends"));
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{} {} {}", times.len() as f64 / begin.elapsed().as_secs_f64(), at(0.5), at(0.99));
}

/// An execution in one commit, or accepted in one and ended in another.
fn execution(payload: &str, commits: usize) -> Vec<Commit> {
    let (workspace, execution) = (WorkspaceId::from_bytes([1; 16]), ExecutionId::from_bytes(random()));
    let worker = WorkerId::from_bytes([2; 16]);
    let record = |seq| Record {
        seq,
        kind: Kind::StepSucceeded,
        node: Some("set".into()),
        run_index: 0,
        attempt: 1,
        at_us: Timestamp::now().as_microsecond(),
        duration_us: Some(12),
        payload: payload.to_owned(),
    };
    let mut all = Vec::new();
    for number in 0..commits {
        let (first, last) = (number == 0, number == commits - 1);
        let seqs = match (first, last) {
            (true, true) => 1..=5,
            (true, false) => 1..=1,
            _ => 2..=5,
        };
        all.push(Commit {
            workspace,
            execution,
            create: first.then(|| Box::new(new())),
            fence: 1,
            seq: seqs.start() - 1,
            records: seqs.map(record).collect(),
            status: if last { ExecutionStatus::Completed } else { ExecutionStatus::Running },
            finish: last.then(|| Finish { at: Timestamp::now(), error: None }),
            run_us: 60,
            timers: Vec::new(),
            dropped_timers: Vec::new(),
            waits: Vec::new(),
            closed_waits: Vec::new(),
            taken: Vec::new(),
            signals: Vec::new(),
            children: Vec::new(),
            static_data: None,
            events: if last { vec![event(execution)] } else { Vec::new() },
            lease: if last { LeaseAfter::Release } else { LeaseAfter::Keep(worker) },
        });
    }
    all
}

fn new() -> NewExecution {
    NewExecution {
        workflow: WorkflowId::from_bytes([3; 16]),
        version: model::ids::VersionId::from_bytes([4; 16]),
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
    }
}

fn event(execution: ExecutionId) -> NewEvent {
    NewEvent { kind: "execution.completed", subject: *execution.as_bytes(), data: "{}".into() }
}

/// An id like those of the product: the time first.
fn random() -> [u8; 16] {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let now = u64::try_from(Timestamp::now().as_millisecond()).expect("it is after 1970");
    *ExecutionId::new(now, random).as_bytes()
}
