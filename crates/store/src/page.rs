//! Lists in pieces: by keys and never by offsets, so that the last page costs what the first does.

use crate::db::Row;
use crate::error::Result;

/// Which piece of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<Key> {
    /// Where the piece before ended; absent for the first.
    pub after: Option<Key>,
    /// Entries at most.
    pub limit: usize,
}

/// A piece of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOf<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

impl<Key> Page<Key> {
    /// The first piece.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// What follows that entry.
    pub fn after(key: Key, limit: usize) -> Self {
        Self { after: Some(key), limit }
    }

    /// One row more tells whether there are more.
    pub(crate) fn rows(&self) -> usize {
        self.limit.saturating_add(1)
    }

    pub(crate) fn collect<T>(&self, rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<PageOf<T>> {
        let items: Result<Vec<T>> = rows.iter().take(self.limit).map(read).collect();
        Ok(PageOf { items: items?, more: rows.len() > self.limit })
    }
}

/// An id that is after all others, where lists of ids begin that show the newest first.
pub(crate) const LAST: [u8; 16] = [0xff; 16];
