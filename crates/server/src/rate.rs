//! How often strangers may try: a bucket of tokens per address, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Addresses that are remembered. When there are more, the full buckets are forgotten, which changes nothing.
const MAX_ADDRESSES: usize = 10_000;

/// Limits how often each address may do something.
pub(crate) struct RateLimit {
    burst: f64,
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimit {
    /// `burst` times at once, then `per_minute` times a minute.
    pub(crate) fn new(burst: u32, per_minute: u32) -> Self {
        Self { burst: f64::from(burst), per_second: f64::from(per_minute) / 60.0, buckets: Mutex::default() }
    }

    /// Whether the address may try; otherwise how long it has to wait.
    pub(crate) fn check(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let buckets = self.buckets.lock().expect("counting does not panic");
        let tokens = buckets.get(&network(address)).map_or(self.burst, |bucket| self.filled(*bucket, now));
        if tokens >= 1.0 { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - tokens) / self.per_second)) }
    }

    /// Counts a try.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) {
        let mut buckets = self.buckets.lock().expect("counting does not panic");
        if buckets.len() >= MAX_ADDRESSES {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.burst);
            if buckets.len() >= MAX_ADDRESSES {
                // So many at once are one attacker with many addresses: forget those that waited longest.
                let mut times: Vec<Instant> = buckets.values().map(|bucket| bucket.at).collect();
                let (_, middle, _) = times.select_nth_unstable(MAX_ADDRESSES / 2);
                let middle = *middle;
                buckets.retain(|_, bucket| bucket.at > middle);
            }
        }
        let bucket = buckets.entry(network(address)).or_insert(Bucket { tokens: self.burst, at: now });
        bucket.tokens = (self.filled(*bucket, now) - 1.0).max(0.0);
        bucket.at = now;
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + passed * self.per_second).min(self.burst)
    }
}

/// Who has one address of a /64 has all of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_try_so_often_and_then_waits() {
        let (limit, now) = (RateLimit::new(2, 60), Instant::now());
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..2 {
            assert_eq!(limit.check(one, now), Ok(()));
            limit.count(one, now);
        }
        assert_eq!(limit.check(one, now), Err(Duration::from_secs(1)));
        assert_eq!(limit.check(other, now), Ok(()));
        assert_eq!(limit.check(one, now + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whoever_tries() {
        let (limit, now) = (RateLimit::new(2, 60), Instant::now());
        for number in 0..30_000_u32 {
            limit.count(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(limit.buckets.lock().expect("nobody panicked").len() <= MAX_ADDRESSES);
    }
}
