//! Calls: of functions, methods and constructors.

use std::rc::Rc;

use ecow::eco_format;
use smallvec::SmallVec;

use super::{Args, Cx, Frame, Result, Slot, grown};
use crate::error::Limit;
use crate::tree::{Body, Call, Capture, Expr, Method, MethodName, Target};
use crate::value::function::Kind;
use crate::value::{Closure, Function};
use crate::{Error, Value, builtins, extensions};

impl Cx<'_> {
    pub(super) fn eval_call(&self, call: &Call, frame: &mut Frame<'_>) -> Result<Value> {
        // Built-in functions are called without making values of them.
        if let Expr::Native(_, native) = &call.callee {
            let args = self.args(&call.args, frame)?;
            return native(self, &Value::Undefined, &args).map_err(|error| error.at(call.span.clone()));
        }
        let callee = self.eval(&call.callee, frame)?;
        if self.ends(call.optional, &callee) {
            return Ok(Value::Undefined);
        }
        let args = self.args(&call.args, frame)?;
        self.call(&callee, &Value::Undefined, &args).map_err(|error| error.at(call.span.clone()))
    }

    pub(super) fn eval_method(&self, method: &Method, frame: &mut Frame<'_>) -> Result<Value> {
        let object = self.eval(&method.object, frame)?;
        if self.ends(method.optional, &object) {
            return Ok(Value::Undefined);
        }
        let computed;
        let name = match &method.name {
            MethodName::Static(name) => name,
            MethodName::Computed(name) => {
                let name = self.eval(name, frame)?;
                computed = self.to_key(&name)?;
                &computed
            }
        };
        let args = self.args(&method.args, frame)?;
        let missing =
            method.optional_call && (object.is_nullish() || self.member(&object, name)?.is_nullish());
        let result = match (missing, method.extended) {
            (false, false) => self.call_own_method(&object, name, &args),
            (false, true) => self.call_method(&object, name, &args),
            (true, extended) => match extensions::call(&object, name, &args, self) {
                Some(result) if extended && !object.is_nullish() => result,
                _ => {
                    self.ended.set(true);
                    return Ok(Value::Undefined);
                }
            },
        };
        result.map_err(|error| error.at(method.span.clone()))
    }

    /// `object.name(args)`: n8n's extension method for this type, or else an own or native method of that name.
    pub(crate) fn call_method(&self, object: &Value, name: &str, args: &[Value]) -> Result<Value> {
        if let Some(result) = extensions::call(object, name, args, self) {
            return result;
        }
        match self.find_own_method(object, name, args)? {
            Some(value) => Ok(value),
            None => match extensions::fallback(object, name, args, self) {
                Some(result) => result,
                None => Err(no_method(object, name)),
            },
        }
    }

    /// `object.name(args)`, where no extension method has that name.
    fn call_own_method(&self, object: &Value, name: &str, args: &[Value]) -> Result<Value> {
        self.find_own_method(object, name, args)?.ok_or_else(|| no_method(object, name))
    }

    /// Calls the method of a value itself or of its class; `None` when there is none.
    fn find_own_method(&self, object: &Value, name: &str, args: &[Value]) -> Result<Option<Value>> {
        let own = match object {
            Value::Object(members) => members.get(name).filter(Value::is_callable),
            Value::Array(array) => array.named(name).filter(Value::is_callable),
            Value::Host(host) => Some(host.get(name)?).filter(Value::is_callable),
            Value::Class(class) => builtins::static_member(*class, name).filter(Value::is_callable),
            _ => None,
        };
        if let Some(own) = own {
            return self.call(&own, object, args).map(Some);
        }
        builtins::method(object, name).map(|native| native(self, object, args)).transpose()
    }

    /// Calls a value.
    pub(crate) fn call(&self, callee: &Value, this: &Value, args: &[Value]) -> Result<Value> {
        self.charge(2)?;
        match callee {
            Value::Function(function) => match &*function.0 {
                Kind::Closure(closure) => self.call_closure(function, closure, args),
                Kind::Native { call, .. } => call(self, this, args),
                Kind::Host { call, .. } => {
                    let value = call(args)?;
                    Ok(self.tracked(value))
                }
                Kind::Bound { target, this, args: bound } => {
                    let args: Args = bound.iter().chain(args).cloned().collect();
                    self.deeper(|| self.call(target, this, &args))
                }
            },
            Value::Class(class) => builtins::call_class(*class, self, args),
            Value::Host(host) if host.is_callable() => {
                let value = host.call(args)?;
                Ok(self.tracked(value))
            }
            value => Err(Error::type_error(eco_format!("{} is not a function", value.type_name()))),
        }
    }

    pub(super) fn construct(&self, callee: &Value, args: &[Value]) -> Result<Value> {
        match callee {
            Value::Class(class) => builtins::construct(*class, self, args),
            _ => Err(Error::type_error("this is not a constructor")),
        }
    }

    fn call_closure(&self, function: &Function, closure: &Closure, args: &[Value]) -> Result<Value> {
        let code = &closure.code;
        self.allocate(32 + code.slots as usize * size_of::<Slot>())?;
        let mut frame = Frame { slots: SmallVec::new(), captured: &closure.captured, args };
        frame.slots.resize_with(code.slots as usize, Slot::default);
        if let Some(itself) = code.itself {
            frame.set_local(itself, Value::Function(function.clone()));
        }
        let depth = self.depth.get();
        if depth >= self.limits.depth {
            return Err(Error::limit(Limit::Depth));
        }
        self.depth.set(depth + 1);
        let ended = self.ended.replace(false);
        let result = grown(code.depth, || {
            for (index, parameter) in code.parameters.iter().enumerate() {
                let value = args.get(index).cloned().unwrap_or_default();
                match (&parameter.target, &parameter.default) {
                    (Target::Local(slot), None) => frame.slots[*slot as usize] = Slot::Plain(value),
                    _ => self.store_element(parameter, value, &mut frame)?,
                }
            }
            if let Some(rest) = &code.rest {
                let values = args.get(code.parameters.len()..).unwrap_or_default();
                self.allocate(size_of_val(values))?;
                self.store(rest, Value::array(values.to_vec()), &mut frame)?;
            }
            match &code.body {
                Body::Expression(expression) => self.eval(expression, &mut frame),
                Body::Block(block) => self.run_body(block, &mut frame),
            }
        });
        self.ended.set(ended);
        self.depth.set(depth);
        result
    }

    /// Goes one level deeper in something that calls itself.
    pub(crate) fn deeper<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = self.depth.get();
        if depth >= self.limits.depth {
            return Err(Error::limit(Limit::Depth));
        }
        self.depth.set(depth + 1);
        let result = grown(4, work);
        self.depth.set(depth);
        result
    }
}

#[cold]
fn no_method(object: &Value, name: &str) -> Error {
    if object.is_nullish() {
        let message = eco_format!("Cannot read properties of {} (reading '{name}')", object.to_js_string());
        return Error::type_error(message);
    }
    Error::type_error(eco_format!("{name} is not a function"))
}

impl Frame<'_> {
    /// Makes a function of code, sharing the variables it uses.
    pub(super) fn closure(&mut self, code: &std::sync::Arc<crate::tree::Function>, cx: &Cx<'_>) -> Value {
        let captured = code
            .captures
            .iter()
            .map(|capture| match capture {
                Capture::Local(slot) => self.share(*slot, cx),
                Capture::Captured(index) => Rc::clone(&self.captured[*index as usize]),
            })
            .collect();
        Value::Function(Function::closure(Closure { code: code.clone(), captured }))
    }
}
