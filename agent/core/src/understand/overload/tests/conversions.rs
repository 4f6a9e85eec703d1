//! Conversions and common types: sections 10.4 and 10.5.

use super::{
    super::{Failure, PathwayKind, coercion, common_type, length_coercion, type_named},
    world::World,
};
use crate::catalog::{
    Oid,
    code::{CastContext, TypeKind},
};

fn way(world: &World, from: &str, to: &str, context: CastContext) -> Option<PathwayKind> {
    coercion(&world.catalog, world.type_of(from), world.type_of(to), context).map(|found| found.kind)
}

#[test]
fn casts_are_found_where_their_context_allows() {
    use CastContext::{Assignment, Explicit, Implicit};
    use PathwayKind::{Function, InputOutput, Relabel};
    let world = World::new().with_domain("email", "text").with_type("mood", TypeKind::Enum, b'E');
    for (from, to, context, wanted) in [
        ("int4", "int8", Implicit, Some(Function)),
        ("int8", "int4", Implicit, None),
        ("int8", "int4", Assignment, Some(Function)),
        ("int4", "bool", Assignment, None),
        ("int4", "bool", Explicit, Some(Function)),
        ("varchar", "text", Implicit, Some(Relabel)),
        ("text", "int4", Assignment, None),
        ("text", "int4", Explicit, Some(InputOutput)),
        ("int4", "text", Implicit, None),
        ("int4", "text", Assignment, Some(InputOutput)),
        ("mood", "text", Assignment, Some(InputOutput)),
        ("mood", "int4", Explicit, None),
        ("json", "jsonb", Implicit, None),
        ("json", "jsonb", Assignment, Some(InputOutput)),
        ("unknown", "mood", Implicit, Some(InputOutput)),
        ("email", "text", Implicit, Some(Relabel)),
        ("text", "email", Implicit, Some(Relabel)),
        ("varchar", "email", Implicit, Some(Relabel)),
        ("int4", "email", Implicit, None),
        ("int4", "any", Implicit, Some(Relabel)),
        ("date", "timestamptz", Implicit, Some(Function)),
        ("record", "text", Assignment, Some(InputOutput)),
        ("?", "text", Explicit, None),
    ] {
        assert_eq!(way(&world, from, to, context), wanted, "{from} to {to}");
    }
}

#[test]
fn arrays_are_converted_by_their_elements() {
    let world = World::new().with_domain("ints", "int4[]");
    let find = |from: &str, to: &str, context| {
        coercion(&world.catalog, world.type_of(from), world.type_of(to), context)
    };
    let wide = find("int4[]", "int8[]", CastContext::Implicit).expect("a way");
    assert!(wide.elements && wide.kind == PathwayKind::Function && wide.function.is_some());
    assert!(find("ints", "int8[]", CastContext::Implicit).is_some_and(|found| found.elements));
    assert!(find("int8[]", "ints", CastContext::Assignment).is_some_and(|found| found.domain));
    assert_eq!(find("int8[]", "int4[]", CastContext::Implicit), None);
    let text = find("int4[]", "text[]", CastContext::Assignment).expect("a way");
    assert!(text.elements && text.kind == PathwayKind::InputOutput);
    assert_eq!(find("int4[]", "oidvector", CastContext::Explicit), None);
    assert_eq!(find("int4[]", "text", CastContext::Assignment).map(|found| found.elements), Some(false));
}

#[test]
fn rows_become_rows_of_parents_and_records() {
    let mut world = World::new()
        .with_type("parent", TypeKind::Composite(Oid(30_001)), b'C')
        .with_type("middle", TypeKind::Composite(Oid(30_002)), b'C')
        .with_type("child", TypeKind::Composite(Oid(30_003)), b'C')
        .with_domain("kid", "child");
    for (oid, children) in
        [(30_001, vec![Oid(30_002)]), (30_002, vec![Oid(30_003), Oid(30_001)]), (30_003, vec![])]
    {
        world.relate(Oid(oid), children);
    }
    let row = |from: &str, to: &str| way(&world, from, to, CastContext::Implicit) == Some(PathwayKind::Row);
    assert!(row("child", "parent") && row("kid", "parent") && row("child", "middle"));
    assert!(row("child", "record") && row("record", "parent") && row("child[]", "_record"));
    assert!(!row("parent", "child") && !row("child", "text") && !row("int4", "record"));
}

#[test]
fn common_types_follow_the_manual() {
    let world =
        World::new().with_domain("email", "text").with_domain("code", "varchar").with_domain("few", "int4");
    for (types, wanted) in [
        ("text unknown", "text"),
        ("numeric int4", "numeric"),
        ("int4 numeric", "numeric"),
        ("unknown int4 unknown", "int4"),
        ("unknown unknown", "text"),
        ("unknown", "text"),
        ("float4 int4", "float4"),
        ("int4 float8 numeric", "float8"),
        ("float4 numeric", "float4"),
        ("varchar text", "varchar"),
        ("varchar varchar", "varchar"),
        ("varchar bpchar", "varchar"),
        ("bpchar varchar", "bpchar"),
        ("name text", "name"),
        ("email email", "email"),
        ("email text", "text"),
        ("email code", "text"),
        ("few unknown", "int4"),
        ("few few unknown", "int4"),
        ("date timestamptz timestamp", "timestamptz"),
        ("oid int4", "oid"),
        ("regclass oid", "regclass"),
        ("int4[] int8[]", "int8[]"),
    ] {
        let given: Vec<Oid> = types.split(' ').map(|name| world.type_of(name)).collect();
        let found = common_type(&world.catalog, &given).map(|oid| world.name_of(oid));
        assert_eq!(found, Ok(wanted.to_owned()), "{types}");
    }
    for (types, wanted) in
        [("int4 text", Failure::Missing), ("int4 ?", Failure::Unknown), ("date time", Failure::Missing)]
    {
        let given: Vec<Oid> = types.split(' ').map(|name| world.type_of(name)).collect();
        assert_eq!(common_type(&world.catalog, &given), Err(wanted), "{types}");
    }
}

#[test]
fn lists_of_in_choose_by_their_common_type() {
    let world = World::new();
    let [int4, unknown, text] = ["int4", "unknown", "text"].map(|name| world.type_of(name));
    assert_eq!(common_type(&world.catalog, &[int4, unknown, unknown]), Ok(int4));
    assert_eq!(common_type(&world.catalog, &[int4, text]), Err(Failure::Missing));
    let array = world.type_of("int4[]");
    let any =
        super::super::array_operator(&world.catalog, world.path(), &["="], int4, array).expect("an operator");
    assert_eq!(world.catalog.code.operators[&any.operator].left, int4);
    let no = super::super::array_operator(&world.catalog, world.path(), &["+"], int4, array);
    assert_eq!(no, Err(Failure::Missing));
    let no = super::super::array_operator(&world.catalog, world.path(), &["="], int4, int4);
    assert_eq!(no, Err(Failure::Missing));
}

#[test]
fn lengths_are_brought_by_the_types_own_cast() {
    let world = World::new();
    let function = length_coercion(&world.catalog, world.type_of("varchar")).expect("a function");
    assert_eq!(world.signature(function), "pg_catalog.varchar(varchar, int4, bool)");
    assert_eq!(length_coercion(&world.catalog, world.type_of("int4")), None);
}

#[test]
fn types_are_named_along_the_path() {
    let mut world = World::new().with_type("text", TypeKind::Enum, b'E');
    let path = world.path().clone();
    let named = |world: &World, names: &[&str], array| {
        type_named(&world.catalog, &path, names, array).map(|oid| world.name_of(oid))
    };
    assert_eq!(type_named(&world.catalog, &path, &["text"], false), Some(Oid(25)));
    assert_ne!(type_named(&world.catalog, &path, &["public", "text"], false), Some(Oid(25)));
    assert_eq!(named(&world, &["pg_catalog", "int4"], true), Some("int4[]".into()));
    assert_eq!(named(&world, &["_int4"], false), Some("int4[]".into()));
    assert_eq!(named(&world, &["shop", "pg_catalog", "int4"], false), Some("int4".into()));
    assert_eq!(named(&world, &["_int4"], true), None);
    assert_eq!(named(&world, &["no_such"], false), None);
    world = world.with_path(&["public", "pg_catalog"]);
    assert_ne!(type_named(&world.catalog, world.path(), &["text"], false), Some(Oid(25)));
}
