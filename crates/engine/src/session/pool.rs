//! Futures that run at the same time within one task.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use sdk::node::BoxFuture;

/// What runs, each under a key.
pub(super) struct Pool<K, T> {
    running: Vec<(K, BoxFuture<'static, T>)>,
}

/// A future panicked; what it said.
pub(super) struct Panicked(pub(super) String);

impl<K: Copy + PartialEq, T> Pool<K, T> {
    pub(super) fn new() -> Self {
        Self { running: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Begins a future. Most nodes never wait: their result is there at once.
    pub(super) async fn begin(
        &mut self,
        key: K,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<Result<T, Panicked>> {
        let mut future: BoxFuture<'static, T> = Box::pin(future);
        match poll_fn(|cx| Poll::Ready(poll_safely(&mut future, cx))).await {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                self.running.push((key, future));
                None
            }
        }
    }

    /// The next one that ends.
    pub(super) async fn next(&mut self) -> (K, Result<T, Panicked>) {
        poll_fn(|cx| {
            for index in 0..self.running.len() {
                if let Poll::Ready(result) = poll_safely(&mut self.running[index].1, cx) {
                    let (key, _) = self.running.remove(index);
                    return Poll::Ready((key, result));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Drops what runs under this key.
    pub(super) fn abandon(&mut self, key: K) {
        self.running.retain(|(other, _)| *other != key);
    }
}

fn poll_safely<T>(future: &mut BoxFuture<'static, T>, cx: &mut Context<'_>) -> Poll<Result<T, Panicked>> {
    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(Err(Panicked(text.unwrap_or_default())))
        }
    }
}
