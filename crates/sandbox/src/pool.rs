//! The pool of warm children.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use crate::items::{check_source, worded};
use crate::request::{CodeError, CodeHost, CodeRequest, CodeResult, Config, ErrorKind};
use crate::session::{self, Outcome};
use crate::wire::{self, Failure, Inbox};

/// What a child may take beyond its own time limit before it is killed.
const GRACE: Duration = Duration::from_millis(300);

/// Runs code in a pool of child processes.
///
/// Dropping the future of [`run_code`](Sandbox::run_code) cancels the step and kills its child.
pub struct Sandbox {
    config: Config,
    free: Semaphore,
    idle: Mutex<VecDeque<Process>>,
}

/// One child.
pub(crate) struct Process {
    /// Killed when dropped.
    child: Child,
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) inbox: Inbox,
    steps_left: u32,
}

impl Sandbox {
    /// A pool that starts children when they are first needed.
    pub fn new(config: Config) -> Self {
        Self { free: Semaphore::new(config.processes.max(1)), config, idle: Mutex::default() }
    }

    /// How the pool was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Starts as many children as may run at the same time, and says which walls this system lacks.
    pub async fn warm(&self) -> Result<Vec<String>, CodeError> {
        let mut missing = Vec::new();
        let idle = self.idle().len();
        for _ in idle..self.config.processes {
            let mut process = self.start().await?;
            missing = session::greeting(&mut process).await?.missing_walls;
            self.idle().push_back(process);
        }
        Ok(missing)
    }

    /// Runs one step.
    pub async fn run_code(&self, request: CodeRequest, host: &dyn CodeHost) -> Result<CodeResult, CodeError> {
        check_source(request.contract, &request.source).map_err(error)?;
        let _permit = self.free.acquire().await.expect("the semaphore is never closed");
        let mut process = match self.take_idle() {
            Some(process) => process,
            None => self.start().await?,
        };
        let wall = Duration::from_millis(self.config.limits.wall_ms);
        let run = session::run(&mut process, &self.config, request, host);
        let outcome = match tokio::time::timeout(wall + GRACE, run).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(CodeError::new(ErrorKind::Timeout, session::timeout_message(wall))),
        };
        self.give_back(process, &outcome);
        outcome.result
    }

    /// A warm child that still lives.
    fn take_idle(&self) -> Option<Process> {
        loop {
            let mut process = self.idle().pop_front()?;
            if matches!(process.child.try_wait(), Ok(None)) {
                return Some(process);
            }
        }
    }

    /// Keeps the child for the next step unless something about it is in doubt.
    fn give_back(&self, mut process: Process, outcome: &Outcome) {
        process.steps_left -= 1;
        let is_sound = match &outcome.result {
            Ok(_) => true,
            Err(error) => matches!(error.kind, ErrorKind::Code | ErrorKind::Refused),
        };
        if is_sound && outcome.is_settled && process.steps_left > 0 && process.inbox.is_empty() {
            self.idle().push_back(process);
        }
    }

    async fn start(&self) -> Result<Process, CodeError> {
        let crashed = |error: std::io::Error| {
            let program = self.config.program.display();
            CodeError::new(
                ErrorKind::Crashed,
                format!("the code sandbox {program} could not be started: {error}"),
            )
        };
        let mut child = Command::new(&self.config.program)
            .args(&self.config.args)
            .env_clear()
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(crashed)?;
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let steps_left = self.config.steps_per_process.max(1);
        let mut process = Process { child, stdin, stdout, inbox: Inbox::default(), steps_left };
        let hello = wire::frame(wire::HELLO, &self.config.limits, b"");
        session::send(&mut process, &hello).await?;
        Ok(process)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// How the child ended, for the message of a crash.
    pub(crate) async fn end(&mut self) -> Option<ExitStatus> {
        tokio::time::timeout(GRACE, self.child.wait()).await.ok()?.ok()
    }
}

/// Words a failure as n8n does.
pub(crate) fn error(failure: Failure) -> CodeError {
    CodeError {
        kind: failure.kind,
        message: worded(&failure),
        description: failure.description,
        line: failure.line,
        item: failure.item,
        logs: Vec::new(),
    }
}
