//! From nothing to the first answer of the database.

use std::time::Instant;

use connect_tests::{agent::BENCH, person::Person, place, process, tunnel, world::World};

use crate::{
    report::{Figure, Report, median},
    ssh::Ssh,
};

const ROUNDS: usize = 7;

pub(crate) fn measure(world: &World, person: &Person, ssh: &Ssh, report: &mut Report) {
    let (mut ours, mut theirs, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    let psql = place::installed("psql");
    for _ in 0..ROUNDS {
        alone.push(timed(|| {
            let mut psql = tunnel::client(&psql, world.postgres.port(), "bench", world.folder());
            process::run(psql.env("PGUSER", "postgres").args(["-XqAtc", "SELECT 1"])).good();
        }));
        ours.push(timed(|| {
            person.runs(&["exec", BENCH, "--", "psql", "-XqAtc", "SELECT 1"]).good();
        }));
        theirs.push(timed(|| {
            let (_client, port) = ssh.another();
            let mut psql = tunnel::client(&psql, port, "bench", world.folder());
            process::run(psql.env("PGUSER", "postgres").args(["-XqAtc", "SELECT 1"])).good();
        }));
    }
    let (alone, ours, theirs) = (median(alone), median(ours), median(theirs));
    let note = format!("{ours:.0} ms, ssh -L {theirs:.0} ms, psql alone {alone:.0} ms (taken off both)");
    let ratio = (ours - alone) / (theirs - alone);
    report.add(Figure::new("10 cold start to ssh -L", ratio, "×").at_most(0.25).note(&note));
}

/// Milliseconds.
fn timed(action: impl FnOnce()) -> f64 {
    let start = Instant::now();
    action();
    start.elapsed().as_secs_f64() * 1000.0
}
