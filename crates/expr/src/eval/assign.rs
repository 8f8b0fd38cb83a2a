//! Assignments, destructuring and `delete`.

use std::rc::Rc;

use ecow::eco_format;
use model::Text;

use super::{Cx, Frame, MEMBER, Result, Slot, VALUE};
use crate::tree::{Assign, AssignOperator, Binary, Pattern, PatternElement, Target, Update};
use crate::value::Object;
use crate::{Error, Value};

impl Cx<'_> {
    pub(super) fn assign(&self, assign: &Assign, frame: &mut Frame<'_>) -> Result<Value> {
        let operator = match assign.operator {
            AssignOperator::Plain => {
                // JavaScript finds the object before it computes the value.
                return match &assign.target {
                    Target::Member(object, key) => {
                        let object = self.eval(object, frame)?;
                        let value = self.eval(&assign.value, frame)?;
                        self.set_member(&object, key, value.clone())?;
                        Ok(value)
                    }
                    Target::Index(object, index) => {
                        let object = self.eval(object, frame)?;
                        let index = self.eval(index, frame)?;
                        let value = self.eval(&assign.value, frame)?;
                        self.set_index(&object, &index, value.clone())?;
                        Ok(value)
                    }
                    target => {
                        let value = self.eval(&assign.value, frame)?;
                        self.store(target, value.clone(), frame)?;
                        Ok(value)
                    }
                };
            }
            operator => operator,
        };
        match (&assign.target, operator) {
            // A text that grows in place.
            (Target::Local(slot), AssignOperator::Binary(Binary::Add)) => {
                let more = self.eval(&assign.value, frame)?;
                self.append(*slot, more, frame)
            }
            (Target::Member(object, key), operator) => {
                let object = self.eval(object, frame)?;
                let old = self.member(&object, key)?;
                let Some(new) = self.combined(old.clone(), operator, assign, frame)? else { return Ok(old) };
                self.set_member(&object, key, new.clone())?;
                Ok(new)
            }
            (Target::Index(object, index), operator) => {
                let object = self.eval(object, frame)?;
                let index = self.eval(index, frame)?;
                let old = self.index(&object, &index)?;
                let Some(new) = self.combined(old.clone(), operator, assign, frame)? else { return Ok(old) };
                self.set_index(&object, &index, new.clone())?;
                Ok(new)
            }
            (target, operator) => {
                let old = self.load(target, frame)?;
                let Some(new) = self.combined(old.clone(), operator, assign, frame)? else { return Ok(old) };
                self.store(target, new.clone(), frame)?;
                Ok(new)
            }
        }
    }

    /// The new value; `None` when the old one stays.
    fn combined(
        &self,
        old: Value,
        operator: AssignOperator,
        assign: &Assign,
        frame: &mut Frame<'_>,
    ) -> Result<Option<Value>> {
        match operator {
            AssignOperator::Logical(logical) if !logical.goes_on(&old) => Ok(None),
            AssignOperator::Binary(operator) => {
                let value = self.eval(&assign.value, frame)?;
                self.binary(operator, &old, &value).map(Some)
            }
            _ => self.eval(&assign.value, frame).map(Some),
        }
    }

    /// `variable += more`, without copying a text that only the variable holds.
    fn append(&self, slot: u32, more: Value, frame: &mut Frame<'_>) -> Result<Value> {
        if let (Slot::Plain(Value::String(text)), false) = (&mut frame.slots[slot as usize], more.is_object())
        {
            let more = more.to_js_string();
            self.push(text, &more)?;
            return Ok(Value::String(text.clone()));
        }
        let old = frame.local(slot)?;
        let new = self.add(&old, &more)?;
        frame.set_local(slot, new.clone());
        Ok(new)
    }

    pub(super) fn update(&self, update: &Update, frame: &mut Frame<'_>) -> Result<Value> {
        let changed = |old: &Value| -> Result<(Value, Value)> {
            Ok(match old {
                Value::BigInt(value) => (old.clone(), Value::BigInt(Rc::new(**value + update.by as i128))),
                old => {
                    let number = self.to_number(old)?;
                    (Value::Number(number), Value::Number(number + update.by))
                }
            })
        };
        let (old, new) = match &update.target {
            Target::Member(object, key) => {
                let object = self.eval(object, frame)?;
                let (old, new) = changed(&self.member(&object, key)?)?;
                self.set_member(&object, key, new.clone())?;
                (old, new)
            }
            Target::Index(object, index) => {
                let object = self.eval(object, frame)?;
                let index = self.eval(index, frame)?;
                let (old, new) = changed(&self.index(&object, &index)?)?;
                self.set_index(&object, &index, new.clone())?;
                (old, new)
            }
            target => {
                let (old, new) = changed(&self.load(target, frame)?)?;
                self.store(target, new.clone(), frame)?;
                (old, new)
            }
        };
        Ok(if update.prefix { new } else { old })
    }

    /// The value of a variable that is about to be changed.
    fn load(&self, target: &Target, frame: &mut Frame<'_>) -> Result<Value> {
        match target {
            Target::Local(slot) => frame.local(*slot),
            Target::Captured(index) => Ok(frame.captured[*index as usize].borrow().clone()),
            Target::Variable(name) => self.variable(name),
            Target::Constant => Err(Error::type_error("Assignment to constant variable.")),
            _ => Ok(Value::Undefined),
        }
    }

    /// Puts a value where a target says.
    pub(super) fn store(&self, target: &Target, value: Value, frame: &mut Frame<'_>) -> Result<()> {
        match target {
            Target::Local(slot) => frame.set_local(*slot, value),
            Target::Captured(index) => *frame.captured[*index as usize].borrow_mut() = value,
            Target::Variable(name) => {
                let mut globals = self.globals.borrow_mut();
                match globals.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = value,
                    None => globals.push((name.clone(), value)),
                }
            }
            Target::Member(object, key) => {
                let object = self.eval(object, frame)?;
                self.set_member(&object, key, value)?;
            }
            Target::Index(object, index) => {
                let object = self.eval(object, frame)?;
                let index = self.eval(index, frame)?;
                self.set_index(&object, &index, value)?;
            }
            Target::Pattern(pattern) => self.destructure(pattern, &value, frame)?,
            Target::Constant => return Err(Error::type_error("Assignment to constant variable.")),
        }
        Ok(())
    }

    fn destructure(&self, pattern: &Pattern, value: &Value, frame: &mut Frame<'_>) -> Result<()> {
        match pattern {
            Pattern::Object { members, rest } => {
                if value.is_nullish() {
                    let message = eco_format!("Cannot destructure '{}' as it is {0}.", value.to_js_string());
                    return Err(Error::type_error(message));
                }
                for member in members {
                    let found = self.member(value, &member.key)?;
                    self.store_element(&member.element, found, frame)?;
                }
                if let Some(rest) = rest {
                    let left: Object = self
                        .entries(value)?
                        .into_iter()
                        .filter(|(key, _)| members.iter().all(|member| member.key != *key))
                        .collect();
                    self.store(rest, Value::Object(left), frame)?;
                }
            }
            Pattern::Array { elements, rest } => {
                let mut values = self.iterate(value)?.into_iter();
                for element in elements {
                    let value = values.next().unwrap_or_default();
                    if let Some(element) = element {
                        self.store_element(element, value, frame)?;
                    }
                }
                if let Some(rest) = rest {
                    self.store(rest, Value::array(values.collect()), frame)?;
                }
            }
        }
        Ok(())
    }

    /// Stores a value, or the default in place of `undefined`.
    pub(super) fn store_element(
        &self,
        element: &PatternElement,
        value: Value,
        frame: &mut Frame<'_>,
    ) -> Result<()> {
        let value = match &element.default {
            Some(default) if value.is_undefined() => self.eval(default, frame)?,
            _ => value,
        };
        self.store(&element.target, value, frame)
    }

    /// `object.key = value`
    pub(crate) fn set_member(&self, object: &Value, key: &Text, value: Value) -> Result<()> {
        self.link(object, &value)?;
        match object {
            Value::Object(object) => {
                self.allocate(MEMBER + key.len())?;
                object.insert(key.clone(), value);
            }
            Value::Array(array) => match key.parse::<usize>() {
                Ok(index) => return self.set_element(array, index, value),
                Err(_) if key == "length" => {
                    let length = self.to_number(&value)?;
                    if length < 0.0 || length.fract() != 0.0 || length > 4_294_967_295.0 {
                        return Err(Error::range_error("Invalid array length"));
                    }
                    self.allocate((length as usize).saturating_sub(array.len()) * VALUE)?;
                    if let Some(mut values) = array.change() {
                        values.resize(length as usize, Value::Undefined);
                    }
                }
                Err(_) => {
                    self.allocate(MEMBER + key.len())?;
                    array.set_named(key.clone(), value);
                }
            },
            Value::RegExp(regexp) if key == "lastIndex" => regexp.last_index.set(self.to_number(&value)?),
            Value::Undefined | Value::Null => {
                let message =
                    eco_format!("Cannot set properties of {} (setting '{key}')", object.to_js_string());
                return Err(Error::type_error(message));
            }
            // Everything else cannot change, and says nothing, as in sloppy mode.
            _ => {}
        }
        Ok(())
    }

    fn set_index(&self, object: &Value, index: &Value, value: Value) -> Result<()> {
        if let (Value::Array(array), Value::Number(number)) = (object, index)
            && number.fract() == 0.0
            && (0.0..4_294_967_295.0).contains(number)
        {
            self.link(object, &value)?;
            return self.set_element(array, *number as usize, value);
        }
        let key = self.to_key(index)?;
        self.set_member(object, &key, value)
    }

    fn set_element(&self, array: &crate::value::Array, index: usize, value: Value) -> Result<()> {
        self.allocate((index + 1).saturating_sub(array.len()) * VALUE)?;
        if let Some(mut values) = array.change() {
            if index >= values.len() {
                values.resize(index + 1, Value::Undefined);
            }
            values[index] = value;
        }
        Ok(())
    }

    pub(super) fn delete(&self, target: &Target, frame: &mut Frame<'_>) -> Result<Value> {
        let (object, key) = match target {
            Target::Member(object, key) => (self.eval(object, frame)?, key.clone()),
            Target::Index(object, index) => {
                let object = self.eval(object, frame)?;
                let index = self.eval(index, frame)?;
                (object, self.to_key(&index)?)
            }
            _ => return Ok(Value::Bool(true)),
        };
        if self.ended.get() {
            return Ok(Value::Bool(true));
        }
        match &object {
            Value::Object(object) => {
                object.remove(&key);
            }
            Value::Array(array) => {
                if let (Ok(index), Some(mut values)) = (key.parse::<usize>(), array.change())
                    && let Some(value) = values.get_mut(index)
                {
                    *value = Value::Undefined;
                }
            }
            Value::Undefined | Value::Null => {
                return Err(Error::type_error("Cannot convert undefined or null to object"));
            }
            _ => {}
        }
        Ok(Value::Bool(true))
    }
}
