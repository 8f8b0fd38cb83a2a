//! Running an execution again.

use std::sync::Arc;

use model::ExecutionStatus;
use model::ids::{ExecutionId, UserId, WorkspaceId};
use model::journal::Record;
use store::commit::NewExecution;
use store::journal::Loaded;

use super::shared::{Shared, add};
use crate::decide::Execution;
use crate::durable::{Options, mode_of, queued, seed, trigger_kind_of};
use crate::event::{Attempt, Event, StepId, Timer};
use crate::journal::{Reader, Recorded, Writer};
use crate::plan::Plan;
use crate::start::{Reply, Retry, StartError, StartRequest, Started};

impl Shared {
    pub(crate) async fn retry(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        execution: ExecutionId,
        retry: Retry,
        created_by: Option<UserId>,
    ) -> Result<Started, StartError> {
        let loaded = self.store.load(workspace, execution).await?;
        if !loaded.head.status.is_final() {
            let text = "the execution has not ended; cancel it first, or wait for its end";
            return Err(StartError::Invalid(text.to_owned()));
        }
        let plan = self.plans.get(workspace, loaded.head.workflow, loaded.head.version).await?;
        match retry {
            Retry::FromFailed => self.retry_failed(plan, loaded, created_by).await,
            Retry::Whole { items } => {
                let mut reader = Reader::new();
                let first = loaded.records.first().and_then(|record| reader.read(&plan, record).ok());
                let Some(Recorded { event: Event::Triggered { items: given, .. }, .. }) = first else {
                    return Err(StartError::Invalid(
                        "the journal of the execution cannot be read".to_owned(),
                    ));
                };
                let head = loaded.head;
                let options: Options = serde_json::from_str(&head.options).unwrap_or_default();
                self.start(StartRequest {
                    workspace,
                    workflow: head.workflow,
                    version: head.version,
                    node: head.trigger_node.as_str().into(),
                    items: items.unwrap_or(given),
                    mode: mode_of(&head.mode),
                    trigger_kind: trigger_kind_of(&head.trigger_kind),
                    key: None,
                    retry_of: Some(execution),
                    created_by,
                    priority: head.priority,
                    use_pins: options.use_pins,
                    reply: Reply::Accepted,
                })
                .await
            }
        }
    }

    async fn retry_failed(
        self: &Arc<Self>,
        plan: Arc<Plan>,
        loaded: Loaded,
        created_by: Option<UserId>,
    ) -> Result<Started, StartError> {
        let Loaded { head, records } = loaded;
        if head.status == ExecutionStatus::Completed {
            return Err(StartError::Invalid("the execution completed: run it again as a whole".to_owned()));
        }
        let id = self.new_execution();
        let unreadable = |error: String| StartError::Invalid(error);
        let events = read(&plan, &records).map_err(unreadable)?;
        let kept = continued(&plan, self.config.limits, head.id, id, &events).ok_or_else(|| {
            let text = "the execution cannot go on from where it failed: run it again as a whole";
            StartError::Invalid(text.to_owned())
        })?;
        let mut writer = Writer::new();
        let records: Vec<Record> = kept.iter().map(|recorded| writer.write(&plan, recorded)).collect();
        let options: Options = serde_json::from_str(&head.options).unwrap_or_default();
        let options = Options { taken_over: Some(records.len() as u64), ..options };
        let new = NewExecution {
            workflow: head.workflow,
            version: head.version,
            mode: head.mode,
            trigger_node: head.trigger_node,
            trigger_kind: head.trigger_kind,
            parent: None,
            depth: 0,
            retry_of: Some(head.id),
            priority: head.priority,
            concurrency_key: head.concurrency_key,
            key: None,
            created_by,
            accepted_at: self.now(),
            options: options.to_json(),
        };
        self.store.commit(queued((head.workspace, id), new, records)).await?;
        add(&self.counters.started, 1);
        self.backlog.store(true, std::sync::atomic::Ordering::Release);
        self.queue_bell.notify_one();
        Ok(Started { execution: id, duplicate: false, answer: None })
    }
}

fn read(plan: &Plan, records: &[Record]) -> Result<Vec<Recorded>, String> {
    let mut reader = Reader::new();
    records.iter().map(|record| reader.read(plan, record).map_err(|error| error.to_string())).collect()
}

/// The part of a journal with which a new execution goes on from where this one failed: without the step that failed
/// (all of its attempts if possible, so that it gets as many again), and without what was done about the failure.
fn continued(
    plan: &Arc<Plan>,
    limits: crate::Limits,
    old: ExecutionId,
    new: ExecutionId,
    events: &[Recorded],
) -> Option<Vec<Recorded>> {
    let cut = ending_event(plan, limits, old, events)?;
    let failed = failed_attempt(&events[cut].event);
    // What runs on while an execution ends and completes all the same has happened.
    let after = events[cut + 1..].iter().filter(|recorded| has_completed(&recorded.event));
    let is_of_step = |recorded: &&Recorded| match failed {
        Some(attempt) => step_of(&recorded.event) == Some(attempt.step),
        None => false,
    };
    let is_of_attempt = |recorded: &&Recorded| failed.is_some() && attempt_of(&recorded.event) == failed;
    let all = || events[..cut].iter().chain(after.clone());
    let fresh: Vec<Recorded> = all().filter(|recorded| !is_of_step(recorded)).cloned().collect();
    let same: Vec<Recorded> = all().filter(|recorded| !is_of_attempt(recorded)).cloned().collect();
    [fresh, same].into_iter().find(|kept| goes_on(plan, limits, new, kept))
}

/// The event that made the execution end.
fn ending_event(
    plan: &Arc<Plan>,
    limits: crate::Limits,
    id: ExecutionId,
    events: &[Recorded],
) -> Option<usize> {
    let mut execution = Execution::new(plan.clone(), limits, seed(id));
    events.iter().position(|recorded| {
        _ = execution.decide(&recorded.event, recorded.at_ms);
        execution.is_ending()
    })
}

/// Whether these events are a journal of an execution that is not over.
fn goes_on(plan: &Arc<Plan>, limits: crate::Limits, id: ExecutionId, events: &[Recorded]) -> bool {
    let events = events.iter().map(|recorded| (&recorded.event, recorded.at_ms));
    Execution::replay(plan.clone(), limits, seed(id), events).is_ok_and(|execution| !execution.is_ending())
}

/// The attempt whose failure this is.
fn failed_attempt(event: &Event) -> Option<Attempt> {
    match event {
        Event::StepFailed(attempt, _) => Some(*attempt),
        // The step called a child, and the attempt is over.
        Event::ChildFinished { step, result: Err(_), .. } => Some(Attempt { step: *step, number: 0 }),
        _ => None,
    }
}

fn has_completed(event: &Event) -> bool {
    matches!(event, Event::StepSucceeded(..) | Event::StepSilent(_))
}

fn attempt_of(event: &Event) -> Option<Attempt> {
    match event {
        Event::StepStarted(attempt)
        | Event::StepSucceeded(attempt, _)
        | Event::StepSilent(attempt)
        | Event::StepFailed(attempt, _)
        | Event::StepWaiting(attempt, _)
        | Event::StepCalling(attempt, _)
        | Event::StepLost(attempt)
        | Event::RetryAsked(attempt) => Some(*attempt),
        _ => None,
    }
}

fn step_of(event: &Event) -> Option<StepId> {
    match event {
        Event::TimerFired(Timer::Retry(attempt)) => Some(attempt.step),
        Event::TimerFired(Timer::Wait(step))
        | Event::WaitResolved(step, _)
        | Event::ChildFinished { step, .. } => Some(*step),
        event => attempt_of(event).map(|attempt| attempt.step),
    }
}
