//! Mocks through the client.

use http::Method;
use model::json;

use super::super::{Body, Client, Request};
use super::*;

fn mocks(mocks: Value) -> Mocks {
    mocks.parse().expect("the mocks are valid")
}

fn send(client: &Client, request: Request) -> Result<Response, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.send(request, &Default::default()))
}

fn get(client: &Client, url: &str) -> Result<Response, Error> {
    send(client, Request::parse("GET", url)?)
}

fn get_text(client: &Client, url: &str) -> String {
    match get(client, url) {
        Ok(response) => response.text().into_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mocks_answer_in_order_once_or_as_often_as_they_say() {
    let client = Client::with_mocks(mocks(json!([
        { "base": "http://h.test", "path": "/a", "responseBody": "first" },
        { "base": "http://h.test", "path": "/a", "times": 2, "responseBody": "second" },
        { "base": "http://h.test/", "path": "/b", "persist": true, "responseBody": "always", "unknown": 1 },
    ])));
    let answers: Vec<_> = (0..4).map(|_| get_text(&client, "http://h.test/a")).collect();
    assert_eq!(answers[..3], ["first", "second", "second"]);
    assert!(answers[3].contains("used up"), "{}", answers[3]);
    for _ in 0..3 {
        assert_eq!(get_text(&client, "http://h.test/b"), "always");
    }
}

#[test]
fn a_request_without_mock_fails_and_shows_the_nearest() {
    let client = Client::with_mocks(mocks(json!([
        { "base": "http://h.test", "path": "/a", "query": { "page": 1 } },
        { "base": "http://h.test", "path": "/b" },
    ])));
    let error = get(&client, "http://h.test/a?page=2").unwrap_err().to_string();
    assert_eq!(
        error,
        "no mock answers GET http://h.test/a?page=2; the nearest is GET http://h.test/a with query {\"page\":1}: another query"
    );
    let none = Client::with_mocks(Mocks::default());
    assert!(get(&none, "http://h.test/").unwrap_err().to_string().contains("none"));
}

#[test]
fn queries_are_compared_as_pairs_in_any_order() {
    for (query, url, expected) in [
        (json!({ "a": 1, "b": true }), "?b=true&a=1", true),
        (json!({ "a": 1 }), "?a=1&b=2", false),
        (json!({ "a": [1, 2] }), "?a=1&a=2", true),
        (json!({ "a": [1, 2] }), "?a[]=1&a[]=2", true),
        (json!({ "a[0]": "1" }), "?a%5B0%5D=1", true),
        (json!({ "a": { "b": "x y" } }), "?a[b]=x+y", true),
        (json!({ "a": { "__regex": "/^\\d+$/" } }), "?a=12", true),
        (json!({ "a": { "__regex": "/^\\d+$/" } }), "?a=x", false),
        (json!({ "__function": true }), "?anything=1", true),
        (json!(true), "?anything=1", true),
        (json!("a=1&b=2"), "?b=2&a=1", true),
        (Value::Null, "?a=1", false),
        (json!({}), "", true),
    ] {
        let mock = json!({ "base": "http://h.test", "path": "/", "query": query.clone() });
        let client = Client::with_mocks(mocks(Value::array([mock])));
        let answered = get(&client, &format!("http://h.test/{url}")).is_ok();
        assert_eq!(answered, expected, "{} against {url}", query.to_json());
    }
}

#[test]
fn paths_may_carry_a_query_or_be_a_pattern() {
    for (base, path, url, expected) in [
        ("http://h.test/v1", json!("/a?x=1"), "http://h.test/v1/a?x=1", true),
        ("http://h.test/v1", json!("?location"), "http://h.test/v1?location=", true),
        ("http://h.test", json!("/a b"), "http://h.test/a%20b", true),
        ("http://h.test", json!({ "__regex": "/\\/users\\/\\d+/" }), "http://h.test/users/12", true),
        ("http://h.test", json!({ "__regex": "/\\/users\\/\\d+/" }), "http://h.test/users/x", false),
        ("http://h.test:8080", json!("/"), "http://h.test/", false),
        ("https://h.test", json!("/"), "http://h.test/", false),
    ] {
        let mock = json!({ "base": base, "path": path.clone() });
        let client = Client::with_mocks(mocks(Value::array([mock])));
        assert_eq!(get(&client, url).is_ok(), expected, "{base} {} against {url}", path.to_json());
    }
}

#[test]
fn bodies_are_compared_as_json_form_or_text() {
    let form = Body::form([("a", "1"), ("b", "x y"), ("c", "1"), ("c", "2")]);
    for (wanted, body, expected) in [
        (json!({ "a": 1 }), Body::json(&json!({ "a": 1 })), true),
        (json!({ "a": 1 }), Body::json(&json!({ "a": 2 })), false),
        (json!({ "a": 1 }), Body::json(&json!({ "a": 1, "b": 2 })), false),
        (json!({ "a": 1, "b": "x y", "c": ["1", "2"] }), form, true),
        (json!("{\"a\":1}"), Body::json(&json!({ "a": 1 })), true),
        (json!({ "a": { "__regex": "/^x/" } }), Body::json(&json!({ "a": "xyz" })), true),
        (json!({ "__function": true }), Body::json(&json!([])), true),
    ] {
        let mock =
            json!({ "base": "http://h.test", "path": "/", "method": "POST", "requestBody": wanted.clone() });
        let client = Client::with_mocks(mocks(Value::array([mock])));
        let request = Request::new(Method::POST, "http://h.test/".parse().unwrap()).with_body(body);
        assert_eq!(send(&client, request).is_ok(), expected, "{}", wanted.to_json());
    }
}

#[test]
fn headers_must_be_there_whatever_their_case() {
    for field in ["requestHeaders", "scopeOpts"] {
        let headers = json!({ "X-Key": "k", "user-agent": { "__regex": "/runnel/" } });
        let headers = if field == "scopeOpts" { json!({ "reqheaders": headers.clone() }) } else { headers };
        let mut mock =
            json!({ "base": "http://h.test", "path": "/", "persist": true }).as_object().unwrap().clone();
        mock.insert(field, headers);
        let client = Client::with_mocks(mocks(Value::array([Value::Object(mock)])));
        let mut request = Request::parse("GET", "http://h.test/").unwrap();
        assert!(send(&client, request.clone()).is_err(), "{field}");
        request.header("x-key", "k").unwrap();
        assert!(send(&client, request).is_ok(), "{field}");
    }
}

#[test]
fn answers_are_json_text_bytes_nothing_or_a_broken_network() {
    let client = Client::with_mocks(mocks(json!([
        { "base": "http://h.test", "path": "/json", "statusCode": 201, "responseBody": { "a": 1 } },
        { "base": "http://h.test", "path": "/text", "responseBody": "t", "responseHeaders": { "Content-Type": "text/html", "x": ["1", "2"] } },
        { "base": "http://h.test", "path": "/bytes", "responseBody": { "__base64": "AAE=" } },
        { "base": "http://h.test", "path": "/nothing", "statusCode": 404, "responseBody": null },
        { "base": "http://h.test", "path": "/refused", "networkError": { "code": "ECONNREFUSED" } },
        { "base": "http://h.test", "path": "/code", "statusCode": { "__function": true } },
    ])));
    let json = get(&client, "http://h.test/json").unwrap();
    assert_eq!(
        (json.status.as_u16(), &*json.text(), json.content_type().as_str()),
        (201, "{\"a\":1}", "application/json")
    );
    let text = get(&client, "http://h.test/text").unwrap();
    assert_eq!(text.headers.get_all("x").iter().count(), 2);
    assert_eq!(text.content_type(), "text/html");
    assert_eq!(&get(&client, "http://h.test/bytes").unwrap().body[..], [0, 1]);
    let nothing = get(&client, "http://h.test/nothing").unwrap();
    assert_eq!(
        (nothing.status.as_u16(), nothing.body.len(), nothing.status_text.as_str()),
        (404, 0, "Not Found")
    );
    assert_eq!(get(&client, "http://h.test/refused").unwrap_err().code(), Some("ECONNREFUSED"));
    assert!(get(&client, "http://h.test/code").unwrap_err().to_string().contains("cannot run"));
}

#[test]
fn redirects_are_followed_from_mock_to_mock() {
    let client = Client::with_mocks(mocks(json!([
        { "base": "http://h.test", "path": "/a", "statusCode": 302, "responseHeaders": { "location": "/b" } },
        { "base": "http://h.test", "path": "/b", "responseBody": "here" },
    ])));
    assert_eq!(get_text(&client, "http://h.test/a"), "here");
}
