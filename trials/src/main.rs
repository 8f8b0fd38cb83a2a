//! Drives the real program from outside, as its users and its misfortunes do: `trials bench | chaos`.
//!
//! [`bench`] measures the server against the gates of PERFORMANCE.md, [`chaos`] kills it under load and checks with the
//! client's own log that nothing acknowledged was lost and nothing was done twice. What they share: [`http`] and
//! [`load`] (a client that costs next to nothing), [`process`] (the program), [`postgres`] (a database that is thrown
//! away), [`api`].
//! Deliberately absent: anything of the product's own code. What is true here is true for a client.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod api;
mod arguments;
mod bench;
mod chaos;
mod figure;
mod helpers;
mod http;
mod load;
mod postgres;
mod process;
mod workflows;

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::{Arguments, Task};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything was as it must be.
async fn run() -> Result<bool> {
    match Arguments::parse(std::env::args().skip(1))?.task()? {
        Task::Bench(options) => bench::bench(&options).await,
        Task::Chaos(options) => chaos::chaos(&options).await,
    }
}
