//! What lineage costs on the way of data, with warm caches: `pgbench -S`, whose statement each connection has seen.
//!
//! Nothing in the agent turns lineage off, so the figure without it comes of the machine itself: two connections are
//! given the same statements in turns, and one of them has forgotten where the values of what it knows come from.
//! Each entry is written and hashed as the log does. What the other takes longer is held against the processor
//! time that the agent takes for a transaction of `pgbench -S` in the same run: without the database, the CLI and
//! pgbench in it, this is the strictest share that one can ask for. The search index is on neither side of the first
//! figure: a thread of its own makes its rows later, of entries that are durable; they are within the processor time
//! that the share is held against. Beside it, whole runs of `pgbench -S` in turns,
//! within a run (`connect run`) and outside of one.

use std::{hint::black_box, sync::Arc, time::Instant};

use bytes::Bytes;
use connect_core::{
    catalog::{
        Catalog, Oid,
        fixture::{Version, catalog},
    },
    machine::{CancelKey, Input, Machine as _, Output, UpstreamReady},
    protocol::postgres::connection::{Connection, Setup},
    record::Seq,
};
use connect_shared::{
    entry::{CATALOGUE, Entry, Leaf},
    ids::RunId,
    proof::tree::leaf_hash,
};
use connect_tests::{agent::BENCH, fuzz, person::Person, place, wire, world::World};

use super::{
    cost::processor,
    load,
    report::{Figure, Report, median},
};

const TABLES: &str = "public.pgbench_accounts(aid int4 not null, bid int4, abalance int4, filler bpchar, primary key (aid));\n";
const PREPARED: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";

/// Turns of both connections, and statements in each.
const TURNS: usize = 60;
const STATEMENTS: u32 = 2_000;

/// Turns of pgbench, and how long each is.
const RUNS: usize = 5;
const SECONDS: &str = "4";

/// Most that lineage may take of it.
const MOST_PER_CENT: f64 = 3.0;

pub(crate) fn measure(world: &World, ana: &Person, report: &mut Report) {
    for protocol in ["simple", "prepared"] {
        let [without, with] = in_turns(protocol);
        let more = with - without;
        let note = format!(
            "{with:.0} ns; without {without:.0} ns, its entries and their hashes included, the search index's rows not"
        );
        let name = format!("S {protocol}: lineage, each statement");
        report.add(Figure::new(&name, more, "ns").note(&note));
        let [outside, within, used] = whole(world, ana, protocol);
        let share = more / (used * 1e3) * 100.0;
        let note = format!("of {used:.1} µs of the agent's processor for each transaction");
        let name = format!("S {protocol}: lineage, share of the agent");
        report.add(Figure::new(&name, share, "% ").at_most(MOST_PER_CENT).note(&note));
        let note = format!("{within:.0}/s; outside {outside:.0}/s");
        let name = format!("S {protocol}: rate within a run to outside");
        let least = 1.0 - MOST_PER_CENT / 100.0;
        report.add(Figure::new(&name, within / outside, "×").at_least(least).note(&note));
    }
}

/// Nanoseconds of a statement without lineage, and with it.
fn in_turns(protocol: &str) -> [f64; 2] {
    let catalog = Arc::new(catalog(Version::Postgres15, TABLES).expect("a database"));
    let mut sides = [Side::new(&catalog, protocol), Side::new(&catalog, protocol)];
    let mut times = [const { Vec::new() }; 2];
    // Everything is known by then.
    for side in &mut sides {
        let _first = side.turn(0);
    }
    sides[0].machine.forget_lineage();
    for turn in 0..TURNS {
        // Neither has the better place.
        let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            let seed = u32::try_from(turn).expect("few turns") + 1;
            times[place].push(sides[place].turn(seed));
        }
    }
    assert_eq!(
        (sides[0].referred, sides[1].referred > 0),
        (sides[1].before, true),
        "only one refers to lineage"
    );
    times.map(median)
}

/// One connection with a server that answers at once.
struct Side {
    machine: Connection,
    now: Instant,
    appended: u64,
    is_simple: bool,
    answer: Bytes,
    /// INTENTs that refer to a lineage, and those of the first turn.
    referred: u64,
    before: u64,
}

impl Side {
    fn new(catalog: &Arc<Catalog>, protocol: &str) -> Self {
        let now = Instant::now();
        let is_simple = protocol == "simple";
        let answer = answer(*catalog.by_name["pgbench_accounts"].first().expect("the table"), is_simple);
        let machine = Connection::new(setup(catalog, now));
        let mut side = Self { machine, now, appended: 0, is_simple, answer, referred: 0, before: 0 };
        side.feed(Input::Client(wire::startup(196_608, &["user", "anybody", "database", "shop"]).into()));
        if !is_simple {
            let parse = [wire::parse("P0_1", PREPARED), wire::sync()].concat();
            side.feed(Input::Client(parse.into()));
            let parsed = [wire::framed(b'1', b""), wire::framed(b'Z', b"I")].concat();
            side.feed(Input::Server(parsed.into()));
        }
        side
    }

    /// Nanoseconds of each of many statements.
    fn turn(&mut self, seed: u32) -> f64 {
        let asked: Vec<Bytes> =
            (0..STATEMENTS).map(|number| self.ask(number.wrapping_mul(7_919) ^ seed)).collect();
        let begun = Instant::now();
        for asked in asked {
            self.feed(Input::Client(asked));
            let answer = self.answer.clone();
            self.feed(Input::Server(answer));
        }
        let time = begun.elapsed();
        if self.before == 0 {
            self.before = self.referred;
        }
        time.as_nanos() as f64 / f64::from(STATEMENTS)
    }

    fn ask(&self, number: u32) -> Bytes {
        let account = number % 1_000_000 + 1;
        if self.is_simple {
            return wire::query(&format!("SELECT abalance FROM pgbench_accounts WHERE aid = {account};"))
                .into();
        }
        let bind = wire::bind_to("", "P0_1", &[Some(&account.to_string())]);
        [bind, wire::named(b'D', 'P', ""), wire::execute("", 0), wire::sync()].concat().into()
    }

    fn feed(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(output) = self.machine.poll() {
            match output {
                Output::ToClient(bytes) | Output::ToServer(bytes) => drop(black_box(bytes)),
                Output::Record { ticket, entry } => {
                    self.referred +=
                        u64::from(matches!(&*entry, Entry::Intent(intent) if intent.lineage.is_some()));
                    self.record(*entry);
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
                Output::Finished { code } => panic!("the connection ended: {code}"),
                _ => {}
            }
        }
    }

    /// What the log makes of an entry before it is written.
    fn record(&self, entry: Entry) {
        let leaf = Leaf { v: CATALOGUE, time: 1_795_663_354_000 + self.appended, entry };
        let json = serde_json::to_vec(&leaf).expect("JSON");
        black_box(leaf_hash(&json));
    }
}

fn answer(table: Oid, is_simple: bool) -> Bytes {
    let field = [
        b"\0\x01abalance\0".as_slice(),
        &table.0.to_be_bytes(),
        &3_i16.to_be_bytes(),
        &23_u32.to_be_bytes(),
        &4_i16.to_be_bytes(),
        &(-1_i32).to_be_bytes(),
        &0_i16.to_be_bytes(),
    ];
    let rest = [
        wire::framed(b'T', &field.concat()),
        wire::framed(b'D', b"\0\x01\0\0\0\x010"),
        wire::framed(b'C', b"SELECT 1\0"),
        wire::framed(b'Z', b"I"),
    ]
    .concat();
    if is_simple { rest.into() } else { [wire::framed(b'2', b""), rest].concat().into() }
}

fn setup(catalog: &Arc<Catalog>, opened: Instant) -> Setup {
    let mut setup = fuzz::setup(opened);
    setup.catalog = Some(Arc::clone(catalog));
    setup.facts.run = Some(RunId::from_random([7; 16]));
    setup
}

/// Transactions a second outside of a run and within one, and microseconds of the agent's processor for each.
fn whole(world: &World, ana: &Person, protocol: &str) -> [f64; 3] {
    let agent = world.agent.process().id();
    let mut rates = [const { Vec::new() }; 2];
    let (mut used, mut done) = (0.0, 0.0);
    let seconds: f64 = SECONDS.parse().expect("a number");
    for _ in 0..RUNS {
        for (place, rates) in rates.iter_mut().enumerate() {
            let before = processor(agent);
            let rate = pgbench(ana, protocol, place == 1);
            used += processor(agent) - before;
            done += rate * seconds;
            rates.push(rate);
        }
    }
    let [outside, within] = rates.map(median);
    [outside, within, used / done * 1e6]
}

fn pgbench(ana: &Person, protocol: &str, is_run: bool) -> f64 {
    let program = place::installed("pgbench");
    let program = program.to_str().expect("a path of letters");
    // A run has an output.
    let script = format!(
        "{program} -n -b select-only -M {protocol} -c 8 -j 2 -T {SECONDS} >figures.txt && cat figures.txt"
    );
    let first: &[&str] = match is_run {
        true => &["run", BENCH, "--job", "bench", "--output", "figures.txt", "--"],
        false => &["exec", BENCH, "--"],
    };
    let out = ana.runs(&[first, &["sh", "-c", &script]].concat());
    let rate = load::rate(&out.good());
    eprintln!("S {protocol:<9} {:<8} {rate:>9.0} transactions/s", if is_run { "in a run" } else { "" });
    rate
}
