//! Load from one thread: a closed loop that finds the rate, an open loop that finds the latency at a rate.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::http::Connection;

/// The load the figures are taken with.
pub(crate) const CONNECTIONS: usize = 64;

/// What is sent, where to, and for how long.
#[derive(Clone)]
pub(crate) struct Load {
    /// Each connection goes to one of them, in turn.
    pub(crate) targets: Vec<Target>,
    pub(crate) connections: usize,
    /// Requests before this do not count.
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// A request and where it goes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
}

/// What came of it.
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    /// What the first refusal said.
    pub(crate) complaint: Option<String>,
    pub(crate) seconds: f64,
    /// Microseconds: from the moment a request was due, in an open loop; from when it was sent, in a closed one.
    pub(crate) latency: Histogram<u64>,
}

impl Tally {
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// Milliseconds below which this share of the answers came.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1e3
    }

    /// The same, once it is sure that every request was answered well.
    pub(crate) fn all_answered(self) -> Result<Self> {
        let complaint = self.complaint.as_deref().unwrap_or_default();
        ensure!(self.refused == 0, "{} requests were refused, the first with {complaint}", self.refused);
        ensure!(self.answered > 0, "no request was answered in time");
        Ok(self)
    }
}

/// When the next request of a loop is due.
enum Pace {
    /// As soon as the last was answered.
    Closed,
    /// At these intervals, whoever is free: `next` is the number of the next request.
    Open { interval: Duration, next: Rc<Cell<u32>> },
}

impl Load {
    /// The load of the figures: 64 connections, 5 s after a warm-up of 2 s.
    pub(crate) fn usual(targets: Vec<Target>) -> Self {
        let (warm_up, time) = (Duration::from_secs(2), Duration::from_secs(5));
        Self { targets, connections: CONNECTIONS, warm_up, time }
    }

    /// Each connection sends as soon as it has its answer.
    pub(crate) fn closed(&self) -> Result<Tally> {
        self.run(|| Pace::Closed)
    }

    /// Requests are due at a fixed rate, whatever the answers do. Latency counts from when a request was due, so that
    /// a stall is seen by every request it delayed. The timer is exact to 1 ms, which counts as latency.
    pub(crate) fn open(&self, rate: f64) -> Result<Tally> {
        let interval = Duration::from_secs_f64(1.0 / rate);
        let next = Rc::new(Cell::new(0));
        self.run(|| Pace::Open { interval, next: next.clone() })
    }

    fn run(&self, pace: impl Fn() -> Pace) -> Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(LocalSet::new().run_until(async {
            let begin = Instant::now();
            let tally = Rc::new(RefCell::new(Tally {
                answered: 0,
                refused: 0,
                complaint: None,
                seconds: self.time.as_secs_f64(),
                latency: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            }));
            let mut loops = Vec::new();
            for index in 0..self.connections {
                let target = self.targets[index % self.targets.len()].clone();
                let worker = Worker {
                    target,
                    pace: pace(),
                    begin,
                    counts_from: begin + self.warm_up,
                    end: begin + self.warm_up + self.time,
                    tally: tally.clone(),
                };
                loops.push(tokio::task::spawn_local(worker.run()));
            }
            for each in loops {
                each.await.context("a connection's loop broke")??;
            }
            let tally = Rc::into_inner(tally).context("a connection's loop goes on")?;
            Ok(tally.into_inner())
        }))
    }
}

/// One connection.
struct Worker {
    target: Target,
    pace: Pace,
    begin: Instant,
    counts_from: Instant,
    end: Instant,
    tally: Rc<RefCell<Tally>>,
}

impl Worker {
    async fn run(self) -> Result<()> {
        let address = self.target.address;
        let mut connection =
            Connection::open(address).await.with_context(|| format!("no answer at {address}"))?;
        while let Some(due) = self.wait().await {
            // What is not answered in time is not counted; in an open loop it shows in what it delays.
            let answer = timeout_at(self.end, connection.exchange(&self.target.request)).await;
            let keeps = match answer {
                Err(_) => break,
                Ok(Ok(answer)) => {
                    let complaint = (!answer.is_ok()).then(|| format!("{} {}", answer.status, answer.text()));
                    self.note(due, complaint);
                    answer.keeps
                }
                Ok(Err(error)) => {
                    self.note(due, Some(error.to_string()));
                    false
                }
            };
            if !keeps {
                connection =
                    Connection::open(address).await.with_context(|| format!("{address} went away"))?;
            }
        }
        Ok(())
    }

    /// Waits until a request is due and says since when it was; nothing at the end.
    async fn wait(&self) -> Option<Instant> {
        let due = match &self.pace {
            Pace::Closed => Instant::now(),
            Pace::Open { interval, next } => {
                let due = self.begin + *interval * next.replace(next.get() + 1);
                if due < self.end {
                    sleep_until(due).await;
                }
                due
            }
        };
        (due < self.end).then_some(due)
    }

    fn note(&self, due: Instant, complaint: Option<String>) {
        let now = Instant::now();
        let mut tally = self.tally.borrow_mut();
        match complaint {
            Some(complaint) => {
                tally.refused += 1;
                tally.complaint.get_or_insert(complaint);
            }
            None if due >= self.counts_from => {
                tally.answered += 1;
                tally.latency.saturating_record((now - due).as_micros() as u64);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helpers::Helper;

    fn short(helper: &Helper, path: &str) -> Load {
        let request = crate::http::request("POST", path, &[], Some(b"{}"));
        let target = Target { address: helper.address, request };
        let (warm_up, time) = (Duration::from_millis(50), Duration::from_millis(300));
        Load { targets: vec![target], connections: 8, warm_up, time }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_open_loop_keeps_its_rate_and_a_closed_one_finds_more() {
        let echo = Helper::echo().await.unwrap();
        let load = short(&echo, "/");
        let (closed, open) =
            tokio::task::spawn_blocking(move || (load.closed(), load.open(500.0))).await.unwrap();
        let open = open.unwrap().all_answered().unwrap();
        assert!((100..=150).contains(&open.answered), "{} in 0.3 s at 500/s", open.answered);
        assert!(closed.unwrap().all_answered().unwrap().answered > open.answered);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_is_no_answer() {
        let routes = axum::Router::new();
        let nothing = Helper::serve(routes).await.unwrap();
        let load = short(&nothing, "/missing");
        let tally = tokio::task::spawn_blocking(move || load.closed()).await.unwrap().unwrap();
        assert!(tally.refused > 0 && tally.answered == 0);
        assert!(tally.all_answered().err().unwrap().to_string().contains("404"));
    }
}
