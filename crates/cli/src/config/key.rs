//! The key that encrypts what the instance keeps secret: a file that only its owner may read.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context as _, bail};
use app::RootKey;

/// Bytes of the key.
const LENGTH: usize = 32;

/// Reads the key.
pub(crate) fn read(path: &Path) -> anyhow::Result<RootKey> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("the key file {shown} cannot be read"))?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "the key file {shown} can be read by others (mode {:o}); make it yours alone: chmod 600 {shown}",
            mode & 0o777
        );
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("the key file {shown} cannot be read"))?;
    match from_hex(text.trim()) {
        Some(key) => Ok(RootKey::new(key)),
        None => bail!(
            "the key file {shown} does not hold a key (64 hexadecimal digits); put back the one from your backup"
        ),
    }
}

/// Makes a key. A file that is there already stays as it is.
pub(crate) fn create(path: &Path) -> anyhow::Result<RootKey> {
    let shown = path.display();
    let mut key = [0; LENGTH];
    getrandom::fill(&mut key).context("the system gives no random numbers")?;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(format!("{hex}\n").as_bytes())?;
        // The key must not be lost when what it encrypts is not.
        file.sync_all()?;
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().with_context(|| format!("the key file {shown} cannot be made"))?;
    Ok(RootKey::new(key))
}

fn from_hex(text: &str) -> Option<[u8; LENGTH]> {
    if text.len() != 2 * LENGTH || !text.is_ascii() {
        return None;
    }
    let mut key = [0; LENGTH];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        read(path).err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("data/key");
        let made = create(&path).expect("it can be made");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&path).expect("it can be read").fingerprint(), made.fingerprint());
        assert!(create(&path).is_err(), "a second one would make everything unreadable");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("key");
        create(&path).expect("it can be made");
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
            assert!(refused(&path).contains("chmod 600"), "{}", refused(&path));
        }
    }

    #[test]
    fn a_file_without_a_key_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("key");
        create(&path).expect("it can be made");
        for text in ["", "abc", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            std::fs::write(&path, text).expect("it can be written");
            assert!(refused(&path).contains("backup"), "{text:?}: {}", refused(&path));
        }
    }
}
