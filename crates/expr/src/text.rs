//! Text by UTF-16 units, as JavaScript counts it, over text stored as UTF-8.
//!
//! Text that is all ASCII (checked in passing, at many bytes a step) is indexed directly.

use model::Text;

/// How many units the text has.
pub(crate) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// The unit at `index` as text; half of a surrogate pair becomes U+FFFD.
pub(crate) fn unit(text: &str, index: usize) -> Option<Text> {
    if text.is_ascii() {
        return text.get(index..)?.get(..1).map(Text::from);
    }
    let mut at = 0;
    for c in text.chars() {
        let width = c.len_utf16();
        if index < at + width {
            let c = if width == 1 { c } else { char::REPLACEMENT_CHARACTER };
            return Some(Text::from(c.encode_utf8(&mut [0; 4]) as &str));
        }
        at += width;
    }
    None
}

/// The unit at `index` as a number.
pub(crate) fn code_unit(text: &str, index: usize) -> Option<u16> {
    if text.is_ascii() {
        return text.as_bytes().get(index).map(|byte| u16::from(*byte));
    }
    text.encode_utf16().nth(index)
}

/// Where unit `index` stands in bytes; inside a surrogate pair that is the start of the pair, beyond the end the end.
pub(crate) fn byte_at(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    let mut at = 0;
    for (byte, c) in text.char_indices() {
        if index < at + c.len_utf16() {
            return byte;
        }
        at += c.len_utf16();
    }
    text.len()
}

/// Which unit stands at `byte`.
pub(crate) fn index_at(text: &str, byte: usize) -> usize {
    length(&text[..byte])
}

/// The units from `start` up to `end`.
pub(crate) fn slice(text: &str, start: usize, end: usize) -> Text {
    if start >= end {
        return Text::new();
    }
    if text.is_ascii() {
        return text[start.min(text.len())..end.min(text.len())].into();
    }
    let from = byte_at(text, start);
    let mut piece = Text::new();
    let mut at = index_at(text, from);
    if at < start {
        // The first half of the pair is cut off.
        piece.push(char::REPLACEMENT_CHARACTER);
    }
    for c in text[from..].chars() {
        let width = c.len_utf16();
        if at >= end {
            break;
        }
        if at >= start {
            piece.push(if at + width <= end { c } else { char::REPLACEMENT_CHARACTER });
        }
        at += width;
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_in_utf16_units() {
        assert_eq!(length("añ😀"), 4);
        assert_eq!(unit("añ😀", 1).as_deref(), Some("ñ"));
        assert_eq!(unit("añ😀", 2).as_deref(), Some("\u{fffd}"));
        assert_eq!(unit("abc", 3), None);
        assert_eq!(slice("añ😀b", 1, 4), "ñ😀");
        assert_eq!(slice("😀b", 1, 3), "\u{fffd}b");
        assert_eq!(code_unit("😀", 1), Some(0xde00));
        assert_eq!(byte_at("ñ😀b", 3), 6);
    }
}
