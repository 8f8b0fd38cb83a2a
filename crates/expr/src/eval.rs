//! The interpreter: walks the tree of a part and pays for every step.

mod access;
mod assign;
mod call;
mod cycles;
mod operators;
mod statements;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use ecow::eco_format;
use jiff::tz::TimeZone;
use model::Text;
use smallvec::SmallVec;

use crate::error::{ErrorKind, Limit};
use crate::tree::{Body, Element, Expr, Function, Key, Logical, Property, Tagged};
use crate::value::{Array, ErrorObject, Object};
use crate::{Error, Limits, Scope, Value};

pub(crate) use operators::{power, to_int32};

/// Arguments of one call.
pub(crate) type Args = SmallVec<[Value; 4]>;

type Result<T, E = Error> = std::result::Result<T, E>;

/// One evaluation under way: what it can see and what it has used up.
pub struct Cx<'a> {
    scope: &'a dyn Scope,
    limits: &'a Limits,
    fuel: Cell<u64>,
    memory: Cell<usize>,
    depth: Cell<u32>,
    /// Whether arrays and objects may change, so that nested ones must keep their identity.
    mutates: bool,
    /// Set while a chain with `?.` has ended early.
    ended: Cell<bool>,
    /// Values that were thrown and are not caught yet.
    thrown: RefCell<Vec<Value>>,
    /// Names that were assigned to without being declared.
    globals: RefCell<Vec<(Text, Value)>>,
    /// `$json`, when it may change.
    json: OnceCell<Value>,
    /// Variables that functions share; emptied at the end, because a function that calls itself keeps itself alive.
    cells: RefCell<Vec<Rc<RefCell<Value>>>>,
    /// Arrays and objects that others were put into, which may have made a circle.
    linked: RefCell<Vec<Value>>,
}

impl Drop for Cx<'_> {
    fn drop(&mut self) {
        for cell in self.cells.get_mut().drain(..) {
            cell.take();
        }
        let linked = self.linked.get_mut();
        if !linked.is_empty() {
            cycles::break_cycles(linked);
        }
    }
}

/// A variable.
#[derive(Default)]
enum Slot {
    /// Not initialised yet.
    #[default]
    Empty,
    Plain(Value),
    /// Shared with a function that was made here.
    Shared(Rc<RefCell<Value>>),
}

/// The variables of one call.
struct Frame<'f> {
    slots: SmallVec<[Slot; 6]>,
    captured: &'f [Rc<RefCell<Value>>],
    args: &'f [Value],
}

impl<'a> Cx<'a> {
    pub(crate) fn new(scope: &'a dyn Scope, limits: &'a Limits, mutates: bool) -> Self {
        Self {
            scope,
            limits,
            fuel: Cell::new(limits.fuel),
            memory: Cell::new(limits.memory_bytes),
            depth: Cell::new(0),
            mutates,
            ended: Cell::new(false),
            thrown: RefCell::default(),
            globals: RefCell::default(),
            json: OnceCell::new(),
            cells: RefCell::default(),
            linked: RefCell::default(),
        }
    }

    /// Notes that `value` was put into `container`, before it is.
    pub(crate) fn link(&self, container: &Value, value: &Value) -> Result<()> {
        if value.is_object() {
            let mut linked = self.linked.borrow_mut();
            if linked.last().is_none_or(|last| !crate::value::strictly_equal(last, container)) {
                self.allocate(VALUE)?;
                linked.push(container.clone());
            }
        }
        Ok(())
    }

    /// Pays for this many steps of work, before they are done.
    #[inline]
    pub fn charge(&self, steps: usize) -> Result<()> {
        match self.fuel.get().checked_sub(steps as u64) {
            Some(rest) => {
                self.fuel.set(rest);
                Ok(())
            }
            None => Err(Error::limit(Limit::Fuel)),
        }
    }

    /// Pays for this many bytes of memory, before they are allocated.
    #[inline]
    pub fn allocate(&self, bytes: usize) -> Result<()> {
        match self.memory.get().checked_sub(bytes) {
            Some(rest) => {
                self.memory.set(rest);
                self.charge(bytes / 64)
            }
            None => Err(Error::limit(Limit::Memory)),
        }
    }

    /// What the expression can see.
    pub fn scope(&self) -> &'a dyn Scope {
        self.scope
    }

    /// Milliseconds since 1970, the same for the whole evaluation.
    pub fn now_ms(&self) -> f64 {
        self.scope.now_ms()
    }

    /// The workflow's time zone.
    pub fn zone(&self) -> &'a TimeZone {
        self.scope.zone()
    }

    /// The next random number in `[0, 1)`.
    pub fn random(&self) -> f64 {
        self.scope.random()
    }

    /// The limits of this evaluation.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Evaluates the code of a part.
    pub(crate) fn run(&self, code: &Function) -> Result<Value> {
        let mut frame = Frame { slots: SmallVec::new(), captured: &[], args: &[] };
        frame.slots.resize_with(code.slots as usize, Slot::default);
        match &code.body {
            Body::Expression(expression) if code.depth <= SHALLOW => self.eval(expression, &mut frame),
            Body::Expression(expression) => grown(code.depth, || self.eval(expression, &mut frame)),
            Body::Block(block) => self.run_body(block, &mut frame),
        }
    }

    /// Bytes allocated so far.
    pub(crate) fn allocated(&self) -> usize {
        self.limits.memory_bytes - self.memory.get()
    }

    /// Refuses results that are too large. What the expression did not make itself costs nothing.
    pub(crate) fn check_output(&self, value: &Value) -> Result<()> {
        if measure(value, &mut self.limits.output_bytes.clone(), MAX_NESTING).is_some() {
            return Ok(());
        }
        let allocated = self.allocated();
        let mut repeats = Repeats { left: self.limits.output_bytes, seen: HashSet::default() };
        if allocated <= self.limits.output_bytes && repeats.visit(value, MAX_NESTING).is_some() {
            return Ok(());
        }
        Err(Error::limit(Limit::Output))
    }

    /// Pays for a copy of a value, in which what is shared counts as often as it occurs.
    pub(crate) fn allocate_copy(&self, value: &Value) -> Result<()> {
        let memory = self.memory.get();
        let mut left = memory;
        measure(value, &mut left, MAX_NESTING).ok_or_else(|| Error::limit(Limit::Memory))?;
        self.allocate(memory - left)
    }

    fn eval(&self, expression: &Expr, frame: &mut Frame<'_>) -> Result<Value> {
        self.charge(1)?;
        Ok(match expression {
            Expr::Undefined => Value::Undefined,
            Expr::Null => Value::Null,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Number(number) => Value::Number(*number),
            Expr::String(text) => Value::String(text.clone()),
            Expr::JsonPath(keys, span) => {
                return self.json_path(keys).map_err(|error| error.at(span.clone()));
            }
            Expr::Json => return self.json(),
            Expr::Local(slot) => return frame.local(*slot),
            Expr::Captured(index) => frame.captured[*index as usize].borrow().clone(),
            Expr::Binary(first, rest) => return self.binary_chain(first, rest, frame),
            Expr::Logical(first, rest) => {
                let mut value = self.eval(first, frame)?;
                for (operator, next) in rest {
                    if operator.goes_on(&value) {
                        value = self.eval(next, frame)?;
                    }
                }
                value
            }
            Expr::Conditional(parts) => {
                let [test, consequent, alternate] = &**parts;
                let chosen = if self.eval(test, frame)?.truthy() { consequent } else { alternate };
                return self.eval(chosen, frame);
            }
            Expr::Template(texts, values) => return self.template(texts, values, frame),
            Expr::Member(member) => {
                let object = self.eval(&member.object, frame)?;
                if self.ends(member.optional, &object) {
                    return Ok(Value::Undefined);
                }
                return self.member(&object, &member.key).map_err(|error| error.at(member.span.clone()));
            }
            Expr::Index(index) => {
                let object = self.eval(&index.object, frame)?;
                if self.ends(index.optional, &object) {
                    return Ok(Value::Undefined);
                }
                let key = self.eval(&index.index, frame)?;
                return self.index(&object, &key).map_err(|error| error.at(index.span.clone()));
            }
            Expr::Method(method) => return self.eval_method(method, frame),
            Expr::Call(call) => return self.eval_call(call, frame),
            Expr::New(new) => {
                let callee = self.eval(&new.callee, frame)?;
                let args = self.args(&new.args, frame)?;
                return self.construct(&callee, &args).map_err(|error| error.at(new.span.clone()));
            }
            Expr::Chain(inner) => {
                let value = self.eval(inner, frame)?;
                self.ended.set(false);
                value
            }
            Expr::Unary(operator, operand) => {
                let operand = self.eval(operand, frame)?;
                return self.unary(*operator, &operand);
            }
            Expr::TypeOf(operand) => Value::from(self.eval(operand, frame)?.type_of()),
            Expr::Array(elements) => Value::Array(self.array(elements, frame)?),
            Expr::Object(properties) => return self.object(properties, frame),
            Expr::Function(code) => {
                self.allocate(64 + 64 * code.captures.len())?;
                frame.closure(code, self)
            }
            Expr::Assign(assign) => return self.assign(assign, frame),
            Expr::Update(update) => return self.update(update, frame),
            Expr::Sequence(values) => {
                let mut last = Value::Undefined;
                for value in values {
                    last = self.eval(value, frame)?;
                }
                last
            }
            Expr::Class(class) => Value::Class(*class),
            Expr::Native(name, call) => Value::Function(crate::value::Function::native(*name, *call)),
            Expr::Computed(compute) => compute(self),
            Expr::Variable(name, span) => {
                return self.variable(name).map_err(|error| error.at(span.clone()));
            }
            Expr::RegExp(program) => Value::RegExp(Rc::new(crate::regexp::RegExp::new(program.clone()))),
            Expr::BigInt(value) => Value::BigInt(Rc::new(*value)),
            Expr::Nothing => Value::Object(Object::new()),
            Expr::This => Value::object([("process", Value::Object(Object::new()))]),
            Expr::Arguments => Value::array(frame.args.to_vec()),
            Expr::Tagged(tagged) => return self.tagged(tagged, frame),
            Expr::Delete(target) => return self.delete(target, frame),
            Expr::ConstantAssigned => {
                return Err(Error::type_error("Assignment to constant variable."));
            }
        })
    }

    /// Whether a chain ends here, because it ended before or because `?.` found nothing.
    #[inline]
    fn ends(&self, optional: bool, object: &Value) -> bool {
        if self.ended.get() {
            return true;
        }
        let ends = optional && object.is_nullish();
        if ends {
            self.ended.set(true);
        }
        ends
    }

    /// `$json`
    fn json(&self) -> Result<Value> {
        if self.mutates {
            if let Some(json) = self.json.get() {
                return Ok(json.clone());
            }
            let json = self.fresh_json()?;
            json.track();
            return Ok(self.json.get_or_init(|| json).clone());
        }
        self.fresh_json()
    }

    fn fresh_json(&self) -> Result<Value> {
        match self.scope.json() {
            Some(json) => Ok(Value::Object(Object::from_data(json.clone()))),
            None => self.variable("$json"),
        }
    }

    /// `$json.a.b[0]`, without making values of what lies on the way.
    fn json_path(&self, keys: &[Key]) -> Result<Value> {
        let json = match self.scope.json() {
            Some(json) if !self.mutates => json,
            _ => return self.path(self.json()?, keys),
        };
        let mut current = match &keys[0] {
            Key::Name(name) => json.get(name),
            Key::Index(index) => json.get(&eco_format!("{index}")),
        };
        for (at, key) in keys.iter().enumerate().skip(1) {
            current = match (current, key) {
                (Some(model::Value::Object(object)), Key::Name(name)) => object.get(name),
                (Some(model::Value::Array(values)), Key::Index(index)) => values.get(*index),
                (other, _) => return self.path(other.map(Value::from_data).into(), &keys[at..]),
            };
        }
        Ok(current.map(Value::from_data).into())
    }

    fn path(&self, start: Value, keys: &[Key]) -> Result<Value> {
        let mut value = start;
        for key in keys {
            value = match key {
                Key::Name(name) => self.member(&value, name)?,
                Key::Index(index) => self.index(&value, &Value::from(*index))?,
            };
        }
        Ok(value)
    }

    /// A name that is no variable of the expression. Unknown ones are `undefined`.
    fn variable(&self, name: &str) -> Result<Value> {
        if let Some((_, value)) = self.globals.borrow().iter().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        let value = self.scope.variable(name)?.unwrap_or_default();
        Ok(self.tracked(value))
    }

    /// A value from outside; nested values keep their identity when the expression may change them.
    fn tracked(&self, value: Value) -> Value {
        if self.mutates {
            value.track();
        }
        value
    }

    fn template(&self, texts: &[Text], values: &[Expr], frame: &mut Frame<'_>) -> Result<Value> {
        let mut joined = texts[0].clone();
        for (text, value) in texts[1..].iter().zip(values) {
            match self.eval(value, frame)? {
                Value::String(value) => self.push(&mut joined, &value)?,
                value => {
                    let value = self.to_text(&value)?;
                    self.push(&mut joined, &value)?;
                }
            }
            self.push(&mut joined, text)?;
        }
        Ok(Value::String(joined))
    }

    /// Appends to a text that nobody else has.
    fn push(&self, text: &mut Text, more: &str) -> Result<()> {
        self.allocate(more.len())?;
        text.push_str(more);
        Ok(())
    }

    fn tagged(&self, tagged: &Tagged, frame: &mut Frame<'_>) -> Result<Value> {
        let (this, function) = match &tagged.tag {
            Expr::Member(member) => {
                let object = self.eval(&member.object, frame)?;
                let function = self.member(&object, &member.key)?;
                (object, function)
            }
            tag => (Value::Undefined, self.eval(tag, frame)?),
        };
        let texts = |texts: &[Text]| Array::new(texts.iter().cloned().map(Value::String).collect());
        let strings = texts(&tagged.cooked);
        strings.set_named("raw", Value::Array(texts(&tagged.raw)));
        let mut args = Args::new();
        args.push(Value::Array(strings));
        for value in &tagged.values {
            args.push(self.eval(value, frame)?);
        }
        self.call(&function, &this, &args)
    }

    fn array(&self, elements: &[Element], frame: &mut Frame<'_>) -> Result<Array> {
        self.allocate(64 + elements.len() * VALUE)?;
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            match element {
                Element::Value(value) => values.push(self.eval(value, frame)?),
                Element::Spread(value) => {
                    let value = self.eval(value, frame)?;
                    values.extend(self.iterate(&value)?);
                }
            }
        }
        Ok(Array::new(values))
    }

    fn args(&self, elements: &[Element], frame: &mut Frame<'_>) -> Result<Args> {
        let mut args = Args::new();
        for element in elements {
            match element {
                Element::Value(value) => args.push(self.eval(value, frame)?),
                Element::Spread(value) => {
                    let value = self.eval(value, frame)?;
                    args.extend(self.iterate(&value)?);
                }
            }
        }
        Ok(args)
    }

    fn object(&self, properties: &[Property], frame: &mut Frame<'_>) -> Result<Value> {
        self.allocate(96 + properties.len() * MEMBER)?;
        let object = Object::new();
        for property in properties {
            match property {
                Property::Named(name, value) => object.insert(name.clone(), self.eval(value, frame)?),
                Property::Computed(key, value) => {
                    let key = self.eval(key, frame)?;
                    let key = self.to_key(&key)?;
                    self.allocate(key.len())?;
                    object.insert(key, self.eval(value, frame)?);
                }
                Property::Spread(value) => {
                    let value = self.eval(value, frame)?;
                    for (key, value) in self.entries(&value)? {
                        object.insert(key, value);
                    }
                }
            }
        }
        Ok(Value::Object(object))
    }

    /// Remembers a thrown value, so that `catch` can give it back.
    fn throw(&self, value: Value) -> Error {
        let error = match &value {
            Value::Error(error) => Error::thrown(error.message.clone()).named(error.name.clone()),
            value => Error::thrown(value.to_js_string()),
        };
        let mut thrown = self.thrown.borrow_mut();
        thrown.push(value);
        error.carrying(thrown.len() - 1)
    }

    /// The value `catch` gets; `None` when the error cannot be caught.
    fn caught(&self, error: &Error) -> Option<Value> {
        self.ended.set(false);
        if matches!(error.kind(), ErrorKind::Limit(_)) {
            return None;
        }
        if let Some(thrown) = error.carried() {
            return self.thrown.borrow().get(thrown).cloned();
        }
        let name = if error.name().is_empty() { "ExpressionError" } else { error.name() };
        Some(Value::Error(Rc::new(ErrorObject {
            name: name.into(),
            message: error.message().into(),
            members: Object::new(),
        })))
    }
}

/// Bytes a value takes in an array.
pub(crate) const VALUE: usize = size_of::<Value>();
/// Bytes a member takes in an object.
pub(crate) const MEMBER: usize = 64;
/// How deeply values may be nested in a result.
const MAX_NESTING: usize = 200;
/// Nesting that fits on any stack.
const SHALLOW: u32 = 24;
/// Stack one level of nesting may need.
const STACK_PER_LEVEL: usize = if cfg!(debug_assertions) { 16 << 10 } else { 2 << 10 };

/// Runs something that nests this deeply on a stack that is large enough.
pub(crate) fn grown<T>(levels: u32, work: impl FnOnce() -> T) -> T {
    let stack = (levels as usize + 8) * STACK_PER_LEVEL;
    stacker::maybe_grow(stack, stack.max(1 << 20), work)
}

/// Subtracts the size of what the expression made; `None` when it does not fit.
fn measure(value: &Value, left: &mut usize, nesting: usize) -> Option<()> {
    let nesting = nesting.checked_sub(1)?;
    let size = match value {
        Value::String(text) => text.len(),
        _ => 8,
    };
    *left = left.checked_sub(size)?;
    match value {
        Value::Array(array) if array.as_data().is_none() => {
            array.values().iter().try_for_each(|value| measure(value, left, nesting))
        }
        Value::Object(object) if object.as_data().is_none() => {
            object.entries().iter().try_for_each(|(key, value)| {
                *left = left.checked_sub(key.len())?;
                measure(value, left, nesting)
            })
        }
        _ => Some(()),
    }
}

/// Weighs what a result holds more than once. Few bytes can be made into many by naming them again and again; what
/// is named once is either paid for or part of the input.
struct Repeats {
    left: usize,
    seen: HashSet<usize, foldhash::fast::RandomState>,
}

impl Repeats {
    /// `None` when the repeats do not fit.
    fn visit(&mut self, value: &Value, nesting: usize) -> Option<()> {
        let nesting = nesting.checked_sub(1)?;
        let (address, size) = match value {
            Value::String(text) => (text.as_ptr().addr(), text.len()),
            value => (value.address(), 8),
        };
        // Only what is shared has an address that occurs twice.
        if address != 0 && !self.seen.insert(address) {
            self.left = self.left.checked_sub(size)?;
        }
        match value {
            Value::Array(array) if array.as_data().is_none() => {
                array.values().iter().try_for_each(|value| self.visit(value, nesting))
            }
            Value::Object(object) if object.as_data().is_none() => {
                object.entries().iter().try_for_each(|(_, value)| self.visit(value, nesting))
            }
            _ => Some(()),
        }
    }
}

impl Logical {
    /// Whether the right side decides.
    fn goes_on(self, left: &Value) -> bool {
        match self {
            Logical::And => left.truthy(),
            Logical::Or => !left.truthy(),
            Logical::Coalesce => left.is_nullish(),
        }
    }
}

impl Frame<'_> {
    fn local(&self, slot: u32) -> Result<Value> {
        match &self.slots[slot as usize] {
            Slot::Plain(value) => Ok(value.clone()),
            Slot::Shared(value) => Ok(value.borrow().clone()),
            Slot::Empty => {
                Err(Error::thrown("Cannot access a variable before initialization").named("ReferenceError"))
            }
        }
    }

    fn set_local(&mut self, slot: u32, value: Value) {
        match &mut self.slots[slot as usize] {
            Slot::Shared(cell) => *cell.borrow_mut() = value,
            slot => *slot = Slot::Plain(value),
        }
    }

    /// The cell of a variable, to be shared with a function.
    fn share(&mut self, slot: u32, cx: &Cx<'_>) -> Rc<RefCell<Value>> {
        let slot = &mut self.slots[slot as usize];
        match std::mem::take(slot) {
            Slot::Shared(cell) => {
                *slot = Slot::Shared(cell.clone());
                cell
            }
            other => {
                let value = if let Slot::Plain(value) = other { value } else { Value::Undefined };
                let cell = Rc::new(RefCell::new(value));
                cx.cells.borrow_mut().push(cell.clone());
                *slot = Slot::Shared(cell.clone());
                cell
            }
        }
    }
}

#[cfg(test)]
mod tests;
