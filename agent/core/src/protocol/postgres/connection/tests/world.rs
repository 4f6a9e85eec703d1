//! A connection with its surroundings: a catalog, a log, a server, and everything that came out.

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use connect_shared::{
    entry::{Entry, PrincipalRef},
    grant::Action,
    ids::{ConnectionId, GrantId, SessionId},
    label::Label,
};

use super::peer::Peer;
use crate::{
    catalog::{
        BuiltinFunction, Catalog, Column, Oid, Relation, RelationKind, ViewReading, Volatility, code::Name,
    },
    decide::Policies,
    machine::{CancelKey, HoldAsk, HoldEnd, HoldNews, Input, Machine, Output, UpstreamReady},
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce, Narrowed, Principal, Resource, ResourceClass},
    protocol::postgres::connection::{Connection, Setup},
    record::Seq,
    understand::Limits,
    usage::Usage,
};

/// OID of `public.customers`, whose second column is protected.
pub(super) const CUSTOMERS: u32 = 16_500;

/// OID of `other.orders`, beside that of `public`.
pub(super) const OTHER_ORDERS: u32 = 16_700;

/// The value that must never leave.
pub(super) const CANARY: &str = "zz-canary-7f3@example.com";

/// What came out, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Client(Vec<u8>),
    Server(Vec<u8>),
    Record(Box<Entry>),
    Finished(String),
    Hold(Box<HoldAsk>),
    HoldOver(HoldEnd),
}

/// When the log says that entries are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    AtOnce,
    WhenTold,
}

pub(super) struct World {
    pub(super) machine: Connection,
    pub(super) peer: Peer,
    pub(super) events: Vec<Event>,
    pub(super) disk: Disk,
    /// What the server announces at login.
    pub(super) parameters: Vec<(Bytes, Bytes)>,
    /// What the server said and was not delivered yet, if it is held back.
    pub(super) held: Option<Vec<u8>>,
    appended: u64,
    /// Requests to cancel what runs.
    pub(super) cancels: usize,
    /// They are not over before somebody says so.
    pub(super) cancels_take_long: bool,
    /// What must never leave and was about to.
    pub(super) alarms: Vec<String>,
    /// What is to be kept sealed.
    pub(super) exact: Vec<crate::machine::ExactText>,
    pub(super) catalog: Arc<Catalog>,
    /// What the agent says to each hold.
    pub(super) on_hold: Option<OnHold>,
}

/// News for what is asked.
pub(super) type OnHold = Box<dyn FnMut(&HoldAsk) -> Vec<HoldNews>>;

pub(super) fn catalog() -> Catalog {
    let column = |number: i16, name: &str, type_oid: u32, label| Column {
        label,
        tested_on_write: number == 1,
        ..Column::new(number, name.into(), Oid(type_oid))
    };
    let mut catalog = Catalog { version: 1, server_version: 150_018, utf8: true, ..Catalog::default() };
    for (name, volatility) in [
        ("count", Volatility::Immutable),
        ("upper", Volatility::Immutable),
        ("now", Volatility::Stable),
        ("current_setting", Volatility::Stable),
        ("lower", Volatility::Immutable),
        ("pg_sleep", Volatility::Volatile),
        ("set_config", Volatility::Volatile),
    ] {
        let function = BuiltinFunction { volatility, aggregate: name == "count" };
        Arc::make_mut(&mut catalog.builtin_functions).insert(name.into(), function);
    }
    let table = |oid: u32, name: &str, columns| Relation {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns,
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    };
    let columns = vec![column(1, "id", 23, None), column(2, "email", 25, Some(Label::Email))];
    catalog.insert(table(CUSTOMERS, "customers", columns));
    catalog.insert(table(16_600, "orders", vec![column(1, "id", 23, None)]));
    let elsewhere =
        Relation { schema: "other".into(), ..table(OTHER_ORDERS, "orders", vec![column(1, "id", 23, None)]) };
    catalog.insert(elsewhere);
    let schemas = ["pg_catalog", "public", "other"].map(Name::from);
    catalog.schemas = Arc::new(schemas.into_iter().zip([11, 2200, 16_700].map(Oid)).collect());
    catalog.search_path = "public".into();
    catalog
}

impl World {
    pub(super) fn new(disk: Disk) -> Self {
        Self::approved_by(disk, &[])
    }

    /// A resource whose statements these may approve.
    pub(super) fn approved_by(disk: Disk, approvers: &[&str]) -> Self {
        Self::under(disk, approvers, Policies::default_set(), Arc::default())
    }

    /// Under these policies, and beside other connections of the same principal.
    pub(super) fn under(disk: Disk, approvers: &[&str], policies: Arc<Policies>, usage: Arc<Usage>) -> Self {
        Self::with(disk, approvers, policies, |setup| setup.usage = usage)
    }

    /// With something else in its setup.
    pub(super) fn with(
        disk: Disk,
        approvers: &[&str],
        policies: Arc<Policies>,
        change: impl FnOnce(&mut Setup),
    ) -> Self {
        let catalog = Arc::new(catalog());
        let principal = Principal {
            reference: PrincipalRef { sub: "ana".into(), idp: "https://id.example".into(), actor: None },
            name: "ana@example.com".into(),
            groups: vec!["developer".into()],
        };
        let resource = Resource {
            name: "prod-db".into(),
            database: "shop".into(),
            class: ResourceClass::Production,
            approvers: approvers.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut setup = Setup {
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
            catalog: Some(catalog.clone()),
            mask_key: Arc::new(MaskKey::new([4; 32])),
            lookups: Arc::default(),
            usage: Arc::default(),
            commitment_key: [5; 32],
            salt_key: None,
            seed: [6; 32],
            limits: Limits::default(),
            wall: std::time::Duration::from_secs(1_795_663_354),
            policies: Arc::new(crate::decide::InForce::new(policies)),
            role: None,
            tags: Vec::new(),
            canaries: None,
            hold_time: crate::protocol::postgres::connection::HOLD_TIME,
            pages: None,
            opened: Instant::now(),
        };
        change(&mut setup);
        let machine = Connection::new(setup);
        Self {
            machine,
            peer: Peer::default(),
            events: Vec::new(),
            disk,
            parameters: vec![(Bytes::from_static(b"server_version"), Bytes::from_static(b"15.18"))],
            held: None,
            appended: 0,
            cancels: 0,
            cancels_take_long: false,
            alarms: Vec::new(),
            exact: Vec::new(),
            catalog,
            on_hold: None,
        }
    }

    /// A world in which the client is in.
    pub(super) fn ready(disk: Disk) -> Self {
        let mut world = Self::new(disk);
        world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
        world.events.clear();
        world
    }

    pub(super) fn client(&mut self, bytes: &[u8]) {
        self.input(Input::Client(Bytes::copy_from_slice(bytes)));
    }

    pub(super) fn durable(&mut self) {
        let upto = self.appended;
        self.input(Input::Durable { upto });
    }

    pub(super) fn input(&mut self, input: Input) {
        self.machine.handle(Instant::now(), input);
        self.carry_out();
    }

    /// Carries outputs out as the driver does, and lets the server answer.
    pub(super) fn carry_out(&mut self) {
        loop {
            self.carry_out_all();
            if !self.machine.waits_for_turn() {
                return self.machine.rest();
            }
            self.machine.handle(Instant::now(), Input::Tick);
        }
    }

    fn carry_out_all(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::ToClient(bytes) => self.say_to_client(&bytes),
                Output::ToServer(bytes) => self.say_to_server(&bytes),
                Output::StatementText { .. } | Output::StatementLineage { .. } | Output::Cancel(_) => {}
                Output::CancelOwn => {
                    self.cancels += 1;
                    if !self.cancels_take_long {
                        self.machine.handle(Instant::now(), Input::CancelOver);
                    }
                }
                Output::ExactText(exact) => self.exact.push(*exact),
                Output::Alarm { canary } => self.alarms.push(canary),
                Output::Record { ticket, entry } => {
                    self.events.push(Event::Record(entry));
                    let seq = Seq(self.appended);
                    self.appended += 1;
                    self.machine.handle(Instant::now(), Input::Appended { ticket, seq });
                    if self.disk == Disk::AtOnce {
                        let upto = self.appended;
                        self.machine.handle(Instant::now(), Input::Durable { upto });
                    }
                }
                Output::NeedUpstream { .. } => {
                    let cancel_key = CancelKey { process: 7, secret: 9 };
                    let parameters = self.parameters.clone();
                    let ready = UpstreamReady { parameters, cancel_key };
                    self.machine.handle(Instant::now(), Input::UpstreamReady(ready));
                }
                Output::NeedCatalog { newer_than } => {
                    let newer = Catalog { version: newer_than + 1, ..Catalog::clone(&self.catalog) };
                    self.machine.handle(Instant::now(), Input::Catalog(Arc::new(newer)));
                }
                Output::Hold(ask) => {
                    self.events.push(Event::Hold(ask));
                    if let Some(answer) = &mut self.on_hold
                        && let Some(Event::Hold(ask)) = self.events.last()
                    {
                        let news = answer(ask);
                        for news in news {
                            self.machine.handle(Instant::now(), Input::Hold(news));
                        }
                    }
                }
                Output::HoldOver(end) => self.events.push(Event::HoldOver(end)),
                Output::Finished { code } => self.events.push(Event::Finished(code)),
            }
        }
    }

    fn say_to_client(&mut self, bytes: &[u8]) {
        match self.events.last_mut() {
            Some(Event::Client(sent)) => sent.extend_from_slice(bytes),
            _ => self.events.push(Event::Client(bytes.to_vec())),
        }
    }

    fn say_to_server(&mut self, bytes: &[u8]) {
        match self.events.last_mut() {
            Some(Event::Server(sent)) => sent.extend_from_slice(bytes),
            _ => self.events.push(Event::Server(bytes.to_vec())),
        }
        let answer = self.peer.answer(bytes);
        if let Some(held) = &mut self.held {
            return held.extend(answer);
        }
        for piece in self.peer.split(&answer) {
            self.machine.handle(Instant::now(), Input::Server(Bytes::copy_from_slice(piece)));
        }
    }

    /// Delivers what the server said, and what it says from now on.
    pub(super) fn release(&mut self) {
        let held = self.held.take().unwrap_or_default();
        self.input(Input::Server(Bytes::from(held)));
    }

    pub(super) fn sent_to_client(&self) -> Vec<u8> {
        self.all(|event| match event {
            Event::Client(bytes) => Some(bytes),
            _ => None,
        })
    }

    pub(super) fn sent_to_server(&self) -> Vec<u8> {
        self.all(|event| match event {
            Event::Server(bytes) => Some(bytes),
            _ => None,
        })
    }

    fn all(&self, bytes: impl Fn(&Event) -> Option<&Vec<u8>>) -> Vec<u8> {
        self.events.iter().filter_map(bytes).flatten().copied().collect()
    }

    pub(super) fn entries(&self) -> Vec<&Entry> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Record(entry) => Some(&**entry),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
    }
    body.push(0);
    let mut packet = (body.len() as u32 + 4).to_be_bytes().to_vec();
    packet.extend(body);
    packet
}

pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

pub(super) fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), b"\0"].concat())
}

/// Parse, Bind and Execute of the unnamed statement, without Sync.
pub(super) fn extended(text: &str) -> Vec<u8> {
    let parse = message(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"].concat());
    let bind = message(b'B', b"\0\0\0\0\0\0\0\0");
    let execute = message(b'E', b"\0\0\0\0\0");
    [parse, bind, execute].concat()
}

pub(super) fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// Types of the messages in a stream.
pub(super) fn kinds(mut bytes: &[u8]) -> String {
    let mut kinds = HashMap::new();
    let mut text = String::new();
    while let [kind, a, b, c, d, rest @ ..] = bytes {
        text.push(char::from(*kind));
        *kinds.entry(*kind).or_insert(0) += 1;
        let body = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        bytes = &rest[body..];
    }
    text
}
