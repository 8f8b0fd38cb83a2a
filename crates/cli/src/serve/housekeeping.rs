//! What nobody needs any more goes, a little at a time: old executions, what was only remembered for a while, payloads
//! that nothing refers to.

use std::time::Duration;

use jiff::Timestamp;
use model::ids::WorkspaceId;
use store::Store;
use store::retention::Ended;
use tokio_util::sync::CancellationToken;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// Between two pieces, so that work is not held up.
const BETWEEN: Duration = Duration::from_millis(200);
/// Pieces of one kind in a round at most; the rest goes in the next.
const PIECES: usize = 100;
/// How long a payload that nothing refers to is kept: longer than any commit takes.
const GRACE: Duration = Duration::from_secs(3_600);
/// How long a deleted workflow and its executions are kept without another rule.
const DELETED: Duration = Duration::from_secs(30 * 86_400);

/// Tidies up until the token is cancelled. What fails is tried again in the next round.
pub(super) async fn run(store: Store, retention: Option<Duration>, shutdown: CancellationToken) {
    let mut shard: u8 = 0;
    loop {
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
        let round = tidy(&store, retention, shard);
        match shutdown.run_until_cancelled(round).await {
            None => return,
            Some(Ok(())) => shard = shard.wrapping_add(1),
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "tidying up did not get to its end");
            }
        }
    }
}

async fn tidy(store: &Store, retention: Option<Duration>, shard: u8) -> store::Result<()> {
    for workspace in store.workspaces().await?.into_iter().map(|workspace| workspace.id) {
        if let Some(retention) = retention {
            prune(store, workspace, before(retention)).await?;
        }
        store.purge_workflows(workspace, before(retention.unwrap_or(DELETED))).await?;
        store.sweep_blobs(workspace, shard, GRACE).await?;
    }
    store.forget_old(before(DELETED)).await?;
    Ok(())
}

async fn prune(store: &Store, workspace: WorkspaceId, before: Timestamp) -> store::Result<()> {
    let mut removed = 0;
    for ended in [Ended::Completed, Ended::Troubled] {
        for _ in 0..PIECES {
            let pruned = store.prune_executions(workspace, ended, before).await?;
            removed += pruned.removed;
            if !pruned.more {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
    if removed > 0 {
        tracing::info!(workspace.id = %workspace, removed, "old executions were removed");
    }
    Ok(())
}

fn before(age: Duration) -> Timestamp {
    Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN)
}
