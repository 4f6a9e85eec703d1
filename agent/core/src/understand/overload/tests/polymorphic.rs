//! Polymorphic functions: section 38.2.5.

use super::world::World;
use crate::catalog::code::TypeKind;

#[test]
fn the_element_family_must_agree_exactly() {
    let world = World::new()
        .with_function("public.pair(anyelement, anyelement) anyarray")
        .with_function("public.pick(anyarray, anyelement) anyelement")
        .with_function("public.no_array(anynonarray) anynonarray")
        .with_function("public.only_enum(anyenum, anyenum) anyenum")
        .with_function("public.spread(VARIADIC anyarray) anyelement")
        .with_type("mood", TypeKind::Enum, b'E')
        .with_domain("email", "text");
    world.calls(&[
        ("pair(int4, int4)", "public.pair(anyelement, anyelement) → int4[]"),
        ("pair(int4, unknown)", "public.pair(anyelement, anyelement) → int4[]"),
        ("pair(int4, int8)", "missing"),
        ("pair(unknown, unknown)", "missing"),
        ("pair(email, unknown)", "public.pair(anyelement, anyelement) → email[]"),
        ("pair(int4[], int4[])", "missing"),
        ("pick(int4[], int4)", "public.pick(anyarray, anyelement) → int4"),
        ("pick(int4[], int8)", "missing"),
        ("pick(unknown, text)", "public.pick(anyarray, anyelement) → text"),
        ("pick(int4, int4)", "missing"),
        ("no_array(int4)", "public.no_array(anynonarray) → int4"),
        ("no_array(int4[])", "missing"),
        ("only_enum(mood, unknown)", "public.only_enum(anyenum, anyenum) → mood"),
        ("only_enum(unknown, unknown)", "missing"),
        ("only_enum(text, text)", "missing"),
        ("spread(int4, int4)", "public.spread(anyarray) → int4"),
        ("spread(int4, numeric)", "missing"),
        ("spread(VARIADIC date[])", "public.spread(anyarray) → date"),
    ]);
}

#[test]
fn the_compatible_family_is_brought_to_one_type() {
    let world = World::new()
        .with_function("public.choose(anycompatible, anycompatible) anycompatible")
        .with_function("public.many(VARIADIC anycompatiblearray) anycompatiblearray")
        .with_function("public.plain(anycompatiblenonarray) anycompatiblenonarray")
        .with_function("public.around(anycompatiblerange, anycompatible) anycompatiblerange");
    world.calls(&[
        ("choose(int4, numeric)", "public.choose(anycompatible, anycompatible) → numeric"),
        ("choose(unknown, unknown)", "public.choose(anycompatible, anycompatible) → text"),
        ("choose(int4, text)", "missing"),
        ("many(int2, unknown, int8)", "public.many(anycompatiblearray) → int8[]"),
        ("many(VARIADIC int4[])", "public.many(anycompatiblearray) → int4[]"),
        ("plain(int4[])", "missing"),
        ("around(numrange, int4)", "public.around(anycompatiblerange, anycompatible) → numrange"),
        ("around(int4range, numeric)", "missing"),
        ("around(unknown, int4)", "missing"),
        ("array_append(int4[], int8)", "pg_catalog.array_append(anycompatiblearray, anycompatible) → int8[]"),
        (
            "array_append(unknown, int4)",
            "pg_catalog.array_append(anycompatiblearray, anycompatible) → int4[]",
        ),
        (
            "array_append(int4[], unknown)",
            "pg_catalog.array_append(anycompatiblearray, anycompatible) → int4[]",
        ),
        (
            "array_position(text[], unknown)",
            "pg_catalog.array_position(anycompatiblearray, anycompatible) → int4",
        ),
        ("width_bucket(int4, int4[])", "pg_catalog.width_bucket(anycompatible, anycompatiblearray) → int4"),
    ]);
}

#[test]
fn arrays_ranges_and_multiranges_tell_each_other() {
    World::new().calls(&[
        ("unnest(text[])", "pg_catalog.unnest(anyarray) → setof text"),
        ("unnest(int4multirange)", "pg_catalog.unnest(anymultirange) → setof int4range"),
        ("unnest(unknown)", "ambiguous"),
        ("array_agg(date)", "pg_catalog.array_agg(anynonarray) → date[]"),
        ("array_agg(date[])", "pg_catalog.array_agg(anyarray) → date[]"),
        ("array_agg(unknown)", "ambiguous"),
        ("lower(int4range)", "pg_catalog.lower(anyrange) → int4"),
        ("lower(nummultirange)", "pg_catalog.lower(anymultirange) → numeric"),
        ("range_merge(int4range, unknown)", "pg_catalog.range_merge(anyrange, anyrange) → int4range"),
        ("range_merge(int4multirange)", "pg_catalog.range_merge(anymultirange) → int4range"),
        ("multirange(int4range)", "pg_catalog.multirange(anyrange) → int4multirange"),
        ("range_agg(daterange)", "pg_catalog.range_agg(anyrange) → datemultirange"),
        ("array_length(int4[], int4)", "pg_catalog.array_length(anyarray, int4) → int4"),
        ("array_length(anyarray, int4)", "pg_catalog.array_length(anyarray, int4) → int4"),
        ("unnest(anyarray)", "missing"),
        ("array_to_string(anyarray, unknown)", "pg_catalog.array_to_string(anyarray, text) → text"),
        ("array_length(text, int4)", "missing"),
        ("array_fill(int4, unknown)", "pg_catalog.array_fill(anyelement, int4[]) → int4[]"),
        (
            "array_remove(int4[], unknown)",
            "pg_catalog.array_remove(anycompatiblearray, anycompatible) → int4[]",
        ),
        ("int4range(int4, unknown)", "pg_catalog.int4range(int4, int4) → int4range"),
    ]);
}

#[test]
fn output_columns_get_concrete_types() {
    let world = World::new();
    let each = world.chosen("jsonb_each_text", &["jsonb"]);
    let columns: Vec<(&str, String)> =
        each.outputs.iter().map(|(name, of)| (&**name, world.name_of(*of))).collect();
    assert_eq!(columns, [("key", "text".to_owned()), ("value", "text".to_owned())]);
    assert_eq!(world.chosen("unnest", &["text[]"]).outputs, []);
}
