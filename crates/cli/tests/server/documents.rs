//! The examples of the documents do what they say.

use std::path::Path;
use std::process::Command;

use crate::support::{Instance, TOKEN, repository};

/// The shell examples of a document, in order, as one script.
fn script(document: &str) -> String {
    let text = std::fs::read_to_string(repository(document)).expect("the document is there");
    let mut script =
        String::from("set -euo pipefail\ncurl() { command curl -sS --fail-with-body \"$@\"; }\n");
    for block in text.split("\n```sh\n").skip(1) {
        script += block.split("```").next().expect("a block has a start");
    }
    script
}

#[test]
fn the_api_guide_works_from_top_to_bottom() {
    let mut instance = Instance::new();
    instance.start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::os::unix::fs::symlink(repository("examples"), folder.path().join("examples")).expect("a link");
    let done = Command::new("bash")
        .args(["-xc", &script("docs/api.md")])
        .current_dir(folder.path())
        .env("RUNNEL", instance.address.trim_end_matches('/'))
        .env("TOKEN", TOKEN)
        .output()
        .expect("bash is there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{}\n{}\n{}", text(&done.stdout), text(&done.stderr), instance.log());
    assert!(text(&done.stdout).contains("Hello Ada!"), "{}", text(&done.stdout));
    instance.stop();
}

#[test]
fn every_test_that_a_promise_names_is_there() {
    let promises = std::fs::read_to_string(repository("docs/reliability.md")).expect("the document is there");
    let mut code = String::new();
    read_all(&repository("crates"), &mut code);
    let table = promises.lines().filter(|line| line.starts_with("| R"));
    let mut named = 0;
    for name in table.flat_map(|line| line.split('`').skip(1).step_by(2)) {
        // Other words in code style are settings and the like.
        if name.matches('_').count() < 4 {
            continue;
        }
        named += 1;
        assert!(code.contains(&format!("fn {name}(")), "docs/reliability.md names {name}, which is no test");
    }
    assert!(named >= 20, "promises name their tests: {named}");
}

fn read_all(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).expect("it can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *code += &std::fs::read_to_string(&path).expect("code is text");
        }
    }
}
