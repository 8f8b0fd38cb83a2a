//! Code that would never end, or never stop growing, is stopped with an error that says so; the next step is fine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::{Host, config, data, items, sandbox, sandbox_with};
use model::json;
use sandbox::{CodeRequest, Config, Contract, ErrorKind, Limits, Sandbox};

const LIMITS: Limits =
    Limits { wall_ms: 400, cpu_ms: 300, memory_bytes: 64 << 20, output_bytes: 1 << 20, log_bytes: 1 << 10 };

fn request(source: &str) -> CodeRequest {
    CodeRequest::new(Contract::AllItems, source, items(json!([{}])))
}

async fn stops(source: &str, kinds: &[ErrorKind]) {
    let sandbox = sandbox_with(LIMITS);
    let started = Instant::now();
    let error = sandbox.run_code(request(source), &Host::default()).await.expect_err(source);
    assert!(kinds.contains(&error.kind), "{source}: {error:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{source}: {:?}", started.elapsed());
    let next = sandbox.run_code(request("return { fine: true }"), &Host::default()).await.unwrap();
    assert_eq!(data(&next.items), json!([{ "fine": true }]), "{source}");
}

#[tokio::test]
async fn a04_endless_code_times_out() {
    for source in [
        "while (true) {}",
        "while (true) await null",
        "for (;;) { try { for (;;) {} } catch {} }",
        "const f = () => Promise.resolve().then(f); await f()",
        "await new Promise((r) => setTimeout(r, 1e9))",
        "setInterval(() => {}, 1); await new Promise(() => {})",
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "throw { get message() { for (;;) {} } }",
        "throw { message: 'x', stack: { toString() { for (;;) {} } } }",
        "return { then() { for (;;) {} } }",
        "return new Proxy({}, { ownKeys() { for (;;) {} } })",
        "console.log({ get a() { for (;;) {} } })",
        "let n = 0; const o = { toJSON() { for (;;) n++ } }; return o",
        "const a = Array.from({ length: 3e5 }, (_, i) => -i); for (;;) a.sort((x, y) => x - y)",
        "async function f() { await f() } for (;;) { try { await f() } catch {} }",
    ] {
        stops(source, &[ErrorKind::Timeout]).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a04_code_that_never_looks_up_ends_although_nobody_ends_it() {
    // The host is as patient as one that was killed; the builtin below does not ask whether its time is up.
    let patient = Limits { wall_ms: 60_000, cpu_ms: 500, ..LIMITS };
    let started = Instant::now();
    let source = "const a = []; a[4294967294] = 1; return { text: JSON.stringify(a) }";
    let error = sandbox_with(patient).run_code(request(source), &Host::default()).await.expect_err(source);
    assert!(matches!(error.kind, ErrorKind::Timeout | ErrorKind::Memory), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a04_code_that_takes_too_much_memory_is_told_so() {
    for source in [
        "'x'.repeat(5e8).split('')",
        "const a = []; for (;;) a.push('x'.repeat(1000) + a.length)",
        "let s = 'x'; for (;;) s += s",
        "new Uint8Array(1e9)",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })",
    ] {
        stops(source, &[ErrorKind::Memory, ErrorKind::Timeout]).await;
    }
}

#[tokio::test]
async fn a_promise_that_nothing_settles_fails_at_once() {
    stops("await new Promise(() => {})", &[ErrorKind::Code]).await;
}

#[tokio::test]
async fn endless_recursion_is_an_ordinary_error() {
    stops("(function f() { f() })()", &[ErrorKind::Code]).await;
    stops(
        "let a = []; for (let i = 0; i < 5e3; i++) a = [a]; return { a }",
        &[ErrorKind::Code, ErrorKind::Refused],
    )
    .await;
    stops(
        "const o = {}; let p = o; for (let i = 0; i < 200; i++) p = p.p = {}; return o",
        &[ErrorKind::Code, ErrorKind::Refused],
    )
    .await;
}

#[tokio::test]
async fn a04_too_much_output_is_refused_and_too_many_logs_are_dropped() {
    stops("return { text: 'x'.repeat(2e6) }", &[ErrorKind::Output]).await;
    let result = sandbox_with(LIMITS)
        .run_code(
            request("for (let i = 0; i < 1000; i++) console.log('line ' + i); return []"),
            &Host::default(),
        )
        .await
        .unwrap();
    assert!(result.logs.len() < 60, "{}", result.logs.len());
    assert!(result.logs.last().unwrap().text.contains("the log is full"));
}

#[tokio::test]
async fn what_came_in_may_go_out_again_whatever_its_size() {
    let large = items(json!([{ "text": "x".repeat(3 << 20) }]));
    let request = CodeRequest::new(Contract::AllItems, "return $input.all()", large.clone());
    let result = sandbox_with(LIMITS).run_code(request, &Host::default()).await.unwrap();
    assert_eq!(data(&result.items), data(&large));
}

#[tokio::test]
async fn logs_written_before_a_failure_are_kept() {
    let error = sandbox()
        .run_code(request("console.warn('careful'); throw new Error('no')"), &Host::default())
        .await
        .unwrap_err();
    assert_eq!(error.logs[0].text, "careful");
}

#[tokio::test]
async fn dropping_the_future_kills_the_child_and_frees_its_place() {
    let sandbox = sandbox();
    let host = Host::default();
    let step = sandbox.run_code(request("while (true) {}"), &host);
    assert!(tokio::time::timeout(Duration::from_millis(100), step).await.is_err());
    let started = Instant::now();
    sandbox.run_code(request("return []"), &host).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_program_that_is_no_child_is_reported() {
    for program in ["/does/not/exist", "/bin/true"] {
        let sandbox = Sandbox::new(Config { program: program.into(), ..config() });
        let error = sandbox.run_code(request("return []"), &Host::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Crashed, "{error}");
    }
}

#[tokio::test]
async fn many_steps_at_once_share_few_children() {
    let sandbox = Sandbox::new(Config { processes: 2, steps_per_process: 3, ..config() });
    let host = Host::default();
    let steps = (0..40).map(|n| {
        let source = format!("await new Promise((r) => setTimeout(r, 1)); return {{ n: {n} }}");
        let (sandbox, host) = (&sandbox, &host);
        async move { sandbox.run_code(request(&source), host).await }
    });
    for (n, result) in futures_util::future::join_all(steps).await.into_iter().enumerate() {
        assert_eq!(data(&result.unwrap().items), json!([{ "n": n }]));
    }
}

#[tokio::test]
async fn a04_floods_of_questions_end_in_an_error_and_not_in_a_host_that_grows() {
    stops("for (;;) this.helpers.httpRequest('http://slow/' + Math.random())", &[ErrorKind::Timeout]).await;
    stops("for (;;) this.helpers.httpRequest('http://slow/').catch(() => {})", &[ErrorKind::Timeout]).await;
    stops("let i = 0; for (;;) { try { $('x' + i++).all() } catch {} }", &[ErrorKind::Timeout]).await;
    stops("$getWorkflowStaticData('global').text = 'x'.repeat(2e6); return []", &[ErrorKind::Output]).await;
}

#[tokio::test]
async fn asking_for_too_much_at_once_is_an_error_that_says_so() {
    let source =
        "await Promise.all(Array.from({ length: 300 }, () => this.helpers.httpRequest('http://slow/')))";
    let error = sandbox().run_code(request(source), &Host::default()).await.unwrap_err();
    assert!(error.message.starts_with("more than 200 requests at once"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_died_while_idle_is_replaced() {
    let sandbox = sandbox();
    let host = Host::default();
    sandbox.run_code(request("return []"), &host).await.unwrap();
    // The runtime of this test spawns on this thread, so no child of another test is among these.
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap();
    let children: Vec<_> = children.split_whitespace().collect();
    for pid in &children {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name.trim(), "sandbox-child");
        std::process::Command::new("kill").args(["-9", pid]).status().unwrap();
    }
    assert!(!children.is_empty());
    tokio::time::sleep(Duration::from_millis(100)).await;
    sandbox.run_code(request("return []"), &host).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_small_stack_makes_recursion_shallow_and_not_fatal() {
    let child = env!("CARGO_BIN_EXE_sandbox-child");
    let script = format!("ulimit -s 1024 && exec {child}");
    let sandbox = Sandbox::new(Config::new("/bin/sh", ["-c".into(), script.into()]));
    let error = sandbox.run_code(request("(function f() { f() })()"), &Host::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Code, "{error}");
}
