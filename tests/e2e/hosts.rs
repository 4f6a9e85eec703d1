//! A database of several hosts: a primary and a standby that follows it, and which of them a session gets.

use std::fs;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    postgres::{self, AGENT_PASSWORD, AGENT_USER, Postgres},
    world::World,
};

/// Two servers and an agent that knows both, behind a host where nobody is.
struct Pair {
    world: World,
    standby: Postgres,
    nobody: u16,
}

impl Pair {
    fn start() -> Self {
        let mut standby = None;
        let nobody = postgres::free_port();
        let world = World::start_behind(|primary| {
            let below = primary.authority().parent().expect("a folder").to_owned();
            fs::write(below.join("password"), AGENT_PASSWORD).expect("a file");
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(below.join("password"), private).expect("our own file");
            let follower = standby.insert(primary.standby(&below.join("standby")));
            let hosts = hosts([nobody, follower.port(), primary.port()], "any");
            let upstream = format!(
                "{hosts}\nuser = \"{AGENT_USER}\"\nca_file = \"{}\"\npassword_file = \"{}/password\"",
                primary.authority().display(),
                below.display(),
            );
            AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
        });
        Self { world, standby: standby.expect("it was started"), nobody }
    }

    /// Starts the agent again with these hosts in this order.
    fn ask_for(&mut self, attributes: &str, order: [u16; 2]) {
        let hosts = hosts([self.nobody, order[0], order[1]], attributes);
        self.world.agent.reconfigure(|config| {
            let begin = config.find("address = \"127.0.0.1:").expect("the hosts of the first resource");
            let end = begin + config[begin..].find("\nuser = ").expect("the line behind them");
            format!("{}{hosts}{}", &config[..begin], &config[end..])
        });
    }

    /// The port of the server that a new session gets.
    fn reached(&self) -> String {
        let finished = self.world.person("li").open(SHOP).psql("SHOW port;");
        format!("{}{}", finished.stdout.trim(), finished.stderr)
    }
}

fn hosts(ports: [u16; 3], attributes: &str) -> String {
    let all = ports.map(|port| format!("127.0.0.1:{port}")).join(", ");
    format!("address = \"{all}\"\ntarget_session_attrs = \"{attributes}\"")
}

#[test]
fn of_several_hosts_the_first_that_is_as_asked_is_taken_and_a_new_primary_is_found() {
    let mut pair = Pair::start();
    let [primary, standby] = [pair.world.postgres.port(), pair.standby.port()];
    assert_eq!(pair.reached(), standby.to_string(), "any: the first that is there");
    // The one that is not asked for comes first, wherever one is.
    for (attributes, order, expected) in [
        ("read-write", [standby, primary], primary),
        ("primary", [standby, primary], primary),
        ("standby", [primary, standby], standby),
        ("prefer-standby", [primary, standby], standby),
        ("read-only", [primary, standby], standby),
    ] {
        pair.ask_for(attributes, order);
        assert_eq!(pair.reached(), expected.to_string(), "{attributes}");
    }
    // A primary that takes no writes by default is read-only, and a primary all the same.
    pair.world.postgres.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    pair.world.postgres.reload();
    assert_eq!(pair.reached(), primary.to_string(), "read-only: the first of two");
    pair.world.postgres.sql("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    pair.world.postgres.reload();
    a_new_primary_is_found(pair);
}

fn a_new_primary_is_found(mut pair: Pair) {
    let [primary, standby] = [pair.world.postgres.port(), pair.standby.port()];
    pair.ask_for("read-write", [primary, standby]);
    let agent = pair.world.agent.process().id();
    let li = pair.world.person("li").open(SHOP);
    let write =
        |note: &str| li.psql(&format!("UPDATE scratch SET note = '{note}' WHERE id = 1;\nSHOW port;"));
    assert_eq!(write("before").stdout.trim(), primary.to_string());
    pair.standby.wait_until("shop", "(SELECT note FROM scratch WHERE id = 1) = 'before'");
    pair.world.postgres.lose();
    let nobody = write("between");
    assert_eq!((nobody.code, nobody.stdout.as_str()), (2, ""), "no host takes writes");
    assert!(nobody.stderr.contains(SHOP), "{}", nobody.stderr);
    pair.standby.promote();
    let after = write("after");
    assert_eq!(after.stdout.trim(), standby.to_string(), "the same tunnel: {}", after.stderr);
    assert_eq!(pair.standby.sql("shop", "SELECT note FROM scratch WHERE id = 1"), "after");
    assert_eq!(pair.world.agent.process().id(), agent, "the agent lives on");
}
