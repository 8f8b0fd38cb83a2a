//! Live events: what happens in an execution, and which executions change in a workspace.
//!
//! A stream is pulled: what a client does not read is not read for it either. So a client that stalls keeps one position
//! and nothing else, and goes on from there.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State as Extract;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::engine::Watch;
use futures_util::stream::{Stream, StreamExt, unfold};
use http::HeaderMap;
use model::ids::ExecutionId;
use model::journal::Record;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::executions::StatusWord;
use crate::auth::Caller;
use crate::live::{Change, Place};
use crate::parameters::Path;
use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State;
use app::access::{Actor, Permission};
use model::Problem;
use model::validate::Code;

/// Records that are read at once.
const CHUNK: usize = 100;
/// How often somebody looks although nobody said that there is something to see.
const LOOK: Duration = Duration::from_secs(5);
/// How often a comment says that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Something that happened in an execution. Its number is the id of the event, its kind the name.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// Its number, from 1.
    seq: u64,
    /// What kind of thing it was.
    #[schema(example = "step_succeeded")]
    kind: &'static str,
    /// The key of the node whose step it happened to.
    node: Option<String>,
    /// How often that node ran before.
    run_index: u32,
    /// Which try of the step, from 1; 0 where no single try is meant.
    attempt: u32,
    /// When, in microseconds since 1970.
    at_us: i64,
    /// How long the try took whose result it is, in microseconds.
    duration_us: Option<u64>,
    /// The rest: only for keys with the permission `executions:data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    payload: Option<Value>,
}

/// An execution stands elsewhere now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// The execution.
    #[schema(value_type = uuid::Uuid)]
    execution_id: String,
    /// Its workflow.
    #[schema(value_type = uuid::Uuid)]
    workflow_id: String,
    /// Where it stands.
    #[schema(value_type = StatusWord)]
    status: &'static str,
}

fn event(id: Option<u64>, name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("what is shown serialises");
    let event = Event::default().event(name).data(data);
    id.map_or(event.clone(), |id| event.id(id.to_string()))
}

fn respond(stream: impl Stream<Item = Event> + Send + 'static) -> Response {
    let stream = stream.map(Ok::<_, Infallible>);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

fn place(state: &State) -> ApiResult<Place> {
    state.live.place(state.config.max_streams, &state.metrics.streams).ok_or_else(|| {
        ApiError::new(Kind::Unavailable, "there are too many live streams; close some, or try again")
    })
}

/// Follow an execution: every event of its journal from the first, or from the one after `Last-Event-ID`, as
/// server-sent events. The event `end` tells how it ended, and is the last.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/events", tag = "events",
    params(("id" = uuid::Uuid, Path), ("last-event-id" = Option<u64>, Header)),
    responses((status = 200, body = RecordView, content_type = "text/event-stream"))
)]
pub(crate) async fn follow_execution(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    Path(id): Path<ExecutionId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let seq = match headers.get("last-event-id") {
        None => 0,
        Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            let problem = Problem::error("last-event-id", Code::Range, "this is no id of an event");
            ApiError::at(Kind::Invalid, &problem)
        })?,
    };
    // The watch first: what happens from now on is not missed.
    let watch = state.app.engine.watch(id);
    app::executions::find_execution(&state.app, &actor, id).await?;
    let place = place(&state)?;
    let with_data = actor.may(Permission::ReadExecutionData);
    let draining = state.draining.clone();
    let follower =
        Follower { state, actor, id, watch, seq, with_data, draining, is_over: false, _place: place };
    Ok(respond(unfold((follower, Vec::new().into_iter()), |(mut follower, mut waiting)| async move {
        loop {
            if let Some(event) = waiting.next() {
                return Some((event, (follower, waiting)));
            }
            waiting = follower.more().await?.into_iter();
        }
    })))
}

struct Follower {
    state: State,
    actor: Actor,
    id: ExecutionId,
    watch: Watch,
    /// The last record that was sent.
    seq: u64,
    with_data: bool,
    draining: CancellationToken,
    is_over: bool,
    _place: Place,
}

impl Follower {
    /// The next events; none at the end.
    async fn more(&mut self) -> Option<Vec<Event>> {
        loop {
            if self.is_over || self.draining.is_cancelled() {
                return None;
            }
            match self.look().await {
                Ok(events) if events.is_empty() => self.wait().await,
                Ok(events) => return Some(events),
                Err(error) => {
                    // The client comes back with the last id it saw.
                    tracing::debug!(error = &error as &dyn std::error::Error, "a live stream ends early");
                    return None;
                }
            }
        }
    }

    async fn look(&mut self) -> app::Result<Vec<Event>> {
        let app = &self.state.app;
        // The head before the records: when it says that all is over, all records are there.
        let head = app::executions::find_execution(app, &self.actor, self.id).await?;
        let records = app::executions::list_records(app, &self.actor, self.id, self.seq, CHUNK).await?;
        let mut events: Vec<Event> = records.iter().map(|record| self.record(record)).collect();
        self.seq = records.last().map_or(self.seq, |record| record.seq);
        if head.status.is_final() && records.len() < CHUNK {
            self.is_over = true;
            let change = ChangeView {
                execution_id: self.id.to_string(),
                workflow_id: head.workflow.to_string(),
                status: head.status.as_str(),
            };
            events.push(event(Some(self.seq), "end", &change));
        }
        Ok(events)
    }

    fn record(&self, record: &Record) -> Event {
        let payload = self.with_data.then(|| serde_json::from_str(&record.payload).unwrap_or_default());
        let view = RecordView {
            seq: record.seq,
            kind: record.kind.as_str(),
            node: record.node.as_ref().map(ToString::to_string),
            run_index: record.run_index,
            attempt: record.attempt,
            at_us: record.at_us,
            duration_us: record.duration_us,
            payload,
        };
        event(Some(record.seq), record.kind.as_str(), &view)
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.watch.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = self.draining.cancelled() => {}
        }
    }
}

/// Follow a workspace: the event `execution` tells that an execution stands elsewhere now, `resync` that some may have
/// been missed and lists are to be read again. It comes first after a reconnect.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(("last-event-id" = Option<String>, Header)),
    responses((status = 200, body = ChangeView, content_type = "text/event-stream"))
)]
pub(crate) async fn follow_workspace(
    Extract(state): Extract<State>,
    Caller(actor): Caller,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let place = place(&state)?;
    let changes = state.live.subscribe(actor.workspace());
    let draining = state.draining.clone();
    let is_back = headers.contains_key("last-event-id");
    let watcher = Watcher { changes, draining, is_back, _place: place };
    Ok(respond(unfold(watcher, |mut watcher| async move { Some((watcher.next().await?, watcher)) })))
}

struct Watcher {
    changes: Receiver<Change>,
    draining: CancellationToken,
    is_back: bool,
    _place: Place,
}

impl Watcher {
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_back) {
            return Some(resync());
        }
        tokio::select! {
            change = self.changes.recv() => match change {
                Ok(Change::Moved { number, execution, workflow, status }) => {
                    let view = ChangeView {
                        execution_id: execution.to_string(),
                        workflow_id: workflow.to_string(),
                        status: status.as_str(),
                    };
                    Some(event(Some(number), "execution", &view))
                }
                // What a slow client missed is not kept for it.
                Ok(Change::Missed) | Err(RecvError::Lagged(_)) => Some(resync()),
                Err(RecvError::Closed) => None,
            },
            () = self.draining.cancelled() => None,
        }
    }
}

fn resync() -> Event {
    event(None, "resync", &serde_json::json!({}))
}
