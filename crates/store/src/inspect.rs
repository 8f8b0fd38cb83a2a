//! Looks at what is stored without changing anything: for whoever keeps an instance in good health.

use std::collections::HashSet;

use model::ids::{ExecutionId, WorkspaceId};
use rusqlite::Connection;
use tokio::sync::broadcast;

use crate::blobs::{Blobs, hex};
use crate::db::postgres::Postgres;
use crate::db::sqlite::{self, Sqlite};
use crate::db::{Db, Scope, params};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::migrate;
use crate::store::{Config, Database, Store};

/// A blob that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenBlob {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its address.
    pub sha256: String,
    /// What is wrong.
    pub problem: String,
}

/// Problems that are listed of one kind.
const SHOWN: usize = 20;
/// Blobs that are looked up at once.
const CHUNK: usize = 500;

impl Store {
    /// Opens a database for reading only. Another process may be using it; its schema stays as it is.
    pub async fn open_to_look(config: Config) -> Result<Self> {
        let (wakeups, _) = broadcast::channel(16);
        let db = match &config.database {
            Database::Sqlite => Db::Sqlite(Sqlite::open_to_look(&config.folder)?),
            Database::Postgres { url, connections } => {
                Db::Postgres(Postgres::open_to_look(url, *connections, wakeups.clone())?)
            }
        };
        let (blobs, logs) = (Blobs::files(&config.folder.join("blobs")), Logs::open(&db, &config.folder));
        Ok(Self { db, blobs, logs, wakeups })
    }

    /// What is wrong with the database itself: damaged pages, broken references, missing indexes. Empty in good health.
    pub async fn check_database(&self) -> Result<Vec<String>> {
        match &self.db {
            Db::Sqlite(db) => db.read(check_sqlite).await,
            Db::Postgres(_) => self.check_postgres().await,
        }
    }

    async fn check_postgres(&self) -> Result<Vec<String>> {
        let rows = self.db.rows(
            Scope::Instance,
            "SELECT class.relname::text, index.indisvalid FROM pg_index AS index
               JOIN pg_class AS class ON class.oid = index.indexrelid
               JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
              WHERE namespace.nspname = current_schema()",
            [],
        );
        let (mut valid, mut problems) = (HashSet::new(), Vec::new());
        for row in rows.await? {
            let name: String = row.get(0)?;
            if row.get(1)? {
                valid.insert(name);
            } else {
                problems.push(format!("index {name} is not valid; REINDEX INDEX {name}"));
            }
        }
        let missing = migrate::indexes(true).into_iter().filter(|name| !valid.contains(*name));
        problems.extend(missing.map(missing_index));
        Ok(problems)
    }

    /// Executions that have not ended and have neither an owner nor a place in the queue, a timer, a wait or a child that
    /// they wait for: nothing would ever move them. Paused ones wait for a person.
    pub async fn stuck_executions(&self) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
        let rows = self.db.rows(
            Scope::Engine,
            "SELECT e.workspace_id, e.id FROM executions AS e
              WHERE (e.status = 'queued' OR e.status = 'running' OR e.status = 'waiting' OR e.status = 'paused')
                AND e.status <> 'paused' AND e.lease_owner IS NULL
                AND NOT EXISTS (SELECT 1 FROM execution_queue AS q
                                 WHERE q.workspace_id = e.workspace_id AND q.execution_id = e.id)
                AND NOT EXISTS (SELECT 1 FROM timers AS t WHERE t.workspace_id = e.workspace_id
                                   AND t.owner_kind = 'execution' AND t.owner_id = e.id)
                AND NOT EXISTS (SELECT 1 FROM execution_waits AS w
                                 WHERE w.workspace_id = e.workspace_id AND w.execution_id = e.id)
                AND NOT EXISTS (SELECT 1 FROM executions AS c
                                 WHERE c.workspace_id = e.workspace_id AND c.parent_id = e.id AND c.parent_waits
                                   AND (c.status = 'queued' OR c.status = 'running' OR c.status = 'waiting' OR c.status = 'paused'))
              ORDER BY e.id LIMIT 1000",
            [],
        );
        rows.await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// Some executions of all tenants, spread over all there are; `random` says which.
    pub async fn sample_executions(
        &self,
        count: usize,
        mut random: impl FnMut() -> u64,
    ) -> Result<Vec<(WorkspaceId, ExecutionId)>> {
        let mut found = Vec::new();
        for workspace in self.workspaces().await? {
            let all = self.db.rows(
                Scope::Workspace(workspace.id),
                "SELECT id FROM executions WHERE workspace_id = $1 ORDER BY id LIMIT $2",
                params![workspace.id, count + 1],
            );
            let all: Vec<ExecutionId> = all.await?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
            if all.len() <= count {
                found.extend(all.into_iter().map(|id| (workspace.id, id)));
                continue;
            }
            let ends = self.db.rows(
                Scope::Workspace(workspace.id),
                "SELECT id FROM (SELECT id FROM executions WHERE workspace_id = $1 ORDER BY id LIMIT 1) AS a
                  UNION SELECT id FROM (SELECT id FROM executions WHERE workspace_id = $2 ORDER BY id DESC LIMIT 1) AS b",
                params![workspace.id, workspace.id],
            );
            let ends: Vec<ExecutionId> = ends.await?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
            let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else { continue };
            // Ids begin with their time: a random time between the first and the last hits any of them.
            let (first, last) = (milliseconds(*first), milliseconds(*last));
            for _ in 0..count {
                let at = first + random() % (last - first + 1);
                let row = self.db.rows(
                    Scope::Workspace(workspace.id),
                    "SELECT id FROM executions WHERE workspace_id = $1 AND id >= $2 ORDER BY id LIMIT 1",
                    params![
                        workspace.id,
                        ExecutionId::new(
                            at,
                            random().to_be_bytes().repeat(2)[..10].try_into().unwrap_or_default()
                        )
                    ],
                );
                if let Some(row) = row.await?.first() {
                    found.push((workspace.id, row.get(0)?));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        // Those that were hit are as random as their order is not.
        while found.len() > count {
            let index = usize::try_from(random() % found.len() as u64).unwrap_or_default();
            found.swap_remove(index);
        }
        Ok(found)
    }

    /// Blobs that are referred to and are not there, and with `deep` those whose content has changed. Gives the number that
    /// were looked at too.
    pub async fn check_blobs(&self, deep: bool) -> Result<(u64, Vec<BrokenBlob>)> {
        let (mut seen, mut broken) = (0, Vec::new());
        for workspace in self.workspaces().await?.into_iter().map(|workspace| workspace.id) {
            let mut after: Vec<u8> = Vec::new();
            loop {
                let rows = self.db.rows(
                    Scope::Workspace(workspace),
                    "SELECT sha256 FROM blobs WHERE workspace_id = $1 AND sha256 > $2 AND refcount > 0
                      ORDER BY sha256 LIMIT $3",
                    params![workspace, after.as_slice(), CHUNK],
                );
                let rows = rows.await?;
                for row in &rows {
                    let sha256: Vec<u8> = row.get(0)?;
                    let address: [u8; 32] = sha256
                        .as_slice()
                        .try_into()
                        .map_err(|_| Error::Damaged("the address of a blob has not 32 bytes".into()))?;
                    seen += 1;
                    if let Some(problem) = self.blob_problem(workspace, address, deep).await? {
                        broken.push(BrokenBlob { workspace, sha256: hex(&address), problem });
                    }
                    after = sha256;
                }
                if rows.len() < CHUNK {
                    break;
                }
            }
        }
        Ok((seen, broken))
    }

    async fn blob_problem(
        &self,
        workspace: WorkspaceId,
        sha256: [u8; 32],
        deep: bool,
    ) -> Result<Option<String>> {
        if !deep {
            let is_there = self.blobs.has(workspace, sha256).await?;
            return Ok((!is_there).then(|| "is missing".to_owned()));
        }
        match self.blobs.read(workspace, sha256).await {
            Ok(_) => Ok(None),
            Err(Error::Damaged(problem)) => Ok(Some(problem)),
            Err(error) => Err(error),
        }
    }
}

fn milliseconds(id: ExecutionId) -> u64 {
    let mut bytes = [0; 8];
    bytes[2..].copy_from_slice(&id.as_bytes()[..6]);
    u64::from_be_bytes(bytes)
}

fn missing_index(name: &str) -> String {
    format!("index {name} is missing; restore a backup, or create it as the migrations of this version do")
}

fn check_sqlite(connection: &Connection) -> Result<Vec<String>> {
    let texts = |sql: &str| -> Result<Vec<String>> {
        let mut statement = connection.prepare(sql).map_err(sqlite::error)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(sqlite::error)?;
        rows.take(SHOWN).collect::<rusqlite::Result<_>>().map_err(sqlite::error)
    };
    let mut problems = texts("PRAGMA quick_check(20)")?;
    problems.retain(|answer| answer != "ok");
    let broken = texts("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")?;
    problems.extend(broken.iter().map(|table| format!("rows of {table} refer to rows that are not there")));
    let there: HashSet<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(sqlite::error)?;
    let missing = migrate::indexes(false).into_iter().filter(|name| !there.contains(*name));
    problems.extend(missing.map(missing_index));
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::schema;

    fn config(folder: &tempfile::TempDir) -> Config {
        Config { database: Database::Sqlite, folder: folder.path().to_owned() }
    }

    fn change(folder: &tempfile::TempDir, sql: &str) {
        let connection = Connection::open(folder.path().join("runnel.db")).expect("it can be opened");
        connection.execute_batch(sql).expect("it can be changed");
    }

    #[tokio::test]
    async fn one_may_look_while_another_process_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Store::open_to_look(config(&folder)).await.is_err(), "there is nothing to look at yet");
        let steps = schema(&config(&folder)).await.expect("nothing is there, which is fine");
        assert!(steps.iter().all(|step| step.is_known && step.applied_at.is_none()), "{steps:?}");

        let writing = Store::open(config(&folder)).await.expect("it opens");
        let looking = Store::open_to_look(config(&folder)).await.expect("it opens beside it");
        assert_eq!(looking.check_database().await.expect("it can be read"), Vec::<String>::new());
        assert_eq!(looking.stuck_executions().await.expect("it can be read"), Vec::new());
        assert!(looking.set_setting("a", "1").await.is_err(), "it only looks");
        drop(writing);

        change(
            &folder,
            "INSERT INTO refinery_schema_history VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')",
        );
        let steps = schema(&config(&folder)).await.expect("it can be read");
        let later: Vec<_> =
            steps.iter().filter(|step| !step.is_known).map(|step| step.name.as_str()).collect();
        assert_eq!(later, ["V9999__later"]);
        assert!(steps.iter().all(|step| step.applied_at.is_some()), "{steps:?}");
    }

    #[tokio::test]
    async fn what_is_broken_in_a_database_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Store::open(config(&folder)).await.expect("it opens"));
        change(
            &folder,
            "PRAGMA foreign_keys = OFF;
             DROP INDEX timers_due;
             INSERT INTO workspace_members VALUES (zeroblob(16), zeroblob(16), 'owner', 0);",
        );
        let looking = Store::open_to_look(config(&folder)).await.expect("it opens");
        let problems = looking.check_database().await.expect("it can be read");
        assert!(
            problems.iter().any(|problem| problem.starts_with("index timers_due is missing")),
            "{problems:?}"
        );
        assert!(problems.iter().any(|problem| problem.contains("rows of workspace_members")), "{problems:?}");
    }

    #[test]
    fn every_index_of_the_migrations_is_known_by_name() {
        for is_postgres in [false, true] {
            let names = migrate::indexes(is_postgres);
            assert!(names.contains(&"timers_due") && names.contains(&"credentials_name"), "{names:?}");
        }
    }
}
