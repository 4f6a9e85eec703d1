//! Statements that the generator makes.

use std::collections::BTreeMap;

use connect_tests::{
    generate::{Generator, schema::Schema},
    oracle::Oracle,
    postgres::Version,
};

use crate::server::Server;

#[test]
fn most_generated_statements_are_valid() {
    for version in [Version::Fifteen, Version::Eighteen] {
        let server = Server::start(version);
        let mut refused: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let (mut taken, mut all) = (0, 0);
        for seed in 0..4 {
            let database = format!("generated{seed}");
            server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
            let mut oracle = Oracle::connect(server.postgres.port(), &database);
            let mut accepts = |sql: &str| oracle.attempt(sql).is_ok();
            let schema = Schema::build(seed, version.number(), &mut accepts);
            oracle.refresh();
            let mut generator = Generator::new(seed, &schema, version.number());
            for _ in 0..500 {
                let statement = generator.statement();
                all += 1;
                match oracle.judge(&statement.judged) {
                    Ok(_) => taken += 1,
                    Err(refusal) => {
                        let words: String = refusal.message.split('"').step_by(2).collect();
                        let entry = refused.entry(words).or_insert((0, statement.judged));
                        entry.0 += 1;
                    }
                }
            }
            println!(
                "schema {seed}: {} definitions, {} relations",
                schema.definitions.len(),
                schema.relations.len()
            );
        }
        println!("{taken} of {all}");
        let mut refused: Vec<_> = refused.into_iter().collect();
        refused.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for (message, (count, example)) in refused.iter().take(25) {
            println!("{count} {message}\n      {example}");
        }
    }
}
