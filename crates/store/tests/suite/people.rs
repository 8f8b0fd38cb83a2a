//! Setup, people, workspaces, keys of the API, settings.

use jiff::Timestamp;
use store::Error;
use store::api_keys::NewApiKey;
use store::workspaces::Role;

use crate::support::{Fixture, nobody, setup, stranger, suite};

suite! {
    async fn an_instance_is_set_up_exactly_once(store: &Fixture) {
        assert!(!store.is_set_up().await.unwrap());
        let mut racing = Vec::new();
        for number in 0..8 {
            let store = store.store.clone();
            let mut setup = setup();
            setup.slug = format!("main-{number}");
            setup.key.prefix = format!("rnl_live_{number}");
            racing.push(tokio::spawn(async move { store.set_up(setup).await }));
        }
        let mut won = Vec::new();
        for racing in racing {
            match racing.await.unwrap() {
                Ok(owner) => won.push(owner),
                Err(Error::Conflict(text)) => assert!(text.contains("set up already"), "{text}"),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won.len(), 1);
        assert!(store.is_set_up().await.unwrap());
        assert_eq!(store.workspaces().await.unwrap().len(), 1);

        let user = store.find_user("ada@EXAMPLE.com").await.unwrap().expect("the owner");
        assert_eq!((user.id, user.is_instance_admin), (won[0].user, true));
        assert_eq!(store.role(won[0].workspace, user.id).await.unwrap(), Some(Role::Owner));
        assert_eq!(store.role(stranger(), user.id).await.unwrap(), None);
        assert_eq!(store.api_keys(won[0].workspace).await.unwrap().len(), 1);
    }

    async fn a_key_is_found_by_its_public_part_with_the_rights_of_its_user(store: &Fixture) {
        let owner = store.owner().await;
        let found = store.find_api_key("rnl_live_abcdefghijkl").await.unwrap().expect("the key");
        assert_eq!((found.key.id, found.key.workspace), (owner.key, owner.workspace));
        assert_eq!((found.role, found.user_is_active), (Some(Role::Owner), true));
        assert_eq!(found.hash, vec![1; 32]);
        assert!(store.find_api_key("rnl_live_other").await.unwrap().is_none());

        store.touch_api_key(&found.key).await.unwrap();
        let touched = store.find_api_key("rnl_live_abcdefghijkl").await.unwrap().expect("the key").key;
        let first = touched.last_used_at.expect("it was used");
        store.touch_api_key(&touched).await.unwrap();
        let again = store.find_api_key("rnl_live_abcdefghijkl").await.unwrap().expect("the key").key;
        assert_eq!(again.last_used_at, Some(first));

        let new = NewApiKey {
            name: "second".into(),
            prefix: "rnl_live_second".into(),
            hash: vec![2; 32],
            scopes: "[\"executions:read\"]".into(),
            expires_at: Some(Timestamp::from_second(2_000_000_000).unwrap()),
        };
        let second = store.create_api_key(owner.workspace, owner.user, new).await.unwrap();
        assert!(matches!(store.delete_api_key(stranger(), second).await, Err(Error::NotFound(_))));
        store.delete_api_key(owner.workspace, second).await.unwrap();
        assert!(store.find_api_key("rnl_live_second").await.unwrap().is_none());
    }

    async fn people_and_settings_are_read_and_changed(store: &Fixture) {
        let owner = store.owner().await;
        assert!(matches!(store.user(nobody()).await, Err(Error::NotFound("user"))));
        store.set_password_hash(owner.user, "$argon2id$new").await.unwrap();
        assert_eq!(store.user(owner.user).await.unwrap().password_hash.as_deref(), Some("$argon2id$new"));
        assert!(matches!(store.set_password_hash(nobody(), "x").await, Err(Error::NotFound("user"))));
        assert_eq!(store.workspace(owner.workspace).await.unwrap().slug, "main");

        assert_eq!(store.setting("limits").await.unwrap(), None);
        store.set_setting("limits", "{\"a\":1}").await.unwrap();
        store.set_setting("limits", "{\"a\":2}").await.unwrap();
        assert_eq!(store.setting("limits").await.unwrap().as_deref(), Some("{\"a\":2}"));
    }
}
