//! The sandbox as nodes use it: [`CodeRunner`] over a step.

mod http;

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::{Blob, Object, Text, Value};
use sdk::code::{self, Code, CodeRunner};
use sdk::context::Level as StepLevel;
use sdk::expression::Tree;
use sdk::{Context, Inputs, Mode, NodeError};

use crate::request::{
    Answer, Clock, CodeError, CodeHost, CodeRequest, Contract, ErrorKind, HostError, Level, NodeQuery,
    Question, StaticData,
};
use crate::{CodeResult, Sandbox};

impl CodeRunner for Sandbox {
    fn run<'a>(
        &'a self,
        code: &'a Code,
        ctx: &'a Context,
        inputs: &'a Inputs,
    ) -> sdk::node::BoxFuture<'a, Result<code::CodeResult, NodeError>> {
        Box::pin(async move {
            let host = StepHost { ctx };
            let result = tokio::select! {
                biased;
                () = ctx.cancel.cancelled() => return Err(NodeError::cancelled()),
                result = self.run_code(request(code, ctx, inputs), &host) => result,
            };
            match result {
                Ok(result) => Ok(given(result, ctx)),
                Err(error) if stands_for_items(&error, code.contract) => {
                    let error = failed(error, ctx);
                    let item = ctx.error_item(error.item.unwrap_or(0), error)?;
                    Ok(code::CodeResult { items: vec![item].into(), ..code::CodeResult::default() })
                }
                Err(error) => Err(failed(error, ctx)),
            }
        })
    }
}

/// Whether an item with the error takes the place of the result where the step goes on. What is noticed after the code
/// has ended, or ends the code, fails the step as a whole; the old form notices early what its code must not return.
fn stands_for_items(error: &CodeError, contract: code::Contract) -> bool {
    match error.kind {
        ErrorKind::Code => true,
        ErrorKind::Refused => contract == code::Contract::Function,
        ErrorKind::Timeout | ErrorKind::Memory | ErrorKind::Output | ErrorKind::Crashed => false,
    }
}

fn request(code: &Code, ctx: &Context, inputs: &Inputs) -> CodeRequest {
    let contract = match code.contract {
        code::Contract::AllItems => Contract::AllItems,
        code::Contract::EachItem => Contract::EachItem,
        code::Contract::Function => Contract::Function,
        code::Contract::FunctionItem => Contract::FunctionItem,
    };
    // Code that runs once sees everything that arrived, as in n8n, also where its node is to run for one item only.
    let items = match contract {
        Contract::AllItems => ctx.arrived.main_items(),
        Contract::EachItem | Contract::Function | Contract::FunctionItem => inputs.main_items(),
    };
    CodeRequest {
        continue_on_fail: ctx.continues_on_error(),
        clock: clock(ctx),
        zone: ctx.execution.zone.iana_name().unwrap_or("UTC").into(),
        seed: (ctx.chance(0) * 2f64.powi(53)) as u64,
        variables: variables(ctx),
        ..CodeRequest::new(contract, code.source.clone(), items)
    }
}

/// How far the clock of a step may be from the system's and still be the same clock.
const SAME_CLOCK_MS: f64 = 5_000.0;

/// Code may wait for the time to pass, so it sees the system's clock, unless the execution has a time of its own.
fn clock(ctx: &Context) -> Clock {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_system = (since_epoch.as_secs_f64() * 1e3 - ctx.now_ms).abs() < SAME_CLOCK_MS;
    if is_system && ctx.execution.mode != Mode::Test { Clock::Real } else { Clock::Fixed(ctx.now_ms) }
}

fn variables(ctx: &Context) -> Object {
    let (graph, execution) = (ctx.graph(), &ctx.execution);
    let object = |members: &[(&str, Value)]| -> Value {
        Value::Object(members.iter().map(|(key, value)| (*key, value.clone())).collect())
    };
    let previous = ctx.previous().map(|(source, _)| source);
    let previous_name = previous.map(|source| graph.nodes()[source.node].name.clone());
    let is_test = matches!(execution.mode, Mode::Manual | Mode::Test);
    [
        (
            "$workflow",
            object(&[
                ("id", graph.id.clone().into()),
                ("name", graph.name.clone().into()),
                ("active", graph.active.into()),
            ]),
        ),
        (
            "$execution",
            object(&[
                ("id", execution.id.clone().into()),
                ("mode", if is_test { "test" } else { "production" }.into()),
                ("resumeUrl", execution.resume_url.clone().into()),
                ("resumeFormUrl", execution.resume_form_url.clone().into()),
            ]),
        ),
        (
            "$prevNode",
            object(&[
                ("name", previous_name.into()),
                ("outputIndex", previous.map(|source| source.output).into()),
                ("runIndex", previous.map(|source| source.run).into()),
            ]),
        ),
        ("$runIndex", ctx.run_index.into()),
        ("$mode", execution.mode.as_n8n().into()),
        ("$nodeVersion", ctx.node.version.into()),
        ("$nodeId", Text::from(ctx.node.key.as_str()).into()),
        ("$vars", execution.variables.clone().into()),
    ]
    .into_iter()
    .collect()
}

fn given(result: CodeResult, ctx: &Context) -> code::CodeResult {
    let static_data = (!result.static_data.is_empty()).then(|| {
        let mut data = ctx.execution.static_data.clone();
        for (kind, changed) in result.static_data {
            data.insert(static_key(kind, ctx), changed);
        }
        data.into()
    });
    let word = |level| match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    code::CodeResult {
        items: result.items.into(),
        logs: result.logs.into_iter().map(|line| (word(line.level).into(), line.text)).collect(),
        static_data,
    }
}

fn failed(error: CodeError, ctx: &Context) -> NodeError {
    for line in error.logs {
        let level = match line.level {
            Level::Debug => StepLevel::Debug,
            Level::Info => StepLevel::Info,
            Level::Warn => StepLevel::Warn,
            Level::Error => StepLevel::Error,
        };
        ctx.log(level, line.text);
    }
    let kind = match error.kind {
        ErrorKind::Timeout => sdk::error::ErrorKind::TimedOut,
        ErrorKind::Crashed => sdk::error::ErrorKind::Transient,
        ErrorKind::Code | ErrorKind::Refused | ErrorKind::Memory | ErrorKind::Output => {
            sdk::error::ErrorKind::Permanent
        }
    };
    let line = error.line.map(|line| Box::new(Value::Object([("line", line)].into_iter().collect())));
    NodeError {
        kind,
        description: error.description,
        item: error.item,
        details: line,
        ..NodeError::permanent(error.message)
    }
}

/// Where n8n keeps a node's or the workflow's part of the static data.
fn static_key(kind: StaticData, ctx: &Context) -> Text {
    match kind {
        StaticData::Global => "global".into(),
        StaticData::Node => format!("node:{}", ctx.node.name).into(),
    }
}

/// Answers code from the step it runs in.
struct StepHost<'a> {
    ctx: &'a Context,
}

impl CodeHost for StepHost<'_> {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Answer, HostError>> {
        let now = |answer| std::future::ready(answer).boxed();
        match question {
            Question::HttpRequest(options) => http::request(self.ctx, options).boxed(),
            Question::Node { name, query } => now(self.node(&name, query)),
            Question::StaticData(kind) => {
                let data = self.ctx.execution.static_data.get(&static_key(kind, self.ctx)).cloned();
                now(Ok(Answer::Value(data.unwrap_or_else(|| Object::new().into()))))
            }
            Question::ReadBinary(Blob::Inline(bytes)) => now(Ok(Answer::Bytes(bytes.to_vec()))),
            Question::ReadBinary(Blob::Stored { sha256, .. }) => now(Err(HostError::new(format!(
                "file {sha256} cannot be read: this instance has no blob store"
            )))),
        }
    }
}

impl StepHost<'_> {
    fn node(&self, name: &str, query: NodeQuery) -> Result<Answer, HostError> {
        let ctx = self.ctx;
        let lost = |error: sdk::lookback::LookbackError| HostError::new(error.to_string());
        let node = ctx.find_node(name).map_err(lost)?;
        let runs = ctx.history.runs(node);
        Ok(match query {
            NodeQuery::Items { output, run } => {
                let run = run.and_then(|run| usize::try_from(run).ok());
                Answer::Items(ctx.items_of(ctx.output_of(node, output, run).map_err(lost)?))
            }
            NodeQuery::PairedItem { index } => Answer::Item(ctx.paired_item(node, index).map_err(lost)?),
            NodeQuery::Parameters { index } => {
                let parameters = Value::Object(ctx.graph().nodes()[node].parameters.clone());
                let tree = Tree::parse(&parameters).map_err(|error| HostError::new(error.to_string()))?;
                let value = tree.eval(ctx, index).map_err(|error| HostError::new(error.message))?;
                Answer::Value(value.unwrap_or_default())
            }
            NodeQuery::Context => {
                let state = runs.iter().rev().find_map(|run| run.state.as_ref());
                let context = state.map(|state| state.get("context").unwrap_or(state).clone());
                Answer::Value(context.unwrap_or_else(|| Object::new().into()))
            }
            NodeQuery::IsExecuted => Answer::Value((!runs.is_empty()).into()),
            NodeQuery::RunIndex => Answer::Value(runs.len().saturating_sub(1).into()),
        })
    }
}
