//! Finds arrays and objects that contain themselves and empties them: counted references alone would never free them.

use std::collections::HashMap;

use crate::Value;

/// How far the walk is with a container.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// On the way down: whoever meets it again closes a circle.
    Open,
    Done,
}

/// Empties every container that closes a circle, as far as it can be reached from these.
pub(super) fn break_cycles(roots: &mut Vec<Value>) {
    let mut marks: HashMap<usize, Mark, foldhash::fast::RandomState> = HashMap::default();
    let mut circles = Vec::new();
    for root in roots.drain(..) {
        // A container on the stack is met twice: on the way down and on the way back.
        let mut stack = vec![(root, false)];
        while let Some((value, back)) = stack.pop() {
            let address = value.address();
            if back {
                marks.insert(address, Mark::Done);
                continue;
            }
            match marks.get(&address) {
                Some(Mark::Open) => circles.push(value),
                Some(Mark::Done) => {}
                None => {
                    marks.insert(address, Mark::Open);
                    let children = children(&value);
                    stack.push((value, true));
                    stack.extend(children.into_iter().map(|child| (child, false)));
                }
            }
        }
    }
    for value in circles {
        match &value {
            Value::Array(array) => {
                if let Some(mut values) = array.change() {
                    let values = std::mem::take(&mut *values);
                    drop(values);
                }
            }
            Value::Object(object) => object.keys().iter().for_each(|key| drop(object.remove(key))),
            Value::Map(entries) | Value::Set(entries) => entries.clear(),
            _ => {}
        }
    }
}

/// The containers in a container that the expression made.
fn children(value: &Value) -> Vec<Value> {
    let mut children = match value {
        Value::Array(array) if array.as_data().is_none() => array.to_vec(),
        Value::Object(object) if object.as_data().is_none() => {
            object.entries().into_iter().map(|(_, value)| value).collect()
        }
        Value::Map(entries) | Value::Set(entries) => {
            entries.entries().into_iter().flat_map(|(key, value)| [key, value]).collect()
        }
        _ => Vec::new(),
    };
    children
        .retain(|child| matches!(child, Value::Array(_) | Value::Object(_) | Value::Map(_) | Value::Set(_)));
    children
}
