//! Writing events down.

use model::Items;
use model::journal::{Kind, PAYLOAD_VERSION, Record};
use sdk::output::{Resume, WorkflowSource};
use sdk::{Children, Emission, NodeError, Wait};
use serde::Serialize;

use super::list::{One, Recent, Several};
use super::{Recorded, TimerKind};
use crate::event::{Event, StepId, Timer};
use crate::plan::Plan;

/// Writes the events of one execution down, in their order.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    seq: u64,
    recent: Recent,
}

/// The members of a payload; what is `None` is left out.
#[derive(Default, Serialize)]
struct Payload<'a> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<One<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Several<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emission: Option<WrittenEmission<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a NodeError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<WrittenWait<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<WrittenChildren<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<TimerKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<u32>,
}

#[derive(Serialize)]
struct WrittenEmission<'a> {
    ports: Several<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: &'a Option<model::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: &'a Option<model::Value>,
}

#[derive(Serialize)]
struct WrittenWait<'a> {
    until_ms: Option<f64>,
    resume: &'a Resume,
    emit: Several<'a>,
}

#[derive(Serialize)]
struct WrittenChildren<'a> {
    workflow: &'a WorkflowSource,
    calls: Several<'a>,
    wait: bool,
    pass: One<'a>,
}

impl Writer {
    /// A writer for a journal without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that goes on after these records; `recent` are lists of theirs.
    pub(super) fn after(seq: u64, recent: Recent) -> Self {
        Self { seq, recent }
    }

    /// The record of what happened next.
    pub fn write(&mut self, plan: &Plan, recorded: &Recorded) -> Record {
        self.seq += 1;
        let event = &recorded.event;
        let (kind, step, attempt) = describe(event);
        let mut payload = self.payload(event);
        payload.step = step.filter(|_| kind != Kind::Triggered).map(|step| step.number);
        let text = to_text(&payload);
        for (index, items) in lists(event).iter().enumerate() {
            self.recent.remember((self.seq, index as u32), items);
        }
        Record {
            seq: self.seq,
            kind,
            node: step.map(|step| plan.node(step.node()).info.key.clone()),
            run_index: step.map_or(0, |step| step.run),
            attempt,
            at_us: (recorded.at_ms * 1000.0).round() as i64,
            duration_us: recorded.duration.map(|duration| duration.as_micros() as u64),
            payload: text,
        }
    }

    fn payload<'a>(&'a self, event: &'a Event) -> Payload<'a> {
        let recent = &self.recent;
        let mut payload = Payload { v: PAYLOAD_VERSION, ..Payload::default() };
        match event {
            Event::Triggered { items, .. } => payload.items = Some(One(items, recent)),
            Event::StepSucceeded(_, Emission { ports, state, response }) => {
                let ports = Several(ports, recent);
                payload.emission = Some(WrittenEmission { ports, state, response });
            }
            Event::StepFailed(_, error) | Event::GivenUp(error) => payload.error = Some(error),
            Event::StepWaiting(_, Wait { until_ms, resume, emit }) => {
                let emit = Several(emit, recent);
                payload.wait = Some(WrittenWait { until_ms: *until_ms, resume, emit });
            }
            Event::StepCalling(_, Children { workflow, calls, wait, pass }) => {
                let (calls, pass) = (Several(calls, recent), One(pass, recent));
                payload.children = Some(WrittenChildren { workflow, calls, wait: *wait, pass });
            }
            Event::TimerFired(Timer::Retry(_)) => payload.timer = Some(TimerKind::Retry),
            Event::TimerFired(Timer::Wait(_)) => payload.timer = Some(TimerKind::Wait),
            Event::WaitResolved(_, outputs) | Event::ResumedEarly(outputs) => {
                payload.outputs = Some(Several(outputs, recent));
            }
            Event::ChildFinished { call, result, .. } => {
                payload.call = Some(*call);
                match result {
                    Ok(items) => payload.items = Some(One(items, recent)),
                    Err(error) => payload.error = Some(error),
                }
            }
            Event::StepStarted(_)
            | Event::StepSilent(_)
            | Event::StepLost(_)
            | Event::RetryAsked(_)
            | Event::CancelAsked
            | Event::PauseAsked
            | Event::ResumeAsked
            | Event::TimedOut => {}
        }
        payload
    }
}

/// The lists of an event to which later ones may refer.
pub(super) fn lists(event: &Event) -> &[Items] {
    match event {
        Event::Triggered { items, .. } | Event::ChildFinished { result: Ok(items), .. } => {
            std::slice::from_ref(items)
        }
        Event::StepSucceeded(_, emission) => &emission.ports,
        Event::StepWaiting(_, wait) => &wait.emit,
        Event::StepCalling(_, children) => std::slice::from_ref(&children.pass),
        Event::WaitResolved(_, outputs) | Event::ResumedEarly(outputs) => outputs,
        _ => &[],
    }
}

fn to_text(payload: &impl Serialize) -> String {
    let mut buffer = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut buffer);
    payload.serialize(&mut serializer).expect("a payload has text keys only");
    String::from_utf8(buffer).expect("JSON is UTF-8")
}

fn describe(event: &Event) -> (Kind, Option<StepId>, u32) {
    let (kind, attempt) = match event {
        Event::Triggered { node, .. } => {
            return (Kind::Triggered, Some(StepId { number: 0, node: *node as u32, run: 0 }), 0);
        }
        Event::TimerFired(Timer::Wait(step)) => return (Kind::TimerFired, Some(*step), 0),
        Event::WaitResolved(step, _) => return (Kind::WaitResolved, Some(*step), 0),
        Event::ChildFinished { step, .. } => return (Kind::ChildFinished, Some(*step), 0),
        Event::ResumedEarly(_) => return (Kind::ResumedEarly, None, 0),
        Event::CancelAsked => return (Kind::CancelAsked, None, 0),
        Event::PauseAsked => return (Kind::PauseAsked, None, 0),
        Event::ResumeAsked => return (Kind::ResumeAsked, None, 0),
        Event::TimedOut => return (Kind::TimedOut, None, 0),
        Event::GivenUp(_) => return (Kind::GivenUp, None, 0),
        Event::StepStarted(attempt) => (Kind::StepStarted, attempt),
        Event::StepSucceeded(attempt, _) => (Kind::StepSucceeded, attempt),
        Event::StepSilent(attempt) => (Kind::StepSilent, attempt),
        Event::StepFailed(attempt, _) => (Kind::StepFailed, attempt),
        Event::StepWaiting(attempt, _) => (Kind::StepWaiting, attempt),
        Event::StepCalling(attempt, _) => (Kind::StepCalling, attempt),
        Event::StepLost(attempt) => (Kind::StepLost, attempt),
        Event::RetryAsked(attempt) => (Kind::RetryAsked, attempt),
        Event::TimerFired(Timer::Retry(attempt)) => (Kind::TimerFired, attempt),
    };
    (kind, Some(attempt.step), attempt.number)
}
