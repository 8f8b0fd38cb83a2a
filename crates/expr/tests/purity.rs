//! The crate computes and nothing else: no files, network, threads, clock or randomness.

use std::path::{Path, PathBuf};

/// What sources of the crate must not name.
const REFUSED: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "thread_rng",
    "getrandom",
    "tokio",
    "unsafe ",
];

/// What the crate must not depend on.
const REFUSED_CRATES: &[&str] = &["tokio", "rand", "reqwest", "hyper", "chrono", "getrandom", "rquickjs"];

#[test]
fn sources_name_nothing_that_reaches_outside() {
    let mut found = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&path).expect("the source can be read");
        for refused in REFUSED.iter().filter(|refused| text.contains(**refused)) {
            found.push(format!("{}: {refused}", path.display()));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn dependencies_do_not_reach_outside_either() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("the manifest can be read");
    let (_, rest) = manifest.split_once("[dependencies]").expect("there are dependencies");
    let (dependencies, _) = rest.split_once("\n[").unwrap_or((rest, ""));
    let named = |name: &&&str| dependencies.lines().any(|line| line.starts_with(&format!("{name}.")));
    let found: Vec<_> = REFUSED_CRATES.iter().filter(named).collect();
    assert!(found.is_empty(), "{found:?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    let nested = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
