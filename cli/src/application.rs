//! What every command of one run shares.

use connect_shared::error::{ErrorReport, StepUp};

use crate::{
    agents::{Agent, Agents, Identity},
    api::{Address, ControlApi},
    certificate::{Fingerprint, Trust},
    console::Console,
    failure::{self, Outcome},
    identity::{Holder, Opening, SignIn, Source, Workload, sign_in, stronger_sign_in},
    keep::{Keep, Passphrase, Place, Wish},
    paths::Paths,
    settings::{Key, Settings},
};

/// How it ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    /// The status of a command that was run, or of a signal.
    Status(u8),
}

/// Console, folders and settings of this run.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) console: Console,
    pub(crate) paths: Paths,
    pub(crate) settings: Settings,
    /// The only agent of this run, by its setting.
    pub(crate) agent: Option<Agent>,
}

impl Application {
    /// Where sign-ins are kept; a flag beats the setting.
    pub(crate) fn keep(&self, flag: Option<Wish>) -> Outcome<Keep> {
        let wish = match flag {
            Some(wish) => wish,
            None => self.settings.word(Key::Keep)?.unwrap_or_default(),
        };
        Ok(Keep::new(&self.paths, wish, Passphrase::new(self.console.clone())))
    }

    /// Whoever is signed in at the provider of `agent`; the token may still have to be renewed.
    pub(crate) fn holder(&self, agent: &Agent) -> Outcome<Holder> {
        let (identity, keep) = (agent.identity.clone(), self.keep(None)?);
        Ok(match self.workload()? {
            Some(source) => Holder::of_workload(identity, keep, Workload::new(source, agent)),
            None => Holder::new(identity, keep),
        })
    }

    /// Where a program's own tokens come from, if this is one.
    pub(crate) fn workload(&self) -> Outcome<Option<Source>> {
        match self.settings.value(Key::Workload) {
            None | Some("auto") => Ok(Source::found(|name| std::env::var(name).ok())),
            Some("never") => Ok(None),
            Some(_) => self.settings.word(Key::Workload),
        }
    }

    /// With the agent that a setting names in place of the known ones. Its certificate must be the one in
    /// the setting, so nothing needs to be added before.
    pub(crate) async fn with_agent_of_settings(&self) -> Outcome<Self> {
        let Some(text) = self.settings.value(Key::Agent) else { return Ok(self.clone()) };
        let wrong = || {
            failure::usage(
                "the setting `agent` must be an agent's URL and its fingerprint: https://HOST:7443#sha256:…",
            )
        };
        let (url, fingerprint) = text.split_once('#').ok_or_else(wrong)?;
        let fingerprint: Fingerprint = fingerprint.parse().map_err(|_| wrong())?;
        let address: Address = url.parse()?;
        let trust = Trust::Pinned(fingerprint);
        let about = ControlApi::at(&address.to_string(), address.clone(), &trust, None)?.about().await?;
        let agent =
            Agent::new(about.name, address.to_string(), trust, about.identity.into(), about.log.into());
        Ok(Self { agent: Some(agent), ..self.clone() })
    }

    /// A good sign-in; where nobody is signed in, a person is sent to the browser if one is there.
    pub(crate) async fn signed_in(&self, holder: &Holder) -> Outcome<SignIn> {
        match holder.fresh().await {
            Err(report) if needs_person(&report) && !holder.is_workload() => {
                if !self.console.is_interactive() {
                    return Err(report);
                }
                let sign_in = sign_in(&self.console, holder.identity(), Opening::Browser).await?;
                self.keep_sign_in(holder, sign_in.clone()).await?;
                Ok(sign_in)
            }
            other => other,
        }
    }

    /// Signs somebody in once more, as a resource demands it; `None` where nobody can be asked.
    pub(crate) async fn step_up(&self, holder: &Holder, demands: &StepUp) -> Outcome<Option<SignIn>> {
        if !self.console.is_interactive() || holder.is_workload() {
            return Ok(None);
        }
        let sign_in = stronger_sign_in(&self.console, holder.identity(), Opening::Browser, demands).await?;
        self.keep_sign_in(holder, sign_in.clone()).await?;
        Ok(Some(sign_in))
    }

    /// Keeps a new sign-in, and says so where it is not kept.
    pub(crate) async fn keep_sign_in(&self, holder: &Holder, sign_in: SignIn) -> Outcome<Place> {
        let place = match holder.take(sign_in.clone()).await {
            Ok(place) => place,
            Err(report) => {
                holder.borrow(sign_in).await;
                return Err(report);
            }
        };
        if place == Place::Nothing {
            self.console.warn(
                "the sign-in could not be kept: there is no keychain here and no passphrase to seal it with",
            );
        }
        Ok(place)
    }

    /// The agents that are known.
    pub(crate) fn agents(&self) -> Outcome<Agents> {
        match &self.agent {
            Some(agent) => Ok(Agents::of_one(agent.clone())),
            None => Agents::load(&self.paths),
        }
    }

    /// Different identity providers of the known agents.
    pub(crate) fn identities(&self) -> Outcome<Vec<Identity>> {
        let mut identities: Vec<Identity> = Vec::new();
        for agent in self.agents()?.iter() {
            let known = identities.iter().any(|known| {
                known.issuer == agent.identity.issuer && known.client_id == agent.identity.client_id
            });
            if !known {
                identities.push(agent.identity.clone());
            }
        }
        Ok(identities)
    }
}

/// Whether only a person can go on: time will not help.
fn needs_person(report: &ErrorReport) -> bool {
    report.exit == connect_shared::error::Exit::SignInNeeded
}
