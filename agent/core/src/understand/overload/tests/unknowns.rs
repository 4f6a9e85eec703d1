//! Types that the caller does not know.

use super::world::World;

#[test]
fn a_type_that_is_not_known_fits_and_is_fatal_only_where_it_matters() {
    let world = World::new()
        .with_function("public.one(int4, int4) int4")
        .with_function("public.two(int4) int4")
        .with_function("public.two(text) int4")
        .with_function("public.lower(varchar) text");
    world.calls(&[
        ("one(?, int4)", "public.one(int4, int4) → int4"),
        ("one(?, date)", "missing"),
        ("two(?)", "unknown"),
        ("md5(?)", "pg_catalog.md5(text) → text"),
        ("sum(?)", "unknown"),
        ("count(?)", "pg_catalog.count(any) → int8"),
        ("pg_catalog.upper(?)", "unknown"),
        ("pg_catalog.initcap(?)", "pg_catalog.initcap(text) → text"),
        ("lower(?)", "unknown"),
        ("array_append(?, int4)", "pg_catalog.array_append(anycompatiblearray, anycompatible) → ?"),
        ("array_agg(?)", "pg_catalog.array_agg(anynonarray) → ?"),
        ("array_length(?, int4)", "pg_catalog.array_length(anyarray, int4) → int4"),
        ("array_remove(int4[], ?)", "pg_catalog.array_remove(anycompatiblearray, anycompatible) → ?"),
        ("array_fill(?, int4[])", "pg_catalog.array_fill(anyelement, int4[]) → ?"),
    ]);
}

#[test]
fn comparisons_of_what_is_not_known_give_booleans() {
    let world = World::new();
    assert!(world.sign("? = ?").ends_with("→ bool"));
    assert!(world.sign("? < int4").ends_with("→ bool"));
    world.signs(&[("? + int4", "unknown"), ("? || int4[]", "anycompatiblearray || anycompatible → ?")]);
    let users = World::new().with_operator("public.=(varchar, varchar) bool");
    users.signs(&[("? = ?", "unknown")]);
}
