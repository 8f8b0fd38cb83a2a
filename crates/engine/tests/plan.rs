//! What a workflow becomes when it is compiled.

use engine::Plan;
use model::validate::Code;
use model::{EdgeKind, Problem, Workflow, json};
use testkit::nodes::{CALLED, ON_FAILURE, STEP, TRIGGER, catalogue};
use testkit::{Draft, plan, workflow};

fn errors(draft: Draft) -> Vec<Problem> {
    let workflow: Workflow = draft.into();
    Plan::compile(&workflow, &catalogue()).err().expect("the workflow does not compile")
}

fn start_of(draft: Draft) -> Option<String> {
    let plan = plan(draft);
    plan.default_start().map(|node| plan.node(node).info.name.to_string())
}

#[test]
fn a_test_run_starts_at_the_trigger_that_needs_least_from_outside() {
    let draft = workflow("failed -> a; called -> a; event -> a").is("failed", ON_FAILURE, json!({})).is(
        "called",
        CALLED,
        json!({}),
    );
    assert_eq!(start_of(draft.clone()).as_deref(), Some("called"));
    let draft = draft.is("event", TRIGGER, json!({}));
    assert_eq!(start_of(draft.clone()).as_deref(), Some("event"));
    assert_eq!(start_of(draft.disable("event").disable("called")).as_deref(), Some("failed"));
}

#[test]
fn a_lone_node_starts_whatever_it_is() {
    assert_eq!(start_of(workflow("a").is("a", STEP, json!({}))).as_deref(), Some("a"));
    assert_eq!(start_of(workflow("a -> b").is("a", STEP, json!({}))), None);
}

#[test]
fn an_edge_to_a_port_that_does_not_exist_is_an_error_that_names_the_ports() {
    let draft = workflow("start -> a").with(|workflow| workflow.edges[0].target_port = "left".into());
    let problems = errors(draft);
    assert_eq!((problems[0].path.as_str(), problems[0].code), ("edges[0].target_port", Code::UnknownPort));
    assert_eq!(problems[0].fix, "use one of \"main\"");
}

#[test]
fn a_conditional_edge_needs_a_condition_with_a_known_operator() {
    let conditional = |condition: Option<&str>| {
        workflow("start -> a").with(|workflow| {
            workflow.edges[0].kind = EdgeKind::Conditional;
            let condition = condition.map(|operator| json!({ "field": "a", "operator": operator }));
            workflow.edges[0].condition = condition.map(|value| value.parse().expect("a condition"));
        })
    };
    assert_eq!(errors(conditional(None))[0].path, "edges[0].condition");
    let unknown = &errors(conditional(Some("resembles")))[0];
    assert_eq!(unknown.path, "edges[0].condition.operator");
    assert_eq!(unknown.message, "there is no operator \"resembles\"");
}

#[test]
fn what_cannot_run_is_a_warning_until_it_is_reached() {
    let draft = workflow("start -> a -> b; a -> c")
        .is("b", "elsewhere.node", json!({}))
        .is("c", STEP, json!({ "does": "fly" }))
        .with(|workflow| workflow.edges[2].source = "gone".into());
    let plan = plan(draft);
    let warnings: Vec<_> =
        plan.warnings().iter().map(|problem| (problem.path.as_str(), problem.code)).collect();
    assert_eq!(
        warnings,
        [
            ("nodes[2].type", Code::UnknownType),
            ("nodes[3].parameters.does", Code::Parameters),
            ("edges[2].source", Code::DanglingEdge)
        ]
    );
}

#[test]
fn edges_between_an_agent_and_its_tools_and_disabled_edges_do_not_count() {
    let draft = workflow("start -> agent; start -> model -> agent").with(|workflow| {
        workflow.edges[2].source_port = "ai_languageModel".into();
        workflow.edges[2].target_port = "ai_languageModel".into();
        workflow.edges[1].enabled = false;
    });
    let plan = plan(draft);
    let agent = plan.find("agent").expect("it is drawn");
    assert_eq!(plan.graph().parents(agent).len(), 1);
    assert!(plan.graph().parents(plan.find("model").expect("it is drawn")).is_empty());
}

#[test]
fn a_node_is_found_by_its_name_and_by_its_key() {
    let plan = plan(workflow("start -> a").with(|workflow| workflow.nodes[1].name = "Fetch orders".into()));
    assert_eq!((plan.find("Fetch orders"), plan.find("a"), plan.find("b")), (Some(1), Some(1), None));
}
