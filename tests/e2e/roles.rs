//! People work as roles of the database, and cannot leave them; the database's own log is told who they are.

use std::process::Command;

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    leaves,
    person::Person,
    place,
    pooler::PgBouncer,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres, Version},
    process,
    wire::{Mode, Wire},
    world::World,
};
use tempfile::TempDir;

const ROLES: &str = "[[resource.role]]\nrole = \"writer\"\nwho = [\"group:data-oncall\"]\n\
    [[resource.role]]\nrole = \"analyst\"\nwho = [\"group:developer\"]\n";

const BENCH_ROLES: &str = "\"own.*\" = \"clear\"\n[[resource.role]]\nrole = \"builder\"\nwho = [\"*\"]\n";

fn make_roles(postgres: &Postgres) {
    postgres.sql(
        "shop",
        &format!(
            "CREATE ROLE analyst; CREATE ROLE writer; CREATE ROLE stranger; CREATE ROLE builder;
             GRANT analyst, writer, builder TO {AGENT_USER};
             GRANT SELECT ON products, orders TO analyst;
             GRANT SELECT, INSERT ON products TO writer;
             ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON orders FOR SELECT TO analyst USING (status = 'open')"
        ),
    );
    postgres.sql(
        "bench",
        &format!(
            "GRANT CREATE ON DATABASE bench TO builder; SET ROLE {AGENT_USER};
             CREATE TABLE agents_own (id int);
             CREATE FUNCTION public.runs(what text) RETURNS text LANGUAGE plpgsql AS
               $$ BEGIN EXECUTE what; RETURN what; END $$;
             CREATE FUNCTION public.sets() RETURNS text LANGUAGE plpgsql AS
               $$ BEGIN SET ROLE none; RETURN current_user; END $$;
             CREATE FUNCTION public.on_row() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN EXECUTE NEW.note; RETURN NEW; END $$;
             CREATE FUNCTION public.in_order() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
             CREATE TABLE watched (id int, note text);
             CREATE TRIGGER t BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION on_row();
             CREATE VIEW behind AS SELECT runs('SET ROLE none') AS seen;
             GRANT ALL ON watched, behind TO builder; GRANT ALL ON SCHEMA public TO builder"
        ),
    );
}

fn world(options: AgentOptions) -> World {
    World::start_behind(|postgres| {
        make_roles(postgres);
        options
    })
}

#[test]
fn somebody_works_as_the_role_that_is_meant_for_their_group() {
    let mut world = world(AgentOptions { clear: ROLES, ..AgentOptions::default() });
    let [ana, li] = ["ana", "li"].map(|name| world.person(name));
    let tunnels = [ana.open(SHOP), li.open(SHOP)];
    let said = tunnels.each_ref().map(|tunnel| tunnel.psql("SELECT current_user, session_user").stdout);
    assert_eq!(said, ["analyst|connect_agent\n", "writer|connect_agent\n"]);
    // Its rights are the role's, and so is what row security lets it see.
    let seen = tunnels[0]
        .psql("SELECT count(*) FROM orders WHERE status <> 'open'; SELECT count(*) > 9 FROM orders");
    assert_eq!((seen.stdout.as_str(), seen.stderr.as_str()), ("0\nt\n", ""));
    let denied = tunnels[1].psql("SELECT count(*) FROM orders");
    assert!(denied.stderr.contains("permission denied for table orders"), "{}", denied.stderr);
    let written = tunnels[1].psql("INSERT INTO products VALUES (1001, 'x', 1)");
    assert_eq!(written.stderr, "", "the writer writes");
    // It is masked as ever: keys are given under any role.
    world.postgres.sql("shop", "GRANT SELECT ON customers TO analyst");
    let masked = tunnels[0].psql("SELECT upper(email) FROM customers WHERE id = 1");
    assert!(masked.stdout.contains("MASKED.INVALID"), "{}{}", masked.stdout, masked.stderr);
    // What would happen is judged under the role, too.
    let explained = ana.runs(&["explain", SHOP, "SET ROLE none"]);
    assert!(explained.code == 5 && explained.stdout.contains("`analyst`"), "{}", explained.stdout);
    drop(tunnels);
    by_name(&mut world, [&ana, &li]);
    world.agent.stop();
    let opened = leaves::read(&world.agent.log());
    let roles: Vec<_> = leaves::of_kind(&opened, "upstream_opened")
        .iter()
        .filter_map(|leaf| leaf["role"].as_str().map(str::to_owned))
        .collect();
    assert!(roles.contains(&"analyst".to_owned()) && roles.contains(&"writer".to_owned()), "{roles:?}");
}

/// The first line that fits counts, also where it names somebody whose groups another one is for.
fn by_name(world: &mut World, people: [&Person; 2]) {
    let line = |role: &str, who: &str| format!("[[resource.role]]\nrole = \"{role}\"\nwho = [\"{who}\"]\n");
    let first = line("writer", "principal:ana@example.com") + &line("analyst", "principal:li@example.com");
    world.agent.reconfigure(|config| config.replacen(ROLES, &format!("{first}{ROLES}"), 1));
    let said = people.map(|person| person.open(SHOP).psql("SELECT current_user, session_user").stdout);
    assert_eq!(said, ["writer|connect_agent\n", "analyst|connect_agent\n"]);
    // Behind the lines for groups they change nothing.
    world
        .agent
        .reconfigure(|config| config.replacen(&format!("{first}{ROLES}"), &format!("{ROLES}{first}"), 1));
    let said = people.map(|person| person.open(SHOP).psql("SELECT current_user").stdout);
    assert_eq!(said, ["analyst\n", "writer\n"]);
}

/// Ways back to the agent's account, each with a connection of its own.
const ATTEMPTS: &[&[&str]] = &[
    &["RESET ROLE"],
    &["RESET ALL"],
    &["DISCARD ALL"],
    &["SET ROLE none"],
    &["SET ROLE connect_agent"],
    &["SET ROLE TO DEFAULT"],
    &["SET LOCAL ROLE none"],
    &["set \"ROLE\" = 'none'"],
    &["SET SESSION AUTHORIZATION DEFAULT"],
    &["RESET SESSION AUTHORIZATION"],
    &["SET SESSION AUTHORIZATION connect_agent"],
    &["SET SESSION AUTHORIZATION 'connect_agent'", "DISCARD ALL"],
    &["BEGIN", "SET LOCAL SESSION AUTHORIZATION DEFAULT", "COMMIT"],
    &["BEGIN", "SAVEPOINT a", "RESET ROLE", "ROLLBACK TO a", "COMMIT"],
    &["BEGIN", "DISCARD TEMP", "SELECT 1/0", "ROLLBACK"],
    &["SELECT set_config('role', 'none', false)"],
    &["SELECT pg_catalog.set_config('ro' || 'le', 'none', false)"],
    &["SELECT set_config('role', NULL, false)"],
    &["SELECT set_config('session_authorization', 'connect_agent', false)"],
    &["SELECT set_config(name, 'none', false) FROM pg_settings WHERE name = 'role'"],
    &["UPDATE pg_settings SET setting = 'none' WHERE name = 'role'"],
    &["DO $$ BEGIN SET ROLE none; END $$"],
    &["SELECT runs('SET ROLE none')"],
    &["SELECT public.sets()"],
    &["SELECT seen FROM behind"],
    &["PREPARE p AS SELECT runs('SET ROLE none')", "EXECUTE p"],
    &["BEGIN", "DECLARE c CURSOR FOR SELECT runs('SET ROLE none')", "FETCH c", "COMMIT"],
    &["EXPLAIN ANALYZE SELECT runs('SET ROLE none')"],
    &["INSERT INTO watched VALUES (1, 'SET ROLE none')"],
    &["COPY watched FROM STDIN"],
    &["WITH w AS (SELECT runs('SET ROLE none')) SELECT * FROM w"],
    &["SELECT (x).runs FROM (SELECT 'SET ROLE none'::text) AS x"],
    &[
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE plpgsql AS 'BEGIN SET ROLE none; RETURN 1; END'",
        "SELECT mine()",
    ],
    &["CREATE TABLE d (id int, note text DEFAULT runs('SET ROLE none'))", "INSERT INTO d VALUES (1)"],
    &["CREATE TABLE e (note text CHECK (runs(note) IS NOT NULL))", "INSERT INTO e VALUES ('SET ROLE none')"],
    &["CREATE DOMAIN f AS text CHECK (runs(VALUE) IS NOT NULL)", "SELECT 'SET ROLE none'::f"],
    &["CREATE TABLE g (note text)", "CREATE POLICY p ON g USING (runs(note) IS NULL)"],
    &["CREATE OPERATOR ### (FUNCTION = runs, RIGHTARG = text)", "SELECT ### 'SET ROLE none'"],
    &["CREATE CAST (text AS int) WITH FUNCTION in_order()"],
    &["ALTER FUNCTION in_order() SET role = 'none'", "SELECT in_order()"],
    &["ALTER ROLE builder SET role = 'none'"],
    &["CREATE RULE r AS ON INSERT TO watched DO INSTEAD SELECT runs('SET ROLE none')"],
    &["CALL runs('SET ROLE none')"],
    &["SELECT 1; RESET ROLE; SELECT 2"],
    &["SELECT runs(query) FROM (VALUES ('SET ROLE none')) v (query)"],
];

#[test]
fn nothing_that_a_client_can_say_leaves_the_role() {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let options = AgentOptions { bench_labels: BENCH_ROLES, ..AgentOptions::default() };
    for version in [None, Some(Version::Thirteen), Some(Version::Eighteen)] {
        let world = World::start_on(version, &options);
        make_roles(&world.postgres);
        let modes = [Mode::Simple, Mode::Binary, Mode::PreparedTwice, Mode::Pipeline];
        let modes = if full || version.is_none() { &modes[..] } else { &modes[..1] };
        attempt_all(&world, modes);
    }
}

fn attempt_all(world: &World, modes: &[Mode]) {
    let tunnel = world.person("ana").open(BENCH);
    for mode in modes {
        for attempt in ATTEMPTS {
            let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
            for sql in *attempt {
                let _refused_or_not = wire.ask(*mode, sql);
            }
            let _whatever_is_open = wire.ask(Mode::Simple, "ROLLBACK");
            let answer = wire.ask(Mode::Simple, "SELECT current_user");
            assert_eq!(
                answer.rows(),
                [[Some(b"builder".to_vec())]],
                "{mode:?} {attempt:?}: {:?}",
                answer.lost
            );
            let own = wire.ask(Mode::Simple, "INSERT INTO agents_own VALUES (1)");
            assert_eq!(own.sqlstate().as_deref(), Some("42501"), "{mode:?} {attempt:?}");
        }
    }
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM agents_own"), "0");
    // What an honest client does works.
    let honest = tunnel.psql(
        "CREATE TEMP TABLE t (id int DEFAULT in_order()); INSERT INTO t DEFAULT VALUES; DISCARD ALL; SELECT in_order();",
    );
    assert_eq!((honest.stdout.as_str(), honest.stderr.as_str()), ("1\n", ""));
}

#[test]
fn no_startup_parameter_leaves_the_role() {
    let world = world(AgentOptions { bench_labels: BENCH_ROLES, ..AgentOptions::default() });
    let tunnel = world.person("ana").open(BENCH);
    for options in ["-c role=none", "-crole=none", "--role=none", "-c session_authorization=connect_agent"] {
        let mut psql = tunnel.client("psql");
        let finished = process::run(psql.env("PGOPTIONS", options).args(["-XqAtc", "SELECT current_user"]));
        assert!(
            finished.code == 2 && finished.stderr.contains("is refused"),
            "{options}: {}",
            finished.stderr
        );
    }
    let mut psql = tunnel.client("psql");
    let finished =
        process::run(psql.env("PGOPTIONS", "-c work_mem=5MB").args(["-XqAtc", "SELECT current_user"]));
    assert_eq!(finished.stdout, "builder\n");
}

#[test]
fn whoever_has_no_role_does_not_get_in() {
    let only_writers = "[[resource.role]]\nrole = \"writer\"\nwho = [\"group:data-oncall\"]\n";
    let world = world(AgentOptions { clear: only_writers, ..AgentOptions::default() });
    let ana = world.person("ana");
    let refused = ana.runs(&["open", SHOP, "--port", "auto"]);
    assert!(refused.code == 5 && refused.stderr.contains("no role of that database"), "{}", refused.stderr);
}

#[test]
fn whose_role_changes_with_their_groups_goes_out() {
    if std::env::var_os("CONNECT_TESTS_FULL").is_none() {
        // It takes as long as a grant lasts; the rule itself is tested where grants are.
        return;
    }
    let identity = r#"{"idTokenSeconds": 30}"#;
    let world = world(AgentOptions { clear: ROLES, lifetime: "30s", identity, ..AgentOptions::default() });
    let mut tunnel = world.person("ana").open(SHOP);
    world.idp.set_groups("ana", "developer,data-oncall");
    let status = tunnel.process_mut().wait_for_end();
    assert_eq!(status.code(), Some(8), "{}", tunnel.process().transcript());
    assert!(tunnel.process().transcript().contains("groups have changed"));
}

#[test]
fn a_role_that_cannot_be_taken_lets_nobody_in_and_the_check_says_so() {
    let stranger = "[[resource.role]]\nrole = \"stranger\"\nwho = [\"*\"]\n";
    let world = world(AgentOptions { clear: stranger, ..AgentOptions::default() });
    let tunnel = world.person("ana").open(SHOP);
    let finished = tunnel.psql("SELECT current_user");
    assert!(finished.code == 2 && finished.stdout.is_empty(), "{}", finished.stdout);
    world.agent.process().wait_for_line("permission denied to set role");
    let mut check = Command::new(place::built("connect-agent"));
    let checked = process::run(check.arg("check").arg("--config").arg(world.agent.config()));
    assert_ne!(checked.code, 0);
    assert!(checked.stdout.contains("role `stranger`: the database refused"), "{}", checked.stdout);
    world.postgres.sql("postgres", &format!("GRANT stranger TO {AGENT_USER}"));
    assert_eq!(tunnel.psql("SELECT current_user").stdout, "stranger\n");
    let checked = process::run(
        Command::new(place::built("connect-agent")).arg("check").arg("--config").arg(world.agent.config()),
    );
    assert!(checked.stdout.contains("works as the role `stranger`"), "{}", checked.stdout);
}

#[test]
fn a_pooler_that_drops_the_role_is_found_out() {
    let temporary = TempDir::with_prefix("connect-test-").expect("a temporary folder");
    let folder = temporary.path().to_owned();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&folder, readable).expect("our own folder");
    let mut pooler = None;
    let world = World::start_behind(|postgres| {
        make_roles(postgres);
        postgres.admit(&format!(
            "host shop {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
        ));
        let settings = format!(
            "auth_type = scram-sha-256\nauth_file = {}/users.txt\nignore_startup_parameters = role",
            folder.display()
        );
        std::fs::write(folder.join("users.txt"), format!("\"{AGENT_USER}\" \"{AGENT_PASSWORD}\"\n"))
            .expect("a file");
        std::fs::write(folder.join("password"), AGENT_PASSWORD).expect("a file");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(folder.join("password"), private).expect("our own file");
        let started =
            PgBouncer::start(&folder.join("pooler"), postgres.port(), AGENT_USER, "session", &settings);
        let upstream = format!(
            "address = \"127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\ntls = \"disable\"\npassword_file = \"{}/password\"",
            started.port(),
            folder.display()
        );
        pooler = Some(started);
        AgentOptions { upstream: Some(upstream.leak()), clear: ROLES, ..AgentOptions::default() }
    });
    let finished = world.person("ana").open(SHOP).psql("SELECT current_user");
    assert!(finished.code == 2 && finished.stdout.is_empty(), "{}", finished.stdout);
    world.agent.process().wait_for_line("in place of the role `analyst`");
}
