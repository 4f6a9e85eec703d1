//! Identity providers that do something wrong, or nothing at all.

use std::fs;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    idp::IdentityProvider,
    person::Browser,
    process::{self, Process},
    world::World,
};

/// What `misbehaving.mjs` can do wrong.
const FAULTS: [&str; 14] = [
    "issuer",
    "audience",
    "nonce",
    "expired",
    "alg-none",
    "alg-hmac",
    "signature",
    "discovery",
    "endpoint",
    "keys",
    "state",
    "mix-up",
    "refusal",
    "none",
];

#[test]
fn a_provider_that_does_something_wrong_signs_nobody_in() {
    let world = World::start();
    for fault in FAULTS {
        let provider = IdentityProvider::misbehaving(fault);
        let ana = world.newcomer("ana", Browser::Forms);
        fs::remove_dir_all(ana.home().join("connect")).ok();
        ana.learn(&world.agent);
        // As if the agent named that one: what is tried here is who signs in, before an agent hears of it.
        let known = ana.home().join("connect/config/agents.toml");
        let text = fs::read_to_string(&known).expect("agents").replace(world.idp.issuer(), provider.issuer());
        fs::write(&known, text).expect("written");
        // One whose answer is another's is not waited for by the program; here nobody waits at all.
        let mut login = ana.connect(&["login", "--no-browser"]);
        let mut login = Process::start("connect login", &mut login);
        if !["discovery", "endpoint", "keys"].contains(&fault) {
            let address = login.wait_for_line(provider.issuer());
            process::run(&mut ana.program(&ana.home().join("bin/browser"), &[&address]));
        }
        if ["state", "mix-up"].contains(&fault) {
            // A forged answer is passed over: the true one may still come.
            login.signal(process::Signal::INT);
        }
        let status = login.wait_for_end();
        let said = login.transcript();
        assert_eq!(status.success(), fault == "none", "{fault}: {said}");
        assert_eq!(ana.runs(&["whoami"]).code == 0, fault == "none", "{fault}: {said}");
    }
}

#[test]
fn a_dead_provider_ends_no_session_and_is_named_to_whoever_comes() {
    let options = AgentOptions { identity: r#"{"idTokenSeconds": 20}"#, ..AgentOptions::default() };
    let mut world = World::start_with(&options);
    let ana = world.person("ana");
    let tunnel = ana.open(SHOP);
    let mut psql = Process::start("psql", tunnel.client("psql").args(["-XqAt"]));
    psql.say("SELECT 'before';\n");
    psql.wait_for_line("before");
    world.idp.kill();
    psql.say("SELECT 'still ' || 'here';\n");
    psql.wait_for_line("still here");
    let comes = ana.runs(&["exec", SHOP, "--", "true"]);
    assert_eq!(comes.code, 125, "{}", comes.stderr);
    assert!(comes.stderr.contains(world.idp.issuer()), "{}", comes.stderr);
    psql.say("SELECT 'and ' || 'still';\n");
    psql.wait_for_line("and still");
}
