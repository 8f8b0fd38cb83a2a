//! What happened in an execution, step by step: the fold of its journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::event::{Attempt, Command, Event, StepId};
use engine::{Execution, Limits, Plan, journal};
use jiff::Timestamp;
use model::journal::Record;
use model::{Items, StepStatus, Value};
use sdk::history::Source;
use sdk::{History, Inputs, NodeError};

use crate::error::{Error, Result};

/// An execution, step by step.
pub struct Trace {
    /// The version it follows.
    pub plan: Arc<Plan>,
    /// Its steps, in the order in which they began.
    pub steps: Vec<Step>,
    /// What has run.
    pub history: Arc<History>,
    /// What a step answered to the call that started the execution.
    pub response: Option<Value>,
}

/// A step of an execution.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number, unique within the execution.
    pub number: u32,
    /// The index of its node.
    pub node: usize,
    /// How often that node ran before.
    pub run: u32,
    /// Where it stands.
    pub status: StepStatus,
    /// Tries so far.
    pub attempts: u32,
    /// When it began, as far as the journal tells.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How long its tries took together, in microseconds.
    pub duration_us: u64,
    /// What arrived, per port.
    pub inputs: Option<Inputs>,
    /// Where that came from, per port.
    pub sources: Vec<Option<Source>>,
    /// What it gave, per port.
    pub outputs: Vec<Items>,
    /// Why its latest try failed.
    pub error: Option<NodeError>,
    /// Until when it waits, if time ends its wait.
    pub waits_until: Option<Timestamp>,
}

impl Trace {
    /// Folds a journal.
    pub fn read(plan: Arc<Plan>, records: &[Record]) -> Result<Self> {
        let mut fold = Fold { steps: BTreeMap::new() };
        // The limits were kept when it ran; the seed only moves the times of retries, which the journal tells.
        let mut execution = Execution::new(plan.clone(), Limits::default(), 0);
        let mut reader = journal::Reader::new();
        for record in records {
            let recorded = reader.read(&plan, record).map_err(Error::internal)?;
            let at = Timestamp::from_microsecond(record.at_us).ok();
            fold.event(&recorded.event, at, record.duration_us);
            let commands = execution.decide(&recorded.event, recorded.at_ms).ok_or_else(|| {
                Error::internal(format!("record {} does not follow from those before it", record.seq))
            })?;
            for command in commands {
                fold.command(command, at);
            }
        }
        let history = execution.history().clone();
        let mut steps: Vec<Step> = fold.steps.into_values().collect();
        for step in &mut steps {
            // What a step gave is what was recorded of its run: pins and `always_output` are in it.
            let run = history.runs(step.node).get(step.run as usize);
            if let Some(run) = run.filter(|_| step.status.is_final()) {
                step.outputs.clone_from(&run.outputs);
            }
            if execution.status().is_final() && !step.status.is_final() {
                step.status = StepStatus::Cancelled;
            }
        }
        let response = execution.response().cloned();
        Ok(Self { plan, steps, history, response })
    }

    /// The step with this number.
    pub fn step(&self, number: u32) -> Option<&Step> {
        self.steps.iter().find(|step| step.number == number)
    }

    /// What came of it: the body that a step answered, or the data that the step which ended last gave.
    pub fn result(&self) -> Option<Value> {
        if let Some(response) = &self.response {
            return response.get("body").cloned();
        }
        let last = self.steps.iter().filter(|step| step.status == StepStatus::Completed);
        let last = last.max_by_key(|step| (step.finished_at, step.number))?;
        let items = last.outputs.iter().find(|items| !items.is_empty())?;
        Some(Value::array(items.iter().map(|item| Value::Object(item.json.clone()))))
    }

    /// The step that failed last.
    pub fn failed(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.status == StepStatus::Failed)
    }
}

struct Fold {
    steps: BTreeMap<u32, Step>,
}

impl Fold {
    fn step(&mut self, id: StepId) -> &mut Step {
        self.steps.entry(id.number).or_insert_with(|| Step {
            number: id.number,
            node: id.node(),
            run: id.run,
            status: StepStatus::Pending,
            attempts: 0,
            started_at: None,
            finished_at: None,
            duration_us: 0,
            inputs: None,
            sources: Vec::new(),
            outputs: Vec::new(),
            error: None,
            waits_until: None,
        })
    }

    fn command(&mut self, command: Command, at: Option<Timestamp>) {
        if let Command::RunStep(run) = command {
            let step = self.step(run.attempt.step);
            step.status = StepStatus::Running;
            step.attempts = run.attempt.number;
            step.started_at = step.started_at.or(at);
            step.sources = run.sources.iter().copied().collect();
            step.inputs = Some(run.inputs);
        }
    }

    fn event(&mut self, event: &Event, at: Option<Timestamp>, duration_us: Option<u64>) {
        let mut report = |attempt: &Attempt, status: StepStatus| {
            let step = self.step(attempt.step);
            step.status = status;
            step.attempts = attempt.number;
            step.duration_us += duration_us.unwrap_or_default();
            step.finished_at = at.filter(|_| status.is_final());
            step.error = None;
            attempt.step
        };
        match event {
            Event::StepStarted(attempt) => {
                let step = self.step(attempt.step);
                step.status = StepStatus::Running;
                step.attempts = attempt.number;
                step.started_at = step.started_at.or(at);
            }
            Event::StepSucceeded(attempt, emission) => {
                let id = report(attempt, StepStatus::Completed);
                self.step(id).outputs.clone_from(&emission.ports);
            }
            Event::StepSilent(attempt) => {
                report(attempt, StepStatus::Completed);
            }
            Event::StepFailed(attempt, error) => {
                let id = report(attempt, StepStatus::Failed);
                self.step(id).error = Some(error.clone());
            }
            Event::StepWaiting(attempt, wait) => {
                let id = report(attempt, StepStatus::Waiting);
                let until = wait.until_ms.map(|ms| Timestamp::from_microsecond((ms * 1_000.0) as i64));
                self.step(id).waits_until = until.and_then(Result::ok);
            }
            Event::StepCalling(attempt, _) => {
                report(attempt, StepStatus::Waiting);
            }
            Event::StepLost(attempt) => {
                report(attempt, StepStatus::Unknown);
            }
            Event::WaitResolved(step, outputs) => {
                let step = self.step(*step);
                step.status = StepStatus::Completed;
                step.finished_at = at;
                step.outputs.clone_from(outputs);
            }
            Event::TimerFired(engine::event::Timer::Wait(step)) => {
                let step = self.step(*step);
                step.status = StepStatus::Completed;
                step.finished_at = at;
            }
            Event::ChildFinished { step, result, .. } => {
                let step = self.step(*step);
                step.finished_at = at;
                match result {
                    Ok(_) => step.status = StepStatus::Completed,
                    Err(error) => {
                        step.status = StepStatus::Failed;
                        step.error = Some(error.clone());
                    }
                }
            }
            _ => {}
        }
    }
}
