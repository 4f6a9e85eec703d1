//! Figures beside their targets: PASS or MISS, and never a failure. `tests/run --bench` runs it.
//!
//! Everything is measured side by side in one run, in rounds that take turns, and compared as ratios of
//! medians: the figures of one machine and one moment mean nothing by themselves. Targets are those of the
//! project's performance page, by whose numbers, 1 to 11, figures are called: throughput against `ssh -L`, masking
//! against no masking, and so on.

mod bulk;
mod catalog;
mod cold;
mod cost;
mod guards;
mod idle;
mod lineage;
mod load;
mod masked;
mod masks;
mod policy;
mod quictun;
mod relay;
mod report;
mod ssh;
mod trail;
mod understand;

use connect_tests::{
    agent::{BENCH, SHOP},
    world::World,
};

use self::{
    cost::processor,
    load::{Load, Way},
    quictun::QuicTun,
    relay::Relay,
    report::{Figure, Report, median},
    ssh::Ssh,
};

/// Rounds of each load over each way.
const ROUNDS: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("hold") => return hold(),
        Some("quictun") => return quictun::run(&words[1..]),
        Some("relay") => return relay::run(&words[1..]),
        _ => {}
    }
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let alone = |word: &String| ALONE.iter().any(|(name, _)| name == word);
    if !words.is_empty() && words.iter().all(alone) {
        let mut report = Report::default();
        stand_alone(wanted, &mut report);
        return report.print();
    }
    let world = World::start();
    bulk::prepare(&world);
    let ana = world.person("ana");
    let tunnel = ana.open(BENCH);
    let ssh = Ssh::start(&world);
    let quictun = QuicTun::start(&world);
    let relay = Relay::start(&world);
    let ways = [
        Way { name: "direct", port: world.postgres.port(), user: "postgres" },
        Way { name: "ssh -L", port: ssh.forward(), user: "postgres" },
        Way { name: "connect", port: tunnel.port(), user: "anybody" },
        Way { name: "quictun", port: quictun.port(), user: "postgres" },
    ];
    let ours = Ours { agent: world.agent.process().id(), cli: tunnel.process().id() };
    load::fill(&world, &ways[0]);
    let mut report = Report::default();
    for load in load::LOADS.iter().filter(|load| wanted(load.part)) {
        throughput(&world, load, &ways, ours, &mut report);
    }
    if wanted("masked") {
        masked::measure(&world, &tunnel, [&ways[0], &ways[1], &ways[2]], &mut report);
    }
    stand_alone(wanted, &mut report);
    if wanted("bulk") {
        bulk::measure(&world, &ana, &quictun, &relay, &mut report);
    }
    if wanted("pooler") {
        guards::beside_a_pooler(
            &world,
            &ways[2],
            ours.agent,
            [(quictun.port(), quictun.far_end()), (relay.port(), relay.process())],
            &mut report,
        );
    }
    if wanted("guards") {
        guards::on_and_off(&world, &ways[2], &mut report);
    }
    if wanted("latency") {
        trail::latency(&world, [&ways[0], &ways[2]], &mut report);
    }
    if wanted("connections") {
        let rates = [&ways[0], &ways[2]]
            .map(|way| median((0..ROUNDS).map(|_| load::connections(&world, way)).collect()));
        let note = format!("{:.0}/s; direct {:.0}/s", rates[1], rates[0]);
        let figure = Figure::new("9 new connections c8: rate to direct", rates[1] / rates[0], "×");
        report.add(figure.at_least(0.85).note(&note));
    }
    if wanted("lineage") {
        lineage::measure(&world, &ana, &mut report);
    }
    if wanted("idle") {
        idle::measure(&world, &ana, &mut report);
    }
    if wanted("cold") {
        cold::measure(&world, &ana, &ssh, &mut report);
    }
    report.print();
}

/// A part of the run.
type Part = fn(&mut Report);

/// Parts that need nothing of the world.
const ALONE: [(&str, Part); 5] = [
    ("understand", understand::measure),
    ("catalog", catalog::measure),
    ("masks", masks::measure),
    ("policy", policy::measure),
    ("trail", trail::measure),
];

fn stand_alone(wanted: impl Fn(&str) -> bool, report: &mut Report) {
    for (_, measure) in ALONE.into_iter().filter(|(name, _)| wanted(name)) {
        measure(report);
    }
}

/// Our two processes.
#[derive(Clone, Copy)]
struct Ours {
    agent: u32,
    cli: u32,
}

/// One load over all ways, in turns.
fn throughput(world: &World, load: &Load, ways: &[Way; 4], ours: Ours, report: &mut Report) {
    let mut runs = [const { Vec::new() }; 4];
    let entries = load::entries(world);
    let before = [processor(ours.agent), processor(ours.cli)];
    for round in 0..ROUNDS {
        for (way, runs) in ways.iter().zip(&mut runs) {
            runs.push(load.run(world, way, round));
        }
    }
    let used = [processor(ours.agent) - before[0], processor(ours.cli) - before[1]];
    let written = load::entries(world) - entries;
    let rate = |index: usize| median(runs[index].iter().map(|run| run.transactions_per_second).collect());
    let [direct, ssh, ours, quictun] = [rate(0), rate(1), rate(2), rate(3)];
    let note = format!("{ours:.0}/s; direct {direct:.0}/s, ssh -L {ssh:.0}/s, quictun {quictun:.0}/s");
    report.add(
        Figure::new(&format!("2 {}: rate to ssh -L", load.name), ours / ssh, "×")
            .at_least(load.target)
            .note(&note),
    );
    report.add(Figure::new(&format!("{}: rate to direct", load.name), ours / direct, "×"));
    let least = if load.clients == 32 { 0.90 } else { 0.0 };
    let figure = Figure::new(&format!("3 {}: rate to quictun", load.name), ours / quictun, "×");
    report.add(figure.at_least(least));
    if load.clients == 1 {
        let p50 = |index: usize| median(runs[index].iter().map(|run| run.p50_micros).collect());
        let added = p50(2) - p50(0);
        let note = format!("ssh -L adds {:.0} µs", p50(1) - p50(0));
        report.add(Figure::new(&format!("{}: added p50", load.name), added, "µs").note(&note));
        let over = p50(2) - p50(3);
        report.add(Figure::new(&format!("1 {}: p50 over quictun", load.name), over, "µs").at_most(30.0));
    }
    let seconds: f64 = runs[2].iter().map(|run| run.seconds).sum();
    let done: f64 = runs[2].iter().map(|run| run.seconds * run.transactions_per_second).sum();
    for (name, used) in ["agent", "CLI"].into_iter().zip(used) {
        report.add(Figure::new(&format!("{}: {name}'s processor", load.name), used / done * 1e6, "µs each"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of entries of one run")]
    report.add(Figure::new(&format!("{}: log entries", load.name), written as f64 / seconds, "/s"));
}

/// Everything stands until standard input ends, for a profiler.
fn hold() {
    let world = World::start();
    bulk::prepare(&world);
    let ana = world.person("ana");
    let (tunnel, shop) = (ana.open(BENCH), ana.open(SHOP));
    let ssh = Ssh::start(&world);
    let direct = Way { name: "direct", port: world.postgres.port(), user: "postgres" };
    load::fill(&world, &direct);
    println!(
        "database={} bench={} shop={} ssh={}",
        world.postgres.port(),
        tunnel.port(),
        shop.port(),
        ssh.forward()
    );
    println!(
        "agent={} cli={} cli_shop={}",
        world.agent.process().id(),
        tunnel.process().id(),
        shop.process().id()
    );
    println!("folder={}", world.folder().display());
    let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
