//! The search path by every route.

use super::{
    super::{identifiers, quoted},
    world::World,
};

/// (statements, path afterwards)
fn check(cases: &[(&[&str], &str)]) {
    for (statements, expected) in cases {
        let mut world = World::new();
        world.run(statements);
        assert_eq!(world.path(), *expected, "{statements:?}");
    }
}

#[test]
fn lists_are_split_as_the_server_does() {
    let split = |text: &str| identifiers(text).map(|names| names.join("|"));
    for (text, expected) in [
        ("", Some("")),
        ("  ", Some("")),
        ("a", Some("a")),
        ("A, \"B\" ,c", Some("a|B|c")),
        ("\"a\"\"b\",\"\"", Some("a\"b|")),
        ("\"$user\", public", Some("$user|public")),
        ("a b", None),
        ("a,", None),
        (",a", None),
        ("a,,b", None),
        ("\"a", None),
        ("a\"b\"", Some("a\"b\"")),
        ("Ä,b", Some("Ä|b")),
    ] {
        assert_eq!(split(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn names_are_cut_where_the_server_cuts_them() {
    let long = "ä".repeat(40);
    let names = identifiers(&format!("{long}, {}", "x".repeat(70))).expect("a list");
    assert_eq!((names[0].len(), names[1].len()), (62, 63));
}

#[test]
fn a_quoted_list_is_read_back() {
    let names = ["a", "B c", "d\"e", ""];
    let read = identifiers(&quoted(names)).expect("a list");
    assert!(read.iter().map(|name| &**name).eq(names));
}

#[test]
fn a_connection_begins_with_what_the_role_or_database_has() {
    let world = World::new();
    assert_eq!((world.path().as_str(), world.creation().as_deref()), ("pg_catalog ana public", Some("ana")));
}

#[test]
fn startup_parameters_come_before_that_and_the_last_one_counts() {
    for (startup, expected) in [
        (&[("search_path", "a,b")][..], "pg_catalog a b"),
        (&[("Search_Path", "B, \"Mixed Case\"")], "pg_catalog b Mixed Case"),
        (&[("search_path", "a"), ("search_path", "b")], "pg_catalog b"),
        (&[("search_path", "")], "pg_catalog"),
        (&[("application_name", "x")], "pg_catalog ana public"),
        (&[("role", "bob")], "pg_catalog public"),
    ] {
        assert_eq!(World::with(startup).path(), expected, "{startup:?}");
    }
}

#[test]
fn set_takes_each_constant_for_one_name() {
    check(&[
        (&["SET search_path TO a"], "pg_catalog a"),
        (&["SET search_path = a, b"], "pg_catalog a b"),
        (&["SET SESSION search_path TO b, a"], "pg_catalog b a"),
        (&["SET search_path TO A"], "pg_catalog a"),
        (&["SET search_path TO 'A'"], "pg_catalog"),
        (&["SET search_path TO 'a, b'"], "pg_catalog"),
        (&["SET search_path TO 'a', 'b'"], "pg_catalog a b"),
        (&["SET search_path TO \"Mixed Case\""], "pg_catalog Mixed Case"),
        (&["SET search_path TO 'Mixed Case', a"], "pg_catalog Mixed Case a"),
        (&["SET \"SEARCH_PATH\" TO a"], "pg_catalog a"),
        (&["SET search_path TO ''"], "pg_catalog"),
        (&["SET SCHEMA 'b'"], "pg_catalog b"),
        (&["SET LOCAL SCHEMA 'b'"], "pg_catalog ana public"),
        (&["SET search_path TO a, a, b, a"], "pg_catalog a b"),
        (&["SET search_path TO nowhere, a"], "pg_catalog a"),
        (&["SET search_path TO closed, a"], "pg_catalog a"),
        (&["SET search_path TO 1, a"], "pg_catalog a"),
    ]);
}

#[test]
fn implicit_schemas_come_first_unless_they_are_named() {
    check(&[
        (&["SET search_path TO a, pg_catalog"], "a pg_catalog"),
        (&["SET search_path TO pg_catalog, a"], "pg_catalog a"),
        (&["CREATE TEMP TABLE x (i int)"], "pg_temp pg_catalog ana public"),
        (&["CREATE TEMP TABLE x (i int)", "SET search_path TO a"], "pg_temp pg_catalog a"),
        (&["CREATE TEMP TABLE x (i int)", "SET search_path TO a, pg_temp"], "pg_catalog a pg_temp"),
        (&["SET search_path TO a, pg_temp, b"], "pg_catalog a pg_temp b"),
    ]);
}

#[test]
fn new_objects_go_where_the_first_name_that_exists_says() {
    for (sql, expected) in [
        ("SET search_path TO nowhere, b, a", Some("b")),
        ("SET search_path TO pg_catalog, a", Some("pg_catalog")),
        ("SET search_path TO pg_temp, a", Some("pg_temp")),
        ("SET search_path TO ''", None),
    ] {
        let mut world = World::new();
        assert_eq!(world.run(&[sql]).creation().as_deref(), expected, "{sql}");
    }
}

#[test]
fn reset_goes_back_to_how_the_connection_began() {
    check(&[
        (&["SET search_path TO a", "RESET search_path"], "pg_catalog ana public"),
        (&["SET search_path TO a", "SET search_path TO DEFAULT"], "pg_catalog ana public"),
        (&["SET search_path TO a", "SET SESSION search_path TO DEFAULT"], "pg_catalog ana public"),
        (&["SET search_path TO a", "RESET ALL"], "pg_catalog ana public"),
        (&["SET search_path TO a", "DISCARD ALL"], "pg_catalog ana public"),
        (&["SET search_path TO a", "DISCARD PLANS"], "pg_catalog a"),
        (&["SET search_path TO a", "DISCARD TEMP"], "pg_catalog a"),
        (&["SET search_path TO a", "RESET work_mem"], "pg_catalog a"),
    ]);
    let mut world = World::with(&[("search_path", "b")]);
    world.run(&["SET search_path TO a", "RESET search_path"]);
    assert_eq!(world.path(), "pg_catalog b");
}

#[test]
fn set_config_with_constants_counts_like_set() {
    check(&[
        (&["SELECT set_config('search_path', 'a, b', false)"], "pg_catalog a b"),
        (&["SELECT pg_catalog.set_config('search_path', 'a', false)"], "pg_catalog a"),
        (&["SELECT set_config('SEARCH_PATH', 'a', 'f')"], "pg_catalog a"),
        (&["SELECT set_config('search_path', '', false)"], "pg_catalog"),
        (&["SELECT set_config('search_path', 'a'::text, false), 1"], "pg_catalog a"),
        (&["SET search_path = a", "SELECT set_config('search_path', NULL, false)"], "pg_catalog ana public"),
        (&["SELECT set_config('search_path', 'a', true)"], "pg_catalog ana public"),
        (&["BEGIN", "SELECT set_config('search_path', 'a', true)"], "pg_catalog a"),
        (&["BEGIN", "SELECT set_config('search_path', 'a', 'on'::bool)", "COMMIT"], "pg_catalog ana public"),
        (&["SELECT set_config('work_mem', '1MB', false)"], "pg_catalog ana public"),
        (
            &["SELECT set_config('search_path','a',false), set_config('search_path','b',false)"],
            "pg_catalog b",
        ),
        (&["EXPLAIN ANALYZE SELECT set_config('search_path', 'a', false)"], "pg_catalog a"),
        (&["EXPLAIN SELECT set_config('search_path', 'a', false)"], "pg_catalog ana public"),
        (&["EXPLAIN (ANALYZE off) SELECT set_config('search_path', 'a', false)"], "pg_catalog ana public"),
        (&["COPY (SELECT set_config('search_path', 'a', false)) TO STDOUT"], "pg_catalog a"),
        (&["CREATE TABLE x AS SELECT set_config('search_path', 'a', false)"], "pg_catalog a"),
    ]);
}

#[test]
fn set_config_that_is_not_certain_makes_the_path_unknown() {
    check(&[
        (&["SELECT set_config('search_path', mail, false) FROM people"], "?"),
        (&["SELECT set_config('search_path', 'a', false) FROM people"], "?"),
        (&["SELECT set_config('search_path', 'a', false) WHERE false"], "?"),
        (&["SELECT set_config('search_path', 'a', false) LIMIT 0"], "?"),
        (&["SELECT CASE WHEN now() > now() THEN set_config('search_path', 'a', false) END"], "?"),
        (&["SELECT set_config('search_path', 'a' || 'b', false)"], "?"),
        (&["SELECT set_config('search' || '_path', 'a', false)"], "?"),
        (&["SELECT set_config('search_path', $1, false)"], "?"),
        (&["SELECT (SELECT set_config('search_path', 'a', false))"], "?"),
        (&["SELECT upper(set_config('search_path', 'a', false))"], "?"),
        (&["WITH x AS (SELECT set_config('search_path', 'a', false)) SELECT 1 FROM x"], "?"),
        (&["SELECT 1 FROM people WHERE set_config('search_path', 'a', false) = 'a'"], "?"),
        (&["INSERT INTO people VALUES (1, set_config('search_path', 'a', false))"], "?"),
        (&["UPDATE people SET mail = set_config('search_path', 'a', false)"], "?"),
        (&["DELETE FROM people WHERE set_config('search_path', 'a', false) = ''"], "?"),
        (&["VALUES (set_config('search_path', 'a', false))"], "?"),
        (&["SELECT 1 UNION SELECT set_config('search_path', 'a', false)::int"], "?"),
        (&["UPDATE pg_settings SET setting = 'a' WHERE name = 'search_path'"], "?"),
        (&["UPDATE pg_catalog.pg_settings SET setting = 'a' WHERE name = 'search_path'"], "?"),
    ]);
    // A setting that changes no names may be set as one likes, as far as that is clear.
    check(&[(&["SELECT set_config('work_mem', '1', false) FROM people"], "pg_catalog ana public")]);
}

#[test]
fn an_unknown_path_is_known_again_once_it_is_set() {
    let unknown = "SELECT set_config('search_path', mail, false) FROM people";
    check(&[
        (&[unknown, "SET search_path TO a"], "pg_catalog a"),
        (&[unknown, "RESET search_path"], "pg_catalog ana public"),
        (&[unknown, "DISCARD ALL"], "pg_catalog ana public"),
        (&["BEGIN", unknown, "ROLLBACK"], "pg_catalog ana public"),
        (&["BEGIN", "SAVEPOINT s", unknown, "ROLLBACK TO s"], "pg_catalog ana public"),
        (&["BEGIN", unknown, "COMMIT"], "?"),
    ]);
}

#[test]
fn the_role_decides_about_its_own_schema_and_what_it_may_use() {
    check(&[
        (&["SET ROLE bob"], "pg_catalog public"),
        (&["SET ROLE bob", "SET search_path TO a, b"], "pg_catalog b"),
        (&["SET ROLE 'bob'", "RESET ROLE"], "pg_catalog ana public"),
        (&["SET ROLE bob", "SET ROLE NONE"], "pg_catalog ana public"),
        (&["SET ROLE bob", "RESET ALL"], "pg_catalog public"),
        (&["SET ROLE bob", "DISCARD ALL"], "pg_catalog ana public"),
        (&["SET ROLE ana"], "pg_catalog ana public"),
        (&["SET SESSION AUTHORIZATION bob"], "pg_catalog public"),
        (&["SET SESSION AUTHORIZATION bob", "SET SESSION AUTHORIZATION DEFAULT"], "pg_catalog ana public"),
        (&["SET SESSION AUTHORIZATION bob", "RESET SESSION AUTHORIZATION"], "pg_catalog ana public"),
        (&["BEGIN", "SET LOCAL ROLE bob", "COMMIT"], "pg_catalog ana public"),
        (&["BEGIN", "SET ROLE bob", "ROLLBACK"], "pg_catalog ana public"),
        (&["SET ROLE nobody_knows"], "?"),
        (&["SET ROLE nobody_knows", "SET search_path TO pg_catalog"], "pg_catalog"),
        // Whether the new schema lets bob use it, nobody said.
        (&["CREATE SCHEMA bob", "SET ROLE bob", "SET search_path TO \"$user\""], "?"),
    ]);
}

#[test]
fn a_role_that_the_connection_was_opened_with_is_what_it_goes_back_to() {
    for statements in [
        &["RESET ROLE"][..],
        &["RESET ALL"],
        &["DISCARD ALL"],
        &["SET SESSION AUTHORIZATION DEFAULT"],
        &["SET ROLE ana", "RESET ROLE"],
        &["SET SESSION AUTHORIZATION ana", "SET SESSION AUTHORIZATION DEFAULT"],
        &["BEGIN", "SET LOCAL ROLE ana", "COMMIT"],
    ] {
        let mut world = World::with(&[("role", "bob")]);
        world.run(statements);
        assert_eq!(
            world.session.role().map(|role| role.map(|name| name.to_string())),
            Ok(Some("bob".into())),
            "{statements:?}"
        );
        assert_eq!(world.session.given_role().map(|name| &**name), Some("bob"));
    }
    let mut world = World::with(&[("role", "bob")]);
    world.run(&["DO $$ BEGIN END $$"]);
    assert!(world.session.role().is_ok(), "what could leave it never runs");
    assert_eq!(world.path(), "?");
}

#[test]
fn settings_of_roles_and_databases_are_for_new_sessions() {
    check(&[
        (&["ALTER ROLE ana SET search_path = a"], "pg_catalog ana public"),
        (&["ALTER DATABASE shop SET search_path = a"], "pg_catalog ana public"),
        (&["ALTER ROLE ALL SET search_path = a", "RESET search_path"], "pg_catalog ana public"),
        (&["ALTER SYSTEM SET search_path = a"], "pg_catalog ana public"),
    ]);
}

#[test]
fn schemas_that_the_session_makes_or_drops_count_at_once() {
    check(&[
        (&["SET search_path TO c, a", "CREATE SCHEMA c"], "pg_catalog c a"),
        (&["CREATE SCHEMA IF NOT EXISTS c", "SET search_path TO c"], "pg_catalog c"),
        (&["CREATE SCHEMA c AUTHORIZATION ana", "SET search_path TO c"], "pg_catalog c"),
        (&["CREATE SCHEMA c AUTHORIZATION bob", "SET search_path TO c"], "?"),
        (&["SET search_path TO a, b", "DROP SCHEMA a CASCADE"], "pg_catalog b"),
        (&["ALTER SCHEMA a RENAME TO c", "SET search_path TO a, c"], "pg_catalog c"),
        (&["BEGIN", "CREATE SCHEMA c", "SET search_path TO c", "ROLLBACK"], "pg_catalog ana public"),
        (&["REVOKE USAGE ON SCHEMA a FROM ana", "SET search_path TO a"], "?"),
        (&["REVOKE USAGE ON SCHEMA a FROM ana", "SET search_path TO b"], "pg_catalog b"),
        (&["GRANT bob TO ana", "SET search_path TO b"], "?"),
        (&["SET search_path TO a", "ALTER ROLE ana RENAME TO eva"], "?"),
    ]);
}

#[test]
fn another_sessions_temporary_schema_is_not_guessed() {
    check(&[(&["SET search_path TO pg_temp_3, a"], "?")]);
    let mut world = World::new();
    world.session.temporary_schema_is("pg_temp_3", &world.catalog);
    world.run(&["SET search_path TO pg_temp_3, a"]);
    assert_eq!(world.path(), "pg_catalog pg_temp a");
}

#[test]
fn strings_that_are_read_otherwise_are_said_to_be() {
    use super::super::Lexing;
    for (statements, expected) in [
        (&["SET standard_conforming_strings = off"][..], Lexing::Other),
        (&["SET standard_conforming_strings = off", "RESET ALL"], Lexing::Standard),
        (&["SET standard_conforming_strings TO on"], Lexing::Standard),
        (&["BEGIN", "SET LOCAL standard_conforming_strings = off", "COMMIT"], Lexing::Standard),
    ] {
        let mut world = World::new();
        world.run(statements);
        assert_eq!(world.session.lexing(), expected, "{statements:?}");
    }
}

#[test]
fn reset_all_passes_over_what_is_at_its_default_for_now() {
    // `ResetAllOptions` in guc.c looks at the source of the value that counts at the moment.
    let lasting =
        ["SET search_path TO a", "BEGIN", "SET LOCAL search_path TO DEFAULT", "RESET ALL", "COMMIT"];
    let reset = ["SET search_path TO a", "BEGIN", "SET LOCAL search_path TO b", "RESET ALL", "COMMIT"];
    let within = ["SET search_path TO a; SET LOCAL search_path TO DEFAULT; RESET ALL"];
    let of = |statements: &[&str]| World::new().run(statements).path();
    assert_eq!(of(&lasting), of(&["SET search_path TO a"]));
    assert_eq!(of(&reset), of(&[]));
    assert_eq!(of(&within), of(&["SET search_path TO a"]));
}

#[test]
fn a_rollback_outside_of_a_block_takes_the_message_back() {
    let after = |sql: &str| World::new().message(sql).message("SET search_path TO renamed, a").path();
    assert_eq!(after("ALTER SCHEMA b RENAME TO renamed; ROLLBACK"), after("SELECT 1"));
    assert_eq!(
        after("ALTER SCHEMA b RENAME TO renamed; ROLLBACK; CREATE TABLE v (i int)"),
        after("SELECT 1")
    );
}

#[test]
fn a_schema_that_was_made_or_renamed_is_its_owners_and_of_others_nobody_knows() {
    let path = |statements: &[&str]| World::new().run(statements).path();
    let made = ["CREATE SCHEMA made", "SET search_path TO made, b"];
    let renamed = ["ALTER SCHEMA a RENAME TO renamed", "SET search_path TO renamed, b"];
    assert_eq!(path(&made), "pg_catalog made b");
    assert_eq!(path(&renamed), "pg_catalog renamed b");
    for statements in [made, renamed] {
        let [first, second] = statements;
        assert_eq!(path(&[first, second, "SET ROLE bob"]), "?", "{first}");
        assert_ne!(path(&[first, second, "SET ROLE bob", "RESET ROLE"]), "?", "{first}");
    }
}
