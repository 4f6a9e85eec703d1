//! Functions: section 10.3, and notation.

use super::world::World;
use crate::catalog::code::AggregateKind;

#[test]
fn the_manuals_functions_are_chosen_as_the_manual_says() {
    World::new().calls(&[
        ("round(int4, int4)", "pg_catalog.round(numeric, int4) → numeric"),
        ("round(unknown, int4)", "pg_catalog.round(numeric, int4) → numeric"),
        ("round(int4)", "pg_catalog.round(float8) → float8"),
        ("round(unknown)", "pg_catalog.round(float8) → float8"),
        ("substr(unknown, int4)", "pg_catalog.substr(text, int4) → text"),
        ("substr(varchar, int4)", "pg_catalog.substr(text, int4) → text"),
        ("substr(text, int4)", "pg_catalog.substr(text, int4) → text"),
        ("substr(int4, int4)", "missing"),
        ("abs(unknown)", "pg_catalog.abs(float8) → float8"),
        ("abs(int2)", "pg_catalog.abs(int2) → int2"),
        ("lower(varchar)", "pg_catalog.lower(text) → text"),
        ("lower(unknown)", "pg_catalog.lower(text) → text"),
        ("length(unknown)", "pg_catalog.length(text) → int4"),
        ("length(bpchar)", "pg_catalog.length(bpchar) → int4"),
    ]);
}

#[test]
fn variadic_functions_of_the_manual_take_several_or_an_array() {
    let world = World::new()
        .with_function("public.variadic_example(VARIADIC numeric[]) int4")
        .with_function("public.nowhere(int4) int4");
    world.calls(&[
        ("public.variadic_example(int4)", "public.variadic_example(numeric[]) → int4"),
        ("public.variadic_example(numeric)", "public.variadic_example(numeric[]) → int4"),
        ("public.variadic_example(int4, numeric, unknown)", "public.variadic_example(numeric[]) → int4"),
        ("public.variadic_example(VARIADIC numeric[])", "public.variadic_example(numeric[]) → int4"),
        ("public.variadic_example(VARIADIC int4[])", "public.variadic_example(numeric[]) → int4"),
        ("public.variadic_example(numeric[])", "missing"),
        ("public.variadic_example()", "missing"),
        ("other.variadic_example(int4)", "missing"),
        ("shop.public.variadic_example(int4)", "public.variadic_example(numeric[]) → int4"),
        ("nowhere(unknown)", "public.nowhere(int4) → int4"),
        ("public.nowhere(VARIADIC int4)", "public.nowhere(int4) → int4"),
    ]);
}

#[test]
fn fixed_arguments_are_preferred_over_variadic_ones_that_take_the_same() {
    let world = World::new()
        .with_function("public.f(VARIADIC int4[]) int4")
        .with_function("public.f(int4) int4")
        .with_function("public.g(VARIADIC int4[]) int4")
        .with_function("public.g(int4, VARIADIC int4[]) int4");
    world.calls(&[
        ("f(int4)", "public.f(int4) → int4"),
        ("f(int2)", "public.f(int4) → int4"),
        ("f(int4, int4)", "public.f(int4[]) → int4"),
        ("g(int4)", "public.g(int4[]) → int4"),
        ("g(int4, int4)", "ambiguous"),
        ("g(unknown, unknown)", "ambiguous"),
    ]);
}

#[test]
fn defaults_fill_what_is_left_out_and_may_make_a_call_ambiguous() {
    let world = World::new()
        .with_function("public.d(int4, int4 =) int4")
        .with_function("public.d(int4, text =) int4")
        .with_function("public.e(int4) int4")
        .with_function("public.e(int4, int4 =) int4")
        .with_function("public.one(int4, int4 =) int4");
    world.calls(&[
        ("d(int4)", "ambiguous"),
        ("d(int4, int2)", "public.d(int4, int4) → int4"),
        ("d(int4, unknown)", "public.d(int4, text) → int4"),
        ("d(int4, varchar)", "public.d(int4, text) → int4"),
        ("e(int4)", "ambiguous"),
        ("e(int4, int4)", "public.e(int4, int4) → int4"),
        ("one(int2)", "public.one(int4, int4) → int4"),
        ("one()", "missing"),
    ]);
    let chosen = world.chosen("one", &["int4"]);
    assert_eq!(chosen.mapping, [Some(0), None]);
}

#[test]
fn named_and_mixed_notation_find_their_parameters() {
    let world = World::new()
        .with_function("public.price(int4 amount, numeric tax =, text note =) numeric")
        .with_function("public.spread(int4 first, VARIADIC int4[] rest) int4");
    world.calls(&[
        (
            "make_interval(days => int4)",
            "pg_catalog.make_interval(int4, int4, int4, int4, int4, int4, float8) → interval",
        ),
        (
            "make_interval(secs => numeric)",
            "pg_catalog.make_interval(int4, int4, int4, int4, int4, int4, float8) → interval",
        ),
        (
            "make_interval(int4, days => int4)",
            "pg_catalog.make_interval(int4, int4, int4, int4, int4, int4, float8) → interval",
        ),
        ("make_interval(int4, years => int4)", "missing"),
        ("make_interval(nights => int4)", "missing"),
        ("make_interval(days => int4, days => int4)", "missing"),
        ("price(note => unknown, amount => int4)", "public.price(int4, numeric, text) → numeric"),
        ("price(note => unknown)", "missing"),
        ("price(amount => int4, note => int4)", "missing"),
        ("spread(first => int4, rest => int4[])", "missing"),
        ("spread(first => int4, rest => VARIADIC int4[])", "public.spread(int4, int4[]) → int4"),
        ("spread(rest => int4[], first => VARIADIC int4)", "missing"),
    ]);
}

#[test]
fn named_arguments_are_mapped_to_what_they_name() {
    let world = World::new().with_function("public.price(int4 amount, numeric tax =, text note =) numeric");
    let (int4, text) = (world.type_of("int4"), world.type_of("text"));
    let call = super::super::Call {
        name: &["price"],
        arguments: &[text, int4],
        names: &[Some("note"), Some("amount")],
        ..Default::default()
    };
    let chosen = super::super::function(&world.catalog, world.path(), &call).expect("a function");
    assert_eq!(chosen.mapping, [Some(1), None, Some(0)]);
    assert_eq!(world.chosen("substr", &["text", "int4"]).mapping, []);
}

#[test]
fn a_function_earlier_in_the_path_hides_only_what_takes_the_same_arguments() {
    let world = || {
        World::new()
            .with_function("public.lower(varchar) text")
            .with_function("public.upper(text) text")
            .with_function("mine.pick(int8) int8")
            .with_function("public.pick(int4) int4")
            .with_function("mine.same(int4, int4 =) int4")
            .with_function("public.same(int4) int4")
    };
    world().calls(&[
        ("lower(varchar)", "public.lower(varchar) → text"),
        ("lower(text)", "pg_catalog.lower(text) → text"),
        ("lower(unknown)", "pg_catalog.lower(text) → text"),
        ("upper(text)", "pg_catalog.upper(text) → text"),
        ("public.upper(text)", "public.upper(text) → text"),
        ("pg_catalog.lower(varchar)", "pg_catalog.lower(text) → text"),
        ("pick(int4)", "public.pick(int4) → int4"),
    ]);
    world().with_path(&["public", "pg_catalog"]).calls(&[("upper(varchar)", "public.upper(text) → text")]);
    world().with_path(&["pg_catalog", "mine", "public"]).calls(&[
        ("pick(int4)", "public.pick(int4) → int4"),
        ("pick(int2)", "ambiguous"),
        ("pick(int8)", "mine.pick(int8) → int8"),
        ("same(int4)", "mine.same(int4, int4) → int4"),
    ]);
}

#[test]
fn no_unqualified_function_is_looked_for_in_the_temporary_schema() {
    let world = || World::new().with_function("pg_temp.lower(varchar) text");
    let call = [("lower(varchar)", "pg_catalog.lower(text) → text")];
    world().with_path(&["pg_temp", "pg_catalog", "public"]).calls(&call);
    world().calls(&[("pg_temp.lower(varchar)", "pg_temp.lower(varchar) → text")]);
}

#[test]
fn a_call_by_a_types_name_is_a_cast_where_the_server_makes_it_one() {
    let world = World::new().with_domain("email", "text").with_type(
        "mood",
        crate::catalog::code::TypeKind::Enum,
        b'E',
    );
    world.calls(&[
        ("text(unknown)", "cast → text"),
        ("int4(unknown)", "cast → int4"),
        ("int4(text)", "cast → int4"),
        ("int4(float8)", "pg_catalog.int4(float8) → int4"),
        ("date(timestamp)", "pg_catalog.date(timestamp) → date"),
        ("text(varchar)", "cast → text"),
        ("varchar(text)", "cast → varchar"),
        ("email(text)", "cast → email"),
        ("mood(text)", "cast → mood"),
        ("mood(int4)", "missing"),
        ("pg_catalog.text(int4)", "cast → text"),
        ("text(?)", "unknown"),
        ("text(bpchar)", "pg_catalog.text(bpchar) → text"),
    ]);
}

#[test]
fn a_row_is_not_cast_to_text_by_a_call() {
    let world = World::new().with_type(
        "person",
        crate::catalog::code::TypeKind::Composite(crate::catalog::Oid(30_000)),
        b'C',
    );
    world.calls(&[
        ("text(person)", "missing"),
        ("text(record)", "missing"),
        ("person(unknown)", "missing"),
        ("json(person)", "missing"),
        ("row_to_json(person)", "pg_catalog.row_to_json(record) → json"),
        ("to_json(person)", "pg_catalog.to_json(anyelement) → json"),
    ]);
}

#[test]
fn json_text_and_set_functions_are_chosen() {
    World::new().calls(&[
        ("jsonb_build_object(unknown, int4)", "pg_catalog.jsonb_build_object(any) → jsonb"),
        ("jsonb_build_object()", "pg_catalog.jsonb_build_object() → jsonb"),
        (
            "json_extract_path_text(json, unknown, unknown)",
            "pg_catalog.json_extract_path_text(json, text[]) → text",
        ),
        (
            "jsonb_path_query(jsonb, unknown)",
            "pg_catalog.jsonb_path_query(jsonb, jsonpath, jsonb, bool) → setof jsonb",
        ),
        ("jsonb_set(jsonb, unknown, unknown)", "pg_catalog.jsonb_set(jsonb, text[], jsonb, bool) → jsonb"),
        ("concat(unknown, int4, date)", "pg_catalog.concat(any) → text"),
        ("concat()", "missing"),
        ("concat(VARIADIC text[])", "pg_catalog.concat(any) → text"),
        ("concat(VARIADIC text)", "missing"),
        ("format(unknown)", "pg_catalog.format(text) → text"),
        ("format(unknown, int4, text)", "pg_catalog.format(text, any) → text"),
        ("generate_series(int4, int4)", "pg_catalog.generate_series(int4, int4) → setof int4"),
        ("generate_series(int4, int8)", "pg_catalog.generate_series(int8, int8) → setof int8"),
        (
            "generate_series(date, date, interval)",
            "pg_catalog.generate_series(timestamptz, timestamptz, interval) → setof timestamptz",
        ),
        (
            "generate_series(unknown, unknown, interval)",
            "pg_catalog.generate_series(timestamptz, timestamptz, interval) → setof timestamptz",
        ),
        ("to_char(date, unknown)", "pg_catalog.to_char(timestamptz, text) → text"),
        ("to_char(int2, unknown)", "pg_catalog.to_char(float8, text) → text"),
        ("date_trunc(unknown, date)", "pg_catalog.date_trunc(text, timestamptz) → timestamptz"),
        ("date_trunc(unknown, unknown)", "ambiguous"),
        ("date_part(unknown, date)", "pg_catalog.date_part(text, date) → float8"),
        ("md5(varchar)", "pg_catalog.md5(text) → text"),
        ("coalesce(text)", "missing"),
        ("left(name, int8)", "missing"),
        ("repeat(unknown, int2)", "pg_catalog.repeat(text, int4) → text"),
    ]);
}

#[test]
fn aggregates_are_called_as_they_are_made() {
    let direct = AggregateKind::OrderedSet { direct: 1 };
    let world = World::new().with_aggregate("public.nth(int4, anyelement) anyelement", direct);
    world.calls(&[
        ("count(*)", "pg_catalog.count() → int8"),
        ("count()", "missing"),
        ("count(date)", "pg_catalog.count(any) → int8"),
        ("sum(int2)", "pg_catalog.sum(int2) → int8"),
        ("sum(unknown)", "ambiguous"),
        ("avg(int8)", "pg_catalog.avg(int8) → numeric"),
        ("max(varchar)", "pg_catalog.max(text) → text"),
        ("max(unknown)", "pg_catalog.max(text) → text"),
        ("max(bool)", "missing"),
        ("string_agg(varchar, unknown)", "pg_catalog.string_agg(text, text) → text"),
        ("string_agg(bytea, unknown)", "pg_catalog.string_agg(bytea, bytea) → bytea"),
        ("lower(*)", "missing"),
        ("percentile_cont(numeric, float8) within 1", "pg_catalog.percentile_cont(float8, float8) → float8"),
        (
            "percentile_cont(numeric, interval) within 1",
            "pg_catalog.percentile_cont(float8, interval) → interval",
        ),
        (
            "percentile_cont(float8[], int4) within 1",
            "pg_catalog.percentile_cont(float8[], float8) → float8[]",
        ),
        ("percentile_disc(numeric, date) within 1", "pg_catalog.percentile_disc(float8, anyelement) → date"),
        ("percentile_disc(unknown, text) within 1", "ambiguous"),
        ("percentile_cont(float8, float8)", "missing"),
        ("mode(text) within 1", "pg_catalog.mode(anyelement) → text"),
        ("rank(int4, int4) within 1", "pg_catalog.rank(any) → int8"),
        ("rank(int4, int4, text, text) within 2", "pg_catalog.rank(any) → int8"),
        ("rank(int4, int4, text) within 2", "missing"),
        ("rank()", "pg_catalog.rank() → int8"),
        ("lag(text, int4)", "pg_catalog.lag(anyelement, int4) → text"),
        ("lag(text, int4, unknown)", "pg_catalog.lag(anycompatible, int4, anycompatible) → text"),
        ("nth(int4, date) within 1", "public.nth(int4, anyelement) → date"),
    ]);
}
