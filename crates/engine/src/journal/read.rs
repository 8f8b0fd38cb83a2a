//! Reading events back.

use std::collections::HashMap;
use std::time::Duration;

use model::journal::{Kind, PAYLOAD_VERSION, Record};
use model::{Items, Value};
use sdk::output::{Resume, WorkflowSource};
use sdk::{Children, Emission, NodeError, Wait};
use serde::Deserialize;

use super::list::{Form, Place, Recent};
use super::write::{Writer, lists};
use super::{Error, Recorded, TimerKind};
use crate::event::{Attempt, Event, StepId, Timer};
use crate::plan::Plan;

/// Reads the records of one execution, in their order and from the first.
#[derive(Debug, Default)]
pub struct Reader {
    seq: u64,
    lists: HashMap<Place, Items>,
    recent: Recent,
}

/// The members of every kind of payload.
#[derive(Deserialize)]
struct Payload {
    v: u32,
    step: Option<u32>,
    items: Option<Form>,
    outputs: Option<Vec<Form>>,
    emission: Option<ReadEmission>,
    error: Option<NodeError>,
    wait: Option<ReadWait>,
    children: Option<ReadChildren>,
    timer: Option<TimerKind>,
    call: Option<u32>,
}

#[derive(Deserialize)]
struct ReadEmission {
    ports: Vec<Form>,
    state: Option<Value>,
    response: Option<Value>,
}

#[derive(Deserialize)]
struct ReadWait {
    until_ms: Option<f64>,
    resume: Resume,
    emit: Vec<Form>,
}

#[derive(Deserialize)]
struct ReadChildren {
    workflow: WorkflowSource,
    calls: Vec<Form>,
    wait: bool,
    pass: Form,
}

impl Reader {
    /// A reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer that goes on where this has read to.
    pub fn writer(&self) -> Writer {
        Writer::after(self.seq, self.recent.clone())
    }

    /// What a record says happened.
    pub fn read(&mut self, plan: &Plan, record: &Record) -> Result<Recorded, Error> {
        let event = self.event(plan, record)?;
        self.seq = record.seq;
        for (index, items) in lists(&event).iter().enumerate() {
            let place = (record.seq, index as u32);
            self.lists.insert(place, items.clone());
            self.recent.remember(place, items);
        }
        Ok(Recorded {
            at_ms: record.at_us as f64 / 1000.0,
            duration: record.duration_us.map(Duration::from_micros),
            event,
        })
    }

    fn event(&self, plan: &Plan, record: &Record) -> Result<Event, Error> {
        let seq = record.seq;
        let payload: Payload =
            serde_json::from_str(&record.payload).map_err(|source| Error::Damaged { seq, source })?;
        if payload.v != PAYLOAD_VERSION {
            return Err(Error::Version { seq, version: payload.v });
        }
        let lacks = |member| move || Error::Incomplete { seq, member };
        let node = || {
            let key = record.node.as_ref().ok_or_else(lacks("node"))?;
            plan.find_key(key).ok_or_else(|| Error::NoSuchNode { seq, node: key.to_string() })
        };
        let step = || {
            let number = payload.step.ok_or_else(lacks("step"))?;
            Ok(StepId { number, node: node()? as u32, run: record.run_index })
        };
        let attempt = || Ok::<_, Error>(Attempt { step: step()?, number: record.attempt });
        let one = |form: Form| {
            form.resolve(|place| self.lists.get(&place).cloned()).ok_or_else(lacks("the items it refers to"))
        };
        let several = |forms: Vec<Form>| forms.into_iter().map(one).collect::<Result<Vec<_>, _>>();
        Ok(match record.kind {
            Kind::Triggered => {
                Event::Triggered { node: node()?, items: one(payload.items.ok_or_else(lacks("items"))?)? }
            }
            Kind::StepStarted => Event::StepStarted(attempt()?),
            Kind::StepSucceeded => {
                let ReadEmission { ports, state, response } =
                    payload.emission.ok_or_else(lacks("emission"))?;
                Event::StepSucceeded(attempt()?, Emission { ports: several(ports)?, state, response })
            }
            Kind::StepSilent => Event::StepSilent(attempt()?),
            Kind::StepFailed => Event::StepFailed(attempt()?, payload.error.ok_or_else(lacks("error"))?),
            Kind::StepWaiting => {
                let ReadWait { until_ms, resume, emit } = payload.wait.ok_or_else(lacks("wait"))?;
                Event::StepWaiting(attempt()?, Wait { until_ms, resume, emit: several(emit)? })
            }
            Kind::StepCalling => {
                let ReadChildren { workflow, calls, wait, pass } =
                    payload.children.ok_or_else(lacks("children"))?;
                let (calls, pass) = (several(calls)?, one(pass)?);
                Event::StepCalling(attempt()?, Children { workflow, calls, wait, pass })
            }
            Kind::StepLost => Event::StepLost(attempt()?),
            Kind::RetryAsked => Event::RetryAsked(attempt()?),
            Kind::TimerFired => Event::TimerFired(match payload.timer.ok_or_else(lacks("timer"))? {
                TimerKind::Retry => Timer::Retry(attempt()?),
                TimerKind::Wait => Timer::Wait(step()?),
            }),
            Kind::WaitResolved => {
                Event::WaitResolved(step()?, several(payload.outputs.ok_or_else(lacks("outputs"))?)?)
            }
            Kind::ResumedEarly => {
                Event::ResumedEarly(several(payload.outputs.ok_or_else(lacks("outputs"))?)?)
            }
            Kind::ChildFinished => Event::ChildFinished {
                step: step()?,
                call: payload.call.ok_or_else(lacks("call"))?,
                result: match payload.error {
                    Some(error) => Err(error),
                    None => Ok(one(payload.items.ok_or_else(lacks("items"))?)?),
                },
            },
            Kind::CancelAsked => Event::CancelAsked,
            Kind::PauseAsked => Event::PauseAsked,
            Kind::ResumeAsked => Event::ResumeAsked,
            Kind::TimedOut => Event::TimedOut,
            Kind::GivenUp => Event::GivenUp(payload.error.ok_or_else(lacks("error"))?),
        })
    }
}
