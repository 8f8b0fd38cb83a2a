//! Functions.

use std::sync::Arc;

use model::Text;
use oxc_ast::ast;

use super::{Lowering, Result};
use crate::tree::{Body, Expr, Function, PatternElement, Target};

impl Lowering {
    pub(super) fn arrow(&mut self, arrow: &ast::ArrowFunctionExpression<'_>) -> Result<Arc<Function>> {
        if arrow.r#async {
            return self.unsupported("async functions", arrow);
        }
        self.function_of(Text::new(), true, None, &arrow.params, |this| match &arrow.body {
            ast::ArrowFunctionBody::FunctionBody(body) => Ok(Body::Block(this.body(&body.statements)?)),
            body => {
                let expression = body.as_expression().expect("what is no body is an expression");
                Ok(Body::Expression(this.expression(expression)?))
            }
        })
    }

    /// A `function` expression, declaration or method.
    pub(super) fn function(&mut self, function: &ast::Function<'_>) -> Result<Arc<Function>> {
        if function.r#async {
            return self.unsupported("async functions", function);
        }
        if function.generator {
            return self.unsupported("generator functions", function);
        }
        let name = function.id.as_ref();
        if let Some(id) = name {
            self.check_declared(&id.name, id.span)?;
        }
        let own_name = name.filter(|_| function.is_expression()).map(|id| id.name.as_str());
        let text = name.map(|id| Text::from(id.name.as_str())).unwrap_or_default();
        let Some(body) = &function.body else {
            return self.unsupported("functions without a body", function);
        };
        self.function_of(text, false, own_name, &function.params, |this| {
            Ok(Body::Block(this.body(&body.statements)?))
        })
    }

    fn function_of(
        &mut self,
        name: Text,
        arrow: bool,
        own_name: Option<&str>,
        params: &ast::FormalParameters<'_>,
        body: impl FnOnce(&mut Self) -> Result<Body>,
    ) -> Result<Arc<Function>> {
        self.scopes.enter_function(arrow);
        let outer = std::mem::replace(&mut self.deepest, self.depth);
        // Plain parameters come first, so that arguments can be put in their places without looking at patterns.
        for param in &params.items {
            self.declare_pattern(&param.pattern, false)?;
        }
        if let Some(rest) = &params.rest {
            self.declare_pattern(&rest.rest.argument, false)?;
        }
        let mut parameters = Vec::with_capacity(params.items.len());
        for param in &params.items {
            let default = match (&param.initializer, &param.pattern) {
                (Some(default), _) => Some(self.expression(default)?),
                (None, _) => None,
            };
            parameters.push(self.with_default(&param.pattern, default)?);
        }
        let rest = match &params.rest {
            Some(rest) => Some(self.binding_target(&rest.rest.argument)?),
            None => None,
        };
        let itself = own_name.map(|name| {
            // A parameter of the same name wins.
            self.scopes.enter_block();
            self.scopes.declare(name, false)
        });
        let body = match own_name {
            // The name must be seen behind the parameters, so it gets a block that the body does not open again.
            Some(_) => {
                let body = body(self)?;
                self.scopes.leave_block();
                body
            }
            None => body(self)?,
        };
        let finished = self.scopes.leave_function();
        let depth = self.deepest - self.depth;
        self.deepest = outer.max(self.deepest);
        let arity = parameters.iter().take_while(|param| param.default.is_none()).count();
        Ok(Arc::new(Function {
            name,
            arity,
            parameters: parameters.into(),
            rest,
            slots: finished.slots,
            captures: finished.captures,
            itself,
            body,
            depth,
        }))
    }

    /// `pattern` or `pattern = default`.
    pub(super) fn with_default(
        &mut self,
        pattern: &ast::BindingPattern<'_>,
        default: Option<Expr>,
    ) -> Result<PatternElement> {
        match pattern {
            ast::BindingPattern::AssignmentPattern(assignment) => {
                let default = self.expression(&assignment.right)?;
                Ok(PatternElement { target: self.binding_target(&assignment.left)?, default: Some(default) })
            }
            pattern => Ok(PatternElement { target: self.binding_target(pattern)?, default }),
        }
    }

    /// Where a declared pattern puts its value.
    pub(super) fn binding_target(&mut self, pattern: &ast::BindingPattern<'_>) -> Result<Target> {
        self.binding_pattern(pattern)
    }
}
