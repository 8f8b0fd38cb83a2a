//! From the parser's tree to our own, once: names become places, and what the language lacks is refused.

mod expressions;
mod functions;
mod names;
mod patterns;
mod statements;

use std::sync::Arc;

use ecow::eco_format;
use model::Text;
use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType};

use crate::error::{ErrorKind, Limit, ParseError};
use crate::tree::{Body, Expr, Function, Span};

use names::Scopes;
pub(crate) use names::is_forbidden;

/// How deeply an expression may be nested.
const DEPTH: u32 = 256;
/// Stack the parser may need per level of nesting.
const STACK_PER_LEVEL: usize = if cfg!(debug_assertions) { 48 << 10 } else { 8 << 10 };
/// Levels of nesting beyond which a text is not even given to the parser.
const LEVELS: usize = 2048;

type Result<T> = std::result::Result<T, ParseError>;

/// What the code of one `{{ }}` became.
#[derive(Debug)]
pub(crate) struct Part {
    /// A function without parameters whose body is the expression.
    pub(crate) code: Arc<Function>,
    /// Whether anything in it can change arrays or objects.
    pub(crate) mutates: bool,
    /// Whether it reads a member or calls something: only then n8n's own evaluator catches what it throws.
    pub(crate) guarded: bool,
    /// Nodes that are mentioned literally.
    pub(crate) references: Vec<Text>,
}

/// Parses the code of one `{{ }}`, which stands at byte `offset` of the template.
pub(crate) fn lower(code: &str, offset: u32) -> Result<Part> {
    let whole = offset..offset + code.len() as u32;
    // An object literal at the start would read as a block.
    let braced = code.trim_start().starts_with('{');
    let wrapped = if braced { format!("({code})") } else { code.to_owned() };
    let offset = if braced { offset.saturating_sub(1) } else { offset };

    let levels = nesting(&wrapped);
    if levels > LEVELS {
        return Err(too_deep(whole));
    }
    let stack = (levels + 16) * STACK_PER_LEVEL;
    stacker::maybe_grow(stack, stack + (1 << 20), || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, &wrapped, SourceType::script()).parse();
        if parsed.panicked || !parsed.diagnostics.is_empty() {
            return Err(syntax("invalid syntax", whole));
        }
        let mut lowering = Lowering::new(offset);
        let expression = match (parsed.program.directives.first(), parsed.program.body.first()) {
            (Some(directive), _) => Expr::String(expressions::text_of(
                &directive.expression.value,
                directive.expression.lone_surrogates,
            )),
            (None, Some(ast::Statement::ExpressionStatement(statement))) => {
                lowering.expression(&statement.expression)?
            }
            _ => return Err(syntax("invalid syntax", whole)),
        };
        Ok(lowering.finish(expression))
    })
}

/// An upper bound of how deeply the parser recurses: brackets within brackets, and everything else that nests.
fn nesting(code: &str) -> usize {
    let mut open = 0usize;
    let mut deepest = 0;
    let mut others = 0;
    // What stood before, blanks aside: behind a value, signs are operators that do not nest.
    let mut before = b'(';
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'?' | b'=' | b'!' | b'~' => others += 1,
            b'+' | b'-' | b'*' if !is_value_end(before) => others += 1,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    let words =
        ["typeof", "void", "delete", "new", "else", "await", "yield", "for", "while", "if", "do", "with"];
    let keywords: usize = words.iter().map(|word| code.matches(word).count()).sum();
    deepest + (others + keywords) / 2
}

fn is_value_end(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 128 || b"_$)]}'\"`/".contains(&byte)
}

#[cold]
fn syntax(message: impl Into<Text>, span: Span) -> ParseError {
    ParseError { kind: ErrorKind::Syntax, message: message.into(), span }
}

#[cold]
fn forbidden(message: impl Into<Text>, span: Span) -> ParseError {
    ParseError { kind: ErrorKind::Forbidden, message: message.into(), span }
}

#[cold]
fn too_deep(span: Span) -> ParseError {
    ParseError {
        kind: ErrorKind::Limit(Limit::Depth),
        message: "the expression is nested too deeply".into(),
        span,
    }
}

/// The state of one lowering.
struct Lowering {
    offset: u32,
    depth: u32,
    deepest: u32,
    scopes: Scopes,
    mutates: bool,
    guarded: bool,
    references: Vec<Text>,
}

impl Lowering {
    fn new(offset: u32) -> Self {
        Self {
            offset,
            depth: 0,
            deepest: 0,
            scopes: Scopes::new(),
            mutates: false,
            guarded: false,
            references: Vec::new(),
        }
    }

    fn finish(self, expression: Expr) -> Part {
        let code = Function {
            name: Text::new(),
            arity: 0,
            parameters: Box::default(),
            rest: None,
            slots: self.scopes.slots(),
            captures: Box::default(),
            itself: None,
            body: Body::Expression(expression),
            depth: self.deepest,
        };
        Part {
            code: Arc::new(code),
            mutates: self.mutates,
            guarded: self.guarded,
            references: self.references,
        }
    }

    fn span(&self, span: oxc_span::Span) -> Span {
        self.offset + span.start..self.offset + span.end
    }

    /// What the language lacks.
    fn unsupported<T>(&self, what: &str, at: &impl GetSpan) -> Result<T> {
        Err(syntax(eco_format!("{what} cannot be used in expressions"), self.span(at.span())))
    }

    /// Does one level of `work`, unless that is too deep.
    fn nested<T>(&mut self, at: oxc_span::Span, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH {
            return Err(too_deep(self.span(at)));
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Refuses names that lead out of the data.
    fn check_member(&self, name: &str, span: oxc_span::Span) -> Result<()> {
        if is_forbidden(name) {
            let message = eco_format!("Cannot access \"{name}\" due to security concerns");
            return Err(forbidden(message, self.span(span)));
        }
        Ok(())
    }
}
