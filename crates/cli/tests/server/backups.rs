//! The drill: back up, lose everything, restore, go on.

use serde_json::json;

use crate::support::{Instance, greeting};

/// Random enough to stay large, so that it lies beside the database.
fn large_name() -> String {
    (0..60_000u64)
        .map(|n| char::from(b'a' + (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 13) as u8 % 26))
        .collect()
}

#[test]
fn r19_a_backup_taken_while_serving_restores_everything_it_holds() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    let name = large_name();
    for name in ["Ada", "Grace", &name] {
        assert_eq!(instance.post(&webhook, &json!({ "name": name })).status, 200);
    }
    let waiting = json!({
        "name": "Waits",
        "nodes": [
            { "key": "call", "type": "core.webhook", "name": "Call" },
            { "key": "pause", "type": "core.wait", "name": "Pause",
              "parameters": { "until": "interval", "amount": 2, "unit": "seconds" } }
        ],
        "edges": [{ "source": "call", "target": "pause" }]
    });
    let (_, waits) = instance.publish(&waiting);
    assert_eq!(instance.post(&waits, &json!({})).status, 202);
    instance.until("the wait", || (instance.executions("waiting").len() == 1).then_some(()));

    let (code, out, err) = instance.run(&["backup", "copy"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("key file"), "{out}");
    let (code, out, _) = instance.run(&["verify", "copy"]);
    assert_eq!(code, 0, "{out}");
    let (code, _, err) = instance.run(&["restore", "copy"]);
    assert_eq!(code, 2, "not over what is there");
    assert!(!err.is_empty());
    instance.kill();

    let key = std::fs::read(instance.data().join("key")).expect("it is there");
    std::fs::remove_dir_all(instance.data()).expect("it is ours");
    let (code, out, err) = instance.run(&["restore", "copy"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, _) = instance.run(&["doctor"]);
    assert_eq!(code, 1, "the key is still elsewhere: {out}");
    let path = instance.data().join("key");
    std::fs::write(&path, key).expect("it can be written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
    let (code, out, _) = instance.run(&["doctor", "--deep"]);
    assert_eq!(code, 0, "{out}");

    instance.start(&[]);
    instance.until("the end of what waited", || (instance.executions("completed").len() == 4).then_some(()));
    let again = format!("{}{}", instance.address, &webhook[webhook.find("hooks/").expect("a webhook")..]);
    assert_eq!(instance.post(&again, &json!({ "name": "Robin" })).body["greeting"], "Hello Robin!");
    instance.stop();
}

#[test]
fn a_backup_that_was_changed_does_not_verify() {
    let mut instance = Instance::ready();
    instance.stop();
    assert_eq!(instance.run(&["backup", "copy"]).0, 0);
    let database = instance.folder.path().join("copy/runnel.db");
    let mut content = std::fs::read(&database).expect("it is there");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(&database, content).expect("it can be written");
    let (code, out, _) = instance.run(&["verify", "copy"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("runnel.db"), "{out}");
    let (code, out, err) = instance.run(&["verify", "nowhere"]);
    assert_eq!(code, 2, "{out}{err}");
}
