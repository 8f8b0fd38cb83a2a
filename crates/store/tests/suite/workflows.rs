//! Workflows, versions, triggers and addresses.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use model::ids::{RouteId, VersionId};
use store::workflows::{Change, Publish, TriggerSpec, WorkflowStatus};
use store::{Error, Page, Wakeup};

use crate::support::{Fixture, stranger, suite, trigger};

suite! {
    async fn a_draft_is_changed_by_whoever_saw_it_last(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let first = store.workflow(workspace, id).await.unwrap();
        assert_eq!((first.head.rev, first.head.status), (1, WorkflowStatus::Draft));

        let change = Change { draft: Some("{\"nodes\":[]}".into()), ..Change::default() };
        let second = store.update_workflow(workspace, id, 1, change.clone()).await.unwrap();
        assert_eq!((second.head.rev, second.draft.as_str()), (2, "{\"nodes\":[]}"));
        assert_eq!(second.head.name, "Orders");
        let late = store.update_workflow(workspace, id, 1, change.clone()).await;
        assert!(matches!(late, Err(Error::Conflict(text)) if text.contains("load it again")));

        // Another tenant's workflow does not exist.
        let other = store.update_workflow(stranger(), id, 2, change).await;
        assert!(matches!(other, Err(Error::NotFound("workflow"))));
        assert!(matches!(store.workflow(stranger(), id).await, Err(Error::NotFound("workflow"))));
        let renamed = Change { name: Some("Bills".into()), ..Change::default() };
        assert_eq!(store.update_workflow(workspace, id, 2, renamed).await.unwrap().head.name, "Bills");
    }

    async fn lists_come_in_pieces_newest_first(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(store.workflow_named(workspace, &format!("Order 100%_{number}")).await);
        }
        ids.sort();
        ids.reverse();
        let first = store.workflows(workspace, None, Page::first(3)).await.unwrap();
        assert!(first.more);
        let rest = store.workflows(workspace, None, Page::after(first.items[2].id, 3)).await.unwrap();
        assert!(!rest.more);
        let listed: Vec<_> = first.items.iter().chain(&rest.items).map(|head| head.id).collect();
        assert_eq!(listed, ids);

        let found = async |search: &str| {
            store.workflows(workspace, Some(search), Page::first(9)).await.unwrap().items.len()
        };
        assert_eq!(found("order 100%_").await, 5);
        assert_eq!(found("%_3").await, 1);
        assert_eq!(found("r_e").await, 0);
        assert_eq!(found("'; DROP TABLE workflows; --").await, 0);
        assert!(store.workflows(stranger(), None, Page::first(9)).await.unwrap().items.is_empty());
    }

    async fn publishing_makes_numbered_versions_that_stay(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let mut wakeups = store.wakeups();
        let one = store.publish(workspace, id, vec![]).await;
        assert_eq!((one.number, one.workflow.status), (1, WorkflowStatus::Active));
        assert_eq!(one.workflow.published, Some(one.version));
        assert_eq!(wakeups.try_recv().unwrap(), Wakeup::Triggers);
        let two = store.publish(workspace, id, vec![trigger("start", "manual")]).await;
        assert_eq!(two.number, 2);

        let version = store.version(workspace, one.version).await.unwrap();
        assert_eq!((version.workflow, version.definition.as_str()), (id, "{\"triggers\":0}"));
        assert_eq!(store.version_by_number(workspace, id, 2).await.unwrap().id, two.version);
        assert!(matches!(store.version(stranger(), one.version).await, Err(Error::NotFound(_))));
        let listed = store.versions(workspace, id, Page::first(1)).await.unwrap();
        assert_eq!((listed.items[0].number, listed.more), (2, true));
        let listed = store.versions(workspace, id, Page::after(2, 1)).await.unwrap();
        assert_eq!((listed.items[0].number, listed.more), (1, false));

        // What was checked is what is published.
        let publish = Publish {
            workflow: id,
            rev: 9,
            definition: "{}".into(),
            triggers: vec![],
            user: None,
        };
        assert!(matches!(store.publish_workflow(workspace, publish.clone()).await, Err(Error::Conflict(_))));
        let other = store.publish_workflow(stranger(), publish).await;
        assert!(matches!(other, Err(Error::NotFound("workflow"))));
    }

    async fn racing_publishers_get_different_numbers(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let mut racing = Vec::new();
        for number in 0..6 {
            let store = store.store.clone();
            let definition = format!("{{\"n\":{number}}}");
            let publish = Publish { workflow: id, rev: 1, definition, triggers: vec![], user: None };
            racing.push(tokio::spawn(async move { store.publish_workflow(workspace, publish).await }));
        }
        let mut numbers = BTreeSet::new();
        for racing in racing {
            numbers.insert(racing.await.unwrap().unwrap().number);
        }
        assert_eq!(numbers, BTreeSet::from([1, 2, 3, 4, 5, 6]));
    }

    async fn a_test_run_of_the_same_draft_has_the_same_version(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let mut racing = Vec::new();
        for _ in 0..6 {
            let store = store.store.clone();
            racing.push(tokio::spawn(async move {
                store.test_version(workspace, id, "{\"a\":1}", None).await.unwrap()
            }));
        }
        let mut versions = BTreeSet::new();
        for racing in racing {
            versions.insert(racing.await.unwrap());
        }
        assert_eq!(versions.len(), 1);
        let version = *versions.first().unwrap();
        assert_eq!(store.version(workspace, version).await.unwrap().number, 0);
        let other = store.test_version(workspace, id, "{\"a\":2}", None).await.unwrap();
        assert_ne!(other, version);
        // What is published already needs no version of its own.
        let published = store.publish(workspace, id, vec![]).await.version;
        assert_eq!(store.test_version(workspace, id, "{\"triggers\":0}", None).await.unwrap(), published);
        assert!(matches!(store.test_version(stranger(), id, "{}", None).await, Err(Error::NotFound(_))));
        assert!(store.versions(workspace, id, Page::first(9)).await.unwrap().items.len() == 1);
    }

    async fn triggers_keep_their_identity_address_and_time_over_versions(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let due = Timestamp::from_second(2_000_000_000).unwrap();
        let later = due + SignedDuration::from_hours(1);
        let webhook = TriggerSpec { has_route: true, ..trigger("hook", "webhook") };
        let schedule = TriggerSpec { due_at: Some(due), ..trigger("clock", "schedule") };
        store.publish(workspace, id, vec![webhook.clone(), schedule.clone()]).await;
        let before = store.triggers(workspace, id).await.unwrap();
        assert_eq!(before.len(), 2);
        assert_eq!((before[0].node.as_str(), before[0].due_at), ("clock", Some(due)));
        let routes = store.routes(workspace, id).await.unwrap();
        assert_eq!((routes.len(), routes[0].trigger), (1, Some(before[1].id)));
        assert_eq!(store.find_route(routes[0].id).await.unwrap().as_ref(), Some(&routes[0]));
        assert_eq!(store.active_routes().await.unwrap(), routes);
        assert_eq!(store.active_triggers().await.unwrap().len(), 2);

        // The same schedule: when it is due does not move, whatever the new version would say.
        let same = TriggerSpec { due_at: Some(later), ..schedule.clone() };
        let two = store.publish(workspace, id, vec![webhook.clone(), same]).await;
        let after = store.triggers(workspace, id).await.unwrap();
        assert_eq!((after[0].id, after[0].due_at, after[0].version), (before[0].id, Some(due), two.version));
        assert_eq!(store.routes(workspace, id).await.unwrap()[0].id, routes[0].id);

        // Another schedule, and no webhook any more.
        let other = TriggerSpec { due_at: Some(later), config: "{\"every\":5}".into(), ..schedule };
        store.publish(workspace, id, vec![other]).await;
        let last = store.triggers(workspace, id).await.unwrap();
        assert_eq!((last.len(), last[0].id, last[0].due_at), (1, before[0].id, Some(later)));
        assert_eq!(store.find_route(routes[0].id).await.unwrap(), None);

        // The webhook comes back with its address.
        store.publish(workspace, id, vec![webhook]).await;
        assert!(store.find_route(routes[0].id).await.unwrap().is_some());
        assert!(store.triggers(workspace, id).await.unwrap()[0].due_at.is_none());
    }

    async fn pausing_archiving_and_deleting_switch_triggers_off(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        assert!(matches!(store.pause_workflow(workspace, id, None).await, Err(Error::NotFound(_))));
        let due = Timestamp::from_second(2_000_000_000).unwrap();
        let specs = vec![
            TriggerSpec { has_route: true, ..trigger("hook", "webhook") },
            TriggerSpec { due_at: Some(due), ..trigger("clock", "schedule") },
        ];
        store.publish(workspace, id, specs.clone()).await;
        let route = store.routes(workspace, id).await.unwrap()[0].id;
        let clock = store.triggers(workspace, id).await.unwrap()[0].id;

        let paused = store.pause_workflow(workspace, id, None).await.unwrap();
        assert_eq!(paused.status, WorkflowStatus::Paused);
        assert!(store.active_triggers().await.unwrap().is_empty());
        assert!(store.find_route(route).await.unwrap().is_none());
        assert_eq!(store.trigger(workspace, clock).await.unwrap().due_at, None);

        let active = store.activate_workflow(workspace, id, &[(clock, due)], None).await.unwrap();
        assert_eq!(active.status, WorkflowStatus::Active);
        assert_eq!(store.active_triggers().await.unwrap().len(), 2);
        assert!(store.find_route(route).await.unwrap().is_some());
        assert_eq!(store.trigger(workspace, clock).await.unwrap().due_at, Some(due));

        let archived = store.archive_workflow(workspace, id, None).await.unwrap();
        assert_eq!(archived.status, WorkflowStatus::Archived);
        store.publish(workspace, id, specs).await;
        assert!(store.find_route(route).await.unwrap().is_some());

        assert!(matches!(store.delete_workflow(stranger(), id, None).await, Err(Error::NotFound(_))));
        store.delete_workflow(workspace, id, None).await.unwrap();
        assert!(matches!(store.workflow(workspace, id).await, Err(Error::NotFound(_))));
        assert!(store.active_triggers().await.unwrap().is_empty());
        assert!(store.active_routes().await.unwrap().is_empty());
        assert!(matches!(store.delete_workflow(workspace, id, None).await, Err(Error::NotFound(_))));
    }

    async fn test_addresses_expire_and_keep_their_name(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        let version = store.test_version(workspace, id, "{}", None).await.unwrap();
        let soon = Timestamp::now() + SignedDuration::from_mins(2);
        let open = store.open_test_route(workspace, (id, version), "hook", soon).await.unwrap();
        assert!(open.is_test);
        assert_eq!(store.find_route(open.id).await.unwrap(), Some(open.clone()));
        let past = Timestamp::now() - SignedDuration::from_secs(1);
        let expired = store.open_test_route(workspace, (id, version), "hook", past).await.unwrap();
        assert_eq!(expired.id, open.id);
        assert_eq!(store.find_route(open.id).await.unwrap(), None);
        store.open_test_route(workspace, (id, version), "hook", soon).await.unwrap();
        store.close_test_route(workspace, id, "hook").await.unwrap();
        assert_eq!(store.find_route(open.id).await.unwrap(), None);
        let other = store.open_test_route(stranger(), (id, version), "hook", soon).await;
        assert!(matches!(other, Err(Error::NotFound("workflow"))));

        // An address that is told to others before the workflow is published.
        let minted = store.mint_route(workspace, id, "hook").await.unwrap();
        assert_eq!(store.mint_route(workspace, id, "hook").await.unwrap(), minted);
        assert_eq!(store.find_route(minted.id).await.unwrap(), None);
        store.publish(workspace, id, vec![TriggerSpec { has_route: true, ..trigger("hook", "webhook") }]).await;
        assert!(store.find_route(minted.id).await.unwrap().is_some());
        assert!(store.find_route(RouteId::from_bytes([1; 16])).await.unwrap().is_none());
    }

    async fn a_workflow_remembers(store: &Fixture) {
        let workspace = store.owner().await.workspace;
        let id = store.workflow_named(workspace, "Orders").await;
        assert_eq!(store.static_data(workspace, id).await.unwrap(), None);
        store.set_static_data(workspace, id, "{\"last\":1}").await.unwrap();
        store.set_static_data(workspace, id, "{\"last\":2}").await.unwrap();
        assert_eq!(store.static_data(workspace, id).await.unwrap().as_deref(), Some("{\"last\":2}"));
        assert_eq!(store.static_data(stranger(), id).await.unwrap(), None);
        assert!(store.version(workspace, VersionId::from_bytes([1; 16])).await.is_err());
    }
}
