//! An instance in a folder of its own, and a client for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use sdk::net::{self, Body, Request, TrustedNetworks};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_runnel");
/// The token that sets an instance up.
pub(crate) const TOKEN: &str = "a-token-only-this-test-knows";
/// What anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// An instance, running or not. What it leaves is gone with it.
pub(crate) struct Instance {
    pub(crate) folder: tempfile::TempDir,
    child: Option<Child>,
    /// Where it serves, with a slash at its end.
    pub(crate) address: String,
    /// A key that may do everything.
    pub(crate) key: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Instance {
    /// A folder without an instance.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { folder, child: None, address: String::new(), key: String::new() }
    }

    /// An instance with an owner, running.
    pub(crate) fn ready() -> Self {
        let mut instance = Self::new();
        instance.start(&[]);
        instance.set_up();
        instance
    }

    /// The folder of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The program with these arguments, in the folder, in an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        // Tests call servers of their own.
        command.env("RUNNEL_TRUSTED_NETWORKS", "127.0.0.0/8").env("RUNNEL_SETUP_TOKEN", TOKEN);
        command
    }

    /// Runs a command that ends, and gives its exit code and output.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let done = self.command(arguments).output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
        (done.status.code().expect("no signal ends it"), text(done.stdout), text(done.stderr))
    }

    /// Serves, and returns once it is ready.
    pub(crate) fn start(&mut self, arguments: &[&str]) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a file can be made");
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
        let mut child =
            command.args(arguments).stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let output = child.stdout.take().expect("its output is piped");
        self.child = Some(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("it says something");
        let address = line.split_whitespace().next_back().unwrap_or_default();
        assert!(address.starts_with("http"), "it says where it serves: {line:?}\n{}", self.log());
        self.address = address.to_owned();
    }

    /// Creates the owner.
    pub(crate) fn set_up(&mut self) {
        let owner = json!({
            "token": TOKEN, "email": "ada@example.com", "name": "Ada", "password": "correct horse battery"
        });
        let answer = self.post("api/v1/setup", &owner);
        assert_eq!(answer.status, 201, "{answer:?}");
        self.key = answer.body["api_key"].as_str().expect("a key").to_owned();
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&self) {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::TERM).expect("it is ours");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not stop\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it and expects that it does so in good order.
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Sends a request to a path below its address, or to a whole address.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.address) };
        let mut request = Request::parse(method, &url).expect("the address is valid");
        if !self.key.is_empty() {
            request.header("authorization", &format!("Bearer {}", self.key)).expect("a header");
        }
        if let Some(body) = body {
            request = request.with_body(Body::bytes("application/json", body.to_string()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = runtime.expect("a runtime").block_on(async {
            let trusted = TrustedNetworks::parse(["127.0.0.0/8", "::1"]).expect("networks");
            let client = net::Client::new(net::Config { trusted, ..net::Config::default() });
            client.send(request, &CancellationToken::new()).await
        });
        let answer = answer.unwrap_or_else(|error| panic!("{method} {url}: {error}\n{}", self.log()));
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::String(answer.text().into_owned()));
        Answer { status: answer.status.as_u16(), body }
    }

    /// Creates and publishes a workflow. Gives its id and the address of its webhook.
    pub(crate) fn publish(&self, workflow: &Value) -> (String, String) {
        let created = self.post("api/v1/workflows", workflow);
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.body["id"].as_str().expect("an id").to_owned();
        let published = self.send("POST", &format!("api/v1/workflows/{id}/publish"), None);
        assert_eq!(published.status, 200, "{published:?}");
        let triggers = published.body["triggers"].as_array().expect("triggers");
        let address = triggers.iter().find_map(|trigger| trigger["address"].as_str()).unwrap_or_default();
        (id, address.to_owned())
    }

    /// Waits until something is so.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} never happens\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The executions in this status.
    pub(crate) fn executions(&self, status: &str) -> Vec<Value> {
        let answer = self.get(&format!("api/v1/executions?status={status}&limit=200"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["items"].as_array().expect("a list").clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The greeting of the examples: a webhook that answers.
pub(crate) fn greeting() -> Value {
    let text = std::fs::read_to_string(repository("examples/greeting.json")).expect("it is there");
    serde_json::from_str(&text).expect("it is JSON")
}
