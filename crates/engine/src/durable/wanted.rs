//! What others want of an execution: how it is written into a signal, and the event that it becomes.

use std::sync::Arc;

use model::{Item, Items};
use sdk::NodeError;
use serde::{Deserialize, Serialize};
use store::Signal;
use store::signals::Kind;

use crate::decide::{Execution, Standing};
use crate::event::{Attempt, Event, Timer};
use crate::start::Settlement;

/// The payload of a signal. Which members there are depends on its kind.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The number of the step that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<Items>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outputs: Option<Vec<Items>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<NodeError>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// Whether this is about a lost step, and not about a wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) settles: bool,
    /// The key of a timer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

impl Wanted {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a signal has text keys only")
    }

    /// Somebody says what became of a lost step.
    pub(crate) fn settlement(step: u32, settlement: Settlement) -> Self {
        let wanted = Self { step: Some(step), settles: true, ..Self::default() };
        match settlement {
            Settlement::Completed(outputs) => Self { outputs: Some(outputs), ..wanted },
            Settlement::Failed(text) => Self { error: Some(NodeError::permanent(text)), ..wanted },
            Settlement::RunAgain => Self { again: true, ..wanted },
        }
    }
}

/// The event that a signal is to an execution; `None` when it means nothing to it any more.
pub(super) fn event(execution: &Execution, signal: &Signal) -> Result<Option<Event>, serde_json::Error> {
    Ok(match signal.kind {
        Kind::Cancel => Some(Event::CancelAsked),
        Kind::Pause => Some(Event::PauseAsked),
        Kind::Resume => Some(Event::ResumeAsked),
        Kind::Timer => {
            let wanted: Wanted = serde_json::from_str(&signal.payload)?;
            wanted.key.and_then(|key| timer(execution, &key)).map(Event::TimerFired)
        }
        Kind::Resolve => resolved(execution, serde_json::from_str(&signal.payload)?),
        Kind::Child => child(execution, serde_json::from_str(&signal.payload)?),
    })
}

fn resolved(execution: &Execution, wanted: Wanted) -> Option<Event> {
    let Some(number) = wanted.step else {
        // Whoever it is that waits for an answer; nobody yet if it came early.
        let outputs = wanted.outputs?;
        let waiting = execution.waits().next().map(|(step, _)| step);
        return Some(match waiting {
            Some(step) => Event::WaitResolved(step, outputs),
            None => Event::ResumedEarly(outputs),
        });
    };
    let (attempt, standing) = execution.open_step(number)?;
    match (standing, wanted) {
        (Standing::Lost, Wanted { settles: true, again: true, .. }) => Some(Event::RetryAsked(attempt)),
        (Standing::Lost, Wanted { settles: true, error: Some(error), .. }) => {
            Some(Event::StepFailed(attempt, error))
        }
        (Standing::Lost, Wanted { settles: true, outputs: Some(outputs), .. })
        | (Standing::Waiting { answerable: true }, Wanted { settles: false, outputs: Some(outputs), .. }) => {
            Some(Event::WaitResolved(attempt.step, outputs))
        }
        // It is about to wait.
        (Standing::Running, Wanted { settles: false, outputs: Some(outputs), .. }) => {
            Some(Event::ResumedEarly(outputs))
        }
        _ => None,
    }
}

fn child(execution: &Execution, wanted: Wanted) -> Option<Event> {
    let (attempt, Standing::Calling) = execution.open_step(wanted.step?)? else { return None };
    let result = match wanted.error {
        Some(error) => Err(error),
        None => Ok(wanted.items.unwrap_or_else(|| Arc::new(Vec::<Item>::new()))),
    };
    Some(Event::ChildFinished { step: attempt.step, call: wanted.call?, result })
}

/// The name of a timer within its execution.
pub(super) fn timer_key(timer: Timer) -> String {
    match timer {
        Timer::Wait(step) => format!("wait:{}", step.number),
        Timer::Retry(Attempt { step, number }) => format!("retry:{}:{number}", step.number),
    }
}

/// The timer with this name, while the execution waits for it.
fn timer(execution: &Execution, key: &str) -> Option<Timer> {
    execution.timers().map(|(timer, _)| timer).find(|timer| timer_key(*timer) == key)
}
