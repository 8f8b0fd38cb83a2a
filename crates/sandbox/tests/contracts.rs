//! n8n's contracts: what code gets, what it may return, and how a wrong result is worded.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{all, data, each, items, run};
use model::{Lineage, Origin, json};
use sandbox::{CodeRequest, Contract, ErrorKind};

#[tokio::test]
async fn all_items_code_sees_every_item_and_returns_items() {
    let source = "return $input.all().map((item) => ({ json: { n: item.json.n * 2 } }))";
    let result = all(source, json!([{ "n": 1 }, { "n": 2 }])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 2 }, { "n": 4 }]));
}

#[tokio::test]
async fn items_is_the_input_and_may_be_declared_again() {
    let result = all("const items = $input.all(); return items", json!([{ "a": 1 }])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "a": 1 }]));
    let result = all("for (item of items) item.json.b = 2; return items", json!([{ "a": 1 }])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "a": 1, "b": 2 }]));
}

#[tokio::test]
async fn plain_objects_and_single_items_are_wrapped() {
    for (source, expected) in [
        ("return [{ a: 1 }, { a: 2 }]", json!([{ "a": 1 }, { "a": 2 }])),
        ("return { a: 1 }", json!([{ "a": 1 }])),
        ("return { json: { a: 1 } }", json!([{ "a": 1 }])),
        ("return []", json!([])),
        ("return null", json!([])),
        ("return [{ error: 'x' }]", json!([{ "error": "x" }])),
        (
            "return { when: new Date(0), no: undefined, nan: NaN }",
            json!([{ "when": "1970-01-01T00:00:00.000Z", "nan": null }]),
        ),
    ] {
        assert_eq!(data(&all(source, json!([{}])).await.unwrap().items), expected, "{source}");
    }
}

#[tokio::test]
async fn results_that_are_no_items_are_refused_in_the_words_of_n8n() {
    for (source, message) in [
        ("const a = 1", "Code doesn't return items properly"),
        ("return 'text'", "Code doesn't return items properly"),
        ("return 5", "Code doesn't return items properly"),
        ("return [1]", "Code doesn't return items properly"),
        ("return [[{ a: 1 }]]", "Code doesn't return items properly"),
        ("return [{ json: 5 }]", "A 'json' property isn't an object [item 0]"),
        ("return [{ json: {} }, { json: [] }]", "A 'json' property isn't an object [item 1]"),
        ("return { json: 'text' }", "A 'json' property isn't an object [item 0]"),
        ("return [{ json: {}, binary: 1 }]", "A 'binary' property isn't an object [item 0]"),
        ("return [{ json: {} }, { a: 1 }]", "Unknown top-level item key: a [item 1]"),
        ("return [{ json: {}, a: 1 }]", "Invalid output format [item 0]"),
    ] {
        let error = all(source, json!([{}])).await.expect_err(source);
        assert_eq!((error.message.as_str(), error.kind), (message, ErrorKind::Refused), "{source}");
    }
}

#[tokio::test]
async fn each_item_code_sees_one_item_and_returns_one_object() {
    let source = "return { n: $json.n + item.json.n + $input.item.json.n, at: $itemIndex }";
    let result = each(source, json!([{ "n": 1 }, { "n": 2 }])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 3, "at": 0 }, { "n": 6, "at": 1 }]));
    assert_eq!(result.items[1].lineage, Lineage::one(Origin::item(1)));
    let result =
        each("if ($json.n === 1) return null; return item", json!([{ "n": 1 }, { "n": 2 }])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 2 }]));
    assert_eq!(result.items[0].lineage, Lineage::one(Origin::item(1)));
}

#[tokio::test]
async fn each_item_results_that_are_no_object_are_refused_in_the_words_of_n8n() {
    for (source, message) in [
        ("return 'text'", "Code doesn't return an object [item 0]"),
        ("const a = 1", "Code doesn't return an object [item 0]"),
        ("return [item]", "Code doesn't return a single object [item 0]"),
        ("return { json: 5 }", "A 'json' property isn't an object [item 0]"),
        ("const x = 1\nreturn $input.all()", "Can't use .all() here [line 2, for item 0]"),
        ("return $input.first()", "Can't use .first() here [line 1, for item 0]"),
    ] {
        let error = each(source, json!([{}])).await.expect_err(source);
        assert_eq!(error.message, message, "{source}");
        assert_eq!(error.item, Some(0), "{source}");
    }
}

#[tokio::test]
async fn thrown_errors_say_their_line_and_item() {
    let error = all("const a = 1\n\nthrow new Error('boom')", json!([{}])).await.unwrap_err();
    assert_eq!((error.message.as_str(), error.line), ("boom [line 3]", Some(3)));
    let error = all("return $input.first().json.a.b", json!([{}])).await.unwrap_err();
    assert_eq!(error.message, "Cannot read properties of undefined (reading 'b') [line 1]");
    assert_eq!(error.description.as_deref(), Some("TypeError"));
    let error = each("if ($itemIndex === 1) throw new RangeError('no')\nreturn item", json!([{}, {}]))
        .await
        .unwrap_err();
    assert_eq!((error.message.as_str(), error.item), ("no [line 1, for item 1]", Some(1)));
    let error = all("return [{]", json!([{}])).await.unwrap_err();
    assert_eq!((error.kind, error.line), (ErrorKind::Code, Some(1)));
    let error = all("throw 'just text'", json!([{}])).await.unwrap_err();
    assert_eq!(error.message, "just text");
}

#[tokio::test]
async fn items_that_fail_become_errors_when_the_node_continues() {
    let mut request = CodeRequest::new(
        Contract::EachItem,
        "if ($json.n === 1) throw new Error('bad'); return item",
        items(json!([{ "n": 1 }, { "n": 2 }])),
    );
    request.continue_on_fail = true;
    let result = run(request).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "error": "bad [line 1, for item 0]" }, { "n": 2 }]));
}

#[tokio::test]
async fn a_result_that_is_refused_fails_the_step_also_when_the_node_continues() {
    let source = "return $json.n === 2 ? 'x' : item";
    let given = items(json!([{ "n": 1 }, { "n": 2 }]));
    let request =
        CodeRequest { continue_on_fail: true, ..CodeRequest::new(Contract::EachItem, source, given) };
    let error = run(request).await.unwrap_err();
    assert_eq!((error.kind, error.item), (ErrorKind::Refused, Some(1)));
    assert_eq!(error.message, "Code doesn't return an object [item 1]");
}

#[tokio::test]
async fn lineage_is_kept_or_follows_from_a_single_input() {
    let result = all("return $input.all().slice(1)", json!([{ "a": 1 }, { "a": 2 }])).await.unwrap();
    assert_eq!(result.items[0].lineage, Lineage::one(Origin::item(1)));
    let result =
        all("return [{ a: 1 }, { json: { a: 2 }, pairedItem: [{ item: 3, input: 1 }, 4] }]", json!([{}]))
            .await;
    assert!(result.is_err(), "plain objects and items do not mix");
    let result =
        all("return [{ json: {} }, { json: {}, pairedItem: [{ item: 3, input: 1 }, 4] }]", json!([{}]))
            .await
            .unwrap();
    assert_eq!(result.items[0].lineage, Lineage::one(Origin::item(0)));
    assert_eq!(result.items[1].lineage, Lineage::many([Origin::of(1, 3), Origin::item(4)]));
    let result = all("return [{ json: {} }]", json!([{}, {}])).await.unwrap();
    assert!(result.items[0].lineage.is_unknown());
}

#[tokio::test]
async fn the_old_function_nodes_keep_their_contracts() {
    let function = |source: &str| {
        run(CodeRequest::new(Contract::Function, source, items(json!([{ "n": 1 }, { "n": 2 }]))))
    };
    let result = function("items[0].json.n = 5; return items").await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 5 }, { "n": 2 }]));
    assert_eq!(
        data(&function("return [{ json: { first: $json.n } }]").await.unwrap().items),
        json!([{ "first": 1 }])
    );
    for (source, message) in [
        ("", "No data got returned. Always return an Array of items!"),
        ("return 'x'", "Always an Array of items has to be returned!"),
    ] {
        assert_eq!(function(source).await.unwrap_err().message, message);
    }

    let each = |source: &str| {
        run(CodeRequest::new(Contract::FunctionItem, source, items(json!([{ "n": 1 }, { "n": 2 }]))))
    };
    let result = each("item.double = item.n * 2; return item").await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 1, "double": 2 }, { "n": 2, "double": 4 }]));
    assert_eq!(result.items[1].lineage, Lineage::one(Origin::item(1)));
    assert_eq!(
        each("").await.unwrap_err().message,
        "No data got returned. Always return an object! [item 0]"
    );
}

#[tokio::test]
async fn code_may_await_and_timers_really_wait() {
    let source = "const t = Date.now(); await new Promise((r) => setTimeout(r, 60)); const waited = Date.now() - t;\
                  const id = setInterval(() => {}, 5); clearInterval(id);\
                  return { waited: waited >= 55, order: await Promise.all([1, Promise.resolve(2)]) }";
    assert_eq!(
        data(&all(source, json!([{}])).await.unwrap().items),
        json!([{ "waited": true, "order": [1, 2] }])
    );
}

#[tokio::test]
async fn cycles_are_cut_and_half_surrogates_replaced() {
    let result =
        all("const a = { x: 1 }; a.self = a; return { a, t: '\\ud83d!' }", json!([{}])).await.unwrap();
    assert_eq!(
        data(&result.items),
        json!([{ "a": { "x": 1, "self": "[Circular Reference]" }, "t": "\u{fffd}!" }])
    );
}

#[tokio::test]
async fn proto_and_constructor_are_plain_data() {
    let source = "const o = JSON.parse('{\"__proto__\": {\"x\": 1}, \"constructor\": 2, \"toString\": 3}'); return [o]";
    let result = all(source, json!([{}])).await.unwrap();
    assert_eq!(
        result.items[0].json.keys().map(|key| key.as_str()).collect::<Vec<_>>(),
        ["__proto__", "constructor", "toString"]
    );
}
