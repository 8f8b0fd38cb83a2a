//! `Map` and `Set`.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;
use model::Text;

use super::Value;
use super::dismantle::{Container, dismantle, take_unshared};

/// The entries of a `Map`, or of a `Set` (where key and value are the same), in insertion order.
#[derive(Clone)]
pub struct Keyed(Rc<Inner>);

struct Inner {
    weak: bool,
    entries: RefCell<IndexMap<MapKey, (Value, Value), foldhash::fast::RandomState>>,
}

/// What makes two keys the same (JavaScript's SameValueZero).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MapKey {
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// A boolean
    Bool(bool),
    /// A number, by its bits; every `NaN` is the same, zero has no sign.
    Number(u64),
    /// Text
    Text(Text),
    /// A big integer
    BigInt(i128),
    /// Anything else, by where it is.
    Address(usize),
}

impl MapKey {
    /// What identifies `value`.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Undefined => Self::Undefined,
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) if number.is_nan() => Self::Number(f64::NAN.to_bits()),
            Value::Number(number) => Self::Number((number + 0.0).to_bits()),
            Value::String(text) => Self::Text(text.clone()),
            Value::BigInt(value) => Self::BigInt(**value),
            other => Self::Address(other.address()),
        }
    }
}

impl Container for Inner {
    fn empty_into(&mut self, values: &mut Vec<Value>) {
        values.extend(self.entries.get_mut().drain(..).flat_map(|(_, (key, value))| [key, value]));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        dismantle(self);
    }
}

impl Keyed {
    pub(super) fn take_apart(&mut self, values: &mut Vec<Value>) {
        take_unshared(&mut self.0, values);
    }

    /// An empty collection; `weak` ones cannot be listed.
    pub fn new(weak: bool) -> Self {
        Self(Rc::new(Inner { weak, entries: RefCell::default() }))
    }

    /// Whether it is a `WeakMap` or `WeakSet`.
    pub fn is_weak(&self) -> bool {
        self.0.weak
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `key`.
    pub fn get(&self, key: &Value) -> Option<Value> {
        self.0.entries.borrow().get(&MapKey::of(key)).map(|(_, value)| value.clone())
    }

    /// Whether there is an entry at `key`.
    pub fn contains(&self, key: &Value) -> bool {
        self.0.entries.borrow().contains_key(&MapKey::of(key))
    }

    /// Sets the value at `key`.
    pub fn insert(&self, key: Value, value: Value) {
        self.0.entries.borrow_mut().insert(MapKey::of(&key), (key, value));
    }

    /// Removes the entry at `key` and says whether there was one.
    pub fn remove(&self, key: &Value) -> bool {
        self.0.entries.borrow_mut().shift_remove(&MapKey::of(key)).is_some()
    }

    /// Removes all entries.
    pub fn clear(&self) {
        self.0.entries.borrow_mut().clear();
    }

    /// All entries, in insertion order.
    pub fn entries(&self) -> Vec<(Value, Value)> {
        self.0.entries.borrow().values().cloned().collect()
    }

    /// Whether both are the same collection.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Where the collection is, to tell it from others.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}
