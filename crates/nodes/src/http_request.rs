//! HTTP Request: calls an address for each item.
//!
//! `draft` turns parameters into a request, `auth` adds what a credential brings, `pages` follows an answer to the next
//! one, `answer` turns answers into items and errors; `from_n8n` maps n8n's node.

mod answer;
pub(crate) mod auth;
mod draft;
mod fields;
mod from_n8n;
mod pages;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use sdk::net;
use sdk::prelude::*;

pub use self::from_n8n::N8N;

use self::answer::Answer;
use self::auth::Auth;
use self::draft::{Body, Draft, Lists};
use self::fields::Fields;
use self::pages::Pagination;

/// Calls an address once per item and gives what it answers. A list in the answer becomes one item per element. A
/// status that is no success fails the item.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpRequest {
    /// What to do there: `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD` or `OPTIONS`.
    method: Expr<Text>,
    /// The address, with `http://` or `https://`.
    url: Expr<Text>,
    /// The type of the credential that proves who asks, such as `httpBearerAuth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// What follows the question mark, beside what the address already has.
    query: Expr<Fields>,
    /// How a list in the query is written.
    query_lists: Lists,
    /// Headers.
    headers: Expr<Fields>,
    /// What to send along.
    body: Body,
    /// What to make of the answer.
    response: Answer,
    /// Which redirects to follow.
    redirects: Redirects,
    /// How long one exchange may take; the instance may allow less.
    timeout_ms: Expr<usize>,
    /// Accept any certificate; only where the instance allows it.
    ignore_tls_errors: Expr<bool>,
    /// Sends the requests in groups with pauses between them. Without it several are on their way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Batch>,
    /// Asks again until there are no more pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    /// What the request calls its sender, unless a header says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// The header in which the service expects an idempotency key. The key is the same for every attempt of an item, so
    /// that a request that changes something can be repeated after a crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_header: Option<String>,
}

/// Redirects to follow. However many are asked for, the instance sets a limit.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redirects {
    /// After which methods.
    follow: Follow,
    /// How many one after the other.
    max: Expr<usize>,
}

impl Default for Redirects {
    fn default() -> Self {
        Self { follow: Follow::All, max: Expr::from(21) }
    }
}

/// After which methods a redirect is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// After all.
    #[default]
    All,
    /// After `GET` and `HEAD`.
    Safe,
    /// After none: the redirect is the answer.
    None,
}

/// Groups of requests.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Requests in one group.
    size: Expr<usize>,
    /// The pause after each group but the last.
    pause_ms: Expr<usize>,
}

impl Default for HttpRequest {
    fn default() -> Self {
        Self {
            method: Expr::from(Text::from("GET")),
            url: Expr::default(),
            credential: None,
            query: Expr::default(),
            query_lists: Lists::default(),
            headers: Expr::default(),
            body: Body::None,
            response: Answer::default(),
            redirects: Redirects::default(),
            timeout_ms: Expr::from(300_000),
            ignore_tls_errors: Expr::from(false),
            batch: None,
            pagination: None,
            user_agent: None,
            idempotency_header: None,
        }
    }
}

/// Requests of one step that are on their way at once.
const MAX_PARALLEL: usize = 16;

impl Node for HttpRequest {
    const KIND: Kind = Kind::new("core.http", 1);
    const TITLE: &'static str = "HTTP Request";
    const GROUP: Group = Group::Action;
    const EFFECT: Effect = Effect::Unsafe;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Read something for each item",
            parameters: r#"{"url": "=https://api.example.com/users/{{ $json.id }}"}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
        Example {
            title: "Send JSON, proven by a token, once only",
            parameters: r#"{"method": "POST", "url": "https://api.example.com/orders", "credential": "httpBearerAuth",
                "body": {"kind": "json", "value": {"customer": "={{ $json.id }}"}},
                "idempotency_header": "Idempotency-Key"}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "Read page after page",
            parameters: r#"{"url": "https://api.example.com/users",
                "pagination": {"next": {"mode": "url", "url": "={{ $response.body.next }}"},
                    "until": {"when": "expression", "complete": "={{ !$response.body.next }}"}, "max_pages": 100}}"#,
            items: "[{}]",
        },
    ];

    fn effect(&self) -> Effect {
        match self.method.literal().map(|method| method.to_ascii_uppercase()) {
            Some(method) if matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE") => {
                Effect::Idempotent
            }
            _ if self.idempotency_header.is_some() => Effect::Keyed,
            _ => Effect::Unsafe,
        }
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let count = inputs.main().len();
        let auth = match &self.credential {
            Some(kind) if count > 0 => Auth::find(ctx, kind).await?,
            _ => Auth::default(),
        };
        let (size, pause) = match &self.batch {
            Some(batch) if count > 0 => {
                let pause = Duration::from_millis(batch.pause_ms.eval(ctx, 0)? as u64);
                (batch.size.eval(ctx, 0)?.max(1), pause)
            }
            _ => (count.max(1), Duration::ZERO),
        };
        let mut items = Vec::with_capacity(count);
        for first in (0..count).step_by(size) {
            if first > 0 && !pause.is_zero() {
                ctx.pause(pause).await?;
            }
            let group = first..(first + size).min(count);
            let calls = stream::iter(group.clone()).map(|index| self.call(ctx, &auth, index));
            let results: Vec<_> = calls.buffered(MAX_PARALLEL).collect().await;
            for (index, result) in group.zip(results) {
                match result {
                    Ok(found) => items.extend(found),
                    Err(error) => items.push(answer::failed_item(ctx, index, error)?),
                }
            }
        }
        Ok(Output::main(items))
    }
}

impl HttpRequest {
    /// The items that input item `index` leads to.
    async fn call(&self, ctx: &Context, auth: &Auth, index: usize) -> Result<Vec<Item>, NodeError> {
        let draft = Draft::new(self, ctx, index)?;
        let caller = Caller { node: self, ctx, auth, index };
        let responses = match &self.pagination {
            Some(pagination) => pagination.fetch(&caller, draft).await?,
            None => {
                let response = caller.send(&draft).await?;
                if !self.response.accepts(response.status) {
                    return Err(answer::failure(&response));
                }
                vec![response]
            }
        };
        let mut items = Vec::new();
        for response in &responses {
            self.response.read(ctx, index, response, &mut items)?;
        }
        Ok(items)
    }
}

/// Everything that is the same for the requests of one item.
struct Caller<'a> {
    node: &'a HttpRequest,
    ctx: &'a Context,
    auth: &'a Auth,
    index: usize,
}

impl Caller<'_> {
    /// Sends what `draft` says; any status is an answer.
    async fn send(&self, draft: &Draft) -> Result<net::Response, NodeError> {
        let Self { node, ctx, index, .. } = *self;
        let mut request = draft.request(node.query_lists, self.auth)?;
        request.timeout = Some(Duration::from_millis(node.timeout_ms.eval(ctx, index)? as u64));
        request.ignore_tls_errors = node.ignore_tls_errors.eval(ctx, index)?;
        let safe = matches!(request.method, net::Method::GET | net::Method::HEAD);
        request.redirects = Some(match node.redirects.follow {
            Follow::All => node.redirects.max.eval(ctx, index)?,
            Follow::Safe if safe => node.redirects.max.eval(ctx, index)?,
            Follow::Safe | Follow::None => 0,
        });
        ctx.services.http.send(request, &ctx.cancel).await.map_err(answer::unanswered)
    }
}
