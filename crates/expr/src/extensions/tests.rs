//! Extension methods as an expression calls them.

use crate::testing::eval;

fn check(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        assert_eq!(eval(code), *expected, "{code}");
    }
}

#[test]
fn every_value_is_empty_or_not() {
    check(&[
        ("undefined.isEmpty()", "true"),
        ("$json.missing.isNotEmpty()", "false"),
        ("(0).isEmpty()", "true"),
        ("''.isEmpty()", "true"),
        ("' '.isEmpty()", "false"),
        ("[null].isEmpty()", "false"),
        ("({}).isEmpty()", "true"),
        ("$now.isEmpty()", "false"),
        ("(() => 1).isNotEmpty()", "true"),
    ]);
}

#[test]
fn a_method_of_another_type_names_the_types_that_have_it() {
    check(&[
        ("'abc'.sum()", "! sum() is only callable on type \"Array\""),
        (
            "(5).toJsonString()",
            "! toJsonString() is only callable on types \"Array\", \"Object\", and \"String\"",
        ),
        ("null.toInt()", "! toInt can't be used on null value"),
        ("$json.missing?.toInt()", "undefined"),
        ("$json.missing.noSuchMethod()", "undefined"),
    ]);
}

#[test]
fn an_extension_goes_before_the_method_of_the_language_and_that_before_the_general_one() {
    check(&[
        ("$now.plus(7, 'days').toISODate()", "\"2024-03-08\""),
        ("[1, 2].toString()", "\"1,2\""),
        ("({ keys: () => 3 }).keys()", "[\"keys\"]"),
        ("({ first: () => 7 }).first()", "7"),
        ("Math.round(2.5)", "3"),
    ]);
}

#[test]
fn arrays_are_summed_sliced_and_compared_by_what_they_hold() {
    check(&[
        ("[1, 2, 3].sum()", "6"),
        ("['1', 2].sum()", "! sum(): all array elements must be numbers"),
        ("[1, 2].average()", "1.5"),
        ("[1, 2, 2, '2', { a: 1 }, { a: 1 }].unique()", "[1,2,\"2\",{\"a\":1}]"),
        ("[{ a: 1, b: 2 }, { a: 1, b: 3 }].unique('a')", "[{\"a\":1,\"b\":2}]"),
        ("[{ a: 1, b: 2 }, { a: 3 }, 7].pluck('a', 'b')", "[[1,2],3]"),
        ("[1, 2, 3, 4, 5].chunk(2)", "[[1,2],[3,4],[5]]"),
        ("[1, 2, 3].chunk(-1)", "! chunk(): expected non-zero numeric arg, e.g. .chunk(5)"),
        ("[1, 0, '', null, {}, [], 'nil', [null]].compact()", "[1,0,{}]"),
        ("[{ k: 'a', v: 1 }, { k: 'b', v: 2 }].smartJoin('k', 'v')", "{\"a\":1,\"b\":2}"),
        ("[{ a: 1, b: 2 }].renameKeys('a', 'z')", "[{\"b\":2,\"z\":1}]"),
        ("[{ a: 1 }, { b: 2 }].merge([{ a: 5, c: 3 }])", "{\"a\":1,\"c\":3}"),
        ("[1, 2, 2].union([2, 3])", "[1,2,3]"),
        ("[1, { a: 1 }].difference([{ a: 1 }])", "[1]"),
        ("[1, [2], null].intersection([[2], null])", "[[2],null]"),
        ("[1].append([2], 3)", "[1,[2],3]"),
        ("[1, 2].toInt()", "undefined"),
    ]);
}

#[test]
fn texts_become_other_types() {
    check(&[
        ("'$1.50'.toFloat()", "1.5"),
        ("'1,5'.toFloat()", "! cannot convert to float, expected . as decimal separator"),
        ("'ff'.toInt(16)", "255"),
        ("'abc'.toNumber()", "! cannot convert to number"),
        ("'No'.toBoolean()", "false"),
        ("'2024-01-01'.toDateTime()", "\"2024-01-01T00:00:00.000-05:00\""),
        ("'1-Feb-2024'.toDateTime()", "\"2024-01-31T19:00:00.000-05:00\""),
        ("'31-01-2024'.toDateTime('dd-MM-yyyy').toISODate()", "\"2024-01-31\""),
        ("'45000'.toDateTime('excel').toUTC().toISODate()", "\"2023-03-15\""),
        ("'abc'.toDateTime()", "! cannot convert to Luxon DateTime"),
        ("'{\"a\":[1]}'.parseJson().a", "[1]"),
        ("\"{'a':1}\".parseJson()", "! Parsing failed. Check you're using double quotes"),
        ("'12345'.hash('sha1')", "\"8cb2237d0679ca88db6464eac60da96345513964\""),
        (
            "'x'.hash('crc')",
            "! Unknown algorithm crc. Available algorithms are: md5,sha1,sha224,sha256,sha384,\
          sha512,sha3, and Base64.",
        ),
    ]);
}

#[test]
fn markdown_and_tags_are_taken_out() {
    check(&[
        (
            "'# Title\\n\\n* **item** [link](http://x.y)\\n- `code` ~~s~~'.removeMarkdown()",
            "\"Title\\n\\nitem link\\ncode s\"",
        ),
        ("'***both*** __bold__ 2*3*4'.removeMarkdown()", "\"both bold 2*3*4\""),
        ("'<p>a<br/>b</p>'.removeTags()", "\"ab\""),
    ]);
}

#[test]
fn dates_take_amounts_and_units_and_stay_what_they_are() {
    check(&[
        ("new Date('2024-03-30T18:49:00Z').minus(1, 'month')", "\"2024-02-29T19:49:00.000Z\""),
        ("new Date(0).plus(1000)", "\"1970-01-01T00:00:01.000Z\""),
        ("DateTime.fromISO('2024-02-10').endOfMonth().toISODate()", "\"2024-02-29\""),
        ("new Date('2024-03-30T18:49:07Z').extract('hour')", "14"),
        ("DateTime.fromISO('2024-03-30').extract()", "13"),
        ("DateTime.fromISO('2024-03-30').isBetween('2024-12-01', '2024-01-31')", "true"),
        ("DateTime.fromISO('2024-03-30').diffTo('2024-03-25')", "5"),
        (
            "DateTime.fromISO('2024-03-30').diffTo('2024-03-25', ['days', 'hours'])",
            "{\"days\":5,\"hours\":0}",
        ),
        (
            "DateTime.fromISO('2024-03-30').diffTo('2024-03-25', 'eons')",
            "! Unsupported unit 'eons'. Supported: \
          'milliseconds', 'seconds', 'minutes', 'hours', 'days', 'weeks', 'months', 'quarters', 'years'.",
        ),
        ("$now.minus(30, 'minutes').isInLast(1, 'hour')", "true"),
        ("'2024-01-01T00:00:00.000Z'.isWeekend()", "false"),
    ]);
}

#[test]
fn numbers_and_booleans_convert_and_are_written() {
    check(&[
        ("(2.5).round()", "3"),
        ("(1.005).round(2)", "1"),
        ("(9.2).isEven()", "! isEven() is only callable on integers"),
        ("(-3).isOdd()", "true"),
        ("(1234567.891).format('de-DE')", "\"1.234.567,891\""),
        ("(1234.5).format('en-US', { style: 'currency', currency: 'USD' })", "\"$1,234.50\""),
        ("(1700000000).toDateTime('s').toISO()", "\"2023-11-14T17:13:20.000-05:00\""),
        ("true.toNumber()", "1"),
    ]);
}

#[test]
fn objects_lose_and_keep_fields() {
    check(&[
        ("({ a: 'xyz', b: 5 }).removeFieldsContaining('y')", "{\"b\":5}"),
        ("({ a: 'xyz', b: 5 }).keepFieldsContaining('y')", "{\"a\":\"xyz\"}"),
        ("({ a: 1, b: null, c: { d: '' } }).compact()", "{\"a\":1,\"c\":{}}"),
        ("({ a: 'b c', d: [1, 2] }).urlEncode()", "\"a=b+c&d=1%2C2\""),
        ("({ a: 1 }).hasField('a')", "true"),
    ]);
}

#[test]
fn long_inputs_are_paid_for() {
    let text = "*a ".repeat(20_000);
    let code = format!("'{text}'.removeMarkdown().length");
    assert_eq!(eval(&code), "60000", "linear in practice");
    assert!(eval("numberList(1, 9999999).chunk(1e-9)").starts_with('!'), "not endless");
}

#[test]
fn a03_values_that_hold_one_another_many_times_meet_the_limits() {
    for method in ["unique()", "toJsonString()"] {
        let code = format!(
            "(() => {{ let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; return a.{method} }})()"
        );
        assert!(eval(&code).starts_with('!'), "{method} ends");
    }
}
