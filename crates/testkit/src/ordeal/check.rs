//! What must hold after every life, and in the end.

use std::collections::HashSet;

use engine::Execution;
use engine::journal::Reader;
use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkerId};
use model::journal::{Kind, Record};
use store::executions::Filter;
use store::testing::Faults;
use store::{Error, Page, Store};

use super::life::LIMITS;
use super::{Broken, Ordeal};
use crate::nodes::{self, Begun};

impl Ordeal {
    /// Looks at every execution: its journal, what it says, and whether it changed after its end.
    pub(super) async fn look(&mut self, store: &Store) -> Result<(), Broken> {
        for (execution, status) in self.all(store).await? {
            let Some(state) = self.fold(store, execution).await? else { return Ok(()) };
            let now = (status, state.seq());
            let before = self.seen.insert(execution, now);
            if let Some(before) = before.filter(|before| before.0.is_final() && *before != now) {
                return Err(format!("{execution} had ended as {before:?} and is {now:?}"));
            }
        }
        for execution in &self.acknowledged {
            if !self.seen.contains_key(execution) {
                return Err(format!("{execution} was acknowledged and is not there"));
            }
        }
        Ok(())
    }

    /// After a life that ended in good order.
    pub(super) async fn check_that_it_owns_nothing(
        &self,
        store: &Store,
        worker: WorkerId,
    ) -> Result<(), Broken> {
        for (execution, _) in self.open_executions(store).await? {
            let head = store.execution(self.workspace, execution).await.map_err(|error| error.to_string())?;
            // What one that died before it owns is for whoever comes next.
            if head.lease_owner == Some(worker) {
                return Err(format!("{execution} still belongs to {worker}, which left"));
            }
        }
        Ok(())
    }

    /// In the end: everything has ended, and every effect is accounted for.
    pub(super) fn judge(&mut self) -> Result<(), Broken> {
        let store = self.open(Faults::default()).map_err(|error| error.to_string())?;
        let effects = nodes::take_effects();
        crate::block_on(async {
            self.look(&store).await?;
            let mut on_record = HashSet::new();
            for (execution, status) in self.all(&store).await? {
                if !status.is_final() {
                    return Err(format!("{execution} is {status:?} in the end"));
                }
                let journal = self.journal(&store, execution).await?.unwrap_or_default();
                check_steps(execution, &journal)?;
                self.survived.executions += 1;
                self.survived.records += journal.len() as u64;
                self.survived.lost += journal.iter().filter(|record| record.kind == Kind::StepLost).count();
                on_record.extend(journal.iter().filter(|record| record.kind == Kind::StepStarted).map(
                    |record| {
                        (
                            execution.to_string(),
                            record.node.as_deref().map(str::to_owned),
                            record.run_index,
                            record.attempt,
                        )
                    },
                ));
            }
            let mut begun = HashSet::new();
            for effect in effects {
                self.survived.effects += 1;
                let Begun { execution, node, run, attempt } = effect;
                let key = (execution, Some(node), run, attempt);
                if !on_record.contains(&key) {
                    return Err(format!("an effect began that is not on record: {key:?}"));
                }
                if let Some(twice) = begun.replace(key) {
                    return Err(format!("an effect began twice: {twice:?}"));
                }
            }
            Ok(())
        })
    }

    /// Those that have not ended, in an order that does not depend on chance.
    pub(super) async fn open_executions(
        &self,
        store: &Store,
    ) -> Result<Vec<(ExecutionId, ExecutionStatus)>, Broken> {
        let mut open = self.all(store).await?;
        open.retain(|(_, status)| !status.is_final());
        open.sort_by_key(|(id, _)| *id);
        Ok(open)
    }

    /// All executions with where they stand; none while the database is gone.
    async fn all(&self, store: &Store) -> Result<Vec<(ExecutionId, ExecutionStatus)>, Broken> {
        let page = store.executions(self.workspace, &Filter::default(), Page::first(10_000)).await;
        match page {
            Ok(page) => Ok(page.items.iter().map(|summary| (summary.id, summary.status)).collect()),
            Err(Error::Unavailable(_)) => Ok(Vec::new()),
            Err(error) => Err(format!("executions cannot be listed: {error}")),
        }
    }

    async fn journal(&self, store: &Store, execution: ExecutionId) -> Result<Option<Vec<Record>>, Broken> {
        match store.load(self.workspace, execution).await {
            Ok(loaded) => Ok(Some(loaded.records)),
            Err(Error::Unavailable(_)) => Ok(None),
            Err(error) => Err(format!("{execution} cannot be read: {error}")),
        }
    }

    /// The state of an execution as its journal tells it, which must be what its head says.
    pub(super) async fn fold(
        &self,
        store: &Store,
        execution: ExecutionId,
    ) -> Result<Option<Execution>, Broken> {
        let loaded = match store.load(self.workspace, execution).await {
            Ok(loaded) => loaded,
            Err(Error::Unavailable(_)) => return Ok(None),
            Err(error) => return Err(format!("{execution} cannot be read: {error}")),
        };
        let plan = &self.plans[&loaded.head.version];
        let mut reader = Reader::new();
        let mut events = Vec::with_capacity(loaded.records.len());
        for record in &loaded.records {
            events.push(reader.read(plan, record).map_err(|error| format!("{execution}: {error}"))?);
        }
        let events = events.iter().map(|recorded| (&recorded.event, recorded.at_ms));
        let state = Execution::replay(plan.clone(), LIMITS, 0, events).map_err(|error| {
            format!("{execution} cannot be replayed: {error}\n{}", story(&loaded.records))
        })?;
        let (told, head) = ((state.status(), state.seq()), (loaded.head.status, loaded.head.seq));
        // What is queued has not begun to run, whatever its journal says.
        let agrees = told == head || (head.0 == ExecutionStatus::Queued && told.1 == head.1);
        if !agrees {
            let story = story(&loaded.records);
            return Err(format!("{execution} is {head:?} and its journal says {told:?}\n{story}"));
        }
        Ok(Some(state))
    }
}

/// No step ends twice, and nothing happens to one that has ended.
fn check_steps(execution: ExecutionId, journal: &[Record]) -> Result<(), Broken> {
    let mut ended = HashSet::new();
    for record in journal {
        let Some(node) = &record.node else { continue };
        // Its number, because a step that gave nothing leaves no run: the next one of its node has the same run index.
        let payload =
            model::Value::from_json(&record.payload).map_err(|error| format!("{record:?}: {error}"))?;
        let number = payload.get("step").and_then(model::Value::as_f64).unwrap_or(-1.0);
        let step = (node, number as i64);
        let is_step = !matches!(record.kind, Kind::Triggered | Kind::TimerFired);
        if is_step && ended.contains(&step) {
            return Err(format!("{execution}: {step:?} had ended at {record:?}\n{}", story(journal)));
        }
        if matches!(record.kind, Kind::StepSucceeded | Kind::StepSilent) {
            ended.insert(step);
        }
    }
    Ok(())
}

fn story(journal: &[Record]) -> String {
    let line = |record: &Record| {
        let node = record.node.as_deref().unwrap_or("-");
        let Record { seq, kind, run_index, attempt, at_us, .. } = record;
        format!("{seq:>4} {at_us} {kind:?} {node} run {run_index} #{attempt}")
    };
    journal.iter().map(line).collect::<Vec<_>>().join("\n")
}
