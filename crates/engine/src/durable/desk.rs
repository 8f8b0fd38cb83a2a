//! Where a session hears from outside.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::session::News;

const WANTED: u8 = 1;
const LEAVE: u8 = 2;
const LOST: u8 = 4;

/// Where the rest of the process leaves word for a session.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    word: AtomicU8,
    bell: Notify,
    lost: Notify,
    kept: AtomicBool,
}

impl Desk {
    /// Leaves word. The same word twice is heard once.
    pub(crate) fn tell(&self, news: News) {
        let bit = match news {
            News::Wanted => WANTED,
            News::Leave => LEAVE,
            News::Lost => LOST,
        };
        self.word.fetch_or(bit, Ordering::AcqRel);
        match news {
            // Whoever waits for it besides hears it too.
            News::Lost => self.lost.notify_waiters(),
            News::Leave | News::Wanted => {}
        }
        self.bell.notify_one();
    }

    /// The store knows the execution and our lease of it.
    pub(crate) fn set_kept(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// Whether the store knows the execution and our lease of it.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// Whether there is word.
    pub(crate) fn has_news(&self) -> bool {
        self.word.load(Ordering::Acquire) != 0
    }

    /// Waits until the execution has another owner.
    pub(crate) async fn lost(&self) {
        loop {
            let lost = self.lost.notified();
            tokio::pin!(lost);
            lost.as_mut().enable();
            if self.word.load(Ordering::Acquire) & LOST != 0 {
                return;
            }
            lost.await;
        }
    }

    /// Waits for word. What ends the session comes first.
    pub(crate) async fn news(&self) -> News {
        loop {
            let word = self.word.load(Ordering::Acquire);
            for (bit, news) in [(LOST, News::Lost), (LEAVE, News::Leave), (WANTED, News::Wanted)] {
                if word & bit != 0 {
                    if news != News::Lost {
                        self.word.fetch_and(!bit, Ordering::AcqRel);
                    }
                    return news;
                }
            }
            self.bell.notified().await;
        }
    }
}
