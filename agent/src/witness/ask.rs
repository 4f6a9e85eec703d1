//! Asking witnesses: every checkpoint goes to all of them; what they sign is checked and put beside the log
//! as `witnessed`. A witness that does not answer is an alarm and an entry; where `require_witness` says
//! so, nothing runs until enough of them have cosigned again.

mod round;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use connect_shared::{
    entry::Entry,
    proof::{checkpoint::Checkpoint, cosignature::WitnessKey, note::VerifierKey},
};
use futures_util::future::join_all;
use tokio::{sync::watch, task::JoinHandle};

use self::round::{Answer, Round};
use crate::{
    config::{WitnessConfig, WitnessRules},
    log::{Keep, Log, Published, write_atomically},
};

/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How often the age of cosignatures is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How a witness is doing, for `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    /// Entries under the last checkpoint that it cosigned.
    pub(crate) cosigned: u64,
    pub(crate) late: bool,
}

/// The task that asks.
#[derive(Debug)]
pub(crate) struct Asker {
    standing: Arc<Mutex<Vec<Standing>>>,
    /// Entries that all of them have cosigned.
    cosigned: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asker {
    /// Asks the configured witnesses about each checkpoint from now on. `None`: there are none.
    pub(crate) fn start(log: &Log, rules: &WitnessRules) -> Option<Self> {
        if rules.witnesses.is_empty() {
            return None;
        }
        let standing = Arc::new(Mutex::new(Vec::new()));
        let (sender, cosigned) = watch::channel(0);
        let mut asking = Asking {
            log: log.clone(),
            rules: rules.clone(),
            witnesses: rules.witnesses.iter().map(Asked::new).collect(),
            // Not before the first answer: the agent may have been put back to an older state.
            enough: None,
            standing: Arc::clone(&standing),
            cosigned: sender,
            kept: Kept::default(),
            unpublished: Unpublished::default(),
        };
        asking.judge();
        Some(Self { standing, cosigned, task: tokio::spawn(asking.run()) })
    }

    /// How many entries all witnesses have cosigned, as it goes.
    pub(crate) fn cosigned(&self) -> watch::Receiver<u64> {
        self.cosigned.clone()
    }

    pub(crate) fn standing(&self) -> Vec<Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One witness, as this agent knows it.
struct Asked {
    config: WitnessConfig,
    /// Where it stands, by its own word.
    size: u64,
    /// Entries under the last checkpoint that it cosigned for this agent.
    cosigned: u64,
    /// Since when entries wait for its cosignature.
    waiting_since: Option<Instant>,
    not_before: Option<Instant>,
    pause: Duration,
    late: bool,
    code: &'static str,
}

impl Asked {
    fn new(config: &WitnessConfig) -> Self {
        Self {
            config: config.clone(),
            size: 0,
            cosigned: 0,
            waiting_since: Some(Instant::now()),
            not_before: None,
            pause: PAUSES.0,
            late: false,
            code: "no_answer",
        }
    }

    fn key(&self) -> &WitnessKey {
        &self.config.key
    }
}

struct Asking {
    log: Log,
    rules: WitnessRules,
    witnesses: Vec<Asked>,
    /// When so many as are required had cosigned what was then the last checkpoint.
    enough: Option<Instant>,
    standing: Arc<Mutex<Vec<Standing>>>,
    cosigned: watch::Sender<u64>,
    kept: Kept,
    unpublished: Unpublished,
}

/// How long entries have waited for a checkpoint: there is nothing that a witness could cosign before it.
#[derive(Debug, Default)]
struct Unpublished {
    /// Entries that were durable at a moment, and not all of them under a checkpoint.
    since: Option<(Instant, u64)>,
}

impl Unpublished {
    /// Looks at where the log is: entries that are durable, and those under its last checkpoint.
    fn look(&mut self, durable: u64, published: u64, now: Instant) {
        if self.since.is_none_or(|(_, waiting)| waiting <= published) {
            self.since = (published < durable).then_some((now, durable));
        }
    }

    fn is_late(&self, age: Duration, now: Instant) -> bool {
        self.since.is_some_and(|(since, _)| now.duration_since(since) >= age)
    }
}

/// What stands in the file `witnessed`: one checkpoint, and who has cosigned it in this or an earlier round.
#[derive(Debug, Default)]
struct Kept {
    checkpoint: Arc<str>,
    lines: Vec<String>,
}

impl Kept {
    /// Adds cosignatures of a checkpoint to those that it has, and gives the text with all of them.
    fn add(&mut self, checkpoint: &Arc<str>, lines: impl IntoIterator<Item = String>) -> String {
        if self.checkpoint != *checkpoint {
            *self = Self { checkpoint: Arc::clone(checkpoint), lines: Vec::new() };
        }
        self.lines.extend(lines);
        self.lines.iter().fold(checkpoint.to_string(), |text, line| format!("{text}{line}\n"))
    }
}

impl Asking {
    async fn run(mut self) {
        let Ok(key) = self.log.verifier_key().parse::<VerifierKey>() else { return };
        let mut published = self.log.published();
        loop {
            let now = Arc::clone(&published.borrow_and_update());
            if let Ok(checkpoint) = Checkpoint::open(&now.checkpoint, &key) {
                self.round(&now, checkpoint.size).await;
            }
            self.judge();
            // A new checkpoint, or time to look at the age of the old one.
            if let Ok(Err(_)) = tokio::time::timeout(LOOK, published.changed()).await {
                return;
            }
        }
    }

    /// Asks those that have not cosigned this checkpoint and are not to be left alone for now.
    async fn round(&mut self, published: &Arc<Published>, size: u64) {
        let started = Instant::now();
        for witness in self.witnesses.iter_mut().filter(|witness| witness.cosigned < size) {
            witness.waiting_since.get_or_insert(started);
        }
        let due = self.witnesses.iter().enumerate().filter(|(_, witness)| {
            let rests = witness.not_before.is_some_and(|until| until > started);
            witness.waiting_since.is_some() && !rests
        });
        let round = Round { log: &self.log, published };
        let answers = join_all(due.map(|(at, witness)| {
            let round = &round;
            async move { (at, round.ask(&witness.config, witness.size).await) }
        }))
        .await;
        let mut lines = Vec::new();
        for (at, answer) in answers {
            let Some(witness) = self.witnesses.get_mut(at) else { continue };
            match answer {
                Answer::Cosigned(line) => {
                    (witness.size, witness.cosigned) = (size, size);
                    (witness.waiting_since, witness.not_before) = (None, None);
                    witness.pause = PAUSES.0;
                    lines.push(line);
                }
                Answer::Elsewhere(known) => {
                    // It has seen more of this log than there is.
                    (witness.size, witness.code) = (known, "ahead_of_us");
                    witness.fail(started);
                    tracing::error!(
                        witness = witness.key().name(),
                        known,
                        size,
                        "the witness has seen more entries than this log has: it was put back to an older state"
                    );
                }
                Answer::Refused(code) => {
                    witness.code = code;
                    witness.fail(started);
                    tracing::warn!(witness = witness.key().name(), code, "no cosignature");
                }
            }
        }
        if !lines.is_empty() {
            self.keep(published, lines).await;
        }
        let cosigned = self.witnesses.iter().filter(|witness| witness.waiting_since.is_none());
        if self.rules.required > 0 && cosigned.count() >= self.rules.required {
            self.enough = Some(Instant::now());
        }
    }

    /// The checkpoint with its cosignatures, where everybody who reads the log finds it.
    async fn keep(&mut self, published: &Arc<Published>, lines: Vec<String>) {
        let path = self.log.public_dir().join(crate::log::WITNESSED);
        let text = self.kept.add(&published.checkpoint, lines);
        let written =
            tokio::task::spawn_blocking(move || write_atomically(&path, text.as_bytes(), Keep::Durable));
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "cosignatures could not be kept");
        }
    }

    /// Alarms, the gate, and what `/readyz` says.
    fn judge(&mut self) {
        let now = Instant::now();
        for witness in &mut self.witnesses {
            let late = witness.waiting_since.is_some_and(|since| now.duration_since(since) >= self.rules.age);
            if late == witness.late {
                continue;
            }
            witness.late = late;
            let (name, cosigned) = (witness.key().name().to_owned(), witness.cosigned);
            let entry = if late {
                tracing::error!(witness = %name, code = witness.code, "the witness is late");
                Entry::WitnessLate { witness: name, cosigned, code: witness.code.to_owned() }
            } else {
                Entry::WitnessBack { witness: name, cosigned }
            };
            let _closed_log_has_said_so = self.log.append(entry);
        }
        let (durable, published) = (self.log.durable().borrow().upto, self.log.published().borrow().size);
        self.unpublished.look(durable, published, now);
        if self.rules.required > 0 {
            let idle = self.witnesses.iter().filter(|witness| witness.waiting_since.is_none()).count();
            let fresh = self.enough.is_some_and(|at| now.duration_since(at) < self.rules.age)
                || (self.enough.is_some() && idle >= self.rules.required);
            self.log.gate().set_witnessed(fresh && !self.unpublished.is_late(self.rules.age, now));
        }
        let least = self.witnesses.iter().map(|witness| witness.cosigned).min();
        self.cosigned.send_replace(least.unwrap_or_default());
        let standing = self.witnesses.iter().map(|witness| Standing {
            name: witness.key().name().to_owned(),
            cosigned: witness.cosigned,
            late: witness.late,
        });
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing.collect();
    }
}

impl Asked {
    fn fail(&mut self, now: Instant) {
        self.not_before = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_no_checkpoint_covers_in_time_are_late_however_often_others_follow() {
        let (age, start) = (Duration::from_secs(300), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut unpublished = Unpublished::default();
        unpublished.look(7, 7, at(0));
        assert!(!unpublished.is_late(age, at(1_000)), "nothing waits");
        // Always some are under way, and none for long.
        for second in 1..1_000 {
            unpublished.look(7 + second, 6 + second, at(second));
            assert!(!unpublished.is_late(age, at(second)));
        }
        // No checkpoint any more.
        unpublished.look(2_000, 1_005, at(1_000));
        unpublished.look(9_000, 1_005, at(1_299));
        assert!(!unpublished.is_late(age, at(1_298)));
        assert!(unpublished.is_late(age, at(1_300)));
        unpublished.look(9_000, 9_000, at(1_301));
        assert!(!unpublished.is_late(age, at(1_301)));
    }

    #[test]
    fn who_cosigns_a_checkpoint_later_does_not_push_out_who_did_before() {
        let (first, second): (Arc<str>, Arc<str>) = ("one\n\nsigned\n".into(), "two\n\nsigned\n".into());
        let mut kept = Kept::default();
        assert_eq!(kept.add(&first, ["by a".to_owned()]), "one\n\nsigned\nby a\n");
        assert_eq!(kept.add(&first, ["by b".to_owned()]), "one\n\nsigned\nby a\nby b\n");
        assert_eq!(kept.add(&second, ["by b".to_owned()]), "two\n\nsigned\nby b\n");
    }
}
