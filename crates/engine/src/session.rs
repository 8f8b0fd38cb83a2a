//! One execution at work: carries out what the planner decides, wherever the execution lives.
//!
//! Steps take turns in one task; in parallel order those that wait for the network do so at the same time. [`Keep`] is
//! the place where the execution lives: in memory, or in a store that is told at every commit point.

mod keep;
mod pool;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sdk::{ExecutionInfo, NodeError, Services};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::decide::Execution;
use crate::event::{Command, Event, RunStep, StartChild, StepId, Timer};
use crate::journal::Recorded;
use crate::plan::Plan;
pub(crate) use keep::{Called, Gone, Keep, News, Next, Urgency};
use pool::{Panicked, Pool};
use steps::{Done, Key, Stop};

/// Steps between two moments in which others may run.
const BREATH: u32 = 64;

/// What an execution finds around it.
pub(crate) struct Surroundings {
    /// What its steps see of it.
    pub(crate) info: Arc<ExecutionInfo>,
    /// What they may use.
    pub(crate) services: Services,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether pins stand in for their nodes.
    pub(crate) use_pins: bool,
    /// How long it has run before.
    pub(crate) ran_before: Duration,
}

/// One execution at work.
pub(crate) struct Session<K> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) around: Surroundings,
    pub(crate) execution: Execution,
    pub(crate) keep: K,
    /// Commands that must be carried out before anything is kept, because they belong to what is kept.
    chores: VecDeque<Command>,
    /// Attempts to begin.
    runs: VecDeque<RunStep>,
    pool: Pool<Key, Done>,
    /// What ended while something was being kept.
    arrived: VecDeque<(Key, Result<Done, Panicked>)>,
    stops: Vec<Stop>,
    timers: Vec<(Timer, Instant)>,
    began: Duration,
    /// Time in which nothing ran.
    idle: Duration,
    taken_turns: u32,
    /// Whether it must be handed over.
    leaving: bool,
    /// Whether something was done that must be kept before anything else is.
    due: bool,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The execution has ended.
    Finished,
    /// Only a timer or somebody outside can move it.
    Rests,
    /// It was handed over.
    HandedOver,
    /// It has another owner, or could not be kept.
    Gone,
}

impl<K: Keep> Session<K> {
    pub(crate) fn new(plan: Arc<Plan>, execution: Execution, around: Surroundings, keep: K) -> Self {
        Self {
            began: around.clock.elapsed(),
            plan,
            around,
            execution,
            keep,
            chores: VecDeque::new(),
            runs: VecDeque::new(),
            pool: Pool::new(),
            arrived: VecDeque::new(),
            stops: Vec::new(),
            timers: Vec::new(),
            idle: Duration::ZERO,
            taken_turns: 0,
            leaving: false,
            due: false,
        }
    }

    /// Goes on until the execution has ended, rests or belongs to somebody else.
    pub(crate) async fn run(&mut self) -> End {
        self.work().await.unwrap_or(End::Gone)
    }

    async fn work(&mut self) -> Result<End, Gone> {
        loop {
            self.do_chores().await;
            if self.execution.status().is_final() {
                return self.finish().await;
            }
            if self.is_idle() && self.keep.has_news() && !self.leaving {
                let news = self.keep.news().await;
                self.hear(news).await?;
            } else if self.is_idle() || (self.leaving && self.arrived.is_empty()) {
                if let Some(end) = self.rest().await? {
                    return Ok(end);
                }
            } else if self.must_commit() {
                self.commit(Next::Here).await?;
            } else if let Some((key, result)) = self.arrived.pop_front() {
                self.done(key, result, None);
            } else if let Some(step) = self.runs.pop_front() {
                self.run_step(step).await?;
                self.look_around().await?;
            } else {
                self.wait().await?;
            }
        }
    }

    /// Decides on an event. Gives whether it meant anything.
    pub(crate) fn happen(&mut self, event: Event, duration: Option<Duration>) -> bool {
        // Whole microseconds, which is what a journal keeps: a replay decides at exactly the same time.
        let at_ms = (self.around.clock.now_ms() * 1000.0).round() / 1000.0;
        let Some(commands) = self.execution.decide(&event, at_ms) else { return false };
        self.keep.record(&self.plan, Recorded { at_ms, duration, event });
        self.take_on(commands);
        true
    }

    /// Takes commands on, to be carried out.
    pub(crate) fn take_on(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::RunStep(step) => self.runs.push_back(step),
                chore => self.chores.push_back(chore),
            }
        }
    }

    /// Carries out what belongs to what has happened, and keeps that.
    pub(crate) async fn keep_now(&mut self) -> Result<(), Gone> {
        self.do_chores().await;
        self.commit(Next::Here).await
    }

    /// Takes over an execution whose owner is gone: what it left undone is begun again. Its children were started in the
    /// transactions that called them, unless the journal was copied from another execution.
    pub(crate) fn recover(&mut self, is_copied: bool) {
        let at_ms = (self.around.clock.now_ms() * 1000.0).round() / 1000.0;
        let (events, commands) = self.execution.recover(at_ms);
        for event in events {
            self.keep.record(&self.plan, Recorded { at_ms, duration: None, event });
        }
        let started = |command: &Command| !is_copied && matches!(command, Command::StartChild(_));
        self.take_on(commands.into_iter().filter(|command| !started(command)).collect());
    }

    /// Carries out whatever belongs to what is about to be kept.
    async fn do_chores(&mut self) {
        while let Some(command) = self.chores.pop_front() {
            match command {
                Command::StartTimer(timer, at_ms) => self.start_timer(timer, at_ms),
                Command::StartChild(child) => self.start_child(child).await,
                Command::Respond(response) => self.keep.respond(response),
                Command::StopStep(step) => self.stop_step(step),
                Command::StopChild(attempt, call) => {
                    self.pool.abandon(Key::Child(attempt.step, call));
                    self.keep.stop_child(attempt, call);
                }
                // What is kept says which waits are open and that the execution has ended; steps to run wait elsewhere.
                Command::OpenWait(..) | Command::Finish(..) | Command::RunStep(_) => {}
            }
        }
    }

    fn start_timer(&mut self, timer: Timer, at_ms: f64) {
        let pause = (at_ms - self.around.clock.now_ms()).clamp(0.0, FAR_MS);
        self.timers.push((timer, Instant::now() + Duration::from_secs_f64(pause / 1000.0)));
    }

    async fn start_child(&mut self, child: StartChild) {
        self.due = true;
        let (step, call, waits) = (child.step, child.call, child.wait);
        match self.keep.call(&self.plan, child).await {
            Called::Noted => {}
            Called::Refused(error) if waits => {
                self.happen(Event::ChildFinished { step, call, result: Err(error) }, None);
            }
            Called::Refused(error) => {
                let text = format!("the sub-workflow did not run: {error}");
                self.keep.log(&self.plan, step.node(), sdk::context::Level::Error, text);
            }
            Called::Here(future) => {
                let key = Key::Child(step, call);
                let future = async move { Done::Child(step, call, future.await.filter(|_| waits)) };
                if let Some(result) = self.pool.begin(key, future).await {
                    self.done(key, result, None);
                }
            }
        }
    }

    /// Steps that never wait would keep everybody from stopping them, and all else in their thread from running.
    async fn look_around(&mut self) -> Result<(), Gone> {
        self.taken_turns += 1;
        if self.taken_turns.is_multiple_of(BREATH) {
            tokio::task::yield_now().await;
        }
        if self.keep.has_news() {
            let news = self.keep.news().await;
            self.hear(news).await?;
        }
        if self.plan.timeout_ms.is_some()
            && let Some(deadline) = self.deadline(self.around.clock.elapsed())
            && deadline <= Instant::now()
        {
            self.happen(Event::TimedOut, None);
        }
        Ok(())
    }

    async fn hear(&mut self, news: News) -> Result<(), Gone> {
        match news {
            News::Lost => return Err(Gone),
            News::Leave => self.leaving = true,
            News::Wanted => {
                self.keep.fetch().await?;
                while let Some(event) = self.keep.next_wanted(&self.execution) {
                    self.happen(event, None);
                }
            }
        }
        Ok(())
    }

    /// Whether nothing runs and nothing can be begun.
    fn is_idle(&self) -> bool {
        self.pool.is_empty() && self.runs.is_empty() && self.arrived.is_empty()
    }

    /// Nothing runs: sits out a timer that is due soon, or leaves the execution to timers and to others.
    async fn rest(&mut self) -> Result<Option<End>, Gone> {
        let next = self.timers.iter().map(|(_, at)| *at).min();
        let soon = next.filter(|at| at.saturating_duration_since(Instant::now()) <= K::PATIENCE);
        if self.leaving {
            self.pool = Pool::new();
            let next = if self.is_idle() && soon.is_none() { Next::Nobody } else { Next::Anybody };
            self.commit(next).await?;
            return Ok(Some(End::HandedOver));
        }
        if soon.is_none() || self.execution.is_paused() {
            self.commit(Next::Nobody).await?;
            return Ok(Some(End::Rests));
        }
        if self.must_commit() {
            self.commit(Next::Here).await?;
        }
        self.wait().await?;
        Ok(None)
    }

    /// Children nobody waits for still run to their end.
    async fn finish(&mut self) -> Result<End, Gone> {
        self.stops.clear();
        self.commit(Next::Nobody).await?;
        while !self.pool.is_empty() {
            _ = self.pool.next().await;
        }
        Ok(End::Finished)
    }

    fn must_commit(&self) -> bool {
        match self.keep.urgency() {
            Urgency::None => false,
            Urgency::Now => true,
            Urgency::By(moment) => self.due || moment <= self.around.clock.elapsed(),
        }
    }

    /// Keeps what has happened. What runs goes on meanwhile.
    async fn commit(&mut self, next: Next) -> Result<(), Gone> {
        let ran = self.ran();
        let Self { keep, execution, pool, arrived, .. } = self;
        let mut commit = std::pin::pin!(keep.commit(execution, ran, next));
        loop {
            tokio::select! {
                biased;
                result = &mut commit => {
                    result?;
                    break;
                }
                ended = pool.next(), if !pool.is_empty() => arrived.push_back(ended),
            }
        }
        self.due = false;
        Ok(())
    }

    /// Waits for the next thing to happen.
    async fn wait(&mut self) -> Result<(), Gone> {
        let clock = self.around.clock.clone();
        let began = clock.elapsed();
        let works = !self.pool.is_empty();
        let next_timer = self.timers.iter().map(|(_, at)| *at).min();
        let abandon_at = self.stops.iter().filter_map(|stop| stop.abandon_at).min();
        let deadline = self.deadline(began).filter(|_| works);
        let commit_at = match self.keep.urgency() {
            Urgency::By(moment) => Some(Instant::now() + moment.saturating_sub(began)),
            Urgency::None | Urgency::Now => None,
        };
        tokio::select! {
            biased;
            news = self.keep.news() => self.hear(news).await?,
            () = at(deadline) => {
                self.happen(Event::TimedOut, None);
            }
            (key, result) = self.pool.next(), if works => self.done(key, result, None),
            () = at(next_timer) => self.fire_timers(),
            () = at(abandon_at) => self.abandon_steps(),
            // The loop commits.
            () = at(commit_at) => {}
        }
        if !works {
            self.idle += clock.elapsed() - began;
        }
        Ok(())
    }

    /// How long the execution has run, waiting not counted.
    pub(crate) fn ran(&self) -> Duration {
        let here = self.around.clock.elapsed().saturating_sub(self.began).saturating_sub(self.idle);
        self.around.ran_before + here
    }

    /// How long this session has taken.
    pub(crate) fn took(&self) -> Duration {
        self.around.clock.elapsed().saturating_sub(self.began)
    }

    /// When the execution has run as long as it may.
    fn deadline(&self, now: Duration) -> Option<Instant> {
        let limit = Duration::from_millis(self.plan.timeout_ms?);
        let here = now.saturating_sub(self.began).saturating_sub(self.idle);
        let spent = self.around.ran_before + here;
        // Once it is ending, only the steps that were asked to stop count.
        (!self.execution.is_ending()).then(|| Instant::now() + limit.saturating_sub(spent))
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = self.timers.drain(..).partition(|(_, at)| *at <= now);
        self.timers = later;
        for (timer, _) in due {
            self.happen(Event::TimerFired(timer), None);
        }
    }

    fn panicked(&mut self, key: Key, step: Option<RunStep>, text: &str) {
        let error = NodeError::permanent(format!("failed in an unexpected way: {text}"));
        match key {
            Key::Child(step, call) => {
                self.happen(Event::ChildFinished { step, call, result: Err(error) }, None);
            }
            Key::Step(id) => {
                if let Some(step) = step.or_else(|| self.running(id)) {
                    self.happen(Event::StepFailed(step.attempt, error), None);
                }
            }
        }
    }

    fn running(&self, id: StepId) -> Option<RunStep> {
        let stop = self.stops.iter().find(|stop| stop.step.attempt.step == id)?;
        Some(stop.step.clone())
    }
}

/// Timers further away are looked at again then.
const FAR_MS: f64 = 30.0 * 24.0 * 3_600_000.0;

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
