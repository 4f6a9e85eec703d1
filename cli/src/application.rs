//! What every command of one run shares.

use connect_shared::error::ErrorReport;

use crate::{
    agents::{Agent, Agents, Identity},
    console::Console,
    failure::Outcome,
    identity::{Holder, Opening, SignIn, sign_in},
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
        Ok(Holder::new(agent.identity.clone(), self.keep(None)?))
    }

    /// A good sign-in; where nobody is signed in, a person is sent to the browser if one is there.
    pub(crate) async fn signed_in(&self, holder: &Holder) -> Outcome<SignIn> {
        match holder.fresh().await {
            Err(report) if needs_person(&report) => {
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
        Agents::load(&self.paths)
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
