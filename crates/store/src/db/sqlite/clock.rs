//! What time it is, and ids in the order in which they were asked for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use model::ids::SignalId;

/// The clock of one database.
pub(crate) struct Clock {
    /// Microseconds since 1970 that somebody else moves, instead of the system's.
    virtual_us: Option<Arc<AtomicI64>>,
    last: Mutex<Last>,
}

/// The id that was given last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Last {
    ms: u64,
    count: u16,
}

impl Clock {
    /// The system's clock, or one that somebody moves.
    pub(crate) fn new(virtual_us: Option<Arc<AtomicI64>>) -> Self {
        Self { virtual_us, last: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match &self.virtual_us {
            None => Timestamp::now(),
            Some(us) => Timestamp::from_microsecond(us.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX),
        }
    }

    /// Gives only ids after this one from now on.
    pub(crate) fn start_after(&self, id: [u8; 16]) {
        let ms = u64::from_be_bytes([0, 0, id[0], id[1], id[2], id[3], id[4], id[5]]);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Last { ms, count: u16::from_be_bytes([id[6] & 0x0f, id[7]]) };
    }

    /// A UUID of version 7 that sorts after all before, even when the system's clock was set back: 12 bits count within
    /// a millisecond.
    pub(crate) fn ordered_id(&self) -> [u8; 16] {
        let now_ms = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match last.count {
            _ if now_ms > last.ms => Last { ms: now_ms, count: 0 },
            0x0fff.. => Last { ms: last.ms + 1, count: 0 },
            count => Last { ms: last.ms, count: count + 1 },
        };
        let mut random = [0; 10];
        if self.virtual_us.is_none() {
            // Not secret: without entropy the count still makes it unique within this database.
            let _ = getrandom::fill(&mut random[2..]);
        }
        random[..2].copy_from_slice(&last.count.to_be_bytes());
        *SignalId::new(last.ms, random).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_order_when_the_clock_is_set_back_and_after_a_restart() {
        let us = Arc::new(AtomicI64::new(5_000_000));
        let clock = Clock::new(Some(us.clone()));
        let mut ids: Vec<_> = (0..10_000).map(|_| clock.ordered_id()).collect();
        us.store(1_000_000, Ordering::Relaxed);
        ids.extend((0..10).map(|_| clock.ordered_id()));
        let restarted = Clock::new(Some(us));
        restarted.start_after(ids[ids.len() - 1]);
        ids.push(restarted.ordered_id());
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
