//! Built-in constructors and namespaces.

/// A built-in constructor or namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are JavaScript's")]
pub enum Class {
    Object,
    Function,
    Array,
    String,
    Number,
    Boolean,
    BigInt,
    Symbol,
    Date,
    RegExp,
    Map,
    Set,
    WeakMap,
    WeakSet,
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    EvalError,
    UriError,
    AggregateError,
    ArrayBuffer,
    SharedArrayBuffer,
    DataView,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    Math,
    Json,
    Intl,
    DateTimeFormat,
    NumberFormat,
    PluralRules,
    Collator,
    ListFormat,
    RelativeTimeFormat,
    DateTime,
    Duration,
    Interval,
}

const NAMES: &[(&str, Class)] = &[
    ("Object", Class::Object),
    ("Array", Class::Array),
    ("String", Class::String),
    ("Number", Class::Number),
    ("Boolean", Class::Boolean),
    ("BigInt", Class::BigInt),
    ("Symbol", Class::Symbol),
    ("Date", Class::Date),
    ("RegExp", Class::RegExp),
    ("Map", Class::Map),
    ("Set", Class::Set),
    ("WeakMap", Class::WeakMap),
    ("WeakSet", Class::WeakSet),
    ("Error", Class::Error),
    ("TypeError", Class::TypeError),
    ("RangeError", Class::RangeError),
    ("SyntaxError", Class::SyntaxError),
    ("ReferenceError", Class::ReferenceError),
    ("EvalError", Class::EvalError),
    ("URIError", Class::UriError),
    ("AggregateError", Class::AggregateError),
    ("ArrayBuffer", Class::ArrayBuffer),
    ("SharedArrayBuffer", Class::SharedArrayBuffer),
    ("DataView", Class::DataView),
    ("Int8Array", Class::Int8Array),
    ("Uint8Array", Class::Uint8Array),
    ("Uint8ClampedArray", Class::Uint8ClampedArray),
    ("Int16Array", Class::Int16Array),
    ("Uint16Array", Class::Uint16Array),
    ("Int32Array", Class::Int32Array),
    ("Uint32Array", Class::Uint32Array),
    ("Float32Array", Class::Float32Array),
    ("Float64Array", Class::Float64Array),
    ("BigInt64Array", Class::BigInt64Array),
    ("BigUint64Array", Class::BigUint64Array),
    ("Math", Class::Math),
    ("JSON", Class::Json),
    ("Intl", Class::Intl),
    ("DateTime", Class::DateTime),
    ("Duration", Class::Duration),
    ("Interval", Class::Interval),
    // Members of `Intl`, not global names.
    ("DateTimeFormat", Class::DateTimeFormat),
    ("NumberFormat", Class::NumberFormat),
    ("PluralRules", Class::PluralRules),
    ("Collator", Class::Collator),
    ("ListFormat", Class::ListFormat),
    ("RelativeTimeFormat", Class::RelativeTimeFormat),
    // Reached as `constructor` only, which is refused.
    ("Function", Class::Function),
];

/// How many entries of [`NAMES`] are global names.
const GLOBALS: usize = NAMES.len() - 7;

impl Class {
    /// The class that is known by this name everywhere.
    pub fn global(name: &str) -> Option<Self> {
        NAMES[..GLOBALS].iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
    }

    /// The member of `Intl` with this name.
    pub fn of_intl(name: &str) -> Option<Self> {
        NAMES[GLOBALS..NAMES.len() - 1].iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, class)| *class == self).map_or("", |(name, _)| name)
    }

    /// Whether it is a constructor rather than a namespace.
    pub fn is_callable(self) -> bool {
        !matches!(self, Class::Math | Class::Json | Class::Intl)
    }

    /// Whether its instances are arrays of one type of number.
    pub fn is_typed_array(self) -> bool {
        use Class::*;
        matches!(
            self,
            Int8Array
                | Uint8Array
                | Uint8ClampedArray
                | Int16Array
                | Uint16Array
                | Int32Array
                | Uint32Array
                | Float32Array
                | Float64Array
                | BigInt64Array
                | BigUint64Array
        )
    }

    /// Whether its instances are errors.
    pub fn is_error(self) -> bool {
        use Class::*;
        matches!(
            self,
            Error
                | TypeError
                | RangeError
                | SyntaxError
                | ReferenceError
                | EvalError
                | UriError
                | AggregateError
        )
    }
}
