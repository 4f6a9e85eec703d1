//! Operators: section 10.2.

use super::world::World;
use crate::catalog::{
    Oid,
    code::{CastContext, TypeKind},
};

#[test]
fn the_manuals_operators_are_chosen_as_the_manual_says() {
    World::new().signs(&[
        ("|/ int4", "|/ float8 → float8"),
        ("text || unknown", "text || text → text"),
        ("unknown || unknown", "text || text → text"),
        ("@ unknown", "@ float8 → float8"),
        ("~ unknown", "ambiguous"),
        ("unknown ! unknown", "missing"),
        ("int4[] <@ unknown", "anyarray <@ anyarray → bool"),
        ("unknown <@ int4[]", "anyarray <@ anyarray → bool"),
    ]);
}

#[test]
fn arithmetic_of_numbers_and_dates() {
    World::new().signs(&[
        ("int4 + int4", "int4 + int4 → int4"),
        ("int2 + int8", "int2 + int8 → int8"),
        ("int4 + numeric", "numeric + numeric → numeric"),
        ("numeric + float4", "float8 + float4 → float8"),
        ("int4 + unknown", "int4 + int4 → int4"),
        ("unknown + numeric", "numeric + numeric → numeric"),
        ("unknown + unknown", "ambiguous"),
        ("- unknown", "ambiguous"),
        ("- int2", "- int2 → int2"),
        ("date - date", "date - date → int4"),
        ("date - unknown", "date - date → int4"),
        ("date + unknown", "ambiguous"),
        ("date - int4", "date - int4 → date"),
        ("date - interval", "date - interval → timestamp"),
        ("timestamp - date", "timestamp - timestamp → interval"),
        ("timestamptz - unknown", "timestamptz - timestamptz → interval"),
        ("timestamptz - timestamp", "timestamptz - timestamptz → interval"),
        ("unknown + interval", "interval + interval → interval"),
        ("interval * int4", "interval * float8 → interval"),
        ("time + date", "time + date → timestamp"),
        ("text + text", "missing"),
        ("money / int2", "money / int2 → money"),
    ]);
}

#[test]
fn comparisons_between_types_of_a_kind() {
    World::new().signs(&[
        ("int4 = int8", "int4 = int8 → bool"),
        ("int4 = numeric", "numeric = numeric → bool"),
        ("int4 = text", "missing"),
        ("varchar = varchar", "text = text → bool"),
        ("varchar = unknown", "text = text → bool"),
        ("bpchar = text", "text = text → bool"),
        ("bpchar = unknown", "bpchar = bpchar → bool"),
        ("bpchar = varchar", "bpchar = bpchar → bool"),
        ("name = text", "name = text → bool"),
        ("name = unknown", "name = name → bool"),
        ("name = varchar", "name = text → bool"),
        ("unknown = unknown", "text = text → bool"),
        ("date < timestamptz", "date < timestamptz → bool"),
        ("date = unknown", "date = date → bool"),
        ("oid = int4", "oid = oid → bool"),
        ("regclass = unknown", "oid = oid → bool"),
        ("json = json", "missing"),
        ("jsonb -> unknown", "jsonb -> text → jsonb"),
        ("jsonb -> int4", "jsonb -> int4 → jsonb"),
        ("jsonb ->> unknown", "jsonb ->> text → text"),
        ("jsonb @> unknown", "jsonb @> jsonb → bool"),
        ("jsonb ? unknown", "jsonb ? text → bool"),
        ("text ~~ unknown", "text ~~ text → bool"),
        ("varchar ~~ text", "text ~~ text → bool"),
        ("text || int4", "text || anynonarray → text"),
        ("int4 || text", "anynonarray || text → text"),
        ("int4 || int4", "missing"),
        ("unknown || int4", "text || anynonarray → text"),
        ("jsonb || unknown", "jsonb || jsonb → jsonb"),
        ("inet << unknown", "inet << inet → bool"),
        ("cidr << inet", "inet << inet → bool"),
        ("record = record", "record = record → bool"),
    ]);
}

#[test]
fn arrays_take_elements_on_either_side() {
    World::new().signs(&[
        ("int4[] || int4", "anycompatiblearray || anycompatible → int4[]"),
        ("int4 || int4[]", "anycompatible || anycompatiblearray → int4[]"),
        ("int4[] || int4[]", "anycompatiblearray || anycompatiblearray → int4[]"),
        ("int4[] || int8", "anycompatiblearray || anycompatible → int8[]"),
        ("int4[] || unknown", "anycompatiblearray || anycompatiblearray → int4[]"),
        ("int4[] || text", "missing"),
        ("text[] || text", "anycompatiblearray || anycompatible → text[]"),
        ("text[] || varchar", "anycompatiblearray || anycompatible → text[]"),
        ("varchar[] || text", "anycompatiblearray || anycompatible → varchar[]"),
        ("int4[] = int8[]", "missing"),
        ("int4[] && int4[]", "anyarray && anyarray → bool"),
        ("int4range @> int4", "anyrange @> anyelement → bool"),
        ("int4range @> unknown", "anyrange @> anyrange → bool"),
        ("int4range @> int8", "missing"),
        ("int4multirange && int4range", "anymultirange && anyrange → bool"),
        ("int4multirange && int8range", "missing"),
    ]);
}

#[test]
fn a_users_operator_on_varchar_takes_over_from_the_servers_on_text() {
    let world = || World::new().with_operator("public.=(varchar, varchar) bool");
    world().signs(&[
        ("varchar = varchar", "varchar public.= varchar → bool"),
        ("varchar = unknown", "varchar public.= varchar → bool"),
        ("unknown = varchar", "varchar public.= varchar → bool"),
        ("varchar = text", "text = text → bool"),
        ("text = text", "text = text → bool"),
        ("varchar pg_catalog::= varchar", "text = text → bool"),
    ]);
    world().with_path(&["pg_catalog"]).signs(&[("varchar = varchar", "text = text → bool")]);
}

#[test]
fn a_users_operator_between_the_servers_types_wins_by_its_place_in_the_path() {
    let world = || World::new().with_operator("public.+(int4, int4) text");
    world().signs(&[("int4 + int4", "int4 + int4 → int4")]);
    world().with_path(&["public", "pg_catalog"]).signs(&[
        ("int4 + int4", "int4 public.+ int4 → text"),
        ("int4 + unknown", "int4 public.+ int4 → text"),
        ("int2 + int2", "int2 + int2 → int2"),
    ]);
}

#[test]
fn an_operator_of_the_temporary_schema_is_never_meant() {
    let world = World::new().with_operator("pg_temp.=(varchar, varchar) bool");
    world.with_path(&["pg_temp", "pg_catalog"]).signs(&[("varchar = varchar", "text = text → bool")]);
}

#[test]
fn domains_count_as_what_is_under_them() {
    let world = World::new()
        .with_domain("email", "text")
        .with_domain("code", "varchar")
        .with_domain("positive", "int4")
        .with_domain("even", "positive")
        .with_domain("list", "int4[]");
    world.signs(&[
        ("email = email", "text = text → bool"),
        ("email = unknown", "text = text → bool"),
        ("email || unknown", "text || text → text"),
        ("code = unknown", "text = text → bool"),
        ("positive + int4", "int4 + int4 → int4"),
        ("positive + unknown", "int4 + int4 → int4"),
        ("even = int8", "int4 = int8 → bool"),
        ("even - even", "int4 - int4 → int4"),
        ("list || int4", "anycompatiblearray || anycompatible → int4[]"),
        ("list = list", "anyarray = anyarray → bool"),
        ("list && unknown", "anyarray && anyarray → bool"),
    ]);
}

#[test]
fn an_operator_on_a_domain_is_chosen_only_by_an_exact_match() {
    let world = World::new()
        .with_domain("email", "text")
        .with_operator("public.=(email, email) bool")
        .with_operator("public.<>(email, text) bool");
    world.signs(&[
        ("email = email", "email public.= email → bool"),
        ("email = unknown", "email public.= email → bool"),
        ("email = text", "text = text → bool"),
        ("email <> text", "email public.<> text → bool"),
        ("email <> unknown", "text <> text → bool"),
    ]);
}

#[test]
fn enums_and_users_types_are_compared() {
    let world = World::new()
        .with_type("mood", TypeKind::Enum, b'E')
        .with_type("money2", TypeKind::Base, b'U')
        .with_cast("money2", "numeric", CastContext::Implicit)
        .with_operator("public.+(money2, money2) money2");
    world.signs(&[
        ("mood = mood", "anyenum = anyenum → bool"),
        ("mood < unknown", "anyenum < anyenum → bool"),
        ("mood = text", "missing"),
        ("money2 + money2", "money2 public.+ money2 → money2"),
        ("money2 + unknown", "money2 public.+ money2 → money2"),
        ("money2 + numeric", "numeric + numeric → numeric"),
        ("money2 * int4", "numeric * numeric → numeric"),
        ("money2 = money2", "numeric = numeric → bool"),
    ]);
}

#[test]
fn a_shell_operator_runs_nothing() {
    let mut world = World::new().with_operator("public.===(int4, int4) bool");
    let code = std::sync::Arc::make_mut(&mut world.catalog.code);
    std::sync::Arc::make_mut(&mut code.operators)
        .values_mut()
        .filter(|operator| &*operator.name == "===")
        .for_each(|shell| shell.function = Oid(0));
    world.signs(&[("int4 === int4", "missing")]);
}

#[test]
fn operands_that_are_converted_run_the_casts_functions() {
    let world = World::new();
    let [int4, numeric] = ["int4", "numeric"].map(|name| world.type_of(name));
    let plus =
        super::super::operator(&world.catalog, world.path(), &["+"], Some(int4), numeric).expect("plus");
    let names: Vec<String> = plus.coercions.iter().map(|oid| world.signature(*oid)).collect();
    assert_eq!(names, ["pg_catalog.numeric(int4)"]);
}
