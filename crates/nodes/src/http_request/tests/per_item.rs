//! What differs from item to item and from page to page.

use super::*;

impl Call {
    fn items(mut self, items: Value) -> Self {
        let items = items.as_array().unwrap().iter();
        self.items = items.map(|json| Item::new(json.as_object().unwrap().clone())).collect();
        self
    }

    fn continuing(mut self) -> Self {
        self.continues = true;
        self
    }
}

#[test]
fn each_item_calls_its_own_address_and_lists_become_items_with_lineage() {
    let call = Call::new(
        json!({ "url": "=http://h.test/{{ $json.id }}" }),
        json!([get("/1", json!([{ "a": 1 }, { "a": 2 }])), get("/2", json!({ "a": 3 }))]),
    );
    let emission = call.items(json!([{ "id": 1 }, { "id": 2 }])).run().unwrap();
    let items = &emission.ports[0];
    let origins: Vec<_> = items.iter().map(|item| item.lineage.origins()[0].item).collect();
    assert_eq!(origins, [0, 0, 1]);
    assert_eq!(items[1].json.get("a"), Some(&Value::from(2)));
}

#[test]
fn queries_headers_and_bodies_come_from_fields_objects_or_json_text() {
    let mock = json!({
        "base": "http://h.test", "path": "/", "method": "POST",
        "query": { "a": "1", "b": ["x", "y"] },
        "requestHeaders": { "x-one": "1", "content-type": "application/json" },
        "requestBody": { "name": "Ada", "age": 36 }, "responseBody": { "ok": true },
    });
    for (query, headers, body) in [
        (
            json!([{ "name": "a", "value": 1 }, { "name": "b", "value": ["x", "y"] }, { "name": "", "value": 1 }]),
            json!([{ "name": "X-One", "value": "1" }]),
            json!({ "kind": "json_fields", "fields": [{ "name": "name", "value": "Ada" }, { "name": "age", "value": "={{ 36 }}" }] }),
        ),
        (
            json!({ "a": 1, "b": ["x", "y"], "c": null }),
            json!({ "X-One": "={{ 1 }}" }),
            json!({ "kind": "json", "value": "={{ { name: 'Ada', age: 36 } }}" }),
        ),
        (
            json!("{\"a\": 1, \"b\": [\"x\", \"y\"]}"),
            json!("={ \"X-One\": \"{{ 1 }}\" }"),
            json!({ "kind": "json", "value": "={\"name\": \"{{ 'Ada' }}\", \"age\": {{ 6 * 6 }}}" }),
        ),
    ] {
        let parameters = json!({ "method": "POST", "url": "http://h.test/", "query": query, "headers": headers, "body": body });
        assert_eq!(Call::new(parameters, Value::array([mock.clone()])).data(), json!([{ "ok": true }]));
    }
}

#[test]
fn a_failed_item_is_passed_on_when_the_node_continues() {
    let call = Call::new(
        json!({ "url": "=http://h.test/{{ $json.id }}" }),
        json!([
            with(get("/1", json!({ "message": "gone" })), "statusCode", 404.into()),
            get("/2", json!({ "a": 1 }))
        ]),
    );
    let data = call.items(json!([{ "id": 1 }, { "id": 2 }])).continuing().data();
    let error = data.as_array().unwrap()[0].get("error").unwrap();
    assert_eq!(error.get("status"), Some(&Value::from(404)));
    assert_eq!(error.get("message"), Some(&Value::from("404 - \"{\\\"message\\\":\\\"gone\\\"}\"")));
    assert_eq!(data.as_array().unwrap()[1], json!({ "a": 1 }));
}

#[test]
fn groups_of_requests_keep_their_order() {
    let parameters = json!({ "url": "=http://h.test/{{ $json.id }}", "batch": { "size": 2, "pause_ms": 1 } });
    let mocks = (0..5).map(|id| get(&format!("/{id}"), json!({ "id": id })));
    let items = Value::array((0..5).map(|id| json!({ "id": id })));
    assert_eq!(Call::new(parameters, Value::array(mocks)).items(items.clone()).data(), items);
}

#[test]
fn pages_are_read_until_an_address_is_missing() {
    let pagination = json!({
        "next": { "mode": "url", "url": "={{ $response.body.next }}" },
        "until": { "when": "expression", "complete": "={{ !$response.body.next }}" },
    });
    let data = Call::new(
        json!({ "url": "http://h.test/1", "query": { "limit": 2 }, "pagination": pagination }),
        json!([
            get("/1?limit=2", json!({ "id": 1, "next": "http://h.test/2?limit=2" })),
            get("/2?limit=2", json!({ "id": 2, "next": "/3" })),
            get("/3?limit=2", json!({ "id": 3 })),
        ]),
    )
    .data();
    let ids: Vec<_> = data.as_array().unwrap().iter().map(|item| item.get("id").cloned()).collect();
    assert_eq!(ids, [Some(Value::from(1)), Some(Value::from(2)), Some(Value::from(3))]);
}

#[test]
fn values_change_from_page_to_page_until_a_page_is_empty() {
    let pagination = json!({
        "next": { "mode": "change", "values": [{ "place": "query", "name": "page", "value": "={{ $pageCount + 1 }}" }] },
        "until": { "when": "empty" },
    });
    let mocks = json!([
        get("/?page=1", json!([{ "id": 1 }, { "id": 2 }])),
        get("/?page=2", json!([{ "id": 3 }])),
        get("/?page=3", json!([])),
    ]);
    let parameters = json!({ "url": "http://h.test/", "pagination": pagination });
    assert_eq!(Call::new(parameters, mocks).data(), json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }]));
}

#[test]
fn pages_end_with_a_status_or_a_limit_and_identical_pages_are_an_error() {
    let run = |until: Value, most: Value, mocks: Value| {
        let next = json!({ "mode": "change", "values": [{ "place": "query", "name": "page", "value": "={{ $pageCount }}" }] });
        let pagination = json!({ "next": next, "until": until, "max_pages": most });
        Call::new(json!({ "url": "http://h.test/", "pagination": pagination }), mocks)
    };
    let missing = with(get("/?page=1", json!({ "message": "no page" })), "statusCode", 404.into());
    let until = json!({ "when": "status", "codes": "204, 404" });
    let data = run(until.clone(), Value::Null, json!([get("/?page=0", json!({ "id": 0 })), missing])).data();
    assert_eq!(data, json!([{ "id": 0 }, { "message": "no page" }]));

    let same = with(with(get("/", json!({ "id": 0 })), "query", true.into()), "persist", true.into());
    assert_eq!(
        run(until.clone(), 2.into(), Value::array([same.clone()])).data(),
        json!([{ "id": 0 }, { "id": 0 }])
    );
    assert!(run(until.clone(), Value::Null, Value::array([same])).error().message.contains("identical"));

    let broken = with(get("/?page=0", json!({})), "statusCode", 500.into());
    assert_eq!(
        run(until, Value::Null, Value::array([broken])).error().message,
        "The service was not able to process your request"
    );
}
