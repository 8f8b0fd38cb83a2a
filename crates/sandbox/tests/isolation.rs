//! Nothing outlives a step, and nothing outside can be reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Host, data, items, sandbox, value};
use model::json;
use sandbox::{CodeRequest, Contract};

#[tokio::test]
async fn a04_nothing_survives_into_the_next_step() {
    let sandbox = sandbox();
    let host = Host::default();
    let run = |source: &str| {
        sandbox.run_code(CodeRequest::new(Contract::AllItems, source, items(json!([{}]))), &host)
    };
    run(
        "globalThis.leak = 1; leaked = 2; Object.prototype.evil = 3; Array.prototype.map = () => 'hijacked';\
         JSON.parse = () => 'hijacked'; require('crypto').leak = 4; $input.leak = 5; Math.random = () => 6;\
         setInterval(() => { globalThis.late = 7 }, 1); return []",
    )
    .await
    .unwrap();
    let source = "return { a: typeof leak, b: typeof leaked, c: ({}).evil ?? 'none', d: [1].map((x) => x + 1),\
                  e: JSON.parse('1'), f: require('crypto').leak ?? 'none', g: $input.leak ?? 'none', h: Math.random() < 1,\
                  i: typeof late }";
    assert_eq!(
        data(&run(source).await.unwrap().items),
        json!([{ "a": "undefined", "b": "undefined", "c": "none", "d": [2], "e": 1, "f": "none", "g": "none", "h": true,
                 "i": "undefined" }])
    );
}

#[tokio::test]
async fn answers_nobody_waits_for_do_not_reach_the_next_step() {
    let sandbox = sandbox();
    let host = Host::default();
    let run = |source: &str| {
        sandbox.run_code(CodeRequest::new(Contract::AllItems, source, items(json!([{}]))), &host)
    };
    run("this.helpers.httpRequest({ url: 'http://slow/1' }); return []").await.unwrap();
    let result = run("return await this.helpers.httpRequest({ url: 'http://slow/2' })").await.unwrap();
    assert_eq!(data(&result.items), json!([{ "url": "http://slow/2" }]));
}

#[tokio::test]
async fn a04_the_host_and_its_environment_are_out_of_reach() {
    for name in
        ["process", "fetch", "XMLHttpRequest", "WebSocket", "Deno", "std", "os", "scriptArgs", "Worker"]
    {
        assert_eq!(value(&format!("typeof {name}")).await, json!("undefined"), "{name}");
    }
    assert_eq!(
        value("(() => { try { return $env.HOME } catch (e) { return e.message } })()").await,
        json!("access to env vars denied")
    );
    assert_eq!(value("await import('std').then(() => 'loaded', () => 'refused')").await, json!("refused"));
    assert_eq!(
        value("await import('/etc/passwd').then(() => 'loaded', () => 'refused')").await,
        json!("refused")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a04_the_walls_leave_memory_and_time_and_nothing_else() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sandbox-child"))
        .arg("probe")
        .output()
        .expect("the child starts");
    let report = String::from_utf8(output.stdout).expect("text");
    let mut lines = report.lines();
    let missing = lines.next().expect("what is missing comes first");
    if missing.contains("seccomp") {
        // A kernel without seccomp is reported by the child; there is nothing to test then.
        return;
    }
    let expected = [
        "read refused",
        "list refused",
        "write refused",
        "socket refused",
        "connect refused",
        "fork refused",
        "thread refused",
        "memory allowed",
        "clock allowed",
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}
