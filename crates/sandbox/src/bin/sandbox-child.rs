//! A child on its own, for tests: `sandbox-child` serves, `sandbox-child probe` raises the walls and says what is left.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("probe") {
        probe();
        return ExitCode::SUCCESS;
    }
    sandbox::child_main()
}

/// Prints one line per attempt: its name and whether it was allowed.
#[allow(clippy::print_stdout, clippy::disallowed_types, reason = "trying what must not work is the point")]
fn probe() {
    let missing = sandbox::child::walls::raise(&sandbox::Limits::default());
    println!("missing {}", missing.join(", "));
    let say = |name: &str, allowed: bool| println!("{name} {}", if allowed { "allowed" } else { "refused" });
    say("read", std::fs::read("/etc/passwd").is_ok());
    say("list", std::fs::read_dir("/").is_ok());
    say("write", std::fs::write("/tmp/sandbox-probe", "x").is_ok());
    say("socket", std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
    say(
        "connect",
        std::net::TcpStream::connect("127.0.0.1:1").is_err_and(|error| error.raw_os_error() != Some(1)),
    );
    say("fork", std::process::Command::new("/bin/true").spawn().is_ok());
    say("thread", std::thread::Builder::new().spawn(|| ()).is_ok());
    say("memory", std::hint::black_box(vec![1u8; 1 << 20]).len() == 1 << 20);
    say("clock", std::time::SystemTime::now() > std::time::UNIX_EPOCH);
}
