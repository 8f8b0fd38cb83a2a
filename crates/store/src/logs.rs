//! What executions say while they run. Writing never makes an execution wait: lines go through a bounded queue and are
//! dropped, and counted, when it is full. Nothing that matters depends on them.
//!
//! SQLite keeps a file per month, `logs-YYYY-MM.db`, with a writer of its own and without a sync per commit; PostgreSQL
//! keeps a partition per month. Old months go as a whole.

mod postgres;
mod sqlite;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::ids::{ExecutionId, WorkspaceId};

use crate::db::Db;
use crate::error::Result;
use crate::fresh::random;
use crate::page::{Page, PageOf};
use crate::store::Store;

/// Lines that wait to be written, at most.
const QUEUE: usize = 10_000;

/// Lines that are written together, at most.
const BATCH: usize = 1_000;

/// Longer texts are cut.
const MAX_TEXT: usize = 64 << 10;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For whoever looks for an error.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What went wrong.
    Error,
    /// What ends it all.
    Fatal,
}

impl Level {
    /// Every level, the mildest first.
    pub const ALL: [Level; 5] = [Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level with this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    fn number(self) -> i64 {
        self as i64
    }

    fn of_number(number: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// A line to write. Whoever writes it has removed what is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The execution.
    pub execution: ExecutionId,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The key of the node that says it.
    pub node: Option<String>,
    /// How often that node ran before.
    pub run_index: Option<u32>,
    /// What it says.
    pub message: String,
    /// The rest, as JSON.
    pub details: Option<String>,
}

/// A line that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place: later lines have greater ones.
    pub id: LineId,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The key of the node that said it.
    pub node: Option<String>,
    /// How often that node ran before.
    pub run_index: Option<u32>,
    /// What it said.
    pub message: String,
    /// The rest, as JSON.
    pub details: Option<String>,
}

/// The place of a line among those of its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId([u8; 16]);

impl LineId {
    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The place with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A place after all that were given before: microseconds, then chance. A UUID of version 7.
    fn next() -> Self {
        static LAST: AtomicI64 = AtomicI64::new(0);
        let now = Timestamp::now().as_microsecond();
        let last = LAST.fetch_max(now, Ordering::Relaxed);
        let us = if last >= now { LAST.fetch_add(1, Ordering::Relaxed) + 1 } else { now };
        let mut id: [u8; 16] = random();
        id[..6].copy_from_slice(&(us / 1000).to_be_bytes()[2..]);
        let rest = ((us % 1000) * 4) as u16 | u16::from(id[7] & 3);
        id[6..8].copy_from_slice(&(0x7000 | rest).to_be_bytes());
        id[8] = id[8] & 0x3f | 0x80;
        Self(id)
    }
}

/// Which lines of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// At least as bad.
    pub level: Option<Level>,
    /// Of this node.
    pub node: Option<String>,
}

/// A line on its way.
struct Stamped {
    id: LineId,
    line: NewLine,
}

/// Where lines go.
#[derive(Clone)]
pub(crate) enum Logs {
    Sqlite(sqlite::Files),
    Postgres(postgres::Partitions),
}

impl Logs {
    pub(crate) fn open(db: &Db, folder: &std::path::Path) -> Self {
        match db {
            Db::Sqlite(_) => Logs::Sqlite(sqlite::Files::new(folder)),
            Db::Postgres(_) => Logs::Postgres(postgres::Partitions::start(db.clone())),
        }
    }
}

/// How many lines were dropped because they came faster than they could be written.
#[derive(Debug, Default)]
struct Dropped(AtomicU64);

impl Dropped {
    fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A month, as years and months go in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Month {
    year: i16,
    month: i8,
}

impl Month {
    fn of(at: Timestamp) -> Self {
        let at = at.to_zoned(TimeZone::UTC);
        Self { year: at.year(), month: at.month() }
    }

    /// The month in which an id was made.
    fn of_id(id: &[u8; 16]) -> Self {
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&id[..6]);
        Self::of(Timestamp::from_millisecond(i64::from_be_bytes(ms)).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    fn first_day(self) -> String {
        format!("{:04}-{:02}-01", self.year, self.month)
    }
}

impl Store {
    /// Writes a line, some time soon; never waits.
    pub fn log(&self, mut line: NewLine) {
        shorten(&mut line.message);
        if line.details.as_ref().is_some_and(|details| details.len() > MAX_TEXT) {
            line.details = None;
        }
        let stamped = Stamped { id: LineId::next(), line };
        match &self.logs {
            Logs::Sqlite(files) => files.write(stamped),
            Logs::Postgres(partitions) => partitions.write(stamped),
        }
    }

    /// How many lines were dropped since the start because they came faster than they could be written.
    pub fn dropped_lines(&self) -> u64 {
        match &self.logs {
            Logs::Sqlite(files) => files.dropped(),
            Logs::Postgres(partitions) => partitions.dropped(),
        }
    }

    /// Waits until all lines that were written before this call can be read.
    pub async fn flush_logs(&self) {
        match &self.logs {
            Logs::Sqlite(files) => files.flush().await,
            Logs::Postgres(partitions) => partitions.flush().await,
        }
    }

    /// The lines of an execution, oldest first.
    pub async fn logs(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        page: Page<LineId>,
    ) -> Result<PageOf<Line>> {
        match &self.logs {
            Logs::Sqlite(files) => files.read(workspace, execution, filter, page).await,
            Logs::Postgres(partitions) => partitions.read(workspace, execution, filter, page).await,
        }
    }

    /// The last lines of an execution, oldest first.
    pub async fn log_tail(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Line>> {
        match &self.logs {
            Logs::Sqlite(files) => files.tail(workspace, execution, filter, limit).await,
            Logs::Postgres(partitions) => partitions.tail(workspace, execution, filter, limit).await,
        }
    }

    /// Drops the lines of whole months that ended before then. Gives how many months.
    pub async fn drop_logs(&self, before: Timestamp) -> Result<u64> {
        let before = Month::of(before);
        match &self.logs {
            Logs::Sqlite(files) => files.drop_before(before).await,
            Logs::Postgres(partitions) => partitions.drop_before(before).await,
        }
    }
}

/// Cuts a text that is too long, between two letters.
fn shorten(text: &mut String) {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
}

/// The months of some lines.
fn months(batch: &[Stamped]) -> BTreeSet<Month> {
    batch.iter().map(|stamped| Month::of_id(&stamped.id.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_grow_also_within_a_microsecond() {
        let ids: Vec<LineId> = (0..10_000).map(|_| LineId::next()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Month::of_id(&ids[0].0), Month::of(Timestamp::now()));
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let mut text = "ä".repeat(MAX_TEXT);
        shorten(&mut text);
        assert!(text.len() <= MAX_TEXT + 3 && text.ends_with("ä…"));
    }

    #[test]
    fn december_is_followed_by_january() {
        let december = Month { year: 2026, month: 12 };
        assert_eq!(december.next().first_day(), "2027-01-01");
        assert!(december < december.next());
    }
}
