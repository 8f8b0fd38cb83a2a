//! The twin migrations make the same tables, and what belongs to PostgreSQL alone is named here.

use std::collections::{BTreeMap, BTreeSet};

use store::testing::Value;

use crate::support::{Fixture, Kind};

/// What only PostgreSQL has: a table, or a column of one that both have.
const POSTGRES_ONLY: [&str; 3] = ["commit_marks", "domain_events.tx", "execution_logs"];

/// Indexes over what only PostgreSQL has.
const POSTGRES_ONLY_INDEXES: [&str; 1] = ["domain_events_tx"];

#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    /// `table.column`, with its kind and whether it may be empty.
    columns: BTreeMap<String, String>,
    /// The columns of primary keys, in their order.
    keys: BTreeMap<String, String>,
    /// Tables and columns of indexes, with whether they are unique and whether they cover a part.
    indexes: BTreeMap<String, String>,
    /// What a column refers to and what happens when that goes.
    references: BTreeSet<String>,
    /// Columns of views.
    views: BTreeMap<String, String>,
}

async fn rows(store: &Fixture, sql: &'static str) -> Vec<Vec<String>> {
    let rows = store.probe(sql, vec![]).await.expect("the catalogue can be read");
    let text = |value| match value {
        Value::Text(text) => text,
        Value::Int(number) => number.to_string(),
        Value::Null => "an expression".into(),
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
}

/// Puts what belongs together into one line.
fn gathered(rows: Vec<Vec<String>>) -> BTreeMap<String, String> {
    let mut gathered: BTreeMap<String, String> = BTreeMap::new();
    for row in rows {
        let line = gathered.entry(row[0].clone()).or_default();
        line.push(' ');
        line.push_str(&row[1..].join(" "));
    }
    gathered
}

async fn of_sqlite(store: &Fixture) -> Schema {
    let columns = rows(
        store,
        "SELECT tables.name || '.' || columns.name, columns.type || iif(columns.\"notnull\" OR columns.pk, '', ' or nothing')
           FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'
             AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE 'refinery%'",
    );
    let keys = rows(
        store,
        "SELECT tables.name, columns.name FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
          WHERE tables.type = 'table' AND columns.pk > 0
            AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE 'refinery%'
          ORDER BY tables.name, columns.pk",
    );
    let indexes = rows(
        store,
        "SELECT CASE indexes.origin WHEN 'c' THEN indexes.name ELSE tables.name || '_' || columns.name || '_key' END,
             tables.name || iif(indexes.\"unique\", ' unique', '') || iif(indexes.partial, ' partial', '')
               || iif(columns.seqno = 0, ':', ''), columns.name
           FROM sqlite_schema AS tables JOIN pragma_index_list(tables.name) AS indexes
           JOIN pragma_index_info(indexes.name) AS columns
          WHERE tables.type = 'table' AND indexes.origin <> 'pk' AND tables.name NOT LIKE 'refinery%'
          ORDER BY indexes.name, columns.seqno",
    );
    let references = rows(
        store,
        "SELECT tables.name || '.' || keys.\"from\" || ' of ' || keys.\"table\" || '.' || keys.\"to\" || ' '
             || lower(keys.on_delete)
           FROM sqlite_schema AS tables JOIN pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table'",
    );
    let views = rows(
        store,
        "SELECT views.name, columns.name FROM sqlite_schema AS views JOIN pragma_table_info(views.name) AS columns
          WHERE views.type = 'view' ORDER BY views.name, columns.cid",
    );
    Schema {
        columns: gathered(columns.await),
        keys: gathered(keys.await),
        indexes: gathered(indexes.await),
        references: references.await.into_iter().flatten().collect(),
        views: gathered(views.await),
    }
}

async fn of_postgres(store: &Fixture) -> Schema {
    let columns = rows(
        store,
        "SELECT tables.relname || '.' || columns.attname, format_type(atttypid, NULL)
             || CASE WHEN attnotnull THEN '' ELSE ' or nothing' END
           FROM pg_class AS tables JOIN pg_attribute AS columns ON attrelid = tables.oid
          WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND attnum > 0 AND NOT attisdropped AND relname NOT LIKE 'refinery%'",
    );
    let keys = rows(
        store,
        "SELECT tables.relname::text, columns.attname::text
           FROM pg_index JOIN pg_class AS tables ON tables.oid = indrelid
           CROSS JOIN LATERAL unnest(indkey::int[]) WITH ORDINALITY AS place (number, nth)
           JOIN pg_attribute AS columns ON attrelid = tables.oid AND attnum = place.number
          WHERE relnamespace = current_schema()::regnamespace AND indisprimary AND NOT relispartition
            AND relname NOT LIKE 'refinery%'
          ORDER BY tables.relname, place.nth",
    );
    let indexes = rows(
        store,
        "SELECT indexes.relname::text, tables.relname || CASE WHEN indisunique THEN ' unique' ELSE '' END
             || CASE WHEN indpred IS NULL THEN '' ELSE ' partial' END || CASE WHEN place.nth = 1 THEN ':' ELSE '' END,
             columns.attname::text
           FROM pg_index JOIN pg_class AS tables ON tables.oid = indrelid
           JOIN pg_class AS indexes ON indexes.oid = indexrelid
           CROSS JOIN LATERAL unnest(indkey::int[]) WITH ORDINALITY AS place (number, nth)
           LEFT JOIN pg_attribute AS columns ON attrelid = tables.oid AND attnum = place.number
          WHERE tables.relnamespace = current_schema()::regnamespace AND NOT indisprimary
            AND NOT tables.relispartition
          ORDER BY indexes.relname, place.nth",
    );
    let references = rows(
        store,
        "SELECT tables.relname || '.' || own.attname || ' of ' || others.relname || '.' || theirs.attname || ' '
             || CASE confdeltype WHEN 'c' THEN 'cascade' WHEN 'r' THEN 'restrict' WHEN 'n' THEN 'set null'
                  ELSE 'no action' END
           FROM pg_constraint JOIN pg_class AS tables ON tables.oid = conrelid
           JOIN pg_class AS others ON others.oid = confrelid
           CROSS JOIN LATERAL unnest(conkey, confkey) AS pair (a, b)
           JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = pair.a
           JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = pair.b
          WHERE contype = 'f' AND tables.relnamespace = current_schema()::regnamespace",
    );
    let views = rows(
        store,
        "SELECT views.relname::text, columns.attname::text FROM pg_class AS views
           JOIN pg_attribute AS columns ON attrelid = views.oid
          WHERE relnamespace = current_schema()::regnamespace AND relkind = 'v' AND attnum > 0
          ORDER BY views.relname, attnum",
    );
    let mut schema = Schema {
        columns: gathered(columns.await),
        keys: gathered(keys.await),
        indexes: gathered(indexes.await),
        references: references.await.into_iter().flatten().collect(),
        views: gathered(views.await),
    };
    for only in POSTGRES_ONLY {
        let before = schema.columns.len();
        schema.columns.retain(|column, _| column != only && column.split('.').next() != Some(only));
        assert!(schema.columns.len() < before, "{only} is not there");
        schema.keys.remove(only);
    }
    for only in POSTGRES_ONLY_INDEXES {
        assert!(schema.indexes.remove(only).is_some(), "{only} is not there");
    }
    // SQLite has fewer kinds.
    for kind in schema.columns.values_mut() {
        *kind = kind
            .replace("uuid", "BLOB")
            .replace("bytea", "BLOB")
            .replace("text", "TEXT")
            .replace("bigint", "INTEGER")
            .replace("boolean", "INTEGER")
            .replace("timestamp with time zone", "INTEGER")
            .replace("double precision", "REAL");
    }
    schema
}

#[tokio::test]
async fn sqlite_and_postgres_have_the_same_schema() {
    let sqlite = of_sqlite(&Fixture::new(Kind::Sqlite).await).await;
    let postgres = of_postgres(&Fixture::new(Kind::Postgres).await).await;
    let differences = |left: &BTreeMap<String, String>, right: &BTreeMap<String, String>| {
        let names: BTreeSet<_> = left.keys().chain(right.keys()).cloned().collect();
        let differ = names.into_iter().filter(|name| left.get(name) != right.get(name));
        differ
            .map(|name| format!("{name}: {:?} | {:?}", left.get(&name), right.get(&name)))
            .collect::<Vec<_>>()
    };
    let none: [String; 0] = [];
    assert!(sqlite.columns.len() > 150 && sqlite.indexes.len() > 15 && sqlite.views.len() > 10);
    assert_eq!(differences(&sqlite.columns, &postgres.columns), none);
    assert_eq!(differences(&sqlite.keys, &postgres.keys), none);
    assert_eq!(differences(&sqlite.indexes, &postgres.indexes), none);
    assert_eq!(sqlite.references, postgres.references);
    assert_eq!(differences(&sqlite.views, &postgres.views), none);
}

async fn numbers(store: &Fixture, sql: &'static str) -> Vec<Vec<Value>> {
    store.probe(sql, vec![]).await.expect("the view can be read")
}

crate::support::suite! {
    async fn the_names_that_others_use_show_the_same(store: &Fixture) {
        let owner = store.owner().await;
        let workflow = store.workflow_named(owner.workspace, "Names").await;
        store.workflow_named(owner.workspace, "Never ran").await;
        let definition = r#"{"name":"Names","nodes":[
            {"key":"start","type":"core.manual","name":"Start","position":[10,20.5],"parameters":{"a":1}},
            {"key":"set","type":"core.set","name":"Set","disabled":true}],
          "edges":[{"source":"start","target":"set","kind":"control","enabled":false}]}"#;
        let publish = store::workflows::Publish {
            workflow, rev: 1, definition: definition.into(), triggers: Vec::new(), user: None,
        };
        store.publish_workflow(owner.workspace, publish).await.expect("it is published");
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            numbers(store, "SELECT node_key, node_type, name, is_enabled, is_published FROM workflow_nodes
                             ORDER BY node_key").await,
            [
                [text("set"), text("core.set"), text("Set"), Value::Int(0), Value::Int(1)],
                [text("start"), text("core.manual"), text("Start"), Value::Int(1), Value::Int(1)],
            ]
        );
        let places = "SELECT CAST(position_x AS bigint), CAST(2 * position_y AS bigint), replace(config, ' ', '')
                        FROM workflow_nodes WHERE node_key = 'start'";
        assert_eq!(numbers(store, places).await, [[Value::Int(10), Value::Int(41), text("{\"a\":1}")]]);
        assert_eq!(
            numbers(store, "SELECT source_node_key, target_node_key, source_handle, edge_type, is_enabled
                              FROM workflow_connections").await,
            [[text("start"), text("set"), text("main"), text("control"), Value::Int(0)]]
        );
        assert_eq!(
            numbers(store, "SELECT workflow_name, total_executions FROM workflow_execution_summary
                             ORDER BY workflow_name").await,
            [[text("Names"), Value::Int(0)], [text("Never ran"), Value::Int(0)]]
        );
        for view in [
            "SELECT count(*) FROM execution_node_state",
            "SELECT count(*) FROM workflow_executions",
            "SELECT count(*) FROM execution",
            "SELECT count(*) FROM workflow_triggers",
            "SELECT count(*) FROM workflow_schedules",
            "SELECT count(*) FROM user_integrations",
            "SELECT count(*) FROM connections",
            "SELECT count(*) FROM queue_status",
        ] {
            assert_eq!(numbers(store, view).await, [[Value::Int(0)]], "{view}");
        }
        assert_eq!(numbers(store, "SELECT name FROM teams").await, [[text("Main")]]);
        assert_eq!(numbers(store, "SELECT role FROM team_members").await, [[text("owner")]]);
    }
}
