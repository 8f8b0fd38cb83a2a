//! Tells systemd how far the process is, where systemd asks (`Type=notify`).

use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;

/// It serves.
pub(super) const READY: &str = "READY=1";
/// It finishes what it has begun.
pub(super) const STOPPING: &str = "STOPPING=1";

/// Says so. Whatever goes wrong concerns nobody but whoever waits for it.
pub(super) fn tell(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(path, state) {
        tracing::warn!(%error, "systemd cannot be told {state}");
    }
}

fn send(path: OsString, state: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        if let Some(name) = path.as_bytes().strip_prefix(b"@") {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            return socket.send_to_addr(state.as_bytes(), &address).map(drop);
        }
    }
    socket.send_to(state.as_bytes(), path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_hears_it() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("socket");
        let listener = UnixDatagram::bind(&path).expect("a socket can be made");
        send(path.into(), READY).expect("somebody listens");
        let mut heard = [0; 32];
        let length = listener.recv(&mut heard).expect("something was said");
        assert_eq!(&heard[..length], b"READY=1");
    }
}
