//! What a node says about errors, retries, credentials and notes: the members of an n8n node that have a native form.

use std::collections::BTreeMap;

use model::policy::RetryWhen;
use model::{Backoff, CredentialRef, Node, Object, OnError, Retry, Value};

/// The native form of these members.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Policies {
    pub(super) on_error: OnError,
    pub(super) retry: Option<Retry>,
    pub(super) always_output: bool,
    pub(super) execute_once: bool,
    pub(super) disabled: bool,
    pub(super) notes: String,
    pub(super) credentials: BTreeMap<String, CredentialRef>,
}

/// The members of an n8n node that [`Policies`] covers.
const MEMBERS: [&str; 10] = [
    "onError",
    "continueOnFail",
    "retryOnFail",
    "maxTries",
    "waitBetweenTries",
    "alwaysOutputData",
    "executeOnce",
    "disabled",
    "notes",
    "credentials",
];

const DEFAULT_TRIES: f64 = 3.0;
const DEFAULT_PAUSE_MS: f64 = 1_000.0;

impl Policies {
    /// Whether `member` of an n8n node is one of those covered here.
    pub(super) fn covers(member: &str) -> bool {
        MEMBERS.contains(&member)
    }

    /// Reads an n8n node. Values out of n8n's range are clamped as n8n clamps them.
    pub(super) fn read(node: &Object) -> Self {
        let flag = |name: &str| node.get(name).and_then(Value::as_bool).unwrap_or(false);
        let number = |name: &str| node.get(name).and_then(Value::as_f64).filter(|number| *number != 0.0);
        let on_error = match node.get("onError").and_then(Value::as_str) {
            Some("continueRegularOutput") => OnError::Continue,
            Some("continueErrorOutput") => OnError::ErrorOutput,
            None if flag("continueOnFail") => OnError::Continue,
            _ => OnError::Stop,
        };
        let retry = flag("retryOnFail").then(|| Retry {
            max_attempts: number("maxTries").unwrap_or(DEFAULT_TRIES).clamp(2.0, 5.0) as u32,
            delay_ms: number("waitBetweenTries").unwrap_or(DEFAULT_PAUSE_MS).clamp(0.0, 5_000.0) as u64,
            backoff: Backoff::Fixed,
            max_delay_ms: 5_000,
            jitter: 0.0,
            when: RetryWhen::Always,
        });
        Self {
            on_error,
            retry,
            always_output: flag("alwaysOutputData"),
            execute_once: flag("executeOnce"),
            disabled: flag("disabled"),
            notes: node.get("notes").and_then(Value::as_str).unwrap_or_default().to_owned(),
            credentials: node.get("credentials").map(read_credentials).unwrap_or_default(),
        }
    }

    /// What a native node says.
    pub(super) fn of(node: &Node) -> Self {
        Self {
            on_error: node.on_error,
            retry: node.retry.clone(),
            always_output: node.always_output,
            execute_once: node.execute_once,
            disabled: node.disabled,
            notes: node.notes.clone(),
            credentials: node.credentials.clone(),
        }
    }

    /// Writes an n8n node; defaults are left out, as n8n leaves them out.
    pub(super) fn write(&self, node: &mut Object) {
        match self.on_error {
            OnError::Stop => {}
            OnError::Continue => _ = node.insert("onError", "continueRegularOutput"),
            OnError::ErrorOutput => _ = node.insert("onError", "continueErrorOutput"),
        }
        if let Some(retry) = &self.retry {
            node.insert("retryOnFail", true);
            if f64::from(retry.max_attempts) != DEFAULT_TRIES {
                node.insert("maxTries", retry.max_attempts);
            }
            if retry.delay_ms as f64 != DEFAULT_PAUSE_MS {
                node.insert("waitBetweenTries", retry.delay_ms);
            }
        }
        let flags = [
            ("alwaysOutputData", self.always_output),
            ("executeOnce", self.execute_once),
            ("disabled", self.disabled),
        ];
        node.extend(flags.into_iter().filter(|(_, set)| *set));
        if !self.notes.is_empty() {
            node.insert("notes", self.notes.clone());
        }
        if !self.credentials.is_empty() {
            let credentials = self.credentials.iter().map(|(kind, credential)| {
                let mut reference = Object::new();
                reference.insert("id", credential.id.clone());
                reference.insert("name", credential.name.clone());
                (kind.clone(), reference)
            });
            node.insert("credentials", credentials.collect::<Object>());
        }
    }
}

/// Credentials by type; n8n's oldest exports hold a name only.
fn read_credentials(credentials: &Value) -> BTreeMap<String, CredentialRef> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let references = credentials.as_object().into_iter().flat_map(Object::iter);
    references
        .filter_map(|(kind, reference)| {
            let reference = match reference {
                Value::String(name) => CredentialRef { id: None, name: name.to_string() },
                Value::Object(reference) => CredentialRef {
                    id: text(reference.get("id")),
                    name: text(reference.get("name")).unwrap_or_default(),
                },
                _ => return None,
            };
            Some((kind.to_string(), reference))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn read(node: Value) -> Policies {
        Policies::read(node.as_object().expect("a node is an object"))
    }

    #[test]
    fn tries_and_pauses_are_clamped_as_n8n_clamps_them() {
        let retry = |node| read(node).retry.map(|retry| (retry.max_attempts, retry.delay_ms));
        assert_eq!(retry(json!({ "maxTries": 4 })), None);
        assert_eq!(retry(json!({ "retryOnFail": true })), Some((3, 1_000)));
        assert_eq!(
            retry(json!({ "retryOnFail": true, "maxTries": 99, "waitBetweenTries": 60_000 })),
            Some((5, 5_000))
        );
        assert_eq!(
            retry(json!({ "retryOnFail": true, "maxTries": 1, "waitBetweenTries": 0 })),
            Some((2, 1_000))
        );
    }

    #[test]
    fn the_old_switch_counts_only_without_the_new_one() {
        assert_eq!(read(json!({ "continueOnFail": true })).on_error, OnError::Continue);
        assert_eq!(
            read(json!({ "continueOnFail": true, "onError": "stopWorkflow" })).on_error,
            OnError::Stop
        );
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let policies = read(json!({
            "onError": "continueErrorOutput", "retryOnFail": true, "maxTries": 2, "disabled": true, "notes": "why",
            "credentials": { "smtp": { "id": "1", "name": "mail" }, "old": "by name" },
        }));
        let mut written = Object::new();
        policies.write(&mut written);
        assert_eq!(Policies::read(&written), policies);
    }
}
