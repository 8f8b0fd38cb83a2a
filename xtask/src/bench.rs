//! `cargo xtask bench`: the figures of PERFORMANCE.md.

use anyhow::Result;

use crate::run::{cargo, run};

/// Builds for release and measures.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--release", "--quiet", "--package", "bench", "--"]);
    run("the benchmark", command.args(arguments))
}
