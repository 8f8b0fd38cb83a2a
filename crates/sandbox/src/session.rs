//! One conversation with a child: a step goes in, questions are answered, the result comes out.

use std::process::ExitStatus;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::{Blob, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::items::{Given, Pairing, read_result, write_item, write_items};
use crate::pool::{Process, error};
use crate::request::{
    Answer, CodeError, CodeHost, CodeRequest, CodeResult, Config, Contract, ErrorKind, HostError, Question,
};
use crate::wire::{self, AnswerHead, Ask, Asked, Done, Frame, Ready, Step};

/// What a frame may hold beyond the result: logs, questions, static data.
const FRAME_ROOM: usize = 32 << 20;

/// A child that asks more than this at once, or does not read its answers, is not listened to until it does.
const MOST_OPEN: usize = 256;
const MOST_OUTGOING: usize = 64 << 20;

/// How a step ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<CodeResult, CodeError>,
    /// Whether no question is open and nothing is half-written.
    pub(crate) is_settled: bool,
}

/// Runs one step; an error means that the child is of no more use.
pub(crate) async fn run(
    process: &mut Process,
    config: &Config,
    request: CodeRequest,
    host: &dyn CodeHost,
) -> Result<Outcome, CodeError> {
    let mut given = Given::default();
    let (contract, inputs) = (request.contract, request.items.len());
    let input = write_items(&request.items, Pairing::Position, &mut given);
    let longest = config.limits.output_bytes as usize + input.len();
    process.inbox.limit(longest.saturating_add(FRAME_ROOM));
    let mut outgoing = Outgoing::default();
    outgoing.push(wire::frame(wire::STEP, &step(request, config), &input));
    drop(input);

    let mut open = FuturesUnordered::new();
    let mut answered_bytes = 0;
    let done = loop {
        tokio::select! {
            frame = receive(&mut process.stdout, &mut process.inbox),
                if open.len() < MOST_OPEN && outgoing.rest().len() < MOST_OUTGOING =>
            {
                let Some(frame) = frame? else { return Err(crashed(process).await) };
                match frame.kind {
                    wire::READY => {}
                    wire::ASK => {
                        let Ask { id, question } = frame.header().map_err(broken)?;
                        let question = resolve(question, &given);
                        open.push(async move {
                            (id, match question {
                                Ok(question) => host.answer(question).await,
                                Err(error) => Err(error),
                            })
                        });
                    }
                    wire::DONE => break frame,
                    kind => return Err(broken(format!("a frame of kind {kind}"))),
                }
            }
            Some((id, answer)) = open.next(), if !open.is_empty() => {
                let (ok, text) = answer_text(answer, &mut given);
                answered_bytes += text.len();
                outgoing.push(wire::frame(wire::ANSWER, &AnswerHead { id, ok }, &text));
            }
            written = process.stdin.write(outgoing.rest()), if !outgoing.is_empty() => match written {
                Ok(count) if count > 0 => outgoing.advance(count),
                _ => return Err(crashed(process).await),
            }
        }
    };
    let is_settled = open.is_empty() && outgoing.is_empty();
    let result = finish(&done, contract, inputs, longest + answered_bytes, &given);
    Ok(Outcome { result, is_settled })
}

/// Sends a whole frame.
pub(crate) async fn send(process: &mut Process, frame: &[u8]) -> Result<(), CodeError> {
    match process.stdin.write_all(frame).await {
        Ok(()) => Ok(()),
        Err(_) => Err(crashed(process).await),
    }
}

/// Waits for the child to say that its walls are up.
pub(crate) async fn greeting(process: &mut Process) -> Result<Ready, CodeError> {
    match receive(&mut process.stdout, &mut process.inbox).await? {
        Some(frame) if frame.kind == wire::READY => frame.header().map_err(broken),
        _ => Err(crashed(process).await),
    }
}

/// The message of a step that took too long.
pub(crate) fn timeout_message(wall: Duration) -> String {
    format!("the code ran longer than {} s; make it do less, or raise the limit", wall.as_secs_f64())
}

fn step(request: CodeRequest, config: &Config) -> Step {
    Step {
        source: request.source,
        contract: request.contract,
        count: request.items.len(),
        continue_on_fail: request.continue_on_fail,
        clock: request.clock,
        zone: request.zone,
        seed: request.seed,
        limits: config.limits,
        modules: config.modules.clone(),
        variables: request.variables,
    }
}

/// The next frame, or `None` when the child has closed its end. May be dropped at any time without losing bytes.
async fn receive(
    stdout: &mut tokio::process::ChildStdout,
    inbox: &mut wire::Inbox,
) -> Result<Option<Frame>, CodeError> {
    loop {
        if let Some(frame) = inbox.next().map_err(broken)? {
            return Ok(Some(frame));
        }
        if !matches!(stdout.read_buf(inbox.space()).await, Ok(count) if count > 0) {
            return Ok(None);
        }
    }
}

/// What code asked for, with its file resolved: it may only name files that it was given.
fn resolve(asked: Asked, given: &Given) -> Result<Question, HostError> {
    Ok(match asked {
        Asked::Node { name, query } => Question::Node { name, query },
        Asked::StaticData(kind) => Question::StaticData(kind),
        Asked::HttpRequest(options) => Question::HttpRequest(options),
        Asked::ReadBinary { id } => {
            let blob: Option<&Blob> = given.find(&id);
            Question::ReadBinary(
                blob.cloned().ok_or_else(|| HostError::new("this code was not given such a file"))?,
            )
        }
    })
}

fn answer_text(answer: Result<Answer, HostError>, given: &mut Given) -> (bool, Vec<u8>) {
    match answer {
        Ok(Answer::Value(value)) => (true, value.to_json().into_bytes()),
        Ok(Answer::Items(items)) => (true, write_items(&items, Pairing::Lineage, given)),
        Ok(Answer::Item(item)) => (true, write_item(&item, given)),
        Ok(Answer::Bytes(bytes)) => {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            (true, Value::from(text).to_json().into_bytes())
        }
        Err(HostError { message, mut details }) => {
            details.insert("message", message);
            (false, Value::from(details).to_json().into_bytes())
        }
    }
}

fn finish(
    frame: &Frame,
    contract: Contract,
    inputs: usize,
    longest: usize,
    given: &Given,
) -> Result<CodeResult, CodeError> {
    let done: Done = frame.header().map_err(broken)?;
    let items = match done.failure {
        Some(failure) => Err(error(failure)),
        None if frame.text().len() > longest => Err(CodeError::new(
            ErrorKind::Output,
            format!("the code returned {} bytes; at most {longest} are allowed", frame.text().len()),
        )),
        None => read_result(contract, frame.text(), inputs, given).map_err(error),
    };
    match items {
        Ok(items) => Ok(CodeResult {
            items,
            logs: done.logs,
            static_data: done.static_data.into_iter().collect(),
            custom_data: done.custom_data,
        }),
        Err(error) => Err(CodeError { logs: done.logs, ..error }),
    }
}

async fn crashed(process: &mut Process) -> CodeError {
    let end = process.end().await;
    if end.is_some_and(used_its_time_up) {
        let message = "the code used up its processor time; make it do less, or raise the limit";
        return CodeError::new(ErrorKind::Timeout, message);
    }
    let end = end.map_or("no answer".to_owned(), |status| status.to_string());
    CodeError::new(ErrorKind::Crashed, format!("the process that ran the code ended: {end}"))
}

/// Whether the system ended a child at the limit that [`allow_cpu`](crate::child::walls::allow_cpu) set.
fn used_its_time_up(status: ExitStatus) -> bool {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status)
        == Some(rustix::process::Signal::XCPU.as_raw());
    #[cfg(not(unix))]
    return false;
}

fn broken(message: String) -> CodeError {
    CodeError::new(ErrorKind::Crashed, format!("the process that ran the code sent nonsense: {message}"))
}

/// Frames on their way to the child.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    fn push(&mut self, frame: Vec<u8>) {
        if self.is_empty() {
            *self = Self { bytes: frame, sent: 0 };
        } else {
            self.bytes.extend_from_slice(&frame);
        }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }
}
