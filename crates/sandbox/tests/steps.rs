//! The sandbox behind the trait that nodes call, with a real step around it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{data, items, sandbox};
use model::{Object, Value, json};
use sdk::code::{Code, CodeResult, CodeRunner as _, Contract};
use sdk::context::{ExecutionInfo, NodeInfo, Step};
use sdk::error::ErrorKind;
use sdk::history::{Graph, Parent, Run, Source};
use sdk::{Context, History, Inputs, NodeError, Services, net, testing};
use tokio_util::sync::CancellationToken;

/// A step of the node `Code`, whose one parent `First` gave two items.
fn step(services: Services) -> Context {
    let node = |index: usize, name: &str| {
        let parameters: Object = [("path", Value::from("a1"))].into_iter().collect();
        Arc::new(NodeInfo { index, name: name.into(), key: name.into(), parameters, ..NodeInfo::default() })
    };
    let nodes = vec![node(0, "First"), node(1, "Code"), node(2, "Never")];
    let parents = vec![vec![], vec![Parent { node: 0, output: 0, input: 0 }], vec![]];
    let code = nodes[1].clone();
    let mut history = History::new(Arc::new(Graph::new("w".into(), "Flow".into(), true, nodes, parents)));
    let input = items(json!([{ "n": 1 }, { "n": 2 }]));
    history.push(0, Run { outputs: vec![input.clone()], ..Run::default() });
    let static_data = [("global", json!({ "count": 1 })), ("other", json!(1))].into_iter().collect();
    let step = Step {
        execution: Arc::new(ExecutionInfo { static_data, ..testing::execution() }),
        node: code,
        history: Arc::new(history),
        inputs: Inputs::single(input.clone()),
        arrived: Inputs::single(input),
        sources: [Some(Source { node: 0, output: 0, run: 0 })].into_iter().collect(),
        run_index: 0,
        attempt: 1,
        now_ms: testing::NOW_MS,
        seen: Default::default(),
    };
    Context::new(step, services, CancellationToken::new())
}

async fn run(source: &str, ctx: &Context) -> Result<CodeResult, NodeError> {
    let code = Code { source: source.into(), contract: Contract::AllItems };
    sandbox().run(&code, ctx, &ctx.inputs).await
}

#[tokio::test]
async fn code_looks_back_into_the_execution() {
    let source = "return [{ last: $('First').last().json.n, item: $('First').item.json.n, run: $('Never').isExecuted,\
                  path: $('First').params.path, previous: $prevNode.name, flow: $workflow.name, now: Date.now() }]";
    let result = run(source, &step(Services::default())).await.unwrap();
    assert_eq!(
        data(&result.items),
        json!([{ "last": 2, "item": 1, "run": false, "path": "a1", "previous": "First", "flow": "Flow",
                 "now": testing::NOW_MS }])
    );
    let error = run("return $('Never').all()", &step(Services::default())).await.unwrap_err();
    assert_eq!(error.message, "Node 'Never' hasn't been executed [line 1]");
    let error = run("return $('Nobody').first()", &step(Services::default())).await.unwrap_err();
    assert_eq!(error.message, "Referenced node doesn't exist: 'Nobody' [line 1]");
}

#[tokio::test]
async fn changed_static_data_keeps_what_others_stored() {
    let result =
        run("$getWorkflowStaticData('global').count++; return []", &step(Services::default())).await.unwrap();
    assert_eq!(result.static_data, Some(json!({ "global": { "count": 2 }, "other": 1 })));
    let result = run("$getWorkflowStaticData('node').seen = true; return []", &step(Services::default()))
        .await
        .unwrap();
    assert_eq!(
        result.static_data,
        Some(json!({ "global": { "count": 1 }, "other": 1, "node:Code": { "seen": true } }))
    );
}

#[tokio::test]
async fn requests_use_the_guarded_client() {
    let ctx = step(Services::default());
    let error = run("return await this.helpers.httpRequest('http://127.0.0.1:1/')", &ctx).await.unwrap_err();
    let message = error.message;
    assert!(message.contains("loopback"), "{message}");

    let mocks: Vec<net::Mock> = json!([
        { "base": "https://a.example", "method": "POST", "path": "/x", "query": { "q": "1" },
          "requestBody": { "n": 1 }, "requestHeaders": { "x-a": "b" }, "responseBody": { "ok": true } },
        { "base": "https://a.example", "path": "/gone", "statusCode": 404, "responseBody": { "why": "gone" } },
    ])
    .parse()
    .unwrap();
    let http = net::Client::with_mocks(net::Mocks::from(mocks));
    let ctx = step(Services { http, ..Services::default() });
    let source = "const ok = await this.helpers.httpRequest({ method: 'POST', url: 'https://a.example/x', qs: { q: 1 },\
                  headers: { 'X-A': 'b' }, body: { n: 1 }, json: true });\
                  try { await this.helpers.httpRequest({ url: 'https://a.example/gone' }) }\
                  catch (error) { return [{ ok, message: error.message, why: error.response.data.why }] }";
    let result = run(source, &ctx).await.unwrap();
    let message = "Request failed with status code 404";
    assert_eq!(data(&result.items), json!([{ "ok": { "ok": true }, "message": message, "why": "gone" }]));
}

#[tokio::test]
async fn cancelling_the_execution_stops_the_code() {
    let ctx = step(Services::default());
    let cancel = ctx.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        cancel.cancel();
    });
    assert_eq!(run("for (;;) {}", &ctx).await.unwrap_err().kind, ErrorKind::Cancelled);
}
