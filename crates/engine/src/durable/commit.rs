//! Building commits and making them durable.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::journal::Record;
use model::{ExecutionStatus, Items, json};
use sdk::output::Resume;
use sdk::{Mode, NodeError};
use store::commit::{ExecutionTimer, Finish, NewEvent, NewExecution, NewWait, Parent};
use store::signals::Kind;
use store::{Commit, LeaseAfter, NewSignal};

use super::identity::mode_word;
use super::wanted::{Wanted, timer_key};
use super::{Durable, Identity, child_id};
use crate::children::{
    MAX_DEPTH, ToldTo, called_node, check_depth, failure_item, failure_node, not_told, result, told_to,
};
use crate::decide::Execution;
use crate::event::{Attempt, Event, StartChild, StepId};
use crate::journal::{Recorded, Writer};
use crate::plan::Plan;
use crate::session::{Gone, News, Next};
use crate::start::{Answer, StartError, TriggerKind};

/// Pauses between attempts to keep something while the storage does not answer.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An execution to start for another one.
struct Offspring<'a> {
    id: model::ids::ExecutionId,
    parent: Parent,
    workflow: model::ids::WorkflowId,
    version: model::ids::VersionId,
    plan: &'a Arc<Plan>,
    node: usize,
    items: Items,
    kind: TriggerKind,
}

impl Durable {
    pub(super) async fn commit_now(
        &mut self,
        execution: &Execution,
        ran: Duration,
        next: Next,
    ) -> Result<(), Gone> {
        let plan = execution.plan();
        if execution.status().is_final() {
            self.tell_failure(plan, execution).await;
        }
        let changed = !self.records.is_empty() || self.create.is_some() || !self.taken.is_empty();
        if changed || next != Next::Here {
            let commit = self.build(plan, execution, ran, next);
            self.send(commit).await?;
        }
        self.shared.write_lines(&self.identity, std::mem::take(&mut self.lines));
        self.reply(execution);
        Ok(())
    }

    fn build(&mut self, plan: &Plan, execution: &Execution, ran: Duration, next: Next) -> Commit {
        let status = execution.status();
        let ended = status.is_final();
        let Identity { workspace, execution: id, parent, called_with, .. } = self.identity;
        if ended && let Some(parent) = parent.filter(|parent| parent.waits) {
            let payload = report(execution, parent, called_with).to_json();
            self.signals.push(NewSignal {
                workspace,
                execution: parent.execution,
                kind: Kind::Child,
                payload,
            });
        }
        let (timers, dropped_timers) = match next {
            Next::Nobody if !ended => self.timers(execution),
            _ => Default::default(),
        };
        let (waits, closed_waits) = if ended { Default::default() } else { self.waits(plan, execution) };
        let now = self.shared.now();
        let records = std::mem::take(&mut self.records);
        let seq = self.seq;
        self.seq += records.len() as u64;
        self.bytes = 0;
        self.since = None;
        Commit {
            workspace,
            execution: id,
            create: self.create.take(),
            fence: self.fence,
            seq,
            records,
            status,
            finish: ended.then(|| Finish { at: now, error: failure(plan, execution) }),
            run_us: u64::try_from(ran.as_micros()).unwrap_or(u64::MAX),
            timers,
            dropped_timers,
            waits,
            closed_waits,
            taken: std::mem::take(&mut self.taken),
            signals: std::mem::take(&mut self.signals),
            children: std::mem::take(&mut self.children),
            static_data: self.static_data.take().map(|data| model::Value::Object(data).to_json()),
            events: self.event(status, next).into_iter().collect(),
            lease: match next {
                Next::Here => LeaseAfter::Keep(self.shared.worker),
                Next::Nobody => LeaseAfter::Release,
                Next::Anybody => LeaseAfter::Queue,
            },
        }
    }

    /// The timers that must be there while nobody owns the execution.
    fn timers(&mut self, execution: &Execution) -> (Vec<ExecutionTimer>, Vec<String>) {
        let timers: Vec<ExecutionTimer> = execution
            .timers()
            .map(|(timer, at_ms)| ExecutionTimer { key: timer_key(timer), due_at: timestamp(at_ms) })
            .collect();
        let mut dropped = std::mem::take(&mut self.known_timers);
        for timer in &timers {
            dropped.remove(&timer.key);
            self.known_timers.insert(timer.key.clone());
        }
        (timers, dropped.into_iter().collect())
    }

    /// The waits that were opened since the last commit, and those that are over.
    fn waits(&mut self, plan: &Plan, execution: &Execution) -> (Vec<NewWait>, Vec<u32>) {
        let mut closed = std::mem::take(&mut self.known_waits);
        let mut opened = Vec::new();
        let mut open = |step: StepId, kind: &str, options: model::Value, until_ms: Option<f64>| {
            if !closed.remove(&step.number) {
                opened.push(NewWait {
                    step: step.number,
                    node: plan.node(step.node()).info.key.to_string(),
                    kind: kind.to_owned(),
                    options: options.to_json(),
                    until: until_ms.map(timestamp),
                });
            }
            self.known_waits.insert(step.number);
        };
        for (step, wait) in execution.waits() {
            match &wait.resume {
                Resume::Call { methods, options } => {
                    let options = json!({ "methods": methods, "options": options });
                    open(step, "call", options, wait.until_ms);
                }
                Resume::Form { options } => {
                    open(step, "form", json!({ "options": options }), wait.until_ms);
                }
                Resume::Never => {}
            }
        }
        for lost in execution.lost_steps() {
            let attempt = lost.attempt;
            open(attempt.step, "unknown", json!({ "attempt": attempt.number }), None);
        }
        (opened, closed.into_iter().collect())
    }

    /// What the rest of the product should know.
    fn event(&self, status: ExecutionStatus, next: Next) -> Option<NewEvent> {
        let kind = match status {
            ExecutionStatus::Completed => "execution.completed",
            ExecutionStatus::Failed => "execution.failed",
            ExecutionStatus::Cancelled => "execution.cancelled",
            ExecutionStatus::TimedOut => "execution.timed_out",
            ExecutionStatus::Waiting if next == Next::Nobody => "execution.waiting",
            _ => return None,
        };
        let data = format!(r#"{{"workflow_id":"{}"}}"#, self.identity.workflow);
        Some(NewEvent { kind, subject: *self.identity.execution.as_bytes(), data })
    }

    /// Makes a commit durable. Nothing of it was promised to anybody before, unless the execution exists.
    async fn send(&mut self, commit: Commit) -> Result<(), Gone> {
        let store = &self.shared.store;
        if commit.create.is_some() {
            return match store.commit(commit).await {
                Ok(()) => {
                    self.desk.set_kept();
                    Ok(())
                }
                Err(error) => {
                    self.refuse(error);
                    Err(Gone)
                }
            };
        }
        let mut pause = SHORTEST_PAUSE;
        // Whether an attempt may have succeeded although nobody said so.
        let mut in_doubt = false;
        let seq = self.seq;
        loop {
            let error = match store.commit(commit.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let execution = self.identity.execution;
            match error {
                store::Error::Stale if in_doubt && self.was_kept(seq).await => return Ok(()),
                store::Error::Stale => {
                    tracing::info!(%execution, "the execution has another owner; this one stops");
                    return Err(Gone);
                }
                store::Error::Full | store::Error::Unavailable(_) => {
                    in_doubt |= matches!(error, store::Error::Unavailable(_));
                    tracing::warn!(%execution, error = &error as &dyn std::error::Error, "a commit is tried again");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.desk.lost() => return Err(Gone),
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                error => {
                    tracing::error!(%execution, error = &error as &dyn std::error::Error, "a commit was refused");
                    self.shared.give_up(
                        &self.identity,
                        self.fence,
                        format!("what happened could not be kept: {error}"),
                    );
                    return Err(Gone);
                }
            }
        }
    }

    /// Whether the store has all our records, so that it was us who made our lease look stale.
    async fn was_kept(&self, seq: u64) -> bool {
        let Identity { workspace, execution, .. } = self.identity;
        let head = self.shared.store.execution(workspace, execution).await;
        head.is_ok_and(|head| head.fence == self.fence && head.seq == seq)
    }

    /// The execution could not be created.
    fn refuse(&mut self, error: store::Error) {
        if matches!(error, store::Error::Unavailable(_)) {
            // It may exist all the same, and then this process owns it.
            self.shared.adopt(self.identity.workspace, self.identity.execution);
        }
        match self.answer.take() {
            Some(answer) => {
                // Whoever does not wait any more needs no answer.
                _ = answer.send(Answer::Refused(StartError::from(error)));
            }
            None => self.refused = Some(error),
        }
    }

    /// Answers whoever waits for it, now that it is durable.
    fn reply(&mut self, execution: &Execution) {
        if let Some((response, _)) = self.response.take()
            && let Some(answer) = self.answer.take()
        {
            _ = answer.send(Answer::Response(response));
        }
        let status = execution.status();
        if status.is_final() {
            self.shared.count_end(status);
            if let Some(answer) = self.answer.take() {
                let (failure, last) = (execution.failure().cloned(), execution.last_items());
                _ = answer.send(Answer::Ended { status, failure, last });
            }
        }
    }

    /// What others want, from the store. When it does not answer, the next hint or look will do.
    pub(super) async fn fetch_signals(&mut self) {
        let Identity { workspace, execution, .. } = self.identity;
        if self.create.is_some() {
            return;
        }
        match self.shared.store.signals(workspace, execution).await {
            Ok(signals) => {
                let known = |signal: &store::Signal| {
                    self.taken.contains(&signal.id) || self.inbox.iter().any(|other| other.id == signal.id)
                };
                let new: Vec<_> = signals.into_iter().filter(|signal| !known(signal)).collect();
                self.inbox.extend(new);
            }
            Err(error) => {
                tracing::warn!(%execution, error = &error as &dyn std::error::Error, "signals cannot be read");
                let desk = self.desk.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    desk.tell(News::Wanted);
                });
            }
        }
    }

    /// The commit that starts a child.
    pub(super) async fn child(&self, plan: &Arc<Plan>, child: StartChild) -> Result<Commit, NodeError> {
        check_depth(plan, self.identity.depth)?;
        let Identity { workspace, workflow, execution, .. } = self.identity;
        let found =
            self.shared.plans.resolve(&self.shared.world, (workspace, workflow), &child.workflow).await?;
        let node = called_node(&found.plan).ok_or_else(|| {
            NodeError::permanent(
                "nothing can start the sub-workflow: add a trigger for calls by other workflows",
            )
        })?;
        let attempt = Attempt { step: child.step, number: child.attempt };
        Ok(self.offspring(Offspring {
            id: child_id(execution, attempt, child.call),
            parent: Parent { execution, step: child.step.number, call: child.call, waits: child.wait },
            workflow: found.workflow,
            version: found.version,
            plan: &found.plan,
            node,
            items: child.items,
            kind: TriggerKind::Subworkflow,
        }))
    }

    /// Adds the execution that is told of a failure to what is kept with it.
    async fn tell_failure(&mut self, plan: &Plan, execution: &Execution) {
        let quiet = matches!(self.identity.mode, Mode::Manual | Mode::Test | Mode::Error | Mode::Integrated);
        let failed = execution.status() == ExecutionStatus::Failed;
        if quiet || !failed || self.identity.depth >= MAX_DEPTH || std::mem::replace(&mut self.told, true) {
            return;
        }
        let Identity { workspace, workflow, version, execution: id, .. } = self.identity;
        let (workflow, version, found, node) = match told_to(plan) {
            ToldTo::Nobody => return,
            ToldTo::Itself(node) => (workflow, version, execution.plan().clone(), node),
            ToldTo::Other(source) => {
                let found =
                    self.shared.plans.resolve(&self.shared.world, (workspace, workflow), &source).await;
                let found = found.map_err(|error| error.to_string());
                let found = found.and_then(|found| Ok((failure_node(&found.plan)?, found)));
                match found {
                    Ok((node, found)) => (found.workflow, found.version, found.plan, node),
                    Err(why) => {
                        let node = execution.failure().and_then(|failure| failure.node).unwrap_or_default();
                        let text = not_told(plan, why);
                        return crate::session::Keep::log(self, plan, node, sdk::context::Level::Error, text);
                    }
                }
            }
        };
        let info = self.shared.info(&self.identity, plan);
        let told = failure_item(plan, &info, execution);
        // No step calls it: it has the number after the last.
        let number = execution.begun();
        let attempt = Attempt { step: StepId { number, node: 0, run: 0 }, number: 0 };
        let commit = self.offspring(Offspring {
            id: child_id(id, attempt, 0),
            parent: Parent { execution: id, step: number, call: 0, waits: false },
            workflow,
            version,
            plan: &found,
            node,
            items: Arc::new(vec![told]),
            kind: TriggerKind::Error,
        });
        self.children.push(commit);
    }

    fn offspring(&self, new: Offspring<'_>) -> Commit {
        let Offspring { id, parent, workflow, version, plan, node, items, kind } = new;
        let now = self.shared.now();
        let trigger_node = plan.node(node).info.key.to_string();
        let concurrency_key = self.shared.concurrency_key(plan, node, &items);
        let records = vec![triggered(plan, node, items, now)];
        let create = NewExecution {
            workflow,
            version,
            mode: mode_word(kind.mode()).to_owned(),
            trigger_node,
            trigger_kind: kind.as_str().to_owned(),
            parent: Some(parent),
            depth: self.identity.depth + 1,
            retry_of: None,
            priority: self.identity.priority,
            concurrency_key,
            key: None,
            created_by: None,
            accepted_at: now,
            options: "{}".to_owned(),
        };
        queued((self.identity.workspace, id), create, records)
    }
}

/// The steps that wait for somebody.
pub(crate) fn waiting_steps(execution: &Execution) -> std::collections::HashSet<u32> {
    let lost = execution.lost_steps().map(|lost| lost.attempt.step.number);
    execution.waits().map(|(step, _)| step.number).chain(lost).collect()
}

/// The names of the timers that an execution waits for.
pub(crate) fn timer_keys(execution: &Execution) -> std::collections::HashSet<String> {
    execution.timers().map(|(timer, _)| timer_key(timer)).collect()
}

/// The first record of an execution.
pub(crate) fn triggered(plan: &Plan, node: usize, items: Items, now: Timestamp) -> Record {
    let at_ms = now.as_microsecond() as f64 / 1000.0;
    let event = Event::Triggered { node, items };
    Writer::new().write(plan, &Recorded { at_ms, duration: None, event })
}

/// The commit of an execution that is queued from the start.
pub(crate) fn queued(
    (workspace, execution): (model::ids::WorkspaceId, model::ids::ExecutionId),
    create: NewExecution,
    records: Vec<Record>,
) -> Commit {
    Commit {
        workspace,
        execution,
        create: Some(Box::new(create)),
        fence: 0,
        seq: 0,
        records,
        status: ExecutionStatus::Queued,
        finish: None,
        run_us: 0,
        timers: Vec::new(),
        dropped_timers: Vec::new(),
        waits: Vec::new(),
        closed_waits: Vec::new(),
        taken: Vec::new(),
        signals: Vec::new(),
        children: Vec::new(),
        static_data: None,
        events: Vec::new(),
        lease: LeaseAfter::Queue,
    }
}

/// What a parent is told of the end of its child.
fn report(execution: &Execution, parent: Parent, called_with: usize) -> Wanted {
    let told = Wanted { step: Some(parent.step), call: Some(parent.call), ..Wanted::default() };
    match execution.status() {
        ExecutionStatus::Completed => Wanted { items: Some(result(execution, called_with)), ..told },
        _ => {
            let error = execution.failure().map(|failure| failure.error.clone());
            let error = error.unwrap_or_else(|| NodeError::permanent("the sub-workflow was cancelled"));
            Wanted { error: Some(error), ..told }
        }
    }
}

/// Why an execution ended, for its head.
pub(crate) fn failure(plan: &Plan, execution: &Execution) -> Option<String> {
    let failure = execution.failure()?;
    let node = failure.node.map(|node| plan.node(node).info.key.clone());
    let error = &failure.error;
    let json = match node {
        Some(node) => json!({ "message": error.message, "node": node }),
        None => json!({ "message": error.message }),
    };
    Some(json.to_json())
}

/// A planner's time as the store keeps it.
fn timestamp(at_ms: f64) -> Timestamp {
    let us = (at_ms * 1000.0).round() as i64;
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX)
}
