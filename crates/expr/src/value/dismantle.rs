//! Taking values apart without recursion: a list nested a hundred thousand times must not overflow the stack when it
//! is dropped, and values that contain themselves must not stay for ever.

use std::cell::RefCell;
use std::rc::Rc;

use super::Value;

/// Something that holds values.
pub(super) trait Container {
    /// Moves everything it holds to `values`.
    fn empty_into(&mut self, values: &mut Vec<Value>);
}

/// Drops what a container holds, one value at a time.
pub(super) fn dismantle(container: &mut impl Container) {
    let mut pending = Vec::new();
    container.empty_into(&mut pending);
    while let Some(mut value) = pending.pop() {
        match &mut value {
            Value::Array(array) => array.take_apart(&mut pending),
            Value::Object(object) => object.take_apart(&mut pending),
            Value::Map(entries) | Value::Set(entries) => entries.take_apart(&mut pending),
            Value::Function(function) => function.take_apart(&mut pending),
            Value::Error(error) => {
                if let Some(error) = Rc::get_mut(error) {
                    error.members.take_apart(&mut pending);
                }
            }
            _ => {}
        }
    }
}

/// Moves what a shared container holds to `values`, if nobody else has it.
pub(super) fn take_unshared(container: &mut Rc<impl Container>, values: &mut Vec<Value>) {
    if let Some(container) = Rc::get_mut(container) {
        container.empty_into(values);
    }
}

/// Moves the value of a variable to `values`, if nobody else has the variable.
pub(super) fn take_cell(cell: Rc<RefCell<Value>>, values: &mut Vec<Value>) {
    if let Ok(cell) = Rc::try_unwrap(cell) {
        values.push(cell.into_inner());
    }
}
