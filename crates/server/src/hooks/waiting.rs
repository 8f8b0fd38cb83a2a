//! Calls that end a wait.

use std::sync::Arc;
use std::time::Duration;

use app::addresses;
use app::secrets::Purpose;
use axum::body::Body;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use model::ids::{ExecutionId, WorkspaceId};
use model::{Items, Object, Value, json};
use sdk::NodeInfo;
use sdk::trigger::call::{self, Authentication, Origins};
use sdk::trigger::{CallSpec, PathPattern};

use super::answer::{self, Receipt, refused};
use super::auth::{self, Lock};
use super::refusal::{Refusal, Wording};
use super::request::{Call, Reading};
use super::{Inbound, Shared, body};

/// How long a call waits for the wait that it ends: services may call back before the execution has come that far.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the wait of an execution with a call. `rest` is what follows the execution in the address: the token, and what
/// the wait wants behind it.
pub(super) async fn resume(shared: &Shared, execution: &str, rest: &str, inbound: Inbound) -> Response<Body> {
    match end_wait(shared, execution, rest, inbound).await {
        Ok(response) => response,
        Err((refusal, wording)) => refusal.respond(wording),
    }
}

type Refused = (Refusal, Wording);

async fn end_wait(
    shared: &Shared,
    execution: &str,
    rest: &str,
    inbound: Inbound,
) -> Result<Response<Body>, Refused> {
    let native = |refusal| (refusal, Wording::Native);
    let (token, suffix) = rest.split_once('/').unwrap_or((rest, ""));
    let execution: ExecutionId = execution.parse().map_err(|_| native(Refusal::not_found()))?;
    let key = &shared.app.key;
    let workspace = addresses::open(key, Purpose::ResumeUrls, execution, token)
        .ok_or_else(|| native(Refusal::not_found()))?;
    let Inbound { parts, body, client } = inbound;
    // Programs that look at links decide nothing, whatever the wait takes.
    if parts.method == Method::HEAD || parts.method == Method::OPTIONS {
        return Err(native(Refusal::method(parts.method.as_str(), &[Method::POST])));
    }
    let wait = find_wait(shared, workspace, execution).await.map_err(native)?;
    let (node, spec, status) = describe(shared, workspace, execution, &wait).await.map_err(native)?;
    let wording = if spec.n8n_answers { Wording::N8n } else { Wording::Native };
    let told = |refusal| (refusal, wording);
    if !spec.methods.contains(&parts.method) {
        return Err(told(Refusal::method(parts.method.as_str(), &spec.methods)));
    }
    let params = spec.path.matches(suffix).ok_or_else(|| told(Refusal::not_found()))?;
    auth::check_origin(&spec, client, &parts.headers).map_err(told)?;
    let now = jiff::Timestamp::now();
    let lock = match spec.authentication.credential() {
        None => Lock::Open,
        Some(kind) => {
            let credential = shared.app.engine.host().credentials(workspace);
            Lock::new(&spec.authentication, credential.find(&node, kind).await.ok().as_ref())
        }
    };
    let proof = lock.check_head(&parts.headers, now.as_millisecond() as f64 / 1000.0).map_err(told)?;
    let read = body::read(&parts.headers, body, shared.limits.body, &shared.room).await.map_err(told)?;
    let reading = Reading {
        raw: spec.raw_body,
        file_field: spec.file_field.as_deref().map(Into::into),
        limit: shared.limits.body,
        wording,
    };
    let call = Call {
        headers: &parts.headers,
        query: parts.uri.query(),
        params,
        body: read.bytes,
        url: addresses::resume_address(key, &shared.app.public_url, workspace, execution).into(),
        is_test: false,
        port: 0,
        secret_header: proof.secret_header,
        claims: proof.claims,
    };
    let item = call.into_item(&reading).map_err(told)?;
    let items: Items = Arc::new(vec![item]);
    let resolved = shared.app.engine.resolve_wait(workspace, execution, wait.step, vec![items]).await;
    resolved.map_err(|error| match error {
        store::Error::NotFound(_) => told(over(&execution)),
        error => told(refused(&engine::StartError::Storage(error))),
    })?;
    let receipt = Receipt { app: &shared.app, workspace, execution, duplicate: false };
    Ok(answer::resumed(wording, status, &receipt))
}

/// The wait of an execution that a call may end: the latest one. One that has not begun yet is waited for.
async fn find_wait(
    shared: &Shared,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> Result<store::journal::Wait, Refusal> {
    let storage = |error| match error {
        store::Error::NotFound(_) => Refusal::not_found(),
        error => refused(&engine::StartError::Storage(error)),
    };
    let mut watch = shared.app.engine.watch(execution);
    let begun = tokio::time::Instant::now();
    loop {
        let waits = shared.app.store.open_waits(workspace, execution).await.map_err(storage)?;
        if let Some(wait) = waits.into_iter().rev().find(|wait| wait.kind == "call") {
            return Ok(wait);
        }
        let head = shared.app.store.execution(workspace, execution).await.map_err(storage)?;
        if head.status.is_final() {
            return Err(over(&execution));
        }
        if begun.elapsed() >= PATIENCE {
            return Err(Refusal::conflict(format!("the execution {execution} does not wait for a call")));
        }
        // Whatever another process does is not seen here, so that it is looked for once in a while.
        let _ = tokio::time::timeout(Duration::from_millis(200), watch.changed()).await;
    }
}

fn over(execution: &ExecutionId) -> Refusal {
    Refusal::conflict(format!("The execution \"{execution}\" has finished already."))
}

/// What the wait says about the calls that end it, in the terms of webhooks, and the status of the answer.
async fn describe(
    shared: &Shared,
    workspace: WorkspaceId,
    execution: ExecutionId,
    wait: &store::journal::Wait,
) -> Result<(Arc<NodeInfo>, CallSpec, StatusCode), Refusal> {
    let storage = |error| refused(&engine::StartError::from(error));
    let head = shared.app.store.execution(workspace, execution).await.map_err(storage)?;
    let plan = shared.app.engine.plans().get(workspace, head.workflow, head.version).await;
    let plan = plan.map_err(|error| refused(&error))?;
    let node = plan.nodes().iter().find(|node| node.info.key == wait.node).ok_or_else(Refusal::not_found)?;
    let said = Value::from_json(&wait.options).unwrap_or_default();
    let methods: Vec<Method> = said
        .get("methods")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|method| method.as_str()?.to_ascii_uppercase().parse().ok())
        .collect();
    let options = said.get("options").and_then(Value::as_object).cloned().unwrap_or_default();
    let status = options.get("responseCode").and_then(Value::as_f64).unwrap_or(200.0);
    let status = StatusCode::from_u16(status as u16).ok().filter(|status| status.as_u16() >= 200);
    let is_foreign = node.info.kind.starts_with("n8n-nodes-base.");
    Ok((node.info.clone(), spec(methods, &options, is_foreign)?, status.unwrap_or(StatusCode::OK)))
}

fn spec(methods: Vec<Method>, options: &Object, n8n_answers: bool) -> Result<CallSpec, Refusal> {
    let more = options.get("options").cloned().unwrap_or_default();
    let text = |name: &str| more.get(name).and_then(Value::as_str).unwrap_or_default();
    let flag = |name: &str| more.get(name).and_then(Value::as_bool).unwrap_or_default();
    Ok(CallSpec {
        methods: if methods.is_empty() { vec![Method::POST] } else { methods },
        path: PathPattern::parse(text("webhookSuffix")),
        authentication: match options.get("incomingAuthentication").and_then(Value::as_str) {
            None | Some("none" | "") => Authentication::None,
            Some("basicAuth") => Authentication::Basic,
            Some("headerAuth") => Authentication::Header,
            Some("jwtAuth") => Authentication::Jwt,
            Some(_) => return Err(Refusal::without_secret()),
        },
        origins: Origins::Any,
        addresses: call::parse_addresses(text("ipWhitelist")).map_err(|_| Refusal::without_secret())?,
        ignore_bots: flag("ignoreBots"),
        raw_body: flag("rawBody"),
        file_field: Some(text("binaryPropertyName").to_owned()).filter(|name| !name.is_empty()),
        dedupe: call::Dedupe::Nothing,
        dedupe_window: Duration::ZERO,
        respond: call::Respond::Immediately { status: None, body: None, no_body: false },
        headers: Vec::new(),
        n8n_answers,
    })
}

/// What became of an execution, for whoever has its status address: nothing of its data.
pub(super) async fn status(shared: &Shared, execution: &str, token: &str, parts: &Parts) -> Response<Body> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Refusal::method(parts.method.as_str(), &[Method::GET]).respond(Wording::Native);
    }
    let found = async {
        let execution: ExecutionId = execution.parse().map_err(|_| Refusal::not_found())?;
        let workspace = addresses::open(&shared.app.key, Purpose::StatusUrls, execution, token);
        let workspace = workspace.ok_or_else(Refusal::not_found)?;
        shared.app.store.execution(workspace, execution).await.map_err(|error| match error {
            store::Error::NotFound(_) => Refusal::not_found(),
            error => refused(&engine::StartError::Storage(error)),
        })
    };
    match found.await {
        Ok(execution) => answer::status(&json!({
            "execution_id": (execution.id.to_string()),
            "status": (execution.status),
            "accepted_at": (execution.accepted_at.to_string()),
            "finished_at": (execution.finished_at.map(|at| at.to_string())),
        })),
        Err(refusal) => refusal.respond(Wording::Native),
    }
}
