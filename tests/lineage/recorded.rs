//! What the agent says beside what the server records of a view and describes of a result.

use connect_tests::{
    answers, corpus,
    differential::explained::Explained,
    generate::{Generator, schema::Schema},
    oracle::Oracle,
    postgres::Version,
    recorded::{Bench, Case, Figures, dependencies, origins},
};

use crate::{differential::kept::CAPTURED, server::Server};

/// Databases that statements are made over, and statements over each.
const GENERATED: [u64; 2] = [6, 280];
const GENERATED_IN_FULL: [u64; 2] = [50, 1000];

/// What must at least be compared of each source: views, results. A comparison that compares little shows little.
struct Floor(usize, usize);

#[test]
fn generated_statements_read_and_pass_on_what_postgresql_15_says() {
    generated(Version::Fifteen);
}

#[test]
fn generated_statements_read_and_pass_on_what_postgresql_18_says() {
    generated(Version::Eighteen);
}

#[test]
fn kept_statements_read_and_pass_on_what_postgresql_15_says() {
    kept(Version::Fifteen);
}

#[test]
fn kept_statements_read_and_pass_on_what_postgresql_18_says() {
    kept(Version::Eighteen);
}

fn generated(version: Version) {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let [schemas, each] = if full { GENERATED_IN_FULL } else { GENERATED };
    let server = Server::start(version);
    let mut witnesses = Witnesses::new("generated statements", version);
    for seed in 0..schemas {
        let database = format!("recorded{seed}");
        server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
        let mut oracle = Oracle::connect(server.postgres.port(), &database);
        let mut accepts = |sql: &str| oracle.attempt(sql).is_ok();
        let schema = Schema::build(seed, version.number(), &mut accepts);
        // Other statements than those of the differential.
        let mut generator = Generator::new(seed + 1_000, &schema, version.number());
        let cases: Vec<Case> = (0..each).map(|_| Case::of(&generator.statement())).collect();
        witnesses.hear(&server, &database, &cases);
    }
    witnesses.finish(&Floor(800, 1_000));
}

fn kept(version: Version) {
    let server = Server::of_the_set(version, &["the_set"]);
    let mut witnesses = Witnesses::new("captured statements, views and the set of answers", version);
    for (place, (_, schema, text)) in CAPTURED.into_iter().enumerate() {
        let database = format!("captured{place}");
        server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
        server.postgres.sql(&database, schema);
        let cases: Vec<Case> = corpus::statements(text).iter().map(Case::of).collect();
        witnesses.hear(&server, &database, &cases);
    }
    let set: Vec<Case> = answers::all()
        .iter()
        .filter(|answer| answer.is_for(version.number()))
        .map(Case::of_the_set)
        .collect();
    witnesses.hear(&server, "the_set", &set);
    witnesses.hear(&server, "the_set", &views(&server, "the_set"));
    witnesses.finish(&Floor(500, 800));
}

/// The queries of all views of a database, those of the server itself included.
fn views(server: &Server, database: &str) -> Vec<Case> {
    let mut oracle = Oracle::connect(server.postgres.port(), database);
    let rows = oracle.run("SELECT pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' ORDER BY oid");
    let texts = rows.into_iter().flatten().flatten();
    let case = |text: String| {
        let sql = text.trim_end().trim_end_matches(';').to_owned();
        Case { judged: sql.clone(), sql, ..Case::default() }
    };
    texts.map(case).collect()
}

/// Both of the server's own words, over many databases.
struct Witnesses {
    dependencies: Figures,
    origins: Figures,
    explained: Explained,
}

impl Witnesses {
    fn new(what: &str, version: Version) -> Self {
        let figures =
            |witness: &str| Figures::new(&format!("{witness} of {what} on PostgreSQL {}", version.number()));
        Self {
            dependencies: figures("recorded dependencies"),
            origins: figures("described origins"),
            explained: Explained::read(include_str!("recorded.txt")),
        }
    }

    fn hear(&mut self, server: &Server, database: &str, cases: &[Case]) {
        let mut bench = Bench::connect(server.postgres.port(), database);
        dependencies::compare(&mut bench, cases, &self.explained, &mut self.dependencies);
        origins::compare(&mut bench, cases, &self.explained, &mut self.origins);
    }

    /// Prints the figures; fails for any disagreement, and if too little was compared.
    fn finish(&self, Floor(views, results): &Floor) {
        let all = [&self.dependencies, &self.origins];
        all.iter().for_each(|figures| println!("{}", figures.summary()));
        let wrong: String =
            all.iter().filter(|one| one.disagreements() > 0).map(|one| one.details()).collect();
        assert!(wrong.is_empty(), "{wrong}");
        assert!(self.dependencies.count("views compared") >= *views, "too few views were compared");
        assert!(self.origins.count("statements compared") >= *results, "too few results were compared");
    }
}
