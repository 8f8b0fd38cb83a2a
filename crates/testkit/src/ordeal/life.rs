//! One life of the process: what is asked of it, and how it ends.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::start::{Answer, Reply, Settlement, StartError, StartRequest, Started, TriggerKind};
use engine::{Clock, Config, Engine, Limits, LocalHost, World};
use jiff::Timestamp;
use model::ExecutionStatus;
use model::ids::ExecutionId;
use sdk::Services;
use store::commit::StartKey;
use store::testing::{Faults, Side};
use store::{Error, Store};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Broken, Ordeal};
use crate::nodes;
use crate::random::Random;

/// Steps after which a drawn workflow counts as endless.
pub(super) const LIMITS: Limits = Limits { steps: 400, bytes: 8 << 20 };

/// Executions that an ordeal starts at most.
const STARTS: usize = 6;

/// How long the last life may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

/// How a life ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    /// At a statement of the database.
    At(u64, Side),
    /// While nothing is being written, after so many acts.
    After(usize),
    /// In good order, after so many acts.
    Leaving(usize),
    /// Once everything has ended.
    Never,
}

impl Death {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(10) {
            0 => Death::After(1 + random.below(40)),
            1 => Death::Leaving(1 + random.below(40)),
            _ => {
                let side = random.pick(&[Side::Before, Side::After]);
                // Many die young: the first statements of a life are those of taking over.
                let range = random.pick(&[20, 100, 400]);
                Death::At(1 + random.below(range) as u64, side)
            }
        }
    }
}

/// Time that moves with the runtime's and takes the database's along.
struct SharedClock {
    began: Instant,
    base_us: i64,
    now: Arc<AtomicI64>,
}

impl Clock for SharedClock {
    fn now_ms(&self) -> f64 {
        let now = self.base_us + self.began.elapsed().as_micros() as i64;
        self.now.store(now, Ordering::Relaxed);
        now as f64 / 1_000.0
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// What callers were told while they waited for an answer.
type Told = Arc<Mutex<Vec<ExecutionId>>>;

/// A process that lives.
struct Life {
    engine: Engine,
    store: Store,
    faults: Faults,
    clock: Arc<SharedClock>,
    told: Told,
}

impl Ordeal {
    /// Lives once.
    pub(super) fn live(&mut self, death: Death) -> Result<(), Broken> {
        let faults = Faults::default();
        if let Death::At(statement, side) = death {
            faults.crash(statement, side);
        }
        let told = Told::default();
        let lived = match self.open(faults.clone()) {
            Ok(store) => crate::block_on(self.spend(store, death, faults.clone(), told.clone())),
            Err(_) if faults.crashed() => Ok(()),
            Err(error) => Err(format!("the store does not open: {error}")),
        };
        lived.map_err(|broken| format!("{broken} (a life to end {death:?})"))?;
        self.survived.crashes += usize::from(faults.crashed());
        // An answer promises that what it tells is durable.
        let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
        self.acknowledged.extend(told);
        // Nobody is there for a while; long enough for leases to end, or not.
        let away_s = self.random.below(30) as i64;
        self.now.fetch_add(away_s * 1_000_000, Ordering::Relaxed);
        Ok(())
    }

    async fn spend(&mut self, store: Store, death: Death, faults: Faults, told: Told) -> Result<(), Broken> {
        let base_us = self.now.load(Ordering::Relaxed);
        let clock = Arc::new(SharedClock { began: Instant::now(), base_us, now: self.now.clone() });
        let world = World {
            catalogue: Arc::new(nodes::catalogue()),
            services: Services::default(),
            clock: clock.clone(),
            host: Arc::new(LocalHost),
        };
        let config = Config {
            concurrency: 1 + self.random.below(8),
            limits: LIMITS,
            seed: self.random.below(usize::MAX) as u64,
            ..Config::default()
        };
        let engine = Engine::new(store.clone(), world, config);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(engine.clone().run(shutdown.clone()));
        let life = Life { engine, store, faults, clock, told };
        match death {
            Death::Never => self.see_all_end(&life).await?,
            Death::After(acts) => {
                self.act(&life, acts).await?;
                self.survived.kills += 1;
            }
            Death::At(..) => self.act(&life, 60).await?,
            Death::Leaving(acts) => {
                self.act(&life, acts).await?;
                shutdown.cancel();
                timeout(Duration::from_secs(60), running)
                    .await
                    .map_err(|_| "the engine does not leave")?
                    .map_err(|error| format!("the engine broke while it left: {error}"))?;
                self.survived.leaves += 1;
                self.check_that_it_owns_nothing(&life.store, life.engine.worker()).await?;
            }
        }
        if !life.faults.crashed() {
            self.look(&life.store).await?;
        }
        let stuck = life.engine.metrics().stuck_executions;
        if stuck > 0 {
            return Err(format!("{stuck} executions were found stuck"));
        }
        Ok(())
    }

    /// Does so many things, unless the life ends before.
    async fn act(&mut self, life: &Life, acts: usize) -> Result<(), Broken> {
        for _ in 0..acts {
            let pause = self.random.pick(&[0, 1, 20, 300, 2_000, 7_000]);
            sleep(Duration::from_millis(pause)).await;
            life.clock.now_ms();
            if life.faults.crashed() {
                return Ok(());
            }
            match self.random.below(20) {
                0..8 => self.start(life).await?,
                8..12 => self.answer(life).await?,
                12..14 => self.settle(life).await?,
                14 => self.ask(life, Ask::Pause).await?,
                15 | 16 => self.ask(life, Ask::Resume).await?,
                17 if self.random.percent(40) => self.ask(life, Ask::Cancel).await?,
                18 if self.random.percent(40) => self.fill_disk(life).await,
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets everything come to its end, and helps where people must.
    async fn see_all_end(&mut self, life: &Life) -> Result<(), Broken> {
        let begin = Instant::now();
        loop {
            sleep(Duration::from_secs(2)).await;
            life.clock.now_ms();
            let open = self.open_executions(&life.store).await?;
            if open.is_empty() {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("stuck: {open:?}"));
            }
            for (execution, status) in open {
                self.answer_waits(life, execution).await?;
                self.settle_lost(life, execution).await?;
                if status == ExecutionStatus::Paused {
                    tolerate(life.engine.resume(self.workspace, execution).await)?;
                }
            }
        }
    }

    async fn start(&mut self, life: &Life) -> Result<(), Broken> {
        let again = self.random.percent(25).then(|| format!("key {}", self.random.below(4)));
        if again.is_none() && self.acknowledged.len() >= STARTS {
            return Ok(());
        }
        let items = (0..3).map(|index| {
            let to = ["1", "2"][index % 2];
            let data = model::json!({ "n": index, "to": to });
            model::Item::new(data.as_object().expect("an object").clone())
        });
        let (workflow, version) = self.workflow;
        let at = (self.workspace, workflow, version);
        let items = Arc::new(items.collect());
        let mut request = StartRequest::new(at, "start", items, TriggerKind::Api);
        request.key = again.clone().map(|key| StartKey { scope: [7; 16], key, until: Timestamp::MAX });
        request.reply = self.random.pick(&[Reply::Accepted, Reply::Outcome]);
        let promises = request.reply == Reply::Accepted;
        match life.engine.start(request).await {
            Ok(started) => self.note(life, started, again, promises),
            Err(StartError::Storage(Error::Unavailable(_) | Error::Full) | StartError::Draining) => Ok(()),
            Err(error) => Err(format!("a start was refused: {error}")),
        }
    }

    fn note(
        &mut self,
        life: &Life,
        started: Started,
        key: Option<String>,
        promises: bool,
    ) -> Result<(), Broken> {
        let Started { execution, duplicate, answer } = started;
        if promises || duplicate {
            self.acknowledged.push(execution);
            if let Some(key) = key {
                let first = *self.keys.entry(key.clone()).or_insert(execution);
                if first != execution {
                    return Err(format!("{key} started {first} and {execution}"));
                }
            }
        }
        if let Some(answer) = answer {
            let told = life.told.clone();
            tokio::spawn(async move {
                if !matches!(answer.await, Answer::Refused(_)) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(execution);
                }
            });
        }
        Ok(())
    }

    async fn ask(&mut self, life: &Life, ask: Ask) -> Result<(), Broken> {
        let Some((execution, _)) = self.pick_open(life).await? else { return Ok(()) };
        let asked = match ask {
            Ask::Pause => life.engine.pause(self.workspace, execution).await,
            Ask::Resume => life.engine.resume(self.workspace, execution).await,
            Ask::Cancel => life.engine.cancel(self.workspace, execution).await,
        };
        tolerate(asked)
    }

    async fn answer(&mut self, life: &Life) -> Result<(), Broken> {
        match self.pick_open(life).await? {
            Some((execution, _)) => self.answer_waits(life, execution).await,
            None => Ok(()),
        }
    }

    async fn answer_waits(&mut self, life: &Life, execution: ExecutionId) -> Result<(), Broken> {
        let waits = match life.store.open_waits(self.workspace, execution).await {
            Ok(waits) => waits,
            Err(error) => return tolerate(Err(error)),
        };
        for wait in waits {
            let items = vec![crate::items(model::json!({ "answered": true }))];
            tolerate(life.engine.resolve_wait(self.workspace, execution, wait.step, items).await)?;
        }
        Ok(())
    }

    async fn settle(&mut self, life: &Life) -> Result<(), Broken> {
        match self.pick_open(life).await? {
            Some((execution, _)) => self.settle_lost(life, execution).await,
            None => Ok(()),
        }
    }

    /// Somebody looks and says what became of effects whose end nobody saw.
    async fn settle_lost(&mut self, life: &Life, execution: ExecutionId) -> Result<(), Broken> {
        let Some(state) = self.fold(&life.store, execution).await? else { return Ok(()) };
        for step in state.lost_steps() {
            let settlement = if self.random.percent(50) {
                Settlement::Completed(vec![crate::items(model::json!({ "looked": true }))])
            } else {
                Settlement::Failed("it did not happen".into())
            };
            let number = step.attempt.step.number;
            tolerate(life.engine.settle_lost(self.workspace, execution, number, settlement).await)?;
        }
        Ok(())
    }

    async fn fill_disk(&mut self, life: &Life) {
        self.survived.full += 1;
        life.faults.set_full(true);
        sleep(Duration::from_millis(100 + self.random.below(5_000) as u64)).await;
        life.faults.set_full(false);
    }

    async fn pick_open(&mut self, life: &Life) -> Result<Option<(ExecutionId, ExecutionStatus)>, Broken> {
        let open = self.open_executions(&life.store).await?;
        Ok((!open.is_empty()).then(|| self.random.pick(&open)))
    }
}

enum Ask {
    Pause,
    Resume,
    Cancel,
}

/// What may be answered while the database is gone or something has ended meanwhile.
pub(super) fn tolerate(result: store::Result<()>) -> Result<(), Broken> {
    match result {
        Ok(()) | Err(Error::Unavailable(_) | Error::Full | Error::NotFound(_) | Error::Conflict(_)) => Ok(()),
        Err(error) => Err(format!("the engine answered: {error}")),
    }
}
