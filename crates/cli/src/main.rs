//! The command line: reads arguments, wires everything, runs it.
//!
//! Every command is a module with its arguments and a `run` that gives an [`Exit`]: what scripts see. Results go to
//! standard output (text for people, or JSON with `--json`), everything else to standard error.
//! Deliberately absent: semantics. They live in the crates that this one puts together.

mod args;
mod backup;
mod bucket;
mod config;
mod doctor;
mod exec;
mod export;
mod files;
mod import;
mod migrate;
mod open;
mod print;
mod product;
mod ready;
mod record;
mod serve;
mod setup;
mod test;
mod validate;
mod world;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It did what it was asked to, and the execution completed.
    Completed = 0,
    /// The execution failed, or not every test passed.
    Failed = 1,
    /// A file or an argument is not valid.
    Invalid = 2,
    /// The execution waits, was cancelled or ran out of time.
    Unfinished = 3,
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::SandboxChild => return sandbox::child_main(),
        Command::Exec(args) => exec::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Setup(args) => setup::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Verify(args) => backup::verify(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Ready(args) => ready::run(&args),
    };
    let exit = outcome.unwrap_or_else(|error| {
        let broken_pipe = error.chain().any(|cause| {
            let io = cause.downcast_ref::<std::io::Error>();
            io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        });
        if broken_pipe {
            return Exit::Completed;
        }
        print::error(&format!("{error:#}"));
        Exit::Invalid
    });
    ExitCode::from(exit as u8)
}
