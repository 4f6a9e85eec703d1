//! A Bind that is longer than what is kept of one: its names are read, it is decided about, and its values pass
//! to the server in pieces.
//!
//! While it does, nothing else may be said to the server, so it begins when nothing is in flight whose answer
//! could make us say something. Where the decision depends on the values it is denied: they are not seen whole.

use bytes::{Bytes, BytesMut};
use connect_shared::decision::ReasonCode;

use super::{
    Connection, Expect, Resync, Scrub,
    copy::Copying,
    deny::refusal,
    exact::Binds,
    hold::Holding,
    intend::{MAX_BIND, MAX_SMALL, Pending},
    names::Portal,
};
use crate::protocol::postgres::{
    answer,
    frame::{HEADER, Message, Side},
    message::MessageError,
};

/// No formats, no values, no formats of results.
const NO_VALUES: &[u8] = &[0; 6];

pub(super) struct LargeBind {
    /// All of it that came before it was decided about.
    head: BytesMut,
    /// What the record commits to.
    digest: aws_lc_rs::digest::Context,
    stage: Stage,
}

enum Stage {
    /// The names of portal and statement are not whole.
    Names,
    /// They end here, and it waits for the server's answers.
    Named(usize),
    /// It goes the way of any other Bind, and comes back as passing or not at all.
    Asked,
    Passing(Box<Bound>),
    Dropped,
}

/// What is bound when it has passed.
struct Bound {
    name: Bytes,
    /// `None`: the server will say that there is no such statement.
    portal: Option<Portal>,
    scrub: Scrub,
}

/// How a large Bind stands.
pub(super) enum Progress {
    /// More of it may be read, or there is none.
    Reads,
    /// It came a step further.
    Moved,
    Waits,
}

impl LargeBind {
    fn new(header: &Bytes) -> Self {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        digest.update(header);
        Self { head: BytesMut::from(&header[..]), digest, stage: Stage::Names }
    }

    fn take(&mut self, bytes: &Bytes) {
        self.digest.update(bytes);
        match self.stage {
            Stage::Passing(_) | Stage::Dropped => {}
            _ => self.head.extend_from_slice(bytes),
        }
        if let (Stage::Names, Some(end)) = (&self.stage, self.end_of_names()) {
            self.stage = Stage::Named(end);
        }
    }

    fn end_of_names(&self) -> Option<usize> {
        let ends = self.head.iter().enumerate().skip(HEADER).filter(|(_, byte)| **byte == 0);
        ends.map(|(place, _)| place + 1).nth(1)
    }

    /// The same without values, to be decided about.
    fn as_message(&self, names_end: usize) -> Message {
        let names = self.head.get(HEADER..names_end).unwrap_or_default();
        Message { kind: b'B', bytes: answer::bind(&[names, NO_VALUES].concat()) }
    }
}

impl Connection {
    pub(super) fn large_bind_begins(&mut self, header: &Bytes) {
        // What the server would skip is dropped as it comes.
        if !self.skipping {
            self.large = Some(Box::new(LargeBind::new(header)));
        }
    }

    /// Takes a piece of it, if there is one.
    pub(super) fn large_bind_piece(&mut self, bytes: &Bytes) -> bool {
        let Some(large) = &mut self.large else { return false };
        large.take(bytes);
        let too_long = matches!(large.stage, Stage::Names) && large.head.len() > MAX_SMALL;
        if matches!(large.stage, Stage::Passing(_)) {
            self.outbox.say_to_server(bytes.clone());
        } else if too_long {
            self.violation(Side::Client, &MessageError::Malformed(b'B'));
        }
        true
    }

    /// Takes a large Bind a step further, as far as that needs nothing more of the client.
    pub(super) fn drive_large_bind(&mut self) -> Progress {
        let ended = !self.client.is_inside_message();
        if self.large_bind_waits() {
            if self.unflushed > 0 {
                self.outbox.say_to_server(answer::flush());
                self.unflushed = 0;
            }
            return Progress::Waits;
        }
        let Some(large) = &mut self.large else { return Progress::Reads };
        match large.stage {
            Stage::Named(end) => {
                large.stage = Stage::Asked;
                let message = large.as_message(end);
                self.client_message(Pending { message, refreshed: false, holding: Holding::Not });
            }
            // Nothing blocks it, and it does not pass: it was refused.
            Stage::Asked => (large.stage, large.head) = (Stage::Dropped, BytesMut::new()),
            Stage::Names if ended => {
                self.violation(Side::Client, &MessageError::Malformed(b'B'));
                return Progress::Waits;
            }
            Stage::Passing(_) | Stage::Dropped if ended => self.large_bind_ends(),
            Stage::Names | Stage::Passing(_) | Stage::Dropped => return Progress::Reads,
        }
        Progress::Moved
    }

    /// It waits for the server's answers. Within a COPY there are none before its end.
    pub(super) fn large_bind_waits(&self) -> bool {
        let named = self.large.as_ref().is_some_and(|large| matches!(large.stage, Stage::Named(_)));
        named && !self.skipping && !self.in_flight.is_empty() && self.copying == Copying::No
    }

    /// It is permitted: all of it goes to the server from here on.
    pub(super) fn pass_large_bind(&mut self, name: Bytes, portal: Option<Portal>, scrub: Scrub) {
        let Some(large) = &mut self.large else { return };
        large.stage = Stage::Passing(Box::new(Bound { name, portal, scrub }));
        let head = large.head.split().freeze();
        self.keys.set_unsynced(true);
        self.outbox.say_to_server(head);
    }

    fn large_bind_ends(&mut self) {
        let Some(large) = self.large.take() else { return };
        let LargeBind { digest, stage: Stage::Passing(bound), .. } = *large else { return };
        let Bound { name, portal, scrub } = *bound;
        let binds = digest.finish().as_ref().first_chunk().copied().unwrap_or([0; 32]);
        match portal {
            Some(portal) => self.bound(name, Portal { binds: Binds::digested(binds), ..portal }, scrub),
            None => self.bound_to_nothing(&name),
        }
        self.count_unflushed();
    }

    /// What is decided about this statement depends on values that are not seen whole.
    pub(super) fn deny_large_bind(&mut self, length: usize) {
        let most = MAX_BIND >> 20;
        let message =
            format!("whether this may run depends on its values, and over {most} MiB they are not looked at");
        let hint = "Send less in one statement, put the long value into no condition, or use COPY.";
        self.deny_unanalysed(
            "unread",
            length,
            refusal(ReasonCode::TooLarge, message, hint, None),
            Resync::Sync,
        );
    }

    pub(super) fn bound(&mut self, name: Bytes, portal: Portal, scrub: Scrub) {
        let portal = std::sync::Arc::new(portal);
        let change = Some(self.names.set_portal(name, portal.clone()));
        self.in_flight.push_back(Expect::Bind { scrub, portal: Some(portal), change });
    }

    /// The server says that there is no such statement; if it knows one that we do not, nothing executes it.
    pub(super) fn bound_to_nothing(&mut self, name: &Bytes) {
        let change = Some(self.names.drop_portal(name));
        self.in_flight.push_back(Expect::Bind { scrub: Scrub::None, portal: None, change });
    }
}
