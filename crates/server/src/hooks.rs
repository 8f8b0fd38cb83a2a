//! Inbound webhooks: from the head of a call to its answer, before any other routing.
//!
//! `route` finds the webhook in memory; `auth` and `signature` say who may call; `request` makes the item, `answer` what
//! the caller is told; `waiting` ends waits. What a workflow says about its webhook is read once, when its address is
//! loaded: see [`sdk::trigger::CallSpec`].

mod answer;
mod auth;
mod body;
mod dedupe;
mod jwt;
mod multipart;
mod query;
mod refusal;
mod request;
mod route;
mod scope;
mod signature;
mod waiting;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use engine::{Reply, StartRequest, TriggerKind};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use model::ids::RouteId;
use model::{Items, Object};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sdk::trigger::call::{Origins, Respond};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::answer::{Head, Receipt};
use self::body::Room;
use self::refusal::{Refusal, Wording};
use self::request::Call;
use self::route::{Route, Router};
use crate::address::ClientAddress;
use crate::config::HookLimits;

/// Answers calls of webhooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hooks {
    shared: Arc<Shared>,
}

struct Shared {
    app: Arc<App>,
    router: Router,
    limits: HookLimits,
    room: Room,
    places: Semaphore,
    calls: Counter,
    refused: Counter,
}

/// A call, as it comes in.
struct Inbound {
    parts: Parts,
    body: Body,
    client: IpAddr,
}

impl Hooks {
    /// Webhooks of this product, counted in this registry.
    pub(crate) fn new(app: Arc<App>, limits: HookLimits, registry: &mut Registry) -> Self {
        let (calls, refused) = (Counter::default(), Counter::default());
        registry.register("webhook_calls", "Calls of webhooks", calls.clone());
        registry.register("webhook_refusals", "Calls of webhooks that started nothing", refused.clone());
        let router = Router::new(app.engine.clone(), app.store.clone(), app.public_url.clone(), limits.body);
        let room = Room::new(limits.bodies);
        let places = Semaphore::new(limits.calls);
        Self { shared: Arc::new(Shared { app, router, limits, room, places, calls, refused }) }
    }

    /// Whether a path is that of a webhook.
    pub(crate) fn owns(path: &str) -> bool {
        Address::read(path).is_some()
    }

    /// Keeps the addresses up to date until `shutdown` fires.
    pub(crate) async fn keep_fresh(self, shutdown: CancellationToken) {
        self.shared.router.keep_fresh(shutdown).await;
    }

    /// Answers a call. The address of the client is in its extensions.
    pub(crate) async fn handle(&self, request: Request) -> Response {
        let shared = &*self.shared;
        shared.calls.inc();
        let (parts, body) = request.into_parts();
        let client = parts
            .extensions
            .get::<ClientAddress>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0);
        let uri = parts.uri.clone();
        let inbound = Inbound { parts, body, client };
        let response = match Address::read(uri.path()) {
            Some(Address::Webhook { id, is_test, rest }) => shared.webhook(id, is_test, rest, inbound).await,
            Some(Address::Waiting { execution, rest }) => {
                waiting::resume(shared, execution, rest, inbound).await
            }
            Some(Address::Status { execution, token }) => {
                waiting::status(shared, execution, token, &inbound.parts).await
            }
            None => Refusal::not_found().respond(Wording::Native),
        };
        if response.status().is_client_error() || response.status().is_server_error() {
            shared.refused.inc();
        }
        response
    }
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Address<'a> {
    /// `/hooks/{id}/{suffix}` or `/hooks-test/...`
    Webhook { id: &'a str, is_test: bool, rest: &'a str },
    /// `/hooks-waiting/{execution}/{token}/{suffix}`
    Waiting { execution: &'a str, rest: &'a str },
    /// `/hooks-status/{execution}/{token}`
    Status { execution: &'a str, token: &'a str },
}

impl<'a> Address<'a> {
    fn read(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/hooks")?;
        let (folder, rest) = path.split_once('/')?;
        let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match folder {
            "" => Some(Address::Webhook { id: first, is_test: false, rest }),
            "-test" => Some(Address::Webhook { id: first, is_test: true, rest }),
            "-waiting" => Some(Address::Waiting { execution: first, rest }),
            "-status" => Some(Address::Status { execution: first, token: rest }),
            _ => None,
        }
    }
}

impl Shared {
    async fn webhook(&self, id: &str, is_test: bool, rest: &str, inbound: Inbound) -> Response {
        let found = match id.parse::<RouteId>() {
            Ok(id) => self.router.find(id, is_test).await,
            Err(_) => None,
        };
        let Some(route) = found else { return Refusal::not_found().respond(Wording::Native) };
        let origin = inbound.parts.headers.get(ORIGIN).cloned();
        let response = match self.call(&route, rest, inbound).await {
            Ok(response) => response,
            Err(refusal) => refusal.respond(route.wording),
        };
        share(&route, origin, response)
    }

    /// Everything between the route and the answer.
    async fn call(&self, route: &Route, rest: &str, inbound: Inbound) -> Result<Response, Refusal> {
        let Inbound { parts, body, client } = inbound;
        let spec = &*route.spec;
        let Some(port) = spec.methods.iter().position(|method| *method == parts.method) else {
            if parts.method == Method::OPTIONS {
                return Ok(preflight(route, &parts.headers));
            }
            return Err(Refusal::method(parts.method.as_str(), &spec.methods));
        };
        let params = if rest.is_empty() && spec.path.is_plain() {
            Object::new()
        } else {
            spec.path.matches(rest).ok_or_else(Refusal::not_found)?
        };
        auth::check_origin(spec, client, &parts.headers)?;
        if let (Origins::These(_), Some(origin)) = (&spec.origins, parts.headers.get(ORIGIN))
            && !origin.to_str().is_ok_and(|origin| spec.origins.allow(origin))
        {
            let detail = "pages of this origin may not call this webhook";
            return Err(Refusal::forbidden(detail, detail));
        }
        let now = Timestamp::now();
        let lock = route.lock(&self.app.engine).await;
        let proof = lock.check_head(&parts.headers, now.as_millisecond() as f64 / 1000.0)?;
        let _place = self.places.try_acquire().map_err(|_| Refusal::too_many(Duration::from_secs(1)))?;
        let read = body::read(&parts.headers, body, self.limits.body, &self.room).await?;
        let verified = lock.check_body(&parts.headers, &read.bytes, now.as_second())?;
        let call = Call {
            headers: &parts.headers,
            query: parts.uri.query(),
            params,
            body: read.bytes.clone(),
            url: route.url.clone(),
            is_test: route.stored.is_test,
            port,
            secret_header: proof.secret_header,
            claims: proof.claims,
        };
        let items: Items = Arc::new(vec![call.into_item(&route.reading)?]);
        let is_immediate = matches!(spec.respond, Respond::Immediately { .. });
        // What the webhook itself says is worked out first: when that fails nothing has begun.
        let scope = route.is_computed.then(|| scope::context(route, &items, &self.app));
        let head = Head::of(route, scope.as_ref())?;
        let key = dedupe::key(route, &parts.headers, &items[0], verified, now, scope.as_ref())?;
        let stored = &route.stored;
        let start = StartRequest {
            mode: if stored.is_test { sdk::Mode::Manual } else { sdk::Mode::Webhook },
            key,
            use_pins: stored.is_test,
            reply: if is_immediate { Reply::Accepted } else { Reply::Outcome },
            ..StartRequest::new(
                (stored.workspace, stored.workflow, stored.version),
                stored.node.as_str(),
                items.clone(),
                TriggerKind::Webhook,
            )
        };
        let started = self.app.engine.start(start).await.map_err(|error| answer::refused(&error))?;
        let receipt = Receipt {
            app: &self.app,
            workspace: stored.workspace,
            execution: started.execution,
            duplicate: started.duplicate,
        };
        if is_immediate {
            return Ok(answer::accepted(route, head, &receipt));
        }
        let Some(answering) = started.answer.filter(|_| !started.duplicate) else {
            return Ok(answer::pending(route, &receipt));
        };
        match tokio::time::timeout(self.limits.deadline, answering).await {
            Ok(answer) => answer::outcome(route, &self.app.store, head, answer, &receipt).await,
            Err(_) => Ok(answer::pending(route, &receipt)),
        }
    }
}

/// What a browser asks before it lets a page call.
fn preflight(route: &Route, headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(ALLOW, route.methods.clone());
    if headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, route.methods.clone());
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("300"));
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
    }
    response
}

/// Says whose pages may read an answer. Cookies are never part of it.
fn share(route: &Route, origin: Option<HeaderValue>, mut response: Response) -> Response {
    let Some(origin) = origin else { return response };
    let headers = response.headers_mut();
    match &route.spec.origins {
        Origins::Any => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        origins => {
            headers.append(VARY, HeaderValue::from_static("origin"));
            if origin.to_str().is_ok_and(|origin| origins.allow(origin)) {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
        }
    }
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_by_their_beginning() {
        let webhook = |id, is_test, rest| Some(Address::Webhook { id, is_test, rest });
        assert_eq!(Address::read("/hooks/1"), webhook("1", false, ""));
        assert_eq!(Address::read("/hooks/1/a/b"), webhook("1", false, "a/b"));
        assert_eq!(Address::read("/hooks-test/1/"), webhook("1", true, ""));
        assert_eq!(
            Address::read("/hooks-waiting/1/t/s"),
            Some(Address::Waiting { execution: "1", rest: "t/s" })
        );
        assert_eq!(Address::read("/hooks-status/1/t"), Some(Address::Status { execution: "1", token: "t" }));
        for other in ["/hooks", "/hooksx/1", "/hooks-other/1", "/api/hooks/1", "/"] {
            assert_eq!(Address::read(other), None, "{other}");
        }
    }
}
