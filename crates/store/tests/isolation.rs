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
const ENGINE: &[(&str, &str)] = &[];

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
    for (keyword, end) in [("CREATE TABLE ", "\n)"), ("CREATE VIEW ", ";")] {
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
    let compares = ["workspace_id = $", "workspace_id = ?", "(workspace_id, "];
    if statement.starts_with("INSERT") {
        return statement.contains("(workspace_id, ") || statement.contains(", workspace_id, ");
    }
    // Of a comparison with several columns the first is the tenant.
    compares[..2].iter().any(|compare| statement.contains(compare))
}
