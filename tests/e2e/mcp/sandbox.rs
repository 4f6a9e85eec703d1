//! AI agents that speak SQL themselves: `connect exec --as-agent` with a driver that knows nothing of us.

use connect_tests::place;

use super::*;

/// An AI agent's own code, with a usual driver and nothing but its environment.
const AGENT: &str = r#"
import psycopg
from psycopg import errors

def refused(connection, statement, *more):
    try:
        with connection.transaction():
            connection.execute(statement, *more)
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported) as error:
        print("refused:", error.diag.message_detail)
        return
    raise SystemExit(f"went through: {statement}")

with psycopg.connect(autocommit=True) as connection:
    email, = connection.execute("SELECT email FROM customers WHERE id = %s", [1]).fetchone()
    assert email.endswith("@masked.invalid"), email
    refused(connection, "DELETE FROM scratch WHERE id = %s", [1])
    refused(connection, "INSERT INTO scratch VALUES (%s, %s)", [99, "x"])
    refused(connection, "WITH g AS (UPDATE scratch SET note = 'x' WHERE id = 1 RETURNING 1) SELECT 1")
    refused(connection, "DO $$ BEGIN DELETE FROM scratch; END $$")
    refused(connection, "CREATE TABLE stolen (a int)")
    refused(connection, "SELECT pg_advisory_lock(%s)", [1])
    # As prepared statements, in a pipeline, through a cursor of the server, and as COPY.
    for _ in range(3):
        refused(connection, "UPDATE scratch SET note = %s WHERE id = 1", ["x"])
    with connection.transaction(), connection.cursor("far") as cursor:
        cursor.execute("SELECT phone, full_name FROM customers ORDER BY id")
        assert len(cursor.fetchmany(5)) == 5
    try:
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("DELETE FROM scratch WHERE id = 2")
    except errors.InsufficientPrivilege:
        print("refused: in a pipeline")
    try:
        with connection.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN") as copy:
            copy.write_row([98, "x"])
        raise SystemExit("COPY went through")
    except errors.InsufficientPrivilege:
        print("refused: COPY")
    assert connection.execute("SELECT count(*) FROM scratch").fetchone() == (20,)
print("ended")
"#;

#[test]
fn a_driver_in_an_ai_agents_hands_reads_masks_and_writes_nothing() {
    let mut world = World::start();
    let li = world.person("li");
    let script = li.home().join("agent.py");
    std::fs::write(&script, AGENT).expect("a file");
    let (python, script) = (place::python().display().to_string(), script.display().to_string());
    // Its own person may write.
    let write = "INSERT INTO scratch VALUES (77, 'by hand'); DELETE FROM scratch WHERE id = 77";
    li.runs(&["exec", SHOP, "--", "psql", "-XAtqc", write]).good();
    let said = li.runs(&["exec", SHOP, "--as-agent", "sandboxed/1", "--", &python, "-I", &script]).good();
    assert!(said.ends_with("ended\n") && said.matches("refused:").count() == 11, "{said}");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    // An agent's framework that knows nothing of us either.
    let script = place::of_tests("python/langchain_agent.py").display().to_string();
    let chained = li.runs(&["exec", SHOP, "--as-agent", "chained/1", "--", &python, &script]).good();
    for word in ["customer_mail", "orders", "products", "rows [('open', 666)", "@masked.invalid"] {
        assert!(chained.contains(word), "{word}: {chained}");
    }
    assert_eq!(chained.matches("refused ").count(), 5, "{chained}");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    // Nobody names oneself out of the ceiling.
    for name in ["", "a b", "a\nb"] {
        let refused = li.runs(&["exec", SHOP, "--as-agent", name, "--", "psql", "-c", "SELECT 1"]);
        assert_eq!(refused.code, 125, "{name:?}: {refused:?}");
    }
    // Whatever it opens by `connect` itself is a part of what it has, and nothing is its person's.
    let connect = place::built("connect").display().to_string();
    let inside = li.home().join("inside.sh");
    let write_back = "INSERT INTO scratch VALUES (99, 'x')";
    let script = format!(
        r#"
"{connect}" open {SHOP} -- psql -XAtqc "SELECT 'open ' || email FROM customers WHERE id = 1"
"{connect}" shell {SHOP} -- -XAtqc "SELECT 'shell ' || email FROM customers WHERE id = 1"
"{connect}" open {SHOP} -- psql -XAtqc "{write_back}"; echo "open: $?"
"{connect}" shell {SHOP} -- -XAtqc "{write_back}"; echo "shell: $?"
"{connect}" open {SHOP} --detach; echo "detach: $?"
"{connect}" run {SHOP} --job j --out made -- true; echo "run: $?"
"{connect}" run start {SHOP} --job j --out made; echo "start: $?"
"#
    );
    std::fs::write(&inside, script).expect("a file");
    let inside = inside.display().to_string();
    let within = li.runs(&["exec", SHOP, "--as-agent", "outer", "--", "sh", &inside]);
    for what in ["open", "shell"] {
        let masked = |line: &str| line.starts_with(&format!("{what} ")) && line.ends_with("@masked.invalid");
        assert!(within.stdout.lines().any(masked), "{within:?}");
        assert!(within.stdout.contains(&format!("{what}: 1\n")), "{within:?}");
    }
    for refused in ["detach: 5", "run: 125", "start: 5"] {
        assert!(within.stdout.contains(refused), "{refused}: {within:?}");
    }
    assert!(within.stderr.matches("the command of an AI agent").count() == 3, "{within:?}");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let parts = leaves::of_kind(&leaves, "grant_issued");
    let parts = parts.iter().filter(|leaf| leaf["principal"]["actor"] == "outer>sub-agent").count();
    assert!(parts >= 4, "each is a part: {parts}");
    let intents = leaves::of_kind(&leaves, "intent");
    let own: Vec<_> = intents.iter().filter(|leaf| leaf["principal"]["actor"] == "sandboxed/1").collect();
    assert!(own.len() >= 3 && own.iter().all(|leaf| leaf["read_only"] == true), "{own:#?}");
    let denials = leaves::of_kind(&leaves, "denial");
    assert!(denials.iter().filter(|leaf| leaf["principal"]["actor"] == "sandboxed/1").count() >= 9);
}
