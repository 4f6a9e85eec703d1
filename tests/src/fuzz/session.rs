//! A connection machine between two hostile peers.
//!
//! The input is a byte of options ([`super::options`]), and a list of steps: a byte that says who speaks, two bytes of
//! length, and what is said. The outside (log, catalog, upstream) behaves well and at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_core::{
    catalog::{Catalog, Column, Oid, Relation, RelationKind, ViewReading},
    machine::{CancelKey, Input, Machine as _, Output, UpstreamReady},
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce, Narrowed, Principal, Resource, ResourceClass},
    protocol::postgres::connection::{Connection, Setup},
    record::Seq,
};
use connect_shared::{
    entry::PrincipalRef,
    grant::Action,
    ids::{ConnectionId, GrantId, SessionId},
    label::Label,
};

use super::options;

/// More output than this from one input of at most 64 KiB is a flood.
const MOST_OUTPUT: usize = 4 << 20;

/// Runs the steps in `bytes`.
///
/// # Panics
/// The machine does, does not come to rest, or says more than it may.
pub fn session(bytes: &[u8]) {
    let [chosen, bytes @ ..] = bytes else { return };
    let opened = Instant::now();
    let mut setup = setup(opened);
    options::choose(&mut setup, *chosen);
    let mut outside = Outside { machine: Connection::new(setup), now: opened, appended: 0, finished: false };
    outside.settle();
    for (who, said) in steps(bytes) {
        outside.now += Duration::from_millis(10);
        let input = match who % 8 {
            0..=3 => Input::Client(said),
            4 | 5 => Input::Server(said),
            6 if said.is_empty() => Input::ClientClosed,
            6 => Input::ServerClosed,
            _ => Input::Tick,
        };
        outside.machine.handle(outside.now, input);
        outside.settle();
        while outside.machine.waits_for_turn() {
            outside.machine.handle(outside.now, Input::Tick);
            outside.settle();
        }
        if outside.finished {
            return;
        }
    }
}

fn steps(mut bytes: &[u8]) -> Vec<(u8, Bytes)> {
    let mut steps = Vec::new();
    while let [who, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (said, rest) = rest.split_at(length);
        steps.push((*who, Bytes::copy_from_slice(said)));
        bytes = rest;
    }
    steps
}

struct Outside {
    machine: Connection,
    now: Instant,
    appended: u64,
    finished: bool,
}

impl Outside {
    /// Carries out what the machine wants until it wants nothing.
    fn settle(&mut self) {
        let mut said = 0;
        while let Some(output) = self.machine.poll() {
            assert!(!self.finished, "something came out after the end");
            match output {
                Output::ToClient(bytes) | Output::ToServer(bytes) => said += bytes.len(),
                Output::StatementText { .. } | Output::StatementLineage { .. } | Output::Cancel(_) => {}
                Output::CancelOwn => self.machine.handle(self.now, Input::CancelOver),
                Output::Record { ticket, .. } => {
                    let seq = Seq(self.appended);
                    self.appended += 1;
                    self.machine.handle(self.now, Input::Appended { ticket, seq });
                    self.machine.handle(self.now, Input::Durable { upto: self.appended });
                }
                Output::NeedUpstream { .. } => {
                    let cancel_key = CancelKey { process: 1, secret: 2 };
                    let ready = UpstreamReady { parameters: Vec::new(), cancel_key };
                    self.machine.handle(self.now, Input::UpstreamReady(ready));
                }
                Output::NeedCatalog { newer_than } => {
                    self.machine.handle(self.now, Input::Catalog(Arc::new(catalog(newer_than + 1))));
                }
                Output::Finished { .. } => self.finished = true,
                Output::Hold(_) | Output::HoldOver(_) | Output::Alarm { .. } | Output::ExactText(_) => {}
            }
            assert!(said <= MOST_OUTPUT, "{said} bytes came out of one input");
        }
        self.machine.rest();
    }
}

/// What a connection to a small database starts with.
#[must_use]
pub fn setup(opened: Instant) -> Setup {
    let principal = Principal {
        reference: PrincipalRef {
            sub: "ana".to_owned(),
            idp: "https://id.example.com".to_owned(),
            actor: None,
        },
        name: "ana@example.com".to_owned(),
        groups: vec!["developer".to_owned()],
    };
    let resource = Resource {
        name: "prod-db".to_owned(),
        database: "shop".to_owned(),
        class: ResourceClass::Production,
        approvers: Vec::new(),
    };
    Setup {
        facts: ConnectionFacts {
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            principal: Arc::new(principal),
            resource: Arc::new(resource),
            run: None,
            task: None,
        },
        grant: GrantInForce {
            id: GrantId::from_random([3; 16]),
            actions: vec![Action::Read, Action::Write],
            reason: None,
            task: None,
            narrowed: Narrowed::default(),
            leaves: Arc::default(),
        },
        catalog: Some(Arc::new(catalog(1))),
        mask_key: Arc::new(MaskKey::new([4; 32])),
        lookups: Arc::default(),
        usage: Arc::default(),
        commitment_key: [5; 32],
        salt_key: None,
        seed: [6; 32],
        limits: connect_core::understand::Limits::default(),
        wall: Duration::from_secs(1_795_663_354),
        policies: Arc::new(connect_core::decide::InForce::new(connect_core::decide::Policies::default_set())),
        role: None,
        tags: Vec::new(),
        canaries: None,
        hold_time: connect_core::protocol::postgres::connection::HOLD_TIME,
        pages: None,
        opened,
    }
}

fn catalog(version: u64) -> Catalog {
    let mut catalog = Catalog { version, server_version: 150_018, utf8: true, ..Catalog::default() };
    let column = |number, name: &str, label| Column {
        label,
        tested_on_write: number == 1,
        ..Column::new(number, name.into(), Oid(25))
    };
    catalog.insert(Relation {
        oid: Oid(20_000),
        schema: "public".into(),
        name: "customers".into(),
        kind: RelationKind::Table,
        columns: vec![column(1, "id", None), column(2, "email", Some(Label::Email))],
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    });
    catalog
}

/// Whole sessions, each of the shape that [`session`] reads.
#[cfg(test)]
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let startup = {
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend(b"user\0ana\0database\0shop\0\0");
        let mut message = u32::try_from(body.len() + 4).expect("short").to_be_bytes().to_vec();
        message.extend(body);
        message
    };
    let simple = |sql: &str| message(b'Q', format!("{sql}\0").as_bytes());
    let description: &[u8] = b"\0\x01email\0\0\0\x4e\x20\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let answer = [
        message(b'T', description),
        message(b'D', b"\0\x01\0\0\0\x0fana@example.com"),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat();
    let extended = [
        message(b'P', b"s\0SELECT id FROM customers WHERE id = $1\0\0\0"),
        message(b'B', b"\0s\0\0\0\0\x01\0\0\0\x011\0\0"),
        message(b'D', b"P\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
    ]
    .concat();
    let copy = [message(b'd', b"1\ta\n"), message(b'c', b"")].concat();
    let begin = step(0, &startup);
    let sessions = [
        [begin.clone(), step(0, &simple("SELECT email FROM customers")), step(4, &answer)].concat(),
        [
            begin.clone(),
            step(0, &simple("BEGIN; DELETE FROM customers; COMMIT")),
            step(4, &message(b'Z', b"E")),
        ]
        .concat(),
        [
            begin.clone(),
            step(0, &extended),
            step(4, &[message(b'1', b""), message(b'2', b""), answer].concat()),
        ]
        .concat(),
        [
            begin.clone(),
            step(0, &simple("COPY customers FROM STDIN")),
            step(4, &message(b'G', b"\0\0\0")),
            step(0, &copy),
        ]
        .concat(),
        [begin, step(0, &simple("SELECT upper(email) FROM customers")), step(7, b""), step(6, b"")].concat(),
    ];
    // With nothing beside the usual, and with everything.
    let chosen = |options: u8| sessions.iter().map(move |steps| [&[options][..], steps].concat());
    chosen(0).chain(chosen(options::ALL)).collect()
}

#[cfg(test)]
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(u32::try_from(body.len() + 4).expect("short").to_be_bytes());
    message.extend(body);
    message
}

#[cfg(test)]
fn step(who: u8, said: &[u8]) -> Vec<u8> {
    let mut step = vec![who];
    step.extend(u16::try_from(said.len()).expect("short").to_be_bytes());
    step.extend(said);
    step
}
