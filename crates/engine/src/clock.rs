//! The time, as the runner sees it.

use std::time::Duration;

/// Tells the time. The caller brings one, so that nothing in this crate reads a clock.
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds; a test may hold it still.
    fn now_ms(&self) -> f64;

    /// Time since some fixed moment; it always moves, and measures how long steps take.
    fn elapsed(&self) -> Duration;
}
