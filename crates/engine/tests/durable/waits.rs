//! Waits, timers and children over restarts.

use std::time::Duration;

use model::journal::Kind;
use model::{ExecutionStatus, json};
use testkit::nodes::{CALLED, STEP};
use testkit::{items, workflow};

use crate::nodes::marks;
use crate::site::{Process, Site, marking};

#[test]
fn r6_a_wait_goes_on_over_a_restart_and_ends_on_time() {
    let site = Site::new();
    let draft = workflow("start -> wait -> end").is("wait", STEP, json!({ "does": { "wait": 3_600_000 } }));
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({ "n": 1 })).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        assert_eq!(process.engine.metrics().running, 0, "a wait costs no memory");
        id
    });
    site.pass(Duration::from_secs(3_595));
    site.process(async |process: &Process| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(process.head(id).await.status, ExecutionStatus::Waiting);
        let head = process.until(id, ExecutionStatus::Completed).await;
        let took = head.finished_at.expect("it ended").duration_since(head.accepted_at);
        assert!((3_600_000..3_601_000).contains(&(took.as_millis() as i64)), "{took:?}");
        let kinds = process.kinds(id).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::TimerFired).count(), 1);
    });
}

#[test]
fn r6_a_thousand_waits_that_are_due_at_once_all_end_once() {
    let site = Site::new();
    let draft = workflow("start -> wait -> end").is("wait", STEP, json!({ "does": { "wait": 60_000 } }));
    site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let mut ids = Vec::new();
        for number in 0..1_000 {
            ids.push(process.accept(of, json!({ "n": number })).await);
        }
        for id in &ids {
            let head = process.until(*id, ExecutionStatus::Completed).await;
            let took = head.finished_at.expect("it ended").duration_since(head.accepted_at);
            assert!((60_000..61_000).contains(&(took.as_millis() as i64)), "{took:?}");
            let kinds = process.kinds(*id).await;
            assert_eq!(kinds.iter().filter(|kind| **kind == Kind::TimerFired).count(), 1);
        }
    });
}

#[test]
fn pauses_between_attempts_survive_a_restart() {
    let site = Site::new();
    let nodes = [("flaky", json!({ "fails": 2, "effect": "idempotent" }))];
    let draft = marking("start -> flaky", "flaky", &nodes).retry("flaky", 3, "30s");
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        id
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
        assert_eq!(marks("flaky"), ["flaky#1", "flaky#2", "flaky#3"]);
    });
}

#[test]
fn an_answer_ends_a_wait_once() {
    let site = Site::new();
    let draft = workflow("start -> ask -> end").is("ask", STEP, json!({ "does": "wait_for_call" }));
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        id
    });
    site.process(async |process: &Process| {
        let waits = process.store.find_waits(id).await.expect("a list");
        assert_eq!((waits.len(), waits[0].kind.as_str(), waits[0].node.as_str()), (1, "call", "ask"));
        for answer in ["first", "second"] {
            let outputs = vec![items(json!({ "answer": answer }))];
            // The second may come when there is nothing to answer any more.
            _ = process.engine.resolve_wait(process.workspace, id, waits[0].step, outputs).await;
        }
        process.until(id, ExecutionStatus::Completed).await;
        let kinds = process.kinds(id).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::WaitResolved).count(), 1);
        assert!(process.store.find_waits(id).await.expect("a list").is_empty());
    });
}

#[test]
fn an_answer_that_comes_before_the_wait_is_kept_for_it() {
    let site = Site::new();
    let nodes = [("work", json!({ "takes": 5_000 }))];
    let draft = marking("start -> work -> ask -> end", "early", &nodes).is(
        "ask",
        STEP,
        json!({ "does": "wait_for_call" }),
    );
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        let outputs = vec![items(json!({ "answer": 42 }))];
        process.engine.resolve_next_wait(process.workspace, id, outputs).await.expect("it exists");
        process.until_head(id, |head| head.seq == 3).await;
        assert_eq!(process.kinds(id).await.last(), Some(&Kind::ResumedEarly));
        id
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
    });
}

#[test]
fn a_child_and_its_parent_survive_restarts_and_neither_runs_twice() {
    let site = Site::new();
    let nodes = [
        ("work", json!({ "effect": "unsafe" })),
        ("slow", json!({ "effect": "idempotent", "takes": 5_000 })),
    ];
    let child = marking("called -> work -> slow", "child", &nodes).is("called", CALLED, json!({}));
    let id = site.process(async |process: &Process| {
        let child = process.publish(child).await;
        let does = json!({ "does": { "call_each": child.workflow.to_string() } });
        let parent = process.publish(workflow("start -> call -> end").is("call", STEP, does)).await;
        let id = process.accept(parent, json!([{ "n": 1 }, { "n": 2 }])).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        id
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
        let children = process.store.children(process.workspace, id).await.expect("a list");
        assert_eq!(children.len(), 2);
        assert!(children.iter().all(|child| child.status == ExecutionStatus::Completed && child.depth == 1));
        assert_eq!(marks("child").iter().filter(|mark| *mark == "work#1").count(), 2);
        let kinds = process.kinds(id).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::ChildFinished).count(), 2);
    });
}

#[test]
fn a_launched_child_is_neither_lost_nor_doubled_by_a_kill() {
    let site = Site::new();
    let child = marking("called -> work", "launched", &[("work", json!({}))]).is("called", CALLED, json!({}));
    let id = site.process(async |process: &Process| {
        let child = process.publish(child).await;
        let does = json!({ "does": { "launch": child.workflow.to_string() } });
        let nodes = [("slow", json!({ "takes": 2_000 }))];
        let parent = marking("start -> launch -> slow", "launcher", &nodes).is("launch", STEP, does);
        let parent = process.publish(parent).await;
        let id = process.accept(parent, json!({})).await;
        process.until_head(id, |head| head.seq >= 3).await;
        id
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
        let children = process.store.children(process.workspace, id).await.expect("a list");
        assert_eq!(children.len(), 1);
        process.until(children[0].id, ExecutionStatus::Completed).await;
        assert_eq!(marks("launched"), ["work#1"]);
    });
}

#[test]
fn a_sub_workflow_that_does_not_exist_fails_the_step_that_runs_it() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let draft = workflow("start -> call").is("call", STEP, json!({ "does": { "call": "nobody" } }));
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        let head = process.until(id, ExecutionStatus::Failed).await;
        let error = head.error.expect("it says why");
        assert!(error.contains("nobody") && error.contains("was not found"), "{error}");
    });
}
