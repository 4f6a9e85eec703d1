//! What the client calls itself (`application_name`). At the server it begins with the principal, whom the database's
//! own log and views then name; the client is told what it asked for.
//!
//! At startup the server gets both at once. Of a name that is set later the server tells by itself, and gets the
//! principal in front of it as soon as no transaction is open.

use bytes::Bytes;

use super::{
    Connection, Expect,
    respond::{Fault, violation},
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
}

impl OwnName {
    /// The server has reported it at login.
    pub(super) fn began(&mut self, upstream: Bytes, own: Bytes) {
        self.startup = Pair { upstream, own };
    }

    /// What the client is told where the server reports this; `None` where that is our own doing.
    fn shown(&mut self, reported: &Bytes) -> Option<Bytes> {
        self.bare = None;
        if let Some(own) = self.asked.take() {
            self.now = Pair { upstream: reported.clone(), own };
            return None;
        }
        for known in [&self.startup, &self.now] {
            if known.upstream == reported {
                return Some(known.own.clone());
            }
        }
        self.bare = Some(reported.clone());
        Some(reported.clone())
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
        name.began("ana via connect, psql".into(), "psql".into());
        assert_eq!(name.shown(&"etl".into()), Some("etl".into()));
        name.asked = name.bare.take();
        assert_eq!(name.shown(&"ana via connect, etl".into()), None);
        assert!(name.bare.is_none());
        assert_eq!(name.shown(&"ana via connect, psql".into()), Some("psql".into()), "RESET");
        assert_eq!(name.shown(&"ana via connect, etl".into()), Some("etl".into()), "a rollback of that");
        assert!(name.bare.is_none());
    }
}
