//! What doctor finds in instances that were broken on purpose.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Instance, greeting};

/// What doctor says: its exit code, and the checks by name.
fn doctor(instance: &Instance, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = instance.run(&[&["doctor", "--json"], arguments].concat());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!(report["healthy"], code == 0);
    let checks = report["checks"].as_array().expect("a list").iter();
    (code, checks.map(|check| (check["check"].as_str().expect("a name").to_owned(), check.clone())).collect())
}

fn assert_problem(report: &Value, check: &str, text: &str) {
    let found = &report[check];
    assert_eq!(found["status"], "problem", "{report:#}");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains(text), "{message}");
    assert!(found["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{found}");
}

/// Changes a database behind the back of the program, which does not run.
fn change(instance: &Instance, sql: &str) {
    let database = instance.data().join("runnel.db");
    let script =
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()";
    let done = std::process::Command::new("python3").args(["-c", script]).arg(database).arg(sql).output();
    let done = done.expect("python3 is there");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_healthy_instance_is_healthy_while_it_serves_and_after() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    for number in 0..10 {
        assert_eq!(instance.post(&webhook, &json!({ "name": number.to_string() })).status, 200);
    }
    let (code, report) = doctor(&instance, &[]);
    assert_eq!(code, 0, "{report:#}");
    instance.stop();
    let (code, report) = doctor(&instance, &["--deep"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["journals"]["message"], "10 of them, folded again, give what is stored");
}

#[test]
fn an_execution_that_nobody_owns_is_found() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    assert_eq!(instance.post(&webhook, &json!({})).status, 200);
    instance.stop();
    let id = "x'0190000000007000800000000000aaaa'";
    change(
        &instance,
        &format!(
            "INSERT INTO executions (workspace_id, id, workflow_id, version_id, status, mode, trigger_kind,
               trigger_node, seq, fence, accepted_at)
             SELECT workspace_id, {id}, workflow_id, version_id, 'running', mode, trigger_kind, trigger_node, 0, 1, 1
               FROM executions LIMIT 1;"
        ),
    );
    let (code, report) = doctor(&instance, &[]);
    assert_eq!(code, 1);
    assert_problem(&report, "executions", "01900000-0000-7000-8000-00000000aaaa");
}

#[test]
fn a_stored_status_that_does_not_follow_from_the_journal_is_found() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    assert_eq!(instance.post(&webhook, &json!({})).status, 200);
    instance.stop();
    change(
        &instance,
        "DROP TRIGGER executions_final; UPDATE executions SET status = 'failed' WHERE status = 'completed';",
    );
    let (code, report) = doctor(&instance, &[]);
    assert_eq!(code, 1);
    assert_problem(&report, "journals", "1 of 1 do not give what is stored");
}

#[test]
fn another_key_and_a_readable_one_are_found_and_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mut instance = Instance::ready();
    instance.stop();
    let key = instance.data().join("key");
    let right = std::fs::read(&key).expect("it is there");

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let (_, report) = doctor(&instance, &[]);
    assert_problem(&report, "key", "can be read by others");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");

    std::fs::write(&key, "1".repeat(64)).expect("it can be written");
    let (_, report) = doctor(&instance, &[]);
    assert_problem(&report, "key", "is not the key of this database");
    let (code, _, err) = instance.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    assert_eq!(code, 2);
    assert!(err.contains("is not the one of this database"), "{err}");

    std::fs::remove_file(&key).expect("it is ours");
    let (code, _, err) = instance.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    assert_eq!(code, 2);
    assert!(err.contains("is missing, and this database was used with a key"), "{err}");
    assert!(!key.exists(), "no other key takes its place");

    std::fs::write(&key, right).expect("it can be written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert_eq!(doctor(&instance, &[]).0, 0);
}

#[test]
fn a_large_payload_that_is_missing_or_changed_is_found() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    // Random enough to stay large.
    let name: String = (0..60_000u64)
        .map(|n| char::from(b'a' + (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 13) as u8 % 26))
        .collect();
    assert_eq!(instance.post(&webhook, &json!({ "name": name })).status, 200);
    instance.stop();
    let blob = any_file(&instance.data().join("blobs")).expect("a payload of this size has a file");
    let content = std::fs::read(&blob).expect("it is there");

    let mut changed = content.clone();
    changed[0] ^= 1;
    std::fs::write(&blob, changed).expect("it can be written");
    assert_problem(&doctor(&instance, &["--deep"]).1, "payloads", "other content");
    std::fs::remove_file(&blob).expect("it is ours");
    assert_problem(&doctor(&instance, &[]).1, "payloads", "is missing");
    std::fs::write(&blob, content).expect("it can be written");
    assert_eq!(doctor(&instance, &["--deep"]).0, 0);
}

fn any_file(folder: &Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { any_file(&path) } else { Some(path) }
    })
}

#[test]
fn a_schema_of_a_newer_program_and_a_missing_index_are_found() {
    let mut instance = Instance::ready();
    instance.stop();
    let (code, out, _) = instance.run(&["migrate", "status"]);
    assert_eq!(code, 0, "{out}");
    change(
        &instance,
        "DROP INDEX timers_due;
         INSERT INTO refinery_schema_history VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1');",
    );
    let (_, report) = doctor(&instance, &[]);
    assert_problem(&report, "schema", "newer version");
    assert_problem(&report, "database", "index timers_due is missing");
    let (code, out, _) = instance.run(&["migrate", "status"]);
    assert_eq!(code, 1);
    assert!(out.contains("V9999__later"), "{out}");
}
