//! Methods of functions.

use super::{Result, arg};
use crate::Value;
use crate::eval::Cx;
use crate::value::{Function, Native};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "call" => |cx, this, args| cx.call(this, &arg(args, 0), args.get(1..).unwrap_or_default()),
        "apply" => |cx, this, args| {
            let values = match arg(args, 1) {
                Value::Undefined | Value::Null => Vec::new(),
                values => cx.iterate(&values)?,
            };
            cx.call(this, &arg(args, 0), &values)
        },
        "bind" => bind,
        "toString" => |_, this, _| Ok(this.to_js_string().into()),
        _ => return None,
    })
}

fn bind(cx: &Cx<'_>, this: &Value, args: &[Value]) -> Result {
    cx.allocate(size_of_val(args) + 64)?;
    let bound = args.get(1..).unwrap_or_default().to_vec();
    Ok(Value::Function(Function::bound(this.clone(), arg(args, 0), bound)))
}
