//! The choice of functions, operators, casts and common types against the server's own: thousands of
//! random calls, of its own things and of users' that change what names mean.

mod answer;
mod call;
mod types;

use std::collections::BTreeMap;

use connect_core::{
    catalog::{Catalog, Oid, fixture},
    session::SearchPath,
};
use connect_tests::{
    oracle::wire::Wire,
    postgres::{ADMINISTRATOR, Version},
};

use self::{answer::Answer, call::Asked, types::Types};
use crate::server::Server;

const DATABASE: &str = "bench";
/// Search paths as they are set, and as names are looked for.
const PATHS: [(&str, &[&str]); 3] = [
    ("public", &["pg_catalog", "public"]),
    ("mine, public", &["pg_catalog", "mine", "public"]),
    ("public, pg_catalog, mine", &["public", "pg_catalog", "mine"]),
];
/// Questions of each kind for each path.
const ROUNDS: usize = 1_000;

#[test]
fn the_server_chooses_the_same_on_postgresql_15() {
    compare(Version::Fifteen);
}

#[test]
fn the_server_chooses_the_same_on_postgresql_18() {
    compare(Version::Eighteen);
}

fn compare(version: Version) {
    let server = Server::start(version);
    server.postgres.sql(DATABASE, include_str!("overload.sql"));
    let mut wire = Wire::connect(server.postgres.port(), ADMINISTRATOR, DATABASE);
    let catalog = read(&mut wire, version);
    wire.run(
        "SET log_min_messages = fatal; SET client_min_messages = log; SET debug_pretty_print = off;
         SET debug_print_rewritten = on",
    );
    let types = Types::of(&catalog);
    let mut tally = Tally::default();
    for (seed, (setting, schemas)) in PATHS.into_iter().enumerate() {
        wire.run(&format!("SET search_path = {setting}"));
        let path =
            SearchPath { schemas: schemas.iter().map(|name| (*name).into()).collect(), creation: None };
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (seed as u64 + 1));
        for _ in 0..ROUNDS {
            for asked in Asked::some(&catalog, &types, &mut random) {
                tally.add(
                    &catalog,
                    setting,
                    &asked,
                    &asked.ours(&catalog, &path),
                    Answer::of(&mut wire, &asked),
                );
            }
        }
    }
    tally.report();
}

/// What the server has, users' things included.
fn read(wire: &mut Wire, version: Version) -> Catalog {
    let sql = fixture::BUILTINS_SQL.replace("oid < 16384", "oid < 4294967295");
    let rows = wire.run(&sql);
    let line = |row: &Vec<Option<String>>| {
        let fields: Vec<&str> = row.iter().map(|field| field.as_deref().unwrap_or_default()).collect();
        fields.join("\t")
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    let mut catalog = fixture::listed(u32::from(version.number()) * 10_000, &lines.join("\n"));
    for row in wire.run("RESET search_path; SELECT inhparent, inhrelid FROM pg_inherits") {
        let [parent, child] = [0, 1].map(|place| Oid(row[place].as_deref().unwrap().parse().unwrap()));
        let mut relation = catalog.relation(parent).expect("a parent").clone();
        relation.children.push(child);
        catalog.insert(relation);
    }
    catalog
}

/// What came of it.
#[derive(Default)]
struct Tally {
    agreed: BTreeMap<&'static str, [usize; 2]>,
    skipped: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, catalog: &Catalog, path: &str, asked: &Asked, ours: &Answer, theirs: Answer) {
        if let Answer::Other(code) = theirs {
            *self.skipped.entry(code).or_default() += 1;
        } else if ours.agrees(&theirs) {
            let refused = usize::from(matches!(theirs, Answer::Refused(_)));
            self.agreed.entry(asked.kind()).or_default()[refused] += 1;
        } else {
            let [ours, theirs] = [ours, &theirs].map(|answer| answer.text(catalog));
            self.wrong.push(format!("{}  [{path}]\n  ours   {ours}\n  theirs {theirs}", asked.sql()));
        }
    }

    fn report(&self) {
        for (kind, [chosen, refused]) in &self.agreed {
            println!("{kind}: {chosen} chosen, {refused} refused alike");
        }
        println!("not about choice: {:?}", self.skipped);
        let skipped: usize = self.skipped.values().sum();
        let agreed: usize = self.agreed.values().flatten().sum();
        assert!(skipped * 20 < agreed, "too much says nothing");
        let shown: Vec<&str> = self.wrong.iter().take(40).map(String::as_str).collect();
        assert!(self.wrong.is_empty(), "{} of {agreed}:\n{}", self.wrong.len(), shown.join("\n"));
    }
}

/// The same numbers at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
