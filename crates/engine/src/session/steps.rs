//! Beginning, stopping and ending the attempts of steps.

use std::sync::Arc;
use std::time::Duration;

use model::Items;
use sdk::context::{Notes, Step};
use sdk::{Context, Effect, ExecutionInfo, NodeError, Output};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Gone, Keep, Next, Panicked, Session};
use crate::event::{Event, RunStep, StepId};
use crate::step::{Prepared, prepare, settle};

/// How long a step that was asked to stop may take to do so.
const GRACE: Duration = Duration::from_secs(10);

/// What runs in the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    Step(StepId),
    Child(StepId, u32),
}

/// What comes out of it.
pub(super) enum Done {
    Step(RunStep, Result<Output, NodeError>, Notes, Duration),
    /// A child ended; `None` when it waits for something from outside or nobody waits for it.
    Child(StepId, u32, Option<Result<Items, NodeError>>),
}

/// How to stop an attempt.
pub(super) struct Stop {
    pub(super) step: RunStep,
    cancel: CancellationToken,
    pub(super) abandon_at: Option<Instant>,
}

impl<K: Keep> Session<K> {
    pub(super) async fn run_step(&mut self, step: RunStep) -> Result<(), Gone> {
        let plan = self.plan.clone();
        let (shared, inputs) = match prepare(&plan, &step, self.around.use_pins) {
            Prepared::Run(shared, inputs) => (shared.clone(), inputs),
            Prepared::Done(event) => {
                self.happen(event, Some(Duration::ZERO));
                return Ok(());
            }
        };
        let id = step.attempt.step;
        let node = plan.node(id.node());
        if matches!(node.effect, Effect::Keyed | Effect::Unsafe) {
            self.happen(Event::StepStarted(step.attempt), None);
            self.commit(Next::Here).await?;
        }
        let clock = self.around.clock.clone();
        let facts = Step {
            execution: self.around.info.clone(),
            node: node.info.clone(),
            history: self.execution.history().clone(),
            inputs: inputs.clone(),
            arrived: step.inputs.clone(),
            sources: step.sources.clone(),
            run_index: id.run as usize,
            attempt: step.attempt.number,
            now_ms: clock.now_ms(),
            seen: Default::default(),
        };
        let cancel = CancellationToken::new();
        let ctx = Context::new(facts, self.around.services.clone(), cancel.clone());
        let timeout_ms = node.timeout_ms;
        let running = step.clone();
        let future = async move {
            let began = clock.elapsed();
            let result = match timeout_ms {
                None => shared.run(&ctx, &inputs).await,
                Some(limit_ms) => {
                    let limit = Duration::from_millis(limit_ms);
                    let limited = tokio::time::timeout(limit, shared.run(&ctx, &inputs)).await;
                    limited.unwrap_or_else(|_| {
                        ctx.cancel.cancel();
                        Err(NodeError::timed_out(limit_ms))
                    })
                }
            };
            Done::Step(running, result, ctx.take_notes(), clock.elapsed() - began)
        };
        match self.pool.begin(Key::Step(id), future).await {
            Some(result) => self.done(Key::Step(id), result, Some(step)),
            None => self.stops.push(Stop { step, cancel, abandon_at: None }),
        }
        Ok(())
    }

    /// Something in the pool ended.
    pub(super) fn done(&mut self, key: Key, result: Result<Done, Panicked>, step: Option<RunStep>) {
        match result {
            Ok(Done::Step(step, result, notes, duration)) => {
                let node = step.attempt.step.node();
                let plan = self.plan.clone();
                for (level, text) in notes.logs {
                    self.keep.log(&plan, node, level, text);
                }
                if let Some(static_data) = notes.static_data {
                    self.keep.remember(&static_data);
                    let info = ExecutionInfo::clone(&self.around.info);
                    self.around.info = Arc::new(ExecutionInfo { static_data, ..info });
                }
                let event = settle(&self.plan, &step, result);
                let has_effect = self.plan.node(node).effect != Effect::Pure;
                let waits = matches!(event, Event::StepWaiting(..));
                if self.happen(event, Some(duration)) && (has_effect || waits) {
                    self.due = true;
                }
            }
            Ok(Done::Child(step, call, Some(result))) => {
                self.happen(Event::ChildFinished { step, call, result }, None);
            }
            Ok(Done::Child(.., None)) => {}
            Err(Panicked(text)) => self.panicked(key, step, &text),
        }
        if let Key::Step(id) = key {
            self.stops.retain(|stop| stop.step.attempt.step != id);
        }
    }

    /// Asks an attempt to stop.
    pub(super) fn stop_step(&mut self, step: StepId) {
        // One that has not begun need not.
        if let Some(index) = self.runs.iter().position(|run| run.attempt.step == step) {
            if let Some(run) = self.runs.remove(index) {
                self.happen(Event::StepFailed(run.attempt, NodeError::cancelled()), None);
            }
            return;
        }
        for stop in self.stops.iter_mut().filter(|stop| stop.step.attempt.step == step) {
            stop.cancel.cancel();
            stop.abandon_at = Some(Instant::now() + GRACE);
        }
    }

    /// Goes on without the steps that were asked to stop and did not.
    pub(super) fn abandon_steps(&mut self) {
        let now = Instant::now();
        let is_due = |stop: &Stop| stop.abandon_at.is_some_and(|at| at <= now);
        let (due, rest): (Vec<_>, Vec<_>) = self.stops.drain(..).partition(is_due);
        self.stops = rest;
        for stop in due {
            self.pool.abandon(Key::Step(stop.step.attempt.step));
            self.happen(Event::StepFailed(stop.step.attempt, NodeError::cancelled()), None);
        }
    }
}
