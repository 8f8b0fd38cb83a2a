//! Refuses JSON that says the same thing twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::validate::{Code, Problem};

/// Fails at the first object with a duplicate member, and on text that is no JSON.
pub fn check_members(text: &str) -> Result<(), Problem> {
    let mut finding = Finding::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = Walk(&mut finding).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (result, finding.duplicate) {
        (_, Some((path, member))) => {
            let message = format!("the member \"{member}\" is there twice");
            Err(Problem::error(path, Code::DuplicateMember, message).fix("remove one of them"))
        }
        (Err(error), None) => {
            Err(Problem::error(finding.path.trim_start_matches('.'), Code::Malformed, error.to_string()))
        }
        (Ok(()), None) => Ok(()),
    }
}

#[derive(Default)]
struct Finding {
    path: String,
    duplicate: Option<(String, String)>,
}

/// Walks a value and keeps the path to where it is.
struct Walk<'a>(&'a mut Finding);

impl Walk<'_> {
    fn descend<T, E>(&mut self, step: &str, walk: impl FnOnce(Walk<'_>) -> Result<T, E>) -> Result<T, E> {
        let length = self.0.path.len();
        self.0.path.push_str(step);
        let value = walk(Walk(self.0))?;
        // After an error the path stays: it says where.
        self.0.path.truncate(length);
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while self.descend(&format!("[{index}]"), |walk| seq.next_element_seed(walk))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut members = HashSet::new();
        while let Some(member) = map.next_key::<String>()? {
            let step = format!(".{member}");
            if members.contains(&member) {
                let path = format!("{}{step}", self.0.path).trim_start_matches('.').to_owned();
                self.0.duplicate = Some((path, member));
                return Err(A::Error::custom("duplicate member"));
            }
            self.descend(&step, |walk| map.next_value_seed(walk))?;
            members.insert(member);
        }
        Ok(())
    }
}
