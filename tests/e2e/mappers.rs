//! What object mappers, query builders, clients and a shop's own programs send works over masked columns as if
//! direct, but for the values: the same columns, types, numbers of rows, command tags and errors.

use std::collections::BTreeMap;

use connect_tests::{
    agent::BENCH,
    corpus,
    postgres::{ADMINISTRATOR, AGENT_USER},
    wire::{self, Answer, Field, Message, Mode, Wire},
    world::World,
};

const SCHEMA: &str = include_str!("../corpora/captured/schema.sql");
const ROWS: &str = include_str!("../corpora/captured/rows.sql");

const CAPTURED: [(&str, &str); 9] = [
    ("SQLAlchemy", include_str!("../corpora/captured/sqlalchemy.sql")),
    ("Django", include_str!("../corpora/captured/django.sql")),
    ("Peewee, PyPika", include_str!("../corpora/captured/builders.sql")),
    ("Knex, Kysely, Drizzle, Sequelize", include_str!("../corpora/captured/javascript.sql")),
    ("mappers and tools", include_str!("../corpora/captured/mappers.sql")),
    ("workload", include_str!("../corpora/captured/workload.sql")),
    ("psql", include_str!("../../agent/core/src/understand/corpus/psql_15.sql")),
    ("drivers", include_str!("../../agent/core/src/understand/corpus/drivers.sql")),
    ("introspection", include_str!("../corpora/introspection.sql")),
];

/// What sessions of others do moves.
const MOVING: &str = "pg_stat_activity";

/// What a program sees of an answer apart from values.
#[derive(Debug, PartialEq)]
struct Shape {
    /// Name, type, size, modifier and format.
    fields: Vec<(String, u32, i16, i32, i16)>,
    rows: usize,
    tags: Vec<Vec<u8>>,
    sqlstate: Option<String>,
}

impl Shape {
    fn of(answer: &Answer) -> Self {
        let field = |field: Field| (field.name, field.type_oid, field.size, field.modifier, field.format);
        Self {
            fields: answer.fields().into_iter().map(field).collect(),
            rows: answer.rows().len(),
            tags: answer.messages.iter().filter(|m| m.kind == b'C').map(|m| m.body.clone()).collect(),
            sqlstate: answer.sqlstate(),
        }
    }
}

/// Something of each type that these statements have parameters of.
fn value(type_oid: u32) -> Option<&'static str> {
    Some(match type_oid {
        16 => "true",
        20 | 21 | 23 | 700 | 701 | 1700 => "2",
        25 | 1042 | 1043 => "open",
        114 | 3802 => "{\"theme\": \"dark\"}",
        1005 | 1007 | 1016 => "{1,2}",
        1009 | 1015 => "{open,paid}",
        1082 => "2026-01-02",
        1114 | 1184 => "2026-01-02 00:00:00",
        1186 => "1 day",
        2950 => "5eedc0de-5eed-4eed-8eed-000000000001",
        _ => return None,
    })
}

/// Runs a statement as drivers do: prepared, described, bound to values of its parameters' types. In a
/// transaction that is given up, so that the next one finds the same rows.
fn run(wire: &mut Wire, sql: &str) -> Answer {
    let _begun = wire.ask(Mode::Simple, "BEGIN");
    let prepared = wire.send(&[wire::parse("", sql), wire::named(b'D', 'S', ""), wire::sync()].concat(), 1);
    let answer = if prepared.error().is_some() {
        prepared
    } else {
        let values: Vec<Option<&str>> = prepared.parameters().into_iter().map(value).collect();
        let bound = wire::bind_to("", "", &values);
        let described = wire::named(b'D', 'P', "");
        wire.send(&[bound, described, wire::execute("", 0), wire::sync()].concat(), 1)
    };
    let _given_up = wire.ask(Mode::Simple, "ROLLBACK");
    answer
}

#[test]
fn what_mappers_and_builders_send_has_the_shape_that_it_has_direct() {
    let mut world = World::start();
    world.agent.stop();
    world
        .postgres
        .sql("bench", &format!("SET ROLE {AGENT_USER};\n{SCHEMA}\n{ROWS}\nRESET ROLE; VACUUM ANALYZE;"));
    world.postgres.sql("postgres", "CREATE DATABASE twin TEMPLATE bench");
    world.agent.restart();
    let through = world.person("ana").open(BENCH);
    let mut ours = Wire::open(through.port(), "anybody", "bench").expect("a connection");
    let mut direct = Wire::open(world.postgres.port(), ADMINISTRATOR, "twin").expect("a connection");
    direct.ask(Mode::Simple, &format!("SET SESSION AUTHORIZATION {AGENT_USER}"));
    let (mut run_direct, mut differ) = (0, BTreeMap::<String, Vec<String>>::new());
    for (mapper, text) in CAPTURED {
        for statement in corpus::statements(text) {
            let sql = statement.sql;
            if sql.contains(MOVING) {
                continue;
            }
            let theirs = Shape::of(&run(&mut direct, &sql));
            let answer = run(&mut ours, &sql);
            if let Some(lost) = &answer.lost {
                panic!("{mapper}: {lost}: {sql}");
            }
            run_direct += 1;
            if Shape::of(&answer) != theirs {
                let error = answer.error().map(Message::text);
                let why = error.unwrap_or_else(|| format!("{:?} is not {theirs:?}", Shape::of(&answer)));
                differ.entry(why).or_default().push(format!("{mapper}: {sql}"));
            }
        }
    }
    let by = |rule: &str| -> usize {
        differ.iter().filter(|(why, _)| why.contains(rule)).map(|(_, statements)| statements.len()).sum()
    };
    // What would copy protected values elsewhere, or make new ones of them, is refused whatever sends it.
    let (guarded, copies) = (by("rule default/unbounded-write"), by("protected_copy"));
    let count = differ.values().map(Vec::len).sum::<usize>() - guarded - copies;
    let list: Vec<String> =
        differ.iter().map(|(why, statements)| format!("{why}\n    {}", statements.join("\n    "))).collect();
    println!(
        "of {run_direct}, {copies} are refused for what they would copy, {guarded} for what they would change, and \
         {count} differ from direct otherwise:\n  {}",
        list.join("\n  ")
    );
    assert!(run_direct >= 300, "only {run_direct} statements");
    assert!(count * 100 <= run_direct, "{count} of {run_direct} differ from direct");
    assert!(copies * 50 <= run_direct, "{copies} of {run_direct} are refused as copies");
}
