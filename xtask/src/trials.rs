//! `cargo xtask chaos`, and what measures and breaks the real program from outside.

use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, run, target_dir};

/// Kills the server under load, or plays one fault, and checks what came of it.
pub(crate) fn chaos(arguments: &[String]) -> Result<()> {
    run_trials("chaos", "release", arguments)
}

/// Builds the program and the trials with this profile and starts them.
pub(crate) fn run_trials(task: &str, profile: &str, arguments: &[String]) -> Result<()> {
    run(
        "the build",
        &mut cargo(&["build", "--quiet", "--profile", profile, "--package", "cli", "--package", "trials"]),
    )?;
    let folder = target_dir().join(if profile == "dev" { "debug" } else { profile });
    let mut command = Command::new(folder.join("trials"));
    run(task, command.arg(task).arg("--program").arg(folder.join("runnel")).args(arguments))
}
