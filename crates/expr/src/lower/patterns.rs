//! Destructuring patterns, in declarations and in assignments.

use ecow::eco_format;
use oxc_ast::ast;

use super::names::{Place, is_forbidden, is_reserved};
use super::{Lowering, Result, forbidden};
use crate::tree::{Pattern, PatternElement, PatternMember, Target};

impl Lowering {
    /// Refuses names that n8n's evaluator keeps for itself.
    pub(super) fn check_declared(&self, name: &str, span: oxc_span::Span) -> Result<()> {
        if is_reserved(name) {
            let message = eco_format!("Cannot use \"{name}\" due to security concerns");
            return Err(forbidden(message, self.span(span)));
        }
        Ok(())
    }

    /// Declares every name of a pattern in the current block.
    pub(super) fn declare_pattern(
        &mut self,
        pattern: &ast::BindingPattern<'_>,
        constant: bool,
    ) -> Result<()> {
        self.each_name(pattern, &mut |this, name| {
            this.scopes.declare(name, constant);
        })
    }

    /// Declares every name of a pattern in the function.
    pub(super) fn declare_var_pattern(&mut self, pattern: &ast::BindingPattern<'_>) -> Result<()> {
        self.each_name(pattern, &mut |this, name| {
            this.scopes.declare_var(name);
        })
    }

    fn each_name(
        &mut self,
        pattern: &ast::BindingPattern<'_>,
        declare: &mut impl FnMut(&mut Self, &str),
    ) -> Result<()> {
        match pattern {
            ast::BindingPattern::BindingIdentifier(id) => {
                self.check_declared(&id.name, id.span)?;
                declare(self, &id.name);
            }
            ast::BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    self.each_name(&property.value, declare)?;
                }
                if let Some(rest) = &object.rest {
                    self.each_name(&rest.argument, declare)?;
                }
            }
            ast::BindingPattern::ArrayPattern(array) => {
                for element in array.elements.iter().flatten() {
                    self.each_name(element, declare)?;
                }
                if let Some(rest) = &array.rest {
                    self.each_name(&rest.argument, declare)?;
                }
            }
            ast::BindingPattern::AssignmentPattern(assignment) => {
                self.each_name(&assignment.left, declare)?
            }
        }
        Ok(())
    }

    /// Where a declared pattern puts its value. Its names are declared already.
    pub(super) fn binding_pattern(&mut self, pattern: &ast::BindingPattern<'_>) -> Result<Target> {
        match pattern {
            ast::BindingPattern::BindingIdentifier(id) => Ok(match self.scopes.resolve(&id.name) {
                Place::Local { slot, .. } => Target::Local(slot),
                Place::Captured { index, .. } => Target::Captured(index),
                Place::Unknown => Target::Variable(id.name.as_str().into()),
            }),
            ast::BindingPattern::ObjectPattern(object) => self.nested(object.span, |this| {
                let mut members = Vec::with_capacity(object.properties.len());
                for property in &object.properties {
                    let key = this.pattern_key(&property.key, property.computed)?;
                    members.push(PatternMember { key, element: this.with_default(&property.value, None)? });
                }
                let rest = match &object.rest {
                    Some(rest) => Some(this.binding_pattern(&rest.argument)?),
                    None => None,
                };
                Ok(Target::Pattern(Box::new(Pattern::Object { members: members.into(), rest })))
            }),
            ast::BindingPattern::ArrayPattern(array) => self.nested(array.span, |this| {
                let mut elements = Vec::with_capacity(array.elements.len());
                for element in &array.elements {
                    elements.push(match element {
                        Some(element) => Some(this.with_default(element, None)?),
                        None => None,
                    });
                }
                let rest = match &array.rest {
                    Some(rest) => Some(this.binding_pattern(&rest.argument)?),
                    None => None,
                };
                Ok(Target::Pattern(Box::new(Pattern::Array { elements: elements.into(), rest })))
            }),
            ast::BindingPattern::AssignmentPattern(assignment) => {
                self.unsupported("defaults in this place", &**assignment)
            }
        }
    }

    /// The name a member of an object pattern reads.
    fn pattern_key(&mut self, key: &ast::PropertyKey<'_>, computed: bool) -> Result<model::Text> {
        if computed {
            let message = "Computed property names in destructuring are not allowed due to security concerns";
            return Err(forbidden(message, self.span(oxc_span::GetSpan::span(key))));
        }
        let name = self.property_name(key)?;
        if is_forbidden(&name) {
            let message = eco_format!("Cannot destructure \"{name}\" due to security concerns");
            return Err(forbidden(message, self.span(oxc_span::GetSpan::span(key))));
        }
        Ok(name)
    }

    /// Where an assignment puts its value.
    pub(super) fn assignment_target(&mut self, target: &ast::AssignmentTarget<'_>) -> Result<Target> {
        match target {
            ast::AssignmentTarget::ArrayAssignmentTarget(array) => self.nested(array.span, |this| {
                let mut elements = Vec::with_capacity(array.elements.len());
                for element in &array.elements {
                    elements.push(match element {
                        Some(element) => Some(this.maybe_default(element)?),
                        None => None,
                    });
                }
                let rest = match &array.rest {
                    Some(rest) => Some(this.assignment_target(&rest.target)?),
                    None => None,
                };
                Ok(Target::Pattern(Box::new(Pattern::Array { elements: elements.into(), rest })))
            }),
            ast::AssignmentTarget::ObjectAssignmentTarget(object) => self.nested(object.span, |this| {
                let mut members = Vec::with_capacity(object.properties.len());
                for property in &object.properties {
                    members.push(this.assigned_property(property)?);
                }
                let rest = match &object.rest {
                    Some(rest) => Some(this.assignment_target(&rest.target)?),
                    None => None,
                };
                Ok(Target::Pattern(Box::new(Pattern::Object { members: members.into(), rest })))
            }),
            target => self.simple_target(target.to_simple_assignment_target()),
        }
    }

    fn assigned_property(&mut self, property: &ast::AssignmentTargetProperty<'_>) -> Result<PatternMember> {
        match property {
            ast::AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(property) => {
                let default = match &property.init {
                    Some(init) => Some(self.expression(init)?),
                    None => None,
                };
                let name = property.binding.name.as_str();
                Ok(PatternMember {
                    key: name.into(),
                    element: PatternElement {
                        target: self.named_target(name, property.binding.span)?,
                        default,
                    },
                })
            }
            ast::AssignmentTargetProperty::AssignmentTargetPropertyProperty(property) => Ok(PatternMember {
                key: self.pattern_key(&property.name, property.computed)?,
                element: self.maybe_default(&property.binding)?,
            }),
        }
    }

    fn maybe_default(&mut self, target: &ast::AssignmentTargetMaybeDefault<'_>) -> Result<PatternElement> {
        match target {
            ast::AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(target) => {
                let default = Some(self.expression(&target.init)?);
                Ok(PatternElement { target: self.assignment_target(&target.binding)?, default })
            }
            target => {
                let target = target.to_assignment_target();
                Ok(PatternElement { target: self.assignment_target(target)?, default: None })
            }
        }
    }

    /// A variable or member that is assigned to.
    pub(super) fn simple_target(&mut self, target: &ast::SimpleAssignmentTarget<'_>) -> Result<Target> {
        match target {
            ast::SimpleAssignmentTarget::AssignmentTargetIdentifier(id) => {
                self.named_target(&id.name, id.span)
            }
            ast::SimpleAssignmentTarget::StaticMemberExpression(member) => {
                self.mutates = true;
                self.check_member(&member.property.name, member.property.span)?;
                Ok(Target::Member(self.expression(&member.object)?, member.property.name.as_str().into()))
            }
            ast::SimpleAssignmentTarget::ComputedMemberExpression(member) => {
                self.mutates = true;
                let object = self.expression(&member.object)?;
                Ok(Target::Index(object, self.expression(&member.expression)?))
            }
            target => self.unsupported("this target of an assignment", target),
        }
    }

    fn named_target(&mut self, name: &str, span: oxc_span::Span) -> Result<Target> {
        self.check_declared(name, span)?;
        Ok(match self.scopes.resolve(name) {
            Place::Local { constant: true, .. } | Place::Captured { constant: true, .. } => Target::Constant,
            Place::Local { slot, .. } => Target::Local(slot),
            Place::Captured { index, .. } => Target::Captured(index),
            Place::Unknown => {
                self.check_member(name, span)?;
                Target::Variable(name.into())
            }
        })
    }
}
