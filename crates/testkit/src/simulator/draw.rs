//! Draws workflows.

use std::fmt::Write as _;

use model::{OnError, Value, json};

use crate::nodes::{STEP, UNSAFE};
use crate::random::Random;
use crate::workflow::{Draft, workflow as drawn};

/// A workflow of 2 to 10 pieces: nodes, choices, joins and loops, each behind one or two of those before it.
pub(super) fn workflow(random: &mut Random) -> Draft {
    let mut text = String::from("start;");
    let mut kinds: Vec<(String, &str, Value)> = Vec::new();
    // Outputs that something may be drawn behind.
    let mut open = vec!["start".to_owned()];
    for number in 0..2 + random.below(8) {
        let from = random.pick(&open);
        match random.below(10) {
            0 => {
                let name = format!("choice{number}");
                write!(text, "{from} -> {name}; {name}.1 -> yes{number}; {name}.2 -> no{number};")
                    .expect("text grows");
                kinds.push((name, STEP, json!({ "does": "route" })));
                open.extend([format!("yes{number}"), format!("no{number}")]);
            }
            1 | 2 => {
                let other = random.pick(&open);
                let name = format!("join{number}");
                write!(text, "{from} -> {name}.1; {other} -> {name}.2;").expect("text grows");
                let requires = random.below(3);
                kinds.push((name.clone(), STEP, json!({ "requires": requires })));
                open.push(name);
            }
            3 => {
                let (count, again) = (format!("count{number}"), format!("while{number}"));
                let field = format!("n{number}");
                write!(
                    text,
                    "{from} -> {count} -> {again}; {again}.again -> {count}; {again}.done -> out{number};"
                )
                .expect("text grows");
                kinds.push((count, STEP, json!({ "does": { "count": field.as_str() } })));
                let rounds = 1 + random.below(3);
                kinds.push((again, STEP, json!({ "does": { "while": [field, rounds] } })));
                open.push(format!("out{number}"));
            }
            4 => {
                let name = format!("loop{number}");
                write!(
                    text,
                    "{from} -> {name}; {name}.done -> out{number}; {name}.each -> body{number} -> {name};"
                )
                .expect("text grows");
                kinds.push((name, STEP, json!({ "does": "loop", "outputs": ["done", "each"] })));
                open.push(format!("out{number}"));
            }
            _ => {
                let name = format!("node{number}");
                let edge = if random.percent(5) { "=>" } else { "->" };
                write!(text, "{from} {edge} {name};").expect("text grows");
                let kind = if random.percent(15) { UNSAFE } else { STEP };
                kinds.push((name.clone(), kind, json!({ "does": behaviour(random) })));
                open.push(name);
            }
        }
    }
    let mut draft = drawn(&text);
    for (name, kind, parameters) in kinds {
        draft = draft.is(&name, kind, parameters);
        if !name.starts_with("node") {
            continue;
        }
        if random.percent(60) {
            draft = draft.retry(&name, 2 + random.below(2) as u32, "1s");
        }
        let on_error = random.pick(&[OnError::Stop, OnError::Continue, OnError::ErrorOutput]);
        draft = draft.on_error(&name, on_error);
        if random.percent(5) {
            draft = draft.disable(&name);
        }
        if random.percent(10) {
            draft = draft.always_output(&name);
        }
        if random.percent(10) {
            draft = draft.execute_once(&name);
        }
    }
    match random.below(5) {
        0 | 1 => draft,
        2 => draft.breadth_first(),
        _ => draft.parallel(1 + random.below(4) as u32),
    }
}

fn behaviour(random: &mut Random) -> Value {
    match random.below(12) {
        0 => json!({ "fail": 1 }),
        1 => json!({ "fail_transiently": 2 }),
        2 => json!({ "report_error": 1 }),
        3 => json!({ "wait": 5_000 }),
        4 => json!("wait_for_call"),
        5 => json!({ "call": "other" }),
        6 => json!({ "call_each": "other" }),
        7 => json!({ "launch": "other" }),
        8 => json!("nothing"),
        9 => json!({ "give": [{ "n": 1, "to": "2" }] }),
        _ => json!("pass"),
    }
}
