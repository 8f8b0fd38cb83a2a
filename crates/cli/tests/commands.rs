//! The commands as scripts see them: arguments and files in, output and exit code out.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;

/// What a command left behind.
struct Done {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in a folder. Memory is limited, so that a file that makes it grow makes the test fail.
fn runnel(folder: &Path, args: &[&str]) -> Done {
    let program = env!("CARGO_BIN_EXE_runnel");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 8000000; exec \"$@\"", "sh", program]).args(args);
    let done = command.current_dir(folder).stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
    Done {
        code: done.status.code().expect("no signal ends the program"),
        out: text(done.stdout),
        err: text(done.stderr),
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a file can be written");
    }
    folder
}

/// The JSON lines of an output, with durations that do not differ from run to run.
fn lines(output: &str) -> Vec<serde_json::Value> {
    fn still(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, value) in members {
                    if name == "duration_ms" {
                        assert!(value.is_number(), "a duration is a number");
                        *value = 0.into();
                    }
                    still(value);
                }
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(still),
            _ => {}
        }
    }
    let line = |line: &str| {
        let mut value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        still(&mut value);
        value
    };
    output.lines().map(line).collect()
}

fn json(output: &str) -> String {
    lines(output).iter().map(|line| line.to_string() + "\n").collect()
}

/// A workflow without expressions: the first item passes.
const FIRST: &str = r#"{
    "name": "First",
    "nodes": [
        { "key": "start", "type": "core.no_op", "name": "Start" },
        { "key": "first", "type": "core.limit", "name": "First" }
    ],
    "edges": [{ "source": "start", "target": "first" }]
}"#;

#[test]
fn exec_prints_every_node_run_and_item() {
    let folder = folder(&[("first.json", FIRST), ("input.json", r#"[{"a": 1}, {"a": 2}]"#)]);
    let args = ["exec", "first.json", "--start", "Start", "--input", "@input.json", "--json"];
    let done = runnel(folder.path(), &args);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_snapshot!(json(&done.out), @r#"
    {"status":"completed","error":null,"duration_ms":0,"order":["Start","First"],"nodes":{"Start":[{"status":"completed","outputs":[[{"json":{"a":1},"binary":{},"lineage":[{"item":0}]},{"json":{"a":2},"binary":{},"lineage":[{"item":1}]}]],"error":null,"duration_ms":0}],"First":[{"status":"completed","outputs":[[{"json":{"a":1},"binary":{},"lineage":[{"item":0}]}]],"error":null,"duration_ms":0}]}}
    "#);
}

#[test]
fn exec_shows_people_a_table_and_the_last_items() {
    let folder = folder(&[("first.json", FIRST)]);
    let done =
        runnel(folder.path(), &["exec", "first.json", "--start", "start", "--input", r#"[{"a": 1}, {}]"#]);
    assert_eq!(done.code, 0);
    let lines: Vec<&str> = done.out.lines().collect();
    assert!(lines[0].starts_with("first.json completed in "), "{}", done.out);
    assert!(lines[2].starts_with("  node   runs  items    time"), "{}", done.out);
    assert!(lines[3].starts_with("  Start     1      2"), "{}", done.out);
    assert!(lines[4].starts_with("  First     1      1"), "{}", done.out);
    assert_eq!(lines[6..].join(" "), r#"1 item from "First" {   "a": 1 }"#);
}

#[test]
fn a_failed_execution_names_the_node_and_exits_with_1() {
    let workflow = r#"{"nodes": [{ "key": "stop", "type": "core.stop_and_error", "name": "Stop",
        "parameters": { "message": "no stock" } }]}"#;
    let folder = folder(&[("stop.json", workflow)]);
    let done = runnel(folder.path(), &["exec", "stop.json", "--json"]);
    assert_eq!(done.code, 1);
    assert_snapshot!(json(&done.out), @r#"
    {"status":"failed","error":{"node":"Stop","message":"no stock","item":null},"duration_ms":0,"order":["Stop"],"nodes":{"Stop":[{"status":"failed","outputs":[],"error":{"node":"Stop","message":"no stock","item":null},"duration_ms":0}]}}
    "#);
}

#[test]
fn a_node_type_that_does_not_exist_fails_only_when_it_is_reached() {
    let n8n = r#"{"nodes": [
        { "name": "Start", "type": "n8n-nodes-base.noOp", "typeVersion": 1, "position": [0, 0], "parameters": {} },
        { "name": "Rocket", "type": "acme.rocket", "typeVersion": 1, "position": [0, 0], "parameters": {} },
        { "name": "Other", "type": "acme.rocket", "typeVersion": 1, "position": [0, 0], "parameters": {} }
    ], "connections": { "Start": { "main": [[{ "node": "Rocket", "type": "main", "index": 0 }]] } }}"#;
    let folder = folder(&[("rocket.json", n8n)]);
    let done = runnel(folder.path(), &["exec", "rocket.json", "--start", "Start", "--json"]);
    assert_eq!(done.code, 1);
    let error = lines(&done.out)[0]["error"].clone();
    assert_eq!(error["node"], "Rocket");
    assert_eq!(error["message"], "node type acme.rocket is not supported");
}

#[test]
fn wrong_arguments_exit_with_2_and_name_the_argument() {
    let folder = folder(&[("first.json", FIRST)]);
    let exec = |args: &[&str]| runnel(folder.path(), &[&["exec", "first.json"], args].concat());
    let done = exec(&["--start", "Nowhere"]);
    assert_eq!(done.code, 2);
    assert!(
        done.err.contains("--start: there is no node \"Nowhere\"; there are \"Start\", \"First\""),
        "{}",
        done.err
    );
    let done = exec(&["--start", "Start", "--input", "[1]"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("--input: an object or an array of objects"), "{}", done.err);
    let done = exec(&["--start", "Start", "--timezone", "Moon/Base"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("Moon/Base"), "{}", done.err);
    for seconds in ["nan", "-1", "0", "1e300", "soon"] {
        let done = exec(&[&format!("--timeout={seconds}")]);
        assert_eq!(done.code, 2, "{seconds}");
        assert!(done.err.contains("a number of seconds above 0 is needed"), "{}", done.err);
    }
    assert_eq!(exec(&["--no-such-option"]).code, 2);
    assert_eq!(runnel(folder.path(), &[]).code, 2);
}

#[test]
fn validate_names_every_problem_with_path_and_fix() {
    let broken = r#"{"nodes": [{ "key": "a", "type": "core.no_op", "name": "A" }],
        "edges": [{ "source": "a", "target": "b" }]}"#;
    let folder = folder(&[("broken.json", broken), ("first.json", FIRST)]);
    let done = runnel(folder.path(), &["validate", "broken.json", "--json"]);
    assert_eq!(done.code, 2);
    assert_snapshot!(json(&done.out), @r#"
    {"file":"broken.json","valid":false,"problems":[{"path":"edges[0].target","code":"dangling_edge","message":"there is no node with the key \"b\"","fix":"remove the edge","severity":"error"}]}
    "#);
    let done = runnel(folder.path(), &["validate", "broken.json"]);
    assert_snapshot!(done.out, @r#"
    error: there is no node with the key "b"
      at broken.json: edges[0].target
      fix remove the edge
    broken.json: not valid
    "#);
    assert_eq!(runnel(folder.path(), &["validate", "first.json"]).code, 0);
}

#[test]
fn malformed_huge_and_deep_files_get_a_clear_error_everywhere() {
    let deep = format!("{{\"nodes\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let files = [("malformed.json", "{\n  \"nodes\": [}"), ("deep.json", &deep), ("text.json", "\u{0}")];
    let folder = folder(&files);
    std::fs::write(folder.path().join("binary.json"), [0xff, 0xfe, 0x00]).expect("a file can be written");
    let huge = std::fs::File::create(folder.path().join("huge.json")).expect("a file can be made");
    huge.set_len(100 << 20).expect("a file can grow");
    for (file, problem) in [
        ("malformed.json", "malformed.json: line 2, column 13: not JSON"),
        ("deep.json", "deep.json: line 1, column 136: nested deeper than 128 levels"),
        ("text.json", "not JSON"),
        ("binary.json", "byte 1 is not UTF-8; save the file as UTF-8"),
        ("huge.json", "huge.json: 104857600 bytes are more than the 64 MiB a file may have; split the file"),
        ("missing.json", "missing.json: cannot be read"),
    ] {
        for command in [&["exec"][..], &["test"], &["export", "--format", "n8n"]] {
            let began = Instant::now();
            let done = runnel(folder.path(), &[command, &[file]].concat());
            assert_eq!(done.code, 2, "{command:?} {file}: {}{}", done.out, done.err);
            assert!(done.err.contains(problem), "{command:?} {file}: {}", done.err);
            assert!(began.elapsed() < Duration::from_secs(5), "{command:?} {file} takes too long");
        }
        let done = runnel(folder.path(), &["exec", file, "--json"]);
        assert_eq!(done.code, 2);
        assert_eq!(lines(&done.out)[0]["status"], "invalid");
        assert_eq!(runnel(folder.path(), &["validate", file, "--json"]).code, 2);
    }
}

#[test]
fn an_import_reports_every_workflow_and_the_totals() {
    let n8n = r#"{"name": "Limits", "nodes": [
        { "id": "1", "name": "Limit", "type": "n8n-nodes-base.limit", "typeVersion": 1, "position": [0, 0],
          "parameters": {} },
        { "id": "2", "name": "Rocket", "type": "acme.rocket", "typeVersion": 3, "position": [0, 0],
          "parameters": {} }
    ], "connections": {
        "Limit": { "main": [[{ "node": "Rocket", "type": "main", "index": 0 }, { "node": "Gone" }]] }
    }}"#;
    let several = "[{\"nodes\": []}, {\"nodes\": []}]";
    let folder = folder(&[("limits.json", n8n), ("several.json", several), ("z.json", "{")]);
    let done = runnel(folder.path(), &["import", ".", "--json"]);
    assert_eq!(done.code, 2, "one file is no JSON");
    assert_snapshot!(json(&done.out), @r#"
    {"file":"./limits.json","name":"Limits","loaded":true,"written":"workflows/limits.json","nodes":2,"native":1,"notes":0,"changed":[],"unsupported":[{"node":"Rocket","type":"acme.rocket","version":3,"reason":"node type acme.rocket is not supported"}],"executable":false,"webhooks":[],"credentials":[],"problems":[{"path":"connections[\"Limit\"].main[0][1]","code":"dangling_edge","message":"there is no node called \"Gone\"; the connection was dropped","severity":"warning"}]}
    {"file":"./several.json","path":"[0]","name":"","loaded":true,"written":"workflows/several.json","nodes":0,"native":0,"notes":0,"changed":[],"unsupported":[],"executable":true,"webhooks":[],"credentials":[],"problems":[]}
    {"file":"./several.json","path":"[1]","name":"","loaded":true,"written":"workflows/several-2.json","nodes":0,"native":0,"notes":0,"changed":[],"unsupported":[],"executable":true,"webhooks":[],"credentials":[],"problems":[]}
    {"file":"./z.json","name":"","loaded":false,"nodes":0,"native":0,"notes":0,"changed":[],"unsupported":[],"executable":false,"webhooks":[],"credentials":[],"problems":[{"path":"line 1, column 1","code":"malformed","message":"not JSON: EOF while parsing an object","severity":"error"}]}
    {"workflows":4,"loaded":3,"nodes":2,"notes":0,"executable_nodes":1,"fully_executable_workflows":2,"missing_types":{"acme.rocket":1}}
    "#);
    let done = runnel(folder.path(), &["validate", "workflows/limits.json"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let done = runnel(folder.path(), &["export", "--format", "n8n", "workflows/limits.json", "--json"]);
    assert_eq!(done.code, 0);
    let original: serde_json::Value = serde_json::from_str(n8n).expect("it is JSON");
    assert_eq!(lines(&done.out)[0], original);
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = folder(&[("a.json", r#"{"nodes": []}"#)]);
    assert_eq!(runnel(folder.path(), &["import", "a.json", "--dry-run"]).code, 0);
    assert!(!folder.path().join("workflows").exists());
}

#[test]
fn every_public_workflow_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/n8n-real/workflows");
    if !folder.exists() {
        return;
    }
    let done = runnel(&folder, &["import", ".", "--dry-run", "--json"]);
    assert_eq!(done.code, 0);
    let totals = lines(&done.out).pop().expect("the totals are there");
    assert_eq!((&totals["workflows"], &totals["loaded"]), (&100.into(), &100.into()));
}

#[test]
fn a_test_says_where_the_first_difference_is() {
    let tests = r#"{
        "workflow": "first.json",
        "cases": [
            { "name": "good", "start": "Start", "input": [{ "a": 1 }, { "a": 2 }],
              "expect": { "nodes": { "First": [{ "a": 1 }] } } },
            { "name": "bad", "start": "Start", "input": { "a": 1 },
              "expect": { "nodes": { "First": [{ "a": 2 }] } } },
            { "name": "elsewhere", "start": "Rocket",
              "workflow": { "nodes": [{ "key": "r", "type": "acme.rocket", "name": "Rocket" }] }, "expect": {} }
        ]
    }"#;
    let folder = folder(&[("first.json", FIRST), ("first.test.json", tests)]);
    let done = runnel(folder.path(), &["test", ".", "--json"]);
    assert_eq!(done.code, 1);
    assert_snapshot!(json(&done.out), @r#"
    {"id":"first/good","group":"first","result":"pass","reason":null}
    {"id":"first/bad","group":"first","result":"fail","reason":"node \"First\", run 0, branch 0, item 0, json.a: expected 2, got 1"}
    {"id":"first/elsewhere","group":"first","result":"unsupported","reason":"node \"Rocket\": node type acme.rocket is not supported"}
    {"total":3,"pass":1,"fail":1,"unsupported":1,"groups":{"first":{"total":3,"pass":1,"fail":1,"unsupported":1}}}
    "#);
    let done = runnel(folder.path(), &["test", "first.test.json", "--filter", "good"]);
    assert_eq!(done.code, 0);
    assert_snapshot!(done.out, @r#"
    group  pass  fail  unsupported  total
    first     1     0            0      1
    "#);
}

#[test]
fn a_misspelt_test_is_refused_with_its_path() {
    let tests = r#"{ "workflow": "first.json", "cases": [{ "name": "x", "expect": { "node": {} } }] }"#;
    let folder = folder(&[("first.json", FIRST), ("first.test.json", tests)]);
    let done = runnel(folder.path(), &["test", "first.test.json"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("cases[0].expect.node: unknown field `node`"), "{}", done.err);
}

#[test]
fn the_examples_pass() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let done = runnel(&examples, &["test", "."]);
    assert_eq!(done.code, 0, "{}", done.out);
}

#[test]
fn endless_expressions_and_code_end_with_an_error() {
    let node = |kind: &str, parameters: &str| {
        format!(
            r#"{{"nodes": [{{ "key": "n", "type": "{kind}", "name": "N", "parameters": {parameters} }}]}}"#
        )
    };
    let field =
        r#"{ "fields": [{ "name": "a", "value": "={{ (() => { for (;;) {} })() }}", "type": "string" }] }"#;
    let expression = node("core.set", field);
    let code = node("core.code", r#"{ "source": "for (;;) {}" }"#);
    let greedy =
        node("core.code", r#"{ "source": "const a = []; for (;;) a.push('x'.repeat(1e6) + a.length);" }"#);
    let files = [("expression.json", expression), ("code.json", code), ("greedy.json", greedy)];
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    for (file, _) in &files {
        let done = runnel(folder.path(), &["exec", file, "--json"]);
        assert_eq!(done.code, 1, "{file}: {}{}", done.out, done.err);
        let error = lines(&done.out)[0]["error"].clone();
        assert!(error["node"] == "N" && error["message"].is_string(), "{file}: {error}");
    }
}

/// A workflow that hands its items to another one.
fn caller(id: &str) -> String {
    format!(
        r#"{{"nodes": [
            {{ "key": "start", "type": "core.manual", "name": "Start" }},
            {{ "key": "call", "type": "core.execute_workflow", "name": "Call",
               "parameters": {{ "workflow": {{ "from": "reference", "id": "{id}" }} }} }}
        ], "edges": [{{ "source": "start", "target": "call" }}]}}"#
    )
}

#[test]
fn a_sub_workflow_is_found_beside_the_file_by_name_or_id_and_nowhere_else() {
    let child = r#"{"id": "17", "nodes": [
        { "key": "start", "type": "core.execute_workflow_trigger", "name": "Called" },
        { "key": "mark", "type": "core.set", "name": "Mark",
          "parameters": { "fields": [{ "name": "seen", "value": "yes", "type": "string" }], "include": "all" } }
    ], "edges": [{ "source": "start", "target": "mark" }]}"#;
    let (by_name, by_id, outside, missing) =
        (caller("child"), caller("17"), caller("../child"), caller("18"));
    let folder = folder(&[
        ("child.json", child),
        ("by_name.json", &by_name),
        ("by_id.json", &by_id),
        ("outside.json", &outside),
        ("missing.json", &missing),
    ]);
    for file in ["by_name.json", "by_id.json"] {
        let done = runnel(folder.path(), &["exec", file, "--input", r#"{"a": 1}"#, "--json"]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        let item = lines(&done.out)[0]["nodes"]["Call"][0]["outputs"][0][0]["json"].clone();
        assert_eq!(item, serde_json::json!({ "a": 1, "seen": "yes" }));
    }
    std::fs::create_dir(folder.path().join("below")).expect("a folder can be made");
    std::fs::copy(folder.path().join("outside.json"), folder.path().join("below/outside.json"))
        .expect("it copies");
    for file in ["below/outside.json", "missing.json"] {
        let done = runnel(folder.path(), &["exec", file, "--json"]);
        assert_eq!(done.code, 1);
        let message = lines(&done.out)[0]["error"]["message"].to_string();
        assert!(message.contains("was not found in"), "{message}");
    }
}

#[test]
fn a_workflow_that_runs_itself_ends_with_an_error() {
    let folder = folder(&[("loop.json", &caller("loop"))]);
    let done = runnel(folder.path(), &["exec", "loop.json", "--json"]);
    assert_eq!(done.code, 1);
    assert!(done.out.contains("levels deep"), "{}", done.out);
}

#[test]
fn a_long_wait_exits_with_3_and_so_does_a_timeout() {
    let wait = |parameters: &str| {
        format!(
            r#"{{"nodes": [
                {{ "key": "start", "type": "core.manual", "name": "Start" }},
                {{ "key": "wait", "type": "core.wait", "name": "Wait", "parameters": {parameters} }}
            ], "edges": [{{ "source": "start", "target": "wait" }}]}}"#
        )
    };
    let interval = |amount: u32, unit: &str| {
        wait(&format!(r#"{{ "until": "interval", "amount": {amount}, "unit": "{unit}" }}"#))
    };
    let (long, short) = (interval(3, "days"), interval(30, "seconds"));
    let folder = folder(&[("long.json", &long), ("short.json", &short)]);
    let status = |args: &[&str]| {
        let done = runnel(folder.path(), args);
        (done.code, lines(&done.out)[0]["status"].as_str().map(str::to_owned))
    };
    assert_eq!(status(&["exec", "long.json", "--json"]), (3, Some("waiting".to_owned())));
    let timeout = ["exec", "short.json", "--timeout", "0.3", "--json"];
    assert_eq!(status(&timeout), (3, Some("timed_out".to_owned())));
}

#[test]
fn hostile_files_get_an_answer_and_not_a_crash() {
    let set = |expression: String| {
        serde_json::json!({ "nodes": [{ "key": "n", "type": "core.set", "name": "N", "parameters": {
            "fields": [{ "name": "a", "value": expression, "type": "any" }] } }] })
        .to_string()
    };
    let around = |open: &str, close: &str| {
        set(format!("={{{{ {}1{} }}}}", open.repeat(100_000), close.repeat(100_000)))
    };
    let nodes = |count: usize| {
        let node = |n| format!(r#"{{"key":"n{n}","type":"core.no_op","name":"N{n}"}}"#);
        format!(r#"{{"nodes":[{}]}}"#, (0..count).map(node).collect::<Vec<_>>().join(","))
    };
    let empty = format!(r#"{{"nodes":[{}{{}}]}}"#, "{},".repeat(6_000_000));
    let edges = vec![r#"{"source":"x","target":"y"}"#; 40_000].join(",");
    let cycle = r#"{"nodes": [
        { "key": "s", "type": "core.manual", "name": "S" }, { "key": "a", "type": "core.set", "name": "A",
          "parameters": { "fields": [{ "name": "x", "value": "={{ ($json.x || 'x').repeat(2) }}", "type": "string" }] } },
        { "key": "b", "type": "core.no_op", "name": "B" }
    ], "edges": [
        { "source": "s", "target": "a" }, { "source": "a", "target": "b" }, { "source": "b", "target": "a" }
    ]}"#;
    for (text, code, problem) in [
        (around("(", ")"), 1, "the expression is nested too deeply"),
        (around("`${", "}`"), 1, "the expression is nested too deeply"),
        (set(format!("={{{{ '{}' }}}}", "x".repeat(2 << 20))), 1, "an expression has at most 1 MiB"),
        (set("={{ $jmespath($json, '['.repeat(1e5)) }}".into()), 1, "the expression is nested too deeply"),
        (nodes(20_000), 2, "nodes: 20000 nodes are more than the 10000 a workflow may have"),
        (empty, 2, "values are more than the 5000000 a file may have"),
        (format!(r#"{{"nodes":[],"edges":[{edges}]}}"#), 2, "edges[0].source: there is no node with the key"),
        (cycle.into(), 1, "the result of the expression is too large"),
        ("null".into(), 2, "expected a workflow: an object with nodes and edges"),
        (String::new(), 2, "the file is empty"),
    ] {
        let folder = folder(&[("hostile.json", &text)]);
        let began = Instant::now();
        let done = runnel(folder.path(), &["exec", "hostile.json", "--json"]);
        assert_eq!(done.code, code, "{problem}: {}", done.err);
        let message = lines(&done.out)[0]["error"]["message"].to_string();
        assert!(message.contains(problem), "{problem}: {message}");
        assert!(began.elapsed() < Duration::from_secs(10), "{problem}: {:?}", began.elapsed());
    }
}

#[test]
fn a_workflow_in_our_format_need_not_be_imported() {
    let folder = folder(&[("first.json", FIRST)]);
    let done = runnel(folder.path(), &["import", "first.json"]);
    assert_eq!(done.code, 2);
    assert!(done.out.contains("this workflow is in our format already"), "{}", done.out);
}

#[test]
fn an_item_that_came_past_a_node_finds_nothing_there_and_the_step_goes_on() {
    let set = |key: &str, y: u32, value: &str| {
        format!(
            r#"{{ "key": "{key}", "type": "core.set", "name": "{key}", "position": [0, {y}], "parameters": {{
                "fields": [{{ "name": "{key}", "value": "{value}", "type": "number" }}], "include": "all" }} }}"#
        )
    };
    let workflow = format!(
        r#"{{"nodes": [{{ "key": "start", "type": "core.manual", "name": "start" }}, {}, {}],
            "edges": [{{ "source": "start", "target": "a" }}, {{ "source": "a", "target": "b" }},
                      {{ "source": "start", "target": "b" }}],
            "settings": {{ "order": "sequential" }}}}"#,
        set("a", 0, "1"),
        set("b", 100, "={{ $('a').item.json.a }}"),
    );
    let folder = folder(&[("past.json", &workflow)]);
    let done = runnel(folder.path(), &["exec", "past.json", "--json"]);
    assert_eq!(done.code, 0, "{}", done.out);
    let runs = lines(&done.out)[0]["nodes"]["b"].clone();
    let seen = [0, 1].map(|run| runs[run]["outputs"][0][0]["json"]["b"].clone());
    assert_eq!(seen, [serde_json::json!(1), serde_json::Value::Null]);
}

#[test]
fn a_failed_execution_runs_its_error_workflow_and_starts_at_the_trigger_that_needs_least() {
    let fails = r#"{"settings": { "error_workflow": "handler" }, "nodes": [
        { "key": "hook", "type": "core.webhook", "name": "Hook", "parameters": { "methods": ["GET"], "path": "a" } },
        { "key": "failed", "type": "core.error_trigger", "name": "Failed" },
        { "key": "start", "type": "core.manual", "name": "Start" },
        { "key": "stop", "type": "core.stop_and_error", "name": "Stop", "parameters": { "message": "no stock" } }
    ], "edges": [{ "source": "start", "target": "stop" }]}"#;
    let handler = r#"{"nodes": [
        { "key": "start", "type": "core.manual", "name": "Start" },
        { "key": "failed", "type": "core.error_trigger", "name": "Failed" }
    ]}"#;
    let folder = folder(&[("fails.json", fails), ("handler.json", handler)]);
    let done = runnel(folder.path(), &["exec", "fails.json"]);
    assert_eq!(done.code, 1);
    assert!(done.out.contains("error: no stock"), "{}", done.out);
    assert!(done.out.contains("the error workflow ran: completed"), "{}", done.out);
}
