//! One question to one witness. What it answers is a stranger's: it counts only as far as its signature
//! holds.

use std::{sync::LazyLock, time::Duration};

use connect_shared::proof::{growth::Growth, note::Note, tile::TileHashes, tree::consistency_proof};
use reqwest::{Client, StatusCode, redirect::Policy};

use crate::{
    config::WitnessConfig,
    log::{Log, PublicFolder, Published},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer.
const MAX_ANSWER: usize = 16 * 1024;

static CLIENT: LazyLock<Option<Client>> = LazyLock::new(|| {
    let tls = crate::identity::public_tls().ok()?;
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).timeout(PATIENCE);
    client.build().ok()
});

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A signature line that holds.
    Cosigned(String),
    /// The witness has cosigned so many entries, which are more than there are.
    Elsewhere(u64),
    /// A word for the log.
    Refused(&'static str),
}

pub(super) struct Round<'a> {
    pub(super) log: &'a Log,
    pub(super) published: &'a Published,
}

impl Round<'_> {
    /// Asks a witness to cosign the checkpoint, which is thought to stand at `old`, and from where it says
    /// that it stands if that is somewhere else.
    pub(super) async fn ask(&self, witness: &WitnessConfig, old: u64) -> Answer {
        match self.ask_from(witness, old).await {
            Answer::Elsewhere(known) if known <= self.published.size => {
                match self.ask_from(witness, known).await {
                    Answer::Elsewhere(size) if size <= self.published.size => Answer::Refused("odd_answer"),
                    other => other,
                }
            }
            other => other,
        }
    }

    async fn ask_from(&self, witness: &WitnessConfig, old: u64) -> Answer {
        if old > self.published.size {
            // Asked all the same: it may have been set up anew, and would say so.
            return self.send(witness, 0, Vec::new()).await;
        }
        let (folder, size) = (PublicFolder::new(self.log.public_dir()), self.published.size);
        let proof = tokio::task::spawn_blocking(move || {
            consistency_proof(old, size, &mut TileHashes::new(&folder, size)).ok()
        });
        match proof.await {
            Ok(Some(proof)) => self.send(witness, old, proof).await,
            _ => Answer::Refused("no_proof"),
        }
    }

    async fn send(
        &self,
        witness: &WitnessConfig,
        old: u64,
        proof: Vec<connect_shared::proof::tree::Hash>,
    ) -> Answer {
        let growth = Growth { proof, checkpoint: self.published.checkpoint.to_string() };
        let Some(client) = CLIENT.as_ref() else { return Answer::Refused("no_client") };
        let url = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
        let sent = client.post(url).body(format!("old {old}\n{growth}")).send().await;
        let Ok(mut response) = sent else { return Answer::Refused("no_answer") };
        let status = response.status();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Answer::Refused("odd_answer");
            }
            body.extend_from_slice(&chunk);
        }
        let Ok(text) = String::from_utf8(body) else { return Answer::Refused("odd_answer") };
        match status {
            StatusCode::OK => self.accept(witness, &text),
            StatusCode::CONFLICT => match text.trim().parse() {
                Ok(size) if size != old => Answer::Elsewhere(size),
                Ok(_) => Answer::Refused("fork"),
                Err(_) => Answer::Refused("odd_answer"),
            },
            StatusCode::NOT_FOUND => Answer::Refused("unknown_log"),
            StatusCode::FORBIDDEN => Answer::Refused("unknown_key"),
            StatusCode::UNPROCESSABLE_ENTITY => Answer::Refused("fork"),
            StatusCode::TOO_MANY_REQUESTS => Answer::Refused("too_many_requests"),
            _ => Answer::Refused("odd_answer"),
        }
    }

    /// The one line of the answer that is the witness's own and fits this checkpoint.
    fn accept(&self, witness: &WitnessConfig, text: &str) -> Answer {
        for line in text.lines() {
            let cosigned = format!("{}{line}\n", self.published.checkpoint);
            if Note::parse(&cosigned).is_ok_and(|note| witness.key.cosigned_at(&note).is_some()) {
                return Answer::Cosigned(line.to_owned());
            }
        }
        Answer::Refused("bad_cosignature")
    }
}
