//! Commits are atomic, fenced and durable.

use futures_util::future::join_all;
use model::ExecutionStatus;
use model::ids::ExecutionId;
use store::commit::{ExecutionTimer, NewWait};
use store::testing::Value;
use store::{Error, LeaseAfter, Wakeup, signals};

use crate::fixture::{Fixture, add_workflow, after, event, in_seconds, key, leased, of, record, records};

async fn an_execution_is_stored_with_its_journal_and_what_others_should_know(f: Fixture) {
    let mut hints = f.store.wakeups();
    let mut start = records(&mut f.start(), 4);
    start.events.push(event("execution.started"));
    let head = f.made(start).await;
    assert_eq!(f.head(head).await, ("running".into(), 5));
    assert_eq!(f.seqs(head).await, [1, 2, 3, 4, 5]);
    let sql = "SELECT count(*) FROM domain_events WHERE kind = 'execution.started'";
    assert_eq!(f.number(sql, vec![]).await, 1);
    let hint = hints.recv().await.expect("a commit gives a hint");
    assert_eq!(hint, Wakeup::Progress { execution: head.execution, seq: 5, ended: false });
}

async fn only_the_owner_with_the_right_fence_and_number_changes_anything(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut wrong = Vec::new();
    for (fence, seq) in [(0, 1), (2, 1), (1, 0), (1, 2)] {
        let mut head = head;
        (head.fence, head.seq) = (fence, seq);
        wrong.push(f.next(head, 1));
    }
    let mut elsewhere = f.next(head, 1);
    elsewhere.workspace = crate::fixture::id();
    wrong.push(elsewhere);
    for commit in wrong {
        let outcome = f.store.commit(commit).await;
        assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    }
    assert_eq!(f.head(head).await, ("running".into(), 1));
    assert_eq!(f.seqs(head).await, [1]);
    f.made(f.next(head, 2)).await;
    assert_eq!(f.seqs(head).await, [1, 2, 3]);
}

async fn a_lease_that_was_given_back_is_no_lease(f: Fixture) {
    let head = f.made(f.start()).await;
    let head = f.made(f.waits(head)).await;
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Stale)));
    let head = f.made(f.start()).await;
    let mut queues = f.next(head, 1);
    queues.lease = LeaseAfter::Queue;
    let head = f.made(queues).await;
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Stale)));
    let lease = f.claim(1).await.remove(0);
    assert!(matches!(f.store.commit(f.next(head, 1)).await, Err(Error::Stale)));
    f.made(f.next(leased(&lease, head.seq), 1)).await;
}

async fn the_journal_has_no_gaps_and_never_changes(f: Fixture) {
    let head = f.made(f.start()).await;
    let mut gap = f.next(head, 1);
    gap.records[0].seq = 3;
    assert!(matches!(f.store.commit(gap).await, Err(Error::Refused(_))));
    let mut twice = f.next(head, 1);
    twice.records.push(record(2));
    assert!(matches!(f.store.commit(twice).await, Err(Error::Refused(_))));
    let changed = f.store.probe("UPDATE execution_events SET attempt = 9", vec![]).await;
    assert!(matches!(&changed, Err(Error::Conflict(text)) if text.contains("append-only")), "{changed:?}");
    assert_eq!(f.seqs(head).await, [1]);
    let mut heads = vec![head];
    for _ in 0..7 {
        heads.push(f.made(f.start()).await);
    }
    // Owners that commit at the same time.
    let grow = |mut head| {
        let f = &f;
        async move {
            for count in [1, 3, 0, 2, 5] {
                head = f.made(f.next(head, count)).await;
            }
            head
        }
    };
    for head in join_all(heads.into_iter().map(grow)).await {
        assert_eq!(f.seqs(head).await, (1..=12).collect::<Vec<_>>());
        assert_eq!(f.head(head).await.1, 12);
    }
}

async fn an_execution_that_has_ended_never_changes(f: Fixture) {
    let finals = ExecutionStatus::ALL.into_iter().filter(|status| status.is_final());
    for ended in finals {
        let head = f.made(f.start()).await;
        let head = f.made(f.ends(head, ended)).await;
        for next in ExecutionStatus::ALL {
            let mut commit = f.next(head, 1);
            commit.status = next;
            let outcome = f.store.commit(commit).await;
            assert!(
                matches!(outcome, Err(Error::Stale | Error::Conflict(_))),
                "{ended:?} {next:?}: {outcome:?}"
            );
            let mut values = vec![Value::Text(next.as_str().into())];
            values.extend(of(head));
            let sql = "UPDATE executions SET status = $1 WHERE workspace_id = $2 AND id = $3";
            let outcome = f.store.probe(sql, values).await;
            assert!(matches!(outcome, Err(Error::Conflict(_))), "{ended:?} {next:?}: {outcome:?}");
        }
        assert_eq!(f.head(head).await, (ended.as_str().into(), 2));
    }
    assert_eq!(f.claim(10).await, []);
}

async fn the_end_removes_what_only_a_living_execution_has(f: Fixture) {
    let mut commit = f.start();
    commit.timers.push(ExecutionTimer { key: "wait:1".into(), due_at: in_seconds(60) });
    commit.waits.push(NewWait {
        step: 1,
        node: "wait".into(),
        kind: "call".into(),
        options: "{}".into(),
        until: Some(in_seconds(60)),
    });
    let head = f.made(commit).await;
    f.store.signal(f.signal(head, signals::Kind::Pause)).await.expect("it lives");
    let left = "SELECT (SELECT count(*) FROM timers) + (SELECT count(*) FROM execution_waits)
                     + (SELECT count(*) FROM execution_signals) + (SELECT count(*) FROM execution_queue)";
    assert_eq!(f.number(left, vec![]).await, 3);
    f.made(f.ends(head, ExecutionStatus::Completed)).await;
    assert_eq!(f.number(left, vec![]).await, 0);
    let mut at_once = f.ends(after(&f.start()), ExecutionStatus::Failed);
    at_once.create = f.start().create;
    (at_once.seq, at_once.records) = (0, vec![record(1)]);
    f.made(at_once).await;
    assert_eq!(f.number(left, vec![]).await, 0);
    assert_eq!(f.store.next_due().await.expect("timers can be read"), None);
}

async fn two_hundred_starts_with_one_key_are_one_execution(f: Fixture) {
    for round in 0..5 {
        let starts = (0..200).map(|_| {
            let mut start = f.start();
            start.create.as_mut().expect("a start creates").key = Some(key(&format!("delivery {round}")));
            start
        });
        let outcomes = join_all(starts.map(|start| async {
            let execution = start.execution;
            (execution, f.store.commit(start).await)
        }));
        let outcomes: Vec<(ExecutionId, store::Result<()>)> = outcomes.await;
        let first: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(first.len(), 1);
        for (execution, outcome) in &outcomes {
            match outcome {
                Ok(()) => {}
                Err(Error::Duplicate(existing)) if *existing == first[0].0 => {}
                other => panic!("{execution} is {other:?}"),
            }
        }
    }
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, 5);
    assert_eq!(f.number("SELECT count(*) FROM execution_events", vec![]).await, 5);
}

async fn a_key_is_free_again_after_its_time_and_elsewhere(f: Fixture) {
    let with_key = |until: i64, scope: u8| {
        let mut start = f.start();
        let mut key = key("again");
        (key.until, key.scope) = (in_seconds(until), [scope; 16]);
        start.create.as_mut().expect("a start creates").key = Some(key);
        start
    };
    f.made(with_key(-1, 1)).await;
    let second = f.made(with_key(60, 1)).await;
    let third = f.store.commit(with_key(60, 1)).await;
    assert!(matches!(third, Err(Error::Duplicate(existing)) if existing == second.execution), "{third:?}");
    f.made(with_key(60, 2)).await;
    // What has expired goes as others come.
    for scope in 3..10 {
        f.made(with_key(-1, scope)).await;
    }
    f.made(with_key(60, 20)).await;
    f.made(with_key(60, 21)).await;
    if !f.store.is_shared() {
        assert!(f.number("SELECT count(*) FROM inbox_events", vec![]).await <= 5);
    }
}

async fn an_execution_is_created_once(f: Fixture) {
    let start = f.start();
    let mut again = f.start();
    again.execution = start.execution;
    let head = f.made(start).await;
    let outcome = f.store.commit(records(&mut again, 3)).await;
    assert!(matches!(outcome, Err(Error::Duplicate(existing)) if existing == head.execution), "{outcome:?}");
    assert_eq!(f.seqs(head).await, [1]);
}

async fn children_are_created_with_their_parent_or_not_at_all(f: Fixture) {
    let parent = f.made(f.start()).await;
    let existing = f.made(f.start()).await;
    let mut fails = f.next(parent, 1);
    fails.children.push(f.queued());
    let mut second = f.queued();
    second.execution = existing.execution;
    fails.children.push(second);
    let outcome = f.store.commit(fails).await;
    assert!(matches!(outcome, Err(Error::Duplicate(_) | Error::Conflict(_))), "{outcome:?}");
    assert_eq!(f.head(parent).await.1, 1);
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, 2);
    assert_eq!(f.store.queue_depth().await.expect("the queue answers"), 0);

    let mut works = f.next(parent, 1);
    let mut child = f.queued();
    child.children.push(f.queued());
    let (child_head, grandchild) = (after(&child), after(&child.children[0]));
    works.children.push(child);
    f.made(works).await;
    assert!(f.is_queued(child_head).await && f.is_queued(grandchild).await);
}

async fn a_bad_commit_does_not_hurt_those_beside_it(f: Fixture) {
    let head = f.made(f.start()).await;
    let commits = (0..300).map(|number| match number % 6 {
        // Refused before anything was changed.
        0 => f.next(crate::fixture::Head { fence: 9, ..head }, 1),
        // Refused half-way.
        1 => {
            let mut start = f.start();
            start.records.push(record(7));
            start
        }
        // Refused at its second child.
        2 => {
            let mut start = f.start();
            start.children.push(f.queued());
            let mut bad = f.queued();
            bad.execution = head.execution;
            start.children.push(bad);
            start
        }
        _ => records(&mut f.start(), 2),
    });
    let outcomes = join_all(commits.map(|commit| f.store.commit(commit))).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), number % 6 > 2, "{number}: {outcome:?}");
    }
    assert_eq!(f.number("SELECT count(*) FROM executions", vec![]).await, 151);
    assert_eq!(f.number("SELECT count(*) FROM execution_events", vec![]).await, 451);
}

async fn static_data_is_kept_while_its_workflow_is_there(f: Fixture) {
    let mut start = f.start();
    start.static_data = Some("{\"n\":1}".into());
    let head = f.made(start).await;
    let mut next = f.next(head, 1);
    next.static_data = Some("{\"n\":2}".into());
    f.made(next).await;
    let sql = "SELECT count(*) FROM workflow_static_data";
    assert_eq!(f.number(sql, vec![]).await, 1);
    let gone = add_workflow(&f.store, f.workspace).await;
    let mut start = f.start_of(f.workspace, gone);
    start.static_data = Some("{}".into());
    f.store
        .probe("DELETE FROM workflows WHERE id = $1", vec![Value::Id(*gone.as_bytes())])
        .await
        .expect("a workflow can be removed");
    f.made(start).await;
    assert_eq!(f.number(sql, vec![]).await, 1);
}

async fn a_large_payload_is_a_blob_that_is_counted(f: Fixture) {
    let mut noise = vec![0_u8; 40_000];
    getrandom::fill(&mut noise).expect("there is entropy");
    let text: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut start = records(&mut f.start(), 2);
    start.records[1].payload = format!("\"{text}\"");
    start.records[2].payload = format!("\"{text}\"");
    let head = f.made(start).await;
    let mut next = f.next(head, 1);
    next.records[0].payload = format!("\"{text}\"");
    f.made(next).await;
    let referring = "SELECT count(*) FROM execution_events WHERE payload_ref IS NOT NULL AND payload IS NULL";
    assert_eq!(f.number(referring, vec![]).await, 3);
    assert_eq!(f.number("SELECT count(*) FROM blobs WHERE refcount = 3", vec![]).await, 1);
}

crate::fixture::on_every_database!(
    an_execution_is_stored_with_its_journal_and_what_others_should_know,
    only_the_owner_with_the_right_fence_and_number_changes_anything,
    a_lease_that_was_given_back_is_no_lease,
    the_journal_has_no_gaps_and_never_changes,
    an_execution_that_has_ended_never_changes,
    the_end_removes_what_only_a_living_execution_has,
    two_hundred_starts_with_one_key_are_one_execution,
    a_key_is_free_again_after_its_time_and_elsewhere,
    an_execution_is_created_once,
    children_are_created_with_their_parent_or_not_at_all,
    a_bad_commit_does_not_hurt_those_beside_it,
    static_data_is_kept_while_its_workflow_is_there,
    a_large_payload_is_a_blob_that_is_counted,
);
