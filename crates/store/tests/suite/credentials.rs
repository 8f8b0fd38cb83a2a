//! Credentials and the keys that seal them.

use std::path::Path;

use store::credentials::NewCredential;
use store::secrets::{Keyring, Secret};
use store::{Database, Error};

use crate::support::{Fixture, stranger, suite};

const CANARY: &str = "canary-4f1d9c7a2b";

fn new(name: &str, secret: &str) -> NewCredential {
    NewCredential {
        name: name.into(),
        kind: "httpHeaderAuth".into(),
        secret: Secret::new(secret),
        user: None,
    }
}

suite! {
    async fn a_credential_is_opened_for_use_only(store: &Fixture) {
        let (workspace, keyring) = (store.owner().await.workspace, Keyring::new([1; 32]));
        let id = store.create_credential(&keyring, workspace, new("shop", "{\"value\":\"plain\"}")).await.unwrap();
        let listed = store.credentials(workspace).await.unwrap();
        assert_eq!((listed.len(), listed[0].id, listed[0].name.as_str()), (1, id, "shop"));
        assert!(!format!("{listed:?}").contains("plain"));
        let (credential, secret) = store.open_credential(&keyring, workspace, id).await.unwrap();
        assert_eq!((credential.kind.as_str(), secret.expose()), ("httpHeaderAuth", "{\"value\":\"plain\"}"));

        let again = store.create_credential(&keyring, workspace, new("shop", "x")).await;
        assert!(matches!(again, Err(Error::Conflict(text)) if text.contains("another name")));
        assert!(matches!(store.open_credential(&keyring, stranger(), id).await, Err(Error::NotFound(_))));

        let two = Secret::new("{\"value\":\"two\"}");
        store.update_credential(&keyring, workspace, id, Some("store"), Some(&two)).await.unwrap();
        let (credential, secret) = store.open_credential(&keyring, workspace, id).await.unwrap();
        assert_eq!((credential.name.as_str(), secret.expose()), ("store", two.expose()));
        assert!(matches!(store.delete_credential(stranger(), id).await, Err(Error::NotFound(_))));
        store.delete_credential(workspace, id).await.unwrap();
        assert!(matches!(store.open_credential(&keyring, workspace, id).await, Err(Error::NotFound(_))));
    }

    async fn a_swapped_or_rolled_back_record_does_not_open(store: &Fixture) {
        let (workspace, keyring) = (store.owner().await.workspace, Keyring::new([1; 32]));
        let one = store.create_credential(&keyring, workspace, new("one", "first")).await.unwrap();
        let two = store.create_credential(&keyring, workspace, new("two", "second")).await.unwrap();
        let swap = "CREATE TEMP TABLE copy AS SELECT name, ciphertext FROM credentials;
            UPDATE credentials SET ciphertext =
              (SELECT ciphertext FROM copy WHERE copy.name <> credentials.name);";
        store.raw(swap, swap).await;
        for id in [one, two] {
            let opened = store.open_credential(&keyring, workspace, id).await.err();
            assert!(matches!(opened, Some(Error::Damaged(_))));
        }
        // A record that says it was sealed with another version of the key.
        store.rotate_data_key(&keyring, workspace).await.unwrap();
        let forge = "UPDATE credentials SET key_version = 2";
        store.raw(forge, forge).await;
        assert!(matches!(store.open_credential(&keyring, workspace, one).await.err(), Some(Error::Damaged(_))));
    }

    async fn nothing_that_is_stored_tells_a_secret(store: &Fixture) {
        let (workspace, keyring) = (store.owner().await.workspace, Keyring::new([0xa7; 32]));
        let id = store.create_credential(&keyring, workspace, new("canary", CANARY)).await.unwrap();
        store.rotate_data_key(&keyring, workspace).await.unwrap();
        store.reseal(&keyring, workspace).await.unwrap();
        assert_eq!(store.open_credential(&keyring, workspace, id).await.unwrap().1.expose(), CANARY);
        let key = [0xa7_u8; 32];
        if store.config.database_is_sqlite() {
            let bytes = everything(store.folder.path());
            assert!(bytes.len() > 10_000);
            for hidden in [CANARY.as_bytes(), hex(CANARY).as_bytes(), &key] {
                assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
            }
        }
        let check = format!(
            "DO $$ BEGIN IF EXISTS (SELECT 1 FROM credentials
               WHERE position('{CANARY}'::bytea IN ciphertext) > 0) THEN RAISE 'it is told'; END IF; END $$"
        );
        store.raw("SELECT 1", &check).await;
    }

    async fn both_levels_of_keys_rotate_while_secrets_are_used(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let old = Keyring::new([1; 32]);
        assert!(store.check_key(&old).await.unwrap());
        let mut ids = Vec::new();
        for number in 0..120 {
            let name = format!("c{number}");
            ids.push(store.create_credential(&old, workspace, new(&name, &name)).await.unwrap());
        }

        // Another key opens nothing, and says so.
        let wrong = Keyring::new([9; 32]);
        assert!(!store.check_key(&wrong).await.unwrap());
        let refused = store.open_credential(&wrong, workspace, ids[0]).await.err();
        assert!(matches!(refused, Some(Error::Refused(text)) if text.contains("key file")));

        // The key of the instance.
        let both = Keyring::with_previous([2; 32], [[1; 32]]);
        assert_eq!(store.rewrap_data_keys(&both).await.unwrap(), 1);
        assert_eq!(store.rewrap_data_keys(&both).await.unwrap(), 0);
        let current = Keyring::new([2; 32]);
        assert!(store.check_key(&current).await.unwrap());
        assert!(!store.check_key(&old).await.unwrap());
        assert_eq!(store.open_credential(&current, workspace, ids[7]).await.unwrap().1.expose(), "c7");

        // The key of the workspace.
        assert_eq!(store.rotate_data_key(&current, workspace).await.unwrap(), 2);
        assert_eq!(store.open_credential(&current, workspace, ids[7]).await.unwrap().1.expose(), "c7");
        let first = store.reseal(&current, workspace).await.unwrap();
        assert_eq!((first.sealed, first.left, first.destroyed), (100, 1, 0));
        let second = store.reseal(&current, workspace).await.unwrap();
        assert_eq!((second.sealed, second.left), (20, 0));
        let past = "UPDATE data_keys SET retired_at = 0 WHERE state = 'retired'";
        store.raw(past, "UPDATE data_keys SET retired_at = to_timestamp(0) WHERE state = 'retired'").await;
        assert_eq!(store.reseal(&current, workspace).await.unwrap().destroyed, 1);
        for (number, id) in ids.iter().enumerate() {
            let (_, secret) = store.open_credential(&current, workspace, *id).await.unwrap();
            assert_eq!(secret.expose(), format!("c{number}"));
        }
    }

    async fn racing_writers_share_the_first_data_key(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let keyring = Keyring::new([1; 32]);
        let mut racing = Vec::new();
        for number in 0..8 {
            let (store, keyring) = (store.store.clone(), keyring.clone());
            racing.push(tokio::spawn(async move {
                store.create_credential(&keyring, workspace, new(&format!("c{number}"), "s")).await.unwrap()
            }));
        }
        let fresh = Keyring::new([1; 32]);
        for racing in racing {
            let id = racing.await.unwrap();
            assert_eq!(store.open_credential(&fresh, workspace, id).await.unwrap().1.expose(), "s");
        }
    }
}

trait IsSqlite {
    fn database_is_sqlite(&self) -> bool;
}

impl IsSqlite for store::Config {
    fn database_is_sqlite(&self) -> bool {
        matches!(self.database, Database::Sqlite)
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of all files of a folder.
fn everything(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("it has entries").path();
        if path.is_dir() {
            bytes.extend(everything(&path));
        } else {
            bytes.extend(std::fs::read(&path).expect("the file can be read"));
        }
    }
    bytes
}
