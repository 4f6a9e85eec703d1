//! Rows that are hidden: whoever does not see them reads the table as if they were not there, and whoever does sees
//! everything.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    tunnel::Tunnel,
    world::World,
};

const RULES: &str = r#"
[[resource.rows]]
table = "public.places"
hide = "country = 'DE'"
clear_for = ["group:data-oncall"]
"#;

const TABLES: &str = "
    CREATE TABLE places (id int PRIMARY KEY, country text, note text);
    INSERT INTO places SELECT g, CASE WHEN g % 3 = 0 THEN 'DE' WHEN g % 3 = 1 THEN 'FR' END, 'hidden' || g
    FROM generate_series(1, 9) g;
    CREATE VIEW place_ids AS SELECT id FROM places;
    CREATE FUNCTION places_in_all() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.places';
    GRANT SELECT, INSERT, UPDATE, DELETE ON places, place_ids TO PUBLIC;";

fn ways() -> (World, Tunnel, Tunnel) {
    let world = World::start_with(&AgentOptions { clear: RULES, ..AgentOptions::default() });
    world.postgres.sql("shop", TABLES);
    let (some, all) = (world.person("ana").open(SHOP), world.person("li").open(SHOP));
    (world, some, all)
}

#[test]
fn whoever_does_not_see_rows_reads_a_table_without_them() {
    let (_world, some, all) = ways();
    for (sql, hers, theirs) in [
        ("SELECT count(*), count(country) FROM places", "6|3", "9|6"),
        ("SELECT id FROM places WHERE id = 3", "", "3"),
        ("SELECT count(*) FROM places WHERE 1 / CASE WHEN country = 'DE' THEN 0 ELSE 1 END > 0", "6", ""),
        ("SELECT max(p.id) FROM places p JOIN places q USING (id)", "8", "9"),
        ("COPY (SELECT id FROM places ORDER BY id DESC LIMIT 1) TO STDOUT", "8", "9"),
        ("SELECT note FROM places ORDER BY id DESC LIMIT 1", "hidden8", "hidden9"),
        ("PREPARE p AS SELECT count(*) FROM places WHERE id > $1; EXECUTE p(0)", "6", "9"),
        ("SET search_path = pg_temp, public; SELECT count(*) FROM places", "6", "9"),
    ] {
        assert_eq!(some.psql(&format!("{sql};\n")).stdout.trim(), hers, "{sql}");
        assert_eq!(all.psql(&format!("{sql};\n")).stdout.trim(), theirs, "{sql}");
    }
    let copied = some.psql("COPY places TO STDOUT;\n").stdout;
    assert_eq!((copied.lines().count(), copied.contains("DE")), (6, false), "{copied}");
}

#[test]
fn an_operator_of_ones_own_does_not_bring_hidden_rows_back() {
    let (world, some, _all) = ways();
    world.postgres.sql(
        "shop",
        "CREATE FUNCTION never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = never);",
    );
    let answer = some.psql("SET search_path = public, pg_catalog; SELECT count(*) FROM places;\n");
    assert_eq!(answer.stdout.trim(), "6", "{}", answer.stderr);
}

#[test]
fn whatever_else_reaches_hidden_rows_is_denied_with_a_reason() {
    let (_world, some, all) = ways();
    for sql in [
        "INSERT INTO places VALUES (3, 'FR', 'x')",
        "UPDATE places SET note = 'x' WHERE id = 3",
        "DELETE FROM places WHERE id = 3",
        "SELECT count(*) FROM place_ids",
        "SELECT places_in_all()",
        "COPY places FROM STDIN",
    ] {
        let answer = some.psql(&format!("{sql};\n"));
        assert!(answer.stderr.contains("ERROR") && answer.stdout.trim().is_empty(), "{sql}: {answer:?}");
        assert!(!answer.stderr.contains("duplicate"), "{sql}: {}", answer.stderr);
    }
    let denied = some.psql("DELETE FROM places WHERE id = 3;\n").stderr;
    assert!(denied.contains("hidden from you"), "{denied}");
    assert_eq!(all.psql("SELECT count(*) FROM place_ids;\n").stdout.trim(), "9");
}

#[test]
fn explain_says_which_rows_are_hidden() {
    let (world, _some, _all) = ways();
    let explained = |person: &str| {
        let person = world.person(person);
        person.runs(&["explain", SHOP, "SELECT count(*) FROM places"]).stdout
    };
    assert!(explained("ana").contains("public.places: country = 'DE'"), "{}", explained("ana"));
    assert!(!explained("li").contains("hidden"), "{}", explained("li"));
}
