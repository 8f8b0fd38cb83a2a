//! The API: every route with what it needs, and the document made of them.
//!
//! [`Api::route`] is the only way to add a route, and takes what the route needs: one without does not compile.

mod keys;
mod openapi;
mod setup;

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

    /// The document of the routes.
    pub(crate) fn document(self) -> OpenApi {
        self.split(None).1
    }

    /// The routes, guarded, and their document.
    pub(crate) fn into_router(self, state: &ServerState) -> (Router<ServerState>, OpenApi) {
        self.split(Some(state))
    }

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

/// All routes of the API.
pub(crate) fn routes() -> Api {
    Api::default()
        .route(Access::Public, routes!(health::health))
        .route(Access::Public, routes!(health::readiness))
        .route(Access::Public, routes!(setup::set_up))
        .needs(Permission::ManageKeys, routes!(keys::create_key))
        .needs(Permission::ManageKeys, routes!(keys::list_keys))
        .needs(Permission::ManageKeys, routes!(keys::delete_key))
}

/// Everything that is served but webhooks.
pub(crate) fn router(state: &ServerState) -> Router {
    let (router, _) = routes().into_router(state);
    let router = router
        .route("/", get(landing::landing))
        .route("/api/v1/openapi.json", get(document))
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method);
    server::surround(router, state)
}

async fn document(State(state): State<ServerState>) -> ApiResult<Response> {
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
