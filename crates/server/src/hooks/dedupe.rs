//! What makes two calls one.

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use model::{Item, Value};
use sdk::Context;
use sdk::trigger::call::{Authentication, Dedupe, Signature};
use sha2::{Digest, Sha256};
use store::commit::StartKey;

use super::refusal::Refusal;
use super::route::Route;
use super::scope::Scope;
use super::signature::{Verified, WINDOW_S};

/// Headers in which services say which event they report, the most common first.
static EVENT_IDS: [HeaderName; 14] = [
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("x-github-delivery"),
    HeaderName::from_static("x-gitlab-event-uuid"),
    HeaderName::from_static("x-shopify-event-id"),
    HeaderName::from_static("x-shopify-webhook-id"),
    HeaderName::from_static("i-twilio-idempotency-token"),
    HeaderName::from_static("linear-delivery"),
    HeaderName::from_static("x-amz-sns-message-id"),
    HeaderName::from_static("x-wc-webhook-delivery-id"),
    HeaderName::from_static("ce-id"),
    HeaderName::from_static("x-event-id"),
    HeaderName::from_static("x-hook-delivery-id"),
];

/// Keys up to this length are kept as they are.
const MAX_KEY: usize = 200;

/// The key of a call, if it has one.
///
/// Where bodies are signed, what is signed counts before what anybody could change: a copy of a genuine call with
/// another id in its head is still a copy.
pub(super) fn key(
    route: &Route,
    headers: &HeaderMap,
    item: &Item,
    verified: Option<Verified>,
    now: Timestamp,
    scope: Option<&Context>,
) -> Result<Option<StartKey>, Refusal> {
    let spec = &route.spec;
    let mut window = SignedDuration::try_from(spec.dedupe_window).unwrap_or(SignedDuration::from_hours(24));
    let found = match &spec.dedupe {
        Dedupe::Nothing => {
            // Copies are not welcome even then; signatures are good for so long.
            window = SignedDuration::from_secs(2 * WINDOW_S);
            verified
                .filter(|_| is_timed(&spec.authentication))
                .map(|verified| format!("signed:{}", verified.identity))
        }
        Dedupe::EventId => match verified {
            Some(verified) => Some(signed_id(&spec.authentication, item, verified)),
            None => EVENT_IDS.iter().find_map(|name| Some(format!("{name}:{}", header(headers, name)?))),
        },
        Dedupe::Header { name } => header(headers, name.as_str()).map(|value| format!("header:{value}")),
        Dedupe::Key { key } => {
            let key: String = Scope(scope).get(key)?;
            (!key.is_empty()).then(|| format!("key:{key}"))
        }
    };
    // Test calls may be repeated as often as anybody likes.
    let Some(key) = found.filter(|_| !route.stored.is_test) else { return Ok(None) };
    let key = if key.len() <= MAX_KEY { key } else { digest(&key) };
    let scope = route.stored.trigger.map_or(*route.stored.id.as_bytes(), |trigger| *trigger.as_bytes());
    let until = now.checked_add(window).unwrap_or(Timestamp::MAX);
    Ok(Some(StartKey { scope, key, until }))
}

fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// Whether signatures lose their value with time, so that two calls never have the same one unless one is a copy.
fn is_timed(authentication: &Authentication) -> bool {
    match authentication {
        Authentication::Signature(Signature::Custom { timestamp_header, .. }) => timestamp_header.is_some(),
        Authentication::Signature(Signature::Github | Signature::Shopify) => false,
        Authentication::Signature(_) => true,
        _ => false,
    }
}

/// The id of the event in what was signed: services sign a repetition anew, but it reports the same event.
fn signed_id(authentication: &Authentication, item: &Item, verified: Verified) -> String {
    let field = match authentication {
        Authentication::Signature(Signature::Stripe) => Some("id"),
        Authentication::Signature(Signature::Slack) => Some("event_id"),
        _ => None,
    };
    let id = field.and_then(|field| item.json.get("body")?.get(field)).and_then(Value::as_str);
    match id.filter(|id| !id.is_empty()) {
        Some(id) => format!("event:{id}"),
        None => format!("signed:{}", verified.identity),
    }
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().fold(String::from("sha256:"), |text, byte| text + &format!("{byte:02x}"))
}
