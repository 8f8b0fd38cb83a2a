//! What an expression can see: the world outside the language.

use jiff::tz::TimeZone;
use model::Text;

use crate::{Error, Value};

/// The surroundings of one evaluation, usually one per item.
pub trait Scope {
    /// The current item's data, the fast path of `$json`.
    fn json(&self) -> Option<&model::Object>;

    /// Every other name the language itself does not define, `$` included; `None` = unknown.
    fn variable(&self, name: &str) -> Result<Option<Value>, Error>;

    /// Milliseconds since 1970, the same for the whole attempt of a step.
    fn now_ms(&self) -> f64;

    /// The workflow's time zone.
    fn zone(&self) -> &TimeZone;

    /// The next random number in `[0, 1)`, from the step's seed.
    fn random(&self) -> f64;

    /// Told how many bytes of its own a result holds, when they are more than a few. Limits hold for one evaluation;
    /// this lets the caller bound what all results of a step hold together.
    fn keep(&self, bytes: usize) -> Result<(), Error> {
        let _ = bytes;
        Ok(())
    }
}

/// An object whose members are computed when they are read: `$input`, `$('x')`, `$workflow` and so on.
pub trait Host {
    /// The member `key`; [`Value::Undefined`] when there is none.
    fn get(&self, key: &str) -> Result<Value, Error>;

    /// Calls the object itself.
    fn call(&self, args: &[Value]) -> Result<Value, Error> {
        let _ = args;
        Err(Error::type_error("this is not a function"))
    }

    /// Whether the object itself can be called.
    fn is_callable(&self) -> bool {
        false
    }

    /// The names of its members, for `Object.keys`, `in`, spread and loops.
    fn keys(&self) -> Vec<Text> {
        Vec::new()
    }

    /// The object as plain data, when it has a shape worth storing; by default its members.
    fn to_data(&self) -> Option<model::Value> {
        let mut object = model::Object::new();
        for key in self.keys() {
            if let Some(value) = self.get(&key).ok().and_then(|value| value.to_data()) {
                object.insert(key, value);
            }
        }
        Some(object.into())
    }
}
