//! Starting: what is promised, what is answered, and what makes two starts one.

use engine::{Answer, Reply, Retry, StartRequest};
use jiff::Timestamp;
use model::ids::ExecutionId;
use model::journal::Kind;
use model::{ExecutionStatus, json};
use store::commit::StartKey;
use testkit::nodes::ON_FAILURE;
use testkit::{items, workflow};

use crate::nodes::marks;
use crate::site::{Process, Site, marking};

fn key(text: &str) -> Option<StartKey> {
    let until = Timestamp::from_second(2_000_000_000).expect("a time");
    Some(StartKey { scope: [1; 16], key: text.to_owned(), until })
}

#[test]
fn r1_what_was_accepted_survives_a_kill_at_once() {
    let site = Site::new();
    let draft = marking("start -> slow -> end", "r1", &[("slow", json!({ "takes": 60_000 }))]);
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        process.accept(of, json!({ "n": 1 })).await
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
    });
}

#[test]
fn a_caller_who_waits_gets_what_the_last_node_gave_after_one_commit() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let of = process.publish(workflow("start -> a -> b")).await;
        let before = process.faults.statements();
        let (id, answer) = process.call(of, json!({ "n": 7 })).await;
        let Answer::Ended { status, failure: None, last } = answer else { panic!("{answer:?}") };
        assert_eq!((status, last[0].json.get("n")), (ExecutionStatus::Completed, Some(&json!(7))));
        let head = process.head(id).await;
        assert_eq!((head.status, head.seq), (ExecutionStatus::Completed, 4));
        let commits = process.faults.statements() - before;
        assert!(
            commits < 15,
            "one commit inserts a head, four records and an event; {commits} statements ran"
        );
    });
}

#[test]
fn an_answer_comes_before_the_end_when_a_step_gives_one() {
    let site = Site::new();
    let nodes = [("reply", json!({ "answer": "yes" })), ("slow", json!({ "takes": 20_000 }))];
    let draft = marking("start -> reply -> slow", "answers", &nodes);
    site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let (id, answer) = process.call(of, json!({})).await;
        let Answer::Response(response) = answer else { panic!("{answer:?}") };
        assert_eq!(response.get("body"), Some(&json!("yes")));
        let head = process.head(id).await;
        assert_eq!(head.status, ExecutionStatus::Running, "the answer is durable while the rest still runs");
        assert!(head.seq >= 3, "the record with the answer is kept: {head:?}");
        process.until(id, ExecutionStatus::Completed).await;
    });
}

#[test]
fn r2_two_starts_with_one_key_are_one_execution() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let of = process.publish(workflow("start -> a")).await;
        let mut starts = Vec::new();
        for _ in 0..20 {
            let request = StartRequest { key: key("event-1"), ..process.request(of, json!({})) };
            let engine = process.engine.clone();
            starts.push(tokio::spawn(async move { engine.start(request).await }));
        }
        let mut ids: Vec<ExecutionId> = Vec::new();
        let mut fresh = 0;
        for start in starts {
            let started = start.await.expect("no panic").expect("it starts");
            fresh += usize::from(!started.duplicate);
            ids.push(started.execution);
        }
        ids.dedup();
        assert_eq!((ids.len(), fresh, process.count(of).await), (1, 1, 1));
    });
}

#[test]
fn r2_a_duplicate_gets_the_answer_of_the_first() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let of = process
            .publish(marking("start -> reply", "twice", &[("reply", json!({ "answer": "once" }))]))
            .await;
        for duplicate in [false, true] {
            let request =
                StartRequest { key: key("event-2"), reply: Reply::Outcome, ..process.request(of, json!({})) };
            let started = process.engine.start(request).await.expect("it starts");
            assert_eq!(started.duplicate, duplicate);
            let answer = started.answer.expect("somebody waits").await;
            let Answer::Response(response) = answer else { panic!("{answer:?}") };
            assert_eq!(response.get("body"), Some(&json!("once")));
        }
        assert_eq!(marks("twice"), ["reply#1"]);
    });
}

#[test]
fn r11_a_full_disk_refuses_starts_and_heals_by_itself() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let draft =
            marking("start -> slow", "full", &[("slow", json!({ "takes": 500, "effect": "idempotent" }))]);
        let of = process.publish(draft).await;
        let running = process.accept(of, json!({})).await;
        process.faults.set_full(true);
        let refused = process.engine.start(process.request(of, json!({}))).await;
        assert!(matches!(refused, Err(engine::StartError::Storage(store::Error::Full))), "{refused:?}");
        let request = StartRequest { reply: Reply::Outcome, ..process.request(of, json!({})) };
        let answer = process.engine.start(request).await.expect("nothing is written yet").answer;
        let answer = answer.expect("somebody waits").await;
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        process.faults.set_full(false);
        process.until(running, ExecutionStatus::Completed).await;
        assert_eq!(process.count(of).await, 1, "what was refused did not happen");
    });
}

#[test]
fn a_failed_execution_goes_on_from_the_step_that_failed() {
    let site = Site::new();
    let nodes =
        [("before", json!({ "effect": "unsafe" })), ("fails", json!({ "effect": "unsafe", "fails": 1 }))];
    let draft = marking("start -> before -> fails -> after", "again", &nodes);
    let draft = draft.retry("fails", 1, "1s");
    site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({ "n": 1 })).await;
        process.until(id, ExecutionStatus::Failed).await;
        let started = process.engine.retry(process.workspace, id, Retry::FromFailed, None).await;
        let again = started.expect("it can be retried").execution;
        let head = process.until(again, ExecutionStatus::Failed).await;
        assert_eq!(head.retry_of, Some(id));
        assert_eq!(
            marks("again"),
            ["before#1", "fails#1", "fails#1"],
            "what had completed did not run again"
        );
        let kinds = process.kinds(again).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::StepFailed).count(), 1);
    });
}

#[test]
fn an_execution_is_run_again_with_other_items() {
    let site = Site::new();
    let draft = marking("start -> check", "edited", &[("check", json!({ "requires": "name" }))]);
    site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({ "nam": "Ada" })).await;
        process.until(id, ExecutionStatus::Failed).await;
        let retry = Retry::Whole { items: Some(items(json!({ "name": "Ada" }))) };
        let again =
            process.engine.retry(process.workspace, id, retry, None).await.expect("it can be replayed");
        let head = process.until(again.execution, ExecutionStatus::Completed).await;
        assert_eq!((head.retry_of, head.trigger_node.as_str()), (Some(id), "start"));
    });
}

#[test]
fn a_failure_starts_the_error_workflow_in_the_same_commit() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let handler =
            marking("failed -> tell", "handler", &[("tell", json!({}))]).is("failed", ON_FAILURE, json!({}));
        let handler = process.publish(handler).await;
        let draft = marking("start -> a", "failing", &[("a", json!({ "fails": 9 }))]);
        let id = handler.workflow.to_string();
        let of = process.publish(draft.with(|workflow| workflow.settings.error_workflow = Some(id))).await;
        let id = process.accept(of, json!({})).await;
        process.until(id, ExecutionStatus::Failed).await;
        let children = process.store.children(process.workspace, id).await.expect("a list");
        assert_eq!(children.len(), 1);
        let told = process.until(children[0].id, ExecutionStatus::Completed).await;
        assert_eq!((told.mode.as_str(), told.workflow), ("error", handler.workflow));
        assert_eq!(marks("handler"), ["tell#1"]);
    });
}
