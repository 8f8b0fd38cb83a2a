//! Who asks: an API key becomes an [`Actor`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use app::access::Actor;
use axum::extract::{FromRequestParts, Request};
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::address::ClientAddress;
use crate::problem::{ApiError, ApiResult};
use crate::state::State;

/// How long a key that was found is believed without looking again.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Keys that are remembered.
const MAX_KEYS: usize = 1_000;

/// The actor of a request that came through the guard of its route.
pub(crate) struct Caller(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let actor = parts.extensions.get::<Actor>().cloned();
        Ok(Caller(actor.ok_or(app::Error::Unauthenticated)?))
    }
}

/// What a request says about who sends it.
pub(crate) struct Asked {
    token: Option<String>,
    address: IpAddr,
}

impl Asked {
    /// Reads it from the head of a request.
    pub(crate) fn of(request: &Request) -> Self {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let address = request.extensions().get::<ClientAddress>();
        Self { token, address: address.map_or(IpAddr::from([0; 4]), |address| address.0) }
    }
}

/// Finds out who sends a request.
pub(crate) async fn authenticate(state: &State, asked: Asked) -> ApiResult<Actor> {
    let now = Instant::now();
    let Asked { token: Some(token), address } = asked else { return Err(app::Error::Unauthenticated.into()) };
    let token = token.as_str();
    if let Some(actor) = state.keys.find(token, now) {
        return Ok(actor);
    }
    state.strangers.check(address, now).map_err(app::Error::TooMany)?;
    match app::keys::authenticate(&state.app, token).await {
        Ok(actor) => {
            state.keys.remember(token, actor.clone(), now);
            Ok(actor)
        }
        Err(error) => {
            if matches!(error, app::Error::Unauthenticated) {
                state.strangers.count(address, now);
            }
            Err(error.into())
        }
    }
}

/// Keys that were found a moment ago, by their hash.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<HashMap<[u8; 32], (Actor, Instant)>>);

impl KeyCache {
    fn find(&self, token: &str, now: Instant) -> Option<Actor> {
        let keys = self.0.lock().expect("looking does not panic");
        let (actor, found) = keys.get(&hash(token))?;
        (now.saturating_duration_since(*found) < REMEMBERED).then(|| actor.clone())
    }

    fn remember(&self, token: &str, actor: Actor, now: Instant) {
        let mut keys = self.0.lock().expect("looking does not panic");
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, (_, found)| now.saturating_duration_since(*found) < REMEMBERED);
        }
        if keys.len() < MAX_KEYS {
            keys.insert(hash(token), (actor, now));
        }
    }

    /// Forgets all: what a key may do has changed.
    pub(crate) fn forget(&self) {
        self.0.lock().expect("looking does not panic").clear();
    }
}

/// A map would compare tokens byte by byte; nobody can steer the hash of one.
fn hash(token: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(token.as_bytes()).into()
}
