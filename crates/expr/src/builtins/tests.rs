use crate::testing::eval;

fn check(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        assert_eq!(eval(code), *expected, "{code}");
    }
}

#[test]
fn arrays_have_the_methods_of_javascript() {
    check(&[
        ("[10, 9, 1].sort()", "[1,10,9]"),
        ("[10, 9, 1].sort((a, b) => a - b)", "[1,9,10]"),
        ("[1, [2, [3, [4]]]].flat(Infinity)", "[1,2,3,4]"),
        ("[1, null, undefined, 2].join()", r#""1,,,2""#),
        ("[NaN].includes(NaN) && [NaN].indexOf(NaN) === -1", "true"),
        ("Array.from({ length: 3 }, (_, i) => i * i)", "[0,1,4]"),
        ("['1', '2', '3'].map(parseInt)", "[1,null,null]"),
        ("[1, 2, 3].with(1, 9).toReversed().toSpliced(0, 1)", "[9,1]"),
        ("[...[1, 2].entries()]", "[[0,1],[1,2]]"),
        ("[1, 2, 3, 4, 5].copyWithin(0, 3)", "[4,5,3,4,5]"),
        (
            "[{ k: 'a', v: 1 }, { k: 'a', v: 2 }].reduce((all, { k, v }) => { (all[k] ||= []).push(v); return all }, {})",
            r#"{"a":[1,2]}"#,
        ),
    ]);
}

#[test]
fn text_is_cut_searched_and_replaced_as_in_javascript() {
    check(&[
        ("'abcdef'.slice(-3, -1) + 'abcdef'.substring(3, 1) + 'abcdef'.substr(-3, 2)", r#""debcde""#),
        ("'😀a'.length", "3"),
        ("'a1b2c'.split(/(\\d)/)", r#"["a","1","b","2","c"]"#),
        ("'John Smith'.replace(/(?<first>\\w+)\\s(\\w+)/, '$2, $<first>')", r#""Smith, John""#),
        ("'a-b-c'.replace(/-(.)/g, (m, c) => c.toUpperCase())", r#""aBC""#),
        ("'abc'.replace('b', \"[$`|$&|$']\")", r#""a[a|b|c]c""#),
        ("[...'a1b2'.matchAll(/[a-z](\\d)/g)].map(m => m[1])", r#"["1","2"]"#),
        ("'2024-05-01'.match(/(\\d+)-(\\d+)/).index", "0"),
        (
            "['10', '9', 'ä', 'a', 'z'].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))",
            r#"["9","10","a","ä","z"]"#,
        ),
        ("String.raw`a\\n${1}`", r#""a\\n1""#),
        ("'é'.normalize('NFD').length", "2"),
    ]);
}

#[test]
fn json_is_written_and_read_as_in_javascript() {
    check(&[
        (
            "JSON.stringify({ a: undefined, b: () => 1, c: NaN, d: new Date(0) })",
            r#""{\"c\":null,\"d\":\"1970-01-01T00:00:00.000Z\"}""#,
        ),
        ("JSON.stringify({ a: [1, {}] }, null, 2)", r#""{\n  \"a\": [\n    1,\n    {}\n  ]\n}""#),
        ("JSON.stringify({ a: 1, b: 2 }, ['a'])", r#""{\"a\":1}""#),
        ("JSON.parse('{\"a\": 1}', (k, v) => k === 'a' ? v + 1 : v)", r#"{"a":2}"#),
        ("JSON.parse('{bad')", "undefined"),
    ]);
}

#[test]
fn dates_roll_over_and_convert() {
    check(&[
        ("new Date(2024, 1, 31).toISOString()", r#""2024-03-02T00:00:00.000Z""#),
        ("new Date('2024-03-10') - new Date('2024-03-09')", "86400000"),
        (
            "(() => { const d = new Date('2024-01-31'); d.setMonth(1); return d.toISOString() })()",
            r#""2024-03-02T00:00:00.000Z""#,
        ),
        (
            "new Date('2024-03-10T15:30:45Z').toLocaleString('en-US', { timeZone: 'America/New_York' })",
            r#""3/10/2024, 11:30:45 AM""#,
        ),
        (
            "new Date('2024-03-10').toLocaleDateString('de-DE', { month: 'long', day: 'numeric', year: 'numeric' })",
            r#""10. März 2024""#,
        ),
        ("(1234567.891).toLocaleString('de-DE')", r#""1.234.567,891""#),
    ]);
}

#[test]
fn collections_keep_insertion_order_and_tell_keys_apart() {
    check(&[
        ("[...new Set([1, '1', NaN, NaN, 0, -0])].length", "4"),
        ("[...new Map([['a', 1]]).set('b', 2).entries()]", r#"[["a",1],["b",2]]"#),
        (
            "(() => { const k = {}; return new Map([[k, 1]]).get(k) + (new Map([[k, 1]]).has({}) ? 1 : 0) })()",
            "1",
        ),
    ]);
}

#[test]
fn helpers_of_n8n_are_known_everywhere() {
    check(&[
        ("$if(true, 1, nobody.x)", "1"),
        ("$ifEmpty([], 'none') + $ifEmpty(0, 1)", r#""none0""#),
        ("$min(3, 1, 2) + $max(3, 1, 2)", "4"),
        ("numberList(3, 1)", "[3,2,1]"),
        ("zip(['a', 'b'], [1, 2])", r#"{"a":1,"b":2}"#),
        (
            "$jmespath({ people: [{ age: 20, name: 'Jo' }, { age: 10, name: 'Al' }] }, 'people[?age > `15`].name')",
            r#"["Jo"]"#,
        ),
        ("encodeURIComponent('a b/é') + atob(btoa('x'))", r#""a%20b%2F%C3%A9x""#),
    ]);
}
