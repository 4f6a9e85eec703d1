//! Several sessions that are held at the same time, because one command or one run needs all of them.

use std::{future::Future, pin::pin};

use futures_util::future::join_all;
use tokio::sync::watch;

use super::{
    hold::{Held, Until},
    open::Opened,
};
use crate::console::Console;

/// What becomes of the others when one session ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// They go on; why the one ended is said at once.
    GoOn,
    /// They end, too.
    End,
}

/// Holds all of them until `until` happens, or each has ended by itself. Says how each ended, in their order.
pub(crate) async fn hold_all(
    opened: Vec<Opened>,
    console: &Console,
    until: impl Future<Output = ()>,
    others: Others,
) -> Vec<Held> {
    let (over, heard) = watch::channel(false);
    let sessions = opened.into_iter().map(|one| {
        let (over, mut heard) = (&over, heard.clone());
        async move {
            let end = Box::pin(async move {
                // Invariant: the sender outlives every session.
                let _over = heard.wait_for(|over| *over).await;
            });
            let held = one.hold(console, Until::Happens(end)).await;
            match (&held, others) {
                (_, Others::End) => {
                    over.send_replace(true);
                }
                (Held::Ended(report), Others::GoOn) => console.fail(report),
                _ => {}
            }
            held
        }
    });
    let mut sessions = pin!(join_all(sessions));
    tokio::select! {
        held = &mut sessions => held,
        () = until => {
            over.send_replace(true);
            sessions.await
        }
    }
}
