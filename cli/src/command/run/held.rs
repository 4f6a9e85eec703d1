//! The process in the background that holds a run between `start` and `stop`. It has the run's key and locks its
//! outputs. However it ends other than by `stop`, nothing is attested: the log is told that the run failed if
//! there is still time, and the record says why.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connect_shared::error::{ErrorReport, Exit};
use tokio::{sync::mpsc, time::timeout};

use super::{
    desk::{Answer, Desk, Visitor, over},
    record::Record,
    work::{News, Work},
};
use crate::{
    application::{Application, Ending},
    failure::Outcome,
    session::{self, Held, Opened, Others, Parts, Signals, status_of},
};

/// What ended the session from this side.
enum Cause {
    Asked(Visitor),
    Signal(rustix::process::Signal),
}

/// Holds it until somebody stops it, or until it cannot be held any more.
pub(super) async fn hold(
    application: &Application,
    (opened, parts): (Vec<Opened>, Option<Parts>),
    work: &Work,
    (mut record, mut desk): (Record, Desk),
    mut signals: Signals,
) -> Outcome<Ending> {
    let cause = Arc::new(Mutex::new(None));
    let told = Arc::clone(&cause);
    let (desk_of, signals_of) = (&mut desk, &mut signals);
    let until = async move {
        let found = tokio::select! {
            visitor = desk_of.visitor() => Cause::Asked(visitor),
            signal = signals_of.next() => Cause::Signal(signal),
        };
        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    };
    // Without one of its resources the run is not what it was begun as.
    let held = session::hold_all(opened, &application.console, until, Others::End).await;
    // Nothing is handed on any more, and nobody finds a socket who hears of the end.
    drop(parts);
    let held = held.into_iter().find(|held| !matches!(held, Held::Reached)).unwrap_or(Held::Reached);
    let cause = cause.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (status, report) = match (held, cause) {
        (Held::Reached, Some(Cause::Asked(visitor))) => {
            stop(application, work, (&visitor, &record), &mut signals).await;
            // Whoever came meanwhile is told, and not left alone.
            while let Ok(late) = timeout(Duration::ZERO, desk.visitor()).await {
                let _gone = late.answers.try_send(Answer::Refused(over()));
            }
            return Ok(Ending::Done);
        }
        (Held::Ended(report), _) => (report.exit.code(), report),
        (_, Some(Cause::Signal(signal))) => (status_of(signal), ended_by_signal()),
        _ => (Exit::SessionEnded.code(), ended("its session was closed by `connect close`")),
    };
    work.abandon(status).await;
    record.ended = Some(report.clone());
    record.write(&application.paths)?;
    Err(report)
}

pub(super) fn ended(why: &str) -> ErrorReport {
    ErrorReport::new("session_ended", Exit::SessionEnded, why)
}

fn ended_by_signal() -> ErrorReport {
    ended("a signal ended its process")
}

/// Ends the run as it was asked for, and says how that went.
async fn stop(
    application: &Application,
    work: &Work,
    (visitor, record): (&Visitor, &Record),
    signals: &mut Signals,
) {
    let (news, mut heard) = mpsc::channel(16);
    let answers = visitor.answers.clone();
    let passing = tokio::spawn(async move {
        while let Some((name, done, total)) = heard.recv().await {
            let _slow_or_gone = answers.try_send(Answer::Hashing { name, done, total });
        }
    });
    let news = News::Visitor(news);
    let ended = work.unless_interrupted(signals, work.end(visitor.status, &news)).await;
    drop(news);
    let ended = ended.unwrap_or_else(|_| Err(ended_by_signal()));
    // All that was said of hashing stands before the end.
    let _panicked = passing.await;
    // Before anybody hears of the end, so that nobody finds it open after that.
    if let Err(report) = record.remove(&application.paths) {
        application.console.warn(&report.message);
    }
    let answer = match ended {
        Ok(attestations) => Answer::Ended { attestations },
        Err(report) => Answer::Refused(report),
    };
    let _gone = visitor.answers.send(answer).await;
}
