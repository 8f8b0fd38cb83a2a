//! What people do to executions: cancel, pause, resume.

use std::time::Duration;

use model::journal::Kind;
use model::{ExecutionStatus, json};
use testkit::nodes::{CALLED, STEP};
use testkit::workflow;

use crate::nodes::marks;
use crate::site::{Process, Site, marking};

#[test]
fn r8_a_cancel_reaches_a_running_step_at_once_and_a_stubborn_one_after_ten_seconds() {
    let site = Site::new();
    site.process(async |process: &Process| {
        for (stubborn, at_least, at_most) in [(false, 0, 2_000), (true, 10_000, 11_000)] {
            let nodes = [("slow", json!({ "takes": 600_000, "stubborn": stubborn }))];
            let of = process.publish(marking("start -> slow -> end", "r8", &nodes)).await;
            let id = process.accept(of, json!({})).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let asked = process.store.now().await.expect("the time");
            process.engine.cancel(process.workspace, id).await.expect("it runs");
            let head = process.until(id, ExecutionStatus::Cancelled).await;
            let took = head.finished_at.expect("it ended").duration_since(asked).as_millis() as i64;
            assert!((at_least..=at_most).contains(&took), "stubborn {stubborn}: {took} ms");
            let again = process.engine.cancel(process.workspace, id).await;
            assert!(matches!(again, Err(store::Error::NotFound(_))), "r5: it never changes again");
        }
    });
}

#[test]
fn a_cancelled_wait_and_a_queued_execution_end_at_once() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let draft =
            workflow("start -> wait -> end").is("wait", STEP, json!({ "does": { "wait": 3_600_000 } }));
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        process.engine.cancel(process.workspace, id).await.expect("it waits");
        process.until(id, ExecutionStatus::Cancelled).await;
        let next = process.store.next_due().await.expect("a look");
        assert_eq!(next, None, "the timer went with it");
    });
}

#[test]
fn a_cancel_reaches_the_child_that_a_step_waits_for() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 600_000 }))];
        let child = marking("called -> slow", "cancelled child", &nodes).is("called", CALLED, json!({}));
        let child = process.publish(child).await;
        let does = json!({ "does": { "call": child.workflow.to_string() } });
        let parent = process.publish(workflow("start -> call -> end").is("call", STEP, does)).await;
        let id = process.accept(parent, json!({})).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        process.engine.cancel(process.workspace, id).await.expect("it waits");
        process.until(id, ExecutionStatus::Cancelled).await;
        let children = process.store.children(process.workspace, id).await.expect("a list");
        process.until(children[0].id, ExecutionStatus::Cancelled).await;
    });
}

#[test]
fn a_paused_execution_begins_nothing_until_it_is_resumed_also_after_a_restart() {
    let site = Site::new();
    let nodes = [("a", json!({ "takes": 1_000 })), ("b", json!({}))];
    let draft = marking("start -> a -> b", "paused", &nodes);
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        process.engine.pause(process.workspace, id).await.expect("it runs");
        process.until_left(id, ExecutionStatus::Paused).await;
        assert_eq!(marks("paused"), ["a#1"], "what ran may end");
        id
    });
    site.process(async |process: &Process| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(process.head(id).await.status, ExecutionStatus::Paused);
        process.engine.resume(process.workspace, id).await.expect("it is there");
        process.until(id, ExecutionStatus::Completed).await;
        assert_eq!(marks("paused"), ["a#1", "b#1"]);
    });
}

#[test]
fn running_time_counts_over_restarts_and_waiting_does_not() {
    let site = Site::new();
    let nodes = [
        ("a", json!({ "effect": "idempotent", "takes": 4_000 })),
        ("b", json!({ "effect": "idempotent", "takes": 4_000 })),
        ("c", json!({ "takes": 4_000 })),
    ];
    let draft = marking("start -> a -> wait -> b -> c", "clock", &nodes).limit("10s");
    let draft = draft.is("wait", STEP, json!({ "does": { "wait": 60_000 } }));
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_left(id, ExecutionStatus::Waiting).await;
        id
    });
    site.process(async |process: &Process| {
        let head = process.until(id, ExecutionStatus::TimedOut).await;
        assert!((10_000_000..10_500_000).contains(&head.run_us), "{head:?}");
        assert_eq!(process.kinds(id).await.iter().filter(|kind| **kind == Kind::TimedOut).count(), 1);
    });
}

#[test]
fn somebody_who_watches_sees_how_far_it_is() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 3_000 }))];
        let of = process.publish(marking("start -> slow", "watched", &nodes)).await;
        let id = process.accept(of, json!({})).await;
        let mut watch = process.engine.watch(id);
        let mut seen = Vec::new();
        while !watch.now().ended {
            seen.push(watch.changed().await.seq);
        }
        assert!(seen.len() >= 2 && seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.last(), Some(&3));
    });
}
