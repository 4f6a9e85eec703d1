//! In a session that was given a role, whatever could leave it is refused, and nothing else.

use std::sync::Arc;

use connect_shared::decision::ReasonCode;

use super::world::unprotected;
use crate::{
    catalog::{
        Catalog, Details, Role, Trigger,
        fixture::{Version, catalog as drafted},
    },
    statement::Protection,
    understand::{Limits, new_session, new_session_as, understand},
};

/// Functions of an administrator: `runs` takes a text and runs it.
const DATABASE: &str = "
    public.notes(id int4 not null, note text);
    public.watched(id int4 not null, note text);
    public.guarded(id int4 not null, note text);
    view public.behind(note text) as SELECT runs(notes.note) AS note FROM public.notes;
    function public.runs(what text) returns text language plpgsql volatile as BEGIN EXECUTE what~ RETURN what~ END;
    function public.sets() returns int4 language plpgsql volatile as BEGIN SET ROLE none~ RETURN 1~ END;
    function public.resets() returns int4 language plpgsql volatile as BEGIN RESET \"session_authorization\"~ RETURN 1~ END;
    function public.hides() returns int4 language plpgsql volatile as BEGIN SET U&\"\\0072ole\" = none~ RETURN 1~ END;
    function public.calls(n int4) returns int4 language sql volatile as SELECT length(runs('x')) + n;
    function public.definer(what text) returns text language plpgsql definer as BEGIN EXECUTE what~ RETURN what~ END;
    function public.adds(n int4) returns int4 language plpgsql volatile as BEGIN INSERT INTO notes VALUES (n)~ RETURN n~ END;
    function public.reads(n int4) returns int8 language sql stable as SELECT count(*) FROM notes WHERE id = n;
    function public.touches(n int4) returns int4 language plpgsql volatile as BEGIN INSERT INTO guarded VALUES (n)~ RETURN n~ END;";

fn database() -> Catalog {
    let drafted = drafted(Version::Postgres15, DATABASE).expect("a draft");
    let mut catalog = unprotected();
    catalog.code = drafted.code.clone();
    // A draft's statements end at any semicolon.
    for function in Arc::make_mut(&mut Arc::make_mut(&mut catalog.code).functions).values_mut() {
        function.body = function.body.as_deref().map(|body| body.replace('~', ";").into());
    }
    let users = catalog.code.functions.values().filter(|known| &*known.schema == "public");
    catalog.user_functions = Arc::new(users.map(|known| known.name.clone()).collect());
    catalog.schemas = drafted.schemas.clone();
    catalog.search_path = "public".into();
    // Of the other one nobody knows which schemas it may use, so that no name is certain.
    catalog.roles.insert("analyst".into(), Role::default());
    for relation in drafted.relations.values().filter(|relation| &*relation.schema == "public") {
        catalog.insert(Arc::clone(relation));
    }
    for (table, function) in [("watched", "adds"), ("guarded", "runs")] {
        let function = catalog.code.functions_by_name.get(function).expect("it is there")[0];
        let oid = catalog.candidates(Some("public"), table).next().expect("it is there").oid;
        let relation = catalog.relation_mut(oid).expect("it is there");
        relation.runs_code = true;
        let trigger = Trigger {
            name: "t".into(),
            function,
            on: [true, true, true, true],
            before: true,
            instead: false,
        };
        relation.details = Some(Box::new(Details { triggers: vec![trigger], ..Details::default() }));
    }
    catalog
}

/// Why the last statement of a text is refused for somebody who works as this role.
fn refused_as(role: &str, sql: &str) -> Option<ReasonCode> {
    let catalog = database();
    let session = new_session_as(Some(role), &catalog, None);
    let analysis = understand(sql.as_bytes(), &catalog, &session, &Limits::default());
    match &analysis.statements.last().expect("a statement").protection {
        Protection::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

#[test]
fn what_could_leave_the_role_is_refused_wherever_it_hides() {
    let mut failed = Vec::new();
    for sql in [
        "SET ROLE none",
        "SET ROLE postgres",
        "SET LOCAL ROLE none",
        "SET SESSION AUTHORIZATION connect_agent",
        "SET \"ROLE\" TO none",
        "UPDATE pg_settings SET setting = 'none' WHERE name = 'role'",
        "SELECT runs('SET ROLE none')",
        "SELECT sets()",
        "SELECT resets()",
        "SELECT hides()",
        "SELECT calls(1)",
        "SELECT id FROM notes WHERE note = runs('RESET ROLE')",
        "SELECT (n).runs FROM (SELECT note FROM notes) n",
        "SELECT touches(1)",
        "SELECT note FROM behind",
        "INSERT INTO notes VALUES (1, runs('x'))",
        "INSERT INTO guarded VALUES (1)",
        "COPY guarded FROM STDIN",
        "PREPARE p AS SELECT runs('x')",
        "DECLARE c CURSOR FOR SELECT runs('x')",
        "EXPLAIN ANALYZE SELECT runs('x')",
        "CREATE TABLE made AS SELECT runs('x')",
        "CREATE TABLE made (id int, note text DEFAULT runs('x'))",
        "CREATE TABLE made (id int, note text CHECK (runs(note) = 'x'))",
        "ALTER TABLE notes ADD CHECK (\"runs\"(note) = 'x')",
        "ALTER TABLE notes ADD CHECK (U&\"\\0072uns\"(note) = 'x')",
        "CREATE DOMAIN short AS text CHECK (runs(VALUE) = 'x')",
        "CREATE POLICY p ON notes USING (runs(note) = 'x')",
        "CREATE INDEX ON notes (runs(note))",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION runs()",
        "CREATE RULE r AS ON INSERT TO notes DO ALSO SELECT 1",
        "ALTER FUNCTION definer(text) SET role = 'none'",
        "CREATE SCHEMA s CREATE TABLE a (b int) CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION adds()",
    ] {
        if let Some(role) = ["analyst", "unheard"].into_iter().find(|role| refused_as(role, sql).is_none()) {
            failed.push((role, sql));
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
    // Not for any other reason.
    for sql in ["SELECT runs('x')", "SELECT sets()", "INSERT INTO guarded VALUES (1)", "SET ROLE none"] {
        assert_eq!(refused_as("analyst", sql), Some(ReasonCode::LeavesRole), "{sql}");
    }
}

#[test]
fn what_cannot_leave_the_role_passes() {
    let mut failed = Vec::new();
    for sql in [
        "SELECT * FROM notes",
        "SELECT reads(1)",
        "SELECT adds(1)",
        "SELECT definer('anything: the server lets nothing in it set the role')",
        "INSERT INTO watched VALUES (1, 'a')",
        "INSERT INTO notes VALUES (1, 'a') RETURNING id",
        "RESET ROLE",
        "SET ROLE TO DEFAULT",
        "SET SESSION AUTHORIZATION DEFAULT",
        "RESET SESSION AUTHORIZATION",
        "RESET ALL",
        "DISCARD ALL",
        "SET search_path TO public",
        "SELECT set_config('search_path', 'public', false)",
        "CREATE TABLE made (id int DEFAULT adds(1), note text CHECK (length(note) > 1))",
        "BEGIN",
    ] {
        failed.extend(refused_as("analyst", sql).map(|code| (sql, code)));
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn without_a_role_code_is_judged_as_ever() {
    let catalog = database();
    let session = new_session(&catalog, None);
    let analysis = understand(b"SELECT runs('x')", &catalog, &session, &Limits::default());
    assert!(!matches!(analysis.statements[0].protection, Protection::Refused(_)));
}
