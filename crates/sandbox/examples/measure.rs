//! Measures steps of code with warm children: `cargo run --release -p sandbox --example measure`.
//!
//! The figures of `docs/adr/0003-javascript-sandbox.md` come from here.
#![allow(clippy::print_stdout, reason = "this is its purpose")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use model::{Item, Items, Object};
use sandbox::{Answer, CodeHost, CodeRequest, Config, Contract, HostError, Question, Sandbox};

const MAKE_100: &str = "const out = [];
for (let i = 0; i < 100; i++) out.push({ json: { i, v: i * $input.first().json.body.n, g: 'g' + (i % 7) } });
return out.map(x => ({ json: { ...x.json, sq: x.json.v * x.json.v } }));";

const MAKE_10_000: &str = "const out = [];
for (let i = 0; i < 10000; i++) out.push({ json: { i, name: 'item ' + i, v: i * 3 } });
return out;";

struct NoHost;

impl CodeHost for NoHost {
    fn answer(&self, _: Question) -> BoxFuture<'_, Result<Answer, HostError>> {
        Box::pin(std::future::ready(Err(HostError::new("nobody is there"))))
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("child") {
        return sandbox::child_main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(measure());
    ExitCode::SUCCESS
}

async fn measure() {
    let program = std::env::current_exe().expect("this program has a path");
    let config = Config::new(program, ["child".into()]);
    let started = Instant::now();
    let sandbox = Sandbox::new(config.clone());
    run(&sandbox, "return []", one_item(), Contract::AllItems).await;
    println!("first step of a new child: {:?}", started.elapsed());

    let many: Items = Arc::new((0..10_000).map(item).collect());
    let cases = [
        ("nothing", "return []", one_item(), Contract::AllItems, 2_000),
        ("w3: 100 items out", MAKE_100, one_item(), Contract::AllItems, 2_000),
        ("w5: 10,000 items out", MAKE_10_000, one_item(), Contract::AllItems, 50),
        ("10,000 items through", "return $input.all()", many.clone(), Contract::AllItems, 30),
        ("10,000 items, one by one", "$json.x = $json.i + 1; return item", many, Contract::EachItem, 20),
        ("$now", "return { now: $now }", one_item(), Contract::AllItems, 100),
        (
            "sha256",
            "return { h: require('crypto').createHash('sha256').update('x').digest('hex') }",
            one_item(),
            Contract::AllItems,
            500,
        ),
    ];
    for (name, source, items, contract, times) in cases {
        let mut taken = Vec::with_capacity(times);
        for _ in 0..times + times / 10 {
            let started = Instant::now();
            run(&sandbox, source, items.clone(), contract).await;
            taken.push(started.elapsed());
        }
        report(name, taken.split_off(times / 10));
    }

    let sandbox = Arc::new(Sandbox::new(config));
    let started = Instant::now();
    let workers = (0..8).map(|_| {
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            for _ in 0..500 {
                run(&sandbox, MAKE_100, one_item(), Contract::AllItems).await;
            }
        })
    });
    futures_util::future::join_all(workers).await;
    println!("w3, 8 at once: {:.0} steps/s", 4_000.0 / started.elapsed().as_secs_f64());
}

async fn run(sandbox: &Sandbox, source: &str, items: Items, contract: Contract) {
    let request = CodeRequest::new(contract, source, items);
    sandbox.run_code(request, &NoHost).await.expect("the code runs");
}

fn one_item() -> Items {
    let body: Object = [("n", 41)].into_iter().collect();
    Arc::new(vec![Item::new([("body", body)].into_iter().collect())])
}

fn item(index: usize) -> Item {
    let mut json = Object::new();
    json.insert("i", index);
    json.insert("name", format!("item {index}"));
    json.insert("v", index * 3);
    Item::new(json)
}

fn report(name: &str, mut taken: Vec<Duration>) {
    taken.sort();
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name}: min {:.3} ms, median {:.3} ms, p99 {:.3} ms", at(0.0), at(0.5), at(0.99));
}
