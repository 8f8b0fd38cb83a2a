//! The tree that is interpreted: names resolved, literals converted, nothing left to look up twice.

use std::ops::Range;
use std::sync::Arc;

use model::Text;

use crate::regexp::Program;
use crate::value::{Class, Native};

/// Where in the template something stands, in bytes.
pub(crate) type Span = Range<u32>;

/// An expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    String(Text),
    BigInt(i128),
    RegExp(Arc<Program>),
    /// What denied names such as `eval` stand for.
    Nothing,
    /// `this`: an empty context.
    This,
    /// `$json`
    Json,
    /// `$json.a.b[0]`, the most common expression of all.
    JsonPath(Box<[Key]>, Span),
    /// A variable of the running function.
    Local(u32),
    /// A variable of a function around the running one.
    Captured(u32),
    /// `arguments`
    Arguments,
    Class(Class),
    Native(&'static str, Native),
    /// A helper such as `$now` that is computed when read.
    Computed(fn(&crate::Cx<'_>) -> crate::Value),
    /// Any other name.
    Variable(Text, Span),
    Template(Box<[Text]>, Box<[Expr]>),
    Tagged(Box<Tagged>),
    Array(Box<[Element]>),
    Object(Box<[Property]>),
    Function(Arc<Function>),
    Unary(Unary, Box<Expr>),
    TypeOf(Box<Expr>),
    Delete(Box<Target>),
    /// Operators of any precedence, applied from left to right.
    Binary(Box<Expr>, Box<[(Binary, Expr)]>),
    Logical(Box<Expr>, Box<[(Logical, Expr)]>),
    Conditional(Box<[Expr; 3]>),
    Sequence(Box<[Expr]>),
    /// Where `?.` ends a chain early.
    Chain(Box<Expr>),
    Member(Box<Member>),
    Index(Box<Index>),
    Call(Box<Call>),
    Method(Box<Method>),
    New(Box<New>),
    Assign(Box<Assign>),
    Update(Box<Update>),
    /// An assignment to a constant.
    ConstantAssigned,
}

/// One step of a [`Expr::JsonPath`].
#[derive(Debug)]
pub(crate) enum Key {
    Name(Text),
    Index(usize),
}

/// `` tag`...` ``
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) tag: Expr,
    pub(crate) cooked: Box<[Text]>,
    pub(crate) raw: Box<[Text]>,
    pub(crate) values: Box<[Expr]>,
}

/// An element of an array, or an argument.
#[derive(Debug)]
pub(crate) enum Element {
    Value(Expr),
    Spread(Expr),
}

/// A member of an object literal.
#[derive(Debug)]
pub(crate) enum Property {
    Named(Text, Expr),
    Computed(Expr, Expr),
    Spread(Expr),
}

/// `object.key`
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) object: Expr,
    pub(crate) key: Text,
    pub(crate) optional: bool,
    pub(crate) span: Span,
}

/// `object[index]`
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) object: Expr,
    pub(crate) index: Expr,
    pub(crate) optional: bool,
    pub(crate) span: Span,
}

/// `callee(args)`
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) callee: Expr,
    pub(crate) args: Box<[Element]>,
    pub(crate) optional: bool,
    pub(crate) span: Span,
}

/// `object.name(args)` and `object[name](args)`
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) object: Expr,
    pub(crate) name: MethodName,
    pub(crate) args: Box<[Element]>,
    /// `object?.name()`
    pub(crate) optional: bool,
    /// `object.name?.()`
    pub(crate) optional_call: bool,
    /// Whether the name may be that of an extension method.
    pub(crate) extended: bool,
    pub(crate) span: Span,
}

/// What a method call names.
#[derive(Debug)]
pub(crate) enum MethodName {
    Static(Text),
    Computed(Expr),
}

/// `new callee(args)`
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) callee: Expr,
    pub(crate) args: Box<[Element]>,
    pub(crate) span: Span,
}

/// `target op= value`
#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) target: Target,
    pub(crate) operator: AssignOperator,
    pub(crate) value: Expr,
}

/// How a value is assigned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AssignOperator {
    Plain,
    Binary(Binary),
    Logical(Logical),
}

/// `++target` and the like
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) target: Target,
    pub(crate) by: f64,
    pub(crate) prefix: bool,
}

/// What can be assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    Local(u32),
    Captured(u32),
    Variable(Text),
    Member(Expr, Text),
    Index(Expr, Expr),
    Pattern(Box<Pattern>),
    /// A constant.
    Constant,
}

/// A destructuring pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    Object { members: Box<[PatternMember]>, rest: Option<Target> },
    Array { elements: Box<[Option<PatternElement>]>, rest: Option<Target> },
}

/// One member of an object pattern.
#[derive(Debug)]
pub(crate) struct PatternMember {
    pub(crate) key: Text,
    pub(crate) element: PatternElement,
}

/// Where a destructured value goes and what stands in for `undefined`.
#[derive(Debug)]
pub(crate) struct PatternElement {
    pub(crate) target: Target,
    pub(crate) default: Option<Expr>,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unary {
    Not,
    Minus,
    Plus,
    BitNot,
    Void,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Equal,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    BitAnd,
    BitOr,
    BitXor,
    In,
    InstanceOf,
}

/// Operators that may leave their right side alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Logical {
    And,
    Or,
    Coalesce,
}

/// A function written in the expression.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Text,
    /// Parameters before the first with a default.
    pub(crate) arity: usize,
    pub(crate) parameters: Box<[PatternElement]>,
    pub(crate) rest: Option<Target>,
    /// How many variables it has, parameters included.
    pub(crate) slots: u32,
    /// The variables it takes from the function around it.
    pub(crate) captures: Box<[Capture]>,
    /// Where a named function expression finds itself.
    pub(crate) itself: Option<u32>,
    pub(crate) body: Body,
    /// How deeply the body is nested.
    pub(crate) depth: u32,
}

/// What a function does.
#[derive(Debug)]
pub(crate) enum Body {
    Expression(Expr),
    Block(Block),
}

/// Where a function finds a variable of the function around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Capture {
    Local(u32),
    Captured(u32),
}

/// Statements with variables of their own.
#[derive(Debug)]
pub(crate) struct Block {
    /// Variables that are new each time the block is entered.
    pub(crate) fresh: Range<u32>,
    /// Function declarations, ready before the first statement runs.
    pub(crate) functions: Box<[(u32, Arc<Function>)]>,
    pub(crate) statements: Box<[Statement]>,
}

/// A statement.
#[derive(Debug)]
pub(crate) enum Statement {
    Expression(Expr),
    /// A declaration; `var` without a value changes nothing and is left out.
    Declare(Target, Option<Expr>),
    Block(Block),
    If(Box<(Expr, Statement, Option<Statement>)>),
    For(Box<For>),
    ForEach(Box<ForEach>),
    While(Box<(Expr, Statement)>),
    DoWhile(Box<(Statement, Expr)>),
    Switch(Box<Switch>),
    Labeled(Text, Box<Statement>),
    Break(Option<Text>),
    Continue(Option<Text>),
    Return(Option<Expr>),
    Throw(Expr, Span),
    Try(Box<Try>),
    Several(Box<[Statement]>),
    Empty,
}

/// `for (init; test; update) body`
#[derive(Debug)]
pub(crate) struct For {
    /// Variables of the head: every round has its own copies.
    pub(crate) fresh: Range<u32>,
    pub(crate) init: Statement,
    pub(crate) test: Option<Expr>,
    pub(crate) update: Option<Expr>,
    pub(crate) body: Statement,
}

/// `for (target of values) body` and `for (target in object) body`
#[derive(Debug)]
pub(crate) struct ForEach {
    pub(crate) fresh: Range<u32>,
    pub(crate) target: Target,
    pub(crate) over: Expr,
    /// `in` rather than `of`
    pub(crate) keys: bool,
    pub(crate) body: Statement,
}

/// `switch`
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) value: Expr,
    pub(crate) fresh: Range<u32>,
    pub(crate) functions: Box<[(u32, Arc<Function>)]>,
    pub(crate) cases: Box<[Case]>,
}

/// One `case` of a `switch`: the test (`None` = default) and what follows.
pub(crate) type Case = (Option<Expr>, Box<[Statement]>);

/// `try`
#[derive(Debug)]
pub(crate) struct Try {
    pub(crate) block: Block,
    pub(crate) catch: Option<(Range<u32>, Option<Target>, Block)>,
    pub(crate) finally: Option<Block>,
}
