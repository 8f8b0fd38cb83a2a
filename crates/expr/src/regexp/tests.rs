use super::*;
use crate::Limits;
use crate::testing::Nothing;

/// The groups of the first match, joined by `|`; `-` for groups that took no part.
fn first(pattern: &str, flags: &str, text: &str) -> Option<String> {
    let program = Program::compile(pattern, flags).unwrap();
    let (scope, limits) = (Nothing::default(), Limits::default());
    let cx = Cx::new(&scope, &limits, false);
    let found = program.find(&cx, text, 0, false).unwrap()?;
    let groups = (0..found.groups()).map(|group| found.group(group).map_or("-", |range| &text[range]));
    Some(groups.collect::<Vec<_>>().join("|"))
}

#[test]
fn patterns_match_as_in_javascript() {
    for (pattern, flags, text, expected) in [
        (r"(\d+)-(\d+)", "", "tel 12-345", "12-345|12|345"),
        (r"a|ab", "", "abc", "a"),
        (r"((a)|(ab))((c)|(bc))", "", "abc", "abc|a|a|-|bc|-|bc"),
        (r"a[a-z]{2,4}?", "", "abcdefghi", "abc"),
        (r"(aa|aabaac|ba|b|c)*", "", "aabaac", "aaba|ba"),
        (r"(z)((a+)?(b+)?(c))*", "", "zaacbbbcac", "zaacbbbcac|z|ac|a|-|c"),
        (r"(?=(a+))a*b\1", "", "baaabac", "aba|a"),
        (r"(.*?)a(?!(a+)b\2c)\2(.*)", "", "baaabaac", "baaabaac|ba|-|abaac"),
        (r"(?<=\$)\d+(\.\d*)?", "", "cost $10.50", "10.50|.50"),
        (r"(?<!\d)\d{2}(?!\d)", "", "123 45 678", "45"),
        (r"(?<=([ab]+)([bc]+))$", "", "abc", "|a|bc"),
        (r"(?<year>\d{4})-(?<month>\d\d)", "", "on 2024-05-01", "2024-05|2024|05"),
        (r"(['\x22]).*?\1", "", r#"say "it's" now"#, r#""it's"|""#),
        (r"straße", "i", "STRAßE", "STRAßE"),
        (r"^b", "m", "a\nb", "b"),
        (r"a.c", "s", "a\nc", "a\nc"),
        (r"[^]+", "", "a\nb", "a\nb"),
        (r"\bfoo\b", "", "a foo b", "foo"),
        (r"[\w.+-]+@[\w-]+\.[\w.]+", "", "mail jo.e+x@ex-ample.co.uk!", "jo.e+x@ex-ample.co.uk"),
        (r"\p{Lu}\p{Ll}+", "u", "das Öde", "Öde"),
        (r"\u{1F600}", "u", "x😀", "😀"),
        (r"😀{2}", "u", "😀😀", "😀😀"),
        (r"(?:)", "", "abc", ""),
        (r"(a*)*", "", "b", "|-"),
        (r"(?:a?)*?b", "", "aab", "aab"),
        (r"x{0,2}y", "", "xxxy", "xxy"),
        (r"[a\-z]+", "", "-az", "-az"),
        (r"{", "", "a{", "{"),
        (r"a{,2}", "", "a{,2}", "a{,2}"),
        (r"\/\*[\s\S]*?\*\/", "", "x /* y */ z */", "/* y */"),
        (r"(\w+)\s\1", "i", "Hello hello", "Hello hello|Hello"),
        (r"^(?:\+|00)?(\d{1,3})", "", "0049123", "00491|491"),
        (r"[\d-x]+", "", "1-x", "1-x"),
    ] {
        assert_eq!(first(pattern, flags, text).as_deref(), Some(expected), "/{pattern}/{flags} on {text:?}");
    }
    assert_eq!(first("^a$", "", "a\n"), None);
    assert_eq!(first("[]", "", "a"), None);
}

#[test]
fn bad_patterns_are_refused() {
    for pattern in ["(", ")", "[", "*a", "a**", "(?<n", "\\", "a{2,1}", "[z-a]", "(?<a>.)\\k<b>"] {
        assert!(Program::compile(pattern, "").is_err(), "{pattern}");
    }
    assert!(Program::compile("a", "gg").is_err());
    assert!(Program::compile("a", "x").is_err());
}

#[test]
fn catastrophic_patterns_run_out_of_fuel() {
    let program = Program::compile("^(a+)+$", "").unwrap();
    let (scope, limits) = (Nothing::default(), Limits::default());
    let cx = Cx::new(&scope, &limits, false);
    let text = "a".repeat(40) + "!";
    let error = program.find(&cx, &text, 0, false).unwrap_err();
    assert!(matches!(error.kind(), crate::ErrorKind::Limit(_)));
}
