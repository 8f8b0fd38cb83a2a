//! Sets of characters.

use super::BadPattern;

/// A set of code points.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set {
    /// Sorted, not touching each other.
    ranges: Vec<(u32, u32)>,
    /// The same for ASCII, one bit each.
    ascii: u128,
}

impl Set {
    /// The set of these ranges, ends included.
    pub(super) fn new(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (start, end) in ranges {
            match merged.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        let mut ascii = 0;
        for (start, end) in &merged {
            for point in *start..=(*end).min(127) {
                ascii |= 1u128 << point;
            }
        }
        Self { ranges: merged, ascii }
    }

    pub(super) fn single(c: char) -> Self {
        Self::new(vec![(c as u32, c as u32)])
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    pub(super) fn negated(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = 0;
        for (start, end) in &self.ranges {
            if *start > next {
                ranges.push((next, start - 1));
            }
            next = end + 1;
        }
        if next <= 0x10_ffff {
            ranges.push((next, 0x10_ffff));
        }
        Self::new(ranges)
    }

    #[inline]
    pub(super) fn contains(&self, c: char) -> bool {
        let point = c as u32;
        if point < 128 {
            return self.ascii & (1 << point) != 0;
        }
        let after = self.ranges.partition_point(|(start, _)| *start <= point);
        after > 0 && self.ranges[after - 1].1 >= point
    }

    /// The set with the other case of every character.
    pub(super) fn folded(&self) -> Self {
        let mut ranges = self.ranges.clone();
        // Case pairs lie within the letters; huge sets have both cases anyway.
        for (start, end) in &self.ranges {
            if end - start > 0x3000 {
                continue;
            }
            for c in (*start..=*end).filter_map(char::from_u32) {
                for other in [lower(c), upper(c)] {
                    if other != c {
                        ranges.push((other as u32, other as u32));
                    }
                }
            }
        }
        Self::new(ranges)
    }

    pub(super) fn digit() -> Self {
        Self::new(vec![(48, 57)])
    }

    pub(super) fn word() -> Self {
        Self::new(vec![(48, 57), (65, 90), (95, 95), (97, 122)])
    }

    pub(super) fn space() -> Self {
        Self::new(vec![
            (9, 13),
            (32, 32),
            (0xa0, 0xa0),
            (0x1680, 0x1680),
            (0x2000, 0x200a),
            (0x2028, 0x2029),
            (0x202f, 0x202f),
            (0x205f, 0x205f),
            (0x3000, 0x3000),
            (0xfeff, 0xfeff),
        ])
    }

    pub(super) fn line_ends() -> Self {
        Self::new(vec![(10, 10), (13, 13), (0x2028, 0x2029)])
    }

    /// The set of `\p{name}`.
    pub(super) fn property(name: &str) -> Result<Self, BadPattern> {
        let ranges = |class: &regex_syntax::hir::Class| match class {
            regex_syntax::hir::Class::Unicode(class) => {
                class.ranges().iter().map(|range| (range.start() as u32, range.end() as u32)).collect()
            }
            regex_syntax::hir::Class::Bytes(class) => class
                .ranges()
                .iter()
                .map(|range| (u32::from(range.start()), u32::from(range.end())))
                .collect(),
        };
        let safe = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '='));
        let parsed = if safe { regex_syntax::parse(&format!("\\p{{{name}}}")).ok() } else { None };
        match parsed.as_ref().map(regex_syntax::hir::Hir::kind) {
            Some(regex_syntax::hir::HirKind::Class(class)) => Ok(Self::new(ranges(class))),
            // A property of one character only.
            Some(regex_syntax::hir::HirKind::Literal(literal)) => {
                let text = String::from_utf8_lossy(&literal.0);
                Ok(Self::new(text.chars().map(|c| (c as u32, c as u32)).collect()))
            }
            _ => Err(BadPattern("Invalid property name".into())),
        }
    }
}

/// The one lower-case form of a character, or itself.
pub(super) fn lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut cased = c.to_lowercase();
    match (cased.next(), cased.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The one upper-case form of a character, or itself.
pub(super) fn upper(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut cased = c.to_uppercase();
    match (cased.next(), cased.next()) {
        // No character beyond ASCII equals one within.
        (Some(one), None) if !one.is_ascii() => one,
        _ => c,
    }
}
