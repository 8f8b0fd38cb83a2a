//! Which crate may use which: the arrows of ARCHITECTURE.md, and what only one crate may touch.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The crates each of our crates may use.
const ARROWS: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("expr", &["model"]),
    ("sdk", &["expr", "model"]),
    ("nodes", &["sdk", "expr", "model"]),
    ("sandbox", &["sdk", "expr", "model"]),
    ("store", &["model"]),
    ("engine", &["store", "sdk", "expr", "model"]),
    ("app", &["engine", "store", "sdk", "expr", "model"]),
    ("server", &["app", "engine", "store", "sdk", "expr", "model"]),
    ("cli", &["server", "app", "nodes", "sandbox", "engine", "store", "sdk", "expr", "model"]),
    ("testkit", &["engine", "store", "sdk", "expr", "model"]),
    ("bench", &["nodes", "sandbox", "engine", "sdk", "expr", "model"]),
    ("trials", &[]),
    ("xtask", &[]),
];

/// Foreign crates that only some of ours may use directly, and why.
const WALLS: [(&[&str], &[&str], &str); 7] = [
    (&["http-body-util", "hyper", "hyper-util"], &["sdk", "server"], "one crate asks, one answers"),
    (
        &[
            "curl",
            "hyper-rustls",
            "isahc",
            "reqwest",
            "tokio-rustls",
            "tokio-tungstenite",
            "tungstenite",
            "ureq",
        ],
        &["sdk"],
        "only sdk::net opens sockets for users' work",
    ),
    (&["rustls", "webpki-roots"], &["sdk", "store"], "TLS is for users' work and for the database"),
    (&["rquickjs", "wasmtime"], &["sandbox"], "untrusted code runs in the sandbox only"),
    (
        &["rusqlite", "sqlx", "tokio-postgres", "tokio-postgres-rustls"],
        &["store"],
        "SQL belongs to the store",
    ),
    (&["oxc_parser"], &["expr"], "the expression language is one crate"),
    (&["anyhow"], &["bench", "cli", "trials", "xtask"], "libraries have typed errors"),
];

/// Crates in which nothing may wait, tell the time or roll dice.
const PURE: [&str; 2] = ["model", "expr"];
const IMPURE: [&str; 7] = ["tokio", "async-std", "rand", "fastrand", "getrandom", "chrono", "reqwest"];

struct Package {
    name: String,
    uses: BTreeSet<String>,
    dev: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = |kind: &[Value]| {
                let all = package["dependencies"].as_array().expect("a package lists dependencies");
                all.iter()
                    .filter(|dependency| kind.contains(&dependency["kind"]))
                    .map(|dependency| {
                        dependency["name"].as_str().expect("a dependency has a name").to_owned()
                    })
                    .collect()
            };
            Package {
                name: package["name"].as_str().expect("a package has a name").to_owned(),
                uses: dependencies(&[Value::Null, "build".into()]),
                dev: dependencies(&["dev".into()]),
            }
        })
        .collect()
}

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

#[test]
fn every_crate_uses_only_what_its_arrows_lead_to() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let packages = packages();
    let ours: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in &packages {
        let allowed = arrows.get(package.name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("say in ARROWS what {} may use", package.name));
        for used in package.uses.iter().filter(|used| ours.contains(used.as_str())) {
            assert!(allowed.contains(&used.as_str()), "{} must not use {used}", package.name);
        }
        assert!(!package.uses.contains("testkit"), "{}: testkit is for tests only", package.name);
        for used in package.dev.iter().filter(|used| ours.contains(used.as_str())) {
            let cycle =
                matches!((package.name.as_str(), used.as_str()), ("engine", "nodes") | ("nodes", "engine"));
            assert!(!cycle, "{} must not know {used}, not even in tests", package.name);
        }
    }
}

#[test]
fn foreign_crates_stay_behind_their_walls() {
    for package in packages() {
        for (foreign, allowed, why) in
            WALLS.iter().filter(|(_, allowed, _)| !allowed.contains(&package.name.as_str()))
        {
            let used = foreign.iter().find(|name| package.uses.contains(**name));
            assert_eq!(used, None, "{} must not use it, only {allowed:?} may: {why}", package.name);
        }
        for foreign in IMPURE.into_iter().filter(|_| PURE.contains(&package.name.as_str())) {
            assert!(!package.uses.contains(foreign), "{} must not use {foreign}: it is pure", package.name);
        }
    }
}

#[test]
fn every_licence_is_on_the_list_of_deny_toml() {
    let deny = include_str!("../../deny.toml").parse::<toml::Table>().expect("deny.toml is TOML");
    let allowed: BTreeSet<&str> = deny["licenses"]["allow"]
        .as_array()
        .expect("licenses.allow is a list")
        .iter()
        .map(|licence| licence.as_str().expect("a licence is text"))
        .collect();
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let mut refused = Vec::new();
    for package in metadata["packages"].as_array().expect("metadata lists packages") {
        let licence = package["license"].as_str().unwrap_or("none given");
        if !is_allowed(licence, &allowed) {
            refused.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    assert!(refused.is_empty(), "licences to look at:\n{}", refused.join("\n"));
}

/// Whether an SPDX expression can be met: one side of every `OR`, all sides of every `AND`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" AND ").all(|part| part.split(" OR ").any(|licence| allowed.contains(licence.trim())))
}
