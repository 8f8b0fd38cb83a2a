//! Kills: what had completed never runs again, what was begun is begun again or asked about.

use engine::Settlement;
use model::journal::Kind;
use model::{ExecutionStatus, OnUnknown, json};
use store::testing::Side;
use testkit::items;

use crate::nodes::marks;
use crate::site::{Process, Site, marking};

#[test]
fn r4_completed_steps_never_run_again() {
    let site = Site::new();
    let nodes = [
        ("a", json!({ "effect": "unsafe" })),
        ("b", json!({ "effect": "idempotent" })),
        ("slow", json!({ "effect": "idempotent", "takes": 60_000 })),
        ("c", json!({})),
    ];
    let draft = marking("start -> a -> b -> slow -> c", "r4", &nodes);
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_head(id, |head| head.seq >= 5).await;
        id
    });
    site.process(async |process: &Process| {
        let head = process.until(id, ExecutionStatus::Completed).await;
        assert_eq!(head.fence, 3, "its owner died once: the lease was taken away and given again");
        assert_eq!(marks("r4"), ["a#1", "b#1", "slow#1", "slow#1", "c#1"]);
        assert_eq!(process.engine.metrics().reaped, 1);
    });
}

#[test]
fn r3_an_effect_that_was_cut_off_becomes_unknown_and_somebody_decides() {
    let settlements = [
        (
            "completed",
            Settlement::Completed(vec![items(json!({ "told": true }))]),
            ExecutionStatus::Completed,
            1,
        ),
        ("failed", Settlement::Failed("it did not arrive".into()), ExecutionStatus::Failed, 1),
        ("again", Settlement::RunAgain, ExecutionStatus::Completed, 2),
    ];
    for (place, settlement, ends, attempts) in settlements {
        let site = Site::new();
        let nodes = [("send", json!({ "effect": "unsafe", "takes": 3_000 })), ("end", json!({}))];
        let draft = marking("start -> send -> end", place, &nodes);
        let id = site.process(async |process: &Process| {
            let of = process.publish(draft).await;
            let id = process.accept(of, json!({})).await;
            process.until_head(id, |head| head.seq == 3).await;
            id
        });
        site.process(async |process: &Process| {
            let head = process.until_left(id, ExecutionStatus::Waiting).await;
            assert_eq!(process.kinds(id).await.last(), Some(&Kind::StepLost));
            let waits = process.store.open_waits(process.workspace, id).await.expect("a list");
            assert_eq!(waits.iter().map(|wait| wait.kind.as_str()).collect::<Vec<_>>(), ["unknown"]);
            assert_eq!((marks(place).len(), head.lease_owner), (1, None));
            let step = waits[0].step;
            process.engine.settle_lost(process.workspace, id, step, settlement).await.expect("it exists");
            process.until(id, ends).await;
            let sent = marks(place).iter().filter(|mark| mark.starts_with("send")).count();
            assert_eq!(sent, attempts, "{place}");
        });
    }
}

#[test]
fn r3_a_keyed_effect_runs_again_and_an_unsafe_one_where_its_node_says_so() {
    for (place, effect) in [("keyed", "keyed"), ("allowed", "unsafe")] {
        let site = Site::new();
        let nodes = [("send", json!({ "effect": effect, "takes": 3_000 }))];
        let draft = marking("start -> send", place, &nodes).with(|workflow| {
            workflow.nodes[1].on_unknown = OnUnknown::Retry;
        });
        let id = site.process(async |process: &Process| {
            let of = process.publish(draft).await;
            let id = process.accept(of, json!({})).await;
            process.until_head(id, |head| head.seq == 3).await;
            id
        });
        site.process(async |process: &Process| {
            process.until(id, ExecutionStatus::Completed).await;
            assert_eq!(marks(place), ["send#1", "send#1"]);
        });
    }
}

/// The database dies at every statement there is between the start of an execution and its end, and the process with it.
#[test]
fn r1_r4_a_crash_at_any_statement_loses_nothing_and_repeats_nothing() {
    for side in [Side::Before, Side::After] {
        for statement in 1..200 {
            let place = format!("statement {statement} {side:?}");
            let nodes = [
                ("a", json!({ "effect": "keyed" })),
                ("b", json!({ "effect": "unsafe" })),
                ("c", json!({ "effect": "idempotent" })),
            ];
            let draft = marking("start -> a -> b -> wait -> c", &place, &nodes).is(
                "wait",
                testkit::nodes::STEP,
                json!({ "does": { "wait": 5_000 } }),
            );
            let site = Site::new();
            let (of, started, crashed) = site.process(async |process: &Process| {
                let of = process.publish(draft).await;
                process.faults.crash(statement, side);
                let started = process.engine.start(process.request(of, json!({ "n": 1 }))).await;
                tokio::time::sleep(std::time::Duration::from_secs(8)).await;
                (of, started.ok().map(|started| started.execution), process.faults.crashed())
            });
            site.process(async |process: &Process| {
                if let Some(id) = started {
                    let head = process
                        .until_head(id, |head| {
                            head.status.is_final()
                                || (head.status == ExecutionStatus::Waiting && head.seq > 0)
                        })
                        .await;
                    if head.status == ExecutionStatus::Waiting {
                        tokio::time::sleep(std::time::Duration::from_secs(7)).await;
                    }
                    let head = process.head(id).await;
                    let kinds = process.kinds(id).await;
                    let unknown = kinds.last() == Some(&Kind::StepLost);
                    assert!(head.status == ExecutionStatus::Completed || unknown, "{place}: {head:?}");
                    let marks = marks(&place);
                    let count = |node: &str| marks.iter().filter(|mark| mark.starts_with(node)).count();
                    assert!(count("b#") <= 1, "{place}: an unsafe effect happened twice: {marks:?}");
                    if !unknown {
                        assert!(
                            count("b#") == 1 && count("a#") >= 1 && count("c#") >= 1,
                            "{place}: {marks:?}"
                        );
                    }
                    let loaded = process.store.load(process.workspace, id).await.expect("a whole journal");
                    assert!(!loaded.records.is_empty());
                } else {
                    assert!(process.count(of).await <= 1, "{place}");
                }
            });
            if !crashed {
                assert!(statement > 30, "the whole of it takes more statements than {statement}");
                break;
            }
        }
    }
}

#[test]
fn r10_an_execution_that_kills_its_owners_is_stopped() {
    let site = Site::new();
    let nodes = [("poison", json!({ "takes": 3_000 }))];
    let draft = marking("start -> poison", "r10", &nodes);
    let (poison, innocent) = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let nodes = [("rest", json!({ "takes": 20_000 }))];
        let other = process.publish(marking("start -> rest", "innocent", &nodes)).await;
        let ids = (process.accept(of, json!({})).await, process.accept(other, json!({})).await);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        ids
    });
    for _ in 0..2 {
        site.process(async |process: &Process| {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            process.head(poison).await;
        });
    }
    site.process(async |process: &Process| {
        let head = process.until(poison, ExecutionStatus::Failed).await;
        let error = head.error.expect("it says why");
        assert!(error.contains("3 processes that ran it died"), "{error}");
        assert_eq!(marks("r10").len(), 3);
        assert_eq!(process.kinds(poison).await.last(), Some(&Kind::StepFailed));
        process.until(innocent, ExecutionStatus::Completed).await;
    });
}

#[test]
fn r21_a_drain_lets_steps_end_and_hands_over_the_rest() {
    let site = Site::new();
    let nodes = [
        ("short", json!({ "effect": "unsafe", "takes": 5_000 })),
        ("long", json!({ "effect": "idempotent", "takes": 100_000 })),
    ];
    let draft = marking("start -> short -> long", "drain", &nodes);
    let id = site.process(async |process: &Process| {
        let of = process.publish(draft).await;
        let id = process.accept(of, json!({})).await;
        process.until_head(id, |head| head.seq == 3).await;
        process.stop.cancel();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        assert!(!process.engine.is_ready(), "readiness flips first");
        let late = process.accept(of, json!({})).await;
        let head = process.until_left(id, ExecutionStatus::Running).await;
        assert_eq!(head.deaths, 0);
        assert_eq!(
            process.head(late).await.status,
            ExecutionStatus::Queued,
            "it is durable, for the next process"
        );
        assert_eq!(marks("drain"), ["short#1", "long#1"]);
        id
    });
    site.process(async |process: &Process| {
        process.until(id, ExecutionStatus::Completed).await;
        let shorts = marks("drain").iter().filter(|mark| mark.starts_with("short")).count();
        assert_eq!(shorts, 2, "one for each execution: a step that ended is not repeated");
    });
}
