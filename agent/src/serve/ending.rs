//! When the process is asked to end.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Set at the first SIGTERM or SIGINT; a second one ends the process at once, as its sender wants.
///
/// # Errors
/// The system does not let us listen for signals.
pub fn signalled() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for asked in 0_u8.. {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if asked > 0 {
                // What is not durable yet is recovered from at the next start, as after a crash.
                std::process::exit(code);
            }
            sender.send_replace(true);
        }
    });
    Ok(receiver)
}
