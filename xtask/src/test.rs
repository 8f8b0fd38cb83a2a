//! `cargo xtask test`: everything CI runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, root, run, target_dir};

/// What a conformance group must reach: share of passes among the cases that are supported.
const CONFORMANCE_GATES: [(&str, f64); 5] =
    [("order", 1.0), ("cases", 0.95), ("real-runs", 0.95), ("expressions", 0.97), ("expressions_real", 0.97)];

/// Runs every check; stops at the first that fails.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    let conformance = match arguments {
        [] => true,
        [only] if only == "--no-conformance" => false,
        other => bail!("test does not take {other:?}"),
    };
    step("format", || run("cargo fmt", &mut cargo(&["fmt", "--all", "--check"])))?;
    step("lints", || {
        run(
            "cargo clippy",
            &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        )
    })?;
    step("tests", tests)?;
    if conformance {
        step("conformance", conform)?;
    } else {
        println!("conformance left out, as asked");
    }
    Ok(())
}

fn step(name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let start = Instant::now();
    check()?;
    println!("== {name}: passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn tests() -> Result<()> {
    let has_nextest = cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    let arguments: &[&str] = if has_nextest {
        &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--locked", "--no-fail-fast"]
    };
    run("the tests", &mut cargo(arguments))
}

fn conform() -> Result<()> {
    let Some(data) = conformance_data() else {
        println!("no conformance data beside the project (../shared/conformance): nothing to check");
        return Ok(());
    };
    run("the build", &mut cargo(&["build", "--locked", "--package", "cli"]))?;
    let program = target_dir().join("debug/runnel");
    check_cases(&program, &data)?;
    check_import(&program, &data)
}

fn conformance_data() -> Option<PathBuf> {
    root().ancestors().skip(1).take(3).map(|dir| dir.join("shared/conformance")).find(|dir| dir.is_dir())
}

fn check_cases(program: &Path, data: &Path) -> Result<()> {
    let lines = json_lines(Command::new(program).arg("test").arg(data.join("n8n")).arg("--json"))?;
    let mut missed = Vec::new();
    for (group, gate) in CONFORMANCE_GATES {
        let count = |result: &str| {
            lines.iter().filter(|line| line["group"] == group && line["result"] == result).count()
        };
        let (passed, failed, unsupported) = (count("pass"), count("fail"), count("unsupported"));
        let share = passed as f64 / (passed + failed).max(1) as f64;
        println!(
            "{group:<17} {passed:>4} passed {failed:>3} failed {unsupported:>3} unsupported  {:>6.2} % (at least {:.0} %)",
            share * 100.0,
            gate * 100.0
        );
        if share < gate {
            missed.push(group);
        }
    }
    if !missed.is_empty() {
        for line in lines.iter().filter(|line| line["result"] == "fail") {
            println!("{line}");
        }
        bail!("conformance below its gate: {}", missed.join(", "));
    }
    Ok(())
}

fn check_import(program: &Path, data: &Path) -> Result<()> {
    let folder = data.join("n8n-real/workflows");
    let lines = json_lines(Command::new(program).args(["import", "--dry-run", "--json"]).arg(folder))?;
    let totals = lines.last().context("the import printed nothing")?;
    println!("import: {} of {} workflows loaded", totals["loaded"], totals["workflows"]);
    if totals["loaded"] != totals["workflows"] || totals["workflows"] == 0 {
        bail!("not every workflow could be imported: {totals}");
    }
    Ok(())
}

/// The JSON lines a program prints, whatever its exit code.
fn json_lines(command: &mut Command) -> Result<Vec<Value>> {
    let output = command.stderr(std::process::Stdio::inherit()).output().context("runnel could not start")?;
    let text = String::from_utf8(output.stdout).context("runnel printed something that is no text")?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}
