//! About how much memory items take. A few stand for many, so that weighing costs the same whatever there is.

use model::{Item, Value};

/// How many items of a list, members of an object and elements of an array are looked at.
const SAMPLE: usize = 8;
/// What an item or a value takes besides its content.
const OVERHEAD: usize = 48;
/// Content below this depth is not looked at.
const DEPTH: usize = 8;

/// About how many bytes these items take.
pub(super) fn weigh(items: &[Item]) -> usize {
    sampled(items.len(), |index| {
        let item = &items[index];
        let files = item.binary.iter().flat_map(|files| files.values());
        let files: usize = files.map(|file| file.blob.size() as usize + OVERHEAD).sum();
        OVERHEAD + files + members(&item.json, DEPTH)
    })
}

fn members(object: &model::Object, depth: usize) -> usize {
    let member = |(key, value): (&model::Text, &Value)| OVERHEAD + key.len() + content(value, depth);
    let looked_at: usize = object.iter().take(SAMPLE).map(member).sum();
    scaled(looked_at, object.len())
}

fn content(value: &Value, depth: usize) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) if depth > 0 => {
            sampled(values.len(), |index| OVERHEAD + content(&values[index], depth - 1))
        }
        Value::Object(object) if depth > 0 => members(object, depth - 1),
        _ => 0,
    }
}

/// The weight of `count` things, of which a few evenly spread ones are weighed.
fn sampled(count: usize, weigh: impl Fn(usize) -> usize) -> usize {
    let looked_at = (0..count.min(SAMPLE)).map(|place| weigh(place * count / count.min(SAMPLE))).sum();
    scaled(looked_at, count)
}

fn scaled(looked_at: usize, count: usize) -> usize {
    if count <= SAMPLE { looked_at } else { (looked_at as f64 / SAMPLE as f64 * count as f64) as usize }
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn items(data: Value, count: usize) -> Vec<Item> {
        vec![Item::new(data.as_object().expect("an object").clone()); count]
    }

    #[test]
    fn a_long_text_weighs_its_length() {
        let weight = weigh(&items(json!({ "text": "x".repeat(1_000_000) }), 1));
        assert!((1_000_000..1_001_000).contains(&weight), "{weight}");
    }

    #[test]
    fn many_items_weigh_as_much_as_one_so_many_times() {
        let data = json!({ "name": "Ada", "tags": ["a", "b"] });
        assert_eq!(weigh(&items(data.clone(), 10_000)), 10_000 * weigh(&items(data, 1)));
    }

    #[test]
    fn nothing_weighs_nothing() {
        assert_eq!(weigh(&[]), 0);
    }
}
