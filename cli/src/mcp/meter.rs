//! A socket that stops after so many bytes: whatever a statement gives, this process holds no more of it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};

pub(super) struct Metered {
    stream: UnixStream,
    left: usize,
    over: Over,
}

/// Whether a meter came to its end: for whoever does not see the reader's error.
#[derive(Debug, Clone, Default)]
pub(super) struct Over(Arc<AtomicBool>);

impl Over {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metered {
    pub(super) fn new(stream: UnixStream, most: usize) -> (Self, Over) {
        let over = Over::default();
        (Self { stream, left: most, over: over.clone() }, over)
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.over.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("more bytes than one answer may have")));
        }
        let room = buffer.remaining().min(self.left);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut part);
        let read = part.filled().len();
        buffer.advance(read);
        self.left = self.left.saturating_sub(read);
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn no_byte_comes_after_the_last_one_that_may() {
        let (here, mut there) = UnixStream::pair().expect("a pair");
        there.write_all(b"0123456789").await.expect("sent");
        let (mut metered, over) = Metered::new(here, 4);
        let mut heard = [0; 4];
        metered.read_exact(&mut heard).await.expect("these may be read");
        assert!(!over.is_set() && &heard == b"0123");
        metered.read_u8().await.expect_err("the meter ends");
        assert!(over.is_set());
    }
}
