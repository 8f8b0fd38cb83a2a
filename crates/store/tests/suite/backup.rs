//! Backups are written while the instance runs and bring all of it back.

use std::path::Path;

use store::backup::{backup, restore, verify};
use store::credentials::NewCredential;
use store::logs::{Filter, Level, NewLine};
use store::outbox::Position;
use store::secrets::{Keyring, Secret};
use store::{Config, Database, Error, Page, Store};

use crate::fixture::{event, id};
use crate::support::{Fixture, Kind, suite};

/// The same kind of database, empty.
async fn elsewhere(config: &Config) -> Fixture {
    match config.database {
        Database::Sqlite => Fixture::new(Kind::Sqlite).await,
        Database::Postgres { .. } => Fixture::new(Kind::Postgres).await,
    }
}

/// A place that holds nothing: what is there is made anew by whoever opens it.
async fn empty(config: &Config) -> (Fixture, Config) {
    let there = elsewhere(config).await;
    let config = Config { folder: there.folder.path().join("data"), ..there.config.clone() };
    (there, config)
}

fn change(path: &Path) {
    let mut content = std::fs::read(path).expect("it can be read");
    let last = content.len() - 1;
    content[last] ^= 1;
    std::fs::write(path, content).expect("it can be written");
}

suite! {
    async fn a_backup_brings_everything_back(store: &Fixture) {
        let owner = store.owner().await;
        let workspace = owner.workspace;
        let workflow = store.workflow_named(workspace, "Orders\twith\nlines \\N \\").await;
        let published = store.publish(workspace, workflow, vec![]).await;
        let keyring = Keyring::new([5; 32]);
        let secret = NewCredential {
            name: "shop".into(), kind: "k".into(), secret: Secret::new("s3cret"), user: None,
        };
        let credential = store.create_credential(&keyring, workspace, secret).await.unwrap();
        let mut start = crate::fixture::start(workspace, workflow, id());
        let mut noise = vec![0_u8; 30_000];
        getrandom::fill(&mut noise).unwrap();
        start.records[0].payload = format!("\"{}\"", noise.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        start.events.push(event("execution.started"));
        let (execution, expected) = (start.execution, start.records.clone());
        store.commit(start).await.unwrap();
        let line = NewLine {
            workspace, execution, at: jiff::Timestamp::now(), level: Level::Info, node: None, run_index: None,
            message: "said".into(), details: None,
        };
        store.log(line);
        store.flush_logs().await;
        // It may take until transactions elsewhere on the server have ended.
        let mut read = Vec::new();
        while read.is_empty() {
            tokio::task::yield_now().await;
            read = store.events_after(Position::default(), 9).await.unwrap();
        }
        store.set_event_reader("mail", read[0].position).await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let manifest = backup(&store.store, &store.config, &target).await.unwrap();
        assert!(manifest.missing.is_empty() && manifest.files.len() >= 2, "{manifest:?}");
        assert_eq!(verify(&target).await.unwrap(), Vec::<String>::new());
        assert!(matches!(backup(&store.store, &store.config, &target).await, Err(Error::Refused(_))));
        // Into what is in use nothing is restored.
        assert!(matches!(restore(&target, &store.config).await, Err(Error::Refused(_))));

        let (_there, config) = empty(&store.config).await;
        restore(&target, &config).await.unwrap();
        let back = Store::open(config.clone()).await.unwrap();
        assert!(back.is_set_up().await.unwrap());
        assert_eq!(back.workflow(workspace, workflow).await.unwrap(), store.workflow(workspace, workflow).await.unwrap());
        assert_eq!(back.version(workspace, published.version).await.unwrap().number, 1);
        let opened = back.open_credential(&keyring, workspace, credential).await.unwrap().1;
        assert_eq!(opened.expose(), "s3cret");
        assert_eq!(back.load(workspace, execution).await.unwrap().records, expected);
        let lines = back.logs(workspace, execution, &Filter::default(), Page::first(9)).await.unwrap();
        assert_eq!(lines.items[0].message, "said");
        assert_eq!(back.check_database().await.unwrap(), Vec::<String>::new());
        assert_eq!(back.check_blobs(true).await.unwrap(), (1, vec![]));

        // Readers go on where they were, and what happens from now on reaches them.
        let position = back.event_reader("mail").await.unwrap();
        assert!(back.events_after(position, 9).await.unwrap().is_empty());
        let mut next = crate::fixture::start(workspace, workflow, id());
        next.events.push(event("execution.started"));
        back.commit(next).await.unwrap();
        while back.events_after(position, 9).await.unwrap().len() != 1 {
            tokio::task::yield_now().await;
        }
    }

    async fn a_damaged_backup_is_not_restored(store: &Fixture) {
        store.owner().await;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let manifest = backup(&store.store, &store.config, &target).await.unwrap();
        let (_there, config) = empty(&store.config).await;
        let largest = manifest.files.iter().max_by_key(|file| file.size).unwrap();
        change(&target.join(&largest.path));
        assert_eq!(verify(&target).await.unwrap(), [format!("{} was changed", largest.path)]);
        assert!(matches!(restore(&target, &config).await, Err(Error::Damaged(_))));
        std::fs::remove_file(target.join(&largest.path)).unwrap();
        assert_eq!(verify(&target).await.unwrap(), [format!("{} is missing", largest.path)]);
        // A file that would be written elsewhere.
        let text = std::fs::read_to_string(target.join("manifest.json")).unwrap();
        let hostile = text.replace(&largest.path, "../outside");
        std::fs::write(target.join("manifest.json"), hostile).unwrap();
        assert!(matches!(verify(&target).await, Err(Error::Refused(_))));
        std::fs::remove_file(target.join("manifest.json")).unwrap();
        assert!(matches!(restore(&target, &config).await, Err(Error::Refused(_))));
    }
}
