//! The journal is what happened; the stored head says where that leads. Folding one again must give the other.

use anyhow::{Context as _, bail};
use engine::journal::Reader;
use engine::{Engine, Execution, Limits};
use model::ExecutionStatus;
use model::ids::{ExecutionId, WorkspaceId};
use store::Store;

use super::Finding;
use super::checks::failed;

/// Differences that are named.
const NAMED: usize = 5;

/// Folds some executions again.
pub(super) async fn check(store: &Store, engine: &Engine, count: usize) -> Finding {
    const CHECK: &str = "journals";
    let mut bytes = [0; 8];
    // Nothing depends on how good it is.
    let _ = getrandom::fill(&mut bytes);
    let mut state = u64::from_le_bytes(bytes) | 1;
    let random = move || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let sample = match store.sample_executions(count, random).await {
        Ok(sample) => sample,
        Err(error) => return failed(CHECK, &error.into()),
    };
    let mut differences = Vec::new();
    for (workspace, id) in &sample {
        if let Err(error) = refold(store, engine, *workspace, *id).await {
            differences.push(format!("{id}: {error:#}"));
        }
    }
    if differences.is_empty() {
        return Finding::ok(CHECK, format!("{} of them, folded again, give what is stored", sample.len()));
    }
    let named = differences[..differences.len().min(NAMED)].join("; ");
    let message = format!("{} of {} do not give what is stored: {named}", differences.len(), sample.len());
    let fix = "keep a copy of the database and report this; restore a backup if these executions matter";
    Finding::problem(CHECK, message, fix)
}

async fn refold(
    store: &Store,
    engine: &Engine,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> anyhow::Result<()> {
    let loaded = store.load(workspace, id).await?;
    let head = &loaded.head;
    let plan = engine.plans().get(workspace, head.workflow, head.version).await?;
    let mut reader = Reader::new();
    // The limits were kept when it ran; the seed only moves the times of retries, which the journal tells.
    let mut execution = Execution::new(plan.clone(), Limits::default(), 0);
    for record in &loaded.records {
        let recorded = reader.read(&plan, record).with_context(|| format!("record {}", record.seq))?;
        if execution.decide(&recorded.event, recorded.at_ms).is_none() {
            bail!("record {} does not follow from those before it", record.seq);
        }
    }
    let folded = execution.status();
    if !fits(folded, head.status) {
        bail!("its journal says {folded:?}, its head {:?}", head.status);
    }
    if head.status.is_final() != head.finished_at.is_some() {
        bail!("its head says {:?}, but not when that was", head.status);
    }
    Ok(())
}

/// Whether a stored status can follow from a journal. One that has no owner is queued whatever it does next.
fn fits(folded: ExecutionStatus, stored: ExecutionStatus) -> bool {
    match stored {
        ExecutionStatus::Queued | ExecutionStatus::Running => !folded.is_final(),
        stored => folded == stored,
    }
}
