//! What guarding costs by itself: the agent's processor beside a pooler's, and texts under the guardrails beside the
//! same texts under a policy that permits everything.

use std::fs;

use connect_tests::{
    agent::{Agent, AgentOptions, BENCH},
    pooler::PgBouncer,
    world::World,
};

use crate::{
    ROUNDS,
    cost::processor,
    load::{self, Way},
    report::{Figure, Report, median},
};

const CLIENTS: u32 = 8;

/// One text, again and again.
const REPEATED: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n";
/// No text twice. They differ in their numbers only, which are no part of the shape by which a text is known.
const DISTINCT: &str = "\\set aid random(1, 1000000)\n\\set other random(1, 1000000000)\n\
                        SELECT abalance FROM pgbench_accounts WHERE aid = :aid AND bid <> :other;\n";

/// No text twice, and no shape: the strings in them differ.
const DISTINCT_STRINGS: &str = "\\set aid random(1, 1000000)\n\\set other random(1, 1000000000)\n\
                        SELECT abalance FROM pgbench_accounts WHERE aid = :aid AND filler <> 'no :other';\n";

const EVERYTHING: &str = "@id(\"everything\") permit (principal, action, resource);";

/// Seconds of processor time for 100,000 queries of eight clients. The agent has its clients on a tunnel and a pooler
/// has them on TCP: what a bare tunnel's far end takes is replaced by what a bare relay does. `bare`: port and process
/// of both.
pub(crate) fn beside_a_pooler(
    world: &World,
    ours: &Way,
    agent: u32,
    bare: [(u16, u32); 2],
    report: &mut Report,
) {
    let [tunnel, relay] = bare;
    let text = load::script(world, "distinct", DISTINCT);
    let pooler = PgBouncer::start(
        &world.folder().join("pooler"),
        world.postgres.port(),
        "postgres",
        "session",
        "auth_type = any\nmax_client_conn = 100\ndefault_pool_size = 50\n",
    );
    let ways = [
        (Way { name: "pgbouncer", port: pooler.port(), user: "postgres" }, pooler.process()),
        (Way { name: "connect", port: ours.port, user: ours.user }, agent),
        (Way { name: "quictun", port: tunnel.0, user: "postgres" }, tunnel.1),
        (Way { name: "relay", port: relay.0, user: "postgres" }, relay.1),
    ];
    let mut used = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for ((way, process), used) in ways.iter().zip(&mut used) {
            let before = processor(*process);
            let (rate, seconds) = load::of_script(world, way, &text, CLIENTS);
            used.push((processor(*process) - before) / (rate * seconds) * 1e5);
        }
    }
    let [pooler, agent, tunnel, relay] = used.map(median);
    let note = format!(
        "{agent:.1} s with its tunnel; a bare tunnel {tunnel:.1}, a bare relay {relay:.1}, pgbouncer {pooler:.1} s"
    );
    let on_tcp = agent - tunnel + relay;
    let figure = Figure::new("4 agent's processor, as on TCP: to pgbouncer", on_tcp / pooler, "×");
    report.add(figure.at_most(1.8).note(&note));
}

/// Transactions a second under the default policy, to those of another agent whose policy permits everything.
pub(crate) fn on_and_off(world: &World, ours: &Way, report: &mut Report) {
    let folder = world.folder().join("open");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("policy.cedar"), EVERYTHING).expect("a file");
    let sections = "[policy]\nfiles = [\"policy.cedar\"]\n";
    let options = AgentOptions { sections, ..AgentOptions::default() };
    let open = Agent::start(&folder, &world.postgres, &world.idp, &options);
    let li = world.newcomer("li", connect_tests::person::Browser::Forms);
    li.sign_in(&open);
    let tunnel = li.open(BENCH);
    let off = Way { name: "everything", port: tunnel.port(), user: "anybody" };
    for (name, text, least) in [
        ("5 guardrails on to off, repeated texts", REPEATED, 0.97),
        ("5 guardrails on to off, distinct texts", DISTINCT, 0.90),
        ("guardrails on to off, distinct strings", DISTINCT_STRINGS, 0.0),
    ] {
        let file = load::script(world, "guards", text);
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (way, rates) in [ours, &off].into_iter().zip(&mut rates) {
                rates.push(load::of_script(world, way, &file, CLIENTS).0);
            }
        }
        let [on, off] = rates.map(median);
        let figure = Figure::new(name, on / off, "×");
        report.add(figure.at_least(least).note(&format!("{on:.0}/s and {off:.0}/s")));
    }
}
