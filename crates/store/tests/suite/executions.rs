//! Executions as they are read, listed and removed; blobs of their payloads; the outbox.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::ExecutionStatus::{self, Cancelled, Completed, Failed, Running, Waiting};
use model::StepStatus;
use model::ids::ExecutionId;
use model::journal::Kind;
use store::commit::{NewWait, Parent};
use store::executions::Filter;
use store::outbox::Position;
use store::retention::Ended;
use store::testing::Value;
use store::{Error, Page};

use crate::fixture::{Fixture, Head, after, event, in_seconds, of, record, records};
use crate::support::stranger;

/// An execution that has ended like that.
async fn ended(f: &Fixture, status: ExecutionStatus) -> Head {
    let head = f.made(f.start()).await;
    f.made(f.ends(head, status)).await
}

/// Text that does not compress.
fn noise(length: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    text
}

async fn what_was_committed_is_loaded(f: Fixture) {
    let mut start = f.start();
    let payloads = [
        "{\"small\":1}".to_owned(),
        format!("{{\"compressed\":\"{}\"}}", "abc".repeat(5_000)),
        format!("{{\"large\":\"{}\"}}", noise(200_000)),
    ];
    start.records.clear();
    for (seq, payload) in (1..).zip(&payloads) {
        let mut record = record(seq);
        record.payload = payload.clone();
        start.records.push(record);
    }
    // The same large payload twice is one blob.
    let mut twice = record(4);
    twice.payload = payloads[2].clone();
    start.records.push(twice);
    let expected = start.records.clone();
    let head = f.made(start).await;

    let loaded = f.store.load(head.workspace, head.execution).await.expect("it is there");
    assert_eq!(loaded.records, expected);
    assert_eq!((loaded.head.status, loaded.head.seq, loaded.head.fence), (Running, 4, 1));
    assert_eq!((loaded.head.workflow, loaded.head.lease_owner), (f.workflow, Some(f.worker)));
    assert_eq!(f.number("SELECT refcount FROM blobs", vec![]).await, 2);
    let later = f.store.journal_after(head.workspace, head.execution, 2, 1).await.expect("it is there");
    assert_eq!(later, expected[2..3]);
    let other = f.store.load(stranger(), head.execution).await;
    assert!(matches!(other, Err(Error::NotFound("execution"))));
    assert!(f.store.journal_after(stranger(), head.execution, 0, 9).await.expect("no rows").is_empty());

    // A gap is damage and not a shorter journal.
    let head = f.made(f.ends(head, Completed)).await;
    f.store
        .probe(
            "DELETE FROM execution_events WHERE workspace_id = $1 AND execution_id = $2 AND seq = 2",
            of(head),
        )
        .await
        .expect("a record can be lost");
    assert!(matches!(f.store.load(head.workspace, head.execution).await, Err(Error::Damaged(_))));
}

async fn steps_are_told_from_the_journal(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut next = f.next(head, 0);
    for (kind, node, run, attempt) in [
        (Kind::StepFailed, "fetch", 0, 1),
        (Kind::StepSucceeded, "fetch", 0, 2),
        (Kind::StepFailed, "fetch", 1, 1),
        (Kind::StepLost, "send", 0, 1),
        (Kind::StepWaiting, "wait", 0, 1),
    ] {
        let mut record = record(next.seq + next.records.len() as u64 + 1);
        (record.kind, record.node) = (kind, Some(node.into()));
        (record.run_index, record.attempt) = (run, attempt);
        next.records.push(record);
    }
    next.status = Waiting;
    let head = f.made(next).await;
    let told = async || {
        let steps = f.store.steps(head.workspace, head.execution).await.expect("they are told");
        steps
            .iter()
            .map(|step| (step.node.clone(), step.run_index, step.status, step.attempts))
            .collect::<Vec<_>>()
    };
    let mut expected = vec![
        ("set".into(), 0, StepStatus::Completed, 1),
        ("fetch".into(), 0, StepStatus::Completed, 2),
        ("fetch".into(), 1, StepStatus::Failed, 1),
        ("send".into(), 0, StepStatus::Unknown, 1),
        ("wait".into(), 0, StepStatus::Waiting, 1),
    ];
    assert_eq!(told().await, expected);
    f.made(f.ends(head, Cancelled)).await;
    expected[4].2 = StepStatus::Cancelled;
    assert_eq!(told().await, expected);
    assert!(f.store.steps(stranger(), head.execution).await.expect("none").is_empty());
    assert!(f.number("SELECT count(*) FROM node_executions", vec![]).await >= 5);
}

async fn lists_filter_and_page_newest_first(f: Fixture) {
    let mut all = Vec::new();
    for number in 0..12 {
        let status = if number % 3 == 0 { Failed } else { Completed };
        all.push(ended(&f, status).await.execution);
    }
    let mut test = f.start();
    test.create.as_mut().expect("it is new").mode = "test".into();
    let test = f.made(test).await.execution;
    all.push(test);
    all.sort();
    all.reverse();

    let list = async |filter: Filter, page: Page<ExecutionId>| {
        let piece = f.store.executions(f.workspace, &filter, page).await.expect("they are listed");
        (piece.items.iter().map(|summary| summary.id).collect::<Vec<_>>(), piece.more)
    };
    let (first, more) = list(Filter::default(), Page::first(5)).await;
    assert!(more);
    let (second, more) = list(Filter::default(), Page::after(first[4], 20)).await;
    assert!(!more);
    assert_eq!([first, second].concat(), all);

    let failed = Filter { status: Some(Failed), ..Filter::default() };
    assert_eq!(list(failed.clone(), Page::first(20)).await.0.len(), 4);
    assert!(list(failed.clone(), Page::first(3)).await.1);
    let running = Filter { status: Some(Running), ..Filter::default() };
    assert_eq!(list(running, Page::first(20)).await.0, [test]);
    let of_workflow = Filter { workflow: Some(f.workflow), status: Some(Completed), ..Filter::default() };
    assert_eq!(list(of_workflow, Page::first(20)).await.0.len(), 8);
    let everything = Filter {
        workflow: Some(f.workflow),
        status: Some(Running),
        mode: Some("test".into()),
        since: Some(in_seconds(-60)),
        until: Some(in_seconds(60)),
    };
    assert_eq!(list(everything.clone(), Page::first(20)).await.0, [test]);
    let usual = Filter { mode: Some("production".into()), ..Filter::default() };
    assert_eq!(list(usual, Page::first(20)).await.0.len(), 12);
    let rare = Filter { mode: Some("test".into()), ..Filter::default() };
    assert_eq!(list(rare, Page::first(20)).await.0, [test]);
    let hostile = Filter { mode: Some("' OR 1=1 --".into()), ..Filter::default() };
    assert!(list(hostile, Page::first(20)).await.0.is_empty());
    let past = Filter { until: Some(in_seconds(-60)), ..Filter::default() };
    assert!(list(past, Page::first(20)).await.0.is_empty());
    let other = f.store.executions(stranger(), &Filter::default(), Page::first(9)).await.expect("none");
    assert!(other.items.is_empty());
    assert_eq!(f.store.open_executions().await.expect("counted"), [(Running, 1)]);
}

async fn what_has_ended_can_be_removed_and_what_runs_cannot(f: Fixture) {
    let mut start = f.start();
    start.records[0].payload = format!("{{\"large\":\"{}\"}}", noise(100_000));
    let large = start.records[0].payload.clone();
    let head = f.made(start).await;
    let refused = f.store.delete_execution(head.workspace, head.execution).await;
    assert!(matches!(refused, Err(Error::Conflict(text)) if text.contains("cancel it first")));
    assert!(f.store.load(head.workspace, head.execution).await.is_ok());
    // A second execution refers to the same blob.
    let mut start = f.start();
    start.records[0].payload = large;
    let other = f.made(start).await;
    let other = f.made(f.ends(other, Completed)).await;
    let head = f.made(f.ends(head, Failed)).await;

    assert!(matches!(f.store.delete_execution(stranger(), head.execution).await, Err(Error::NotFound(_))));
    f.store.delete_execution(head.workspace, head.execution).await.expect("it has ended");
    assert!(matches!(f.store.execution(head.workspace, head.execution).await, Err(Error::NotFound(_))));
    assert_eq!(f.number("SELECT refcount FROM blobs", vec![]).await, 1);
    f.store.delete_execution(other.workspace, other.execution).await.expect("it has ended");
    assert_eq!(f.number("SELECT refcount FROM blobs", vec![]).await, 0);
    assert_eq!(f.number("SELECT count(*) FROM execution_events", vec![]).await, 0);

    // Its blob is put aside first and then gone.
    let mut swept = Vec::new();
    for _ in 0..3 {
        let mut sum = (0, 0);
        for shard in 0..=255 {
            let one = f.store.sweep_blobs(f.workspace, shard, Duration::ZERO).await.expect("it can be swept");
            sum = (sum.0 + one.aside, sum.1 + one.removed);
        }
        swept.push(sum);
    }
    assert_eq!(swept, [(1, 0), (0, 1), (0, 0)]);
}

async fn a_blob_that_is_needed_again_comes_back(f: Fixture) {
    let large = format!("{{\"large\":\"{}\"}}", noise(100_000));
    let mut start = f.start();
    start.records[0].payload = large.clone();
    let head = f.made(start).await;
    let head = f.made(f.ends(head, Completed)).await;
    f.store.delete_execution(head.workspace, head.execution).await.expect("it has ended");
    let sweep = async || {
        let mut back = 0;
        for shard in 0..=255 {
            back +=
                f.store.sweep_blobs(f.workspace, shard, Duration::ZERO).await.expect("it can be swept").back;
        }
        back
    };
    assert_eq!(sweep().await, 0);
    // As if a commit had seen the blob just before it was put aside.
    let sql = "INSERT INTO blobs (workspace_id, sha256, size, codec, refcount, created_at)
               VALUES ($1, $2, 1, 'zstd', 1, $3)";
    let mut start = f.start();
    start.records[0].payload = large;
    let expected = start.records.clone();
    let blobs = f.store.check_blobs(true).await.expect("they can be checked");
    assert_eq!(blobs, (0, vec![]));
    let head = f.made(start).await;
    assert_eq!(f.store.load(head.workspace, head.execution).await.expect("it is there").records, expected);
    sweep().await;
    assert_eq!(f.store.load(head.workspace, head.execution).await.expect("still").records, expected);
    assert_eq!(f.store.check_blobs(true).await.expect("they can be checked").0, 1);
    let ghost =
        vec![Value::Id(*f.workspace.as_bytes()), Value::Bytes(vec![1; 32]), Value::Time(Timestamp::now())];
    f.store.probe(sql, ghost).await.expect("a row without a file");
    assert_eq!(f.store.check_blobs(false).await.expect("they can be checked").1.len(), 1);
}

async fn waits_are_found_by_their_execution_alone(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut waits = f.waits(head);
    waits.waits.push(NewWait {
        step: 3,
        node: "approve".into(),
        kind: "call".into(),
        options: "{\"methods\":[\"GET\"]}".into(),
        until: Some(in_seconds(60)),
    });
    let head = f.made(waits).await;
    let found = f.store.find_waits(head.execution).await.expect("they are found");
    assert_eq!((found.len(), found[0].workspace, found[0].step), (1, f.workspace, 3));
    assert_eq!((found[0].node.as_str(), found[0].kind.as_str()), ("approve", "call"));
    assert_eq!(f.store.open_waits(f.workspace, head.execution).await.expect("found"), found);
    assert!(f.store.open_waits(stranger(), head.execution).await.expect("none").is_empty());
}

async fn children_know_their_parent(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut calls = f.next(head, 1);
    let mut child = f.queued();
    child.create.as_mut().expect("it is new").parent =
        Some(Parent { execution: head.execution, step: 2, call: 0, waits: true });
    let child_head = after(&child);
    calls.children.push(child);
    f.made(calls).await;
    let children = f.store.children(f.workspace, head.execution).await.expect("there is one");
    assert_eq!((children.len(), children[0].id), (1, child_head.execution));
    assert_eq!(children[0].parent.map(|parent| (parent.step, parent.waits)), Some((2, true)));
}

async fn the_outbox_is_read_in_one_order_by_everybody(f: Fixture) {
    let mut racing = Vec::new();
    for _ in 0..30 {
        let mut start = f.start();
        start.events.push(event("execution.started"));
        start.events.push(event("execution.noted"));
        let store = f.store.clone();
        racing.push(tokio::spawn(async move { store.commit(start).await }));
    }
    let mut read = Vec::new();
    let mut position = Position::default();
    let mut open = true;
    while open || read.len() < 60 {
        open = racing.iter().any(|task| !task.is_finished());
        let events = f.store.events_after(position, 7).await.expect("they can be read");
        match events.last() {
            Some(last) => position = last.position,
            None => tokio::task::yield_now().await,
        }
        read.extend(events);
    }
    for task in racing {
        task.await.expect("it ran").expect("it is committed");
    }
    assert_eq!(read.len(), 60);
    let again = f.store.events_after(Position::default(), 100).await.expect("they can be read");
    assert_eq!(again, read);
    assert!(read.iter().all(|event| event.workspace == f.workspace));

    assert_eq!(f.store.event_reader("mail").await.expect("none"), Position::default());
    f.store.set_event_reader("mail", position).await.expect("noted");
    assert_eq!(f.store.event_reader("mail").await.expect("noted"), position);
    assert_eq!(f.store.prune_events(in_seconds(-60), 100).await.expect("none is old"), 0);
    assert_eq!(f.store.prune_events(in_seconds(60), 50).await.expect("all are old"), 50);
    assert_eq!(f.store.events_after(Position::default(), 100).await.expect("the rest").len(), 10);
}

async fn old_executions_go_and_those_that_run_stay(f: Fixture) {
    for _ in 0..60 {
        ended(&f, Completed).await;
    }
    let failed = ended(&f, Failed).await;
    let waiting = f.made(f.start()).await;
    let waiting = f.made(f.waits(waiting)).await;
    let young = Timestamp::now() - SignedDuration::from_mins(1);
    let none = f.store.prune_executions(f.workspace, Ended::Completed, young).await.expect("none is old");
    assert_eq!((none.removed, none.more), (0, false));
    let late = in_seconds(60);
    let first = f.store.prune_executions(f.workspace, Ended::Completed, late).await.expect("pruned");
    assert_eq!((first.removed, first.more), (50, true));
    let rest = f.store.prune_executions(f.workspace, Ended::Completed, late).await.expect("pruned");
    assert_eq!((rest.removed, rest.more), (10, false));
    assert!(f.store.execution(f.workspace, failed.execution).await.is_ok());
    let rest = f.store.prune_executions(f.workspace, Ended::Troubled, late).await.expect("pruned");
    assert_eq!(rest.removed, 1);
    assert_eq!(f.store.prune_executions(stranger(), Ended::Completed, late).await.expect("none").removed, 0);

    // A workflow goes with the last of its executions.
    f.store.delete_workflow(f.workspace, f.workflow, None).await.expect("it is deleted");
    f.store.purge_workflows(f.workspace, late).await.expect("one still runs");
    assert_eq!(f.number("SELECT count(*) FROM workflows", vec![]).await, 1);
    f.store
        .probe("UPDATE executions SET status = 'completed' WHERE workspace_id = $1 AND id = $2", of(waiting))
        .await
        .expect("it ends");
    assert_eq!(f.store.purge_workflows(f.workspace, late).await.expect("purged").removed, 1);
    assert_eq!(f.number("SELECT count(*) FROM workflows", vec![]).await, 0);
    assert_eq!(f.number("SELECT count(*) FROM execution_events", vec![]).await, 0);
}

async fn what_is_remembered_for_a_while_is_forgotten(f: Fixture) {
    let mut start = records(&mut f.start(), 0);
    start.create.as_mut().expect("it is new").key = Some(crate::fixture::key("order-1"));
    let head = f.made(start).await;
    let found = f.store.find_start(f.workspace, [7; 16], "order-1").await.expect("it is remembered");
    assert_eq!(found, Some(head.execution));
    assert_eq!(f.store.find_start(stranger(), [7; 16], "order-1").await.expect("no"), None);
    let none = f.store.forget_old(in_seconds(-60)).await.expect("nothing is old");
    assert_eq!(none.starts, 0);
    let past = if f.store.is_shared() { "now() - interval '1 hour'" } else { "0" };
    let age: &'static str = format!("UPDATE inbox_events SET expires_at = {past}").leak();
    f.store.probe(age, vec![]).await.expect("time passes");
    assert_eq!(f.store.forget_old(in_seconds(60)).await.expect("it is old").starts, 1);
    assert_eq!(f.store.find_start(f.workspace, [7; 16], "order-1").await.expect("no"), None);
}

crate::fixture::on_every_database!(
    what_was_committed_is_loaded,
    steps_are_told_from_the_journal,
    lists_filter_and_page_newest_first,
    what_has_ended_can_be_removed_and_what_runs_cannot,
    a_blob_that_is_needed_again_comes_back,
    waits_are_found_by_their_execution_alone,
    children_know_their_parent,
    the_outbox_is_read_in_one_order_by_everybody,
    old_executions_go_and_those_that_run_stay,
    what_is_remembered_for_a_while_is_forgotten,
);
