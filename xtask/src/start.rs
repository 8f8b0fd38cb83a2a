//! `cargo xtask start`: the first thing a newcomer does.

use anyhow::{Result, bail};

use crate::run::{cargo, root, run};

/// Builds Runnel and runs the sample workflow, showing what every node gave.
pub(crate) fn start(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("start takes no arguments");
    }
    let sample = root().join("examples/hello.json");
    println!("Building Runnel (the first time takes a few minutes) ...");
    run("the build", &mut cargo(&["build", "--release", "--package", "cli"]))?;
    println!("\nrunnel exec examples/hello.json\n");
    let program = crate::run::target_dir().join("release/runnel");
    run("the sample workflow", std::process::Command::new(program).arg("exec").arg(sample))?;
    println!(
        "\nNext: open examples/hello.json, change it, and run it again; README.md says what else there is."
    );
    Ok(())
}
