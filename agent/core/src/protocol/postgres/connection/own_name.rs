//! What the client calls itself (`application_name`). At the server it begins with the principal, whom the database's
//! own log and views then name; the client is told what it asked for.
//!
//! At startup the server gets both at once. Of a name that is set later the server tells by itself, and gets the
//! principal in front of it as soon as no transaction is open.

use bytes::Bytes;

use super::{
    Connection, Expect,
    respond::{Fault, status, violation},
};
use crate::protocol::postgres::{
    answer,
    frame::Message,
    reader::{Reader, Short},
    scrub,
};

pub(super) const APPLICATION_NAME: &str = "application_name";

/// Most characters of it that reach the server, which cuts the whole at 63 bytes.
const MOST: usize = 30;

/// The server gave up what it was asked, for a request to cancel or for its time.
const CANCELLED: &str = "57014";

/// One name, here and there.
#[derive(Default)]
struct Pair {
    upstream: Bytes,
    own: Bytes,
}

#[derive(Default)]
pub(super) struct OwnName {
    /// What RESET goes back to.
    startup: Pair,
    now: Pair,
    /// What the client has set, and the server has without the principal.
    bare: Option<Bytes>,
    /// What the server was asked to put the principal in front of.
    asked: Option<Bytes>,
    /// What the client was told last.
    told: Bytes,
    /// The server tells of a name that is set, whether it is another one or not.
    tells_again: bool,
}

/// Version of the server from which on it reports what has changed, and nothing else.
const TELLS_CHANGES: u32 = 14;

/// The server's major version, as it reports it: `15.18 (Debian 15.18-0+deb12u1)`.
fn major(version: &[u8]) -> Option<u32> {
    let digits = version.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl OwnName {
    /// The server has reported it at login.
    pub(super) fn began(&mut self, upstream: Bytes, own: Bytes, server_version: &[u8]) {
        self.told = own.clone();
        self.startup = Pair { upstream, own };
        self.tells_again = major(server_version).is_some_and(|major| major < TELLS_CHANGES);
    }

    /// What the client is told where the server reports this; `None` where that is our own doing.
    fn shown(&mut self, reported: &Bytes) -> Option<Bytes> {
        self.bare = None;
        if let Some(own) = self.asked.take() {
            self.now = Pair { upstream: reported.clone(), own };
            return None;
        }
        let known = [&self.startup, &self.now].into_iter().find(|known| known.upstream == reported);
        let own = match known {
            Some(known) => known.own.clone(),
            None => self.bare.insert(reported.clone()).clone(),
        };
        // For the client it is the name that it had: that the server has taken the principal off is no change.
        let is_news = self.tells_again || self.told != own;
        self.told.clone_from(&own);
        is_news.then_some(own)
    }
}

impl Connection {
    /// A name as the server gets it.
    pub(super) fn with_principal(&self, own: &str) -> String {
        let own: String = own.chars().take(MOST).collect();
        format!("{} via connect, {own}", self.setup.facts.principal.name)
    }

    /// Relays what the server reports of a parameter.
    pub(super) fn report(&mut self, report: Message) {
        let read = |body: Bytes| -> Result<(Bytes, Bytes), Short> {
            let mut reader = Reader::new(body);
            Ok((reader.text()?, reader.text()?))
        };
        match read(report.body()) {
            Ok((name, value)) if name[..] == *APPLICATION_NAME.as_bytes() => {
                if let Some(shown) = self.own_name.shown(&value) {
                    self.outbox.say_to_client(answer::parameter(&name, &shown));
                }
            }
            _ => self.outbox.say_to_client(report.bytes),
        }
    }

    /// Puts the principal in front of a name that was set, if nothing is on its way to the server.
    pub(super) fn name_principal(&mut self) {
        if !self.is_quiet() {
            return;
        }
        let Some(bare) = self.own_name.bare.take() else { return };
        let name = self.with_principal(&String::from_utf8_lossy(&bare));
        self.outbox.say_to_server(answer::set_config(APPLICATION_NAME.as_bytes(), name.as_bytes()));
        self.in_flight.push_back(Expect::Name);
        self.own_name.asked = Some(bare);
    }

    /// The answer to that, which the client never asked for. Where the server does not want the name, it has the
    /// client's; a request to cancel that met the call has only put it off.
    pub(super) fn name_answer(&mut self, message: &Message) -> Result<(), Fault> {
        match message.kind {
            b'V' => {}
            b'E' => {
                let asked = self.own_name.asked.take();
                if scrub::sqlstate(message.body())? == CANCELLED {
                    self.own_name.bare = asked;
                }
            }
            b'Z' => {
                status(message)?;
                self.own_name.asked = None;
                self.in_flight.pop_front();
            }
            _ => return Err(violation("the server answered a function call with something else")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_hears_its_own_name_and_nothing_of_ours() {
        let mut name = OwnName::default();
        name.began("ana via connect, psql".into(), "psql".into(), b"15.18 (Debian 15.18-0+deb12u1)");
        assert_eq!(name.shown(&"etl".into()), Some("etl".into()));
        name.asked = name.bare.take();
        assert_eq!(name.shown(&"ana via connect, etl".into()), None);
        assert!(name.bare.is_none());
        assert_eq!(name.shown(&"ana via connect, psql".into()), Some("psql".into()), "RESET");
        assert_eq!(name.shown(&"ana via connect, etl".into()), Some("etl".into()), "a rollback of that");
        assert!(name.bare.is_none());
    }

    #[test]
    fn a_name_that_is_set_again_is_told_as_the_server_would_tell_it() {
        for (version, again) in [("13.21", true), ("14.0", false), ("18beta1", false), ("", false)] {
            let mut name = OwnName::default();
            name.began("ana via connect, psql".into(), "psql".into(), version.as_bytes());
            for (told, expected) in [("etl", true), ("etl", again), ("psql", true)] {
                assert_eq!(name.shown(&told.into()).is_some(), expected, "{version}: {told}");
                name.asked = name.bare.take();
                assert_eq!(name.shown(&format!("ana via connect, {told}").into()), None);
            }
        }
    }
}
