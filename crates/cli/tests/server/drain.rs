//! Stopping under load.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::support::{Instance, greeting};

/// Calls the webhook on one connection until the server asks for another one. Gives how many calls were answered well;
/// anything else is an error.
#[expect(clippy::disallowed_types, reason = "a client that sees every byte of a connection")]
fn call(host: &str, path: &str, answered: &AtomicU64) -> Result<u64, String> {
    let mut stream = std::net::TcpStream::connect(host).map_err(|error| error.to_string())?;
    let mut reader = BufReader::new(stream.try_clone().map_err(|error| error.to_string())?);
    let body = r#"{"name":"Ada"}"#;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for number in 1.. {
        stream.write_all(request.as_bytes()).map_err(|error| format!("call {number} not sent: {error}"))?;
        let (mut status, mut length, mut closes) = (String::new(), 0, false);
        reader.read_line(&mut status).map_err(|error| format!("call {number} not answered: {error}"))?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("call {number}: {status:?}"));
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).map_err(|error| error.to_string())?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length: ").map_or(length, |value| value.parse().unwrap_or(0));
            closes |= line == "connection: close";
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).map_err(|error| error.to_string())?;
        if !answer.starts_with(br#"{"greeting":"Hello Ada!""#) {
            return Err(String::from_utf8_lossy(&answer).into_owned());
        }
        answered.fetch_add(1, Ordering::Relaxed);
        if closes {
            return Ok(number);
        }
    }
    unreachable!("numbers do not end")
}

#[test]
fn r21_a_server_that_is_asked_to_stop_answers_every_call_under_load() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&greeting());
    let host = instance
        .address
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .replace("localhost", "127.0.0.1");
    let path = webhook[webhook.find("/hooks").expect("a webhook")..].to_owned();
    let answered = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (host, path, answered) = (host.clone(), path.clone(), answered.clone());
            std::thread::spawn(move || call(&host, &path, &answered))
        })
        .collect();
    instance.until("load", || (answered.load(Ordering::Relaxed) > 200).then_some(()));
    instance.ask_to_stop();
    instance.until("readiness to flip", || (instance.get("readyz").status == 503).then_some(()));
    for caller in callers {
        caller.join().expect("a caller does not panic").expect("every call is answered");
    }
    let status = instance.wait();
    assert!(status.success(), "{status}\n{}", instance.log());

    let before = answered.load(Ordering::Relaxed);
    instance.start(&[]);
    let kept = instance.until("the count", || {
        let mut kept = 0;
        let mut next = String::new();
        loop {
            let page = instance.get(&format!("api/v1/executions?status=completed&limit=200{next}"));
            kept += page.body["items"].as_array()?.len() as u64;
            match page.body["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return Some(kept),
            }
        }
    });
    assert_eq!(kept, before, "every answered call has its execution");
    instance.stop();
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut instance = Instance::ready();
    let (_, webhook) = instance.publish(&json!({
        "name": "Long",
        "nodes": [
            { "key": "call", "type": "core.webhook", "name": "Call" },
            { "key": "work", "type": "core.code", "name": "Work",
              "parameters": { "source": "await new Promise(done => setTimeout(done, 25000)); return [];" } }
        ],
        "edges": [{ "source": "call", "target": "work" }]
    }));
    assert_eq!(instance.post(&webhook, &json!({})).status, 202);
    instance.until("work", || (!instance.executions("running").is_empty()).then_some(()));
    instance.ask_to_stop();
    instance.until("the first signal", || instance.log().contains("asked to stop").then_some(()));
    let asked = std::time::Instant::now();
    instance.ask_to_stop();
    let status = instance.wait();
    assert!(asked.elapsed() < std::time::Duration::from_secs(5), "{:?}\n{}", asked.elapsed(), instance.log());
    assert_eq!(status.code(), Some(1), "{}", instance.log());
}
