//! `cargo xtask schemathesis`: draws requests from the API's document and sends them to a server of its own. A 5xx, a
//! status or a shape that the document does not name is a failure.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{cargo, run, target_dir};

/// What every answer is checked for.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Streams of events end when the server does.
const STREAMS: &str = "/events$";

/// Runs schemathesis. `--program PATH` names another one than the `schemathesis` of the PATH; everything else goes to it.
pub(crate) fn schemathesis(arguments: &[String]) -> Result<()> {
    let (program, arguments) = match arguments {
        [option, program, rest @ ..] if option == "--program" => (program.as_str(), rest),
        arguments => ("schemathesis", arguments),
    };
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        bail!(
            "there is no {program}; install it with `python3 -m venv venv && venv/bin/pip install schemathesis` \
             and name it with --program venv/bin/schemathesis"
        );
    }
    run("the build", &mut cargo(&["build", "--package", "cli"]))?;
    let runnel = target_dir().join("debug/runnel");
    let data = target_dir().join(format!("schemathesis-{}", std::process::id()));
    let result = against(&runnel, &data, program, arguments);
    std::fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
    result
}

fn against(runnel: &Path, data: &Path, program: &str, arguments: &[String]) -> Result<()> {
    let key = set_up(runnel, data)?;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?.port();
    let address = format!("127.0.0.1:{port}");
    let mut serve = Command::new(runnel);
    serve.arg("serve").arg("--data").arg(data).args(["--listen", &address, "--metrics-listen", "off"]);
    let server = Running(serve.stdout(Stdio::null()).spawn().context("runnel serve")?);
    wait(runnel, data, &address)?;
    let mut schemathesis = Command::new(program);
    schemathesis
        .arg("run")
        .arg(format!("http://{address}/api/v1/openapi.json"))
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--checks", CHECKS, "--exclude-path-regex", STREAMS, "--continue-on-failure"])
        .args(arguments);
    let result = run("schemathesis", &mut schemathesis);
    drop(server);
    result
}

/// A server that ends with this process.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes an owner, and gives the key.
fn set_up(runnel: &Path, data: &Path) -> Result<String> {
    let mut command = Command::new(runnel);
    command
        .arg("setup")
        .args(["--email", "owner@localhost", "--name", "Owner", "--json", "--data"])
        .arg(data);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("runnel setup")?;
    let mut input = child.stdin.take().context("the setup takes no password")?;
    writeln!(input, "a password for this run only")?;
    drop(input);
    let output = child.wait_with_output().context("runnel setup")?;
    let answer: Value = serde_json::from_slice(&output.stdout).context("runnel setup gives JSON")?;
    answer["api_key"].as_str().map(str::to_owned).context("runnel setup gives a key")
}

fn wait(runnel: &Path, data: &Path, address: &str) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        let mut ready = Command::new(runnel);
        ready.arg("ready").arg("--data").arg(data).args(["--listen", address]);
        if ready.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("the server was not ready within 30 s")
}
