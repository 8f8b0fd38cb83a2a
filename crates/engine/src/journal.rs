//! Events in the form in which they are kept, and back.

use model::Items;
use model::journal::{Kind, PAYLOAD_VERSION, Record};
use sdk::{Children, Emission, NodeError, Wait};
use serde::{Deserialize, Serialize};

use crate::event::{Attempt, Event, StepId, Timer};
use crate::plan::Plan;
use crate::runner::Recorded;

/// Why a record is no event of this plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record names a node that the plan does not have.
    #[error("record {seq} names the node \"{node}\", which the workflow version does not have")]
    NoSuchNode {
        /// Its place.
        seq: u64,
        /// The node.
        node: String,
    },
    /// A later version of the program wrote it.
    #[error("record {seq} has a payload of version {version}, which this version of the program cannot read")]
    Version {
        /// Its place.
        seq: u64,
        /// The version.
        version: u32,
    },
    /// The payload does not fit the kind.
    #[error("record {seq} is damaged")]
    Damaged {
        /// Its place.
        seq: u64,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The payload lacks what its kind needs.
    #[error("record {seq} lacks \"{member}\"")]
    Incomplete {
        /// Its place.
        seq: u64,
        /// What is missing.
        member: &'static str,
    },
}

/// The members of every kind of payload.
#[derive(Default, Serialize, Deserialize)]
struct Payload {
    v: u32,
    /// Number of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Items>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<Items>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emission: Option<Emission>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<NodeError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<Wait>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    children: Option<Children>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timer: Option<TimerKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<u32>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimerKind {
    Retry,
    Wait,
}

/// The record of what happened as number `seq`.
pub fn write(plan: &Plan, seq: u64, recorded: &Recorded) -> Record {
    let mut payload = Payload { v: PAYLOAD_VERSION, ..Payload::default() };
    let (kind, step, attempt) = describe(&recorded.event, &mut payload);
    payload.step = step.filter(|_| kind != Kind::Triggered).map(|step| step.number);
    Record {
        seq,
        kind,
        node: step.map(|step| plan.node(step.node()).info.key.clone()),
        run_index: step.map_or(0, |step| step.run),
        attempt,
        at_us: (recorded.at_ms * 1000.0).round() as i64,
        duration_us: recorded.duration.map(|duration| duration.as_micros() as u64),
        payload: serde_json::to_string(&payload).expect("a payload has text keys only"),
    }
}

fn describe(event: &Event, payload: &mut Payload) -> (Kind, Option<StepId>, u32) {
    let of = |kind, attempt: &Attempt| (kind, Some(attempt.step), attempt.number);
    match event {
        Event::Triggered { node, items } => {
            payload.items = Some(items.clone());
            (Kind::Triggered, Some(StepId { number: 0, node: *node as u32, run: 0 }), 0)
        }
        Event::StepStarted(attempt) => of(Kind::StepStarted, attempt),
        Event::StepSucceeded(attempt, emission) => {
            payload.emission = Some(emission.clone());
            of(Kind::StepSucceeded, attempt)
        }
        Event::StepSilent(attempt) => of(Kind::StepSilent, attempt),
        Event::StepFailed(attempt, error) => {
            payload.error = Some(error.clone());
            of(Kind::StepFailed, attempt)
        }
        Event::StepWaiting(attempt, wait) => {
            payload.wait = Some(wait.clone());
            of(Kind::StepWaiting, attempt)
        }
        Event::StepCalling(attempt, children) => {
            payload.children = Some(children.clone());
            of(Kind::StepCalling, attempt)
        }
        Event::StepLost(attempt) => of(Kind::StepLost, attempt),
        Event::TimerFired(Timer::Retry(attempt)) => {
            payload.timer = Some(TimerKind::Retry);
            of(Kind::TimerFired, attempt)
        }
        Event::TimerFired(Timer::Wait(step)) => {
            payload.timer = Some(TimerKind::Wait);
            (Kind::TimerFired, Some(*step), 0)
        }
        Event::WaitResolved(step, outputs) => {
            payload.outputs = Some(outputs.clone());
            (Kind::WaitResolved, Some(*step), 0)
        }
        Event::ChildFinished { step, call, result } => {
            payload.call = Some(*call);
            match result {
                Ok(items) => payload.items = Some(items.clone()),
                Err(error) => payload.error = Some(error.clone()),
            }
            (Kind::ChildFinished, Some(*step), 0)
        }
        Event::CancelAsked => (Kind::CancelAsked, None, 0),
        Event::PauseAsked => (Kind::PauseAsked, None, 0),
        Event::ResumeAsked => (Kind::ResumeAsked, None, 0),
        Event::TimedOut => (Kind::TimedOut, None, 0),
    }
}

/// What a record says happened.
pub fn read(plan: &Plan, record: &Record) -> Result<Recorded, Error> {
    let seq = record.seq;
    let payload: Payload =
        serde_json::from_str(&record.payload).map_err(|source| Error::Damaged { seq, source })?;
    if payload.v != PAYLOAD_VERSION {
        return Err(Error::Version { seq, version: payload.v });
    }
    let lacks = |member| move || Error::Incomplete { seq, member };
    let node = || {
        let key = record.node.as_ref().ok_or_else(lacks("node"))?;
        let node = plan.nodes().iter().position(|node| node.info.key == *key);
        node.ok_or_else(|| Error::NoSuchNode { seq, node: key.to_string() })
    };
    let step = || {
        let number = payload.step.ok_or_else(lacks("step"))?;
        Ok(StepId { number, node: node()? as u32, run: record.run_index })
    };
    let attempt = || Ok::<_, Error>(Attempt { step: step()?, number: record.attempt });
    let event = match record.kind {
        Kind::Triggered => {
            Event::Triggered { node: node()?, items: payload.items.ok_or_else(lacks("items"))? }
        }
        Kind::StepStarted => Event::StepStarted(attempt()?),
        Kind::StepSucceeded => {
            Event::StepSucceeded(attempt()?, payload.emission.ok_or_else(lacks("emission"))?)
        }
        Kind::StepSilent => Event::StepSilent(attempt()?),
        Kind::StepFailed => Event::StepFailed(attempt()?, payload.error.ok_or_else(lacks("error"))?),
        Kind::StepWaiting => Event::StepWaiting(attempt()?, payload.wait.ok_or_else(lacks("wait"))?),
        Kind::StepCalling => Event::StepCalling(attempt()?, payload.children.ok_or_else(lacks("children"))?),
        Kind::StepLost => Event::StepLost(attempt()?),
        Kind::TimerFired => Event::TimerFired(match payload.timer.ok_or_else(lacks("timer"))? {
            TimerKind::Retry => Timer::Retry(attempt()?),
            TimerKind::Wait => Timer::Wait(step()?),
        }),
        Kind::WaitResolved => Event::WaitResolved(step()?, payload.outputs.ok_or_else(lacks("outputs"))?),
        Kind::ChildFinished => Event::ChildFinished {
            step: step()?,
            call: payload.call.ok_or_else(lacks("call"))?,
            result: match payload.error {
                Some(error) => Err(error),
                None => Ok(payload.items.ok_or_else(lacks("items"))?),
            },
        },
        Kind::CancelAsked => Event::CancelAsked,
        Kind::PauseAsked => Event::PauseAsked,
        Kind::ResumeAsked => Event::ResumeAsked,
        Kind::TimedOut => Event::TimedOut,
    };
    Ok(Recorded {
        at_ms: record.at_us as f64 / 1000.0,
        duration: record.duration_us.map(std::time::Duration::from_micros),
        event,
    })
}
