//! A value that others change, followed from a task that is polled often: what waits for the next change is
//! kept, and not made anew each time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::sync::watch;

/// What happened to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Changed,
    /// Said once: it will never change again.
    Gone,
}

type Change = Pin<Box<dyn Future<Output = bool> + Send>>;

pub(super) struct Follow<T> {
    receiver: watch::Receiver<T>,
    change: Option<Change>,
}

impl<T: Clone + Send + Sync + 'static> Follow<T> {
    pub(super) fn new(receiver: watch::Receiver<T>) -> Self {
        let change = Some(next_change(&receiver));
        Self { receiver, change }
    }

    /// The value now. A change is news only after this.
    pub(super) fn latest(&mut self) -> T {
        let value = self.receiver.borrow_and_update().clone();
        if self.change.is_some() {
            self.change = Some(next_change(&self.receiver));
        }
        value
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<News> {
        let Some(change) = &mut self.change else { return Poll::Pending };
        if ready!(change.as_mut().poll(context)) {
            self.change = Some(next_change(&self.receiver));
            return Poll::Ready(News::Changed);
        }
        self.change = None;
        Poll::Ready(News::Gone)
    }
}

fn next_change<T: Clone + Send + Sync + 'static>(receiver: &watch::Receiver<T>) -> Change {
    let mut receiver = receiver.clone();
    Box::pin(async move { receiver.changed().await.is_ok() })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn every_change_is_news_and_the_end_is_news_once() {
        let (sender, receiver) = watch::channel(1);
        let mut follow = Follow::new(receiver);
        assert_eq!(follow.latest(), 1);
        sender.send_replace(2);
        assert_eq!(poll_fn(|context| follow.poll(context)).await, News::Changed);
        assert_eq!(follow.latest(), 2);
        sender.send_replace(3);
        assert_eq!(follow.latest(), 3);
        let pending = poll_fn(|context| Poll::Ready(follow.poll(context).is_pending())).await;
        assert!(pending, "what was seen is no news");
        drop(sender);
        assert_eq!(poll_fn(|context| follow.poll(context)).await, News::Gone);
        let pending = poll_fn(|context| Poll::Ready(follow.poll(context).is_pending())).await;
        assert!(pending);
    }
}
