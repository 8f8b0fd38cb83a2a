//! The second wall between tenants: roles that see only what their work needs, and row level security on every table of
//! tenants.
//!
//! A transaction takes the role of its scope. `runnel_app` sees the rows of the workspace that the transaction names and
//! nothing without one; `runnel_engine` the rows of all workspaces, but only in the tables of queues, journals, timers
//! and outboxes; `runnel_instance` people, workspaces, memberships and keys, to find out who somebody is. The role that
//! logs in owns the tables and is bound by the walls too, so a migration that changes rows of tenants has to lift `FORCE`
//! from their table for its own transaction.
//!
//! What is missing is made at every start, so that no table of a later migration can be forgotten.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::db::Scope;
use crate::error::{Error, Result};

/// The role of one workspace.
const APP: &str = "runnel_app";
/// The role of what runs executions.
const ENGINE: &str = "runnel_engine";
/// The role of what belongs to no tenant.
const INSTANCE: &str = "runnel_instance";

/// Tables of tenants in which the engine works for all of them at once.
pub(crate) const ENGINE_TABLES: [&str; 15] = [
    "blobs",
    "domain_events",
    "execution_events",
    "execution_logs",
    "execution_queue",
    "execution_signals",
    "execution_waits",
    "executions",
    "idempotency_keys",
    "inbox_events",
    "timers",
    "trigger_occurrences",
    "triggers",
    "webhook_routes",
    "workflow_static_data",
];

/// Tables of tenants that the engine only reads.
pub(crate) const ENGINE_READS: [&str; 2] = ["workflow_versions", "workflows"];

/// Tables of tenants that tell who somebody is.
pub(crate) const INSTANCE_TABLES: [&str; 4] = ["api_keys", "data_keys", "workspace_members", "workspaces"];

/// Tables of no tenant, with who uses them.
const COMMON: [(&str, &str); 4] =
    [("app_settings", INSTANCE), ("commit_marks", ENGINE), ("users", INSTANCE), ("workers", ENGINE)];

/// The beginning of a transaction: who acts, and for which tenant.
pub(crate) fn begin(scope: Scope) -> String {
    match scope {
        Scope::Workspace(workspace) => {
            format!("BEGIN; SET LOCAL ROLE {APP}; SET LOCAL app.ws = '{workspace}'")
        }
        Scope::Instance => format!("BEGIN; SET LOCAL ROLE {INSTANCE}"),
        Scope::Engine => format!("BEGIN; SET LOCAL ROLE {ENGINE}"),
        #[cfg(feature = "testing")]
        Scope::Owner => "BEGIN".into(),
    }
}

/// Every table of tenants that lacks a wall or a grant.
const GAPS: &str = "SELECT relname::text FROM pg_class AS class
  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND (relname = 'workspaces' OR EXISTS (SELECT FROM pg_attribute
      WHERE attrelid = class.oid AND attname = 'workspace_id' AND NOT attisdropped))
    AND NOT (relrowsecurity AND relforcerowsecurity
      AND EXISTS (SELECT FROM pg_policy WHERE polrelid = class.oid AND polname = 'tenant')
      AND has_table_privilege('runnel_app', class.oid, 'SELECT')
      AND (relname <> ALL ($1) OR (has_table_privilege('runnel_engine', class.oid, 'SELECT')
        AND EXISTS (SELECT FROM pg_policy WHERE polrelid = class.oid AND polname = 'engine')))
      AND (relname <> ALL ($2) OR (has_table_privilege('runnel_instance', class.oid, 'SELECT')
        AND EXISTS (SELECT FROM pg_policy WHERE polrelid = class.oid AND polname = 'instance'))))
  UNION ALL SELECT name FROM unnest($3::text[], $4::text[]) AS common (name, role)
    WHERE NOT has_table_privilege(role, name, 'SELECT')
  ORDER BY 1";

/// Tables of tenants.
const TENANTS: &str = "SELECT relname::text FROM pg_class AS class
  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND (relname = 'workspaces' OR EXISTS (SELECT FROM pg_attribute
      WHERE attrelid = class.oid AND attname = 'workspace_id' AND NOT attisdropped))
  ORDER BY 1";

/// Views, which show what the role sees of the tables behind them.
const VIEWS: &str = "SELECT relname::text FROM pg_class
  WHERE relnamespace = current_schema()::regnamespace AND relkind = 'v' ORDER BY 1";

/// Makes the roles, as far as the role that logs in may.
pub(super) async fn raise_roles(client: &Client) -> Result<()> {
    for role in [APP, ENGINE, INSTANCE] {
        let mut tries = 0;
        while let Err(error) = take_role(client, role).await {
            tries += 1;
            let make = if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) {
                format!("CREATE ROLE {role} NOLOGIN")
            } else {
                format!("GRANT {role} TO CURRENT_USER")
            };
            if let Err(cause) = client.batch_execute(&make).await {
                let refused = cause.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
                // Roles belong to all databases of the server: another process may be making the same one.
                if refused || tries > 20 {
                    return Err(lacks_roles(client).await);
                }
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
        }
    }
    Ok(())
}

async fn take_role(client: &Client, role: &str) -> Result<(), tokio_postgres::Error> {
    let result = client.batch_execute(&format!("SET ROLE {role}")).await;
    client.batch_execute("RESET ROLE").await?;
    result
}

async fn lacks_roles(client: &Client) -> Error {
    let user = client.query_one("SELECT quote_ident(current_user)", &[]).await;
    let user = user.and_then(|row| row.try_get::<_, String>(0)).unwrap_or_else(|_| "the_role".into());
    let create: Vec<_> =
        [APP, ENGINE, INSTANCE].iter().map(|role| format!("CREATE ROLE {role} NOLOGIN;")).collect();
    Error::Refused(format!(
        "the role {user} may not use the roles that keep tenants apart; run this as an administrator of the database \
         server and start again: {} GRANT {APP}, {ENGINE}, {INSTANCE} TO {user};",
        create.join(" ")
    ))
}

/// Puts up what is missing of the walls. Gives the tables that had none.
pub(super) async fn raise(client: &mut Client) -> Result<Vec<String>> {
    let gaps = gaps(client).await.map_err(unavailable)?;
    if gaps.is_empty() {
        return Ok(gaps);
    }
    let tenants = names(client, TENANTS).await.map_err(unavailable)?;
    let views = names(client, VIEWS).await.map_err(unavailable)?;
    let schema = names(client, "SELECT quote_ident(current_schema())").await.map_err(unavailable)?;
    let statements = statements(&tenants, &views, &schema.concat());
    let transaction = client.transaction().await.map_err(unavailable)?;
    for statement in statements {
        transaction.batch_execute(&statement).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(gaps)
}

/// Tables that a role could see more or less of than it should.
pub(crate) async fn gaps(client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
    let engine: Vec<&str> = ENGINE_TABLES.into_iter().chain(ENGINE_READS).collect();
    let (common, roles): (Vec<&str>, Vec<&str>) = COMMON.into_iter().unzip();
    let rows = client.query(GAPS, &[&engine, &INSTANCE_TABLES.as_slice(), &common, &roles]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn names(client: &Client, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    client.query(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect()
}

fn statements(tenants: &[String], views: &[String], schema: &str) -> Vec<String> {
    let mut statements = vec![
        format!("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {APP}, {ENGINE}, {INSTANCE}"),
        format!("GRANT USAGE ON SCHEMA {schema} TO {APP}, {ENGINE}, {INSTANCE}"),
    ];
    statements.extend(views.iter().map(|view| format!("GRANT SELECT ON {view} TO {APP}, {ENGINE}")));
    for (table, role) in COMMON {
        statements.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"));
    }
    for table in tenants {
        let key = if table == "workspaces" { "id" } else { "workspace_id" };
        let own = format!("{key} = nullif(current_setting('app.ws', true), '')::uuid");
        statements.push(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP};
             ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
             ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
             DROP POLICY IF EXISTS tenant ON {table};
             CREATE POLICY tenant ON {table} TO {APP} USING ({own}) WITH CHECK ({own});
             DROP POLICY IF EXISTS engine ON {table};
             DROP POLICY IF EXISTS instance ON {table}"
        ));
        if ENGINE_TABLES.contains(&table.as_str()) {
            statements.push(open(table, "engine", ENGINE, "ALL", "SELECT, INSERT, UPDATE, DELETE"));
        }
        if ENGINE_READS.contains(&table.as_str()) {
            statements.push(open(table, "engine", ENGINE, "SELECT", "SELECT"));
        }
        if INSTANCE_TABLES.contains(&table.as_str()) {
            statements.push(open(table, "instance", INSTANCE, "ALL", "SELECT, INSERT, UPDATE, DELETE"));
        }
    }
    statements
}

/// Opens a table for a role, all its rows.
fn open(table: &str, policy: &str, role: &str, commands: &str, grant: &str) -> String {
    let check = if commands == "ALL" { " WITH CHECK (true)" } else { "" };
    format!(
        "GRANT {grant} ON {table} TO {role};
         CREATE POLICY {policy} ON {table} FOR {commands} TO {role} USING (true){check}"
    )
}

fn unavailable(error: tokio_postgres::Error) -> Error {
    Error::Unavailable(Box::new(error))
}
