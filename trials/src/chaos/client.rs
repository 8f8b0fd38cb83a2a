//! A client that keeps a log of what it asked for and what it was told: invoke, then ok, fail or info.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::http::{Connection, request};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request in the log.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// What its body said.
    pub(crate) id: String,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was acknowledged: from now on it must not be lost.
    Ok,
    /// It was refused, or never sent: it must have done nothing.
    Fail(String),
    /// Nobody knows: the answer did not come.
    Info(String),
}

/// What a request is told that a full disk refused.
pub(crate) const FULL: &str = "503, the disk is full";

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Aim {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) hook: String,
    /// Comes before the number in each id, so that the requests of several clients differ.
    pub(crate) prefix: &'static str,
    /// Requests per second.
    pub(crate) rate: f64,
}

/// Load that goes on whatever happens to the servers.
pub(crate) struct Client {
    stop: watch::Sender<bool>,
    task: JoinHandle<Vec<Request>>,
}

type Pool = Arc<Mutex<Vec<Connection>>>;

impl Client {
    pub(crate) fn start(aim: Aim) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(go_on(aim, stopped)) }
    }

    /// Stops sending, waits for the last answers and gives the log.
    pub(crate) async fn stop(self) -> anyhow::Result<Vec<Request>> {
        self.stop.send_replace(true);
        Ok(self.task.await?)
    }
}

async fn go_on(aim: Aim, stopped: watch::Receiver<bool>) -> Vec<Request> {
    let pools: Vec<(SocketAddr, Pool)> =
        aim.addresses.iter().map(|address| (*address, Pool::default())).collect();
    let begin = Instant::now();
    let mut under_way = JoinSet::new();
    let mut log = Vec::new();
    for number in 0_u32.. {
        sleep_until(begin + Duration::from_secs_f64(f64::from(number) / aim.rate)).await;
        if *stopped.borrow() {
            break;
        }
        let (address, pool) = pools[number as usize % pools.len()].clone();
        let id = format!("{}{number}", aim.prefix);
        let body = json!({ "id": id, "name": "Ada", "n": number }).to_string();
        let bytes = request("POST", &aim.hook, &[], Some(body.as_bytes()));
        under_way.spawn(async move {
            let outcome = attempt(address, &pool, &bytes).await;
            Request { id, ended: Instant::now(), outcome }
        });
        while let Some(Ok(request)) = under_way.try_join_next() {
            log.push(request);
        }
    }
    log.extend(under_way.join_all().await);
    log
}

/// Sends a request once: who sends again cannot tell afterwards who did it twice.
async fn attempt(address: SocketAddr, pool: &Pool, bytes: &[u8]) -> Outcome {
    let kept = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut connection = match kept {
        Some(connection) => connection,
        None => match timeout(PATIENCE, Connection::open(address)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Outcome::Fail(error.kind().to_string()),
            Err(_) => return Outcome::Fail("no connection in time".into()),
        },
    };
    match timeout(PATIENCE, connection.exchange(bytes)).await {
        Ok(Ok(answer)) => {
            let (status, keeps) = (answer.status, answer.keeps);
            let is_full = status == 503 && answer.text().contains("disk-full");
            if keeps {
                pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            match status {
                200..300 => Outcome::Ok,
                400..500 => Outcome::Fail(status.to_string()),
                _ if is_full => Outcome::Fail(FULL.into()),
                _ => Outcome::Info(status.to_string()),
            }
        }
        Ok(Err(error)) => Outcome::Info(error.kind().to_string()),
        Err(_) => Outcome::Info("no answer in time".into()),
    }
}
