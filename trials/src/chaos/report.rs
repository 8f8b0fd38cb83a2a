//! What a trial found, as a table or as JSON.

use serde_json::{Value, json};

use super::check::{Findings, Promise};

/// How many of the broken promises are told one by one.
const SHOWN: usize = 10;

/// What came of a trial.
pub(super) struct Verdict {
    trial: String,
    /// What was counted, in words.
    facts: Vec<(String, f64)>,
    /// Which promises did not hold, and where.
    broken: Vec<(String, String)>,
}

impl Verdict {
    pub(super) fn new(trial: impl Into<String>) -> Self {
        Self { trial: trial.into(), facts: Vec::new(), broken: Vec::new() }
    }

    /// The verdict on a trial with a client and a sink.
    pub(super) fn of(trial: impl Into<String>, findings: &Findings) -> Self {
        let count = |count: usize| count as f64;
        let facts = [
            ("requests acknowledged", count(findings.acknowledged)),
            ("requests refused", count(findings.refused)),
            ("requests without an answer", count(findings.indefinite)),
            ("of these ran", count(findings.indefinite_ran)),
            ("executions", count(findings.executions)),
            ("effects seen", count(findings.effects)),
            ("steps unknown, with their effect", count(findings.unknown_seen)),
            ("steps unknown, without", count(findings.unknown_unseen)),
            ("ms late, the median", findings.late_p50_ms.round()),
            ("ms late at most", findings.late_max_ms.round()),
        ];
        let promises = Promise::ALL.map(|promise| (promise.words(), count(findings.count(promise))));
        let facts = facts.into_iter().chain(promises).map(|(words, count)| (words.into(), count)).collect();
        let broken = findings.broken.iter().map(|(promise, what)| (promise.words().into(), what.clone()));
        Self { trial: trial.into(), facts, broken: broken.collect() }
    }

    /// Notes something that was counted.
    pub(super) fn fact(&mut self, words: &str, count: f64) {
        self.facts.push((words.into(), count));
    }

    /// Notes a promise that must hold.
    pub(super) fn expect(&mut self, promise: &str, holds: bool, found: impl Into<String>) {
        if !holds {
            self.broken.push((promise.into(), found.into()));
        }
    }

    pub(super) fn held(&self) -> bool {
        self.broken.is_empty()
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            let facts: serde_json::Map<String, Value> =
                self.facts.iter().map(|(words, count)| (words.clone(), (*count).into())).collect();
            let broken: Vec<Value> =
                self.broken.iter().take(100).map(|(promise, what)| json!([promise, what])).collect();
            println!(
                "{}",
                json!({ "trial": self.trial, "held": self.held(), "facts": facts, "broken": broken })
            );
            return;
        }
        println!("\n{}: {}", self.trial, if self.held() { "held" } else { "BROKEN" });
        for (words, count) in &self.facts {
            println!("  {count:>10}  {words}");
        }
        for (promise, what) in self.broken.iter().take(SHOWN) {
            println!("      BROKEN  {promise}: {what}");
        }
        if let Some(more) = self.broken.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            println!("      BROKEN  and {more} more");
        }
    }
}
