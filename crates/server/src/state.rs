//! What all handlers share.

use std::ops::Deref;
use std::sync::Arc;

use app::App;
use tokio_util::sync::CancellationToken;

use crate::auth::KeyCache;
use crate::config::Config;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::problem::ApiResult;
use crate::rate::RateLimit;

/// Everything a handler may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct State(Arc<Shared>);

/// The parts.
pub(crate) struct Shared {
    /// The product.
    pub(crate) app: Arc<App>,
    /// How it is served.
    pub(crate) config: Config,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Keys that were looked up a moment ago.
    pub(crate) keys: KeyCache,
    /// How often strangers may try.
    pub(crate) strangers: RateLimit,
    /// Who wants to know what happens.
    pub(crate) live: Live,
    /// Fires when the server begins to end: nothing new is taken on.
    pub(crate) draining: CancellationToken,
    /// The document of the API.
    pub(crate) document: String,
}

impl State {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Fails until somebody has set the instance up.
    pub(crate) async fn check_set_up(&self) -> ApiResult<()> {
        if app::setup::is_set_up(&self.app).await? { Ok(()) } else { Err(app::Error::NotSetUp.into()) }
    }
}

impl Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
