use std::fmt::Write;

use model::json;
use proptest::prelude::*;

use crate::error::Limit;
use crate::testing::{Nothing, eval, eval_with};
use crate::{ErrorKind, Limits, Template};

/// Checks expressions against the JSON of their values.
fn check(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (code, expected) in cases {
        let found = eval(code);
        if found != *expected {
            writeln!(wrong, "{code}\n  expected {expected}\n  found    {found}")
                .expect("text can be written");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn operators_convert_their_operands_as_javascript_does() {
    check(&[
        ("1 + 2 * 3 ** 2", "19"),
        ("'a' + 1 + 2", r#""a12""#),
        ("1 + 2 + 'a'", r#""3a""#),
        ("[1, 2] + [3]", r#""1,23""#),
        ("'5' * '2'", "10"),
        ("'b' > 'a' && '10' < '9'", "true"),
        ("null == undefined && null != 0", "true"),
        ("[1] == 1", "true"),
        ("-7 % 3", "-1"),
        ("~~3.7 | 4", "7"),
        ("-1 >>> 0", "4294967295"),
        ("typeof null + typeof (() => 1) + typeof undefined", r#""objectfunctionundefined""#),
        ("'a' in { a: 1 } && 1 in [1, 2]", "true"),
        ("new Date(0) instanceof Date && !([] instanceof Date)", "true"),
        ("null ?? undefined ?? 0 ?? 1", "0"),
        ("(1, 2)", "2"),
        ("10n ** 20n", r#""100000000000000000000""#),
    ]);
}

#[test]
fn objects_convert_by_their_own_methods() {
    check(&[
        ("'' + { toString() { return 'me' } }", r#""me""#),
        ("({ valueOf: () => 4 }) * 2", "8"),
        ("({})[{ toString: () => 'x' }]", "undefined"),
    ]);
}

#[test]
fn optional_chains_end_early() {
    check(&[
        ("({}).a?.b.c.d", "undefined"),
        ("({ a: null }).a?.[0]", "undefined"),
        ("({}).f?.(1)", "undefined"),
        ("(({}).a?.b) ?? 'none'", r#""none""#),
        ("[1, 2].map(x => ({ v: x }))?.[1]?.v", "2"),
        ("((x) => x?.y ?? [1].map((v) => v + 1)[0])(null)", "2"),
    ]);
}

#[test]
fn functions_take_defaults_patterns_and_rest() {
    check(&[
        ("((a, b = a + 1, ...c) => [a, b, c])(1)", "[1,2,[]]"),
        ("(({ a, b: { c } = { c: 5 }, ...rest }) => [a, c, rest])({ a: 1, x: 2 })", r#"[1,5,{"x":2}]"#),
        ("(([a, , b = 3, ...rest]) => [a, b, rest])([1, 2, undefined, 4])", "[1,3,[4]]"),
        ("(function () { return arguments.length })(1, 2, 3)", "3"),
        ("(function f(n) { return n < 2 ? 1 : n * f(n - 1) })(5)", "120"),
        ("(x => y => x + y)(1)(2)", "3"),
        ("[[1, 2], [3, 4]].map(([a, b]) => a * b)", "[2,12]"),
    ]);
}

#[test]
fn statements_run_in_the_bodies_of_functions() {
    check(&[
        (
            "(() => { let s = 0; for (let i = 0; i < 5; i++) { if (i === 3) continue; s += i } return s })()",
            "7",
        ),
        ("(() => { const r = []; for (const k in { a: 1, b: 2 }) r.push(k); return r })()", r#"["a","b"]"#),
        (
            "(() => { let i = 0; do { i++ } while (i < 3); while (true) { if (i++ > 5) break } return i })()",
            "7",
        ),
        (
            "(x => { switch (x) { case 1: return 'a'; case 2: case 3: return 'b'; default: return 'c' } })(2)",
            r#""b""#,
        ),
        ("(() => { try { null.x } catch (e) { return e.name } finally { } })()", r#""TypeError""#),
        ("(() => { try { throw { a: 1 } } catch ({ a }) { return a } })()", "1"),
        ("(() => { try { return 1 } finally { return 2 } })()", "2"),
        (
            "(() => { outer: for (const a of [1, 2]) { for (const b of [1, 2]) { if (b === 2) continue outer; if (a === 2) break outer } } return 'done' })()",
            r#""done""#,
        ),
        ("(() => { var x = 1; { let x = 2 } return x })()", "1"),
        ("(() => { function g() { return h() } function h() { return 7 } return g() })()", "7"),
        ("(() => { let a; a ??= 5; a ||= 6; a &&= 7; a **= 2; return a })()", "49"),
        ("(() => { let [a, b] = [1, 2]; [a, b] = [b, a]; return [a, b] })()", "[2,1]"),
        ("(() => { const a = 1; a = 2 })()", "undefined"),
        ("(() => { const o = { a: 1, b: 2 }; delete o.a; o['c'] = 3; return o })()", r#"{"b":2,"c":3}"#),
    ]);
}

#[test]
fn every_round_of_a_loop_has_its_own_variables() {
    check(&[
        (
            "(() => { const f = []; for (let i = 0; i < 3; i++) f.push(() => i); return f.map(g => g()) })()",
            "[0,1,2]",
        ),
        (
            "(() => { const f = []; for (var i = 0; i < 3; i++) f.push(() => i); return f.map(g => g()) })()",
            "[3,3,3]",
        ),
        ("(() => { const f = () => g(); const g = () => 4; return f() })()", "4"),
    ]);
}

#[test]
fn unknown_names_are_undefined_and_names_can_be_made_up() {
    check(&[
        ("nobody", "undefined"),
        ("nobody + 1", "null"),
        ("typeof nobody", r#""undefined""#),
        ("(function () { total = 3; return total + 1 })()", "4"),
    ]);
}

#[test]
fn changes_to_data_are_seen_within_the_expression_and_nowhere_else() {
    let data = json!({ "list": [{ "n": 1 }, { "n": 2 }] });
    let code =
        "{{ (() => { $json.list.forEach(i => { i.n *= 10 }); $json.list[0].m = 1; return $json.list })() }}";
    let changed = eval_with(code, data.clone()).expect("the expression runs");
    assert_eq!(changed.to_data(), Some(json!([{ "n": 10, "m": 1 }, { "n": 20 }])));
    assert_eq!(data, json!({ "list": [{ "n": 1 }, { "n": 2 }] }));
}

#[test]
fn the_same_data_is_the_same_object() {
    let data = json!({ "a": { "b": [1] } });
    for code in [
        "{{ $json.a === $json.a }}",
        "{{ (() => { const x = $json.a; x.b.push(1); return x === $json.a })() }}",
    ] {
        let same = eval_with(code, data.clone()).expect("the expression runs");
        assert_eq!(same.to_data(), Some(json!(true)), "{code}");
    }
}

/// The kind of error an expression ends with.
fn kind(code: &str) -> Option<ErrorKind> {
    eval_with(&format!("{{{{ {code} }}}}"), json!({})).err().map(|error| error.kind())
}

#[test]
fn names_that_lead_out_of_the_data_are_refused_however_they_are_spelled() {
    for code in [
        "({}).__proto__",
        "[]['constructor']",
        "''['constr' + 'uctor']",
        "(() => { const k = ['__pro', 'to__'].join(''); return ({})[k] })()",
        "(({ constructor: c }) => c)({})",
        "Object.getPrototypeOf({})",
        "(() => { const __sanitize = 1; return 1 })()",
        "$",
    ] {
        assert_eq!(kind(code), Some(ErrorKind::Forbidden), "{code}");
    }
}

#[test]
fn keys_of_data_may_have_any_name() {
    check(&[
        (r#"JSON.parse('{"__proto__": 1, "constructor": 2}')"#, r#"{"__proto__":1,"constructor":2}"#),
        (r#"Object.keys(JSON.parse('{"toString": 1}'))"#, r#"["toString"]"#),
        ("Object.fromEntries([['constructor', 1]])", r#"{"constructor":1}"#),
    ]);
}

#[test]
fn what_reaches_outside_the_language_is_an_empty_object() {
    for name in
        ["globalThis", "eval", "Function", "fetch", "require", "setTimeout", "Promise", "Reflect", "Proxy"]
    {
        check(&[(name, "{}")]);
        assert_eq!(eval(&format!("{name}('1')")), "undefined");
    }
}

#[test]
fn functions_are_no_results() {
    assert_eq!(kind("$json.toString"), None);
    assert_eq!(kind("'a'.trim"), Some(ErrorKind::Function));
    assert_eq!(kind("() => 1"), Some(ErrorKind::Function));
    assert_eq!(kind("DateTime"), Some(ErrorKind::Function));
}

#[test]
fn what_the_language_lacks_is_a_syntax_error() {
    for code in [
        "",
        "let a = 1",
        "await 1",
        "import('x')",
        "class A {}",
        "(function* () {})()",
        "async () => 1",
        "1 +",
        "}",
        "throw 1",
    ] {
        assert_eq!(kind(code), Some(ErrorKind::Syntax), "{code}");
    }
}

#[test]
fn nothing_takes_more_than_its_limits() {
    use Limit::*;
    for (code, limits) in [
        ("(() => { while (true) {} })()", &[Fuel][..]),
        ("(() => { for (;;) ; })()", &[Fuel]),
        ("'x'.repeat(1e9)", &[Memory]),
        ("'x'.padStart(1e9)", &[Memory]),
        ("Array(1e9)", &[Memory]),
        ("Array.from({ length: 1e9 })", &[Memory]),
        ("new Array(4e9).fill(0)", &[Memory]),
        ("numberList(1, 1e9)", &[Memory]),
        ("(() => { let s = 'x'; while (true) s += s })()", &[Memory]),
        ("(() => { const a = [1]; while (true) a.push(...a) })()", &[Memory]),
        ("(() => { const a = []; a[4294967294] = 1; return a.length })()", &[Memory]),
        ("(() => { const a = []; a.length = 4294967295; })()", &[Memory]),
        ("(() => { const f = () => f(); return f() })()", &[Depth]),
        ("(() => { const o = { toString: () => '' + o }; return '' + o })()", &[Depth]),
        ("(() => { const a = []; a.push(a); return JSON.stringify(a) })()", &[]),
        ("(() => { const a = []; a.push(a, a); return a.join() })()", &[Depth, Fuel, Memory]),
        ("(() => { const a = []; a.push(a, a); return a.flat(Infinity) })()", &[Depth, Fuel, Memory]),
        ("/^(a+)+$/.test('a'.repeat(50) + 'b')", &[Fuel]),
        ("'a'.repeat(100000).replace(/a*?b/g, '')", &[Fuel, Memory]),
        ("'x'.repeat(2e6)", &[Output]),
        ("Array(1e5).fill('x'.repeat(100))", &[Output]),
        ("'a'.repeat(1e6).split('').map(x => x + x).join('').split('')", &[Memory, Fuel]),
        ("[3, 2, 1].sort(() => { while (true); })", &[Fuel]),
    ] {
        match (kind(code), limits) {
            (Some(ErrorKind::Limit(found)), limits) if limits.contains(&found) => {}
            (None, []) => {}
            (found, _) => panic!("{code}: {found:?} instead of {limits:?}"),
        }
    }
}

/// `s` holds itself twice, sixty levels deep.
fn doubled(start: &str, level: &str, end: &str) -> String {
    format!("(() => {{ let s = {start}; for (let i = 0; i < 60; i++) s = {level}; return {end} }})()")
}

#[test]
fn a03_a_little_that_is_named_often_is_not_little() {
    use Limit::*;
    // Small ones, so that the test is quick.
    let limits_of_test =
        Limits { fuel: 300_000, memory_bytes: 2 << 20, output_bytes: 64 << 10, ..Limits::default() };
    let kind = |code: &str| {
        let template = Template::parse(&format!("{{{{ {code} }}}}")).expect("it parses");
        template.eval(&Nothing::default(), &limits_of_test).err().map(|error| error.kind())
    };
    for (code, limits) in [
        (doubled("{ a: 1 }", "{ a: s, b: s }", "s"), &[Output][..]),
        (doubled("[1]", "[s, s]", "[[s]]"), &[Output]),
        (doubled("{ a: 1 }", "{ a: s, b: s }", "s.removeFieldsContaining('x')"), &[Output]),
        (doubled("{ a: 1 }", "{ a: s, b: s }", "s.toJsonString()"), &[Memory]),
        (doubled("{ a: 1 }", "{ a: s, b: s }", "$jmespath(s, 'a.a')"), &[Memory]),
        (doubled("{ a: 1 }", "{ a: s, b: s }", "structuredClone(s)"), &[Memory, Fuel]),
        (doubled("[1]", "[s, s]", "[s].removeDuplicates()"), &[Memory, Fuel]),
        (doubled("[1]", "[s, s]", "[s, s].unique()"), &[Memory, Fuel]),
        (doubled("[1]", "[s, s]", "[s].difference([s])"), &[Memory, Fuel]),
        ("(() => { const t = 'x'.repeat(50000); return Array(1000).fill(t) })()".into(), &[Output]),
        (
            "(() => { const t = 'x'.repeat(50000); return { a: { t }, b: { t }, c: [t] } })()".into(),
            &[Output],
        ),
    ] {
        match kind(&code) {
            Some(ErrorKind::Limit(found)) if limits.contains(&found) => {}
            found => panic!("{code}: {found:?} instead of {limits:?}"),
        }
    }
    // What came in may go out, however large it is.
    let text = "x".repeat(3 << 20);
    let passed = eval_with("{{ [$json.a, { b: $json.a.length }] }}", json!({ "a": text.as_str() }));
    assert_eq!(passed.expect("it is no larger").to_data(), Some(json!([text, { "b": 3 << 20 }])));
}

#[test]
fn a03_queries_are_limited_before_they_run() {
    use Limit::*;
    for (query, limit) in [
        ("'['.repeat(1e5)", Depth),
        ("'!'.repeat(1e5) + 'a'", Depth),
        ("'a' + '[]'.repeat(1e5)", Depth),
        ("'('.repeat(1e5) + 'a' + ')'.repeat(1e5)", Depth),
        ("'[*]' + '.[@,@,@,@][]'.repeat(12)", Fuel),
        ("'to_string('.repeat(60) + '@' + ')'.repeat(60)", Fuel),
    ] {
        let code = format!("$jmespath([1, 2, 3], {query})");
        assert_eq!(kind(&code), Some(ErrorKind::Limit(limit)), "{query}");
    }
    let nested = "$jmespath({ a: [{ b: 1 }] }, '(((a[?b > `0`].{x: b, y: [b, b]}[] | [0]))).y[]')";
    assert_eq!(eval(nested), "[1,1]");
}

#[test]
fn a03_extreme_positions_are_outside() {
    check(&[
        ("'abc'.at(1e300)", "undefined"),
        ("'abc'.charAt(1e300)", "\"\""),
        ("'abc'.at(-1e300)", "undefined"),
        ("'äbc'.at(1e300)", "undefined"),
        ("'abc'.charCodeAt(1e300)", "null"),
        ("'abc'.substr(1e300, 1e300)", "\"\""),
        ("'abc'.lastIndexOf('c', 1e300)", "2"),
        ("[1, 2].at(1e300)", "undefined"),
    ]);
    assert_eq!(kind("'\u{fdfa}'.repeat(1e6).normalize('NFKD')"), Some(ErrorKind::Limit(Limit::Fuel)));
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("!", "1", ""),
        ("- ", "1", ""),
        ("a ? 1 : ", "2", ""),
        ("x => ", "1", ""),
        ("f(", "", ")"),
        ("`${", "1", "} `"),
        ("new ", "X", ""),
        ("typeof ", "1", ""),
        ("a = ", "1", ""),
        ("2 ** ", "1", ""),
    ] {
        for depth in [300, 5_000, 100_000] {
            let code = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let parsed = Template::parse(&format!("{{{{ {code} }}}}"));
            assert!(parsed.is_err(), "{open} {depth}");
        }
    }
}

#[test]
fn long_chains_of_operators_are_not_deep() {
    let sum = vec!["1"; 5_000].join(" + ");
    assert_eq!(eval(&sum), "5000");
    let any = vec!["0"; 5_000].join(" || ");
    assert_eq!(eval(&any), "0");
}

#[test]
fn deeply_nested_values_are_dropped_without_recursion() {
    check(&[
        ("(() => { let a = []; for (let i = 0; i < 50000; i++) a = [a]; return 1 })()", "1"),
        ("(() => { let a = {}; for (let i = 0; i < 50000; i++) a = { a }; return 1 })()", "1"),
        (
            "(() => { let f = () => 1; for (let i = 0; i < 20000; i++) { const g = f; f = () => g } return 1 })()",
            "1",
        ),
        ("(() => { const m = new Map(); m.set('m', m); const o = {}; o.o = [o]; return 1 })()", "1"),
    ]);
}

#[test]
fn an_error_says_where_it_happened() {
    let error = Template::parse("Hello {{ $json.a.__proto__ }}").expect_err("the name is refused");
    assert_eq!(
        &"Hello {{ $json.a.__proto__ }}"[error.span.start as usize..error.span.end as usize],
        "__proto__"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = Template::parse(&text);
    }

    #[test]
    fn no_code_makes_the_interpreter_panic(words in prop::collection::vec(word(), 0..24)) {
        let code = words.concat();
        let limits = Limits { fuel: 20_000, memory_bytes: 1 << 20, ..Limits::default() };
        if let Ok(template) = Template::parse(&format!("{{{{{code}}}}}")) {
            let scope = Nothing::with([("a", json!([1, { "b": "x" }]))].into_iter().collect());
            if let Ok(value) = template.eval(&scope, &limits) {
                let _ = (value.to_data(), value.to_js_string(), value.to_number());
            }
        }
    }
}

/// Pieces that make valid code often enough.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "$json",
        ".a",
        "[0]",
        "?.",
        ".b",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        ":",
        "?",
        "=>",
        "=",
        "==",
        "===",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "~",
        "&&",
        "||",
        "??",
        "...",
        "1",
        "0.5",
        "1e9",
        "'x'",
        "'é😀'",
        "`a${",
        "}`",
        "/a+/g",
        "x",
        "y",
        "function ",
        "return ",
        "const ",
        "let ",
        "for ",
        "of ",
        "if ",
        "new ",
        "typeof ",
        "delete ",
        ".map",
        ".sort",
        ".push",
        ".length",
        ".slice",
        ".split",
        ".replace",
        ".repeat",
        ".padStart",
        ".reduce",
        ".at",
        ".flat",
        "Math.max",
        "Date",
        "Object.keys",
        "JSON.stringify",
        "DateTime.now()",
        "undefined",
        "null",
        "in ",
        "instanceof ",
        "(x=>x)",
        "(()=>{",
        "})()",
        ".toFixed",
        "(-1)",
        "(3)",
        ".fill",
        "Array",
        "String",
        ".toString",
        "<<",
        ">>>",
        "**",
        "++",
        "n",
    ])
}
