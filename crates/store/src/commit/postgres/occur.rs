//! The occurrence of a trigger, which fires once, whoever tries.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::db::Scope;
use crate::db::postgres::bind::Micros;
use crate::db::postgres::failure::Failure;
use crate::db::postgres::pipeline::{Session, begin, in_order};
use crate::error::Error;
use crate::timers::Firing;

const MOVE: &str = "UPDATE timers SET due_at = $4
  WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id = $2 AND key = '' AND due_at = $3";

const END: &str = "DELETE FROM timers
  WHERE workspace_id = $1 AND owner_kind = 'trigger' AND owner_id = $2 AND key = '' AND due_at = $3";

const RECORD: &str =
    "INSERT INTO trigger_occurrences (workspace_id, trigger_id, due_at, started, recorded_at)
  SELECT $1, $2, due_at, started, clock_timestamp()
    FROM unnest($3::timestamptz[], $4::boolean[]) AS new (due_at, started)
  ON CONFLICT (workspace_id, trigger_id, due_at) DO NOTHING";

/// Begins a transaction with moving the timer and recording the occurrences; when another process did so first there is
/// nothing more to do, and the transaction is over.
pub(super) async fn take(session: &Session, firing: &Firing) -> Result<(), Failure> {
    let workspace = Uuid::from_bytes(*firing.workspace.as_bytes());
    let trigger = Uuid::from_bytes(*firing.trigger.as_bytes());
    let due_at = Micros::from(firing.due_at);
    let next = firing.next_due_at.map(Micros::from);
    let (times, started): (Vec<Micros>, Vec<bool>) =
        firing.occurrences.iter().map(|(at, started)| (Micros::from(*at), *started)).unzip();
    let moved = session.parse(if next.is_some() { MOVE } else { END }).await?;
    let record = session.parse(RECORD).await?;
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&workspace, &trigger, &due_at];
    if let Some(next) = &next {
        params.push(next);
    }
    let begin = begin(Scope::Engine);
    let requests = vec![
        session.text(&begin),
        session.request(&moved, params),
        session.request(&record, vec![&workspace, &trigger, &times, &started]),
    ];
    let mut counts = Vec::with_capacity(requests.len());
    for answer in in_order(requests).await {
        match answer {
            Ok(answer) => counts.push(answer.count),
            Err(error) => {
                let failure = Failure::from(error);
                if !failure.lost {
                    session.rollback().await?;
                }
                return Err(failure);
            }
        }
    }
    if counts[1] == 0 || counts[2] != times.len() as u64 {
        session.rollback().await?;
        return Err(Failure::lasting(Error::Stale));
    }
    Ok(())
}
