//! The node against mocks.

use std::sync::Arc;

use model::item::{Binary, Blob};
use sdk::credential::{Credential, Credentials};
use sdk::net::{Client, Mocks};
use sdk::node::BoxFuture;
use sdk::{Catalogue, Emission, NodeInfo, NodeType, Services, testing};

use super::*;

mod per_item;

/// One step of the node.
struct Call {
    parameters: Value,
    items: Vec<Item>,
    mocks: Value,
    credential: Object,
    continues: bool,
}

impl Call {
    fn new(parameters: Value, mocks: Value) -> Self {
        Self { parameters, items: vec![Item::default()], mocks, credential: Object::new(), continues: false }
    }

    fn credential(mut self, fields: Value) -> Self {
        self.credential = fields.as_object().unwrap().clone();
        self
    }

    fn run(self) -> Result<Emission, NodeError> {
        let node: HttpRequest = self.parameters.parse().unwrap_or_else(|error| panic!("{error}"));
        let mut ctx = testing::context(Inputs::single(Arc::new(self.items)));
        let mocks: Mocks = self.mocks.parse().unwrap();
        ctx.services = Services {
            http: Client::with_mocks(mocks),
            credentials: Arc::new(Only(self.credential)),
            ..Services::default()
        };
        if self.continues {
            let step = Arc::get_mut(&mut ctx.step).unwrap();
            let info = NodeInfo { on_error: model::OnError::Continue, ..(*step.node).clone() };
            step.node = Arc::new(info);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        match runtime.block_on(Node::run(&node, &ctx, &ctx.inputs))? {
            Output::Items(emission) => Ok(emission),
            other => panic!("{other:?}"),
        }
    }

    /// The data of the items.
    fn data(self) -> Value {
        let emission = self.run().unwrap_or_else(|error| panic!("{error} {:?}", error.description));
        Value::array(emission.ports[0].iter().map(|item| Value::Object(item.json.clone())))
    }

    fn error(self) -> NodeError {
        self.run().expect_err("the step fails")
    }
}

/// One credential, whatever the type.
struct Only(Object);

impl Credentials for Only {
    fn find<'a>(&'a self, _: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        Box::pin(async move { Ok(Credential::new(kind, self.0.clone())) })
    }
}

fn get(path: &str, body: Value) -> Value {
    json!({ "base": "http://h.test", "path": path, "responseBody": body })
}

fn with(mock: Value, key: &str, value: Value) -> Value {
    let mut mock = mock.as_object().unwrap().clone();
    mock.insert(key, value);
    Value::Object(mock)
}

#[test]
fn dotted_names_nest_only_when_asked_to() {
    for (nested, expected) in [(true, json!({ "a": { "b": 1 } })), (false, json!({ "a.b": 1 }))] {
        let mock = with(with(get("/", json!({})), "method", "POST".into()), "requestBody", expected);
        let body = json!({ "kind": "json_fields", "fields": { "a.b": 1 }, "nested": nested });
        let parameters = json!({ "method": "POST", "url": "http://h.test/", "body": body });
        assert_eq!(Call::new(parameters, Value::array([mock])).data(), json!([{}]));
    }
}

#[test]
fn forms_text_files_and_multipart_bodies_are_sent() {
    let file = Binary {
        mime_type: "text/csv".into(),
        file_name: Some("a.csv".into()),
        blob: Blob::Inline(Arc::from(*b"1,2")),
        ..Binary::default()
    };
    let item =
        Item { binary: Some(Arc::new([("data".into(), file)].into_iter().collect())), ..Item::default() };
    for (body, content_type, sent) in [
        (
            json!({ "kind": "form", "fields": { "a": "1 2", "b": [1, 2] } }),
            "/^application\\/x-www-form-urlencoded/",
            json!({ "a": "1 2", "b[0]": "1", "b[1]": "2" }),
        ),
        (
            json!({ "kind": "text", "content_type": "application/xml", "text": "<a/>" }),
            "/^application\\/xml$/",
            json!("<a/>"),
        ),
        (json!({ "kind": "file", "field": "data" }), "/^text\\/csv$/", json!("1,2")),
        (
            json!({ "kind": "multipart", "parts": [{ "name": "f", "file": "data" }, { "name": "t", "value": 7 }] }),
            "/^multipart\\/form-data; boundary=/",
            json!({ "__regex": "/name=\"f\"; filename=\"a\\.csv\"\\s+Content-Type: text\\/csv\\s+1,2[\\s\\S]*name=\"t\"\\s+7/" }),
        ),
    ] {
        let mock = json!({
            "base": "http://h.test", "path": "/", "method": "PUT", "responseBody": { "ok": true },
            "requestHeaders": { "content-type": { "__regex": content_type } }, "requestBody": sent.clone(),
        });
        let parameters = json!({ "method": "PUT", "url": "http://h.test/", "body": body });
        let mut call = Call::new(parameters, Value::array([mock]));
        call.items = vec![item.clone()];
        assert_eq!(call.data(), json!([{ "ok": true }]), "{sent:?}");
    }
    let parameters =
        json!({ "method": "PUT", "url": "http://h.test/", "body": { "kind": "file", "field": "data" } });
    assert!(Call::new(parameters, json!([])).error().message.contains("no file \"data\""));
}

#[test]
fn lists_in_a_query_are_written_as_asked() {
    for (lists, regex) in [
        ("brackets", "/\\?a%5B%5D=1&a%5B%5D=2$/"),
        ("repeat", "/\\?a=1&a=2$/"),
        ("indices", "/\\?a%5B0%5D=1&a%5B1%5D=2$/"),
    ] {
        let mock = with(get("/", json!({})), "path", json!({ "__regex": regex }));
        let parameters = json!({ "url": "http://h.test/", "query": { "a": [1, 2] }, "query_lists": lists });
        assert_eq!(Call::new(parameters, Value::array([mock])).data(), json!([{}]));
    }
}

#[test]
fn credentials_become_headers_queries_or_bodies() {
    for (kind, fields, expected) in [
        (
            "httpBasicAuth",
            json!({ "user": "u", "password": "p" }),
            json!({ "requestHeaders": { "authorization": "Basic dTpw" } }),
        ),
        (
            "httpBearerAuth",
            json!({ "token": "t" }),
            json!({ "requestHeaders": { "authorization": "Bearer t" } }),
        ),
        (
            "httpHeaderAuth",
            json!({ "name": "X-Key", "value": "k" }),
            json!({ "requestHeaders": { "x-key": "k" } }),
        ),
        ("httpQueryAuth", json!({ "name": "key", "value": "k" }), json!({ "query": { "key": "k" } })),
        ("pipedriveApi", json!({ "apiToken": "k" }), json!({ "query": { "api_token": "k" } })),
        (
            "mistralCloudApi",
            json!({ "apiKey": "k" }),
            json!({ "requestHeaders": { "authorization": "Bearer k" } }),
        ),
        (
            "spotifyOAuth2Api",
            json!({ "oauthTokenData": { "access_token": "k" } }),
            json!({ "requestHeaders": { "authorization": "Bearer k" } }),
        ),
        (
            "httpCustomAuth",
            json!({ "json": "{\"headers\": {\"X-A\": \"1\"}, \"qs\": {\"b\": 2}, \"body\": {\"c\": 3}}" }),
            json!({ "requestHeaders": { "x-a": "1" }, "query": { "b": 2 }, "requestBody": { "c": 3 } }),
        ),
    ] {
        let mut mock = get("/", json!({ "ok": true }));
        for (key, value) in expected.as_object().unwrap().iter() {
            mock = with(mock, key, value.clone());
        }
        let parameters = json!({ "url": "http://h.test/", "credential": kind });
        let call = Call::new(parameters, Value::array([mock])).credential(fields);
        assert_eq!(call.data(), json!([{ "ok": true }]), "{kind}");
    }
}

#[test]
fn a_credential_that_cannot_be_applied_says_so() {
    let parameters = json!({ "url": "http://h.test/", "credential": "httpDigestAuth" });
    let error = Call::new(parameters, json!([])).credential(json!({ "user": "u" })).error();
    assert!(error.message.contains("httpDigestAuth is not supported"), "{error}");
}

#[test]
fn a10_a_credential_is_sent_only_to_its_hosts() {
    let fields = json!({ "token": "t", "allowedHttpRequestDomains": "domains", "allowedDomains": "h.test, *.example.com" });
    for (host, allowed) in
        [("h.test", true), ("a.example.com", true), ("example.com", false), ("evil-h.test", false)]
    {
        let mock = json!({ "base": format!("http://{host}"), "path": "/", "responseBody": {} });
        let parameters = json!({ "url": format!("http://{host}/"), "credential": "httpBearerAuth" });
        let result = Call::new(parameters, Value::array([mock])).credential(fields.clone()).run();
        assert_eq!(result.is_ok(), allowed, "{host}");
    }
}

#[test]
fn the_content_type_decides_what_an_answer_is() {
    let answer = |content_type: &str, body: Value| {
        with(get("/", body), "responseHeaders", json!({ "content-type": content_type }))
    };
    let run = |response: Value, mock: Value| {
        Call::new(json!({ "url": "http://h.test/", "response": response }), Value::array([mock]))
    };
    let auto = json!({});
    assert_eq!(
        run(auto.clone(), answer("application/json; charset=utf-8", json!("{\"a\":1}"))).data(),
        json!([{ "a": 1 }])
    );
    assert_eq!(run(auto.clone(), answer("text/html", json!("<p>"))).data(), json!([{ "data": "<p>" }]));
    assert_eq!(run(auto.clone(), get("/", json!("plain"))).data(), json!([{ "data": "plain" }]));
    assert_eq!(
        run(json!({ "format": "json" }), answer("text/plain", json!("[1]"))).data(),
        json!([{ "data": 1 }])
    );
    assert_eq!(
        run(json!({ "format": "text", "field": "t" }), answer("application/json", json!("[1]"))).data(),
        json!([{ "t": "[1]" }])
    );
    assert_eq!(
        run(json!({ "split": false }), get("/", json!(["x", "y"]))).data(),
        json!([{ "0": "x", "1": "y" }])
    );
    assert_eq!(run(json!({ "format": "json" }), answer("text/plain", json!(""))).data(), json!([{}]));
    assert_eq!(
        run(auto, answer("application/json", json!("{"))).error().message,
        "Invalid JSON in response body"
    );
    let error = run(json!({ "format": "json" }), answer("text/plain", json!("{"))).error();
    assert!(error.message.contains("not valid JSON"), "{error}");
}

#[test]
fn a_file_keeps_its_name_type_and_bytes() {
    for (path, header, name) in [
        ("/reports/q1.pdf", "", Some("q1.pdf")),
        ("/download", "attachment; filename=\"../a b.pdf\"", Some("a b.pdf")),
        ("/download", "attachment; filename=x.pdf; filename*=UTF-8''y.pdf", Some("y.pdf")),
        ("/download", "inline", None),
    ] {
        let headers = json!({ "content-type": "application/pdf", "content-disposition": header });
        let mock = with(get(path, json!({ "__base64": "AAE=" })), "responseHeaders", headers);
        let emission =
            Call::new(json!({ "url": format!("http://h.test{path}") }), Value::array([mock])).run().unwrap();
        let item = &emission.ports[0][0];
        let file = &item.binary.as_ref().unwrap()["data"];
        assert_eq!(file.file_name.as_deref(), name, "{header}");
        assert_eq!(file.mime_type, "application/pdf");
        assert_eq!(file.blob, Blob::Inline(Arc::from([0, 1])));
    }
}

#[test]
fn a_full_answer_has_status_and_headers() {
    let mock = with(
        with(get("/", json!([1])), "statusCode", 201.into()),
        "responseHeaders",
        json!({ "X-A": "1", "set-cookie": ["a=1", "b=2"] }),
    );
    let data =
        Call::new(json!({ "url": "http://h.test/", "response": { "full": true } }), Value::array([mock]))
            .data();
    assert_eq!(
        data,
        json!([{
            "body": [1], "statusCode": 201, "statusMessage": "Created",
            "headers": { "content-type": "application/json", "x-a": "1", "set-cookie": ["a=1", "b=2"] },
        }])
    );
}

#[test]
fn a_failed_status_is_an_error_with_the_words_of_the_service() {
    let mock = |status: u16| {
        with(get("/", json!({ "error": { "message": "no such user" } })), "statusCode", status.into())
    };
    let run = |status: u16| Call::new(json!({ "url": "http://h.test/" }), Value::array([mock(status)]));
    for (status, message, transient) in [
        (401, "Authorization failed - please check your credentials", false),
        (404, "The resource you are requesting could not be found", false),
        (418, "Your request is invalid or could not be processed by the service", false),
        (429, "The service is receiving too many requests from you", true),
        (500, "The service was not able to process your request", true),
        (599, "The service failed to process your request", true),
    ] {
        let error = run(status).error();
        assert_eq!(error.message, message);
        assert_eq!(error.description.as_deref(), Some("no such user"));
        assert_eq!(error.kind == sdk::error::ErrorKind::Transient, transient, "{status}");
        assert_eq!(error.item, Some(0));
    }
}

#[test]
fn every_status_is_a_success_when_nothing_is_an_error() {
    let mock = with(get("/", json!({ "a": 1 })), "statusCode", 500.into());
    let parameters = json!({ "url": "http://h.test/", "response": { "never_error": true } });
    assert_eq!(Call::new(parameters, Value::array([mock])).data(), json!([{ "a": 1 }]));
}

#[test]
fn a_broken_network_is_worth_another_try() {
    let mock = with(get("/", Value::Null), "networkError", "ECONNREFUSED".into());
    let error = Call::new(json!({ "url": "http://h.test/" }), Value::array([mock])).error();
    assert_eq!(error.message, "The service refused the connection - perhaps it is offline");
    assert_eq!(error.kind, sdk::error::ErrorKind::Transient);
}

#[test]
fn redirects_are_followed_as_asked() {
    let redirect = |method: &str| json!({ "base": "http://h.test", "path": "/a", "method": method, "statusCode": 302, "responseHeaders": { "location": "/b" } });
    for (follow, method, followed) in
        [("all", "POST", true), ("safe", "POST", false), ("safe", "GET", true), ("none", "GET", false)]
    {
        let parameters =
            json!({ "url": "http://h.test/a", "method": method, "redirects": { "follow": follow } });
        let result = Call::new(parameters, json!([redirect(method), get("/b", json!({}))])).run();
        assert_eq!(result.is_ok(), followed, "{follow} {method}");
    }
}

#[test]
fn the_idempotency_key_is_sent_and_makes_the_step_repeatable() {
    let parameters =
        json!({ "url": "http://h.test/", "method": "POST", "idempotency_header": "Idempotency-Key" });
    let mock = json!({
        "base": "http://h.test", "path": "/", "method": "POST", "responseBody": {},
        "requestHeaders": { "idempotency-key": "1-node-0-0" },
    });
    assert_eq!(Call::new(parameters.clone(), Value::array([mock])).data(), json!([{}]));
    let effect = |parameters: &Value| Node::effect(&parameters.parse::<HttpRequest>().unwrap());
    assert_eq!(effect(&parameters), Effect::Keyed);
    assert_eq!(effect(&json!({ "method": "POST" })), Effect::Unsafe);
    assert_eq!(effect(&json!({ "method": "={{ $json.method }}" })), Effect::Unsafe);
    assert_eq!(effect(&json!({ "method": "delete" })), Effect::Idempotent);
}

/// What n8n's node with these parameters becomes.
fn import(version: f64, parameters: Value) -> Value {
    let catalogue = Catalogue::new([NodeType::of::<HttpRequest>().with_n8n(N8N)]);
    let parameters = parameters.as_object().unwrap();
    let node = N8nNode { kind: N8N[0].kind, version, parameters, webhook_id: None };
    let native = catalogue.import_n8n(&node).unwrap_or_else(|error| panic!("{error}"));
    Value::Object(native.parameters)
}

#[test]
fn imported_nodes_send_what_they_sent() {
    let mock = json!({
        "base": "http://h.test", "path": "/", "method": "POST", "query": { "q": "1" },
        "requestHeaders": { "x-a": "b", "user-agent": "n8n" }, "requestBody": { "name": "Ada" },
        "responseBody": [{ "id": 1 }, { "id": 2 }],
    });
    let pairs = |key: &str| json!({ key: [{ "name": "x-a", "value": "b" }] });
    let since_3 = json!({
        "method": "POST", "url": "http://h.test/",
        "sendQuery": true, "queryParameters": { "parameters": [{ "name": "q", "value": "1" }] },
        "sendHeaders": true, "headerParameters": pairs("parameters"),
        "sendBody": true, "bodyParameters": { "parameters": [{ "name": "name", "value": "Ada" }] },
    });
    let before_3 = json!({
        "requestMethod": "POST", "url": "http://h.test/", "options": { "splitIntoItems": true },
        "queryParametersUi": { "parameter": [{ "name": "q", "value": "1" }] },
        "headerParametersUi": pairs("parameter"),
        "bodyParametersUi": { "parameter": [{ "name": "name", "value": "Ada" }] },
    });
    let as_json = json!({
        "requestMethod": "POST", "url": "http://h.test/", "options": { "splitIntoItems": true }, "jsonParameters": true,
        "queryParametersJson": "{\"q\": 1}", "headerParametersJson": "{\"x-a\": \"b\"}",
        "bodyParametersJson": "={\"name\": \"Ada\"}",
    });
    for (version, parameters) in
        [(4.2, &since_3), (3.0, &since_3), (2.0, &before_3), (1.0, &before_3), (1.0, &as_json)]
    {
        let parameters = import(version, parameters.clone());
        assert_eq!(
            Call::new(parameters, Value::array([mock.clone()])).data(),
            json!([{ "id": 1 }, { "id": 2 }]),
            "{version}"
        );
    }
}

#[test]
fn imported_nodes_keep_the_defaults_of_their_version() {
    let follow = |version: f64, parameters: Value| {
        import(version, parameters)
            .get("redirects")
            .and_then(|redirects| redirects.get("follow"))
            .cloned()
            .unwrap()
    };
    assert_eq!(follow(1.0, json!({})), "safe".into());
    assert_eq!(follow(3.0, json!({})), "none".into());
    assert_eq!(follow(4.0, json!({})), "all".into());
    let explicit = json!({ "options": { "redirect": { "redirect": { "followRedirects": false } } } });
    assert_eq!(follow(4.2, explicit), "none".into());
    let credential = |version: f64, parameters: Value| import(version, parameters).get("credential").cloned();
    assert_eq!(credential(1.0, json!({ "authentication": "headerAuth" })), Some("httpHeaderAuth".into()));
    let generic = json!({ "authentication": "genericCredentialType", "genericAuthType": "httpBearerAuth" });
    assert_eq!(credential(4.2, generic), Some("httpBearerAuth".into()));
}
