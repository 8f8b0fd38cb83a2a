//! Functions.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use model::Text;

use super::Value;
use super::dismantle::{Container, dismantle, take_cell, take_unshared};
use crate::Error;
use crate::eval::Cx;
use crate::tree;

/// A built-in function: the evaluation, `this` and the arguments.
pub type Native = fn(&Cx<'_>, &Value, &[Value]) -> Result<Value, Error>;

type HostCall = dyn Fn(&[Value]) -> Result<Value, Error>;

/// A function. Clones are the same function.
#[derive(Clone)]
pub struct Function(pub(crate) Rc<Kind>);

pub(crate) enum Kind {
    /// Written in the expression.
    Closure(Closure),
    /// Built in.
    Native { name: Text, call: Native },
    /// From outside the language.
    Host { name: Text, call: Box<HostCall> },
    /// What `bind` made.
    Bound { target: Value, this: Value, args: Vec<Value> },
}

/// A function written in the expression, with the variables it uses from around it.
pub struct Closure {
    pub(crate) code: Arc<tree::Function>,
    pub(crate) captured: Vec<Rc<RefCell<Value>>>,
}

impl Container for Kind {
    fn empty_into(&mut self, values: &mut Vec<Value>) {
        match self {
            Kind::Closure(closure) => closure.captured.drain(..).for_each(|cell| take_cell(cell, values)),
            Kind::Bound { target, this, args } => {
                values.push(std::mem::take(target));
                values.push(std::mem::take(this));
                values.append(args);
            }
            Kind::Native { .. } | Kind::Host { .. } => {}
        }
    }
}

impl Drop for Kind {
    fn drop(&mut self) {
        if matches!(self, Kind::Closure(_) | Kind::Bound { .. }) {
            dismantle(self);
        }
    }
}

impl Function {
    pub(super) fn take_apart(&mut self, values: &mut Vec<Value>) {
        take_unshared(&mut self.0, values);
    }

    pub(crate) fn closure(closure: Closure) -> Self {
        Self(Rc::new(Kind::Closure(closure)))
    }

    pub(crate) fn bound(target: Value, this: Value, args: Vec<Value>) -> Self {
        Self(Rc::new(Kind::Bound { target, this, args }))
    }

    /// A built-in function.
    pub fn native(name: impl Into<Text>, call: Native) -> Self {
        Self(Rc::new(Kind::Native { name: name.into(), call }))
    }

    /// A function from outside the language.
    pub fn host(name: Text, call: impl Fn(&[Value]) -> Result<Value, Error> + 'static) -> Self {
        Self(Rc::new(Kind::Host { name, call: Box::new(call) }))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match &*self.0 {
            Kind::Closure(closure) => &closure.code.name,
            Kind::Native { name, .. } | Kind::Host { name, .. } => name,
            Kind::Bound { .. } => "bound",
        }
    }

    /// How many parameters it declares.
    pub fn arity(&self) -> usize {
        match &*self.0 {
            Kind::Closure(closure) => closure.code.arity,
            _ => 0,
        }
    }

    /// Whether both are the same function.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&*self.0, &*other.0) {
            (Kind::Native { name: left, call: one }, Kind::Native { name: right, call: two }) => {
                left == right && std::ptr::fn_addr_eq(*one, *two)
            }
            _ => Rc::ptr_eq(&self.0, &other.0),
        }
    }

    /// Where the function is, to tell it from others.
    pub(crate) fn address(&self) -> usize {
        match &*self.0 {
            Kind::Native { call, .. } => *call as usize,
            _ => Rc::as_ptr(&self.0) as *const u8 as usize,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.name())
    }
}
