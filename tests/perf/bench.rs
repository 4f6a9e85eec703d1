//! Figures beside their targets: PASS or MISS, and never a failure. `tests/run --bench` runs it.
//!
//! Everything is measured side by side in one run, in rounds that take turns, and compared as ratios of
//! medians: the figures of one machine and one moment mean nothing by themselves. Targets are those of the
//! project's performance page: throughput against `ssh -L`, masking against no masking, and so on.

mod bulk;
mod cold;
mod load;
mod report;
mod ssh;

use connect_tests::{agent::BENCH, world::World};

use self::{
    load::{Load, Way},
    report::{Figure, Report, median},
    ssh::Ssh,
};

/// Rounds of each load over each way.
const ROUNDS: usize = 3;

fn main() {
    let world = World::start();
    bulk::prepare(&world);
    let ana = world.person("ana");
    let tunnel = ana.open(BENCH);
    let ssh = Ssh::start(&world);
    let ways = [
        Way { name: "direct", port: world.postgres.port(), user: "postgres" },
        Way { name: "ssh -L", port: ssh.forward(), user: "postgres" },
        Way { name: "connect", port: tunnel.port(), user: "anybody" },
    ];
    load::fill(&world, &ways[0]);
    let mut report = Report::default();
    for load in &load::LOADS {
        throughput(&world, load, &ways, &mut report);
    }
    bulk::measure(&world, &ana, &mut report);
    cold::measure(&world, &ana, &ssh, &mut report);
    report.print();
}

/// One load over the three ways, in turns.
fn throughput(world: &World, load: &Load, ways: &[Way; 3], report: &mut Report) {
    let mut runs = [const { Vec::new() }; 3];
    let entries = load::entries(world);
    for round in 0..ROUNDS {
        for (way, runs) in ways.iter().zip(&mut runs) {
            runs.push(load.run(world, way, round));
        }
    }
    let written = load::entries(world) - entries;
    let rate = |index: usize| median(runs[index].iter().map(|run| run.transactions_per_second).collect());
    let [direct, ssh, ours] = [rate(0), rate(1), rate(2)];
    let note = format!("{ours:.0}/s; direct {direct:.0}/s, ssh -L {ssh:.0}/s");
    report.add(
        Figure::new(&format!("{}: rate to ssh -L", load.name), ours / ssh, "×")
            .at_least(load.target)
            .note(&note),
    );
    report.add(Figure::new(&format!("{}: rate to direct", load.name), ours / direct, "×"));
    if load.clients == 1 {
        let p50 = |index: usize| median(runs[index].iter().map(|run| run.p50_micros).collect());
        let added = p50(2) - p50(0);
        let note = format!("ssh -L adds {:.0} µs", p50(1) - p50(0));
        report.add(Figure::new(&format!("{}: added p50", load.name), added, "µs").note(&note));
    }
    let seconds: f64 = runs[2].iter().map(|run| run.seconds).sum();
    #[expect(clippy::cast_precision_loss, reason = "a count of entries of one run")]
    report.add(Figure::new(&format!("{}: log entries", load.name), written as f64 / seconds, "/s"));
}
