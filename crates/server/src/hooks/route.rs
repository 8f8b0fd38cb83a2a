//! Addresses of webhooks, each with everything about it that is the same for all calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use engine::{Engine, Plan};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use model::Text;
use model::ids::RouteId;
use sdk::trigger::Trigger;
use sdk::trigger::call::{CallSpec, Dedupe, Respond};
use sdk::{Expr, NodeInfo};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::answer::is_forbidden_header;
use super::auth::Lock;
use super::refusal::Wording;
use super::request::Reading;

/// How long a secret is kept before it is looked up again.
const LOCK_AGE: Duration = Duration::from_secs(5);
/// How often hints are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How often everything is read again although nobody said that it changed.
const SAFETY: Duration = Duration::from_secs(60);
/// Unknown addresses that may be looked up in a second: what was published a moment ago is found at once, and who
/// guesses addresses does not keep the database busy.
const LOOKUPS_PER_SECOND: u32 = 50;

/// An address of a webhook with everything that is the same for all its calls.
pub(super) struct Route {
    pub(super) stored: store::routes::Route,
    pub(super) plan: Arc<Plan>,
    pub(super) node: Arc<NodeInfo>,
    pub(super) spec: Arc<CallSpec>,
    pub(super) wording: Wording,
    pub(super) reading: Reading,
    /// The address as the world knows it.
    pub(super) url: Text,
    /// Headers of answers that no expression makes.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether some of them, or the status, must be worked out for each call.
    pub(super) is_computed: bool,
    /// `allow` and `access-control-allow-methods`.
    pub(super) methods: HeaderValue,
    lock: Mutex<Option<(Instant, Arc<Lock>)>>,
}

impl Route {
    /// Reads what a stored address leads to; `None` when that is no webhook, which is told once.
    async fn load(engine: &Engine, stored: store::routes::Route, base: &str, limit: usize) -> Option<Self> {
        let (workspace, workflow, version) = (stored.workspace, stored.workflow, stored.version);
        let plan = match engine.plans().get(workspace, workflow, version).await {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(route.workflow = %workflow, %error, "a webhook cannot be answered");
                return None;
            }
        };
        let index = plan.nodes().iter().position(|node| node.info.key == stored.node)?;
        let node = plan.node(index);
        let (false, Some(Ok(Trigger::Call(spec)))) = (node.info.disabled, &node.trigger) else {
            tracing::warn!(route.workflow = %workflow, node = %stored.node, "an address leads to no webhook");
            return None;
        };
        let (info, spec) = (node.info.clone(), spec.clone());
        Some(Self::new(stored, plan, info, spec, base, limit))
    }

    fn new(
        stored: store::routes::Route,
        plan: Arc<Plan>,
        node: Arc<NodeInfo>,
        spec: Arc<CallSpec>,
        base: &str,
        limit: usize,
    ) -> Self {
        let wording = if spec.n8n_answers { Wording::N8n } else { Wording::Native };
        let folder = if stored.is_test { "hooks-test" } else { "hooks" };
        let path = spec.path.to_string();
        let slash = if path.is_empty() { "" } else { "/" };
        let url = format!("{base}{folder}/{}{slash}{path}", stored.id);
        let literal = |header: &sdk::trigger::call::Header| {
            let name: HeaderName = header.name.literal()?.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(header.value.literal()?).ok()?))
        };
        let headers: Vec<_> = spec.headers.iter().filter_map(literal).collect();
        let headers_are_computed = headers.len() != spec.headers.len();
        let status_is_computed = match &spec.respond {
            Respond::Immediately { status, body, .. } => {
                status.as_ref().is_some_and(is_computed) || body.as_ref().is_some_and(is_computed)
            }
            Respond::LastNode { status, field, content_type, .. } => {
                is_computed(status)
                    || field.as_ref().is_some_and(is_computed)
                    || content_type.as_ref().is_some_and(is_computed)
            }
            Respond::Node | Respond::Streaming => false,
        };
        let methods: Vec<_> = spec.methods.iter().map(|method| method.as_str()).collect();
        let methods = HeaderValue::from_str(&methods.join(", ")).expect("methods are tokens");
        let reading = Reading {
            raw: spec.raw_body,
            file_field: spec.file_field.as_deref().map(Text::from),
            limit,
            wording,
        };
        Self {
            stored,
            plan,
            node,
            wording,
            reading,
            url: url.into(),
            headers: headers.into_iter().filter(|(name, _)| !is_forbidden_header(name)).collect(),
            is_computed: headers_are_computed
                || status_is_computed
                || matches!(spec.dedupe, Dedupe::Key { .. }),
            methods,
            spec,
            lock: Mutex::new(None),
        }
    }

    /// What callers are checked with. A credential that cannot be read lets nobody in.
    pub(super) async fn lock(&self, engine: &Engine) -> Arc<Lock> {
        let Some(kind) = self.spec.authentication.credential() else {
            return Arc::new(Lock::Open);
        };
        let known = self.lock.lock().expect("nobody panics while holding a lock").clone();
        if let Some((since, lock)) = known
            && since.elapsed() < LOCK_AGE
        {
            return lock;
        }
        let credential = engine.host().credentials(self.stored.workspace);
        let credential = credential.find(&self.node, kind).await;
        if let Err(error) = &credential {
            tracing::warn!(workflow.id = %self.stored.workflow, %error, "the secret of a webhook cannot be read");
        }
        let lock = Arc::new(Lock::new(&self.spec.authentication, credential.as_ref().ok()));
        *self.lock.lock().expect("nobody panics while holding a lock") = Some((Instant::now(), lock.clone()));
        lock
    }
}

fn is_computed<T: sdk::expression::FromData + Clone>(parameter: &Expr<T>) -> bool {
    parameter.literal().is_none()
}

type Routes = HashMap<RouteId, Arc<Route>, foldhash::fast::RandomState>;

/// All addresses, in memory: an unknown one costs the same as one that is switched off.
pub(super) struct Router {
    engine: Engine,
    store: store::Store,
    base: String,
    limit: usize,
    routes: RwLock<Arc<Routes>>,
    /// Since when and how often unknown addresses were looked up. One after the other: the second call of an address
    /// that was just published finds what the first one loaded.
    lookups: tokio::sync::Mutex<(Instant, u32)>,
}

impl Router {
    pub(super) fn new(engine: Engine, store: store::Store, base: String, limit: usize) -> Self {
        let lookups = tokio::sync::Mutex::new((Instant::now(), 0));
        Self { engine, store, base, limit, routes: RwLock::default(), lookups }
    }

    /// The webhook at an address.
    pub(super) async fn find(&self, id: RouteId, is_test: bool) -> Option<Arc<Route>> {
        let known = self.routes().get(&id).cloned();
        let route = match known {
            Some(route) => route,
            None => self.look_up(id).await?,
        };
        let is_over = route.stored.expires_at.is_some_and(|until| until <= Timestamp::now());
        (route.stored.is_test == is_test && !is_over).then_some(route)
    }

    fn routes(&self) -> Arc<Routes> {
        self.routes.read().expect("nobody panics while holding the routes").clone()
    }

    async fn look_up(&self, id: RouteId) -> Option<Arc<Route>> {
        let mut lookups = self.lookups.lock().await;
        if let Some(known) = self.routes().get(&id) {
            return Some(known.clone());
        }
        if lookups.0.elapsed() >= Duration::from_secs(1) {
            *lookups = (Instant::now(), 0);
        }
        lookups.1 += 1;
        if lookups.1 > LOOKUPS_PER_SECOND {
            return None;
        }
        let stored = self.store.find_route(id).await.ok().flatten()?;
        let route = Arc::new(Route::load(&self.engine, stored, &self.base, self.limit).await?);
        let mut routes = self.routes.write().expect("nobody panics while holding the routes");
        Arc::make_mut(&mut *routes).insert(id, route.clone());
        Some(route)
    }

    /// Reads all addresses; those that stayed as they were keep what was worked out for them.
    pub(super) async fn reload(&self) -> store::Result<()> {
        let stored = self.store.active_routes().await?;
        let before = self.routes();
        let mut routes = Routes::with_capacity_and_hasher(stored.len(), Default::default());
        for stored in stored {
            let id = stored.id;
            let route = match before.get(&id).filter(|route| route.stored == stored) {
                Some(route) => Some(route.clone()),
                None => Route::load(&self.engine, stored, &self.base, self.limit).await.map(Arc::new),
            };
            routes.extend(route.map(|route| (id, route)));
        }
        *self.routes.write().expect("nobody panics while holding the routes") = Arc::new(routes);
        Ok(())
    }

    /// Keeps the addresses up to date until `shutdown` fires.
    pub(super) async fn keep_fresh(&self, shutdown: CancellationToken) {
        let mut hints = self.store.wakeups();
        loop {
            if let Err(error) = self.reload().await {
                tracing::warn!(%error, "the addresses of webhooks cannot be read");
                let pause = tokio::time::sleep(Duration::from_secs(1));
                match shutdown.run_until_cancelled(pause).await {
                    Some(()) => continue,
                    None => return,
                }
            }
            let changed = tokio::time::timeout(SAFETY, change(&mut hints));
            match shutdown.run_until_cancelled(changed).await {
                Some(Ok(true) | Err(_)) => {}
                Some(Ok(false)) | None => return,
            }
        }
    }
}

/// Waits until a hint says that addresses changed, or was lost and may have said so. Gives whether there can be more.
async fn change(hints: &mut broadcast::Receiver<store::Wakeup>) -> bool {
    loop {
        match hints.recv().await {
            Ok(store::Wakeup::Triggers) | Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
            Ok(_) => {}
        }
        // Hints about executions come by the thousand: they are looked at together.
        tokio::time::sleep(TICK).await;
        if wants_reload(hints) {
            return true;
        }
    }
}

/// Whether one of the hints that have come says that addresses changed; lost hints may have said so.
fn wants_reload(hints: &mut broadcast::Receiver<store::Wakeup>) -> bool {
    let mut wants = false;
    loop {
        match hints.try_recv() {
            Ok(store::Wakeup::Triggers) => wants = true,
            Ok(_) => {}
            Err(TryRecvError::Lagged(_)) => wants = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return wants,
        }
    }
}
