//! `Error` and its relatives.

use std::rc::Rc;

use super::{Result, arg};
use crate::Value;
use crate::eval::Cx;
use crate::value::{Class, ErrorObject, Native, Object};

pub(super) fn construct(class: Class, cx: &Cx<'_>, args: &[Value]) -> Result {
    // `AggregateError` takes the errors first.
    let members = Object::new();
    let args = match class {
        Class::AggregateError => {
            members.insert("errors", arg(args, 0));
            args.get(1..).unwrap_or_default()
        }
        _ => args,
    };
    let message = match arg(args, 0) {
        Value::Undefined => Default::default(),
        value => cx.to_text(&value)?,
    };
    if let Value::Object(options) = arg(args, 1)
        && let Some(cause) = options.get("cause")
    {
        members.insert("cause", cause);
    }
    Ok(Value::Error(Rc::new(ErrorObject { name: class.name().into(), message, members })))
}

pub(super) fn static_method(name: &str) -> Option<Native> {
    (name == "isError").then_some(|_, _, args| Ok(matches!(args.first(), Some(Value::Error(_))).into()))
}

pub(super) fn method(name: &str) -> Option<Native> {
    match name {
        "toString" => Some(|_, this, _| Ok(this.to_js_string().into())),
        name => super::object::method(name),
    }
}
