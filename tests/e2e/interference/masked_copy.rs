//! What non-interference means, by comparison: an answer is a function of the masked database.

use std::collections::BTreeMap;

use connect_tests::{
    agent::SHOP,
    attack::{
        Attack, Composer,
        vault::{self, Account},
    },
    postgres::{ADMINISTRATOR, AGENT_USER, SAMPLE, Version},
    wire::{Answer, Field, Message, Mode, Wire},
    world::World,
};

use super::{Attacker, SEED, many};

/// A database of the same tables, whose protected columns hold the masks that the agent shows.
fn masked_copy(world: &World, tunnel: u16) {
    world.postgres.sql("postgres", "CREATE DATABASE masked");
    world.postgres.sql(
        "masked",
        &format!("ALTER SCHEMA public OWNER TO {AGENT_USER};\nSET ROLE {AGENT_USER};\n{SAMPLE}"),
    );
    vault::add(&world.postgres, "masked");
    let mut through_us = Wire::open(tunnel, "anybody", "shop").expect("a connection");
    let mut script = String::from(
        "SET session_replication_role = replica;\n\
         DELETE FROM customers; DELETE FROM api_keys; DELETE FROM vault; DELETE FROM staff; DELETE FROM contact;\n",
    );
    for (table, columns) in vault::TABLES {
        let only = if table == "contact" { "ONLY " } else { "" };
        let answer = through_us.ask(Mode::Simple, &format!("SELECT {columns} FROM {only}{table}"));
        let rows = answer.rows();
        assert!(!rows.is_empty() && answer.error().is_none(), "{table}: {:?}", answer.error());
        let rows: Vec<String> = rows.iter().map(|row| format!("({})", literals(row))).collect();
        script.push_str(&format!("INSERT INTO {table} ({columns}) VALUES {};\n", rows.join(",\n")));
    }
    script.push_str("VACUUM ANALYZE;");
    world.postgres.sql("masked", &script);
}

fn literals(row: &[Option<Vec<u8>>]) -> String {
    let literal = |value: &Option<Vec<u8>>| match value {
        Some(text) => format!("'{}'", String::from_utf8_lossy(text).replace('\'', "''")),
        None => "NULL".to_owned(),
    };
    row.iter().map(literal).collect::<Vec<_>>().join(", ")
}

/// What a client sees of an answer, but for the order of rows and which tables columns come from.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Name, type, size, modifier and format.
    fields: Vec<(String, u32, i16, i32, i16)>,
    rows: Vec<Vec<Option<Vec<u8>>>>,
    tags: Vec<Vec<u8>>,
    sqlstate: Option<String>,
}

impl Seen {
    fn of(answer: &Answer) -> Self {
        // Types of extensions and of tables' rows have other numbers in another database.
        let known = |type_oid: u32| type_oid.min(16_384);
        let field =
            |field: Field| (field.name, known(field.type_oid), field.size, field.modifier, field.format);
        let mut rows = answer.rows();
        rows.sort();
        let tags = answer.messages.iter().filter(|message| message.kind == b'C');
        Self {
            fields: answer.fields().into_iter().map(field).collect(),
            // How many rows came before an error is a matter of the plan.
            rows: if answer.error().is_some() { Vec::new() } else { rows },
            tags: tags.map(|message| message.body.clone()).collect(),
            sqlstate: answer.sqlstate(),
        }
    }
}

/// That a protected session over the original sees what a bare one sees over a copy that holds the masks is
/// what non-interference means: the answer is a function of the masked database.
#[test]
fn queries_give_what_they_give_over_a_copy_that_holds_the_masks() {
    compare(&vault::world(), many(1_500));
}

#[test]
fn they_do_where_the_account_is_a_superuser_of_an_old_server() {
    compare(&vault::world_on(Some(Version::Thirteen), Account::Superuser), many(400));
}

#[test]
fn they_do_where_the_account_owns_nothing_of_a_new_server() {
    compare(&vault::world_on(Some(Version::Eighteen), Account::Small), many(400));
}

fn compare(world: &World, count: usize) {
    let tunnel = world.person("li").open(SHOP);
    masked_copy(world, tunnel.port());
    let mut ours = Attacker::protected(tunnel.port());
    let mut bare = Attacker::new(world.postgres.port(), ADMINISTRATOR, "masked");
    let mut composer = Composer::new(SEED + 1);
    let (mut compared, mut failed, mut replanned) = (0, 0, 0);
    let mut denials = BTreeMap::<String, usize>::new();
    let mut differences = Vec::new();
    for place in 0..count {
        let attack = composer.query();
        let mode = Mode::ALL[place % Mode::ALL.len()];
        let answer = ours.try_all(mode, &attack).remove(0);
        if answer.is_denied() {
            *denials
                .entry(answer.error().and_then(|error| error.field(b'M')).unwrap_or_default())
                .or_default() += 1;
            continue;
        }
        let theirs = bare.try_all(mode, &attack).remove(0);
        let (here, there) = (Seen::of(&answer), Seen::of(&theirs));
        compared += 1;
        failed += usize::from(there.sqlstate.is_some());
        if here != there && by_another_plan(&bare, mode, &attack, &here, &there) {
            replanned += 1;
        } else if here != there {
            let error = |answer: &Answer| answer.error().map(Message::text).unwrap_or_default();
            differences.push(format!(
                "{mode:?} {}: {}\n  ours:   {}\n  theirs: {}\n  {} {}",
                attack.sink,
                attack.steps[0],
                printed(&here),
                printed(&there),
                error(&answer),
                error(&theirs)
            ));
        }
    }
    println!(
        "{compared} of {count} compared, {failed} of them errors, {replanned} alike by another plan; \
         denied: {denials:#?}"
    );
    assert!(differences.is_empty(), "{} of {compared}:\n{}", differences.len(), differences.join("\n"));
    assert!(compared * 100 / count >= 75, "only {compared} of {count} were answered");
    assert!(replanned * 200 <= count, "{replanned} of {count} differ by what the planner chose");
}

/// Whether the copy gives our answer too where its planner chooses otherwise: which rows an EXISTS or a LIMIT
/// looks at before it knows enough, and so whether it meets one that its condition cannot be computed for, is
/// the planner's choice, and the condition over masks is another expression to it.
fn by_another_plan(bare: &Attacker, mode: Mode, attack: &Attack, ours: &Seen, theirs: &Seen) -> bool {
    let data_exception =
        |seen: &Seen| seen.sqlstate.as_deref().is_some_and(|sqlstate| sqlstate.starts_with("22"));
    if !data_exception(ours) && !data_exception(theirs) {
        return false;
    }
    let joins = ["enable_hashjoin", "enable_mergejoin", "enable_nestloop"];
    joins.iter().any(|only| {
        let mut alone = Wire::open(bare.port, bare.user, &bare.database).expect("a connection");
        for join in joins {
            alone.ask(Mode::Simple, &format!("SET {join} = {}", join == *only));
        }
        attack.steps.iter().any(|step| Seen::of(&alone.ask(mode, step)) == *ours)
    })
}

fn printed(seen: &Seen) -> String {
    let rows: Vec<String> = seen.rows.iter().take(4).map(|row| literals(row)).collect();
    format!("{:?} {:?} {} rows {}", seen.sqlstate, seen.fields, seen.rows.len(), rows.join("; "))
}
