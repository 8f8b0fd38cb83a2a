//! A sandbox with the real child, and a host that knows some nodes.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::{Item, Items, Value, json};
use sandbox::{
    Answer, CodeError, CodeHost, CodeRequest, CodeResult, Config, Contract, HostError, Limits, NodeQuery,
    Question, Sandbox,
};

/// The pool of a test: one child, short limits.
pub(crate) fn sandbox() -> Sandbox {
    sandbox_with(Limits { wall_ms: 5_000, ..Limits::default() })
}

pub(crate) fn sandbox_with(limits: Limits) -> Sandbox {
    Sandbox::new(Config { processes: 1, limits, ..config() })
}

pub(crate) fn config() -> Config {
    Config::new(env!("CARGO_BIN_EXE_sandbox-child"), [])
}

/// Items from a JSON array of objects.
pub(crate) fn items(json: Value) -> Items {
    let objects = json.as_array().expect("an array").iter();
    Arc::new(objects.map(|object| Item::new(object.as_object().expect("an object").clone())).collect())
}

/// Items as JSON, data only.
pub(crate) fn data(items: &[Item]) -> Value {
    Value::array(items.iter().map(|item| item.json.clone().into()))
}

/// Runs code once for all items.
pub(crate) async fn all(source: &str, input: Value) -> Result<CodeResult, CodeError> {
    run(CodeRequest::new(Contract::AllItems, source, items(input))).await
}

/// Runs code once for each item.
pub(crate) async fn each(source: &str, input: Value) -> Result<CodeResult, CodeError> {
    run(CodeRequest::new(Contract::EachItem, source, items(input))).await
}

pub(crate) async fn run(request: CodeRequest) -> Result<CodeResult, CodeError> {
    sandbox().run_code(request, &Host::default()).await
}

/// What an expression is worth inside code, as JSON.
pub(crate) async fn value(expression: &str) -> Value {
    let result = all(&format!("return [{{ value: {expression} }}]"), json!([{}])).await;
    let result = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
    result.items[0].json.get("value").cloned().unwrap_or_default()
}

/// Checks what several expressions are worth.
pub(crate) async fn values(expected: &[(&str, Value)]) {
    for (expression, wanted) in expected {
        assert_eq!(&value(expression).await, wanted, "{expression}");
    }
}

/// A host with one finished node, `First`, and an echoing HTTP client.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) asked: Mutex<Vec<Question>>,
}

impl CodeHost for Host {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Answer, HostError>> {
        self.asked.lock().expect("no panic while asked").push(question.clone());
        async move {
            Ok(match question {
                Question::Node { name, .. } if name != "First" => {
                    return Err(HostError::new(format!("Referenced node doesn't exist: {name}")));
                }
                Question::Node { query, .. } => match query {
                    NodeQuery::Items { .. } => {
                        Answer::Items(Arc::new(items(json!([{ "n": 1 }, { "n": 2 }])).to_vec()))
                    }
                    NodeQuery::PairedItem { index } => {
                        Answer::Item(items(json!([{ "n": 1 }, { "n": 2 }]))[index].clone())
                    }
                    NodeQuery::Parameters { .. } => Answer::Value(json!({ "path": "x" })),
                    NodeQuery::Context => Answer::Value(json!({ "noItemsLeft": true })),
                    NodeQuery::IsExecuted => Answer::Value(json!(true)),
                    NodeQuery::RunIndex => Answer::Value(json!(3)),
                },
                Question::StaticData(_) => Answer::Value(json!({ "count": 1 })),
                Question::HttpRequest(options) => {
                    let url = options.get("url").and_then(Value::as_str).unwrap_or_default();
                    if url.contains("slow") {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    if url.contains("fail") {
                        let details = [("httpCode", "503")].into_iter().collect();
                        return Err(HostError { message: "service unavailable".into(), details });
                    }
                    Answer::Value(json!({ "url": url }))
                }
                Question::ReadBinary(_) => Answer::Bytes(b"stored content".to_vec()),
            })
        }
        .boxed()
    }
}
