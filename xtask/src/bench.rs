//! `cargo xtask bench`: the figures of PERFORMANCE.md.

use anyhow::Result;

use crate::run::{cargo, run};
use crate::trials;

/// Builds for release and measures: the core in memory, then the server.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let only =
        arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    let is_memory = |name: &String| name == "expr" || name.ends_with("_memory");
    if only.is_none_or(is_memory) {
        let mut command = cargo(&["run", "--release", "--quiet", "--package", "bench", "--"]);
        run(
            "the benchmark in memory",
            command.args(arguments.iter().filter(|argument| *argument != "--long")),
        )?;
    }
    if !only.is_some_and(is_memory) {
        trials::run_trials("bench", "release", arguments)?;
    }
    Ok(())
}
