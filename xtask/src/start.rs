//! `cargo xtask start`: the first thing a newcomer does.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, root, run, target_dir};

/// Where the server listens unless an argument says otherwise.
const LISTEN: &str = "127.0.0.1:8080";
/// Who becomes the owner.
const OWNER: &str = "owner@localhost";

/// Builds Runnel, sets it up in `./data` the first time, and serves until Ctrl-C. Arguments go to `runnel serve`.
pub(crate) fn start(arguments: &[String]) -> Result<()> {
    let arguments = arguments.strip_prefix(&["--".to_owned()][..]).unwrap_or(arguments);
    println!("Building Runnel (the first time takes a few minutes) ...");
    run("the build", &mut cargo(&["build", "--release", "--package", "cli"]))?;
    let program = target_dir().join("release/runnel");
    let data = root().join("data");
    let setup = match read_setup(&data)? {
        Some(setup) => setup,
        None => set_up(&program, &data)?,
    };
    let address = format!("http://{}", listen(arguments).replace("127.0.0.1", "localhost"));
    let text = |name: &str| setup[name].as_str().unwrap_or_default();
    println!(
        "
Your API key, also in data/start.json:  {key}
Your first workflow (examples/greeting.json) waits for calls:

  curl {address}{webhook} -H 'content-type: application/json' -d '{{\"name\": \"Ada\"}}'

What ran, and with which data:

  curl {address}/api/v1/executions -H 'Authorization: Bearer {key}'

README.md and docs/api.md go on from here; Ctrl-C stops the server. Everything is kept in ./data.
",
        key = text("api_key"),
        webhook = text("webhook"),
    );
    // Takes the place of this process, so that signals reach the server.
    Err(Command::new(&program).arg("serve").arg("--data").arg(&data).args(arguments).exec())
        .with_context(|| format!("{} could not start", program.display()))
}

/// What an earlier start set up.
fn read_setup(data: &Path) -> Result<Option<Value>> {
    let path = notes(data);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?)),
        Err(error) if error.kind() == ErrorKind::NotFound && data.join("runnel.db").exists() => {
            bail!(
                "./data holds an instance that was set up otherwise; start it with `runnel serve`, or move ./data away"
            )
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Makes an owner with a random password and a workflow to call.
fn set_up(program: &Path, data: &Path) -> Result<Value> {
    println!("Setting up a new instance in ./data ...");
    let password = random_text()?;
    let mut command = Command::new(program);
    command.arg("setup").args(["--email", OWNER, "--name", "Owner", "--json"]);
    command.arg("--workflow").arg(root().join("examples/greeting.json")).arg("--data").arg(data);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("runnel setup")?;
    let mut input = child.stdin.take().context("the setup takes no password")?;
    writeln!(input, "{password}").context("runnel setup")?;
    drop(input);
    let output = child.wait_with_output().context("runnel setup")?;
    if !output.status.success() {
        bail!("the setup failed ({})", output.status);
    }
    let mut setup: Value = serde_json::from_slice(&output.stdout).context("the setup gave no JSON")?;
    setup["email"] = OWNER.into();
    setup["password"] = password.into();
    let path = notes(data);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(format!("{setup:#}\n").as_bytes()).with_context(|| path.display().to_string())?;
    Ok(setup)
}

fn notes(data: &Path) -> PathBuf {
    data.join("start.json")
}

fn listen(arguments: &[String]) -> &str {
    let given =
        arguments.iter().enumerate().find_map(|(index, argument)| match argument.strip_prefix("--listen") {
            Some("") => arguments.get(index + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        });
    given.unwrap_or(LISTEN)
}

fn random_text() -> Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
