//! The load of one row by its key, over a table with three masked columns.

use connect_tests::{tunnel::Tunnel, world::World};

use crate::{
    ROUNDS,
    load::{self, Way},
    report::{Figure, Report, median},
};

const CLIENTS: u32 = 8;
const ROWS: u32 = 100_000;

/// A row of personal data by its key.
const ONE: &str = "\\set id random(1, 100000)\nSELECT email, phone, full_name FROM people WHERE id = :id;\n";

/// `ways`: straight to the server, `ssh -L`, and us.
pub(crate) fn measure(world: &World, tunnel: &Tunnel, ways: [&Way; 3], report: &mut Report) {
    prepare(world);
    let row = tunnel.psql("SELECT email, phone, full_name FROM people WHERE id = 7").good();
    let clear = ["user7@", "+1-555", "Firstname7"].iter().filter(|part| row.contains(**part));
    assert_eq!((row.lines().count(), clear.count()), (1, 0), "its columns are masked: {row}");
    let script = load::script(world, "masked", ONE);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(load::of_script(world, way, &script, CLIENTS).0);
        }
    }
    let [direct, ssh, ours] = rates.map(median);
    let note = format!("{ours:.0}/s; direct {direct:.0}/s, ssh -L {ssh:.0}/s, both in clear");
    let figure = Figure::new("S simple c8, 3 masked columns: rate to ssh -L", ours / ssh, "×");
    report.add(figure.note(&note));
}

fn prepare(world: &World) {
    world.postgres.sql(
        "bench",
        &format!(
            "SET ROLE connect_agent;
             CREATE TABLE people AS SELECT g AS id, 'user' || g || '@example.com' AS email,
               '+1-555-' || lpad((g % 10000)::text, 4, '0') AS phone, 'Firstname' || g || ' Lastname' AS full_name
               FROM generate_series(1, {ROWS}) g;
             ALTER TABLE people ADD PRIMARY KEY (id);
             RESET ROLE; VACUUM ANALYZE people"
        ),
    );
}
