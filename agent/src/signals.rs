//! Receives what identity providers say about sign-ins after they happened (Shared Signals Framework 1.0): they
//! push to the control API (RFC 8935), or are asked (RFC 8936). An event ends what it is about at once, and
//! is an entry.

mod poll;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::{
    config::SignalsConfig,
    identity::{EventVerifier, FetchError, Order, TokenError},
    serve::{Agent, now},
    upstream::Secret,
};

/// The transmitters of one agent.
#[derive(Debug)]
pub struct Signals {
    transmitters: Vec<Arc<Transmitter>>,
}

#[derive(Debug)]
struct Transmitter {
    verifier: EventVerifier,
    token: Secret,
    /// Where it is asked, and by what.
    poll: Option<(String, reqwest::Client)>,
}

impl Signals {
    /// # Errors
    /// A CA file cannot be used.
    pub fn new(configs: &[SignalsConfig]) -> Result<Self, FetchError> {
        let transmitters = configs.iter().map(|config| {
            Ok(Arc::new(Transmitter {
                verifier: EventVerifier::new(config)?,
                token: config.token.clone(),
                poll: match &config.poll {
                    Some(url) => Some((url.clone(), poll::client(config, url)?)),
                    None => None,
                },
            }))
        });
        Ok(Self { transmitters: transmitters.collect::<Result<_, FetchError>>()? })
    }

    /// An event that was pushed, if the one who pushed may. `None`: nobody of this name and token pushes here.
    pub async fn pushed(&self, agent: &Agent, bearer: &str, event: &str) -> Option<Result<(), TokenError>> {
        let may = |transmitter: &&Arc<Transmitter>| {
            let known = transmitter.token.0.as_bytes();
            aws_lc_rs::constant_time::verify_slices_are_equal(known, bearer.as_bytes()).is_ok()
        };
        let mut pushing =
            self.transmitters.iter().filter(|transmitter| transmitter.poll.is_none()).filter(may);
        let first = pushing.next()?;
        let one =
            std::iter::once(first).chain(pushing).find(|one| one.verifier.is_of(event)).unwrap_or(first);
        Some(one.hear(agent, event).await.map(|_jti| ()))
    }

    /// Asks those that are to be asked, as long as the tasks live.
    pub fn poll(&self, agent: &Arc<Agent>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for transmitter in &self.transmitters {
            if let Some((url, client)) = transmitter.poll.clone() {
                tasks.spawn(poll::run(Arc::clone(agent), Arc::clone(transmitter), url, client));
            }
        }
        tasks
    }
}

impl Transmitter {
    /// Does what an event orders; its id.
    async fn hear(&self, agent: &Agent, token: &str) -> Result<String, TokenError> {
        let told = self.verifier.hear(token, now()).await?;
        match told.order {
            Order::Shut { whom, until, why } => {
                agent.revoke(&whom, &until, (&format!("event/{}", told.event), why), None);
            }
            Order::Restore { whom, lock } => agent.restore(&whom, &lock, &format!("event/{}", told.event)),
            Order::Nothing => tracing::debug!(event = told.event, "an event that ends nothing"),
        }
        Ok(told.jti)
    }
}
