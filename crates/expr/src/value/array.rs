//! Arrays: data that is only read stays shared; the first change makes them the expression's own.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use model::Text;

use super::dismantle::{Container, dismantle, take_unshared};
use super::{Class, Object, Value};

/// An array. Clones are the same array.
#[derive(Clone)]
pub struct Array(Rc<Inner>);

struct Inner {
    /// Whether somebody may change nested values, so that reading one must give the same object every time.
    tracked: Cell<bool>,
    sealed: Cell<bool>,
    class: Class,
    elements: RefCell<State>,
    /// Named members, such as `index` of a match.
    named: RefCell<Option<Object>>,
}

enum State {
    /// Data nobody has changed yet.
    Data(Arc<Vec<model::Value>>),
    /// The expression's own.
    Own(Vec<Value>),
}

impl Container for Inner {
    fn empty_into(&mut self, values: &mut Vec<Value>) {
        if let State::Own(own) = self.elements.get_mut() {
            values.append(own);
        }
        values.extend(self.named.get_mut().take().map(Value::Object));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if matches!(self.elements.get_mut(), State::Own(values) if values.iter().any(Value::is_object)) {
            dismantle(self);
        }
    }
}

impl Array {
    pub(super) fn take_apart(&mut self, values: &mut Vec<Value>) {
        take_unshared(&mut self.0, values);
    }

    fn with(state: State, class: Class) -> Self {
        Self(Rc::new(Inner {
            tracked: Cell::new(false),
            sealed: Cell::new(false),
            class,
            elements: RefCell::new(state),
            named: RefCell::new(None),
        }))
    }

    /// An array of these values.
    pub fn new(values: Vec<Value>) -> Self {
        Self::with(State::Own(values), Class::Array)
    }

    /// A typed array of these values.
    pub fn typed(class: Class, values: Vec<Value>) -> Self {
        Self::with(State::Own(values), class)
    }

    /// An array that shows this data, without copying it.
    pub fn from_data(data: Arc<Vec<model::Value>>) -> Self {
        Self::with(State::Data(data), Class::Array)
    }

    /// The data, if nobody has changed it.
    pub fn as_data(&self) -> Option<Arc<Vec<model::Value>>> {
        match &*self.0.elements.borrow() {
            State::Data(data) => Some(data.clone()),
            State::Own(_) => None,
        }
    }

    /// `Array`, or the class of a typed array.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// From now on nested values keep their identity, so that changes to them are seen.
    pub(crate) fn track(&self) {
        self.0.tracked.set(true);
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match &*self.0.elements.borrow() {
            State::Data(data) => data.len(),
            State::Own(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        if self.0.tracked.get() {
            self.thaw();
        }
        match &*self.0.elements.borrow() {
            State::Data(data) => data.get(index).map(Value::from_data),
            State::Own(values) => values.get(index).cloned(),
        }
    }

    /// All elements.
    pub fn to_vec(&self) -> Vec<Value> {
        if self.0.tracked.get() {
            self.thaw();
        }
        match &*self.0.elements.borrow() {
            State::Data(data) => data.iter().map(Value::from_data).collect(),
            State::Own(values) => values.clone(),
        }
    }

    /// The elements, to be read in place. Nothing of the expression may run while they are borrowed.
    pub fn values(&self) -> Ref<'_, [Value]> {
        self.thaw();
        Ref::map(self.0.elements.borrow(), |state| match state {
            State::Own(values) => values.as_slice(),
            State::Data(_) => &[],
        })
    }

    /// The elements, to be changed; `None` when the array is frozen. Nothing of the expression may run meanwhile.
    pub fn change(&self) -> Option<RefMut<'_, Vec<Value>>> {
        if self.0.sealed.get() {
            return None;
        }
        self.thaw();
        RefMut::filter_map(self.0.elements.borrow_mut(), |state| match state {
            State::Own(values) => Some(values),
            State::Data(_) => None,
        })
        .ok()
    }

    /// Refuses every later change.
    pub fn freeze(&self) {
        self.0.sealed.set(true);
    }

    /// Whether it refuses changes.
    pub fn is_frozen(&self) -> bool {
        self.0.sealed.get()
    }

    /// Takes the elements out of shared data, so that they can change.
    fn thaw(&self) {
        let data = match &*self.0.elements.borrow() {
            State::Data(data) => data.clone(),
            State::Own(_) => return,
        };
        let own: Vec<Value> = data.iter().map(Value::from_data).collect();
        if self.0.tracked.get() {
            own.iter().for_each(Value::track);
        }
        *self.0.elements.borrow_mut() = State::Own(own);
    }

    /// The named member `key`.
    pub fn named(&self, key: &str) -> Option<Value> {
        self.0.named.borrow().as_ref()?.get(key)
    }

    /// The names of named members.
    pub fn names(&self) -> Vec<Text> {
        self.0.named.borrow().as_ref().map(Object::keys).unwrap_or_default()
    }

    /// Sets the named member `key`.
    pub fn set_named(&self, key: impl Into<Text>, value: Value) {
        self.0.named.borrow_mut().get_or_insert_default().insert(key, value);
    }

    /// Whether both are the same array.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        if Rc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (&*self.0.elements.borrow(), &*other.0.elements.borrow()) {
            (State::Data(left), State::Data(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// Where the array is, to tell it from others.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self::new(values.into_iter().collect())
    }
}
