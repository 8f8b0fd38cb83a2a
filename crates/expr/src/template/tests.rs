use model::json;

use crate::testing::eval_with;
use crate::{Template, Value};

/// The text a template gives over `{ "n": 5, "nothing": null }`.
fn text(template: &str) -> String {
    let data = json!({ "n": 5, "nothing": null, "list": [1, [2, 3]], "o": { "a": 1 } });
    match eval_with(template, data) {
        Ok(Value::String(text)) => text.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn text_without_parts_stays_as_it_is() {
    assert_eq!(text(""), "");
    assert_eq!(text("a } b"), "a } b");
}

#[test]
fn a_single_part_keeps_its_type_and_blanks_make_it_text() {
    assert_eq!(text("{{ $json.n }}"), "Ok(number(5))");
    assert_eq!(text(" {{ $json.n }}"), " 5");
    assert_eq!(text("{{ $json.n }}{{ $json.n }}"), "55");
}

#[test]
fn joined_parts_show_false_and_zero_but_nothing_else_that_is_false() {
    assert_eq!(text("[{{ false }}|{{ 0 }}|{{ null }}|{{ undefined }}|{{ NaN }}|{{ '' }}]"), "[false|0||||]");
    assert_eq!(text("{{ $json.list }} {{ $json.o }}"), "1,2,3 [object Object]");
    assert_eq!(
        text("on {{ new Date(0) }}"),
        "on Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"
    );
}

#[test]
fn what_is_thrown_makes_only_its_part_undefined() {
    assert_eq!(text("a {{ $json.nothing.x }} b {{ (() => { throw new Error('no') })() }} c"), "a  b  c");
    assert_eq!(text("{{ $json.nothing.x }}"), "Ok(undefined)");
}

#[test]
fn the_first_closing_braces_end_a_part() {
    assert_eq!(text("{{ { a: { b: 1 } } }}"), r#"Ok({"a":{"b":1}})"#);
    assert!(Template::parse("{{ '}}' }}").is_err());
    assert_eq!(text(r"{{ '\}}' }}"), "}}");
    assert_eq!(text(r"\{{ x }}"), r"\{{ x }}");
    assert_eq!(text("{{ 5; 6 }}"), "Ok(number(5))");
    assert_eq!(text("{{ $json.n"), "Ok(number(5))");
    assert_eq!(text("{{ /* five */ $json.n // and no more\n }}"), "Ok(number(5))");
}

#[test]
fn a_template_knows_the_nodes_it_mentions() {
    let template = Template::parse(
        r#"{{ $('A').first() }} {{ $node["B"].json }} {{ $node.C }} {{ $items("A") }} {{ $(x) }}"#,
    )
    .expect("the template is valid");
    assert_eq!(template.references(), ["A", "B", "C"]);
}

#[test]
fn a_template_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
    shared::<crate::Error>();
}
