//! Every user is a monitor: whenever an agent is used, its log must contain what it had at the last use. A
//! log that was cut, put back or written anew by the holder of its key is noticed here.

use connect_shared::{
    error::ErrorReport,
    proof::{
        checkpoint::Checkpoint,
        growth::{Growth, GrowthTextError, MAX_GROWTH_BYTES},
        note::VerifierKey,
        receipt::MAX_RECEIPT_BYTES,
        rotation::{follow_one, rotation_path},
    },
};

use super::{kept, keys};
use crate::{
    agents::{Agent, Agents},
    api::{Caller, ControlApi, Limit},
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// Most changes of a key that are followed at once.
const MOST_ROTATIONS: u64 = 1_000;

/// Holds the agent's log against the checkpoint that was kept, and keeps the new one.
pub(crate) async fn look(paths: &Paths, agent: &Agent, api: &ControlApi) -> Outcome<Checkpoint> {
    let pinned = keys::parse(&agent.log.key)?;
    let old = kept::load_signed(paths, &pinned)?;
    let from = old.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
    let path = format!("/log/consistency?from={from}");
    let text = api.text(&path, Caller::Anyone, Limit::Bytes(MAX_GROWTH_BYTES)).await?;
    let wrong = |error: &GrowthTextError| {
        let words = format!("the log of the agent `{}` is not what it was: {error}", agent.name);
        failure::unverified("log_unsound", words)
    };
    let growth = Growth::parse(&text).map_err(|error| wrong(&error))?;
    let key = followed(api, &pinned, &growth.checkpoint).await?;
    match growth.verify(old.as_ref().map(|(checkpoint, _)| checkpoint), &key) {
        Ok(new) => {
            kept::keep(paths, &key, &growth.checkpoint)?;
            if key != pinned {
                let mut agents = Agents::load(paths)?;
                agents.follow(&agent.url, key.to_string());
                agents.save(paths)?;
            }
            Ok(new)
        }
        Err(error) => Err(with_evidence(paths, old.as_ref(), &growth, &error, wrong(&error))),
    }
}

/// The key that has signed the checkpoint, if it follows from the one that is known; else the known one.
async fn followed(api: &ControlApi, pinned: &VerifierKey, checkpoint: &str) -> Outcome<VerifierKey> {
    let mut now = pinned.clone();
    for number in 0..MOST_ROTATIONS {
        if Checkpoint::open(checkpoint, &now).is_ok() {
            return Ok(now);
        }
        let path = format!("/log/{}", rotation_path(number));
        let Some(bytes) = api.fetch(&path, Caller::Anyone, Limit::Bytes(MAX_RECEIPT_BYTES)).await? else {
            break;
        };
        let text = String::from_utf8_lossy(&bytes);
        now = follow_one(&text, &now).unwrap_or(now);
    }
    Ok(if Checkpoint::open(checkpoint, &now).is_ok() { now } else { pinned.clone() })
}

/// Two checkpoints of one key that contradict each other convict its holder: they are kept.
fn with_evidence(
    paths: &Paths,
    old: Option<&(Checkpoint, String)>,
    growth: &Growth,
    error: &GrowthTextError,
    report: ErrorReport,
) -> ErrorReport {
    let Some((checkpoint, signed)) = old.filter(|_| error.is_contradiction()) else { return report };
    let file = paths.evidence().join(format!("{}-entries.txt", checkpoint.size));
    let text = format!("kept here:\n{signed}\nshown now:\n{growth}");
    match private::write(&file, text.as_bytes()) {
        Ok(()) => report.help(format!(
            "show {} to whoever answers for the log: two checkpoints that contradict each other",
            file.display()
        )),
        Err(_) => report,
    }
}
