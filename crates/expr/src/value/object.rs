//! Plain objects: data that is only read stays shared; the first change makes them the expression's own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;
use model::Text;
use model::value::array_index;

use super::Value;
use super::dismantle::{Container, dismantle, take_unshared};

type Members = IndexMap<Text, Value, foldhash::fast::RandomState>;

/// A plain object. Clones are the same object.
#[derive(Clone)]
pub struct Object(Rc<Inner>);

struct Inner {
    /// Whether somebody may change nested values, so that reading one must give the same object every time.
    tracked: Cell<bool>,
    sealed: Cell<bool>,
    members: RefCell<State>,
}

enum State {
    /// Data nobody has changed yet.
    Data(model::Object),
    /// The expression's own.
    Own(Members),
}

impl Container for Inner {
    fn empty_into(&mut self, values: &mut Vec<Value>) {
        if let State::Own(own) = self.members.get_mut() {
            values.extend(own.drain(..).map(|(_, value)| value));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if matches!(self.members.get_mut(), State::Own(members) if members.values().any(Value::is_object)) {
            dismantle(self);
        }
    }
}

impl Object {
    pub(super) fn take_apart(&mut self, values: &mut Vec<Value>) {
        take_unshared(&mut self.0, values);
    }

    fn with(state: State) -> Self {
        Self(Rc::new(Inner {
            tracked: Cell::new(false),
            sealed: Cell::new(false),
            members: RefCell::new(state),
        }))
    }

    /// An empty object.
    pub fn new() -> Self {
        Self::with(State::Own(Members::default()))
    }

    /// An object that shows this data, without copying it.
    pub fn from_data(data: model::Object) -> Self {
        Self::with(State::Data(data))
    }

    /// The data, if nobody has changed it.
    pub fn as_data(&self) -> Option<model::Object> {
        match &*self.0.members.borrow() {
            State::Data(data) => Some(data.clone()),
            State::Own(_) => None,
        }
    }

    /// From now on nested values keep their identity, so that changes to them are seen.
    pub(crate) fn track(&self) {
        self.0.tracked.set(true);
    }

    /// The member `key`.
    pub fn get(&self, key: &str) -> Option<Value> {
        if self.0.tracked.get() {
            self.thaw();
        }
        match &*self.0.members.borrow() {
            State::Data(data) => data.get(key).map(Value::from_data),
            State::Own(members) => members.get(key).cloned(),
        }
    }

    /// Whether there is a member `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        match &*self.0.members.borrow() {
            State::Data(data) => data.contains_key(key),
            State::Own(members) => members.contains_key(key),
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &*self.0.members.borrow() {
            State::Data(data) => data.len(),
            State::Own(members) => members.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names, in JavaScript's order.
    pub fn keys(&self) -> Vec<Text> {
        match &*self.0.members.borrow() {
            State::Data(data) => data.keys().cloned().collect(),
            State::Own(members) => members.keys().cloned().collect(),
        }
    }

    /// Names and values, in JavaScript's order.
    pub fn entries(&self) -> Vec<(Text, Value)> {
        if self.0.tracked.get() {
            self.thaw();
        }
        match &*self.0.members.borrow() {
            State::Data(data) => {
                data.iter().map(|(key, value)| (key.clone(), Value::from_data(value))).collect()
            }
            State::Own(members) => members.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        }
    }

    /// Sets `key`, unless the object is frozen.
    pub fn insert(&self, key: impl Into<Text>, value: Value) {
        if self.0.sealed.get() {
            return;
        }
        self.thaw();
        if let State::Own(members) = &mut *self.0.members.borrow_mut() {
            insert_ordered(members, key.into(), value);
        }
    }

    /// Removes `key`, unless the object is frozen.
    pub fn remove(&self, key: &str) -> Option<Value> {
        if self.0.sealed.get() {
            return None;
        }
        self.thaw();
        match &mut *self.0.members.borrow_mut() {
            State::Own(members) => members.shift_remove(key),
            State::Data(_) => None,
        }
    }

    /// Refuses every later change.
    pub fn freeze(&self) {
        self.0.sealed.set(true);
    }

    /// Whether it refuses changes.
    pub fn is_frozen(&self) -> bool {
        self.0.sealed.get()
    }

    /// Takes the members out of shared data, so that they can change.
    fn thaw(&self) {
        let data = match &*self.0.members.borrow() {
            State::Data(data) => data.clone(),
            State::Own(_) => return,
        };
        let tracked = self.0.tracked.get();
        let own = data
            .iter()
            .map(|(key, value)| {
                let value = Value::from_data(value);
                if tracked {
                    value.track();
                }
                (key.clone(), value)
            })
            .collect();
        *self.0.members.borrow_mut() = State::Own(own);
    }

    /// Whether both are the same object.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        if Rc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (&*self.0.members.borrow(), &*other.0.members.borrow()) {
            (State::Data(left), State::Data(right)) => left.ptr_eq(right),
            _ => false,
        }
    }

    /// Where the object is, to tell it from others.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}

/// Inserts in JavaScript's order: whole numbers first, ascending, then the others as they came.
fn insert_ordered(members: &mut Members, key: Text, value: Value) {
    let Some(index) = array_index(&key) else {
        members.insert(key, value);
        return;
    };
    if let Some(existing) = members.get_mut(&key) {
        *existing = value;
        return;
    }
    let place =
        members.keys().take_while(|other| array_index(other).is_some_and(|other| other < index)).count();
    members.shift_insert(place, key, value);
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

impl FromIterator<(Text, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(entries: I) -> Self {
        let mut members = Members::default();
        for (key, value) in entries {
            insert_ordered(&mut members, key, value);
        }
        Self::with(State::Own(members))
    }
}
