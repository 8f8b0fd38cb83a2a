//! Executions find an owner fairly, once, and lose a dead one.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use model::ExecutionStatus;
use store::{Claim, Error, Wakeup};

use crate::fixture::{Fixture, add_workflow, add_workspace, after, executions, id, leased};

async fn what_is_queued_is_claimed_once_with_a_new_fence(f: Fixture) {
    let mut hints = f.store.wakeups();
    let head = f.made(f.queued()).await;
    while hints.recv().await.expect("a hint comes") != Wakeup::Queue {}
    assert_eq!(f.store.queue_depth().await.expect("the queue answers"), 1);
    let leases = f.claim(10).await;
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].execution, leases[0].workflow), (head.execution, f.workflow));
    assert!(leases[0].fence > head.fence);
    assert_eq!(leases[0].deaths, 0);
    assert_eq!(f.claim(10).await, []);
    assert_eq!(f.store.queue_depth().await.expect("the queue answers"), 0);
    let ends = f.ends(leased(&leases[0], head.seq), ExecutionStatus::Completed);
    f.made(ends).await;
}

async fn claims_at_the_same_time_never_get_the_same_execution(f: Fixture) {
    let starts: Vec<_> = (0..300).map(|_| f.queued()).collect();
    join_all(starts.into_iter().map(|start| f.made(start))).await;
    let claims = (0..40).map(|_| async {
        let claim = Claim { worker: id(), ..f.wants(10) };
        f.store.claim(claim).await.expect("the queue answers")
    });
    let mut leases: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    leases.extend(f.claim(300).await);
    assert_eq!(leases.len(), 300);
    assert_eq!(executions(&leases).len(), 300);
}

async fn workspaces_take_turns_whatever_they_have_queued(f: Fixture) {
    let mut workspaces = vec![(f.workspace, f.workflow)];
    for _ in 0..2 {
        let workspace = add_workspace(&f.store).await;
        workspaces.push((workspace, add_workflow(&f.store, workspace).await));
    }
    for (index, (workspace, workflow)) in workspaces.iter().enumerate() {
        for _ in 0..[100, 12, 4][index] {
            f.made(f.queued_of(*workspace, *workflow)).await;
        }
    }
    let count = |leases: &[store::Lease]| {
        let mut counts = BTreeMap::new();
        for lease in leases {
            *counts.entry(lease.workspace).or_insert(0) += 1;
        }
        workspaces
            .iter()
            .map(|(workspace, _)| counts.get(workspace).copied().unwrap_or(0))
            .collect::<Vec<_>>()
    };
    assert_eq!(count(&f.claim(9).await), [3, 3, 3]);
    // One by one they take turns too; the last has one left.
    let mut leases = Vec::new();
    for _ in 0..7 {
        leases.extend(f.claim(1).await);
    }
    assert_eq!(count(&leases), [3, 3, 1]);
    // What some do not need the others get.
    assert_eq!(count(&f.claim(50).await), [44, 6, 0]);
}

async fn higher_priority_goes_first_and_then_the_oldest(f: Fixture) {
    let mut expected = Vec::new();
    let other = add_workflow(&f.store, f.workspace).await;
    for (place, priority) in [(2, 0), (4, -1), (0, 5), (3, 0), (1, 5)] {
        let mut start = f.queued_of(f.workspace, if place % 2 == 0 { other } else { f.workflow });
        start.create.as_mut().expect("a start creates").priority = priority;
        expected.push((place, after(&start).execution));
        f.made(start).await;
    }
    expected.sort();
    let mut claimed = Vec::new();
    for _ in 0..5 {
        claimed.extend(f.claim(1).await.iter().map(|lease| lease.execution));
    }
    assert_eq!(claimed, expected.into_iter().map(|(_, execution)| execution).collect::<Vec<_>>());
}

async fn what_is_full_is_left_out(f: Fixture) {
    let other = add_workflow(&f.store, f.workspace).await;
    let elsewhere = add_workspace(&f.store).await;
    let elsewhere_workflow = add_workflow(&f.store, elsewhere).await;
    let mut with_key = Vec::new();
    for key in ["a", "a", "b"] {
        let mut start = f.queued();
        start.create.as_mut().expect("a start creates").concurrency_key = Some(key.into());
        with_key.push(f.made(start).await.execution);
    }
    let free = f.made(f.queued()).await.execution;
    let in_other = f.made(f.queued_of(f.workspace, other)).await.execution;
    let outside = f.made(f.queued_of(elsewhere, elsewhere_workflow)).await.execution;
    let mut claim = f.wants(10);
    claim.full_workspaces.push(f.workspace);
    let claimed = f.store.claim(claim).await.expect("the queue answers");
    assert_eq!(executions(&claimed), [outside].into());
    let mut claim = f.wants(10);
    claim.full_workflows.push(f.workflow);
    let claimed = f.store.claim(claim).await.expect("the queue answers");
    assert_eq!(executions(&claimed), [in_other].into());
    // Of each key that has room one at a time: there may be room for no more.
    let mut claim = f.wants(10);
    claim.full_keys.push((f.workflow, "b".into()));
    let claimed = f.store.claim(claim).await.expect("the queue answers");
    assert_eq!(executions(&claimed), [with_key[0], free].into());
    assert_eq!(
        claimed.iter().find(|lease| lease.execution == free).expect("it is there").concurrency_key,
        None
    );
    assert_eq!(executions(&f.claim(10).await), [with_key[1], with_key[2]].into());
}

async fn a_dead_owner_loses_its_executions_and_can_commit_nothing_more(f: Fixture) {
    let owned = f.made(f.start()).await;
    let mine = f.made(f.start()).await;
    let heir = id();
    let lost = f.store.heartbeat(f.worker, &[owned.execution, mine.execution]).await;
    assert_eq!(lost.expect("the store answers"), []);
    f.kill(f.worker).await;
    let reaped = f.store.reap(heir).await.expect("the store answers");
    assert_eq!(reaped.len(), 2);
    assert!(reaped.iter().all(|reaped| reaped.deaths == 1));
    assert_eq!(f.store.reap(heir).await.expect("the store answers"), []);
    let lost = f.store.heartbeat(f.worker, &[owned.execution, mine.execution]).await;
    assert_eq!(lost.expect("the store answers").len(), 2);
    assert!(matches!(f.store.commit(f.next(owned, 1)).await, Err(Error::Stale)));

    let careful = Claim { worker: heir, suspects: false, ..f.wants(10) };
    let leases = f.store.claim(careful.clone()).await.expect("the queue answers");
    assert_eq!(leases.iter().map(|lease| lease.deaths).collect::<Vec<_>>(), [1, 1]);
    assert!(matches!(f.store.commit(f.next(owned, 1)).await, Err(Error::Stale)));
    // A second death in a row counts up, a commit makes it forgotten.
    let lease = leases.iter().find(|lease| lease.execution == owned.execution).expect("it was claimed");
    let mut commits = f.next(leased(lease, owned.seq), 1);
    commits.lease = store::LeaseAfter::Keep(heir);
    f.made(commits).await;
    f.kill(heir).await;
    let mut reaped = f.store.reap(f.worker).await.expect("the store answers");
    reaped.sort_by_key(|reaped| reaped.deaths);
    let deaths: Vec<_> = reaped.iter().map(|reaped| (reaped.execution, reaped.deaths)).collect();
    assert_eq!(deaths, [(owned.execution, 1), (mine.execution, 2)]);
    let leases = f.store.claim(careful.clone()).await.expect("the queue answers");
    assert_eq!(executions(&leases), [owned.execution].into());
    let anyone = Claim { suspects: true, ..careful };
    let leases = f.store.claim(anyone).await.expect("the queue answers");
    assert_eq!(executions(&leases), [mine.execution].into());
}

crate::fixture::on_every_database!(
    what_is_queued_is_claimed_once_with_a_new_fence,
    claims_at_the_same_time_never_get_the_same_execution,
    workspaces_take_turns_whatever_they_have_queued,
    higher_priority_goes_first_and_then_the_oldest,
    what_is_full_is_left_out,
    a_dead_owner_loses_its_executions_and_can_commit_nothing_more,
);
