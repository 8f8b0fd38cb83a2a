//! How many run at the same time, and who comes first.

use std::time::Duration;

use engine::{Answer, Config, Reply, StartRequest};
use model::{ExecutionStatus, json};

use crate::nodes::marks;
use crate::site::{Process, Site, marking};

#[test]
fn r15_more_than_the_process_can_run_is_queued_and_runs_later() {
    let site = Site::with(Config { concurrency: 2, ..Config::default() });
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 1_000 }))];
        let of = process.publish(marking("start -> slow", "capacity", &nodes)).await;
        let mut ids = Vec::new();
        for number in 0..6 {
            ids.push(process.accept(of, json!({ "n": number })).await);
        }
        assert_eq!(process.engine.metrics().running, 2);
        assert_eq!(process.head(ids[5]).await.status, ExecutionStatus::Queued);
        for id in ids {
            process.until(id, ExecutionStatus::Completed).await;
            assert!(process.engine.metrics().running <= 2);
        }
        assert_eq!(marks("capacity").len(), 6);
    });
}

#[test]
fn a_caller_of_a_queued_execution_gets_its_answer_all_the_same() {
    let site = Site::with(Config { concurrency: 1, ..Config::default() });
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 1_000 })), ("reply", json!({ "answer": "late" }))];
        let of = process.publish(marking("start -> slow -> reply", "late", &nodes)).await;
        process.accept(of, json!({})).await;
        let request = StartRequest { reply: Reply::Outcome, ..process.request(of, json!({})) };
        let started = process.engine.start(request).await.expect("it starts");
        assert_eq!(process.head(started.execution).await.status, ExecutionStatus::Queued);
        let answer = started.answer.expect("somebody waits").await;
        let Answer::Response(response) = answer else { panic!("{answer:?}") };
        assert_eq!(response.get("body"), Some(&json!("late")));
    });
}

#[test]
fn a_workflow_runs_no_more_executions_at_once_than_it_says() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 1_000 }))];
        let draft = marking("start -> slow", "one by one", &nodes)
            .with(|workflow| workflow.settings.max_concurrent = Some(1));
        let of = process.publish(draft).await;
        let began = process.store.now().await.expect("the time");
        let mut ids = Vec::new();
        for number in 0..4 {
            ids.push(process.accept(of, json!({ "n": number })).await);
            // What was accepted later comes later.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(process.engine.metrics().running, 1);
        let mut last = began;
        for id in ids {
            let head = process.until(id, ExecutionStatus::Completed).await;
            let at = head.finished_at.expect("it ended");
            assert!(at.duration_since(last).as_millis() >= 1_000, "they ran one after the other, in order");
            last = at;
        }
    });
}

#[test]
fn executions_with_the_same_key_run_one_after_the_other_and_others_beside_them() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let nodes = [("slow", json!({ "takes": 1_000 }))];
        let draft = marking("start -> slow", "keys", &nodes)
            .with(|workflow| workflow.settings.concurrency_key = Some("={{ $json.customer }}".into()));
        let of = process.publish(draft).await;
        let began = process.store.now().await.expect("the time");
        let mut ids = Vec::new();
        for customer in ["ada", "ada", "bob", "ada"] {
            ids.push(process.accept(of, json!({ "customer": customer })).await);
        }
        let mut ends = Vec::new();
        for id in ids {
            let head = process.until(id, ExecutionStatus::Completed).await;
            let took = head.finished_at.expect("it ended").duration_since(began);
            ends.push((took.as_millis() as i64) / 1_000);
        }
        assert_eq!(ends, [1, 2, 1, 3]);
    });
}

#[test]
fn r9_an_execution_that_nothing_would_move_is_found_within_a_minute() {
    let site = Site::new();
    site.process(async |process: &Process| {
        let of = process.publish(marking("start -> a", "stuck", &[("a", json!({}))])).await;
        // Its place in the queue is lost: a claim that nobody follows, by a worker that hands it back to nobody.
        let mut start = process.engine.prepare(process.request(of, json!({}))).await.expect("it is valid");
        start.lease = store::LeaseAfter::Release;
        let id = start.execution;
        process.store.commit(start).await.expect("it is kept");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(process.head(id).await.status, ExecutionStatus::Queued, "nobody knows of it");
        let head = process.until(id, ExecutionStatus::Completed).await;
        let took = head.finished_at.expect("it ended").duration_since(head.accepted_at);
        assert!(took.as_secs() <= 61, "{took:?}");
        assert_eq!(process.engine.metrics().stuck_executions, 1);
    });
}
