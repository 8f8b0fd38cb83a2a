//! Measures the core in memory against the gates of PERFORMANCE.md: a part of `cargo xtask bench`.
//!
//! Everything here runs in this process and in memory: what the engine, the nodes, the expressions and the sandbox
//! cost, without a database or a network. Each figure is the median of its repeats, with the least and the most.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod expressions;
mod figure;
mod workflows;

use std::process::ExitCode;

use figure::Figure;

/// The argument with which the sandbox starts this program again.
const SANDBOX_CHILD: &str = "sandbox-child";

type Benchmark = fn() -> anyhow::Result<Vec<Figure>>;

/// What can be measured.
const ALL: [(&str, Benchmark); 5] = [
    ("expr", expressions::measure),
    ("w2_memory", workflows::w2),
    ("w3_memory", workflows::w3),
    ("w5_memory", workflows::w5),
    ("w6_memory", workflows::w6),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == SANDBOX_CHILD) {
        return sandbox::child_main();
    }
    match parse(&arguments).and_then(|(only, json)| measure(only, json)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: &[String]) -> anyhow::Result<(Option<&str>, bool)> {
    let (mut only, mut json) = (None, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--only" => {
                only = Some(rest.next().ok_or_else(|| anyhow::anyhow!("--only needs a name"))?.as_str())
            }
            other => anyhow::bail!("there is no option {other}; there are --only NAME and --json"),
        }
    }
    if let Some(name) = only.filter(|name| ALL.iter().all(|(known, _)| known != name)) {
        let known: Vec<_> = ALL.iter().map(|(known, _)| *known).collect();
        anyhow::bail!("there is no benchmark \"{name}\"; there are {}", known.join(", "));
    }
    Ok((only, json))
}

/// Prints every figure; whether all of them meet their gates.
fn measure(only: Option<&str>, json: bool) -> anyhow::Result<bool> {
    let mut met = true;
    for (_, bench) in ALL.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        for figure in bench()? {
            met &= figure.meets_gate();
            if json { println!("{}", figure.to_json()) } else { println!("{figure}") }
        }
    }
    Ok(met)
}
