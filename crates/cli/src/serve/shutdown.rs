//! What signals mean: the first SIGTERM or SIGINT asks the server to finish what it has begun, the second ends it at
//! once. SIGHUP means nothing, so that a terminal that closes does not take the server with it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whether the process is to end.
#[derive(Clone)]
pub(super) struct Shutdown {
    /// Somebody asked for it.
    pub(super) asked: CancellationToken,
    /// Somebody asked twice.
    pub(super) now: CancellationToken,
}

impl Shutdown {
    /// Listens from now on.
    pub(super) fn listen() -> io::Result<Self> {
        let shutdown = Self { asked: CancellationToken::new(), now: CancellationToken::new() };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Listening to it is what keeps it from ending the process.
        let mut hangup = signal(SignalKind::hangup())?;
        let (asked, now) = (shutdown.asked.clone(), shutdown.now.clone());
        tokio::spawn(async move {
            loop {
                let name = next(&mut terminate, &mut interrupt, &mut hangup).await;
                if asked.is_cancelled() {
                    tracing::warn!(signal = name, "asked to stop again: stopping at once");
                    now.cancel();
                    return;
                }
                tracing::info!(signal = name, "asked to stop");
                asked.cancel();
            }
        });
        Ok(shutdown)
    }
}

/// The next signal that means something.
async fn next(terminate: &mut Signal, interrupt: &mut Signal, hangup: &mut Signal) -> &'static str {
    loop {
        tokio::select! {
            _ = terminate.recv() => return "SIGTERM",
            _ = interrupt.recv() => return "SIGINT",
            _ = hangup.recv() => {}
        }
    }
}
