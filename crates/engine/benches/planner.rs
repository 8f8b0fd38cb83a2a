//! What the planner and the in-memory runner cost per step: `cargo bench -p engine`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark tells the time and reports it"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Clock, Command, Event, Execution, Limits, Plan, Runner, Start};
use model::json;
use sdk::{Emission, Services};
use testkit::{items, plan, workflow};

const STEPS: usize = 51;

fn main() {
    let chain = chain(STEPS);
    let decide = median(200, || decide_all(&chain));
    report("decide, one step of a chain", decide / STEPS as u32);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let run = |plan: &Arc<Plan>, count: usize| {
        let runner = Runner::new(Services::default(), Arc::new(RealClock(Instant::now())));
        let start =
            Start { items: items(model::Value::array(vec![json!({ "n": 1 }); count])), ..Start::default() };
        black_box(runtime.block_on(runner.run(plan.clone(), start)));
    };
    report("runner, 51 steps, 1 item", median(200, || run(&chain, 1)));
    let ten = self::chain(10);
    report("runner, 10 steps, 10,000 items", median(10, || run(&ten, 10_000)));
    let draft = workflow("start -> count -> while; while.again -> count; while.done -> end")
        .is("count", testkit::nodes::STEP, json!({ "does": { "count": "n" } }))
        .is("while", testkit::nodes::STEP, json!({ "does": { "while": ["n", 10_000] } }));
    report("runner, a loop of 20,000 steps", median(5, || run(&testkit::plan(draft.clone()), 1)));
    report("compile, 51 nodes", median(50, || drop(black_box(self::chain(STEPS)))));
}

fn chain(steps: usize) -> Arc<Plan> {
    let mut text = String::from("start");
    for step in 1..steps {
        write!(text, " -> s{step}").expect("text grows");
    }
    plan(workflow(&text))
}

fn decide_all(plan: &Arc<Plan>) {
    let mut execution = Execution::new(plan.clone(), Limits::default(), 0);
    let items = items(json!({ "n": 1 }));
    let mut commands = execution.decide(&Event::Triggered { node: 0, items }, 0.0).expect("it begins");
    while let Some(Command::RunStep(step)) = commands.pop() {
        let emission = Emission { ports: vec![step.inputs.main_items()], ..Emission::default() };
        commands = execution.decide(&Event::StepSucceeded(step.attempt, emission), 0.0).expect("it goes on");
    }
}

fn median(rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn report(name: &str, time: Duration) {
    println!("{name}: {:.3} us", time.as_nanos() as f64 / 1000.0);
}

struct RealClock(Instant);

impl Clock for RealClock {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
