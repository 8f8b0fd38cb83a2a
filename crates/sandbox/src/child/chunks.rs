//! The JavaScript that code sees beyond the language, in pieces that are evaluated when first used.
//!
//! Parsing is what a fresh runtime costs most, so a step gets only those globals whose name its source mentions;
//! source that can build names at run time gets all of them.

/// What every step starts with.
pub(super) const PRELUDE: &str = include_str!("../js/prelude.js");

const CHUNKS: &[(&str, &str)] = &[
    ("assert", include_str!("../js/assert.js")),
    ("buffer", include_str!("../js/buffer.js")),
    ("clock", include_str!("../js/clock.js")),
    ("clone", include_str!("../js/clone.js")),
    ("crypto", include_str!("../js/crypto.js")),
    ("each", include_str!("../js/each.js")),
    ("events", include_str!("../js/events.js")),
    ("helpers", include_str!("../js/helpers.js")),
    ("intl", include_str!("../js/intl.js")),
    ("jmespath", include_str!("../js/jmespath.js")),
    ("luxon", include_str!("../js/luxon.js")),
    ("nodes", include_str!("../js/nodes.js")),
    ("path", include_str!("../js/path.js")),
    ("querystring", include_str!("../js/querystring.js")),
    ("questions", include_str!("../js/questions.js")),
    ("report", include_str!("../js/report.js")),
    ("self", include_str!("../js/self.js")),
    ("text", include_str!("../js/text.js")),
    ("timers", include_str!("../js/timers.js")),
    ("url", include_str!("../js/url.js")),
    ("util", include_str!("../js/util.js")),
    (
        "vendor/jmespath",
        concat!("(function (exports) {", include_str!("../../vendor/jmespath/jmespath.js"), "\n})"),
    ),
    (
        "vendor/luxon",
        concat!("(function () {", include_str!("../../vendor/luxon/luxon.min.js"), "\nreturn luxon })"),
    ),
];

/// Globals by the chunk that makes them.
const GLOBALS: &[(&str, &[&str])] = &[
    ("buffer", &["Buffer"]),
    ("clone", &["structuredClone"]),
    ("intl", &["Intl"]),
    ("jmespath", &["$jmespath", "$jmesPath"]),
    ("luxon", &["DateTime", "Duration", "Interval", "$now", "$today"]),
    (
        "nodes",
        &[
            "$",
            "$node",
            "$items",
            "$item",
            "$getWorkflowStaticData",
            "$if",
            "$ifEmpty",
            "$min",
            "$max",
            "$average",
            "$not",
            "$env",
            "$vars",
            "$secrets",
            "$parameter",
        ],
    ),
    ("self", &["console", "require", "module", "exports", "crypto", "helpers", "$execution"]),
    ("text", &["TextEncoder", "TextDecoder"]),
    (
        "timers",
        &["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
    ),
    ("url", &["URL", "URLSearchParams"]),
];

/// Members of `this`.
const OWN: &[&str] = &[
    "helpers",
    "getInputData",
    "getItemIndex",
    "getMode",
    "getNodeParameter",
    "getTimezone",
    "getWorkflowStaticData",
    "continueOnFail",
];

/// The source of a chunk.
pub(super) fn source(name: &str) -> Option<&'static str> {
    CHUNKS.iter().find(|(chunk, _)| *chunk == name).map(|(_, source)| *source)
}

/// The globals that a source may use, each with its chunk.
pub(super) fn globals(source: &str) -> Vec<(&'static str, &'static str)> {
    let all = GLOBALS.iter().flat_map(|(chunk, names)| names.iter().map(|name| (*name, *chunk)));
    all.filter(|(name, _)| mentions(source, name)).collect()
}

/// The members of `this` that a source may use.
pub(super) fn own(source: &str) -> Vec<&'static str> {
    if !mentions(source, "this") {
        return Vec::new();
    }
    OWN.iter().copied().filter(|name| mentions(source, name)).collect()
}

/// Whether a source may write or compare for people.
pub(super) fn has_locales(source: &str) -> bool {
    mentions(source, "toLocale") || mentions(source, "localeCompare")
}

fn mentions(source: &str, name: &str) -> bool {
    source.contains(name)
        || ["globalThis", "eval", "Function", "this["].iter().any(|way| source.contains(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_global_has_a_chunk() {
        for (chunk, _) in GLOBALS {
            assert!(source(chunk).is_some(), "{chunk}");
        }
    }

    #[test]
    fn a_source_gets_what_it_mentions_and_everything_when_it_may_build_names() {
        assert_eq!(globals("return Buffer.from('x')"), [("Buffer", "buffer")]);
        assert!(globals("return globalThis['Buf' + 'fer']").len() > 30);
        assert_eq!(own("return this.helpers"), ["helpers"]);
        assert!(own("return helpers").is_empty());
    }
}
