//! In which order nodes run.

use model::json;
use testkit::{Draft, order, plan, run_on, workflow};

fn order_of(draft: Draft, data: model::Value) -> String {
    let plan = plan(draft.clone());
    let outcome = run_on(draft, data);
    assert_eq!(outcome.status, model::ExecutionStatus::Completed, "{:?}", outcome.failure);
    order(&plan, &outcome).join(" ")
}

#[test]
fn each_branch_runs_to_its_end_before_the_next_begins() {
    let draft = workflow("start -> a -> b; start -> c -> d");
    assert_eq!(order_of(draft, json!({})), "start a b c d");
}

#[test]
fn the_topmost_branch_runs_first_and_the_leftmost_of_those_at_the_same_height() {
    let draft = workflow("start -> a; start -> b; start -> c");
    let draft = draft.at("a", 300.0, 50.0).at("b", 900.0, 10.0).at("c", 200.0, 50.0);
    assert_eq!(order_of(draft, json!({})), "start b c a");
}

#[test]
fn targets_of_different_outputs_run_by_height_too() {
    let draft = workflow("start.one -> a; start.two -> b").at("a", 0.0, 90.0).at("b", 0.0, 10.0);
    let draft = draft.is("start", testkit::nodes::TRIGGER, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!([{ "to": "one" }, { "to": "two" }])), "start b a");
}

#[test]
fn an_output_without_items_leads_nowhere() {
    let draft = workflow("start -> if; if.yes -> a; if.no -> b");
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "no" })), "start if b");
}

#[test]
fn a_node_with_two_inputs_waits_for_both() {
    let draft = workflow("start -> a -> join.1; start -> b -> c -> join.2; join -> end");
    assert_eq!(order_of(draft, json!({})), "start a b c join end");
}

#[test]
fn a_node_with_two_edges_into_one_input_runs_for_each() {
    let draft = workflow("start -> a -> both; start -> b -> both; both -> end");
    assert_eq!(order_of(draft, json!({})), "start a both end b both end");
}

#[test]
fn a_join_behind_a_choice_runs_with_whatever_arrived() {
    let draft = workflow("start -> if; if.yes -> a -> join.1; if.no -> b -> join.2; join -> end");
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "no" })), "start if b join end");
}

#[test]
fn a_join_that_requires_all_its_inputs_never_runs_without_them() {
    let draft = workflow("start -> if; if.yes -> a -> join.1; if.no -> b -> join.2; join -> end");
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    let draft = draft.is("join", testkit::nodes::STEP, json!({ "requires": 2 }));
    assert_eq!(order_of(draft, json!({ "to": "no" })), "start if b");
}

#[test]
fn a_join_behind_another_waiting_join_is_released_after_it() {
    let text =
        "start -> if; if.yes -> a; if.no -> b; a -> first.1; b -> first.2; first -> second.2; a -> second.1";
    let draft = workflow(text).is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "yes" })), "start if a first second");
}

#[test]
fn a_loop_goes_round_until_its_condition_fails() {
    let draft = workflow("start -> count -> while; while.again -> count; while.done -> end")
        .is("count", testkit::nodes::STEP, json!({ "does": { "count": "n" } }))
        .is("while", testkit::nodes::STEP, json!({ "does": { "while": ["n", 3] } }));
    assert_eq!(order_of(draft, json!({})), "start count while count while count while end");
}

#[test]
fn in_the_old_order_levels_run_one_after_the_other() {
    let draft = workflow("start -> a -> b; start -> c -> d").breadth_first();
    assert_eq!(order_of(draft, json!({})), "start a c b d");
}

#[test]
fn in_the_old_order_a_join_makes_its_parents_run() {
    let draft = workflow("start -> a -> join.1; lone -> join.2; join -> end").breadth_first();
    assert_eq!(order_of(draft, json!({})), "start a lone join end");
}

#[test]
fn in_the_old_order_a_sibling_that_was_sent_nothing_runs_on_an_empty_item() {
    let draft = workflow("start -> if; if.yes -> join.1; if.no -> other -> join.2").breadth_first();
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "yes" })), "start if other join");
}

#[test]
fn in_the_old_order_a_parent_that_sent_nothing_makes_no_sibling_run() {
    let draft = workflow("start -> if; if.yes -> a -> join.1; if.yes -> join.2; if.no -> b").breadth_first();
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "no" })), "start if b");
}

#[test]
fn in_the_old_order_an_empty_list_counts_as_the_second_input() {
    let draft = workflow("start -> a -> join.1; start -> if; if.yes -> join.2; if.no -> b").breadth_first();
    let draft = draft.is("if", testkit::nodes::STEP, json!({ "does": "route" }));
    assert_eq!(order_of(draft, json!({ "to": "no" })), "start a if join b");
}

#[test]
fn imported_edges_may_name_ports_that_do_not_exist_by_number() {
    let draft = workflow("start -> a.1; start.7 -> b");
    let draft = draft.is("start", testkit::nodes::TRIGGER, json!({ "outputs": ["main"] }));
    let draft = draft.is("a", testkit::nodes::STEP, json!({ "inputs": ["main"] }));
    assert_eq!(order_of(draft, json!({})), "start a");
}
