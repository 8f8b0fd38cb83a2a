//! What happens when a step fails or takes too long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the execution does when a step has failed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The execution fails.
    #[default]
    Stop,
    /// The execution goes on: failed items carry `{error}`, a step that failed as a whole passes its input on.
    Continue,
    /// Failed items leave on an extra last output port called `error`.
    ErrorOutput,
}

/// What happens to a step whose effect had begun when its process died, so that nobody knows whether it happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// The step becomes `unknown`, and the execution waits until somebody says what became of it.
    #[default]
    Ask,
    /// The step runs again: its effect may happen twice.
    Retry,
}

/// How often and how patiently a failed step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first one included (at least 1).
    pub max_attempts: u32,
    /// Pause before the second attempt, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// How the pause grows.
    #[serde(default)]
    pub backoff: Backoff,
    /// Upper limit of a pause, in milliseconds.
    #[serde(default = "one_hour")]
    pub max_delay_ms: u64,
    /// Share of the pause that is random, from 0 to 1.
    #[serde(default)]
    pub jitter: f64,
    /// Which failures are worth another try.
    #[serde(default)]
    pub when: RetryWhen,
}

/// How pauses between attempts grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Every pause is the same.
    #[default]
    Fixed,
    /// Every pause is twice the one before.
    Exponential,
}

/// Which failures are worth another try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryWhen {
    /// Every failure (n8n's rule).
    #[default]
    Always,
    /// Only failures that may pass: time-outs, refused connections, status 429 and 5xx.
    Transient,
}

fn one_hour() -> u64 {
    3_600_000
}

impl Retry {
    /// The pause after failed attempt number `attempt` (from 1), in milliseconds, or `None` when no attempt is left.
    ///
    /// `chance` in `[0, 1)` places the pause within its jitter, so the same chance gives the same pause.
    pub fn delay_after_ms(&self, attempt: u32, chance: f64) -> Option<u64> {
        if attempt >= self.max_attempts {
            return None;
        }
        let factor = match self.backoff {
            Backoff::Fixed => 1,
            Backoff::Exponential => 1u64.checked_shl(attempt - 1).unwrap_or(u64::MAX),
        };
        let delay = self.delay_ms.saturating_mul(factor).min(self.max_delay_ms);
        let jitter = self.jitter.clamp(0.0, 1.0);
        Some((delay as f64 * (1.0 - jitter * chance)).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_pauses_double_up_to_the_limit() {
        let retry = Retry {
            max_attempts: 5,
            delay_ms: 100,
            backoff: Backoff::Exponential,
            max_delay_ms: 300,
            jitter: 0.0,
            when: RetryWhen::Always,
        };
        let pauses: Vec<_> = (1..=5).map(|attempt| retry.delay_after_ms(attempt, 0.5)).collect();
        assert_eq!(pauses, [Some(100), Some(200), Some(300), Some(300), None]);
    }
}
