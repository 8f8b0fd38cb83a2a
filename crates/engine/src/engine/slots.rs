//! How many executions this process runs, of whom, and how to reach each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::ids::{ExecutionId, WorkflowId, WorkspaceId};
use tokio::sync::Notify;

use crate::durable::Desk;
use crate::session::News;

/// What an execution counts towards.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflow: WorkflowId,
    pub(crate) execution: ExecutionId,
    /// How many executions of its workflow may run at the same time.
    pub(crate) max_concurrent: Option<usize>,
    /// What no other that runs may have in common with it.
    pub(crate) key: Option<String>,
    /// Whether it is suspected of killing its owners.
    pub(crate) suspect: bool,
}

/// The executions that run in this process.
#[derive(Default)]
pub(crate) struct Slots {
    state: Mutex<State>,
    /// Rings when one has ended.
    pub(crate) freed: Notify,
}

#[derive(Default)]
struct State {
    desks: HashMap<ExecutionId, Arc<Desk>>,
    workspaces: HashMap<WorkspaceId, usize>,
    /// Running executions of workflows that have a limit, and the limit.
    workflows: HashMap<WorkflowId, (usize, usize)>,
    keys: HashMap<(WorkflowId, String), usize>,
    suspects: usize,
}

/// What is full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Full {
    pub(crate) workspaces: Vec<WorkspaceId>,
    pub(crate) workflows: Vec<WorkflowId>,
    pub(crate) keys: Vec<(WorkflowId, String)>,
    pub(crate) suspects: bool,
}

/// Limits of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) executions: usize,
    pub(crate) workspace: usize,
}

impl Slots {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, unless that would go beyond a limit.
    pub(crate) fn take(self: &Arc<Self>, seat: Seat, room: Room) -> Option<Slot> {
        let mut state = self.state();
        let of_workspace = state.workspaces.get(&seat.workspace).copied().unwrap_or_default();
        let of_workflow = state.workflows.get(&seat.workflow).map_or(0, |(running, _)| *running);
        let key = seat.key.clone().map(|key| (seat.workflow, key));
        let is_full = state.desks.len() >= room.executions
            || of_workspace >= room.workspace
            || seat.max_concurrent.is_some_and(|max| of_workflow >= max)
            || key.as_ref().is_some_and(|key| state.keys.contains_key(key))
            || (seat.suspect && state.suspects > 0)
            || state.desks.contains_key(&seat.execution);
        if is_full {
            return None;
        }
        let desk = Arc::new(Desk::default());
        state.desks.insert(seat.execution, desk.clone());
        *state.workspaces.entry(seat.workspace).or_default() += 1;
        if let Some(max) = seat.max_concurrent {
            let running = state.workflows.entry(seat.workflow).or_insert((0, max));
            *running = (running.0 + 1, max);
        }
        if let Some(key) = key {
            *state.keys.entry(key).or_default() += 1;
        }
        state.suspects += usize::from(seat.suspect);
        Some(Slot { slots: self.clone(), seat, desk })
    }

    /// How many executions run.
    pub(crate) fn running(&self) -> usize {
        self.state().desks.len()
    }

    /// What no more may run of.
    pub(crate) fn full(&self, room: Room) -> Full {
        let state = self.state();
        let workspaces = state.workspaces.iter().filter(|(_, running)| **running >= room.workspace);
        let workflows = state.workflows.iter().filter(|(_, (running, max))| running >= max);
        Full {
            workspaces: workspaces.map(|(id, _)| *id).collect(),
            workflows: workflows.map(|(id, _)| *id).collect(),
            keys: state.keys.keys().cloned().collect(),
            suspects: state.suspects > 0,
        }
    }

    /// Whether something that runs may keep something else from running.
    pub(crate) fn holds_back(&self, room: Room) -> bool {
        let state = self.state();
        let full = |running: &usize| *running >= room.workspace;
        !state.workflows.is_empty()
            || !state.keys.is_empty()
            || state.suspects > 0
            || (room.workspace < room.executions && state.workspaces.values().any(full))
    }

    /// The executions that run and that the store knows.
    pub(crate) fn executions(&self) -> Vec<ExecutionId> {
        let state = self.state();
        state.desks.iter().filter(|(_, desk)| desk.is_kept()).map(|(execution, _)| *execution).collect()
    }

    /// Leaves word for an execution; gives whether it runs here.
    pub(crate) fn tell(&self, execution: ExecutionId, news: News) -> bool {
        let desk = self.state().desks.get(&execution).cloned();
        desk.inspect(|desk| desk.tell(news)).is_some()
    }

    /// Leaves word for every execution.
    pub(crate) fn tell_all(&self, news: News) {
        let desks: Vec<_> = self.state().desks.values().cloned().collect();
        desks.iter().for_each(|desk| desk.tell(news));
    }

    /// Waits until none runs.
    pub(crate) async fn emptied(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            freed.await;
        }
    }

    fn give_back(&self, seat: &Seat) {
        let mut state = self.state();
        state.desks.remove(&seat.execution);
        if let Some(running) = state.workspaces.get_mut(&seat.workspace) {
            *running -= 1;
            if *running == 0 {
                state.workspaces.remove(&seat.workspace);
            }
        }
        if seat.max_concurrent.is_some()
            && let Some((running, _)) = state.workflows.get_mut(&seat.workflow)
        {
            *running -= 1;
            if *running == 0 {
                state.workflows.remove(&seat.workflow);
            }
        }
        if let Some(key) = &seat.key {
            let key = (seat.workflow, key.clone());
            if let Some(running) = state.keys.get_mut(&key) {
                *running -= 1;
                if *running == 0 {
                    state.keys.remove(&key);
                }
            }
        }
        state.suspects -= usize::from(seat.suspect);
        drop(state);
        self.freed.notify_waiters();
    }
}

/// The place of an execution; given back when this is dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    seat: Seat,
    pub(crate) desk: Arc<Desk>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.give_back(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { executions: 3, workspace: 2 };

    fn seat(workspace: u8, workflow: u8, execution: u8) -> Seat {
        Seat {
            workspace: WorkspaceId::from_bytes([workspace; 16]),
            workflow: WorkflowId::from_bytes([workflow; 16]),
            execution: ExecutionId::from_bytes([execution; 16]),
            max_concurrent: None,
            key: None,
            suspect: false,
        }
    }

    #[test]
    fn r15_a_workspace_gets_no_more_than_its_share() {
        let slots = Arc::new(Slots::default());
        let first = slots.take(seat(1, 1, 1), ROOM);
        let _second = slots.take(seat(1, 1, 2), ROOM).expect("there is room for two");
        assert!(slots.take(seat(1, 1, 3), ROOM).is_none());
        assert_eq!(slots.full(ROOM).workspaces, [WorkspaceId::from_bytes([1; 16])]);
        let _other = slots.take(seat(2, 2, 4), ROOM).expect("another workspace has a share of its own");
        drop(first);
        assert!(slots.take(seat(1, 1, 3), ROOM).is_some());
    }

    #[test]
    fn a_workflow_and_a_key_have_limits_of_their_own() {
        let slots = Arc::new(Slots::default());
        let room = Room { executions: 9, workspace: 9 };
        let limited = |execution| Seat { max_concurrent: Some(1), ..seat(1, 1, execution) };
        let one = slots.take(limited(1), room);
        assert!(slots.take(limited(2), room).is_none());
        assert_eq!(slots.full(room).workflows, [WorkflowId::from_bytes([1; 16])]);
        drop(one);
        let keyed = |execution| Seat { key: Some("k".into()), ..seat(1, 2, execution) };
        let _held = slots.take(keyed(3), room).expect("nobody has the key");
        assert!(slots.take(keyed(4), room).is_none());
        assert!(slots.take(Seat { key: Some("other".into()), ..seat(1, 2, 4) }, room).is_some());
    }

    #[test]
    fn r10_one_suspect_runs_at_a_time() {
        let slots = Arc::new(Slots::default());
        let suspect = |execution| Seat { suspect: true, ..seat(1, 1, execution) };
        let held = slots.take(suspect(1), ROOM);
        assert!(slots.take(suspect(2), ROOM).is_none());
        drop(held);
        assert!(slots.take(suspect(2), ROOM).is_some());
    }
}
