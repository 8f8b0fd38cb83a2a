//! A PostgreSQL of our own that is thrown away: with its defaults, so that a commit is on the disk.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::process::free_address;

/// A cluster in a temporary folder.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    /// Whom it runs as: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("runnel-postgres-")?;
        let user = if rustix::process::geteuid().is_root() { Some(postgres_user()?) } else { None };
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let cluster = Self { programs: find_programs()?, folder, port: free_address()?.port(), user };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["--username=runnel", "--auth=trust", "--encoding=UTF8", "--locale=C", "-D", &data],
        )?;
        cluster.control(&["start"])?;
        Ok(cluster)
    }

    /// The URL of a new, empty database.
    pub(crate) fn create_database(&self, name: &str) -> Result<String> {
        let port = self.port.to_string();
        self.run("createdb", &["--host=127.0.0.1", "--username=runnel", "--port", &port, name])?;
        Ok(format!("postgres://runnel@127.0.0.1:{port}/{name}"))
    }

    /// What a query prints.
    pub(crate) fn ask(&self, database: &str, query: &str) -> Result<String> {
        let port = self.port.to_string();
        let host = ["--host=127.0.0.1", "--username=runnel", "--port", &port];
        let rest = ["--no-psqlrc", "--tuples-only", "--no-align", "--command", query, database];
        self.run("psql", &[host.as_slice(), rest.as_slice()].concat())
    }

    /// Takes it down as a power cut would, and starts it again.
    pub(crate) fn crash_and_restart(&self) -> Result<()> {
        self.control(&["restart", "--mode=immediate"])
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn control(&self, action: &[&str]) -> Result<()> {
        let folder = self.folder.path();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            folder.display()
        );
        let (data, log) = (self.data(), folder.join("log").display().to_string());
        let rest = ["--wait", "-D", &data, "--log", &log, "--options", &options];
        self.run("pg_ctl", &[action, rest.as_slice()].concat()).map(drop)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).stdin(Stdio::null()).current_dir(self.folder.path());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        // A server that goes on running keeps what it inherited, so pg_ctl gets no pipe to wait for.
        let output = if program == "pg_ctl" {
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.map(|status| std::process::Output { status, stdout: Vec::new(), stderr: Vec::new() })
        } else {
            command.output()
        };
        let output = output.with_context(|| format!("{program} could not start"))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program} failed: {complaint}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be down already; its folder goes in any case.
        let _ = self.control(&["stop", "--mode=immediate"]);
    }
}

/// User and group that Debian's package creates.
fn postgres_user() -> Result<(u32, u32)> {
    let id = |option: &str| -> Result<u32> {
        let output = Command::new("id").args([option, "postgres"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().context("PostgreSQL does not run as root and there is no user \"postgres\"")
    };
    Ok((id("-u")?, id("-g")?))
}

/// The folder with `initdb`: of the newest version in Debian's place, or on the path.
fn find_programs() -> Result<PathBuf> {
    let has_initdb = |folder: &PathBuf| folder.join("initdb").is_file();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> =
        debian.map(|version| version.path().join("bin")).filter(has_initdb).collect();
    versions.sort_by_key(|folder| version_of(folder));
    if let Some(newest) = versions.pop() {
        return Ok(newest);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&path).find(has_initdb) {
        Some(folder) => Ok(folder),
        None => {
            bail!("no PostgreSQL here: install Debian's package \"postgresql\" or put initdb on the path")
        }
    }
}

fn version_of(folder: &Path) -> u32 {
    let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

#[test]
fn what_is_committed_survives_a_crash_of_the_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = cluster.create_database("kept").unwrap();
    assert!(url.ends_with("/kept"), "{url}");
    cluster.ask("kept", "CREATE TABLE kept AS SELECT 7 AS number").unwrap();
    cluster.crash_and_restart().unwrap();
    assert_eq!(cluster.ask("kept", "SELECT number FROM kept").unwrap().trim(), "7");
}
