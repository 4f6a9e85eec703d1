//! A session followed by the connection machine, between this client and a real server.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use connect_core::{
    catalog::{Catalog, fixture::Version},
    machine::{CancelKey, Input, Machine as _, Output, UpstreamReady},
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce, Principal, Resource, ResourceClass},
    protocol::postgres::connection::{Connection, Setup},
    record::Seq,
    understand::Limits,
};
use connect_shared::{
    entry::PrincipalRef,
    grant::Action,
    ids::{ConnectionId, GrantId, SessionId},
};

use super::{
    Score, observe, read,
    script::Statements,
    sequence,
    talk::{self, Heard, Talk},
};
use crate::postgres::ADMINISTRATOR;

/// Runs a sequence through the machine and compares after every message.
///
/// # Panics
/// The session is wrong, or the machine ends the connection.
#[must_use]
pub fn run(port: u16, database: &str, server: Version, seed: u64, statements: Statements) -> Score {
    super::reset(port, database);
    let mut beside = Talk::connect(port, ADMINISTRATOR, database, &[]);
    let catalog = Arc::new(read::catalog(&mut beside, server, 1));
    let upstream = Talk::connect(port, ADMINISTRATOR, database, &[]);
    let machine = Connection::new(setup(catalog.clone()));
    let mut world = Between { machine, upstream, beside, server, catalog, appended: 0, heard: Vec::new() };
    let startup = [&196_608_u32.to_be_bytes()[..], b"user\0ana\0\0"].concat();
    world.input(Input::Client(talk::framed(None, &startup).into()));
    let mut score = Score::default();
    let mut history = format!("seed {seed}\n");
    world.heard.clear();
    for message in sequence(seed, statements) {
        history.push_str(&format!("{message:?}\n"));
        eprintln!("DEBUG {seed} {message:?}");
        let status = world.exchange(&talk::bytes(&message), message.groups().len());
        score.taken += world.heard.iter().filter(|heard| **heard == Heard::Complete).count();
        world.heard.clear();
        if status == b'E' {
            continue;
        }
        let truth = observe::ask(&mut world.upstream);
        let session = world.machine.session().expect("there is a snapshot");
        score.add(observe::compare(&truth, session, &world.catalog, &history));
    }
    score.disagreements = world.machine.session().map_or(0, |session| session.disagreements);
    score
}

struct Between {
    machine: Connection,
    upstream: Talk,
    beside: Talk,
    server: Version,
    catalog: Arc<Catalog>,
    appended: u64,
    heard: Vec<Heard>,
}

impl Between {
    /// Sends bytes of the client and carries on until so many ReadyForQuery came. Gives the last status.
    fn exchange(&mut self, bytes: &[u8], count: usize) -> u8 {
        self.input(Input::Client(Bytes::copy_from_slice(bytes)));
        loop {
            let mut ready = self.heard.iter().filter_map(|heard| match heard {
                Heard::Ready(status) => Some(*status),
                _ => None,
            });
            if let Some(status) = ready.nth(count - 1) {
                return status;
            }
            let said = self.upstream.raw();
            self.input(Input::Server(said.into()));
        }
    }

    fn input(&mut self, input: Input) {
        let now = Instant::now();
        self.machine.handle(now, input);
        while let Some(output) = self.machine.poll() {
            match output {
                Output::ToClient(bytes) => self.hear(&bytes),
                Output::ToServer(bytes) => self.upstream.send(&bytes),
                Output::StatementText { .. } | Output::Cancel(_) => {}
                Output::Record { ticket, .. } => {
                    let seq = Seq(self.appended);
                    self.appended += 1;
                    self.machine.handle(now, Input::Appended { ticket, seq });
                    self.machine.handle(now, Input::Durable { upto: self.appended });
                }
                Output::NeedUpstream { .. } => {
                    let login = self.upstream.login.iter();
                    let parameters =
                        login.map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
                    let cancel_key = CancelKey { process: 1, secret: 2 };
                    let ready = UpstreamReady { parameters, cancel_key };
                    self.machine.handle(now, Input::UpstreamReady(ready));
                }
                Output::NeedCatalog { newer_than } => {
                    let catalog = read::catalog(&mut self.beside, self.server, newer_than + 1);
                    self.catalog = Arc::new(catalog);
                    self.machine.handle(now, Input::Catalog(self.catalog.clone()));
                }
                Output::Finished { code } => panic!("the machine ends the connection: {code}"),
            }
        }
    }

    /// Whole messages: the machine says no less while a server's come whole.
    fn hear(&mut self, mut bytes: &[u8]) {
        while let [kind, a, b, c, d, rest @ ..] = bytes {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
            let (body, rest) = rest.split_at(length);
            self.heard.push(talk::read(*kind, body));
            bytes = rest;
        }
    }
}

fn setup(catalog: Arc<Catalog>) -> Setup {
    let reference =
        PrincipalRef { sub: "ana".to_owned(), idp: "https://id.example.com".to_owned(), actor: None };
    let principal = Principal { reference, name: "ana@example.com".to_owned(), groups: Vec::new() };
    let class = ResourceClass::Development;
    let resource = Resource { name: "dev-db".to_owned(), database: "shop".to_owned(), class };
    Setup {
        facts: ConnectionFacts {
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            principal: Arc::new(principal),
            resource: Arc::new(resource),
        },
        grant: GrantInForce { id: GrantId::from_random([3; 16]), actions: vec![Action::Read, Action::Write] },
        catalog: Some(catalog),
        mask_key: Arc::new(MaskKey::new([4; 32])),
        commitment_key: [5; 32],
        seed: [6; 32],
        limits: Limits::default(),
        opened: Instant::now(),
    }
}
