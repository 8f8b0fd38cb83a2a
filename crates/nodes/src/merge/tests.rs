//! What merging means, one sentence each.

use std::sync::Arc;

use sdk::testing::{build, context};

use super::*;

fn items(data: Value) -> Option<model::Items> {
    let data = data.as_array().expect("items are a list").to_vec();
    let item = |json: Value| Item::new(json.as_object().expect("data is an object").clone());
    Some(Arc::new(data.into_iter().map(item).collect()))
}

fn merge(parameters: Value, inputs: &[Value]) -> Result<Vec<Item>, NodeError> {
    let node: Merge = build(&parameters);
    let ctx = context(Inputs::new(inputs.iter().cloned().map(items), 0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    match runtime.block_on(Node::run(&node, &ctx, &ctx.inputs))? {
        Output::Items(emission) => Ok(emission.ports[0].to_vec()),
        other => panic!("merge emits items, not {other:?}"),
    }
}

fn data(parameters: Value, inputs: &[Value]) -> Value {
    let items = merge(parameters, inputs).expect("the step completes");
    Value::array(items.into_iter().map(|item| item.json.into()))
}

fn imported(version: f64, parameters: Value) -> Value {
    let parameters = parameters.as_object().expect("parameters are an object");
    let node = N8nNode { kind: "n8n-nodes-base.merge", version, parameters, webhook_id: None };
    (N8N[0].map)(&node).expect("the node is mapped").parameters.into()
}

#[test]
fn appended_inputs_follow_one_another_and_keep_their_origins() {
    let merged = merge(
        json!({ "mode": "append", "inputs": 3 }),
        &[json!([{ "a": 1 }]), json!([]), json!([{ "b": 1 }])],
    );
    let merged = merged.expect("the step completes");
    assert_eq!(merged[1].json.to_owned(), json!({ "b": 1 }).as_object().cloned().expect("an object"));
    assert_eq!(merged[1].lineage, Lineage::one(Origin::of(2, 0)));
}

#[test]
fn a_merged_item_stems_from_both_items() {
    let merged = merge(json!({ "mode": "cross" }), &[json!([{ "a": 1 }]), json!([{ "b": 1 }, { "b": 2 }])]);
    let origins = [Origin::of(0, 0), Origin::of(1, 1)];
    assert_eq!(merged.expect("the step completes")[1].lineage.origins(), origins);
}

fn join(more: Value) -> Value {
    let mut parameters = json!({ "mode": "join", "fields": [{ "first": "id", "second": "id" }] });
    if let (Value::Object(parameters), Some(more)) = (&mut parameters, more.as_object()) {
        parameters.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    parameters
}

fn people() -> [Value; 2] {
    [
        json!([{ "id": 1, "n": "a" }, { "id": 2, "n": "b" }, { "n": "c" }]),
        json!([{ "id": 2, "m": "B" }, { "id": 2, "m": "C" }, { "id": 9, "m": "D" }]),
    ]
}

#[test]
fn joined_items_share_their_fields() {
    let pairs = json!([{ "id": 2, "n": "b", "m": "B" }, { "id": 2, "n": "b", "m": "C" }]);
    assert_eq!(data(join(json!({})), &people()), pairs);
    let first = json!([{ "id": 2, "n": "b", "m": "B" }]);
    assert_eq!(data(join(json!({ "first_match_only": true })), &people()), first);
}

#[test]
fn what_passes_a_join_is_chosen() {
    let kept = |keep: &str| data(join(json!({ "keep": keep })), &people());
    let [first, second] = people();
    assert_eq!(kept("first_matches"), json!([{ "id": 2, "n": "b" }]));
    assert_eq!(kept("second_matches"), json!([{ "id": 2, "m": "B" }, { "id": 2, "m": "C" }]));
    assert_eq!(
        kept("first_non_matches"),
        Value::array(
            [&first.as_array().expect("a list")[0], &first.as_array().expect("a list")[2]].map(Clone::clone)
        )
    );
    assert_eq!(kept("second_non_matches"), json!([second.as_array().expect("a list")[2]]));
    assert_eq!(
        kept("non_matches"),
        json!([
            { "id": 1, "n": "a", "_source": "input1" },
            { "n": "c", "_source": "input1" },
            { "id": 9, "m": "D", "_source": "input2" },
        ])
    );
    assert_eq!(kept("everything").as_array().expect("a list").len(), 5);
    assert_eq!(kept("first").as_array().expect("a list").len(), 4);
    assert_eq!(kept("second").as_array().expect("a list").len(), 3);
}

#[test]
fn a_fuzzy_join_takes_different_forms_of_a_value_for_equal() {
    let joins = |fuzzy: bool, first: Value, second: Value| {
        let inputs = [json!([{ "id": first }]), json!([{ "id": second }])];
        !data(join(json!({ "fuzzy": fuzzy })), &inputs).as_array().expect("a list").is_empty()
    };
    for (first, second) in [
        (json!(1), json!("1")),
        (json!(true), json!("TRUE")),
        (json!(0), json!(false)),
        (json!(null), json!("")),
    ] {
        assert!(!joins(false, first.clone(), second.clone()), "{first} {second}");
        assert!(joins(true, first.clone(), second.clone()), "{first} {second}");
    }
    assert!(!joins(true, 1.into(), "1.0".into()));
    assert!(!joins(true, "true".into(), 1.into()));
    assert!(joins(false, json!({ "a": 1, "b": 2 }), json!({ "b": 2, "a": 1 })));
}

#[test]
fn clashes_are_settled_as_asked() {
    let inputs =
        [json!([{ "a": { "x": 1 }, "b": 1, "c": "c" }]), json!([{ "a": { "y": 2 }, "b": null, "c": "" }])];
    let cross = |clash: Value| data(json!({ "mode": "cross", "clash": clash }), &inputs);
    assert_eq!(cross(json!({})), json!([{ "a": { "x": 1, "y": 2 }, "b": null, "c": "" }]));
    assert_eq!(cross(json!({ "prefer": 1 })), json!([{ "a": { "x": 1, "y": 2 }, "b": 1, "c": "c" }]));
    assert_eq!(cross(json!({ "skip_empty": true })), json!([{ "a": { "x": 1, "y": 2 }, "b": 1, "c": "c" }]));
    assert_eq!(cross(json!({ "depth": "shallow" })), json!([{ "a": { "y": 2 }, "b": null, "c": "" }]));
    let suffixed =
        json!([{ "a_1": { "x": 1 }, "b_1": 1, "c_1": "c", "a_2": { "y": 2 }, "b_2": null, "c_2": "" }]);
    assert_eq!(cross(json!({ "rule": "add_suffix" })), suffixed);
}

#[test]
fn items_pair_by_position_and_the_rest_is_kept_or_dropped() {
    let inputs = [json!([{ "a": 1 }, { "a": 2 }]), json!([{ "b": 1 }])];
    let rows =
        |unpaired: &str, inputs: &[Value]| data(json!({ "mode": "position", "unpaired": unpaired }), inputs);
    assert_eq!(rows("drop", &inputs), json!([{ "a": 1, "b": 1 }]));
    assert_eq!(rows("keep", &inputs), json!([{ "a": 1, "b": 1 }, { "a": 2 }]));
    let alone = [json!([{ "a": 1 }]), json!([])];
    assert_eq!(rows("drop", &alone), json!([]));
    assert_eq!(rows("drop_unless_alone", &alone), json!([{ "a": 1 }]));
}

#[test]
fn one_input_passes_or_an_empty_item() {
    let inputs = [json!([{ "a": 1 }]), json!([{ "b": 1 }])];
    assert_eq!(data(json!({ "mode": "choose", "input": 2 }), &inputs), json!([{ "b": 1 }]));
    assert_eq!(data(json!({ "mode": "choose" }), &inputs), json!([{}]));
    let error = merge(json!({ "mode": "choose", "input": 3 }), &inputs).expect_err("there is no input 3");
    assert!(error.message.contains("no input 3"), "{error}");
}

#[test]
fn a_lookup_keeps_drops_or_fills_by_key() {
    let inputs = [
        json!([{ "k": 1, "n": null, "s": "x" }, { "k": 2 }, { "s": "y" }]),
        json!([{ "key": "1", "n": "N", "s": "S", "w": "W" }]),
    ];
    let lookup =
        |then: &str| data(json!({ "mode": "lookup", "first": "k", "second": "key", "then": then }), &inputs);
    assert_eq!(lookup("keep"), json!([{ "k": 1, "n": null, "s": "x" }]));
    assert_eq!(lookup("drop"), json!([{ "k": 2 }, { "s": "y" }]));
    let found = |n: Value, s: &str| json!([{ "k": 1, "n": n, "s": s, "key": "1", "w": "W" }, { "k": 2 }]);
    assert_eq!(lookup("overwrite"), found("N".into(), "S"));
    assert_eq!(lookup("fill_blank"), found("N".into(), "x"));
    assert_eq!(lookup("fill_missing"), found(Value::Null, "x"));
}

#[test]
fn keys_of_a_lookup_are_numbers_or_text() {
    let lookup = |then: &str, key: Value| {
        let inputs = [json!([{ "k": key }]), json!([{ "k": key, "f": 1 }])];
        data(json!({ "mode": "lookup", "first": "k", "second": "k", "then": then }), &inputs)
    };
    for none in [json!(""), json!(0), json!(null), json!(true), json!([1])] {
        assert_eq!(lookup("keep", none.clone()), json!([]), "{none}");
        assert_eq!(lookup("drop", none.clone()), json!([{ "k": none }]), "{none}");
    }
    assert_eq!(lookup("overwrite", true.into()), json!([]));
    assert_eq!(lookup("overwrite", Value::Null), json!([{ "k": null }]));
}

#[test]
fn items_that_are_alone_get_no_suffix() {
    let suffix = json!({ "rule": "add_suffix" });
    let inputs = [json!([{ "id": 1 }]), json!([])];
    let joined = data(join(json!({ "keep": "everything", "clash": suffix })), &inputs);
    assert_eq!(joined, json!([{ "id": 1 }]));
    let positioned = json!({ "mode": "position", "unpaired": "keep", "clash": suffix });
    assert_eq!(data(positioned, &inputs), json!([{ "id": 1 }]));
}

#[test]
fn an_old_node_requires_the_fields_it_matches() {
    let parameters =
        json!({ "mode": "combine", "mergeByFields": { "values": [{ "field1": "id", "field2": "id" }] } });
    let inputs = [json!([{ "id": 1 }]), json!([{ "x": 1 }])];
    let error = merge(imported(2.0, parameters.clone()), &inputs).expect_err("the field is missing");
    assert_eq!(error.message, "Field 'id' is not present in any of items in 'Input 2'");
    assert_eq!(data(imported(2.1, parameters), &inputs), json!([]));
}

#[test]
fn merging_by_sql_is_refused_with_a_way_out() {
    let sql = json!({ "mode": "combineBySql" });
    let parameters = sql.as_object().expect("an object");
    let node = N8nNode { kind: "n8n-nodes-base.merge", version: 3.2, parameters, webhook_id: None };
    let refused = (N8N[0].map)(&node).expect_err("there is no SQL");
    assert!(refused.to_string().contains("later version"), "{refused}");
}
