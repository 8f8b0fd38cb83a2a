//! An execution that lives in a store: this process owns it by a lease, and tells the store at every commit point.
//!
//! A commit carries everything that was decided since the one before: records, waits, children, what parents and children
//! must know. It counts as a whole or not at all, and only while the lease is ours.

mod commit;
mod desk;
mod identity;
mod wanted;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::ids::SignalId;
use model::journal::Record;
use model::{Object, Text, Value};
use sdk::context::Level;
use store::commit::NewExecution;
use store::{Commit, NewSignal, Signal};
use tokio::sync::oneshot;

use crate::decide::Execution;
use crate::engine::Shared;
use crate::event::{Attempt, Event, StartChild};
use crate::journal::{Recorded, Writer};
use crate::plan::Plan;
use crate::session::{Called, Gone, Keep, News, Next, Urgency};
use crate::start::Answer;
pub(crate) use commit::{queued, timer_keys, triggered, waiting_steps};
pub(crate) use desk::Desk;
pub(crate) use identity::{Identity, Options, child_id, mix, mode_of, mode_word, seed, trigger_kind_of};
pub(crate) use wanted::Wanted;

/// What happened stays uncommitted no longer than this while work goes on.
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// An answer waits no longer than this for what else happens, so that it may be kept together.
const ANSWER_DELAY: Duration = Duration::from_millis(5);
/// Records that wait to be kept, in bytes.
const LARGEST_DELAY: usize = 4 << 20;

/// What a step had to say.
pub(crate) struct Line {
    pub(crate) at_ms: f64,
    pub(crate) node: Text,
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// Keeps an execution in a store.
pub(crate) struct Durable {
    pub(crate) shared: Arc<Shared>,
    pub(crate) identity: Identity,
    /// Until the execution exists: what it will be.
    pub(crate) create: Option<Box<NewExecution>>,
    /// Why it could not be created.
    pub(crate) refused: Option<store::Error>,
    pub(crate) fence: u64,
    /// Records that are kept.
    pub(crate) seq: u64,
    pub(crate) writer: Writer,
    records: Vec<Record>,
    bytes: usize,
    since: Option<Duration>,
    /// Steps whose wait the store knows.
    pub(crate) known_waits: HashSet<u32>,
    /// Timers that the store may know.
    pub(crate) known_timers: HashSet<String>,
    children: Vec<Commit>,
    signals: Vec<NewSignal>,
    inbox: VecDeque<Signal>,
    taken: Vec<SignalId>,
    lines: Vec<Line>,
    static_data: Option<Object>,
    pub(crate) answer: Option<oneshot::Sender<Answer>>,
    response: Option<(Value, Duration)>,
    /// Whether a failure was told already.
    told: bool,
    desk: Arc<Desk>,
}

impl Durable {
    pub(crate) fn new(shared: Arc<Shared>, identity: Identity, desk: Arc<Desk>, fence: u64) -> Self {
        Self {
            shared,
            identity,
            create: None,
            refused: None,
            fence,
            seq: 0,
            writer: Writer::new(),
            records: Vec::new(),
            bytes: 0,
            since: None,
            known_waits: HashSet::new(),
            known_timers: HashSet::new(),
            children: Vec::new(),
            signals: Vec::new(),
            inbox: VecDeque::new(),
            taken: Vec::new(),
            lines: Vec::new(),
            static_data: None,
            answer: None,
            response: None,
            told: false,
            desk,
        }
    }

    fn elapsed(&self) -> Duration {
        self.shared.world.clock.elapsed()
    }
}

impl Keep for Durable {
    const PATIENCE: Duration = Duration::from_secs(1);

    fn record(&mut self, plan: &Plan, recorded: Recorded) {
        let record = self.writer.write(plan, &recorded);
        self.bytes += record.payload.len();
        if self.since.is_none() {
            self.since = Some(self.elapsed());
        }
        self.records.push(record);
    }

    fn log(&mut self, plan: &Plan, node: usize, level: Level, text: String) {
        let node = plan.node(node).info.key.clone();
        self.lines.push(Line { at_ms: self.shared.world.clock.now_ms(), node, level, text });
    }

    fn remember(&mut self, data: &Object) {
        self.static_data = Some(data.clone());
    }

    fn respond(&mut self, response: Value) {
        if self.answer.is_some() {
            self.response = Some((response, self.elapsed()));
        }
    }

    async fn call(&mut self, plan: &Arc<Plan>, child: StartChild) -> Called {
        match self.child(plan, child).await {
            Ok(commit) => {
                self.children.push(commit);
                Called::Noted
            }
            Err(error) => Called::Refused(error),
        }
    }

    fn stop_child(&mut self, attempt: Attempt, call: u32) {
        let Identity { workspace, execution, .. } = self.identity;
        let execution = child_id(execution, attempt, call);
        let kind = store::signals::Kind::Cancel;
        self.signals.push(NewSignal { workspace, execution, kind, payload: "{}".to_owned() });
    }

    fn urgency(&self) -> Urgency {
        let Some(since) = self.since else { return Urgency::None };
        if self.bytes > LARGEST_DELAY {
            return Urgency::Now;
        }
        let answer = self.response.as_ref().map(|(_, at)| *at + ANSWER_DELAY);
        Urgency::By(answer.unwrap_or(Duration::MAX).min(since + LONGEST_DELAY))
    }

    async fn commit(&mut self, execution: &Execution, ran: Duration, next: Next) -> Result<(), Gone> {
        self.commit_now(execution, ran, next).await
    }

    async fn news(&self) -> News {
        self.desk.news().await
    }

    fn has_news(&self) -> bool {
        self.desk.has_news()
    }

    async fn fetch(&mut self) -> Result<(), Gone> {
        self.fetch_signals().await;
        Ok(())
    }

    fn next_wanted(&mut self, execution: &Execution) -> Option<Event> {
        while let Some(signal) = self.inbox.pop_front() {
            self.taken.push(signal.id);
            match wanted::event(execution, &signal) {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(error) => {
                    let execution = self.identity.execution;
                    tracing::error!(%execution, error = %error, "a signal cannot be read; it is dropped");
                }
            }
        }
        None
    }
}
