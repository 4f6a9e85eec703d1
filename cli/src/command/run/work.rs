//! What a run is: its id and key, the files that it reads and writes, and its end. The key lives as long as the
//! process that made it; with it goes every chance of an attestation.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::rand;
use connect_shared::{
    api::RunEnd, attest::FileFact, grant::RunIdentity, ids::RunId, proof::note::SigningKey,
};
use rustix::process::Signal;
use tokio::time::timeout;

use super::{
    attestation, environment,
    files::{Before, Found, bar, hash},
    inputs::{self, Input},
    resources::Resources,
};
use crate::{
    agents::Agent,
    api::ControlApi,
    application::Application,
    arguments::RunWish,
    console::Console,
    failure::{self, Outcome},
    identity::Holder,
    session::{Signals, status_of},
};

/// One run that has not ended.
pub(super) struct Work {
    pub(super) identity: RunIdentity,
    key: SigningKey,
    agent: Agent,
    holder: Holder,
    pub(super) inputs: Vec<Input>,
    /// Resources that it had lost before its command was done.
    pub(super) left: Vec<String>,
    before: Before,
}

/// How long the agent may take to hear that a run failed.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Who hears how far hashing is.
pub(super) enum News {
    Console(Console),
    /// Name, bytes that are done, bytes in all.
    Visitor(tokio::sync::mpsc::Sender<(String, u64, u64)>),
}

impl News {
    fn of(&self, path: &Path) -> Box<dyn FnMut(u64, u64) + Send> {
        match self {
            Self::Console(console) => bar(console, path),
            Self::Visitor(visitor) => {
                let (visitor, name) = (visitor.clone(), path.display().to_string());
                // A visitor who is slow or gone holds nothing up.
                Box::new(move |done, total| drop(visitor.try_send((name.clone(), done, total))))
            }
        }
    }
}

impl Work {
    /// A new run of a job, with a look at what is there before it.
    pub(super) fn prepare(application: &Application, wish: &RunWish, resources: &Resources) -> Outcome<Self> {
        let before = Before::look(&application.paths, &wish.out)?;
        let (identity, key) = identity(wish, environment::parent(&application.paths), resources.names())?;
        let (agent, holder) = (resources.agent.clone(), resources.holder.clone());
        Ok(Self { identity, key, agent, holder, inputs: Vec::new(), left: Vec::new(), before })
    }

    /// Tells the agent that it failed. That this cannot be told is worth no more than the failure: the agent ends
    /// by itself what nobody comes back to.
    pub(super) async fn abandon(&self, status: u8) {
        let _not_told = timeout(LAST_WORDS, self.tell(&[], status)).await;
    }

    /// Does a part of it, unless a signal comes first: then it is given up. The second signal does not wait.
    pub(super) async fn unless_interrupted<T>(
        &self,
        signals: &mut Signals,
        part: impl Future<Output = T>,
    ) -> Result<T, Signal> {
        let signal = tokio::select! {
            done = part => return Ok(done),
            signal = signals.next() => signal,
        };
        tokio::select! {
            () = self.abandon(status_of(signal)) => {}
            _ = signals.next() => {}
        }
        Err(signal)
    }

    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        self.before.outputs().map(Path::to_owned).collect()
    }

    /// Ends it, and says where its attestations are. A run that failed has none, and neither has one whose
    /// outputs are not what they should be: the log says of both that they failed.
    pub(super) async fn end(&self, status: u8, news: &News) -> Outcome<Vec<PathBuf>> {
        let outputs = match self.outputs_at(status, news).await {
            Ok(outputs) => outputs,
            Err(report) => {
                // What is wrong is told in any case; that the agent did not hear of it is not worth more.
                self.abandon(report.exit.code()).await;
                return Err(report);
            }
        };
        let (end, answer) = match self.tell(&outputs, status).await {
            Ok(told) => told,
            Err(report) => {
                // What the agent does not take, or has not heard, is over all the same.
                self.abandon(report.exit.code()).await;
                return Err(report);
            }
        };
        if status != 0 {
            return Ok(Vec::new());
        }
        let missing = || failure::unexpected("the agent has signed nothing");
        let envelope = answer.envelope.ok_or_else(missing)?;
        let lines = attestation::lines(envelope, &self.identity, &end, &self.key)?;
        let mut places = Vec::new();
        for path in self.before.outputs() {
            let place = attestation::beside(path);
            std::fs::write(&place, &lines).map_err(|error| failure::file("write", &place, &error))?;
            places.push(place);
        }
        Ok(places)
    }

    fn read(&self) -> impl Iterator<Item = &Found> + Clone {
        self.inputs.iter().map(|input| &input.found)
    }

    async fn outputs_at(&self, status: u8, news: &News) -> Outcome<Vec<Found>> {
        let mut outputs = Vec::new();
        for path in self.before.outputs().filter(|_| status == 0) {
            outputs.push(hash(path, news.of(path)).await?);
            self.before.differs(path)?;
        }
        if status == 0 {
            // At last: nothing that the command has left running may have written them until now.
            self.inputs.iter().try_for_each(|input| input.is_as_it_was(self.before.outputs()))?;
            inputs::limits(self.read(), &outputs)?;
        }
        Ok(outputs)
    }

    async fn tell(
        &self,
        outputs: &[Found],
        status: u8,
    ) -> Outcome<(RunEnd, connect_shared::api::RunAttestation)> {
        let fact = |found: &Found| -> FileFact { found.fact.clone() };
        let end = RunEnd {
            inputs: self.read().map(fact).collect(),
            outputs: outputs.iter().map(fact).collect(),
            folders: inputs::folders(self.read().chain(outputs)),
            left: self.left.clone(),
            status,
        };
        let sign_in = self.holder.fresh().await?;
        let api = ControlApi::new(&self.agent, None)?;
        let answer = api.end_run(sign_in.id_token.reveal(), self.identity.id, &end).await?;
        Ok((end, answer))
    }
}

/// The name of the job; the parser wants one.
pub(super) fn job(wish: &RunWish) -> Outcome<&str> {
    wish.job.as_deref().ok_or_else(|| failure::usage("which job is this a run of? --job NAME"))
}

fn identity(
    wish: &RunWish,
    parent: Option<String>,
    mut resources: Vec<String>,
) -> Outcome<(RunIdentity, SigningKey)> {
    let no_randomness = |_| failure::unexpected("no randomness");
    let (mut id, mut seed) = ([0; 16], [0; 32]);
    rand::fill(&mut id).map_err(no_randomness)?;
    rand::fill(&mut seed).map_err(no_randomness)?;
    let id = RunId::from_random(id);
    let key = SigningKey::from_seed(&id.to_string(), seed)
        .map_err(|error| failure::unexpected(error.to_string()))?;
    if resources.len() == 1 {
        // The grant names it.
        resources.clear();
    }
    let (job, key_of_run) = (job(wish)?.to_owned(), key.verifier().to_string());
    let identity = RunIdentity { id, job, key: key_of_run, parent, resources };
    Ok((identity, key))
}
