//! Regular expressions.

use std::cell::Cell;

use model::Text;

/// A `RegExp` object.
#[derive(Debug)]
pub struct RegExp {
    source: Text,
    flags: Text,
    /// Where the next match of a global or sticky one starts, in UTF-16 units.
    pub(crate) last_index: Cell<f64>,
}

impl RegExp {
    /// The pattern text.
    pub fn source(&self) -> &Text {
        &self.source
    }

    /// The flags, in alphabetical order.
    pub fn flags(&self) -> &Text {
        &self.flags
    }
}
