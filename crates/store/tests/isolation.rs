//! Every statement of this crate that touches rows of tenants says which tenant, or stands on the list below: what the
//! engine does for all tenants at once, and what finds out which tenant is meant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Tables without rows of tenants.
const INSTANCE_TABLES: [&str; 7] = [
    "users",
    "workspaces",
    "app_settings",
    "workers",
    "commit_marks",
    "commit_writers",
    "refinery_schema_history",
];

/// The statements for all tenants, by file and how they begin once white space is one space. A new one needs a reason.
const ENGINE: &[(&str, &str)] = &[
    // Whoever shows a key, an address or an execution to resume says nothing else: this finds out which tenant is meant.
    ("api_keys.rs", "SELECT , key_hash, role"),
    (
        "journal.rs",
        "SELECT workspace_id, execution_id, step, node_key, kind, options, until_at FROM execution_waits",
    ),
    ("routes.rs", "SELECT FROM webhook_routes WHERE id = $1"),
    // Routers and schedulers serve all tenants.
    ("routes.rs", "SELECT FROM webhook_routes WHERE is_active = $1"),
    // The head of a statement whose condition is added where it is used.
    ("triggers.rs", "SELECT triggers.workspace_id, triggers.id"),
    // A backup has all tenants.
    ("backup/postgres.rs", "SELECT DISTINCT to_char(at"),
    ("backup/postgres.rs", "SELECT workspace_id::text, sha256 FROM blobs"),
    ("backup/postgres.rs", "SELECT setval(pg_get_serial_sequence('domain_events'"),
    ("backup/sqlite.rs", "SELECT workspace_id, sha256 FROM blobs"),
    // Health, metrics, the outbox, what is forgotten after a while, new keys of the instance.
    ("executions/list.rs", "SELECT status, count(*) FROM executions"),
    ("inspect.rs", "SELECT e.workspace_id, e.id FROM executions"),
    ("outbox.rs", "SELECT 0, seq, workspace_id, kind"),
    ("outbox.rs", "SELECT tx, seq, workspace_id, kind"),
    ("outbox.rs", "DELETE FROM domain_events WHERE seq IN"),
    ("retention.rs", "DELETE FROM inbox_events"),
    ("retention.rs", "DELETE FROM idempotency_keys"),
    ("retention.rs", "DELETE FROM webhook_routes"),
    ("retention.rs", "DELETE FROM trigger_occurrences"),
    (
        "secrets/data_keys.rs",
        "SELECT workspace_id, version, wrapped_key, kek_id FROM data_keys WHERE kek_id <>",
    ),
    // The queue, the timers and what commits clean up on their way.
    ("commit/sqlite.rs", "DELETE FROM inbox_events WHERE (workspace_id, scope, dedupe_key) IN"),
    ("commit/sqlite.rs", "SELECT 1 FROM timers WHERE owner_kind = $1"),
    // Rows that are named one by one, each with its tenant.
    ("commit/postgres/write.rs", "SELECT inbox.workspace_id, inbox.scope"),
    ("commit/postgres/write.rs", "SELECT head.workspace_id, head.id"),
    ("db/sqlite.rs", "SELECT max(id) FROM execution_signals"),
    ("queue.rs", "SELECT min(lease_until) FROM executions"),
    ("queue/postgres.rs", "WITH held AS"),
    ("queue/postgres.rs", "WITH late AS"),
    ("queue/postgres.rs", "SELECT count(*) FROM execution_queue"),
    ("queue/sqlite.rs", "SELECT id FROM executions WHERE lease_owner = $1"),
    ("queue/sqlite.rs", "SELECT workspace_id, id, deaths FROM executions WHERE lease_owner"),
    ("queue/sqlite.rs", "SELECT count(*) FROM execution_queue"),
    ("queue/sqlite.rs", "SELECT workspace_id, workflow_id FROM execution_queue"),
    ("timers/postgres.rs", "WITH due AS"),
    ("timers/postgres.rs", "DELETE FROM timers AS timer WHERE timer.owner_kind = 'execution'"),
    ("timers/postgres.rs", "SELECT min(due_at), clock_timestamp()"),
    ("timers/postgres.rs", "SELECT workspace_id, owner_id, due_at FROM timers WHERE owner_kind = 'trigger'"),
    ("timers/sqlite.rs", "SELECT min(due_at) FROM"),
    ("timers/sqlite.rs", "SELECT workspace_id, owner_id, key FROM timers WHERE owner_kind = 'execution'"),
    ("timers/sqlite.rs", "SELECT workspace_id, owner_id, due_at FROM timers WHERE owner_kind = 'trigger'"),
];

#[test]
fn every_statement_says_which_tenant_or_is_on_the_list() {
    let tables = tenant_tables();
    assert!(tables.contains("executions") && tables.contains("credentials"), "{tables:?}");
    let mut unknown = Vec::new();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for file in sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&file).expect("a source can be read");
        let name = file.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src/")).expect("it is below");
        let name = name.to_str().expect("names are UTF-8");
        for statement in statements(&text) {
            if !touches(&statement, &tables) {
                continue;
            }
            count += 1;
            if says_which_tenant(&statement) {
                continue;
            }
            match ENGINE.iter().find(|(file, begin)| *file == name && statement.starts_with(begin)) {
                Some(entry) => {
                    seen.insert(*entry);
                }
                None => unknown.push(format!("(\"{name}\", \"{}\"),", &statement[..statement.len().min(90)])),
            }
        }
    }
    assert!(unknown.is_empty(), "these say no tenant and are not on the list:\n{}", unknown.join("\n"));
    let gone: Vec<_> = ENGINE.iter().filter(|entry| !seen.contains(entry)).collect();
    assert!(gone.is_empty(), "these are on the list and nowhere else: {gone:?}");
    assert!(count > 100, "only {count} statements were found");
}

#[test]
fn a_statement_without_a_tenant_is_noticed() {
    let tables = BTreeSet::from(["executions".to_owned()]);
    let source = r#"db.rows(scope, concat!("SELECT ", head!(), " FROM executions
        WHERE id = $1"), params![]); db.rows("SELECT 1")"#;
    let found = statements(source);
    assert_eq!(found[0], "SELECT FROM executions WHERE id = $1");
    assert!(touches(&found[0], &tables) && !says_which_tenant(&found[0]));
    assert!(says_which_tenant("SELECT id FROM executions WHERE workspace_id = $1"));
    // That it is read is not enough.
    assert!(!says_which_tenant("SELECT workspace_id FROM executions WHERE id = $1"));
    assert!(says_which_tenant("INSERT INTO executions (workspace_id, id) VALUES ($1, $2)"));
    assert!(!says_which_tenant("INSERT INTO executions (id) VALUES ($1)"));
}

/// The tables of the schema that have a column for the tenant, and the views over them.
fn tenant_tables() -> BTreeSet<String> {
    let schema = include_str!("../migrations/postgres/V0001__core.sql");
    let mut tables = BTreeSet::new();
    for (keyword, end) in [("\nCREATE TABLE ", "\n)"), ("\nCREATE VIEW ", ";")] {
        for part in schema.split(keyword).skip(1) {
            let name = part.split([' ', '(']).next().expect("a table has a name").to_owned();
            let body = &part[..part.find(end).unwrap_or(part.len())];
            if body.contains("workspace_id") || keyword.contains("VIEW") {
                assert!(!INSTANCE_TABLES.contains(&name.as_str()), "{name} has a tenant");
                tables.insert(name);
            } else {
                assert!(
                    INSTANCE_TABLES.contains(&name.as_str()),
                    "{name} has no tenant and is not on the list"
                );
            }
        }
    }
    tables
}

fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the sources are here") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The statements in a source, without its tests: literals that begin like one, with those that follow in the same
/// `concat!`.
fn statements(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    let mut rest = source;
    // Whether only commas, white space and macros without literals came since the last literal.
    let mut adjacent = false;
    while let Some((start, between)) = next_literal(rest) {
        let (literal, after) = read_literal(&rest[start..]);
        let joins = between.chars().all(|char| char.is_alphanumeric() || " \n\t,!()_".contains(char))
            && !between.contains(';');
        let text = literal.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_statement = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"]
            .iter()
            .any(|verb| text == *verb || text.strip_prefix(verb).is_some_and(|rest| rest.starts_with(' ')));
        if is_statement {
            found.push(text);
            adjacent = true;
        } else if adjacent && joins {
            let last = found.last_mut().expect("a statement came before");
            last.push(' ');
            last.push_str(&text);
        } else {
            adjacent = false;
        }
        rest = after;
    }
    found
}

/// Where the next literal begins, and what is before it.
fn next_literal(source: &str) -> Option<(usize, String)> {
    let mut between = String::new();
    let mut index = 0;
    while index < source.len() {
        let rest = &source[index..];
        if rest.starts_with("//") {
            index += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("b'\"'") || rest.starts_with("'\"'") {
            index += rest.find("\"'").expect("it is there") + 2;
            between.push(';');
            continue;
        }
        if rest.starts_with('"') {
            return Some((index, between));
        }
        let char = rest.chars().next().expect("it is not empty");
        between.push(char);
        index += char.len_utf8();
    }
    None
}

/// A literal and what follows it.
fn read_literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = source.char_indices().skip(1);
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return (text, &source[index + 1..]),
            '\\' => match chars.next() {
                // A line that goes on.
                Some((_, '\n')) => text.push(' '),
                Some((_, escaped)) => text.push(escaped),
                None => break,
            },
            char => text.push(char),
        }
    }
    (text, "")
}

fn touches(statement: &str, tables: &BTreeSet<String>) -> bool {
    let words: Vec<&str> = statement
        .split(|char: char| !(char.is_alphanumeric() || char == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .any(|pair| ["FROM", "INTO", "UPDATE", "JOIN"].contains(&pair[0]) && tables.contains(pair[1]))
}

fn says_which_tenant(statement: &str) -> bool {
    if statement.starts_with("INSERT") {
        return statement.contains("(workspace_id, ") || statement.contains(", workspace_id, ");
    }
    let compared = ["workspace_id = $", "workspace_id = ?"].iter().any(|compare| statement.contains(compare));
    // Rows that are named one by one, each with its tenant.
    let joined = statement.split("workspace_id = ").skip(1).any(|rest| {
        let word = rest.split(|char: char| !(char.is_alphanumeric() || "._".contains(char))).next();
        word.is_some_and(|word| word.ends_with(".workspace_id"))
    });
    compared || (joined && statement.contains("unnest("))
}
