//! What is kept of events, and what comes back.

use engine::journal::{Reader, Writer};
use model::journal::Record;
use model::{Value, json};
use testkit::nodes::STEP;
use testkit::{Draft, plan, run_on, workflow};

/// The journal of a run, written down; it must read back as it was.
fn journal(draft: &Draft, data: Value) -> Vec<Record> {
    let outcome = run_on(draft.clone(), data);
    let plan = plan(draft.clone());
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    let write = |recorded: &engine::journal::Recorded| {
        let record = writer.write(&plan, recorded);
        let read = reader.read(&plan, &record).expect("what was written can be read");
        assert_eq!(read.event, recorded.event, "{}", record.payload);
        record
    };
    outcome.journal.iter().map(write).collect()
}

fn large(number: usize) -> Value {
    json!({ "n": number, "to": if number.is_multiple_of(3) { "a" } else { "b" }, "text": "x".repeat(1_000) })
}

#[test]
fn items_that_are_passed_on_are_written_once() {
    let draft = workflow("start -> one -> two -> three");
    let records = journal(&draft, Value::array((0..10).map(large)));
    let sizes: Vec<usize> = records.iter().map(|record| record.payload.len()).collect();
    assert!(sizes[0] > 10_000, "the trigger's items are written: {sizes:?}");
    assert!(sizes[1..].iter().all(|size| *size < 100), "the others refer to them: {sizes:?}");
    assert!(records[1].payload.contains(r#""of":[1,0]"#), "{}", records[1].payload);
}

#[test]
fn a_part_of_what_arrived_says_which_part_it_is() {
    let draft = workflow("start -> route; route.a -> left; route.b -> right").is(
        "route",
        STEP,
        json!({ "does": "route" }),
    );
    let records = journal(&draft, Value::array((0..10).map(large)));
    let route = records.iter().find(|record| record.node.as_deref() == Some("route")).expect("it ran");
    assert!(route.payload.contains(r#""pick":[0,3,6,9]"#), "{}", route.payload);
    assert!(route.payload.len() < 300, "{}", route.payload);
}

#[test]
fn what_a_step_changed_is_written_whole() {
    let draft = workflow("start -> count -> end").is("count", STEP, json!({ "does": { "count": "n" } }));
    let records = journal(&draft, json!([{ "n": 1 }, { "n": 2 }]));
    let count = records.iter().find(|record| record.node.as_deref() == Some("count")).expect("it ran");
    assert!(count.payload.contains(r#"{"json":{"n":2}"#), "{}", count.payload);
}

#[test]
fn a_reference_to_nothing_is_an_error_and_no_panic() {
    let draft = workflow("start -> one");
    let records = journal(&draft, json!([{ "n": 1 }]));
    let mut reader = Reader::new();
    let plan = plan(draft);
    for payload in [
        r#"{"v":1,"step":0,"emission":{"ports":[{"of":[9,0]}]}}"#,
        r#"{"v":1,"step":0,"emission":{"ports":[{"of":[1,0],"pick":[7]}]}}"#,
        r#"{"v":1,"step":0,"emission":{"ports":[{"of":[1,0],"lineage":[]}]}}"#,
        r#"{"v":1,"step":0,"emission":{"ports":[{"pick":[0]}]}}"#,
        r#"{"v":2}"#,
        "[]",
    ] {
        reader.read(&plan, &records[0]).expect("the first record is sound");
        let damaged = Record { payload: payload.to_owned(), ..records[1].clone() };
        assert!(reader.read(&plan, &damaged).is_err(), "{payload}");
    }
}
