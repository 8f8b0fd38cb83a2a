//! `cargo xtask test`: everything CI runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::postgres::{self, Cluster};
use crate::run::{cargo, root, run, target_dir};

/// What a conformance group must reach: share of passes among the cases that are supported.
const CONFORMANCE_GATES: [(&str, f64); 5] =
    [("order", 1.0), ("cases", 0.95), ("real-runs", 0.95), ("expressions", 0.97), ("expressions_real", 0.97)];

/// Runs every check; stops at the first that fails.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    let (mut conformance, mut postgres) = (true, true);
    for argument in arguments {
        match argument.as_str() {
            "--no-conformance" => conformance = false,
            "--no-postgres" => postgres = false,
            other => bail!("test does not take {other}"),
        }
    }
    step("format", || run("cargo fmt", &mut cargo(&["fmt", "--all", "--check"])))?;
    step("lints", || {
        run(
            "cargo clippy",
            &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        )
    })?;
    let server = if postgres { Some(database()?) } else { None };
    step("tests", || tests(server.as_ref()))?;
    if conformance {
        step("conformance", conform)?;
    } else {
        println!("conformance left out, as asked");
    }
    if !postgres {
        println!("everything on PostgreSQL left out, as asked: what passed says nothing about it");
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

/// A server for the tests that need one, and the binaries for those that stop and restart their own.
struct Database {
    url: String,
    binaries: Option<PathBuf>,
    /// Ends with the tests.
    _cluster: Option<Cluster>,
}

/// The server that was named, or one that runs here, or one that is started for the tests.
fn database() -> Result<Database> {
    let folder = target_dir().join("postgres");
    let binaries = postgres::binaries();
    if let Some(url) = std::env::var("RUNNEL_TEST_POSTGRES").ok().or_else(postgres::running) {
        println!("PostgreSQL: {url}");
        let binaries = match binaries {
            Some(binaries) => Some(binaries),
            None => postgres::install(&folder).map_err(|error| anyhow!(no_postgres(&error))).map(Some)?,
        };
        return Ok(Database { url, binaries, _cluster: None });
    }
    let binaries = match binaries {
        Some(binaries) => binaries,
        None => postgres::install(&folder).map_err(|error| anyhow!(no_postgres(&error)))?,
    };
    // The path of a socket is short.
    let place = std::env::temp_dir().join(format!("runnel-test-{}", std::process::id()));
    let cluster = Cluster::start(&place, &binaries).map_err(|error| anyhow!(no_postgres(&error)))?;
    println!("PostgreSQL: a server of its own, by {}", binaries.display());
    Ok(Database { url: cluster.url(), binaries: Some(binaries), _cluster: Some(cluster) })
}

fn no_postgres(error: &str) -> String {
    format!(
        "there is no PostgreSQL for the tests ({error}): install the package postgresql, name a server with \
         RUNNEL_TEST_POSTGRES=postgres://user@host:5432/postgres, or leave it out with --no-postgres"
    )
}

fn tests(database: Option<&Database>) -> Result<()> {
    let has_nextest = cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    // Every test that needs PostgreSQL says so in its path.
    let arguments: &[&str] = match (has_nextest, database.is_some()) {
        (true, true) => &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"],
        (true, false) => {
            &["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "-E", "not test(postgres)"]
        }
        (false, true) => &["test", "--workspace", "--locked", "--no-fail-fast"],
        (false, false) => &["test", "--workspace", "--locked", "--no-fail-fast", "--", "--skip", "postgres"],
    };
    let mut command = cargo(arguments);
    if let Some(database) = database {
        command.env("RUNNEL_TEST_POSTGRES", &database.url);
        command.envs(database.binaries.as_ref().map(|folder| (postgres::BINARIES, folder)));
    }
    run("the tests", &mut command)
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
