//! What whole workflows cost in memory: planner, nodes, expressions and sandbox.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use engine::{Clock, Event, Outcome, Plan, Runner, Start};
use model::{ExecutionStatus, Item, Value, json};
use sandbox::{Config, Sandbox};
use sdk::Services;

use crate::SANDBOX_CHILD;
use crate::figure::Figure;

/// Webhook, set with two expressions, if, set.
pub(crate) fn w2() -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::new(include_str!("../workflows/w2.json"))?;
    Ok(vec![Figure::new("w2_memory", "ms", bench.repeat(15, 2_000)?)])
}

/// Webhook, code making 100 items, filter, summarize.
pub(crate) fn w3() -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::new(include_str!("../workflows/w3.json"))?;
    let whole = Figure::new("w3_memory", "ms", bench.repeat(15, 200)?);
    let code = Figure::new("w3_memory_code", "ms", bench.repeat_node("Code", 1_000)?);
    Ok(vec![whole, code.below(1.0)])
}

/// Webhook, code making 10,000 items, ten set nodes adding a field each, limit.
pub(crate) fn w5() -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::new(include_str!("../workflows/w5x10000.json"))?;
    let whole = Figure::new("w5_memory", "ms", bench.repeat(15, 1)?);
    let code = Figure::new("w5_memory_code", "ms", bench.repeat_node("Gen", 15)?);
    let set = Figure::new("w5_memory_set", "ms", bench.repeat_node("S9", 15)?);
    Ok(vec![whole.below(300.0), code, set])
}

/// Webhook, 51 set nodes, one item.
pub(crate) fn w6() -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::new(include_str!("../workflows/w6.json"))?;
    Ok(vec![Figure::new("w6_memory", "ms", bench.repeat(15, 500)?).below(0.5)])
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    runner: Runner,
    plan: Arc<Plan>,
    start: Start,
}

impl Bench {
    fn new(text: &str) -> anyhow::Result<Self> {
        let catalogue = nodes::catalogue();
        let import = nodes::n8n::import(&Value::from_json(text)?, &catalogue)
            .map_err(|problem| anyhow::anyhow!("the workflow cannot be imported: {problem}"))?;
        let plan = Plan::compile(&import.workflow, &catalogue)
            .map_err(|problems| anyhow::anyhow!("the workflow has problems: {problems:?}"))?;
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let config = Config::new(program, [SANDBOX_CHILD.into()]);
        let services = Services { code: Arc::new(Sandbox::new(config)), ..Services::default() };
        let runner = Runner::new(services, Arc::new(SystemClock(Instant::now())));
        let call = json!({
            "headers": {}, "params": {}, "query": {},
            "body": { "name": "Ada", "n": 41, "tags": ["a", "b"] },
        });
        let item = Item::new(call.as_object().expect("the call is an object").clone());
        let start = Start { items: Arc::new(vec![item]), ..Start::default() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { runtime, runner, plan: Arc::new(plan), start })
    }

    fn run(&self) -> anyhow::Result<Outcome> {
        let outcome = self.runtime.block_on(self.runner.run(self.plan.clone(), self.start.clone()));
        let failure = outcome.failure.as_ref();
        ensure!(outcome.status == ExecutionStatus::Completed, "the execution ended as {failure:?}");
        Ok(outcome)
    }

    /// Milliseconds per execution, `repeats` times the mean of `rounds`; one round before warms up.
    fn repeat(&self, repeats: usize, rounds: usize) -> anyhow::Result<Vec<f64>> {
        self.run()?;
        let mut figures = Vec::with_capacity(repeats);
        for _ in 0..repeats {
            let start = Instant::now();
            for _ in 0..rounds {
                self.run()?;
            }
            figures.push(start.elapsed().as_secs_f64() * 1e3 / rounds as f64);
        }
        Ok(figures)
    }

    /// Milliseconds of the step of one node, `repeats` times.
    fn repeat_node(&self, name: &str, repeats: usize) -> anyhow::Result<Vec<f64>> {
        let node = self.plan.find(name).with_context(|| format!("there is no node {name}"))?;
        let step = |outcome: &Outcome| {
            let ended = outcome.journal.iter().find_map(|recorded| match &recorded.event {
                Event::StepSucceeded(attempt, _) if attempt.step.node() == node => recorded.duration,
                _ => None,
            });
            ended.map(|duration| duration.as_secs_f64() * 1e3).context("the node did not run")
        };
        self.run()?;
        (0..repeats).map(|_| step(&self.run()?)).collect()
    }
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now_ms(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
