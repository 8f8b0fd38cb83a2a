//! A clock for tests.

use std::sync::OnceLock;
use std::time::Duration;

use engine::Clock;
use tokio::time::Instant;

/// Begins at [`sdk::testing::NOW_MS`] and moves with the runtime's time, which in [`block_on`](crate::block_on) only
/// moves by what is waited for.
#[derive(Default)]
pub struct VirtualClock {
    began: OnceLock<Instant>,
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> f64 {
        sdk::testing::NOW_MS + self.elapsed().as_millis() as f64
    }

    fn elapsed(&self) -> Duration {
        self.began.get_or_init(Instant::now).elapsed()
    }
}
