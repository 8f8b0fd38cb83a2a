//! Statements, in the bodies of functions.

use std::ops::Range;
use std::sync::Arc;

use model::Text;
use oxc_ast::ast;
use oxc_span::GetSpan;

use super::{Lowering, Result};
use crate::tree::{Block, For, ForEach, Function, Statement, Switch, Target, Try};

type Statements<'s, 'a> = &'s [ast::Statement<'a>];

impl Lowering {
    /// The body of a function: its variables live in the function's own block.
    pub(super) fn body(&mut self, statements: Statements<'_, '_>) -> Result<Block> {
        self.declare_vars(statements)?;
        self.block_of(statements)
    }

    fn block(&mut self, statements: Statements<'_, '_>) -> Result<Block> {
        self.scopes.enter_block();
        let block = self.block_of(statements);
        self.scopes.leave_block();
        block
    }

    fn block_of(&mut self, statements: Statements<'_, '_>) -> Result<Block> {
        let (fresh, functions) = self.declarations(statements)?;
        Ok(Block { fresh, functions, statements: self.statements(statements)? })
    }

    /// Declares what a list of statements declares, so that names mean the same from its start.
    #[allow(clippy::type_complexity, reason = "the pair is taken apart at once by both callers")]
    fn declarations(
        &mut self,
        statements: Statements<'_, '_>,
    ) -> Result<(Range<u32>, Box<[(u32, Arc<Function>)]>)> {
        let from = self.scopes.slots();
        for statement in statements {
            match statement {
                ast::Statement::VariableDeclaration(declaration) if !declaration.kind.is_var() => {
                    for declarator in &declaration.declarations {
                        self.declare_pattern(&declarator.id, declaration.kind.is_const())?;
                    }
                }
                ast::Statement::FunctionDeclaration(function) => {
                    if let Some(id) = &function.id {
                        self.check_declared(&id.name, id.span)?;
                        self.scopes.declare(&id.name, false);
                    }
                }
                _ => {}
            }
        }
        let fresh = self.scopes.since(from);
        let mut functions = Vec::new();
        for statement in statements {
            if let ast::Statement::FunctionDeclaration(function) = statement
                && let Some(id) = &function.id
            {
                let slot = self.scopes.declare(&id.name, false);
                functions.push((slot, self.function(function)?));
            }
        }
        Ok((fresh, functions.into()))
    }

    /// Declares the `var`s of a function, wherever they stand.
    fn declare_vars(&mut self, statements: Statements<'_, '_>) -> Result<()> {
        statements.iter().try_for_each(|statement| self.declare_vars_of(statement))
    }

    fn declare_vars_of(&mut self, statement: &ast::Statement<'_>) -> Result<()> {
        self.nested(statement.span(), |this| {
            match statement {
                ast::Statement::VariableDeclaration(declaration) => this.declare_vars_in(declaration)?,
                ast::Statement::BlockStatement(block) => this.declare_vars(&block.body)?,
                ast::Statement::IfStatement(statement) => {
                    this.declare_vars_of(&statement.consequent)?;
                    if let Some(alternate) = &statement.alternate {
                        this.declare_vars_of(alternate)?;
                    }
                }
                ast::Statement::ForStatement(statement) => {
                    if let Some(ast::ForStatementInit::VariableDeclaration(declaration)) = &statement.init {
                        this.declare_vars_in(declaration)?;
                    }
                    this.declare_vars_of(&statement.body)?;
                }
                ast::Statement::ForInStatement(statement) => {
                    if let ast::ForStatementLeft::VariableDeclaration(declaration) = &statement.left {
                        this.declare_vars_in(declaration)?;
                    }
                    this.declare_vars_of(&statement.body)?;
                }
                ast::Statement::ForOfStatement(statement) => {
                    if let ast::ForStatementLeft::VariableDeclaration(declaration) = &statement.left {
                        this.declare_vars_in(declaration)?;
                    }
                    this.declare_vars_of(&statement.body)?;
                }
                ast::Statement::WhileStatement(statement) => this.declare_vars_of(&statement.body)?,
                ast::Statement::DoWhileStatement(statement) => this.declare_vars_of(&statement.body)?,
                ast::Statement::LabeledStatement(statement) => this.declare_vars_of(&statement.body)?,
                ast::Statement::SwitchStatement(statement) => {
                    for case in &statement.cases {
                        this.declare_vars(&case.consequent)?;
                    }
                }
                ast::Statement::TryStatement(statement) => {
                    this.declare_vars(&statement.block.body)?;
                    if let Some(handler) = &statement.handler {
                        this.declare_vars(&handler.body.body)?;
                    }
                    if let Some(finalizer) = &statement.finalizer {
                        this.declare_vars(&finalizer.body)?;
                    }
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn declare_vars_in(&mut self, declaration: &ast::VariableDeclaration<'_>) -> Result<()> {
        if declaration.kind.is_var() {
            for declarator in &declaration.declarations {
                self.declare_var_pattern(&declarator.id)?;
            }
        }
        Ok(())
    }

    fn statements(&mut self, statements: Statements<'_, '_>) -> Result<Box<[Statement]>> {
        statements.iter().map(|statement| self.statement(statement)).collect()
    }

    fn statement(&mut self, statement: &ast::Statement<'_>) -> Result<Statement> {
        self.nested(statement.span(), |this| this.statement_within(statement))
    }

    fn statement_within(&mut self, statement: &ast::Statement<'_>) -> Result<Statement> {
        Ok(match statement {
            ast::Statement::ExpressionStatement(statement) => {
                Statement::Expression(self.expression(&statement.expression)?)
            }
            ast::Statement::VariableDeclaration(declaration) => self.declaration(declaration)?,
            ast::Statement::FunctionDeclaration(_) | ast::Statement::EmptyStatement(_) => Statement::Empty,
            ast::Statement::BlockStatement(block) => Statement::Block(self.block(&block.body)?),
            ast::Statement::IfStatement(statement) => {
                let test = self.expression(&statement.test)?;
                let consequent = self.statement(&statement.consequent)?;
                let alternate = match &statement.alternate {
                    Some(alternate) => Some(self.statement(alternate)?),
                    None => None,
                };
                Statement::If(Box::new((test, consequent, alternate)))
            }
            ast::Statement::ForStatement(statement) => {
                self.scopes.enter_block();
                let result = self.for_loop(statement);
                self.scopes.leave_block();
                result?
            }
            ast::Statement::ForOfStatement(statement) => {
                if statement.r#await {
                    return self.unsupported("for await", &**statement);
                }
                self.for_each(&statement.left, &statement.right, &statement.body, false)?
            }
            ast::Statement::ForInStatement(statement) => {
                self.for_each(&statement.left, &statement.right, &statement.body, true)?
            }
            ast::Statement::WhileStatement(statement) => {
                let test = self.expression(&statement.test)?;
                Statement::While(Box::new((test, self.statement(&statement.body)?)))
            }
            ast::Statement::DoWhileStatement(statement) => {
                let body = self.statement(&statement.body)?;
                Statement::DoWhile(Box::new((body, self.expression(&statement.test)?)))
            }
            ast::Statement::SwitchStatement(statement) => {
                let value = self.expression(&statement.discriminant)?;
                self.scopes.enter_block();
                let switch = self.switch(value, &statement.cases);
                self.scopes.leave_block();
                switch?
            }
            ast::Statement::LabeledStatement(statement) => Statement::Labeled(
                statement.label.name.as_str().into(),
                Box::new(self.statement(&statement.body)?),
            ),
            ast::Statement::BreakStatement(statement) => Statement::Break(label(&statement.label)),
            ast::Statement::ContinueStatement(statement) => Statement::Continue(label(&statement.label)),
            ast::Statement::ReturnStatement(statement) => Statement::Return(match &statement.argument {
                Some(argument) => Some(self.expression(argument)?),
                None => None,
            }),
            ast::Statement::ThrowStatement(statement) => {
                Statement::Throw(self.expression(&statement.argument)?, self.span(statement.span))
            }
            ast::Statement::TryStatement(statement) => self.try_statement(statement)?,
            ast::Statement::ClassDeclaration(class) => return self.class(class),
            ast::Statement::WithStatement(statement) => {
                let message = "Cannot use \"with\" statements due to security concerns";
                return Err(super::forbidden(message, self.span(statement.span)));
            }
            other => return self.unsupported("this statement", other),
        })
    }

    fn declaration(&mut self, declaration: &ast::VariableDeclaration<'_>) -> Result<Statement> {
        let lexical = !declaration.kind.is_var();
        let mut declared = Vec::with_capacity(declaration.declarations.len());
        for declarator in &declaration.declarations {
            let value = match &declarator.init {
                Some(init) => Some(self.named_expression(init, &declarator.id)?),
                None => None,
            };
            if value.is_some() || lexical {
                declared.push(Statement::Declare(self.binding_pattern(&declarator.id)?, value));
            }
        }
        Ok(match declared.len() {
            1 => declared.remove(0),
            _ => Statement::Several(declared.into()),
        })
    }

    fn for_loop(&mut self, statement: &ast::ForStatement<'_>) -> Result<Statement> {
        let from = self.scopes.slots();
        let init = match &statement.init {
            None => Statement::Empty,
            Some(ast::ForStatementInit::VariableDeclaration(declaration)) => {
                if !declaration.kind.is_var() {
                    for declarator in &declaration.declarations {
                        self.declare_pattern(&declarator.id, declaration.kind.is_const())?;
                    }
                }
                self.declaration(declaration)?
            }
            Some(init) => Statement::Expression(self.expression(init.to_expression())?),
        };
        let fresh = self.scopes.since(from);
        let test = match &statement.test {
            Some(test) => Some(self.expression(test)?),
            None => None,
        };
        let update = match &statement.update {
            Some(update) => Some(self.expression(update)?),
            None => None,
        };
        let body = self.statement(&statement.body)?;
        Ok(Statement::For(Box::new(For { fresh, init, test, update, body })))
    }

    fn for_each(
        &mut self,
        left: &ast::ForStatementLeft<'_>,
        over: &ast::Expression<'_>,
        body: &ast::Statement<'_>,
        keys: bool,
    ) -> Result<Statement> {
        let over = self.expression(over)?;
        self.scopes.enter_block();
        let from = self.scopes.slots();
        let target = self.for_target(left);
        let fresh = self.scopes.since(from);
        let each = target.and_then(|target| {
            let body = self.statement(body)?;
            Ok(Statement::ForEach(Box::new(ForEach { fresh, target, over, keys, body })))
        });
        self.scopes.leave_block();
        each
    }

    fn for_target(&mut self, left: &ast::ForStatementLeft<'_>) -> Result<Target> {
        match left {
            ast::ForStatementLeft::VariableDeclaration(declaration) => {
                let Some(declarator) = declaration.declarations.first() else {
                    return self.unsupported("this loop", &**declaration);
                };
                if !declaration.kind.is_var() {
                    self.declare_pattern(&declarator.id, declaration.kind.is_const())?;
                }
                self.binding_pattern(&declarator.id)
            }
            left => self.assignment_target(left.to_assignment_target()),
        }
    }

    fn switch(&mut self, value: crate::tree::Expr, cases: &[ast::SwitchCase<'_>]) -> Result<Statement> {
        let from = self.scopes.slots();
        let mut functions = Vec::new();
        for case in cases {
            functions.extend(self.declarations(&case.consequent)?.1);
        }
        let fresh = self.scopes.since(from);
        let mut lowered = Vec::with_capacity(cases.len());
        for case in cases {
            let test = match &case.test {
                Some(test) => Some(self.expression(test)?),
                None => None,
            };
            lowered.push((test, self.statements(&case.consequent)?));
        }
        Ok(Statement::Switch(Box::new(Switch {
            value,
            fresh,
            functions: functions.into(),
            cases: lowered.into(),
        })))
    }

    fn try_statement(&mut self, statement: &ast::TryStatement<'_>) -> Result<Statement> {
        let block = self.block(&statement.block.body)?;
        let catch = match &statement.handler {
            None => None,
            Some(handler) => {
                self.scopes.enter_block();
                let from = self.scopes.slots();
                let target = match &handler.param {
                    None => Ok(None),
                    Some(param) => self
                        .declare_pattern(&param.pattern, false)
                        .and_then(|()| self.binding_pattern(&param.pattern).map(Some)),
                };
                let fresh = self.scopes.since(from);
                let catch = target.and_then(|target| Ok((fresh, target, self.block(&handler.body.body)?)));
                self.scopes.leave_block();
                Some(catch?)
            }
        };
        let finally = match &statement.finalizer {
            Some(finalizer) => Some(self.block(&finalizer.body)?),
            None => None,
        };
        Ok(Statement::Try(Box::new(Try { block, catch, finally })))
    }
}

fn label(label: &Option<ast::LabelIdentifier<'_>>) -> Option<Text> {
    label.as_ref().map(|label| label.name.as_str().into())
}
