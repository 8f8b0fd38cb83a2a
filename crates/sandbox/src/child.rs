//! The child's side: a process that runs one step after the other, each in a QuickJS runtime of its own.

mod chunks;
mod crypto;
mod native;
mod pipe;
mod runtime;
mod urls;
pub mod walls;
mod zones;

use std::process::ExitCode;

use pipe::Pipe;

use crate::request::Limits;
use crate::wire::{self, Ready, Step};

/// The main function of a child. Returns when the host closes the pipe.
pub fn child_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<(), String> {
    let pipe = Pipe::open();
    let Some(hello) = pipe.receive()?.filter(|frame| frame.kind == wire::HELLO) else {
        return Err("the first frame must be a greeting".into());
    };
    let limits: Limits = hello.header()?;
    zones::load();
    let stack_size = runtime::stack_size();
    let missing_walls = walls::raise(&limits);
    pipe.send(&wire::frame(wire::READY, &Ready { missing_walls }, b""))?;
    // The next runtime is made while nobody waits for it.
    let mut warm = runtime::Runtime::new(pipe.clone(), stack_size).map_err(|error| error.to_string())?;
    while let Some(frame) = pipe.receive()? {
        if frame.kind != wire::STEP {
            return Err(format!("a frame of kind {}", frame.kind));
        }
        let step: Step = frame.header()?;
        walls::allow_cpu(step.limits.cpu_ms);
        let (done, result) = warm.run(step, frame.into_text());
        pipe.send(&wire::frame(wire::DONE, &done, result.as_bytes()))?;
        drop(warm);
        warm = runtime::Runtime::new(pipe.clone(), stack_size).map_err(|error| error.to_string())?;
    }
    Ok(())
}
