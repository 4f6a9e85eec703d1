//! Policy files with the real programs: they decide, they are replaced while connections are open, and a bad set
//! changes nothing.

use std::{fs, path::Path, process::Command};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves, place, process,
    world::World,
};

const PAYROLL: &str = "
@id(\"no-keys\") @message(\"keys are not for people\") @hint(\"ask the platform team\")
forbid (principal is Human, action == Action::\"read\", resource == Table::\"shop-db/public.api_keys\");
@id(\"two-for-orders\") @approval(\"group:security, group:data-oncall\") @approvals(\"2\")
forbid (principal, action == Action::\"delete\", resource == Table::\"shop-db/public.orders\");
";

pub(crate) fn default_policy() -> String {
    let mut show = Command::new(place::built("connect-agent"));
    show.args(["policy", "show"]).env_remove("CONNECT_AGENT_CONFIG");
    process::run(&mut show).good()
}

/// Replaces the policies by the default and more.
pub(crate) fn write(world: &World, more: &str) {
    let text = format!("{}\n{more}", default_policy());
    // In one step, as an editor or a deployment does it.
    let (next, file) = (world.folder().join("next.cedar"), world.folder().join("agent/policy.cedar"));
    fs::write(&next, text).expect("written");
    fs::rename(next, file).expect("moved");
}

/// A world whose agent has the default and more in a file.
fn world(more: &str) -> World {
    world_with("approvers = [\"group:security\", \"group:data-oncall\"]", more)
}

/// The same with these lines in the resource's section.
pub(crate) fn world_with(resource: &'static str, more: &str) -> World {
    let mut world = World::start_with(&AgentOptions { resource, ..AgentOptions::default() });
    write(&world, more);
    put_in_force(&mut world);
    world
}

/// Starts the agent anew under the file that it has now.
pub(crate) fn put_in_force(world: &mut World) {
    world.agent.stop();
    let config = world.agent.config();
    let text = fs::read_to_string(&config).expect("a configuration");
    let text = text.replacen("[grants]", "[policy]\nfiles = [\"policy.cedar\"]\n[grants]", 1);
    fs::write(&config, text).expect("written");
    world.agent.restart();
}

#[test]
fn a_set_decides_from_the_moment_that_it_is_good() {
    let mut world = world(PAYROLL);
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let mut client = tunnel.client("psql");
    client.args(["-XqAt", "-v", "VERBOSITY=verbose"]);
    let mut psql = process::Process::start("psql", &mut client);
    psql.say("SELECT count(*) FROM api_keys;\n");
    psql.wait_for_line("keys are not for people");
    psql.wait_for_line("rule no-keys");
    psql.wait_for_line("ask the platform team");
    psql.say("SELECT 'orders', count(*) FROM orders;\n");
    psql.wait_for_line("orders|2000");
    let explained = li.runs(&["explain", SHOP, "SELECT id FROM api_keys"]);
    assert!(explained.stdout.contains("no-keys"), "{}{}", explained.stdout, explained.stderr);

    write(&world, &format!("{PAYROLL} permit ("));
    world.agent.process().wait_for_line("the old policies stay in force");
    psql.say("SELECT count(*) FROM api_keys;\nSELECT 'still denied';\n");
    psql.wait_for_line("still denied");
    assert!(!psql.transcript().contains("\n50\n"), "{}", psql.transcript());

    write(&world, "");
    world.agent.process().wait_for_line("another policy set decides");
    // The open connection, too.
    psql.say("SELECT 'keys', count(*) FROM api_keys;\n");
    psql.wait_for_line("keys|50");
    psql.say("\\q\n");
    psql.wait_for_end();
    drop(tunnel);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let refused = leaves::of_kind(&leaves, "policy_refused");
    assert_eq!(refused.len(), 1, "once, however often it is looked at");
    assert!(refused[0]["problems"][0].as_str().is_some_and(|problem| problem.starts_with("line ")));
    assert_eq!(leaves::of_kind(&leaves, "policy_loaded").len(), 1);
}

#[test]
fn a_policy_says_how_many_must_approve() {
    let world = world(PAYROLL);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut client = tunnel.client("psql");
    client.env("PGOPTIONS", "-c connect.wait=off").args(["-Xc", "DELETE FROM orders WHERE id = 1"]);
    let asked = process::run(&mut client);
    assert!(asked.stderr.contains("2 of security or data-oncall"), "{}", asked.stderr);
    let place = asked.stderr.find("req_").expect("a request");
    let id = &asked.stderr[place..place + 30];
    sam.runs(&["approve", id, "--yes"]).good();
    let twice = sam.runs(&["approve", id, "--yes"]);
    assert_eq!(twice.code, 6, "one person is one person: {}", twice.stderr);
    let again = process::run(&mut {
        let mut client = tunnel.client("psql");
        client.env("PGOPTIONS", "-c connect.wait=off").args(["-Xc", "DELETE FROM orders WHERE id = 1"]);
        client
    });
    assert!(again.stderr.contains(id), "one approval is not enough: {}", again.stderr);
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM orders"), "2000");
}

fn policy_test(config: &Path, arguments: &[&str]) -> process::Finished {
    let mut test = Command::new(place::built("connect-agent"));
    test.args(["policy", "test", "--config"]).arg(config).args(arguments);
    process::run(&mut test)
}

#[test]
fn policy_test_holds_expectations_and_tells_every_regression() {
    let world = world("");
    let config = world.agent.config();
    let file = |name: &str, text: &str| {
        let path = world.folder().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let cases = file(
        "cases.toml",
        "[[case]]\nsql = \"SELECT email FROM customers\"\nresource = \"shop-db\"\nprincipal = \"ana\"\nexpect = \"permit\"\n\
         sees = { \"public.customers.email\" = \"masked\" }\n\
         [[case]]\nsql = \"DELETE FROM orders\"\nresource = \"shop-db\"\nprincipal = \"li\"\n\
         granted = [\"read\", \"write\"]\nexpect = \"hold\"\npolicy = \"default/unbounded-write\"\n\
         [[case]]\nsql = \"INSERT INTO orders SELECT * FROM orders\"\nresource = \"shop-db\"\nprincipal = \"li\"\nactor = \"bot\"\n\
         granted = [\"read\", \"write\"]\nexpect = \"deny\"\n",
    );
    let met = policy_test(&config, &["--expect", &cases]);
    assert_eq!(met.code, 0, "{}{}", met.stdout, met.stderr);
    assert!(met.stdout.contains("3 of 3 expectations met"), "{}", met.stdout);

    // Recorded by an agent: a read that shows masks, a write, and what is held.
    let leaf = |kind: &str, rest: &str| format!("{{\"v\":1,\"time\":1,\"kind\":\"{kind}\",{rest}}}\n");
    let grant = "gr_040G2081040G2081040G208104";
    let mut log = String::new();
    log.push_str(&leaf("grant_issued", &format!("\"grant\":\"{grant}\",\"principal\":{{\"sub\":\"li\",\"idp\":\"x\"}},\"name\":\"li@example.com\",\"groups\":[\"developers\"],\"resource\":\"shop-db\",\"actions\":[\"read\",\"write\"],\"expires_at\":1,\"certificate\":\"00\"")));
    for (number, sql) in [
        "SELECT email FROM customers WHERE id = $1",
        "INSERT INTO scratch VALUES ($1, $2)",
        "DELETE FROM scratch",
    ]
    .iter()
    .enumerate()
    {
        log.push_str(&leaf("statement_text", &format!("\"fingerprint\":\"f{number}\",\"sql\":\"{sql}\"")));
        log.push_str(&leaf("denial", &format!("\"statement\":\"st_040G2081040G2081040G208104\",\"session\":\"ss_040G2081040G2081040G208104\",\"connection\":\"cn_040G2081040G2081040G208104\",\"principal\":{{\"sub\":\"li\",\"idp\":\"x\"}},\"grant\":\"{grant}\",\"resource\":\"shop-db\",\"verb\":\"x\",\"text\":{{\"fingerprint\":\"f{number}\"}},\"commitment\":\"00\",\"decision\":{{\"outcome\":\"deny\",\"reasons\":[],\"policy_digest\":\"00\"}}")));
    }
    let log = file("log.jsonl", &log);
    let same = policy_test(&config, &["--replay", &log]);
    assert_eq!(same.code, 0, "{}{}", same.stdout, same.stderr);
    assert!(same.stdout.contains("3 recorded statements, 0 decided otherwise"), "{}", same.stdout);
    let default = default_policy();
    for (more, expected) in [
        ("@id(\"r\") forbid (principal, action == Action::\"insert\", resource);", "newly denied"),
        ("@id(\"r\") @approval forbid (principal, action == Action::\"insert\", resource);", "newly held"),
        (
            "@id(\"r\") @unmask permit (principal, action == Action::\"read\", resource is Column);",
            "newly clear",
        ),
    ] {
        let policy = file("new.cedar", &format!("{default}{more}"));
        let told = policy_test(&config, &["--policy", &policy, "--replay", &log]);
        assert_eq!(told.code, 10, "{more}: {}{}", told.stdout, told.stderr);
        assert!(told.stdout.contains(expected) && told.stdout.contains("(r)"), "{more}: {}", told.stdout);
    }
    let lax = default.replace("when { context.unbounded }", "when { context.unbounded && context.ordinary }");
    let lax = file("lax.cedar", &lax);
    let told = policy_test(&config, &["--policy", &lax, "--replay", &log]);
    assert!(told.code == 10 && told.stdout.contains("newly permitted"), "{}{}", told.stdout, told.stderr);
    let meant = policy_test(&config, &["--policy", &lax, "--replay", &log, "--allow", "permitted"]);
    assert_eq!(meant.code, 0, "{}{}", meant.stdout, meant.stderr);
    let bad = file("bad.cedar", "permit (principal, action, resource);");
    assert_eq!(policy_test(&config, &["--policy", &bad]).code, 2);
}
