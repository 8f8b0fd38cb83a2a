//! Expressions.

use std::sync::Arc;

use ecow::eco_format;
use model::Text;
use oxc_ast::ast;
use oxc_span::GetSpan;
use oxc_syntax::operator::{
    AssignmentOperator, BinaryOperator, LogicalOperator, UnaryOperator, UpdateOperator,
};

use super::names::{Place, is_denied};
use super::{Lowering, Result, forbidden, syntax};
use crate::extensions;
use crate::globals;
use crate::regexp::Program;
use crate::tree::{
    Assign, AssignOperator, Binary, Call, Element, Expr, Function, Index, Key, Logical, Member, Method,
    MethodName, New, Property, Statement, Tagged, Target, Unary, Update,
};
use crate::value::Class;

/// Methods that change what they are called on.
const CHANGING: &[&str] = &[
    "push",
    "pop",
    "shift",
    "unshift",
    "splice",
    "sort",
    "reverse",
    "fill",
    "copyWithin",
    "assign",
    "set",
    "delete",
    "add",
    "freeze",
    "seal",
    "call",
    "apply",
    "bind",
];

impl Lowering {
    pub(super) fn expression(&mut self, expression: &ast::Expression<'_>) -> Result<Expr> {
        self.nested(expression.span(), |this| this.expression_within(expression))
    }

    fn expression_within(&mut self, expression: &ast::Expression<'_>) -> Result<Expr> {
        use ast::Expression as E;
        Ok(match expression {
            E::BooleanLiteral(literal) => Expr::Bool(literal.value),
            E::NullLiteral(_) => Expr::Null,
            E::NumericLiteral(literal) => Expr::Number(literal.value),
            E::StringLiteral(literal) => Expr::String(text_of(&literal.value, literal.lone_surrogates)),
            E::BigIntLiteral(literal) => match literal.value.parse() {
                Ok(value) => Expr::BigInt(value),
                Err(_) => return self.unsupported("integers of more than 127 bits", &**literal),
            },
            E::RegExpLiteral(literal) => {
                let flags = literal.regex.flags.to_string();
                match Program::compile(&literal.regex.pattern.text, &flags) {
                    Ok(program) => Expr::RegExp(Arc::new(program)),
                    Err(_) => return Err(syntax("invalid syntax", self.span(literal.span))),
                }
            }
            E::TemplateLiteral(literal) => self.template(literal)?,
            E::TaggedTemplateExpression(tagged) => self.tagged(tagged)?,
            E::Identifier(id) => self.name(id)?,
            E::ThisExpression(_) => Expr::This,
            E::ParenthesizedExpression(inner) => self.expression(&inner.expression)?,
            E::ArrayExpression(array) => self.array(array)?,
            E::ObjectExpression(object) => self.object(object)?,
            E::ArrowFunctionExpression(arrow) => Expr::Function(self.arrow(arrow)?),
            E::FunctionExpression(function) => Expr::Function(self.function(function)?),
            E::ClassExpression(class) => {
                self.class(class)?;
                Expr::Undefined
            }
            E::UnaryExpression(unary) => self.unary(unary)?,
            E::UpdateExpression(update) => Expr::Update(Box::new(Update {
                target: self.simple_target(&update.argument)?,
                by: if update.operator == UpdateOperator::Increment { 1.0 } else { -1.0 },
                prefix: update.prefix,
            })),
            E::BinaryExpression(binary) => self.binary(binary)?,
            E::LogicalExpression(logical) => self.logical(logical)?,
            E::ConditionalExpression(conditional) => Expr::Conditional(Box::new([
                self.expression(&conditional.test)?,
                self.expression(&conditional.consequent)?,
                self.expression(&conditional.alternate)?,
            ])),
            E::AssignmentExpression(assignment) => self.assignment(assignment)?,
            E::SequenceExpression(sequence) => Expr::Sequence(
                sequence.expressions.iter().map(|value| self.expression(value)).collect::<Result<_>>()?,
            ),
            E::CallExpression(call) => self.call(call)?,
            E::NewExpression(new) => {
                let callee = self.expression(&new.callee)?;
                Expr::New(Box::new(New {
                    callee,
                    args: self.arguments(&new.arguments)?,
                    span: self.span(new.span),
                }))
            }
            E::ChainExpression(chain) => Expr::Chain(Box::new(match &chain.expression {
                ast::ChainElement::CallExpression(call) => self.call(call)?,
                ast::ChainElement::StaticMemberExpression(member) => self.static_member(member)?,
                ast::ChainElement::ComputedMemberExpression(member) => self.computed_member(member)?,
                other => return self.unsupported("this chain", other),
            })),
            E::StaticMemberExpression(member) => self.static_member(member)?,
            E::ComputedMemberExpression(member) => self.computed_member(member)?,
            E::AwaitExpression(_) => return self.unsupported("await", expression),
            E::YieldExpression(_) => return self.unsupported("yield", expression),
            E::ImportExpression(_) | E::ImportMeta(_) => return self.unsupported("import", expression),
            _ => return self.unsupported("this expression", expression),
        })
    }

    /// What an identifier stands for.
    fn name(&mut self, id: &ast::IdentifierReference<'_>) -> Result<Expr> {
        let name = id.name.as_str();
        match self.scopes.resolve(name) {
            Place::Local { slot, .. } => return Ok(Expr::Local(slot)),
            Place::Captured { index, .. } => return Ok(Expr::Captured(index)),
            Place::Unknown => {}
        }
        if name == "arguments" && self.scopes.has_arguments() {
            return Ok(Expr::Arguments);
        }
        self.check_member(name, id.span)?;
        self.check_declared(name, id.span)?;
        if is_denied(name) {
            return Ok(Expr::Nothing);
        }
        Ok(match name {
            "$" => {
                let message = "Cannot access \"$\" without calling it as a function";
                return Err(forbidden(message, self.span(id.span)));
            }
            "undefined" | "window" => Expr::Undefined,
            "NaN" => Expr::Number(f64::NAN),
            "Infinity" => Expr::Number(f64::INFINITY),
            "$json" | "$data" => Expr::Json,
            name => match (Class::global(name), globals::function(name), globals::computed(name)) {
                (Some(class), ..) => Expr::Class(class),
                (None, Some((name, native)), _) => Expr::Native(name, native),
                (None, None, Some(compute)) => Expr::Computed(compute),
                _ => Expr::Variable(name.into(), self.span(id.span)),
            },
        })
    }

    fn template(&mut self, literal: &ast::TemplateLiteral<'_>) -> Result<Expr> {
        let texts = literal.quasis.iter().map(|quasi| self.cooked(quasi)).collect::<Result<Box<[Text]>>>()?;
        let values = literal
            .expressions
            .iter()
            .map(|value| self.expression(value))
            .collect::<Result<Box<[Expr]>>>()?;
        Ok(match texts.first() {
            Some(text) if values.is_empty() => Expr::String(text.clone()),
            _ => Expr::Template(texts, values),
        })
    }

    fn cooked(&self, quasi: &ast::TemplateElement<'_>) -> Result<Text> {
        match &quasi.value.cooked {
            Some(cooked) => Ok(text_of(cooked, quasi.lone_surrogates)),
            None => Err(syntax("invalid syntax", self.span(quasi.span))),
        }
    }

    fn tagged(&mut self, tagged: &ast::TaggedTemplateExpression<'_>) -> Result<Expr> {
        self.guarded = true;
        let quasis = &tagged.quasi.quasis;
        Ok(Expr::Tagged(Box::new(Tagged {
            tag: self.expression(&tagged.tag)?,
            cooked: quasis.iter().map(|quasi| self.cooked(quasi).unwrap_or_default()).collect(),
            raw: quasis.iter().map(|quasi| Text::from(quasi.value.raw.as_str())).collect(),
            values: tagged
                .quasi
                .expressions
                .iter()
                .map(|value| self.expression(value))
                .collect::<Result<_>>()?,
        })))
    }

    fn array(&mut self, array: &ast::ArrayExpression<'_>) -> Result<Expr> {
        let elements = array.elements.iter().map(|element| match element {
            ast::ArrayExpressionElement::SpreadElement(spread) => {
                Ok(Element::Spread(self.expression(&spread.argument)?))
            }
            ast::ArrayExpressionElement::Elision(_) => Ok(Element::Value(Expr::Undefined)),
            element => Ok(Element::Value(self.expression(element.to_expression())?)),
        });
        Ok(Expr::Array(elements.collect::<Result<_>>()?))
    }

    fn object(&mut self, object: &ast::ObjectExpression<'_>) -> Result<Expr> {
        let mut properties = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            properties.push(match property {
                ast::ObjectPropertyKind::SpreadProperty(spread) => {
                    Property::Spread(self.expression(&spread.argument)?)
                }
                ast::ObjectPropertyKind::ObjectProperty(property) => {
                    if property.kind != ast::PropertyKind::Init {
                        return self.unsupported("getters and setters", &**property);
                    }
                    if property.computed {
                        let key = self.expression(property.key.to_expression())?;
                        Property::Computed(key, self.expression(&property.value)?)
                    } else {
                        let name = self.property_name(&property.key)?;
                        let value = self.expression(&property.value)?;
                        match &*name {
                            // A prototype: there are none here.
                            "__proto__" if !property.shorthand => continue,
                            _ => Property::Named(name, value),
                        }
                    }
                }
            });
        }
        Ok(Expr::Object(properties.into()))
    }

    /// The name a property key that is not computed stands for.
    pub(super) fn property_name(&mut self, key: &ast::PropertyKey<'_>) -> Result<Text> {
        Ok(match key {
            ast::PropertyKey::StaticIdentifier(id) => id.name.as_str().into(),
            ast::PropertyKey::StringLiteral(literal) => text_of(&literal.value, literal.lone_surrogates),
            ast::PropertyKey::NumericLiteral(literal) => crate::number::number_to_text(literal.value),
            ast::PropertyKey::BigIntLiteral(literal) => literal.value.as_str().into(),
            key => return self.unsupported("this property name", key),
        })
    }

    fn unary(&mut self, unary: &ast::UnaryExpression<'_>) -> Result<Expr> {
        let operator = match unary.operator {
            UnaryOperator::LogicalNot => Unary::Not,
            UnaryOperator::UnaryNegation => Unary::Minus,
            UnaryOperator::UnaryPlus => Unary::Plus,
            UnaryOperator::BitwiseNot => Unary::BitNot,
            UnaryOperator::Void => Unary::Void,
            UnaryOperator::Typeof => return Ok(Expr::TypeOf(Box::new(self.expression(&unary.argument)?))),
            UnaryOperator::Delete => return self.delete(&unary.argument),
        };
        Ok(match (operator, self.expression(&unary.argument)?) {
            (Unary::Minus, Expr::Number(number)) => Expr::Number(-number),
            (operator, operand) => Expr::Unary(operator, Box::new(operand)),
        })
    }

    fn delete(&mut self, operand: &ast::Expression<'_>) -> Result<Expr> {
        self.mutates = true;
        self.guarded = true;
        let target = match operand.without_parentheses() {
            ast::Expression::StaticMemberExpression(member) => {
                self.check_member(&member.property.name, member.property.span)?;
                Target::Member(self.expression(&member.object)?, member.property.name.as_str().into())
            }
            ast::Expression::ComputedMemberExpression(member) => {
                let object = self.expression(&member.object)?;
                Target::Index(object, self.expression(&member.expression)?)
            }
            other => return self.unsupported("delete of what is no member", other),
        };
        Ok(Expr::Delete(Box::new(target)))
    }

    /// `a + b - c` becomes one node, so that long texts glued together do not nest.
    fn binary(&mut self, binary: &ast::BinaryExpression<'_>) -> Result<Expr> {
        let mut rest = vec![(binary_operator(binary.operator), self.expression(&binary.right)?)];
        let mut left = &binary.left;
        while let ast::Expression::BinaryExpression(inner) = left {
            rest.push((binary_operator(inner.operator), self.expression(&inner.right)?));
            left = &inner.left;
        }
        rest.reverse();
        Ok(Expr::Binary(Box::new(self.expression(left)?), rest.into()))
    }

    fn logical(&mut self, logical: &ast::LogicalExpression<'_>) -> Result<Expr> {
        let mut rest = vec![(logical_operator(logical.operator), self.expression(&logical.right)?)];
        let mut left = &logical.left;
        while let ast::Expression::LogicalExpression(inner) = left {
            rest.push((logical_operator(inner.operator), self.expression(&inner.right)?));
            left = &inner.left;
        }
        rest.reverse();
        Ok(Expr::Logical(Box::new(self.expression(left)?), rest.into()))
    }

    fn assignment(&mut self, assignment: &ast::AssignmentExpression<'_>) -> Result<Expr> {
        let target = self.assignment_target(&assignment.left)?;
        let value = match &assignment.left {
            ast::AssignmentTarget::AssignmentTargetIdentifier(id) => {
                self.named(&assignment.right, &id.name)?
            }
            _ => self.expression(&assignment.right)?,
        };
        if let Target::Constant = target {
            return Ok(Expr::ConstantAssigned);
        }
        let operator = match assignment.operator {
            AssignmentOperator::Assign => AssignOperator::Plain,
            AssignmentOperator::LogicalOr => AssignOperator::Logical(Logical::Or),
            AssignmentOperator::LogicalAnd => AssignOperator::Logical(Logical::And),
            AssignmentOperator::LogicalNullish => AssignOperator::Logical(Logical::Coalesce),
            AssignmentOperator::Addition => AssignOperator::Binary(Binary::Add),
            AssignmentOperator::Subtraction => AssignOperator::Binary(Binary::Subtract),
            AssignmentOperator::Multiplication => AssignOperator::Binary(Binary::Multiply),
            AssignmentOperator::Division => AssignOperator::Binary(Binary::Divide),
            AssignmentOperator::Remainder => AssignOperator::Binary(Binary::Remainder),
            AssignmentOperator::Exponential => AssignOperator::Binary(Binary::Power),
            AssignmentOperator::ShiftLeft => AssignOperator::Binary(Binary::ShiftLeft),
            AssignmentOperator::ShiftRight => AssignOperator::Binary(Binary::ShiftRight),
            AssignmentOperator::ShiftRightZeroFill => AssignOperator::Binary(Binary::ShiftRightUnsigned),
            AssignmentOperator::BitwiseOR => AssignOperator::Binary(Binary::BitOr),
            AssignmentOperator::BitwiseXOR => AssignOperator::Binary(Binary::BitXor),
            AssignmentOperator::BitwiseAnd => AssignOperator::Binary(Binary::BitAnd),
        };
        Ok(Expr::Assign(Box::new(Assign { target, operator, value })))
    }

    /// An expression that is stored under a pattern's name.
    pub(super) fn named_expression(
        &mut self,
        expression: &ast::Expression<'_>,
        pattern: &ast::BindingPattern<'_>,
    ) -> Result<Expr> {
        match pattern {
            ast::BindingPattern::BindingIdentifier(id) => self.named(expression, &id.name),
            _ => self.expression(expression),
        }
    }

    /// A function without a name takes that of the variable.
    fn named(&mut self, expression: &ast::Expression<'_>, name: &str) -> Result<Expr> {
        let mut lowered = self.expression(expression)?;
        if let Expr::Function(function) = &mut lowered
            && let Some(Function { name: own, .. }) = Arc::get_mut(function)
            && own.is_empty()
        {
            *own = name.into();
        }
        Ok(lowered)
    }

    fn call(&mut self, call: &ast::CallExpression<'_>) -> Result<Expr> {
        self.guarded = true;
        let span = self.span(call.span);
        self.note_reference(call);
        match call.callee.without_parentheses() {
            ast::Expression::StaticMemberExpression(member) => {
                self.check_member(&member.property.name, member.property.span)?;
                let name = Text::from(member.property.name.as_str());
                self.mutates |= CHANGING.contains(&name.as_str());
                Ok(Expr::Method(Box::new(Method {
                    object: self.expression(&member.object)?,
                    extended: extensions::is_known(&name),
                    name: MethodName::Static(name),
                    args: self.arguments(&call.arguments)?,
                    optional: member.optional,
                    optional_call: call.optional,
                    span,
                })))
            }
            ast::Expression::ComputedMemberExpression(member) => {
                self.mutates = true;
                let object = self.expression(&member.object)?;
                if let ast::Expression::StringLiteral(literal) = &member.expression {
                    self.check_member(&literal.value, literal.span)?;
                }
                let name = self.expression(&member.expression)?;
                Ok(Expr::Method(Box::new(Method {
                    object,
                    // As in n8n, extension methods are called by their plain names only.
                    extended: false,
                    name: MethodName::Computed(name),
                    args: self.arguments(&call.arguments)?,
                    optional: member.optional,
                    optional_call: call.optional,
                    span,
                })))
            }
            ast::Expression::Identifier(id) if id.name == "$" => Ok(Expr::Call(Box::new(Call {
                callee: Expr::Variable("$".into(), self.span(id.span)),
                args: self.arguments(&call.arguments)?,
                optional: call.optional,
                span,
            }))),
            ast::Expression::Identifier(id) if id.name == "$if" && is_lazy_if(&call.arguments) => {
                let mut values =
                    call.arguments.iter().map(|argument| self.expression(argument.to_expression()));
                let test = values.next().expect("there are two arguments")?;
                let consequent = values.next().expect("there are two arguments")?;
                let alternate = values.next().unwrap_or(Ok(Expr::Bool(false)))?;
                Ok(Expr::Conditional(Box::new([test, consequent, alternate])))
            }
            callee => Ok(Expr::Call(Box::new(Call {
                callee: self.expression(callee)?,
                args: self.arguments(&call.arguments)?,
                optional: call.optional,
                span,
            }))),
        }
    }

    fn arguments(&mut self, arguments: &[ast::Argument<'_>]) -> Result<Box<[Element]>> {
        arguments
            .iter()
            .map(|argument| match argument {
                ast::Argument::SpreadElement(spread) => {
                    Ok(Element::Spread(self.expression(&spread.argument)?))
                }
                argument => Ok(Element::Value(self.expression(argument.to_expression())?)),
            })
            .collect()
    }

    /// Remembers the node in `$('x')` and `$items("x")`.
    fn note_reference(&mut self, call: &ast::CallExpression<'_>) {
        if let ast::Expression::Identifier(id) = &call.callee
            && matches!(id.name.as_str(), "$" | "$items")
            && let Some(ast::Argument::StringLiteral(literal)) = call.arguments.first()
        {
            self.add_reference(&literal.value);
        }
    }

    fn add_reference(&mut self, name: &str) {
        if !self.references.iter().any(|known| known == name) {
            self.references.push(name.into());
        }
    }

    fn static_member(&mut self, member: &ast::StaticMemberExpression<'_>) -> Result<Expr> {
        self.guarded = true;
        let name = member.property.name.as_str();
        self.check_member(name, member.property.span)?;
        if is_node_variable(&member.object) {
            self.add_reference(name);
        }
        let object = self.expression(&member.object)?;
        Ok(self.path(object, Key::Name(name.into()), member.optional, member.span))
    }

    fn computed_member(&mut self, member: &ast::ComputedMemberExpression<'_>) -> Result<Expr> {
        self.guarded = true;
        let object = self.expression(&member.object)?;
        let key = match &member.expression {
            ast::Expression::StringLiteral(literal) => {
                self.check_member(&literal.value, literal.span)?;
                if is_node_variable(&member.object) {
                    self.add_reference(&literal.value);
                }
                Key::Name(text_of(&literal.value, literal.lone_surrogates))
            }
            ast::Expression::NumericLiteral(literal)
                if literal.value.fract() == 0.0 && (0.0..4e9).contains(&literal.value) =>
            {
                Key::Index(literal.value as usize)
            }
            index => {
                let index = self.expression(index)?;
                let span = self.span(member.span);
                return Ok(Expr::Index(Box::new(Index { object, index, optional: member.optional, span })));
            }
        };
        Ok(self.path(object, key, member.optional, member.span))
    }

    /// Puts a fixed key behind an object, as part of a path into `$json` where that is what it is.
    fn path(&mut self, object: Expr, key: Key, optional: bool, span: oxc_span::Span) -> Expr {
        let span = self.span(span);
        match (object, key) {
            (Expr::Json, key) if !optional => Expr::JsonPath(Box::new([key]), span),
            (Expr::JsonPath(keys, _), key) if !optional => {
                let mut keys = keys.into_vec();
                keys.push(key);
                Expr::JsonPath(keys.into(), span)
            }
            (object, Key::Name(key)) => Expr::Member(Box::new(Member { object, key, optional, span })),
            (object, Key::Index(index)) => {
                let index = Expr::Number(index as f64);
                Expr::Index(Box::new(Index { object, index, optional, span }))
            }
        }
    }

    /// Classes are refused, with the words n8n has for the dangerous ones.
    pub(super) fn class(&mut self, class: &ast::Class<'_>) -> Result<Statement> {
        if let Some(id) = &class.id {
            self.check_declared(&id.name, id.span)?;
        }
        if let Some(heritage) = &class.heritage
            && let ast::Expression::Identifier(base) = &heritage.expression
            && matches!(
                base.name.as_str(),
                "Function" | "GeneratorFunction" | "AsyncFunction" | "AsyncGeneratorFunction"
            )
        {
            let message = eco_format!("Cannot extend \"{}\" due to security concerns", base.name);
            return Err(forbidden(message, self.span(class.span)));
        }
        self.unsupported("classes", class)
    }
}

/// Whether `$if` can leave one branch alone: enough arguments, none spread.
fn is_lazy_if(arguments: &[ast::Argument<'_>]) -> bool {
    arguments.len() >= 2 && arguments.iter().all(|argument| !argument.is_spread())
}

fn is_node_variable(object: &ast::Expression<'_>) -> bool {
    matches!(object, ast::Expression::Identifier(id) if id.name == "$node")
}

/// The text of a literal. The parser writes lone surrogates as U+FFFD and four digits; they have no place in our text.
pub(super) fn text_of(value: &str, lone_surrogates: bool) -> Text {
    if !lone_surrogates {
        return value.into();
    }
    let mut text = Text::new();
    let mut pieces = value.split('\u{fffd}');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        text.push('\u{fffd}');
        text.push_str(piece.get(4..).unwrap_or_default());
    }
    text
}

fn binary_operator(operator: BinaryOperator) -> Binary {
    match operator {
        BinaryOperator::Equality => Binary::Equal,
        BinaryOperator::Inequality => Binary::NotEqual,
        BinaryOperator::StrictEquality => Binary::StrictEqual,
        BinaryOperator::StrictInequality => Binary::StrictNotEqual,
        BinaryOperator::LessThan => Binary::Less,
        BinaryOperator::LessEqualThan => Binary::LessEqual,
        BinaryOperator::GreaterThan => Binary::Greater,
        BinaryOperator::GreaterEqualThan => Binary::GreaterEqual,
        BinaryOperator::Addition => Binary::Add,
        BinaryOperator::Subtraction => Binary::Subtract,
        BinaryOperator::Multiplication => Binary::Multiply,
        BinaryOperator::Division => Binary::Divide,
        BinaryOperator::Remainder => Binary::Remainder,
        BinaryOperator::Exponential => Binary::Power,
        BinaryOperator::ShiftLeft => Binary::ShiftLeft,
        BinaryOperator::ShiftRight => Binary::ShiftRight,
        BinaryOperator::ShiftRightZeroFill => Binary::ShiftRightUnsigned,
        BinaryOperator::BitwiseOR => Binary::BitOr,
        BinaryOperator::BitwiseXOR => Binary::BitXor,
        BinaryOperator::BitwiseAnd => Binary::BitAnd,
        BinaryOperator::In => Binary::In,
        BinaryOperator::Instanceof => Binary::InstanceOf,
    }
}

fn logical_operator(operator: LogicalOperator) -> Logical {
    match operator {
        LogicalOperator::And => Logical::And,
        LogicalOperator::Or => Logical::Or,
        LogicalOperator::Coalesce => Logical::Coalesce,
    }
}
