//! The real program as a process: started, watched, killed.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::http::{Connection, request};

/// What proves that we are allowed to set a server up.
pub(crate) const SETUP_TOKEN: &str = "a-setup-token-of-the-trials";

/// How long a server may take until it is ready before the trial is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is started, and started again after it died.
#[derive(Clone)]
pub(crate) struct Recipe {
    program: PathBuf,
    /// Its data folder.
    pub(crate) folder: PathBuf,
    /// The URL of its database, unless that is SQLite in the folder.
    database: Option<String>,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    environment: Vec<(String, String)>,
    /// Where it writes what it has to say; one server goes on where another ended.
    log: PathBuf,
}

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) recipe: Recipe,
    started: Instant,
}

impl Recipe {
    /// A server of its own in this folder, on free ports.
    pub(crate) fn new(program: &Path, folder: &Path, database: Option<&str>) -> Result<Self> {
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            database: database.map(Into::into),
            address: free_address()?,
            metrics: free_address()?,
            environment: Vec::new(),
            log: folder.with_extension("log"),
        })
    }

    /// The same with a variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts a server; it is not ready yet.
    pub(crate) fn spawn(&self) -> Result<Server> {
        std::fs::create_dir_all(&self.folder)?;
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| !name.starts_with("RUNNEL_")))
            .env("RUNNEL_DATA", &self.folder)
            .env("RUNNEL_LISTEN", self.address.to_string())
            .env("RUNNEL_METRICS_LISTEN", self.metrics.to_string())
            .env("RUNNEL_SETUP_TOKEN", SETUP_TOKEN)
            .env("RUNNEL_TRUSTED_NETWORKS", "127.0.0.0/8")
            .envs(self.database.iter().map(|url| ("RUNNEL_DATABASE_URL", url)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} could not start", self.program.display()))?;
        Ok(Server { child, recipe: self.clone(), started })
    }

    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(&self) -> Result<Server> {
        let mut server = self.spawn()?;
        server.ready().await?;
        Ok(server)
    }
}

impl Server {
    /// Waits until it is ready and says how long that took since its start.
    pub(crate) async fn ready(&mut self) -> Result<Duration> {
        let ask = request("GET", "/readyz", &[], None);
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} before it was ready:\n{}", self.last_words());
            }
            if is_ready(self.recipe.address, &ask).await {
                return Ok(self.started.elapsed());
            }
            if self.started.elapsed() > PATIENCE {
                bail!("the server is not ready after {PATIENCE:?}:\n{}", self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs.
    fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Fails with its last words when it has ended by itself.
    pub(crate) fn check_that_it_lives(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended with {status} although nobody stopped it:\n{}", self.last_words());
        }
        Ok(())
    }

    /// `kill -9`: it gets no chance to do anything.
    pub(crate) fn kill(mut self) -> Result<Recipe> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.recipe.clone())
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<Recipe> {
        self.signal(rustix::process::Signal::TERM)?;
        let begin = Instant::now();
        while self.lives() {
            if begin.elapsed() > PATIENCE {
                bail!("the server does not stop within {PATIENCE:?}:\n{}", self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(self.recipe.clone())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Bytes of memory it has in use.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")).context("no VmRSS in its status")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }

    /// Processor time it has used.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        let (_, fields) = stat.rsplit_once(") ").context("its stat has no name")?;
        // Without number and name, user time is field 11 and system time field 12, in ticks.
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.recipe.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(address: SocketAddr, ask: &[u8]) -> bool {
    let answer = async { Connection::open(address).await?.exchange(ask).await.map(|answer| answer.is_ok()) };
    tokio::time::timeout(Duration::from_secs(2), answer).await.is_ok_and(|ready| ready.unwrap_or(false))
}

/// An address on this machine that nobody uses now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
