//! The API: every route with what it needs, and the document made of them.
//!
//! [`Api::route`] is the only way to add a route, and takes what the route needs: one without does not compile.

mod credentials;
mod events;
mod executions;
mod expressions;
mod keys;
mod logs;
mod openapi;
mod page;
mod setup;
mod workflows;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::Method;
use http::header::CONTENT_TYPE;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::problem::{ApiError, ApiResult, Kind};
use crate::state::State as ServerState;
use crate::{auth, health, idempotency, landing, server};
use app::access::Permission;

/// What a route needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: anybody may call it.
    Public,
    /// An API key that allows this.
    Needs(Permission),
}

/// Routes with what they need.
#[derive(Default)]
pub(crate) struct Api {
    routes: Vec<(Access, UtoipaMethodRouter<ServerState>)>,
}

impl Api {
    /// Adds a route.
    fn route(mut self, access: Access, routes: UtoipaMethodRouter<ServerState>) -> Self {
        self.routes.push((access, routes));
        self
    }

    fn needs(self, permission: Permission, routes: UtoipaMethodRouter<ServerState>) -> Self {
        self.route(Access::Needs(permission), routes)
    }

    /// The routes, guarded where there is a state, and their document.
    fn split(self, state: Option<&ServerState>) -> (Router<ServerState>, OpenApi) {
        let mut router = OpenApiRouter::with_openapi(openapi::head());
        for (access, (schemas, mut paths, mut methods)) in self.routes {
            for (path, item) in &mut paths.paths {
                openapi::describe(path, item, access);
            }
            if let Some(state) = state {
                let guard = middleware::from_fn_with_state(state.clone(), guard);
                methods = methods.route_layer(guard).route_layer(Extension(access));
            }
            router = router.routes((schemas, paths, methods));
        }
        let (router, mut document) = router.split_for_parts();
        openapi::finish(&mut document);
        (router, document)
    }
}

/// The document of the API.
pub(crate) fn document() -> serde_json::Value {
    let (_, document) = routes().split(None);
    openapi::to_json(&document)
}

/// All routes of the API.
fn routes() -> Api {
    Api::default()
        .route(Access::Public, routes!(health::health))
        .route(Access::Public, routes!(health::readiness))
        .route(Access::Public, routes!(setup::set_up))
        .needs(Permission::ManageKeys, routes!(keys::create_key))
        .needs(Permission::ManageKeys, routes!(keys::list_keys))
        .needs(Permission::ManageKeys, routes!(keys::delete_key))
        .needs(Permission::EditWorkflows, routes!(workflows::create_workflow))
        .needs(Permission::ReadWorkflows, routes!(workflows::list_workflows))
        .needs(Permission::ReadWorkflows, routes!(workflows::find_workflow))
        .needs(Permission::EditWorkflows, routes!(workflows::update_workflow))
        .needs(Permission::EditWorkflows, routes!(workflows::delete_workflow))
        .needs(Permission::ReadWorkflows, routes!(workflows::validate_definition))
        .needs(Permission::ReadWorkflows, routes!(workflows::validate_workflow))
        .needs(Permission::PublishWorkflows, routes!(workflows::publish_workflow))
        .needs(Permission::PublishWorkflows, routes!(workflows::pause_workflow))
        .needs(Permission::PublishWorkflows, routes!(workflows::activate_workflow))
        .needs(Permission::EditWorkflows, routes!(workflows::duplicate_workflow))
        .needs(Permission::EditWorkflows, routes!(workflows::import_workflow))
        .needs(Permission::ReadWorkflows, routes!(workflows::export_workflow))
        .needs(Permission::ReadWorkflows, routes!(workflows::list_versions))
        .needs(Permission::ReadWorkflows, routes!(workflows::find_version))
        .needs(Permission::ReadWorkflows, routes!(workflows::list_triggers))
        .needs(Permission::Execute, routes!(workflows::open_test_route))
        .needs(Permission::Execute, routes!(executions::run_workflow))
        .needs(Permission::ReadExecutions, routes!(executions::list_executions))
        .needs(Permission::ReadExecutions, routes!(executions::find_execution))
        .needs(Permission::ReadExecutions, routes!(executions::list_steps))
        .needs(Permission::ReadExecutionData, routes!(executions::find_step))
        .needs(Permission::Execute, routes!(executions::cancel_execution))
        .needs(Permission::Execute, routes!(executions::pause_execution))
        .needs(Permission::Execute, routes!(executions::resume_execution))
        .needs(Permission::Execute, routes!(executions::retry_execution))
        .needs(Permission::Execute, routes!(executions::replay_execution))
        .needs(Permission::Execute, routes!(executions::settle_step))
        .needs(Permission::ReadExecutions, routes!(executions::list_waits))
        .needs(Permission::Execute, routes!(executions::resolve_wait))
        .needs(Permission::DeleteExecutions, routes!(executions::delete_execution))
        .needs(Permission::EditCredentials, routes!(credentials::create_credential))
        .needs(Permission::ReadCredentials, routes!(credentials::list_credentials))
        .needs(Permission::EditCredentials, routes!(credentials::delete_credential))
        .needs(Permission::ReadExecutionData, routes!(logs::list_logs))
        .needs(Permission::ReadExecutions, routes!(events::follow_execution))
        .needs(Permission::ReadExecutions, routes!(events::follow_workspace))
        .needs(Permission::Execute, routes!(expressions::preview_expression))
}

/// Everything that is served but webhooks.
pub(crate) fn router(state: &ServerState) -> Router {
    let (router, _) = routes().split(Some(state));
    let router = router
        .route("/", get(landing::landing))
        .route("/api/v1/openapi.json", get(give_document))
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method);
    server::surround(router, state)
}

async fn give_document(State(state): State<ServerState>) -> ApiResult<Response> {
    state.check_set_up().await?;
    Ok(([(CONTENT_TYPE, "application/json")], state.document.clone()).into_response())
}

async fn nothing_here(State(state): State<ServerState>) -> ApiResult<()> {
    state.check_set_up().await?;
    Err(ApiError::new(
        Kind::NotFound,
        "there is nothing at this address; GET /api/v1/openapi.json lists what there is",
    ))
}

async fn no_such_method(State(state): State<ServerState>) -> ApiResult<()> {
    state.check_set_up().await?;
    Err(ApiError::new(Kind::MethodNotAllowed, "this address has other methods; the header Allow names them"))
}

/// Lets those in who may come in, and repeats the answer to a request that was sent again.
async fn guard(
    State(state): State<ServerState>,
    Extension(access): Extension<Access>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = auth::Asked::of(&request);
    let actor = match admit(&state, access, asked).await {
        Ok(actor) => actor,
        Err(error) => return error.into_response(),
    };
    let Some(actor) = actor else { return next.run(request).await };
    request.extensions_mut().insert(actor.clone());
    if request.method() == Method::POST && request.headers().contains_key(idempotency::HEADER) {
        return idempotency::once(&state, &actor, request, next).await;
    }
    next.run(request).await
}

async fn admit(
    state: &ServerState,
    access: Access,
    asked: auth::Asked,
) -> ApiResult<Option<app::access::Actor>> {
    let Access::Needs(permission) = access else { return Ok(None) };
    state.check_set_up().await?;
    let actor = auth::authenticate(state, asked).await?;
    actor.require(permission)?;
    Ok(Some(actor))
}
