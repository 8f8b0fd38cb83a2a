//! Lists of items as they are kept. Most steps pass on items that arrived with an earlier record: such a list is kept as
//! a reference to that record, and which of its items it has.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use model::{Item, Items, Lineage, Origin};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Lists that a later one may refer to: what has been written last is what is passed on next.
const REMEMBERED: usize = 12;

/// Where a list was recorded: the number of the record and the place of the list in it.
pub(super) type Place = (u64, u32);

/// The lists of the latest records.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(VecDeque<(Place, Items)>);

impl Recent {
    /// The list was recorded there.
    pub(super) fn remember(&mut self, place: Place, items: &Items) {
        if items.is_empty() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_back();
        }
        self.0.push_front((place, items.clone()));
    }

    /// How to write a list down.
    fn refer<'a>(&self, items: &'a Items) -> Written<'a> {
        if items.is_empty() {
            return Written::Whole(items);
        }
        let same = self.0.iter().find(|(_, known)| Arc::ptr_eq(known, items));
        if let Some((place, _)) = same {
            return Written::Reference { place: *place, pick: None, lineage: Line::Kept };
        }
        self.0
            .iter()
            .find_map(|(place, known)| part_of(items, *place, known))
            .unwrap_or(Written::Whole(items))
    }
}

/// A list, ready to be written.
enum Written<'a> {
    Whole(&'a Items),
    Reference { place: Place, pick: Option<Vec<u32>>, lineage: Line<'a> },
}

/// Where the items of a referring list come from.
enum Line<'a> {
    /// As in the list referred to.
    Kept,
    /// Each from its own place there, on the first input.
    Own,
    /// As said.
    Said(&'a Items),
}

/// How `items` is a part of `known`, in the same order and with the same data, if it is.
fn part_of<'a>(items: &'a Items, place: Place, known: &Items) -> Option<Written<'a>> {
    let mut pick = Vec::with_capacity(items.len());
    let mut rest = known.iter().enumerate();
    for item in items.iter() {
        let (index, _) = rest.find(|(_, other)| is_same(item, other))?;
        pick.push(index as u32);
    }
    let own = pick
        .iter()
        .zip(items.iter())
        .all(|(index, item)| item.lineage.origins() == [Origin::item(*index as usize)]);
    let kept =
        || pick.iter().zip(items.iter()).all(|(index, item)| known[*index as usize].lineage == item.lineage);
    let lineage = match () {
        () if own => Line::Own,
        () if kept() => Line::Kept,
        () => Line::Said(items),
    };
    let pick = (pick.len() != known.len()).then_some(pick);
    Some(Written::Reference { place, pick, lineage })
}

/// Whether two items have the same data and files, without looking into them.
fn is_same(a: &Item, b: &Item) -> bool {
    let files = match (&a.binary, &b.binary) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    a.json.ptr_eq(&b.json) && files
}

/// One list, as a part of a payload that is being written.
pub(super) struct One<'a>(pub(super) &'a Items, pub(super) &'a Recent);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1.refer(self.0) {
            Written::Whole(items) => items.serialize(serializer),
            Written::Reference { place, pick, lineage } => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("of", &place)?;
                if let Some(pick) = pick {
                    map.serialize_entry("pick", &pick)?;
                }
                match lineage {
                    Line::Kept => {}
                    Line::Own => map.serialize_entry("lineage", "own")?,
                    Line::Said(items) => map.serialize_entry("lineage", &Lineages(items))?,
                }
                map.end()
            }
        }
    }
}

/// Several lists, one per port or call.
pub(super) struct Several<'a>(pub(super) &'a [Items], pub(super) &'a Recent);

impl Serialize for Several<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for items in self.0 {
            seq.serialize_element(&One(items, self.1))?;
        }
        seq.end()
    }
}

struct Lineages<'a>(&'a Items);

impl Serialize for Lineages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.lineage))
    }
}

/// A list as it was read: itself, or a reference.
pub(super) enum Form {
    Whole(Items),
    Reference { place: Place, pick: Option<Vec<u32>>, lineage: ReadLine },
}

pub(super) enum ReadLine {
    Kept,
    Own,
    Said(Vec<Lineage>),
}

impl Form {
    /// The list, given the one it refers to. `None` when that one is not there or has not enough items.
    pub(super) fn resolve(self, find: impl FnOnce(Place) -> Option<Items>) -> Option<Items> {
        let (place, pick, lineage) = match self {
            Form::Whole(items) => return Some(items),
            Form::Reference { place, pick, lineage } => (place, pick, lineage),
        };
        let known = find(place)?;
        if pick.is_none() && matches!(lineage, ReadLine::Kept) {
            return Some(known);
        }
        let pick = pick.unwrap_or_else(|| (0..known.len() as u32).collect());
        let item = |(position, index): (usize, &u32)| {
            let item = known.get(*index as usize)?;
            let lineage = match &lineage {
                ReadLine::Kept => item.lineage.clone(),
                ReadLine::Own => Lineage::one(Origin::item(*index as usize)),
                ReadLine::Said(lineage) => lineage.get(position)?.clone(),
            };
            Some(Item { json: item.json.clone(), binary: item.binary.clone(), lineage })
        };
        let items: Option<Vec<Item>> = pick.iter().enumerate().map(item).collect();
        items.map(Arc::new)
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items, or a reference to some")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Form, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1024));
        while let Some(item) = seq.next_element::<Item>()? {
            items.push(item);
        }
        Ok(Form::Whole(Arc::new(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Form, A::Error> {
        let (mut place, mut pick, mut lineage) = (None, None, ReadLine::Kept);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "of" => place = Some(map.next_value()?),
                "pick" => pick = Some(map.next_value()?),
                "lineage" => lineage = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let place = place.ok_or_else(|| A::Error::missing_field("of"))?;
        Ok(Form::Reference { place, pick, lineage })
    }
}

impl<'de> Deserialize<'de> for ReadLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Word(String),
            Each(Vec<Lineage>),
        }
        match Said::deserialize(deserializer)? {
            Said::Word(word) if word == "own" => Ok(ReadLine::Own),
            Said::Word(word) => Err(D::Error::unknown_variant(&word, &["own"])),
            Said::Each(lineage) => Ok(ReadLine::Said(lineage)),
        }
    }
}
