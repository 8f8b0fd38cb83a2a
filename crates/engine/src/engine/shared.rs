//! What the parts of an engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::ids::{ExecutionId, WorkerId};
use model::{ExecutionStatus, Items, Text};
use sdk::context::{Level, Step};
use sdk::{Context, ExecutionInfo, History, Inputs, Services};
use smallvec::smallvec;
use store::Store;
use store::logs::{self, NewLine};
use tokio::sync::{Mutex, Notify};

use super::slots::{Room, Slots};
use super::watch::Watched;
use super::{Config, World};
use crate::durable::{Identity, Line, seed};
use crate::plan::Plan;
use crate::plans::Plans;

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) world: World,
    pub(crate) config: Config,
    pub(crate) plans: Plans,
    pub(crate) worker: WorkerId,
    pub(crate) slots: Arc<Slots>,
    pub(crate) watched: Watched,
    /// Rings when something may be queued.
    pub(crate) queue_bell: Notify,
    /// Rings when a timer may be due earlier than all others.
    pub(crate) timer_bell: Notify,
    /// Whether the queue may hold something that this process could run if it had room.
    pub(crate) backlog: AtomicBool,
    /// Whether the queue may hold something that a limit keeps from running.
    pub(crate) held_back: AtomicBool,
    /// How many executions the next claim may take at most.
    pub(crate) stride: AtomicUsize,
    /// Whether the queue may hold an execution that is suspected of killing its owners.
    pub(crate) suspects: AtomicBool,
    /// Held while executions are claimed: whoever holds it knows that none is between the queue and its place here.
    pub(crate) claiming: Mutex<()>,
    /// Nothing more is claimed.
    pub(crate) draining: AtomicBool,
    /// Nothing more runs here.
    pub(crate) stopped: AtomicBool,
    pub(crate) counters: Counters,
    ids: AtomicU64,
}

/// What is counted.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) started: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) ended_otherwise: AtomicU64,
    pub(crate) claimed: AtomicU64,
    pub(crate) timers_fired: AtomicU64,
    pub(crate) reaped: AtomicU64,
    pub(crate) quarantined: AtomicU64,
    pub(crate) stuck: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Shared {
    pub(crate) fn new(store: Store, world: World, config: Config) -> Self {
        let plans = Plans::new(store.clone(), world.catalogue.clone());
        let ids = AtomicU64::new(0);
        let worker = WorkerId::new(world.clock.now_ms() as u64, random(config.seed, &ids));
        Self {
            store,
            world,
            config,
            plans,
            worker,
            slots: Arc::default(),
            watched: Watched::default(),
            queue_bell: Notify::new(),
            timer_bell: Notify::new(),
            // What the last process left may be queued.
            backlog: AtomicBool::new(true),
            held_back: AtomicBool::new(true),
            stride: AtomicUsize::new(1),
            suspects: AtomicBool::new(true),
            claiming: Mutex::new(()),
            draining: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            counters: Counters::default(),
            ids,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let us = (self.world.clock.now_ms() * 1000.0).round() as i64;
        Timestamp::from_microsecond(us).unwrap_or_default()
    }

    pub(crate) fn room(&self) -> Room {
        Room { executions: self.config.concurrency, workspace: self.config.workspace_concurrency }
    }

    pub(crate) fn new_execution(&self) -> ExecutionId {
        ExecutionId::new(self.world.clock.now_ms() as u64, random(self.config.seed, &self.ids))
    }

    /// What steps see of an execution.
    pub(crate) fn info(&self, identity: &Identity, plan: &Plan) -> ExecutionInfo {
        let host = &self.world.host;
        let Identity { workspace, execution, .. } = *identity;
        let address = |make: &dyn Fn() -> Text| if plan.uses_addresses { make() } else { Text::default() };
        ExecutionInfo {
            id: execution.to_string().into(),
            mode: identity.mode,
            zone: self.zone(plan),
            resume_url: address(&|| host.resume_address(workspace, execution)),
            resume_form_url: address(&|| host.form_address(workspace, execution)),
            variables: self.config.variables.clone(),
            static_data: Default::default(),
            seed: seed(execution),
            webhook_url: host.address(),
        }
    }

    fn zone(&self, plan: &Plan) -> TimeZone {
        let Some(name) = &plan.timezone else { return self.config.zone.clone() };
        TimeZone::get(name).unwrap_or_else(|_| self.config.zone.clone())
    }

    /// What the steps of an execution may use.
    pub(crate) fn services(&self, identity: &Identity) -> Services {
        let credentials = self.world.host.credentials(identity.workspace);
        Services { credentials, ..self.world.services.clone() }
    }

    /// What an execution that starts with these items must not have in common with another that runs.
    pub(crate) fn concurrency_key(&self, plan: &Plan, node: usize, items: &Items) -> Option<String> {
        let key = plan.concurrency_key.as_ref()?;
        let inputs = Inputs::single(items.clone());
        let step = Step {
            execution: Arc::new(ExecutionInfo {
                id: Default::default(),
                mode: Default::default(),
                zone: self.zone(plan),
                resume_url: Default::default(),
                resume_form_url: Default::default(),
                variables: self.config.variables.clone(),
                static_data: Default::default(),
                seed: 0,
                webhook_url: Default::default(),
            }),
            node: plan.node(node).info.clone(),
            history: Arc::new(History::new(plan.graph().clone())),
            inputs: inputs.clone(),
            arrived: inputs,
            sources: smallvec![None],
            run_index: 0,
            attempt: 1,
            now_ms: self.world.clock.now_ms(),
            seen: Default::default(),
        };
        let ctx = Context::new(step, self.world.services.clone(), Default::default());
        // One that cannot be evaluated is none: the limit is about order, and must not lose what was sent.
        key.eval(&ctx, 0).ok().filter(|key| !key.is_empty())
    }

    /// Writes what steps had to say.
    pub(crate) fn write_lines(&self, identity: &Identity, lines: Vec<Line>) {
        for Line { at_ms, node, level, text } in lines {
            self.store.log(NewLine {
                workspace: identity.workspace,
                execution: identity.execution,
                at: Timestamp::from_microsecond((at_ms * 1000.0) as i64).unwrap_or_default(),
                level: match level {
                    Level::Debug => logs::Level::Debug,
                    Level::Info => logs::Level::Info,
                    Level::Warn => logs::Level::Warn,
                    Level::Error => logs::Level::Error,
                },
                node: Some(node.to_string()),
                run_index: None,
                message: text,
                details: None,
            });
        }
    }

    pub(crate) fn count_end(&self, status: ExecutionStatus) {
        let counters = &self.counters;
        add(
            match status {
                ExecutionStatus::Completed => &counters.completed,
                ExecutionStatus::Failed => &counters.failed,
                _ => &counters.ended_otherwise,
            },
            1,
        );
    }

    pub(crate) fn is(&self, flag: &AtomicBool) -> bool {
        flag.load(Ordering::Acquire)
    }
}

/// Bytes that no other call gets.
fn random(seed: u64, counter: &AtomicU64) -> [u8; 10] {
    use crate::durable::mix;
    let number = counter.fetch_add(1, Ordering::Relaxed);
    let first = mix(mix(seed) ^ number);
    let second = mix(first ^ seed.rotate_left(32));
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..].copy_from_slice(&second.to_be_bytes()[..2]);
    bytes
}
