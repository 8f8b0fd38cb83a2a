//! Whether this process can do its work.

use std::time::Duration;

use crate::app::App;
use crate::error::{Error, Result};

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fails when the database does not answer or the engine takes no work.
pub async fn check(app: &App) -> Result<()> {
    if !app.engine.is_ready() {
        return Err(Error::Unavailable("this process is about to end"));
    }
    let asked = tokio::time::timeout(PATIENCE, app.store.queue_depth()).await;
    asked.map_err(|_| Error::Unavailable("the database does not answer"))??;
    Ok(())
}
