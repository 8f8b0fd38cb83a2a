//! Judges a trial: what the client was told against what the world saw and what the product says of itself.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::client::{Outcome, Request};
use super::sink::Effects;

/// An execution as the product tells it, once it is over.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) execution: String,
    /// The id in the body that started it.
    pub(crate) id: String,
    pub(crate) status: String,
    /// When it was accepted.
    pub(crate) accepted_at: Timestamp,
    /// Whether it waits for somebody to say what became of an effect.
    pub(crate) unknown: bool,
    /// Steps that ran again although they had completed.
    pub(crate) reruns: Vec<String>,
}

/// Everything there is to know about a trial.
pub(crate) struct Evidence {
    pub(crate) requests: Vec<Request>,
    pub(crate) effects: Effects,
    pub(crate) told: Vec<Told>,
    /// When a process that could have gone on was there: from a start or from the death of another, until the next
    /// death; in order.
    pub(crate) lives: Vec<(Instant, Instant)>,
    /// How long after the acknowledgement the effect is due.
    pub(crate) delay: Duration,
    /// How long after that, or after the beginning of a life, it may come.
    pub(crate) allowed: Duration,
}

/// What was found. The lists name what must not be.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) acknowledged: usize,
    pub(crate) refused: usize,
    /// Requests of which the client does not know, and how many of them ran.
    pub(crate) indefinite: usize,
    pub(crate) indefinite_ran: usize,
    pub(crate) executions: usize,
    pub(crate) effects: usize,
    /// Executions that wait for somebody to look: with their effect, and without.
    pub(crate) unknown_seen: usize,
    pub(crate) unknown_unseen: usize,
    /// Milliseconds that effects came after they were due or could come.
    pub(crate) late_p50_ms: f64,
    pub(crate) late_max_ms: f64,
    pub(crate) broken: Vec<(Promise, String)>,
}

/// What we promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    AcknowledgedIsNotLost,
    EffectsAreNotLost,
    EffectsAreNotDoubled,
    RequestsAreNotDoubled,
    RefusedDoesNothing,
    CompletedStepsDoNotRunAgain,
    EverythingEnds,
    WorkResumesInTime,
}

impl Promise {
    pub(crate) const ALL: [Promise; 8] = [
        Promise::AcknowledgedIsNotLost,
        Promise::EffectsAreNotLost,
        Promise::EffectsAreNotDoubled,
        Promise::RequestsAreNotDoubled,
        Promise::RefusedDoesNothing,
        Promise::CompletedStepsDoNotRunAgain,
        Promise::EverythingEnds,
        Promise::WorkResumesInTime,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Promise::AcknowledgedIsNotLost => "acknowledged requests without an execution",
            Promise::EffectsAreNotLost => "completed executions without their effect",
            Promise::EffectsAreNotDoubled => "effects seen twice",
            Promise::RequestsAreNotDoubled => "requests with two executions",
            Promise::RefusedDoesNothing => "refused requests that ran",
            Promise::CompletedStepsDoNotRunAgain => "completed steps that ran again",
            Promise::EverythingEnds => "executions that did not end well",
            Promise::WorkResumesInTime => "effects that came too late",
        }
    }
}

impl Findings {
    pub(crate) fn count(&self, promise: Promise) -> usize {
        self.broken.iter().filter(|(broken, _)| *broken == promise).count()
    }
}

/// Judges.
pub(crate) fn check(evidence: &Evidence) -> Findings {
    let mut findings = Findings { executions: evidence.told.len(), ..Findings::default() };
    let mut by_id: HashMap<&str, Vec<&Told>> = HashMap::new();
    for told in &evidence.told {
        by_id.entry(&told.id).or_default().push(told);
    }
    for request in &evidence.requests {
        let ran = by_id.contains_key(request.id.as_str());
        match &request.outcome {
            Outcome::Ok => {
                findings.acknowledged += 1;
                if !ran {
                    findings.broken.push((Promise::AcknowledgedIsNotLost, request.id.clone()));
                }
            }
            Outcome::Fail(why) => {
                findings.refused += 1;
                if ran || evidence.effects.contains_key(&request.id) {
                    findings.broken.push((Promise::RefusedDoesNothing, format!("{} ({why})", request.id)));
                }
            }
            Outcome::Info(_) => {
                findings.indefinite += 1;
                findings.indefinite_ran += usize::from(ran);
            }
        }
    }
    for (id, told) in by_id.iter().filter(|(_, told)| told.len() > 1) {
        findings.broken.push((Promise::RequestsAreNotDoubled, format!("{id}: {}", told.len())));
    }
    for told in &evidence.told {
        check_execution(told, evidence, &mut findings);
    }
    for (id, seen) in &evidence.effects {
        findings.effects += 1;
        if seen.len() > 1 {
            let keys: Vec<_> = seen.iter().map(|effect| effect.key.as_deref().unwrap_or("no key")).collect();
            findings.broken.push((Promise::EffectsAreNotDoubled, format!("{id}: {}", keys.join(", "))));
        }
    }
    check_times(evidence, &mut findings);
    findings
}

fn check_execution(told: &Told, evidence: &Evidence, findings: &mut Findings) {
    let seen = evidence.effects.contains_key(&told.id);
    let name = || format!("{} ({})", told.id, told.execution);
    match (told.unknown, seen) {
        (true, true) => findings.unknown_seen += 1,
        (true, false) => findings.unknown_unseen += 1,
        (false, false) if told.status == "completed" => {
            findings.broken.push((Promise::EffectsAreNotLost, name()));
        }
        (false, _) if told.status != "completed" => {
            findings.broken.push((Promise::EverythingEnds, format!("{} is {}", name(), told.status)));
        }
        (false, _) => {}
    }
    for step in &told.reruns {
        findings.broken.push((Promise::CompletedStepsDoNotRunAgain, format!("{} {step}", name())));
    }
}

/// How late each effect came, not counting time in which nobody was there who could have brought it about.
fn check_times(evidence: &Evidence, findings: &mut Findings) {
    let acknowledged: BTreeMap<&str, Instant> = evidence
        .requests
        .iter()
        .filter(|request| request.outcome == Outcome::Ok)
        .map(|request| (request.id.as_str(), request.ended))
        .collect();
    let mut late = Vec::new();
    for (id, asked) in acknowledged {
        let Some(effect) = evidence.effects.get(id).and_then(|seen| seen.first()) else { continue };
        let due = asked + evidence.delay;
        let lateness = lateness(due, effect.at, &evidence.lives, evidence.allowed);
        if lateness > evidence.allowed {
            findings.broken.push((Promise::WorkResumesInTime, format!("{id}: {} ms", lateness.as_millis())));
        }
        late.push(lateness.as_secs_f64() * 1e3);
    }
    late.sort_by(f64::total_cmp);
    findings.late_p50_ms = late.get(late.len() / 2).copied().unwrap_or(0.0);
    findings.late_max_ms = late.last().copied().unwrap_or(0.0);
}

/// Time from when an effect was due or could come until it came. A life that was shorter than what is allowed excuses
/// it: the next begins anew.
fn lateness(due: Instant, seen: Instant, lives: &[(Instant, Instant)], allowed: Duration) -> Duration {
    let mut longest = Duration::ZERO;
    for (from, until) in lives {
        let (from, until) = ((*from).max(due), (*until).min(seen));
        let waited = until.saturating_duration_since(from);
        let is_last = until == seen;
        if waited > allowed || is_last {
            longest = longest.max(waited);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::sink::Effect;
    use super::*;

    struct Trial {
        begin: Instant,
        evidence: Evidence,
    }

    impl Trial {
        fn new() -> Self {
            let begin = Instant::now();
            let lives = vec![(begin, begin + Duration::from_secs(1_000))];
            let (delay, allowed) = (Duration::from_secs(2), Duration::from_secs(1));
            let (requests, effects, told) = (Vec::new(), Effects::new(), Vec::new());
            Self { begin, evidence: Evidence { requests, effects, told, lives, delay, allowed } }
        }

        fn at(&self, seconds: f64) -> Instant {
            self.begin + Duration::from_secs_f64(seconds)
        }

        fn request(mut self, id: &str, outcome: Outcome) -> Self {
            let ended = self.at(10.0);
            self.evidence.requests.push(Request { id: id.into(), ended, outcome });
            self
        }

        fn effect(mut self, id: &str, seconds: f64) -> Self {
            let at = self.at(seconds);
            self.evidence.effects.entry(id.into()).or_default().push(Effect { at, key: None });
            self
        }

        fn told(mut self, id: &str, status: &str, unknown: bool) -> Self {
            let (execution, reruns) = (format!("execution of {id}"), Vec::new());
            let (status, accepted_at) = (status.into(), Timestamp::UNIX_EPOCH);
            let told = Told { execution, id: id.into(), status, accepted_at, unknown, reruns };
            self.evidence.told.push(told);
            self
        }

        fn broken(&self) -> Vec<Promise> {
            check(&self.evidence).broken.into_iter().map(|(promise, _)| promise).collect()
        }
    }

    fn refused() -> Outcome {
        Outcome::Fail("503".into())
    }

    fn indefinite() -> Outcome {
        Outcome::Info("reset".into())
    }

    #[test]
    fn a_trial_without_loss_passes() {
        let trial = Trial::new()
            .request("a", Outcome::Ok)
            .told("a", "completed", false)
            .effect("a", 12.1)
            .request("b", refused())
            .request("c", indefinite())
            .request("d", indefinite())
            .told("d", "completed", false)
            .effect("d", 13.0)
            .request("e", Outcome::Ok)
            .told("e", "waiting", true)
            .request("f", Outcome::Ok)
            .told("f", "waiting", true)
            .effect("f", 12.0);
        let findings = check(&trial.evidence);
        assert_eq!(findings.broken, []);
        assert_eq!((findings.acknowledged, findings.refused, findings.indefinite), (3, 1, 2));
        assert_eq!((findings.unknown_seen, findings.unknown_unseen, findings.indefinite_ran), (1, 1, 1));
    }

    #[test]
    fn what_is_lost_or_doubled_is_found() {
        let acknowledged = || Trial::new().request("a", Outcome::Ok);
        assert_eq!(acknowledged().broken(), [Promise::AcknowledgedIsNotLost]);
        let done = || acknowledged().told("a", "completed", false);
        assert_eq!(done().broken(), [Promise::EffectsAreNotLost]);
        assert_eq!(done().effect("a", 12.0).effect("a", 12.5).broken(), [Promise::EffectsAreNotDoubled]);
        let twice = done().told("a", "completed", false).effect("a", 12.0);
        assert_eq!(twice.broken(), [Promise::RequestsAreNotDoubled]);
        let ran = Trial::new().request("a", refused()).told("a", "completed", false).effect("a", 12.0);
        assert_eq!(ran.broken(), [Promise::RefusedDoesNothing]);
        let stuck = acknowledged().told("a", "running", false);
        assert_eq!(stuck.broken(), [Promise::EverythingEnds]);
        let mut again = done().effect("a", 12.0);
        again.evidence.told[0].reruns.push("Set".into());
        assert_eq!(again.broken(), [Promise::CompletedStepsDoNotRunAgain]);
    }

    #[test]
    fn an_effect_may_come_late_only_as_long_as_nobody_was_there() {
        let late = |seconds| {
            Trial::new().request("a", Outcome::Ok).told("a", "completed", false).effect("a", seconds)
        };
        assert_eq!(late(12.9).broken(), []);
        assert_eq!(late(13.1).broken(), [Promise::WorkResumesInTime]);
        // Nobody was there from 11 to 20, then for half a second, then from 25 on.
        let mut trial = late(25.9);
        let lives = [(0.0, 11.0), (20.0, 20.5), (25.0, 1_000.0)];
        trial.evidence.lives = lives.map(|(from, until)| (trial.at(from), trial.at(until))).into();
        assert_eq!(trial.broken(), []);
        // A life that was long enough is no excuse.
        trial.evidence.lives[1].1 = trial.at(22.0);
        assert_eq!(trial.broken(), [Promise::WorkResumesInTime]);
    }
}
