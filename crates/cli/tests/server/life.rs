//! The life of an instance: its first minutes, its death, its return.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Instance, TOKEN, greeting};

#[test]
fn a_newcomer_gets_from_the_first_start_to_an_answered_webhook() {
    let mut instance = Instance::new();
    instance.start(&[]);
    assert_eq!(instance.get("healthz").status, 200);
    let before = instance.get("api/v1/workflows");
    assert_eq!(before.status, 503, "{before:?}");
    instance.set_up();
    let again =
        json!({ "token": TOKEN, "email": "eve@example.com", "name": "Eve", "password": "let me in please" });
    assert_eq!(instance.post("api/v1/setup", &again).status, 409, "it works once");

    let (id, webhook) = instance.publish(&greeting());
    let answer = instance.post(&webhook, &json!({ "name": "Ada" }));
    assert_eq!((answer.status, &answer.body), (200, &json!({ "greeting": "Hello Ada!", "letters": 3 })));
    let executions = instance.executions("completed");
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0]["workflow_id"], id);
    let (code, out, _) = instance.run(&["ready", "--listen", &listen(&instance)]);
    assert_eq!((code, out.as_str()), (0, "ready\n"));

    instance.kill();
    instance.start(&[]);
    let answer = instance.post(&webhook_again(&webhook, &instance), &json!({ "name": "Grace" }));
    assert_eq!((answer.status, &answer.body["greeting"]), (200, &json!("Hello Grace!")));
    assert_eq!(instance.executions("completed").len(), 2, "what was there is there");
    instance.stop();
    let (code, _, _) = instance.run(&["ready", "--listen", &listen(&instance)]);
    assert_eq!(code, 2, "nothing answers any more");
}

/// Where an instance listens.
fn listen(instance: &Instance) -> String {
    instance.address.trim_start_matches("http://localhost").trim_matches('/').replacen(':', "127.0.0.1:", 1)
}

/// The path of a webhook at the address that the instance has now.
fn webhook_again(webhook: &str, instance: &Instance) -> String {
    let path = webhook.find("hooks/").expect("the address of a webhook");
    format!("{}{}", instance.address, &webhook[path..])
}

#[test]
fn r4_what_a_killed_server_was_doing_goes_on_at_its_next_start() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&json!({
        "name": "Slow",
        "nodes": [
            { "key": "call", "type": "core.webhook", "name": "Call" },
            { "key": "pause", "type": "core.wait", "name": "Pause",
              "parameters": { "until": "interval", "amount": 1, "unit": "seconds" } },
            { "key": "done", "type": "core.set", "name": "Done",
              "parameters": { "fields": [{ "name": "done", "value": "={{ true }}", "type": "boolean" }] } }
        ],
        "edges": [{ "source": "call", "target": "pause" }, { "source": "pause", "target": "done" }]
    }));
    for number in 0..20 {
        let answer = instance.post(&webhook, &json!({ "number": number }));
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    instance.kill();
    instance.start(&[]);
    instance.until("the end of all", || (instance.executions("completed").len() == 20).then_some(()));
    assert_eq!(instance.executions("failed").len(), 0);
    instance.stop();
}

#[test]
fn an_instance_can_be_set_up_from_its_own_machine() {
    let instance = Instance::new();
    let file = crate::support::repository("examples/greeting.json");
    let arguments = [
        "setup",
        "--email",
        "ada@example.com",
        "--name",
        "Ada",
        "--json",
        "--workflow",
        &file.display().to_string(),
    ];
    let set_up = || {
        let mut command = instance.command(&arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(b"correct horse battery\n").expect("it reads");
        drop(input);
        child.wait_with_output().expect("it ends")
    };
    let first = set_up();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&first.stdout).expect("it prints JSON");
    let again = set_up();
    assert_eq!(again.status.code(), Some(2), "it works once");

    let mut instance = instance;
    instance.start(&[]);
    instance.key = answer["api_key"].as_str().expect("a key").to_owned();
    let webhook = answer["webhook"].as_str().expect("a webhook");
    let answer = instance.post(webhook.trim_start_matches('/'), &json!({}));
    assert_eq!((answer.status, &answer.body["greeting"]), (200, &json!("Hello stranger!")));
    instance.stop();
}

#[test]
fn a_second_process_cannot_take_the_same_folder() {
    let instance = Instance::ready();
    let (code, _, err) = instance.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    assert_eq!(code, 2);
    assert!(err.contains("in use by another process"), "{err}");
}
