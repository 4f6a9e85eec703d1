//! The way of another stream to a connection whose own is gone. The newest counts: one that waits to be taken when
//! another comes is of a tunnel that is gone as well.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Resume;

/// The connection's end.
pub struct NextStream(Arc<Mutex<Slot>>);

/// The other end, for as many as know the connection.
#[derive(Clone)]
pub struct Offer(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    resume: Option<Box<Resume>>,
    waker: Option<Waker>,
    /// Nobody will take anything any more.
    gone: bool,
}

/// Both ends.
pub fn next_stream() -> (Offer, NextStream) {
    let slot = Arc::default();
    (Offer(Arc::clone(&slot)), NextStream(slot))
}

fn locked(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Offer {
    /// # Errors
    /// The connection is gone; the stream is given back.
    pub fn make(&self, resume: Box<Resume>) -> Result<(), Box<Resume>> {
        let mut slot = locked(&self.0);
        if slot.gone {
            return Err(resume);
        }
        let (older, waker) = (slot.resume.replace(resume), slot.waker.take());
        drop(slot);
        drop(older);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl NextStream {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Box<Resume>> {
        let mut slot = locked(&self.0);
        if let Some(resume) = slot.resume.take() {
            return Poll::Ready(resume);
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for NextStream {
    fn drop(&mut self) {
        let mut slot = locked(&self.0);
        slot.gone = true;
        let left = slot.resume.take();
        drop(slot);
        drop(left);
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}
