//! The values of the language.

mod array;
mod class;
mod collection;
mod convert;
mod dismantle;
mod equality;
pub(crate) mod function;
mod object;

use std::cell::Cell;
use std::rc::Rc;

use model::Text;

pub use array::Array;
pub use class::Class;
pub use collection::{Keyed, MapKey};
pub use equality::{loosely_equal, same_value, same_value_zero, strictly_equal};
pub use function::{Closure, Function, Native};
pub use object::Object;

use crate::luxon;
use crate::regexp::RegExp;
use crate::scope::Host;

/// A JavaScript value. Cloning is cheap and shares arrays, objects and text.
///
/// Not `Send`: values live within one evaluation; [`Value::to_data`] takes the result out of it.
#[derive(Clone, Default)]
pub enum Value {
    /// `undefined`
    #[default]
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number(f64),
    /// Text. Lone surrogates cannot occur; they become U+FFFD.
    String(Text),
    /// An integer of up to 127 bits
    BigInt(Rc<i128>),
    /// An array, typed arrays included
    Array(Array),
    /// A plain object
    Object(Object),
    /// A function
    Function(Function),
    /// A built-in constructor or namespace such as `Date` or `Math`
    Class(Class),
    /// A `Date`: milliseconds since 1970 or `NaN`
    Date(Rc<Cell<f64>>),
    /// A regular expression
    RegExp(Rc<RegExp>),
    /// A `Map`
    Map(Keyed),
    /// A `Set`
    Set(Keyed),
    /// An `Error` of some class
    Error(Rc<ErrorObject>),
    /// A luxon `DateTime`
    DateTime(Rc<luxon::DateTime>),
    /// A luxon `Duration`
    Duration(Rc<luxon::Duration>),
    /// A luxon `Interval`
    Interval(Rc<luxon::Interval>),
    /// An object from outside the language
    Host(Rc<dyn Host>),
}

/// An `Error`: its class, what it says and what was added to it.
#[derive(Debug)]
pub struct ErrorObject {
    /// `Error`, `TypeError` and so on.
    pub name: Text,
    /// The message.
    pub message: Text,
    /// Members that were given to it, `cause` for one.
    pub members: Object,
}

impl Value {
    /// Text from anything that becomes text.
    pub fn string(text: impl Into<Text>) -> Self {
        Value::String(text.into())
    }

    /// An array of these values.
    pub fn array(values: Vec<Value>) -> Self {
        Value::Array(Array::new(values))
    }

    /// An object with these members.
    pub fn object<K: Into<Text>>(members: impl IntoIterator<Item = (K, Value)>) -> Self {
        Value::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A `Date` at this many milliseconds since 1970; `NaN` is an invalid date.
    pub fn date(ms: f64) -> Self {
        Value::Date(Rc::new(Cell::new(ms)))
    }

    /// A luxon `DateTime`.
    pub fn date_time(value: luxon::DateTime) -> Self {
        Value::DateTime(Rc::new(value))
    }

    /// A luxon `Duration`.
    pub fn duration(value: luxon::Duration) -> Self {
        Value::Duration(Rc::new(value))
    }

    /// A luxon `Interval`.
    pub fn interval(value: luxon::Interval) -> Self {
        Value::Interval(Rc::new(value))
    }

    /// An object from outside the language.
    pub fn host(host: impl Host + 'static) -> Self {
        Value::Host(Rc::new(host))
    }

    /// A function from outside the language.
    pub fn function(
        name: impl Into<Text>,
        call: impl Fn(&[Value]) -> Result<Value, crate::Error> + 'static,
    ) -> Self {
        Value::Function(Function::host(name.into(), call))
    }

    /// Whether this is `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Undefined | Value::Null)
    }

    /// Whether this is `undefined`.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        match self {
            Value::Function(_) => true,
            Value::Class(class) => class.is_callable(),
            Value::Host(host) => host.is_callable(),
            _ => false,
        }
    }

    /// Whether this is an object in JavaScript's sense: anything that is not a primitive.
    pub fn is_object(&self) -> bool {
        !matches!(
            self,
            Value::Undefined
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::BigInt(_)
        )
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// What `typeof` says.
    pub fn type_of(&self) -> &'static str {
        match self {
            Value::Undefined => "undefined",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::BigInt(_) => "bigint",
            _ if self.is_callable() => "function",
            _ => "object",
        }
    }

    /// A more telling name of the type, for messages: `array`, `Date` and so on.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Array(_) => "array",
            Value::Date(_) => "Date",
            Value::RegExp(_) => "RegExp",
            Value::Map(_) => "Map",
            Value::Set(_) => "Set",
            Value::Error(_) => "Error",
            Value::DateTime(_) => "DateTime",
            Value::Duration(_) => "Duration",
            Value::Interval(_) => "Interval",
            _ => self.type_of(),
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Undefined => f.write_str("undefined"),
            Value::String(text) => write!(f, "{:?}", text.as_str()),
            Value::Array(_) | Value::Object(_) => match self.to_data() {
                Some(data) => write!(f, "{data}"),
                None => f.write_str("undefined"),
            },
            _ => write!(f, "{}({})", self.type_name(), self.to_js_string()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Number(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value.into())
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Value::String(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    /// `None` is `undefined`.
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Undefined, Into::into)
    }
}
