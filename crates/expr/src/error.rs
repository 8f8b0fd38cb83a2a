//! Why an expression did not give a value.

use std::fmt;
use std::ops::Range;

use model::Text;

/// A failed evaluation. [`ErrorKind::Thrown`] is what JavaScript code can throw; a template swallows it and the part
/// becomes `undefined`. Every other kind fails the template.
#[derive(Clone)]
pub struct Error(Box<Details>);

#[derive(Clone)]
struct Details {
    kind: ErrorKind,
    message: Text,
    description: Option<Text>,
    span: Option<Range<u32>>,
    name: Text,
    thrown: Option<usize>,
}

/// What sort of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A JavaScript error such as reading a member of `undefined`; swallowed by a template.
    Thrown,
    /// The text is not an expression of this language.
    Syntax,
    /// A node that does not exist or has not been executed.
    Reference,
    /// The item of another node that belongs to the current one cannot be told.
    PairedItem,
    /// Something the expression may not see.
    Denied,
    /// The result is a function.
    Function,
    /// A name that leads out of the data, such as `constructor`.
    Forbidden,
    /// An extension method or helper was used wrongly.
    Extension,
    /// A limit of [`crate::Limits`].
    Limit(Limit),
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Too many steps.
    Fuel,
    /// Too much memory.
    Memory,
    /// Too large a result.
    Output,
    /// Calls or data nested too deeply.
    Depth,
}

impl Error {
    /// An error of this kind.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<Text>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            description: None,
            span: None,
            name: Text::new(),
            thrown: None,
        }))
    }

    /// A JavaScript `Error` with this message.
    pub fn thrown(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Thrown, message).named("Error")
    }

    /// A JavaScript `TypeError`.
    pub fn type_error(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Thrown, message).named("TypeError")
    }

    /// A JavaScript `RangeError`.
    pub fn range_error(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Thrown, message).named("RangeError")
    }

    /// A node that does not exist or has not been executed.
    pub fn reference(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Reference, message)
    }

    /// The paired item cannot be told.
    pub fn paired_item(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::PairedItem, message)
    }

    /// Something the expression may not see.
    pub fn denied(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// A name that leads out of the data.
    pub fn forbidden(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    /// A wrong use of an extension method or helper.
    pub fn extension(message: impl Into<Text>) -> Self {
        Self::new(ErrorKind::Extension, message)
    }

    /// A limit was reached.
    pub fn limit(limit: Limit) -> Self {
        let message = match limit {
            Limit::Fuel => "the expression takes too many steps",
            Limit::Memory => "the expression needs too much memory",
            Limit::Output => "the result of the expression is too large",
            Limit::Depth => "the expression is nested too deeply",
        };
        Self::new(ErrorKind::Limit(limit), message)
    }

    /// Adds what the user can do about it.
    pub fn with_description(mut self, description: impl Into<Text>) -> Self {
        self.0.description = Some(description.into());
        self
    }

    /// Adds where in the template it happened (bytes), unless that is known already.
    pub fn at(mut self, span: Range<u32>) -> Self {
        self.0.span.get_or_insert(span);
        self
    }

    /// Gives a thrown error its JavaScript class.
    pub fn named(mut self, name: impl Into<Text>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Which value was thrown, as a key of the evaluation's list of thrown values.
    pub(crate) fn carrying(mut self, value: usize) -> Self {
        self.0.thrown = Some(value);
        self
    }

    pub(crate) fn carried(&self) -> Option<usize> {
        self.0.thrown
    }

    /// What sort of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The JavaScript class of a thrown error, such as `TypeError`; empty for other kinds.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the user can do about it.
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Where in the template it happened, in bytes.
    pub fn span(&self) -> Option<Range<u32>> {
        self.0.span.clone()
    }

    /// Whether a template goes on, with this part `undefined`.
    pub fn is_swallowed(&self) -> bool {
        self.0.kind == ErrorKind::Thrown
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.0.kind, self.0.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// [`ErrorKind::Syntax`], [`ErrorKind::Forbidden`] or [`ErrorKind::Limit`].
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: Text,
    /// Where in the template, in bytes.
    pub span: Range<u32>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Error::new(error.kind, error.message).at(error.span)
    }
}

impl From<&ParseError> for Error {
    fn from(error: &ParseError) -> Self {
        error.clone().into()
    }
}
