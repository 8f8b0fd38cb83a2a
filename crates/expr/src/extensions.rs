//! The methods that n8n adds to every type, looked up when a value has no member of that name itself.

use crate::Error;
use crate::eval::Cx;
use crate::value::Value;

/// Whether a value of this type has extension method `name`.
pub(crate) fn exists(receiver: &Value, name: &str) -> bool {
    matches!((receiver, name), (Value::Undefined | Value::Null, "isEmpty"))
}

/// Calls extension method `name`; `None` when this type has no such method.
///
/// `undefined` and `null` are receivers too: `undefined.isEmpty()` is true.
pub(crate) fn call(
    receiver: &Value,
    name: &str,
    args: &[Value],
    cx: &Cx<'_>,
) -> Option<Result<Value, Error>> {
    let _ = (args, cx);
    match (receiver, name) {
        (Value::Undefined | Value::Null, "isEmpty") => Some(Ok(true.into())),
        _ => None,
    }
}
