//! When a command of the development tools should end: a signal, or the end of its standard input.

use std::io::{self, Read};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// What else than a signal ends the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlsoEndsWith {
    Nothing,
    /// The other end of the pipe is gone, and with it whoever started us.
    StandardInput,
}

/// Listens from now on; the future that it gives ends when the command should.
pub fn ending(also: AlsoEndsWith) -> io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let closed = match also {
        AlsoEndsWith::Nothing => None,
        AlsoEndsWith::StandardInput => Some(standard_input_closes()),
    };
    Ok(async move {
        let closed = async {
            match closed {
                Some(closed) => drop(closed.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            () = closed => {}
        }
    })
}

/// A thread of its own: a read that waits must not keep the runtime from ending.
fn standard_input_closes() -> oneshot::Receiver<()> {
    let (closed, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 512];
        let mut input = io::stdin().lock();
        while matches!(input.read(&mut buffer), Ok(1..)) {}
        drop(closed);
    });
    wait
}
