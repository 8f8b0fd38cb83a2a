//! `Boolean`.

use crate::value::Native;

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "toString" => |_, this, _| Ok(this.to_js_string().into()),
        "valueOf" => |_, this, _| Ok(this.clone()),
        _ => return None,
    })
}
