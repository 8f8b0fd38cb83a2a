//! What the in-memory runner makes happen around the nodes.

use std::sync::Arc;

use engine::{Outcome, Plan, Runner, Start, Workflows};
use model::{ExecutionStatus, Item, Lineage, OnError, Origin, Value, json};
use sdk::node::BoxFuture;
use sdk::output::WorkflowSource;
use sdk::{Mode, NodeError, Services};
use testkit::nodes::{CALLED, ON_FAILURE, STEP, TRIGGER};
use testkit::{Draft, VirtualClock, block_on, items, plan, run_on, workflow};

/// The data that a node gave in one of its runs, by port.
fn given(draft: &Draft, outcome: &Outcome, node: &str, run: usize) -> Vec<Value> {
    let node = plan(draft.clone()).find(node).expect("the node is drawn");
    let run = outcome.history.runs(node).get(run).expect("the node ran so often");
    let data =
        |items: &Arc<Vec<Item>>| Value::array(items.iter().map(|item| Value::Object(item.json.clone())));
    run.outputs.iter().map(data).collect()
}

fn lineage(draft: &Draft, outcome: &Outcome, node: &str) -> Vec<Vec<Origin>> {
    let node = plan(draft.clone()).find(node).expect("the node is drawn");
    let items = outcome.history.runs(node)[0].outputs[0].iter();
    items.map(|item: &Item| Lineage::origins(&item.lineage).to_vec()).collect()
}

#[test]
fn a_disabled_node_passes_its_first_input_on() {
    let draft = workflow("start -> a -> b").is("a", STEP, json!({ "does": "panic" })).disable("a");
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(given(&draft, &outcome, "b", 0), [json!([{ "n": 1 }, { "n": 2 }])]);
}

#[test]
fn a_pinned_node_does_not_run() {
    let draft =
        workflow("start -> a -> b").is("a", STEP, json!({ "does": "panic" })).pin("a", json!([{ "n": 7 }]));
    let outcome = run_on(draft.clone(), json!({}));
    assert_eq!(given(&draft, &outcome, "b", 0), [json!([{ "n": 7 }])]);
    assert_eq!(lineage(&draft, &outcome, "a"), [[Origin::item(0)]]);
}

#[test]
fn a_node_that_sees_only_the_first_item_gives_only_that() {
    let draft = workflow("start -> a").execute_once("a");
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(given(&draft, &outcome, "a", 0), [json!([{ "n": 1 }])]);
}

#[test]
fn a_node_that_always_gives_output_gives_one_empty_item_that_stems_from_all() {
    let draft = workflow("start -> a -> b").is("a", STEP, json!({ "does": "nothing" })).always_output("a");
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(given(&draft, &outcome, "b", 0), [json!([{}])]);
    assert_eq!(lineage(&draft, &outcome, "a"), [[Origin::item(0), Origin::item(1)]]);
}

#[test]
fn items_that_are_passed_on_stem_from_their_own_place() {
    let draft = workflow("start -> a -> b");
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(lineage(&draft, &outcome, "b"), [[Origin::item(0)], [Origin::item(1)]]);
}

#[test]
fn missing_lineage_is_filled_in_where_there_is_one_answer() {
    let giving = |arriving: usize, given: usize| {
        let data = Value::array(vec![json!({}); given]);
        let draft = workflow("start -> a").is("a", STEP, json!({ "does": { "give": data } }));
        let outcome = run_on(draft.clone(), Value::array(vec![json!({}); arriving]));
        lineage(&draft, &outcome, "a")
    };
    let item = |index: usize| vec![Origin::item(index)];
    assert_eq!(giving(1, 3), [item(0), item(0), item(0)], "one item in: all stem from it");
    assert_eq!(giving(2, 2), [item(0), item(1)], "as many out as in: one for one");
    assert_eq!(giving(3, 1), [item(0)], "one item out");
    assert_eq!(giving(3, 2), [vec![], vec![]], "nobody knows");
}

#[test]
fn failed_items_leave_on_the_error_port_over_the_data_they_stem_from() {
    let draft = workflow("start -> a -> good; a.error -> bad")
        .is("a", STEP, json!({ "does": { "report_error": 1 } }))
        .on_error("a", OnError::ErrorOutput);
    let outcome = run_on(draft.clone(), json!({ "id": 1 }));
    assert_eq!(given(&draft, &outcome, "bad", 0), [json!([{ "id": 1, "error": "broken" }])]);
    assert_eq!(given(&draft, &outcome, "a", 0), [json!([]), json!([{ "id": 1, "error": "broken" }])]);
}

#[test]
fn a_step_that_fails_as_a_whole_passes_its_input_on_past_the_error_port() {
    let draft = workflow("start -> a -> good; a.error -> bad")
        .is("a", STEP, json!({ "does": { "fail": 9 } }))
        .on_error("a", OnError::ErrorOutput);
    let outcome = run_on(draft.clone(), json!({ "id": 1 }));
    assert_eq!(given(&draft, &outcome, "good", 0), [json!([{ "id": 1 }])]);
}

#[test]
fn a_reported_error_counts_as_a_failed_attempt_while_attempts_are_left() {
    let draft = |attempts| {
        let draft = workflow("start -> a").is("a", STEP, json!({ "does": { "report_error": attempts } }));
        draft.retry("a", 3, "1s")
    };
    let healed = run_on(draft(2), json!({ "id": 1 }));
    assert_eq!(given(&draft(2), &healed, "a", 0), [json!([{ "id": 1 }])]);
    let given_up = run_on(draft(3), json!({ "id": 1 }));
    assert_eq!(given(&draft(3), &given_up, "a", 0), [json!([{ "error": "broken" }])]);
}

#[test]
fn pauses_between_attempts_are_waited_for() {
    let draft = workflow("start -> a").is("a", STEP, json!({ "does": { "fail": 2 } })).retry("a", 3, "2s");
    let outcome = run_on(draft, json!({}));
    assert_eq!((outcome.status, outcome.duration.as_secs()), (ExecutionStatus::Completed, 4));
}

#[test]
fn an_attempt_that_takes_too_long_fails() {
    let draft =
        workflow("start -> a").is("a", STEP, json!({ "does": { "take": 5000 } })).timeout("a", "100ms");
    let outcome = run_on(draft, json!({}));
    let failure = outcome.failure.expect("the execution failed");
    assert_eq!(failure.error, NodeError::timed_out(100));
}

#[test]
fn short_waits_are_sat_out_and_long_ones_end_the_run() {
    let wait = |ms: u32| workflow("start -> a -> b").is("a", STEP, json!({ "does": { "wait": ms } }));
    let short = run_on(wait(2_000), json!({ "id": 1 }));
    assert_eq!((short.status, short.duration.as_secs()), (ExecutionStatus::Completed, 2));
    assert_eq!(given(&wait(2_000), &short, "b", 0), [json!([{ "id": 1 }])]);
    let long = run_on(wait(3_600_000), json!({}));
    assert_eq!((long.status, long.duration.as_secs()), (ExecutionStatus::Waiting, 0));
}

#[test]
fn a_wait_for_a_call_ends_the_run() {
    let draft = workflow("start -> a -> b").is("a", STEP, json!({ "does": "wait_for_call" }));
    assert_eq!(run_on(draft, json!({})).status, ExecutionStatus::Waiting);
}

#[test]
fn waiting_does_not_count_towards_the_time_limit_but_running_does() {
    let draft = |does: Value| workflow("start -> a -> b").is("a", STEP, does).limit("1s");
    let waits = run_on(draft(json!({ "does": { "wait": 5_000 } })), json!({}));
    assert_eq!(waits.status, ExecutionStatus::Completed);
    let runs = run_on(draft(json!({ "does": { "take": 5_000 } })), json!({}));
    assert_eq!((runs.status, runs.duration.as_secs()), (ExecutionStatus::TimedOut, 1));
}

#[test]
fn parallel_steps_wait_at_the_same_time() {
    let take = json!({ "does": { "take": 3_000 } });
    let draft = workflow("start -> a -> join.1; start -> b -> join.2").parallel(4);
    let outcome = run_on(draft.is("a", STEP, take.clone()).is("b", STEP, take), json!({}));
    assert_eq!((outcome.status, outcome.duration.as_secs()), (ExecutionStatus::Completed, 3));
}

#[test]
fn a_node_that_panics_fails_its_step_only() {
    let draft = workflow("start -> a").is("a", STEP, json!({ "does": "panic" }));
    let outcome = run_on(draft, json!({}));
    let failure = outcome.failure.expect("the execution failed");
    assert_eq!(failure.error.message, "failed in an unexpected way: as asked");
}

#[test]
fn cancelling_stops_what_runs() {
    let draft = workflow("start -> a -> b").is("a", STEP, json!({ "does": { "take": 60_000 } }));
    let start = Start::default();
    let cancel = start.cancel.clone();
    let outcome = block_on(async {
        let runner = Runner::new(Services::default(), Arc::new(VirtualClock::default()));
        let run = runner.run(plan(draft), start);
        let stop = async {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            cancel.cancel();
        };
        tokio::join!(run, stop).0
    });
    assert_eq!((outcome.status, outcome.duration.as_secs()), (ExecutionStatus::Cancelled, 2));
}

#[test]
fn steps_that_never_wait_can_be_cancelled() {
    let start = Start::default();
    let cancel = start.cancel.clone();
    let outcome = block_on(async {
        let runner = Runner::new(Services::default(), Arc::new(VirtualClock::default()));
        let run = runner.run(plan(workflow("start -> a -> b -> a")), start);
        tokio::join!(run, async { cancel.cancel() }).0
    });
    assert_eq!(outcome.status, ExecutionStatus::Cancelled);
    assert!(outcome.order.len() < 1_000, "{} steps ended", outcome.order.len());
}

#[test]
fn steps_that_never_wait_run_out_of_time() {
    /// Every look at it takes a millisecond.
    #[derive(Default)]
    struct SlowClock(std::sync::atomic::AtomicU64);

    impl engine::Clock for SlowClock {
        fn now_ms(&self) -> f64 {
            0.0
        }

        fn elapsed(&self) -> std::time::Duration {
            std::time::Duration::from_millis(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        }
    }

    let runner = Runner::new(Services::default(), Arc::new(SlowClock::default()));
    let outcome = block_on(runner.run(plan(workflow("start -> a -> b -> a").limit("1s")), Start::default()));
    assert_eq!(outcome.status, ExecutionStatus::TimedOut);
    assert!(outcome.order.len() < 1_000, "{} steps ended", outcome.order.len());
}

#[test]
fn a_loop_hands_out_items_one_by_one_and_gives_what_came_back() {
    let draft = workflow("start -> loop; loop.done -> end; loop.each -> count -> loop")
        .is("loop", STEP, json!({ "does": "loop", "outputs": ["done", "each"] }))
        .is("count", STEP, json!({ "does": { "count": "n" } }));
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 5 }]));
    assert_eq!(given(&draft, &outcome, "end", 0), [json!([{ "n": 2 }, { "n": 6 }])]);
}

#[test]
fn an_unsupported_node_fails_only_when_it_is_reached() {
    let text = "start.yes -> known; start.no -> unknown";
    let draft = |to: &str| {
        let draft = workflow(text).is("start", TRIGGER, json!({ "does": "route" }));
        run_on(draft.is("unknown", "elsewhere.node", json!({})), json!({ "to": to }))
    };
    assert_eq!(draft("yes").status, ExecutionStatus::Completed);
    let failure = draft("no").failure.expect("the execution failed");
    assert_eq!(failure.error.message, "node type \"elsewhere.node\" version 1 is not supported");
}

#[test]
fn a_conditional_edge_lets_the_items_pass_that_meet_its_condition() {
    let draft = workflow("start -> adults").with(|workflow| {
        let condition = json!({ "field": "age", "operator": "greater_or_equal", "value": 18 });
        workflow.edges[0].kind = model::EdgeKind::Conditional;
        workflow.edges[0].condition = Some(condition.parse().expect("a condition"));
    });
    let outcome = run_on(draft.clone(), json!([{ "age": 17 }, { "age": 18 }]));
    assert_eq!(given(&draft, &outcome, "adults", 0), [json!([{ "age": 18 }])]);
    let nobody = run_on(draft.clone(), json!([{ "age": 17 }]));
    assert_eq!(nobody.order.len(), 1, "no item passes, so the node is not reached");
}

#[test]
fn a_control_edge_orders_without_carrying_items() {
    let draft = workflow("start -> a -> b; start -> c; a => c").at("c", 0.0, -100.0);
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    assert_eq!(testkit::order(&plan(draft.clone()), &outcome), ["start", "a", "c", "b"]);
    assert_eq!(given(&draft, &outcome, "c", 0), [json!([{ "n": 1 }, { "n": 2 }])]);
}

/// A few workflows by id.
struct Shelf(Vec<(&'static str, Arc<Plan>)>);

impl Workflows for Shelf {
    fn resolve<'a>(&'a self, source: &'a WorkflowSource) -> BoxFuture<'a, Result<Arc<Plan>, NodeError>> {
        Box::pin(async move {
            let WorkflowSource::Reference { id } = source else { unreachable!("tests refer by id") };
            let found = self.0.iter().find(|(name, _)| name == id);
            found
                .map(|(_, plan)| plan.clone())
                .ok_or_else(|| NodeError::permanent(format!("no workflow {id}")))
        })
    }
}

fn run_beside(draft: Draft, shelf: Vec<(&'static str, Draft)>, start: Start) -> Outcome {
    let shelf = shelf.into_iter().map(|(id, draft)| (id, plan(draft))).collect();
    let runner = Runner::new(Services::default(), Arc::new(VirtualClock::default()));
    block_on(runner.with_workflows(Arc::new(Shelf(shelf))).run(plan(draft), start))
}

#[test]
fn a_step_gives_what_the_last_node_of_its_child_gave() {
    let child = workflow("start -> count").is("start", CALLED, json!({})).is(
        "count",
        STEP,
        json!({ "does": { "count": "n" } }),
    );
    for does in ["call", "call_each"] {
        let parent = workflow("start -> call -> end").is("call", STEP, json!({ "does": { does: "child" } }));
        let start = Start { items: items(json!([{ "n": 1 }, { "n": 2 }])), ..Start::default() };
        let outcome = run_beside(parent.clone(), vec![("child", child.clone())], start);
        assert_eq!(given(&parent, &outcome, "end", 0), [json!([{ "n": 2 }, { "n": 3 }])]);
        assert_eq!(lineage(&parent, &outcome, "call"), [[Origin::item(0)], [Origin::item(1)]]);
    }
}

#[test]
fn a_child_that_fails_fails_its_parent_with_the_same_error() {
    let child =
        workflow("start -> a").is("start", CALLED, json!({})).is("a", STEP, json!({ "does": { "fail": 9 } }));
    let parent = workflow("start -> call").is("call", STEP, json!({ "does": { "call": "child" } }));
    let outcome = run_beside(parent, vec![("child", child)], Start::default());
    assert_eq!(outcome.failure.expect("the execution failed").error.message, "broken");
}

#[test]
fn a_workflow_that_runs_itself_ends_with_an_error() {
    let draft = workflow("start -> call").is("call", STEP, json!({ "does": { "call": "self" } }));
    let outcome = run_beside(draft.clone(), vec![("self", draft)], Start::default());
    let failure = outcome.failure.expect("the execution failed");
    assert_eq!(failure.error.message, "workflow \"Test\" runs others more than 16 levels deep");
}

#[test]
fn a_launched_child_runs_although_nobody_waits_for_it() {
    let child = workflow("start -> a").is("start", CALLED, json!({})).is(
        "a",
        STEP,
        json!({ "does": { "take": 9_000 } }),
    );
    let parent =
        workflow("start -> launch -> end").is("launch", STEP, json!({ "does": { "launch": "child" } }));
    let outcome = run_beside(parent, vec![("child", child)], Start::default());
    assert_eq!((outcome.status, outcome.duration.as_secs()), (ExecutionStatus::Completed, 9));
}

#[test]
fn a_failure_starts_the_error_workflow_with_what_happened() {
    let failing = workflow("start -> a").is("a", STEP, json!({ "does": { "fail": 9 } }));
    let failing = failing.with(|workflow| workflow.settings.error_workflow = Some("handler".into()));
    let handler = workflow("failed -> tell").is("failed", ON_FAILURE, json!({}));
    let start = Start { mode: Mode::Production, run_error_workflow: true, ..Start::default() };
    let outcome = run_beside(failing, vec![("handler", handler.clone())], start);
    let handled = outcome.error_execution.expect("the error workflow ran");
    let told = given(&handler, &handled, "tell", 0);
    let execution = told[0].as_array().and_then(|items| items[0].get("execution")).expect("it was told");
    assert_eq!(execution.get("lastNodeExecuted"), Some(&json!("a")));
    assert_eq!(execution.get("error").and_then(|error| error.get("message")), Some(&json!("broken")));
    assert_eq!(execution.get("mode"), Some(&json!("trigger")));
}

#[test]
fn an_error_workflow_that_cannot_run_is_said_in_the_log() {
    let failing = workflow("start -> a").is("a", STEP, json!({ "does": { "fail": 9 } }));
    let failing = failing.with(|workflow| workflow.settings.error_workflow = Some("handler".into()));
    let start = Start { mode: Mode::Production, run_error_workflow: true, ..Start::default() };
    let said = |others| {
        let outcome = run_beside(failing.clone(), others, start.clone());
        assert!(outcome.error_execution.is_none());
        outcome.logs.iter().map(|log| log.text.clone()).collect::<Vec<_>>()
    };
    assert!(said(Vec::new())[0].starts_with("the error workflow \"handler\" did not run: "));
    assert_eq!(
        said(vec![("handler", workflow("start -> tell"))]),
        ["the error workflow \"handler\" did not run: it has no error trigger; add one"]
    );
}

#[test]
fn without_an_error_workflow_a_trigger_for_failures_in_the_same_workflow_starts() {
    let draft = workflow("start -> a; failed -> tell").is("a", STEP, json!({ "does": { "fail": 9 } })).is(
        "failed",
        ON_FAILURE,
        json!({}),
    );
    let start = Start { mode: Mode::Production, run_error_workflow: true, ..Start::default() };
    let outcome = run_beside(draft.clone(), Vec::new(), start);
    let handled = outcome.error_execution.expect("the error trigger started");
    assert_eq!(testkit::order(&plan(draft), &handled), ["failed", "tell"]);
}

#[test]
fn a_journal_survives_being_written_down() {
    let draft = workflow("start -> loop; loop.done -> wait -> end; loop.each -> flaky -> loop")
        .is("loop", STEP, json!({ "does": "loop", "outputs": ["done", "each"] }))
        .is("flaky", STEP, json!({ "does": { "fail_transiently": 1 } }))
        .retry("flaky", 2, "100ms")
        .is("wait", STEP, json!({ "does": { "wait": 100 } }));
    let outcome = run_on(draft.clone(), json!([{ "n": 1 }, { "n": 2 }]));
    let plan = plan(draft);
    let (mut writer, mut reader) = (engine::journal::Writer::new(), engine::journal::Reader::new());
    for recorded in &outcome.journal {
        let record = writer.write(&plan, recorded);
        let read = reader.read(&plan, &record).expect("what was written can be read");
        assert_eq!((read.event, read.at_ms), (recorded.event.clone(), recorded.at_ms));
    }
}
