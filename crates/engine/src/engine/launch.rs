//! Beginning executions, here and now or in the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::Object;
use model::ids::{ExecutionId, WorkspaceId};
use store::Commit;
use store::commit::NewExecution;
use tokio::sync::oneshot;

use super::shared::{Shared, add};
use super::slots::{Seat, Slot};
use crate::decide::Execution;
use crate::durable::{Durable, Identity, Options, mode_word, queued, seed, triggered};
use crate::event::Event;
use crate::plan::Plan;
use crate::session::{End, Session, Surroundings};
use crate::start::{Answering, Reply, StartError, StartRequest, Started};

/// A start that is ready to happen.
struct Ready {
    plan: Arc<Plan>,
    node: usize,
    identity: Identity,
    new: NewExecution,
    request: StartRequest,
}

impl Shared {
    /// See [`Engine::start`](super::Engine::start).
    pub(crate) async fn start(self: &Arc<Self>, request: StartRequest) -> Result<Started, StartError> {
        let ready = self.ready(request).await?;
        let waits = ready.request.reply == Reply::Outcome;
        // What was accepted while this process drains is for the next one, unless somebody waits for it.
        let drains = self.is(&self.draining) && (!waits || self.is(&self.stopped));
        let slot = if drains { None } else { self.admit(&ready) };
        match slot {
            Some(slot) => self.start_here(ready, slot).await,
            None if waits && self.is(&self.stopped) => Err(StartError::Draining),
            None => self.start_queued(ready).await,
        }
    }

    /// See [`Engine::prepare`](super::Engine::prepare).
    pub(crate) async fn prepare(&self, request: StartRequest) -> Result<Commit, StartError> {
        let Ready { plan, node, identity, new, request } = self.ready(request).await?;
        let first = triggered(&plan, node, request.items, new.accepted_at);
        Ok(queued((identity.workspace, identity.execution), new, vec![first]))
    }

    async fn ready(&self, request: StartRequest) -> Result<Ready, StartError> {
        let plan = self.plans.get(request.workspace, request.workflow, request.version).await?;
        let node = plan.find_key(&request.node).ok_or_else(|| {
            StartError::Invalid(format!("the workflow version has no node with the key \"{}\"", request.node))
        })?;
        let identity = Identity {
            workspace: request.workspace,
            execution: self.new_execution(),
            workflow: request.workflow,
            version: request.version,
            mode: request.mode,
            parent: None,
            depth: 0,
            priority: request.priority,
            called_with: request.items.len(),
            options: Options { use_pins: request.use_pins, taken_over: None },
        };
        let new = NewExecution {
            workflow: request.workflow,
            version: request.version,
            mode: mode_word(request.mode).to_owned(),
            trigger_node: request.node.to_string(),
            trigger_kind: request.trigger_kind.as_str().to_owned(),
            parent: None,
            depth: 0,
            retry_of: request.retry_of,
            priority: request.priority,
            concurrency_key: self.concurrency_key(&plan, node, &request.items),
            key: request.key.clone(),
            created_by: request.created_by,
            accepted_at: self.now(),
            options: identity.options.to_json(),
        };
        Ok(Ready { plan, node, identity, new, request })
    }

    /// A place for an execution that starts, unless others were here first.
    fn admit(self: &Arc<Self>, ready: &Ready) -> Option<Slot> {
        let limited = ready.plan.max_concurrent.is_some() || ready.new.concurrency_key.is_some();
        if self.is(&self.backlog) || (limited && self.is(&self.held_back)) {
            return None;
        }
        let seat = Seat {
            workspace: ready.identity.workspace,
            workflow: ready.identity.workflow,
            execution: ready.identity.execution,
            max_concurrent: ready.plan.max_concurrent,
            key: ready.new.concurrency_key.clone(),
            suspect: false,
        };
        self.slots.take(seat, self.room())
    }

    async fn start_here(self: &Arc<Self>, ready: Ready, slot: Slot) -> Result<Started, StartError> {
        let Ready { plan, node, identity, new, request } = ready;
        let execution = identity.execution;
        let workspace = identity.workspace;
        let static_data = self.static_data(&identity, &plan).await?;
        let mut keep = Durable::new(self.clone(), identity.clone(), slot.desk.clone(), 1);
        let promised = request.reply == Reply::Accepted || new.key.is_some();
        keep.create = Some(Box::new(new));
        let fresh = Execution::new(plan.clone(), self.config.limits, seed(execution));
        let mut session = self.session(&identity, plan, fresh, keep, Duration::ZERO, static_data);
        session.happen(Event::Triggered { node, items: request.items }, None);
        if promised {
            let accepted = session.keep_now().await;
            if accepted.is_err() {
                let error = session.keep.refused.take();
                return match error {
                    Some(store::Error::Duplicate(first)) => {
                        Ok(self.duplicate(workspace, first, request.reply))
                    }
                    Some(error) => Err(error.into()),
                    None => Err(StartError::Draining),
                };
            }
        }
        add(&self.counters.started, 1);
        let answer = (request.reply == Reply::Outcome).then(|| {
            let (sender, receiver) = oneshot::channel();
            session.keep.answer = Some(sender);
            let elsewhere = self.clone();
            Answering::new(async move {
                match receiver.await {
                    Ok(answer) => answer,
                    // The execution goes on somewhere else.
                    Err(_) => elsewhere.answer_of(workspace, execution).await,
                }
            })
        });
        self.spawn(session, slot);
        Ok(Started { execution, duplicate: false, answer })
    }

    async fn start_queued(self: &Arc<Self>, ready: Ready) -> Result<Started, StartError> {
        let Ready { plan, node, identity, new, request } = ready;
        let (workspace, execution) = (identity.workspace, identity.execution);
        let first = triggered(&plan, node, request.items, new.accepted_at);
        match self.store.commit(queued((workspace, execution), new, vec![first])).await {
            Ok(()) => {}
            Err(store::Error::Duplicate(first)) => {
                return Ok(self.duplicate(workspace, first, request.reply));
            }
            Err(error) => return Err(error.into()),
        }
        add(&self.counters.started, 1);
        self.backlog.store(true, Ordering::Release);
        self.queue_bell.notify_one();
        let answer = (request.reply == Reply::Outcome).then(|| self.answering(workspace, execution));
        Ok(Started { execution, duplicate: false, answer })
    }

    fn duplicate(self: &Arc<Self>, workspace: WorkspaceId, first: ExecutionId, reply: Reply) -> Started {
        let answer = (reply == Reply::Outcome).then(|| self.answering(workspace, first));
        Started { execution: first, duplicate: true, answer }
    }

    fn answering(self: &Arc<Self>, workspace: WorkspaceId, execution: ExecutionId) -> Answering {
        let shared = self.clone();
        Answering::new(async move { shared.answer_of(workspace, execution).await })
    }

    /// What the workflow remembers, if anything may look at it.
    pub(super) async fn static_data(&self, identity: &Identity, plan: &Plan) -> Result<Object, StartError> {
        if !plan.uses_static_data {
            return Ok(Object::new());
        }
        let text = self.store.static_data(identity.workspace, identity.workflow).await?;
        let data = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(data.unwrap_or_default())
    }

    pub(crate) fn session(
        &self,
        identity: &Identity,
        plan: Arc<Plan>,
        execution: Execution,
        keep: Durable,
        ran_before: Duration,
        static_data: Object,
    ) -> Session<Durable> {
        let mut info = self.info(identity, &plan);
        info.static_data = static_data;
        let around = Surroundings {
            info: Arc::new(info),
            services: self.services(identity),
            clock: self.world.clock.clone(),
            use_pins: identity.options.use_pins,
            ran_before,
        };
        Session::new(plan, execution, around, keep)
    }

    /// Runs a session in a task of its own. One that panics is a mistake of ours: the execution ends with an error
    /// instead of being tried for ever.
    pub(crate) fn spawn(self: &Arc<Self>, mut session: Session<Durable>, slot: Slot) {
        let shared = self.clone();
        let (identity, fence) = (session.keep.identity.clone(), session.keep.fence);
        tokio::spawn(async move {
            let desk = slot.desk.clone();
            let guard = Unwound { shared: &shared, identity: &identity, fence, slot: Some(slot) };
            let end = tokio::select! {
                biased;
                () = desk.lost() => End::Gone,
                end = session.run() => end,
            };
            if end == End::HandedOver {
                shared.backlog.store(true, Ordering::Release);
            }
            drop(session);
            guard.done();
        });
    }
}

/// Gives the place of an execution back, and ends the execution when its session panicked.
struct Unwound<'a> {
    shared: &'a Arc<Shared>,
    identity: &'a Identity,
    fence: u64,
    slot: Option<Slot>,
}

impl Unwound<'_> {
    fn done(mut self) {
        self.slot = None;
    }
}

impl Drop for Unwound<'_> {
    fn drop(&mut self) {
        if self.slot.is_some() && std::thread::panicking() {
            self.shared.give_up(
                self.identity,
                self.fence,
                "the engine failed in an unexpected way".to_owned(),
            );
        }
    }
}
