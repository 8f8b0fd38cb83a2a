//! Methods of `true` and `false`.

use super::UNDEFINED;
use crate::value::{Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "toBoolean" => |_, this, _| Ok(this.clone()),
        "toInt" | "toFloat" | "toNumber" => |_, this, _| Ok(Value::Number(this.to_number())),
        "toDateTime" => UNDEFINED,
        _ => return None,
    })
}
