//! What expressions of a webhook see: the request.

use std::sync::Arc;

use app::App;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Items, Object, Text};
use sdk::context::Step;
use sdk::expression::FromData;
use sdk::{Context, ExecutionInfo, Expr, History, Inputs, Mode, Services};
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::route::Route;

/// Where parameters are worked out, if any of them is an expression.
pub(super) struct Scope<'a>(pub(super) Option<&'a Context>);

impl Scope<'_> {
    /// A parameter.
    pub(super) fn get<T: FromData + Clone>(&self, parameter: &Expr<T>) -> Result<T, Refusal> {
        if let Some(literal) = parameter.literal() {
            return Ok(literal.clone());
        }
        let context = self.0.ok_or_else(|| Refusal::internal("an expression has nothing to look at"))?;
        parameter.eval(context, 0).map_err(|error| {
            tracing::info!(node = %context.node.name, %error, "an expression of a webhook failed");
            Refusal::internal("an expression of this webhook failed; see its parameters")
        })
    }
}

/// What the expressions of a webhook see of a call.
pub(super) fn context(route: &Route, items: &Items, app: &App) -> Context {
    let named = route.plan.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
    let info = ExecutionInfo {
        id: Text::new(),
        mode: if route.stored.is_test { Mode::Manual } else { Mode::Webhook },
        zone: named.unwrap_or_else(|| app.zone.clone()),
        resume_url: Text::new(),
        resume_form_url: Text::new(),
        variables: Object::new(),
        static_data: Object::new(),
        seed: 0,
        webhook_url: app.public_url.as_str().into(),
    };
    let step = Step {
        execution: Arc::new(info),
        node: route.node.clone(),
        history: Arc::new(History::new(route.plan.graph().clone())),
        inputs: Inputs::single(items.clone()),
        arrived: Inputs::single(items.clone()),
        sources: Default::default(),
        run_index: 0,
        attempt: 1,
        now_ms: Timestamp::now().as_millisecond() as f64,
        seen: Default::default(),
    };
    Context::new(step, Services::default(), CancellationToken::new())
}
