//! What the planner makes of what happens.

use insta::assert_snapshot;
use model::{ExecutionStatus, OnError, json};
use testkit::{Scenario, workflow};

#[test]
fn a_failed_step_is_retried_then_fails_the_execution() {
    let mut scenario = Scenario::new(workflow("start -> fetch").retry("fetch", 2, "1s"));
    scenario.trigger(json!([{ "id": 1 }]));
    scenario.step("fetch").fails_transiently("503");
    scenario.advance("1s");
    scenario.step("fetch").fails_transiently("503");
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  fetch #1 failed: 503; retry in 1s
    1s  fetch #2 failed: 503; no attempts left
    1s  execution failed at fetch
    ");
}

#[test]
fn a_retry_that_works_goes_on_as_if_nothing_had_happened() {
    let mut scenario = Scenario::new(workflow("start -> fetch -> save").retry("fetch", 3, "1s"));
    scenario.trigger(json!({}));
    scenario.step("fetch").fails("no");
    scenario.advance("1s");
    scenario.step("fetch").completes();
    scenario.step("save").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  fetch #1 failed: no; retry in 1s
    1s  fetch completed with 1 item
    1s  save completed with 1 item
    1s  execution completed
    ");
}

#[test]
fn a_step_that_fails_may_pass_its_input_on() {
    let draft = workflow("start -> fetch -> save").on_error("fetch", OnError::Continue);
    let mut scenario = Scenario::new(draft);
    scenario.trigger(json!({ "id": 1 }));
    scenario.step("fetch").fails("no");
    assert_eq!(scenario.input("save"), json!([{ "id": 1 }]));
    scenario.step("save").completes();
    assert_eq!(scenario.status(), ExecutionStatus::Completed);
}

#[test]
fn an_execution_whose_last_step_failed_has_failed_in_the_sequential_order_only() {
    for (parallel, status) in [(false, ExecutionStatus::Failed), (true, ExecutionStatus::Completed)] {
        let draft = workflow("start -> fetch").on_error("fetch", OnError::Continue);
        let mut scenario = Scenario::new(if parallel { draft.parallel(2) } else { draft });
        scenario.trigger(json!({}));
        scenario.step("fetch").fails("no");
        assert_eq!(scenario.status(), status);
    }
}

#[test]
fn a_wait_ends_at_its_time_and_passes_its_items_on() {
    let mut scenario = Scenario::new(workflow("start -> wait -> after"));
    scenario.trigger(json!({ "id": 1 }));
    scenario.step("wait").waits("72h");
    assert_eq!(scenario.status(), ExecutionStatus::Waiting);
    scenario.crash();
    scenario.advance("72h");
    assert_eq!(scenario.input("after"), json!([{ "id": 1 }]));
    scenario.step("after").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  wait waits for 72h
    0s  crash
    72h  wait has waited long enough
    72h  after completed with 1 item
    72h  execution completed
    ");
}

#[test]
fn a_wait_for_an_answer_gives_the_answer_and_its_timer_then_means_nothing() {
    let mut scenario = Scenario::new(workflow("start -> ask -> after"));
    scenario.trigger(json!({}));
    scenario.step("ask").waits_for_an_answer(Some("1h"));
    scenario.answer("ask", json!({ "yes": true }));
    assert_eq!(scenario.input("after"), json!([{ "yes": true }]));
    scenario.advance("1h");
    scenario.step("after").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  ask waits for an answer
    0s  ask was answered
    1h  ask has waited long enough
    1h  ignored
    1h  after completed with 1 item
    1h  execution completed
    ");
}

#[test]
fn children_run_one_after_the_other_and_their_items_follow_one_another() {
    let mut scenario = Scenario::new(workflow("start -> each -> after"));
    scenario.trigger(json!({}));
    scenario.step("each").calls([json!({ "n": 1 }), json!({ "n": 2 })], true);
    scenario.child("each", Ok(json!({ "got": 1 })));
    scenario.crash();
    scenario.child("each", Ok(json!([{ "got": 2 }, { "got": 3 }])));
    assert_eq!(scenario.input("after"), json!([{ "got": 1 }, { "got": 2 }, { "got": 3 }]));
    scenario.step("after").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  each runs 2 children
    0s  child 0 of each completed with 1 item
    0s  crash
    0s  child 1 of each completed with 2 items
    0s  after completed with 3 items
    0s  execution completed
    ");
}

#[test]
fn a_child_that_fails_fails_its_step() {
    let mut scenario = Scenario::new(workflow("start -> call").retry("call", 2, "1s"));
    scenario.trigger(json!({}));
    scenario.step("call").calls([json!({})], true);
    scenario.child("call", Err("broken"));
    scenario.advance("1s");
    scenario.step("call").calls([json!({})], true);
    scenario.child("call", Err("broken"));
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  call runs 1 child
    0s  child 0 of call failed: broken
    1s  call runs 1 child
    1s  child 0 of call failed: broken
    1s  execution failed at call
    ");
}

#[test]
fn an_item_with_the_error_stands_for_a_failed_child_where_the_step_goes_on() {
    let goes_on = |drawing: &str, on_error: OnError| {
        let mut scenario = Scenario::new(workflow(drawing).on_error("each", on_error));
        scenario.trigger(json!([{ "id": 1 }, { "id": 2 }]));
        scenario.step("each").calls([json!({ "n": 1 }), json!({ "n": 2 })], true);
        scenario.child("each", Err("broken"));
        scenario.child("each", Ok(json!({ "got": 2 })));
        scenario
    };
    let scenario = goes_on("start -> each -> after", OnError::Continue);
    assert_eq!(scenario.input("after"), json!([{ "error": "broken" }, { "got": 2 }]));
    let scenario = goes_on("start -> each -> after; each.error -> failed", OnError::ErrorOutput);
    assert_eq!(scenario.input("after"), json!([{ "got": 2 }]));
}

#[test]
fn a_launched_child_holds_nobody_up() {
    let mut scenario = Scenario::new(workflow("start -> launch -> after"));
    scenario.trigger(json!({ "id": 1 }));
    scenario.step("launch").calls([json!({})], false);
    scenario.step("after").completes();
    assert_eq!(scenario.status(), ExecutionStatus::Completed);
}

#[test]
fn a_step_that_is_reported_twice_counts_once() {
    let mut scenario = Scenario::new(workflow("start -> a -> b"));
    scenario.trigger(json!({}));
    scenario.step("a").completes_twice();
    assert_eq!(scenario.running(), "b");
    assert_eq!(scenario.execution().finished().count(), 2);
}

#[test]
fn cancelling_lets_running_steps_report_and_begins_nothing_more() {
    let mut scenario = Scenario::new(workflow("start -> a -> b; start -> c").parallel(4));
    scenario.trigger(json!({}));
    assert_eq!(scenario.running(), "a c");
    scenario.cancel();
    scenario.cancel();
    scenario.step("a").completes();
    scenario.step("c").stops();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  cancel asked
    0s  a is asked to stop
    0s  c is asked to stop
    0s  cancel asked
    0s  ignored
    0s  a completed with 1 item
    0s  c #1 failed: the execution was cancelled
    0s  execution cancelled
    ");
}

#[test]
fn cancelling_ends_waits_and_retries_at_once() {
    let draft = workflow("start -> wait; start -> fetch").retry("fetch", 2, "1s").parallel(4);
    let mut scenario = Scenario::new(draft);
    scenario.trigger(json!({}));
    scenario.step("wait").waits("1h");
    scenario.step("fetch").fails("no");
    scenario.cancel();
    scenario.advance("2h");
    assert_eq!(scenario.status(), ExecutionStatus::Cancelled);
}

#[test]
fn a_paused_execution_lets_steps_end_and_begins_them_when_it_resumes() {
    let mut scenario = Scenario::new(workflow("start -> a -> b"));
    scenario.trigger(json!({}));
    scenario.pause();
    scenario.step("a").completes();
    assert_eq!((scenario.status(), scenario.running().as_str()), (ExecutionStatus::Paused, ""));
    scenario.crash();
    scenario.resume();
    scenario.step("b").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  pause asked
    0s  a completed with 1 item
    0s  crash
    0s  resume asked
    0s  b completed with 1 item
    0s  execution completed
    ");
}

#[test]
fn a_retry_that_comes_due_during_a_pause_begins_afterwards() {
    let mut scenario = Scenario::new(workflow("start -> fetch").retry("fetch", 2, "1s"));
    scenario.trigger(json!({}));
    scenario.step("fetch").fails("no");
    scenario.pause();
    scenario.advance("5s");
    assert_eq!(scenario.running(), "");
    scenario.resume();
    scenario.step("fetch").completes();
    assert_eq!(scenario.status(), ExecutionStatus::Completed);
}

#[test]
fn an_execution_that_runs_too_long_times_out() {
    let mut scenario = Scenario::new(workflow("start -> a").limit("5s"));
    scenario.trigger(json!({}));
    scenario.time_out();
    scenario.step("a").stops();
    assert_eq!(scenario.status(), ExecutionStatus::TimedOut);
    let failure = scenario.execution().failure().expect("a time-out is a failure");
    assert_eq!(failure.error.message, "the execution ran longer than 5000 ms");
}

#[test]
fn after_a_crash_a_step_without_effect_runs_again() {
    let mut scenario = Scenario::new(workflow("start -> a -> b"));
    scenario.trigger(json!({}));
    scenario.step("a").completes();
    scenario.crash();
    assert_eq!(scenario.running(), "b");
}

#[test]
fn after_a_crash_an_effect_that_began_is_not_repeated_but_asked_about() {
    let draft = workflow("start -> send -> after").is("send", testkit::nodes::UNSAFE, json!({}));
    let mut scenario = Scenario::new(draft);
    scenario.trigger(json!({}));
    scenario.step("send").starts();
    scenario.crash();
    assert_eq!((scenario.status(), scenario.running().as_str()), (ExecutionStatus::Waiting, ""));
    scenario.crash();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  crash
    0s  nobody knows whether send happened
    0s  crash
    ");
}

#[test]
fn after_a_crash_an_effect_that_did_not_begin_begins() {
    let draft = workflow("start -> send").is("send", testkit::nodes::UNSAFE, json!({}));
    let mut scenario = Scenario::new(draft);
    scenario.trigger(json!({}));
    scenario.crash();
    assert_eq!(scenario.running(), "send");
}

#[test]
fn a_failure_stops_the_steps_that_run_beside_it() {
    let mut scenario = Scenario::new(workflow("start -> a; start -> b; start -> c").parallel(2));
    scenario.trigger(json!({}));
    scenario.step("a").fails("broken");
    scenario.step("b").completes();
    assert_snapshot!(scenario.journal(), @"
    0s  execution started with 1 item
    0s  a #1 failed: broken
    0s  b is asked to stop
    0s  b completed with 1 item
    0s  execution failed at a
    ");
}

#[test]
fn parallel_branches_run_at_the_same_time_up_to_the_limit() {
    let mut scenario = Scenario::new(workflow("start -> a; start -> b; start -> c").parallel(2));
    scenario.trigger(json!({}));
    assert_eq!(scenario.running(), "a b");
    scenario.step("b").completes();
    assert_eq!(scenario.running(), "a c");
}

#[test]
fn what_only_waits_takes_no_place_among_the_parallel_steps() {
    let mut scenario = Scenario::new(workflow("start -> a; start -> b; start -> c").parallel(1));
    scenario.trigger(json!({}));
    scenario.step("a").waits("1h");
    assert_eq!(scenario.running(), "b");
}

#[test]
fn runs_of_one_node_never_overlap() {
    let mut scenario = Scenario::new(workflow("start -> a -> both; start -> b -> both").parallel(4));
    scenario.trigger(json!({}));
    scenario.step("a").completes();
    scenario.step("b").completes();
    assert_eq!(scenario.running(), "both");
    scenario.step("both").completes();
    assert_eq!(scenario.running(), "both");
}

#[test]
fn an_endless_loop_ends_with_an_error() {
    let limits = engine::Limits { steps: 10, ..engine::Limits::default() };
    let mut scenario = Scenario::with_limits(workflow("start -> a -> b -> a"), limits);
    scenario.trigger(json!({}));
    while scenario.status() == ExecutionStatus::Running {
        let name = scenario.running();
        scenario.step(&name).completes();
    }
    let failure = scenario.execution().failure().expect("the execution failed");
    assert_eq!(failure.error.message, "the execution was stopped after 10 steps: is there an endless loop?");
}

#[test]
fn an_execution_whose_items_take_too_much_memory_ends_with_an_error() {
    let limits = engine::Limits { bytes: 2 << 20, ..engine::Limits::default() };
    let mut scenario = Scenario::with_limits(workflow("start -> a -> b"), limits);
    scenario.trigger(json!({ "text": "x".repeat(1 << 20) }));
    scenario.step("a").completes();
    let failure = scenario.execution().failure().expect("the execution failed");
    assert_eq!(failure.error.message, "the execution was stopped because its items take more than 2 MiB");
}

#[test]
fn the_first_answer_to_the_caller_counts() {
    let mut scenario = Scenario::new(workflow("start -> a -> b"));
    scenario.trigger(json!({}));
    scenario.step("a").responds(json!("first"));
    scenario.step("b").responds(json!("second"));
    assert_snapshot!(scenario.journal(), @r#"
    0s  execution started with 1 item
    0s  a completed with 1 item
    0s  response: "first"
    0s  b completed with 1 item
    0s  execution completed
    "#);
}

#[test]
fn a_journal_with_a_record_too_many_is_refused() {
    use engine::{Event, Execution, Limits};

    let plan = testkit::plan(workflow("start -> a"));
    let begins = Event::Triggered { node: 0, items: testkit::items(json!({})) };
    let journal = [(&begins, 0.0), (&Event::PauseAsked, 0.0), (&Event::PauseAsked, 0.0)];
    let replayed = Execution::replay(plan, Limits::default(), 0, journal);
    assert_eq!(replayed.err().map(|unexpected| unexpected.seq), Some(3));
}
