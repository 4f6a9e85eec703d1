//! Code that is not understood, and commands that cannot be followed.

use std::sync::Arc;

use super::world::World;
use crate::{
    catalog::{
        Oid, Volatility,
        code::{Code, Function, FunctionKind, Language},
    },
    lineage::{Gap, GapKind, Lineage, Status},
};

fn function(oid: u32, name: &str, language: Language, body: &str) -> Function {
    Function {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: FunctionKind::Function,
        language,
        volatility: Volatility::Volatile,
        strict: false,
        returns_set: false,
        result: Oid(23),
        arguments: Box::default(),
        argument_names: Box::default(),
        defaults: 0,
        variadic: Oid(0),
        outputs: Box::default(),
        body: Some(body.into()),
        search_path: None,
        security_definer: false,
        extension: None,
        registered: false,
    }
}

/// The path after a call of `f` with this body.
fn after_call(language: Language, body: &str) -> String {
    let mut world = World::new();
    let mut code = Code::clone(&world.catalog.code);
    code.insert_function(function(30_000, "f", language, body));
    code.insert_function(function(30_001, "quiet", Language::PlPgSql, "BEGIN RETURN 1; END"));
    code.insert_function(function(30_002, "loud", Language::PlPgSql, "BEGIN EXECUTE 'x'; END"));
    world.catalog.code = Arc::new(code);
    let lineage = Lineage {
        functions: [Oid(30_000)].into(),
        status: Status::Partial,
        gaps: vec![Gap { kind: GapKind::OpaqueFunction, what: "public.f()".into() }],
        ..Lineage::default()
    };
    world.with_lineage("SELECT f()", &lineage);
    world.path()
}

#[test]
fn blocks_and_calls_may_have_done_anything() {
    for sql in ["DO $$ BEGIN PERFORM set_config('search_path', 'a', false); END $$", "CALL p()"] {
        let mut world = World::new();
        world.run(&[sql]);
        assert_eq!(world.path(), "?", "{sql}");
        assert!(world.session.relations.is_lost(), "{sql}");
    }
}

#[test]
fn functions_are_believed_as_far_as_their_body_can_be_read() {
    let known = "pg_catalog ana public";
    for (language, body, expected) in [
        (Language::PlPgSql, "BEGIN RETURN (SELECT count(*) FROM people); END", known),
        (Language::PlPgSql, "DECLARE n int; BEGIN UPDATE people SET id = 1; RETURN n; END", known),
        (Language::Sql, "SELECT 1", known),
        (Language::PlPgSql, "BEGIN RETURN quiet(); END", known),
        (Language::PlPgSql, "BEGIN RETURN f(); END", known),
        (Language::PlPgSql, "BEGIN -- never set_config here\n RETURN 1; END", known),
        (Language::PlPgSql, "BEGIN PERFORM set_config('search_path', 'a', false); END", "?"),
        (Language::PlPgSql, "BEGIN SET search_path TO a; END", "?"),
        (Language::PlPgSql, "BEGIN SET LOCAL \"search_path\" TO a; END", "?"),
        (Language::PlPgSql, "BEGIN RESET ALL; END", "?"),
        (Language::PlPgSql, "BEGIN SET ROLE bob; END", "?"),
        (Language::PlPgSql, "BEGIN EXECUTE format('x'); END", "?"),
        (Language::PlPgSql, "BEGIN CREATE TEMP TABLE people (i int); END", "?"),
        (Language::PlPgSql, "BEGIN DROP TABLE people; END", "?"),
        (Language::PlPgSql, "BEGIN RETURN loud(); END", "?"),
        (Language::Sql, "UPDATE pg_settings SET setting = 'a'", "?"),
        (Language::Sql, "SELECT query_to_xml('x', true, true, '')", "?"),
        (Language::Other, "anything", "?"),
        (Language::C, "symbol", "?"),
    ] {
        assert_eq!(after_call(language, body), expected, "{body}");
    }
}

#[test]
fn code_that_nothing_explains_may_have_done_anything() {
    for kind in [GapKind::OpaqueFunction, GapKind::Trigger, GapKind::DynamicSql, GapKind::Code] {
        let mut world = World::new();
        let gaps = vec![Gap { kind, what: "?".into() }];
        world.with_lineage("SELECT 1", &Lineage { status: Status::Partial, gaps, ..Lineage::default() });
        assert_eq!(world.path(), "?", "{kind:?}");
    }
    for kind in [GapKind::UnknownObject, GapKind::Foreign, GapKind::Session, GapKind::NotReviewed] {
        let mut world = World::new();
        let gaps = vec![Gap { kind, what: "?".into() }];
        world.with_lineage("SELECT 1", &Lineage { status: Status::Partial, gaps, ..Lineage::default() });
        assert_eq!(world.path(), "pg_catalog ana public", "{kind:?}");
    }
}

#[test]
fn triggers_are_believed_like_functions() {
    use crate::catalog::{Details, Trigger};
    for (body, expected) in [
        ("BEGIN NEW.id := 1; RETURN NEW; END", "pg_catalog ana public"),
        ("BEGIN PERFORM set_config('search_path', 'a', false); RETURN NEW; END", "?"),
    ] {
        let mut world = World::new();
        let mut code = Code::clone(&world.catalog.code);
        code.insert_function(function(30_000, "f", Language::PlPgSql, body));
        world.catalog.code = Arc::new(code);
        let trigger =
            Trigger { name: "g".into(), function: Oid(30_000), on: [true; 4], before: true, instead: false };
        let people = world.catalog.relation_mut(super::world::PEOPLE).expect("it is there");
        people.runs_code = true;
        people.details = Some(Box::new(Details { triggers: vec![trigger], ..Details::default() }));
        let gaps = vec![Gap { kind: GapKind::Trigger, what: "g".into() }];
        let lineage = Lineage {
            status: Status::Partial,
            gaps,
            ..super::world::writing(super::world::PEOPLE, &[("id", &[])])
        };
        world.with_lineage("INSERT INTO people VALUES (1)", &lineage);
        assert_eq!(world.path(), expected, "{body}");
    }
}

#[test]
fn set_config_behind_a_view_or_in_a_body_is_seen_by_its_number() {
    let mut world = World::new();
    let lineage = Lineage { functions: [Oid(2078)].into(), ..Lineage::default() };
    world.with_lineage("SELECT * FROM people_view", &lineage);
    assert_eq!(world.path(), "?");
    let mut world = World::new();
    let lineage = Lineage { functions: [Oid(30_000), Oid(2078)].into(), ..Lineage::default() };
    world.with_lineage("SELECT set_config('search_path', 'a', false), f()", &lineage);
    assert_eq!(world.path(), "?", "the function may set it after us");
}

#[test]
fn somebody_elses_set_config_sets_nothing() {
    let mut world = World::new();
    let mut code = Code::clone(&world.catalog.code);
    code.insert_function(function(30_000, "set_config", Language::PlPgSql, "BEGIN RETURN 1; END"));
    world.catalog.code = Arc::new(code);
    let lineage = Lineage { functions: [Oid(30_000)].into(), ..Lineage::default() };
    world.with_lineage("SELECT set_config('search_path', 'a', false)", &lineage);
    assert_eq!(world.path(), "pg_catalog ana public");
}

#[test]
fn a_body_of_which_all_flows_are_known_may_set_something() {
    for (body, expected) in
        [("BEGIN SET search_path TO a; RETURN 1; END", "?"), ("BEGIN RETURN 1; END", "pg_catalog ana public")]
    {
        let mut world = World::new();
        let mut code = Code::clone(&world.catalog.code);
        code.insert_function(function(30_000, "f", Language::PlPgSql, body));
        world.catalog.code = Arc::new(code);
        let lineage = Lineage { functions: [Oid(30_000)].into(), ..Lineage::default() };
        world.with_lineage("SELECT f()", &lineage);
        assert_eq!(world.path(), expected, "{body}");
    }
}

#[test]
fn what_can_be_called_by_name_is_marked_as_changed() {
    for sql in [
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE AGGREGATE s (int) (sfunc = int4pl, stype = int)",
        "CREATE OPERATOR + (leftarg = text, rightarg = text, function = f)",
        "CREATE TYPE c AS (i int)",
        "CREATE TYPE e AS ENUM ('x')",
        "CREATE TYPE r AS RANGE (subtype = int)",
        "CREATE DOMAIN d AS int",
        "CREATE CAST (text AS int) WITH INOUT",
        "ALTER FUNCTION f() SET search_path = a",
        "ALTER TYPE e ADD VALUE 'y'",
        "ALTER TYPE c RENAME ATTRIBUTE i TO j",
        "ALTER FUNCTION f() RENAME TO g",
        "ALTER FUNCTION f() SET SCHEMA a",
        "DROP FUNCTION f()",
        "DROP TYPE c",
    ] {
        let mut world = World::new();
        world.run(&[sql]);
        assert!(world.session.relations.code_changed, "{sql}");
        assert!(!world.session.relations.is_lost(), "{sql}");
        world.run(&["BEGIN"]);
    }
}

#[test]
fn what_cannot_be_named_makes_everything_unknown() {
    for sql in [
        "CREATE EXTENSION hstore",
        "DROP EXTENSION hstore",
        "ALTER EXTENSION hstore UPDATE",
        "IMPORT FOREIGN SCHEMA x FROM SERVER s INTO a",
        "DROP OWNED BY ana",
        "DROP TYPE c CASCADE",
        "DROP FUNCTION f() CASCADE",
        "ALTER EXTENSION hstore SET SCHEMA a",
        "ALTER TABLE nowhere RENAME TO somewhere",
    ] {
        let mut world = World::new();
        world.run(&["BEGIN", sql]);
        assert!(world.session.relations.is_lost(), "{sql}");
        world.run(&["ROLLBACK"]);
        assert!(!world.session.relations.is_lost(), "{sql}");
    }
}

#[test]
fn discarding_ends_the_doubt_about_what_is_temporary() {
    let mut world = World::new();
    world.run(&["DO 'x'", "DISCARD ALL"]);
    assert!(world.session.relations.is_lost(), "stored objects are in doubt still");
    world.catalog.version += 1;
    world.session.settle(&world.catalog, super::super::Reading::AfterLastCommit);
    assert!(!world.session.relations.is_lost());
    assert_eq!(world.path(), "pg_temp pg_catalog ana public");
}
