//! Ctrl-C and its like. The first asks for an orderly end, the second for an end.

use futures_util::FutureExt as _;
use rustix::process::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::failure::{self, Outcome};

/// What this process may be told.
pub(crate) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
}

impl Signals {
    /// From here on, signals do not end the process by themselves.
    pub(crate) fn catch() -> Outcome<Self> {
        let catch = |kind| {
            signal(kind).map_err(|error| failure::unexpected(format!("cannot catch signals: {error}")))
        };
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// Those that have come count no more.
    pub(crate) fn forget(&mut self) {
        while self.pending().is_some() {}
    }

    /// One that has come already.
    pub(crate) fn pending(&mut self) -> Option<Signal> {
        self.next().now_or_never()
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}

/// The exit status of a process that a signal ended.
pub(crate) fn status_of(signal: Signal) -> u8 {
    u8::try_from(128 + signal.as_raw()).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_that_nobody_waited_for_is_there_once_or_forgotten() {
        let mut signals = Signals::catch().expect("caught");
        let raise = || rustix::process::kill_process(rustix::process::getpid(), Signal::HUP).expect("told");
        assert_eq!(signals.pending(), None);
        raise();
        // Until the runtime has seen it.
        while signals.pending() != Some(Signal::HUP) {
            tokio::task::yield_now().await;
        }
        assert_eq!(signals.pending(), None);
        let mut other = Signals::catch().expect("caught");
        raise();
        assert_eq!(other.next().await, Signal::HUP);
        signals.forget();
        assert_eq!(signals.pending(), None);
    }

    #[test]
    fn signals_have_the_statuses_that_shells_give_them() {
        assert_eq!(status_of(Signal::INT), 130);
        assert_eq!(status_of(Signal::TERM), 143);
        assert_eq!(status_of(Signal::HUP), 129);
    }
}
