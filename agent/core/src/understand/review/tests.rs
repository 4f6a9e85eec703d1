//! Every built-in has been thought of, and no list says less than the security walk.

use std::{collections::HashSet, sync::Arc};

use super::{BUILTIN, Class, EXTENSIONS, Review, casts_arguments, lists, review, sections};
use crate::catalog::{
    Oid, Volatility,
    code::{Function, FunctionKind, Language},
    fixture::{Version, builtins},
};

const VERSIONS: [Version; 2] = [Version::Postgres15, Version::Postgres18];

fn all() -> impl Iterator<Item = Function> {
    VERSIONS.into_iter().flat_map(|version| builtins(version).functions.values().cloned().collect::<Vec<_>>())
}

fn named(name: &str) -> Vec<Function> {
    all().filter(|function| &*function.name == name).collect()
}

fn class_of(name: &str) -> Class {
    let found = named(name);
    let classes: HashSet<Class> = found.iter().map(|function| review(function).class).collect();
    assert_eq!(classes.len(), 1, "{name}: {classes:?}");
    *classes.iter().next().expect("one")
}

fn of_extension(extension: &str, name: &str, language: Language) -> Review {
    let mut function = named("lower").remove(0);
    function.oid = Oid(20_000);
    function.schema = "public".into();
    function.name = name.into();
    function.language = language;
    function.extension = Some(extension.into());
    review(&function)
}

#[test]
fn every_built_in_of_the_known_versions_is_in_a_class() {
    let unknown: Vec<String> = all()
        .filter(|function| review(function).class == Class::Unknown)
        .map(|function| format!("{} {:?}", function.name, function.language))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn what_takes_or_gives_internal_values_is_uncallable() {
    const INTERNAL: Oid = Oid(2281);
    for function in all() {
        let internal = function.arguments.contains(&INTERNAL) || function.result == INTERNAL;
        let uncallable = review(&function).class == Class::Uncallable;
        assert!(
            !internal || review(&function).class != Class::Arguments || has_callable_namesake(&function),
            "{}",
            function.name
        );
        let trigger = [Oid(2279), Oid(3838)].contains(&function.result);
        let handler =
            [Oid(2280), Oid(325), Oid(269), Oid(3310), Oid(3115), Oid(2281)].contains(&function.result);
        let by_pseudo_type = function.name.ends_with("_in")
            || function.name.ends_with("_out")
            || function.name.ends_with("send");
        assert!(
            !uncallable
                || internal
                || trigger
                || handler
                || by_pseudo_type
                || function.language == Language::C,
            "{}",
            function.name
        );
    }
}

fn has_callable_namesake(function: &Function) -> bool {
    named(&function.name)
        .iter()
        .any(|other| !other.arguments.contains(&Oid(2281)) && other.result != Oid(2281))
}

#[test]
fn no_name_is_listed_twice() {
    let mut seen = HashSet::new();
    for text in BUILTIN {
        sections(text, |_, _, name| assert!(seen.insert(name), "{name}"));
    }
    sections(EXTENSIONS, |extension, _, name| {
        assert!(seen.insert(format!("{extension} {name}").leak()), "{name}")
    });
    assert!(lists().extensions.len() > 20);
}

#[test]
fn every_heading_names_a_class() {
    for text in BUILTIN.into_iter().chain([EXTENSIONS]) {
        for heading in text.lines().filter_map(|line| line.strip_prefix('[')) {
            let class = heading.trim_end_matches([']', '!']).split(' ').next_back().expect("a class");
            assert!(Class::named(class).is_some(), "{heading}");
        }
    }
}

#[test]
fn well_known_functions_are_of_the_class_that_one_expects() {
    for (class, names) in [
        (
            Class::Arguments,
            "lower int4pl jsonb_set array_agg count sum string_agg row_number unnest to_json concat timezone",
        ),
        (
            Class::Server,
            "now random nextval txid_current pg_sleep gen_random_uuid pg_relation_size pg_stat_get_numscans",
        ),
        (Class::Session, "current_user current_setting set_config current_database pg_backend_pid"),
        (
            Class::Catalog,
            "pg_get_viewdef pg_get_expr obj_description has_table_privilege format_type to_regclass",
        ),
        (Class::Values, "lo_get loread pg_stat_get_activity current_query pg_logical_slot_get_changes"),
        (Class::Files, "pg_read_file pg_ls_dir pg_stat_file pg_read_binary_file"),
        (Class::Sql, "query_to_xml table_to_xml ts_stat cursor_to_xml database_to_xml"),
        (Class::Code, "domain_in array_in record_recv brin_summarize_new_values"),
        (Class::Uncallable, "int8_avg_accum bthandler RI_FKey_check_ins eqsel plpgsql_call_handler"),
    ] {
        for name in names.split(' ') {
            assert_eq!(class_of(name), class, "{name}");
        }
    }
}

#[test]
fn changes_are_told() {
    for name in
        ["nextval", "setval", "set_config", "pg_terminate_backend", "pg_advisory_lock", "lo_put", "pg_notify"]
    {
        assert!(named(name).iter().all(|function| review(function).changes), "{name}");
    }
    for name in ["now", "lower", "lo_get", "current_setting", "currval"] {
        assert!(named(name).iter().all(|function| !review(function).changes), "{name}");
    }
}

#[test]
fn volatile_built_ins_are_free_only_if_they_are_known_to_be() {
    let free: HashSet<String> = all()
        .filter(|function| function.volatility == Volatility::Volatile)
        .filter(|function| review(function).class == Class::Arguments)
        .map(|function| function.name.to_string())
        .collect();
    let known = ["array_sample", "array_shuffle"].map(str::to_owned);
    assert_eq!(free, HashSet::from(known));
}

#[test]
fn the_rewriting_of_a_query_by_a_text_runs_it() {
    for function in named("ts_rewrite") {
        let class = if function.arguments.len() == 2 { Class::Sql } else { Class::Arguments };
        assert_eq!(review(&function).class, class);
    }
}

#[test]
fn a_function_that_only_looks_like_a_built_in_is_unknown() {
    let lower = named("lower").remove(0);
    let user = Function { oid: Oid(16_384), ..lower.clone() };
    let replaced = Function { language: Language::Sql, body: Some(Arc::from("SELECT 1")), ..lower.clone() };
    let elsewhere = Function { schema: "public".into(), ..lower.clone() };
    let aggregate = Function {
        oid: Oid(16_384),
        kind: FunctionKind::Aggregate(crate::catalog::code::AggregateKind::Normal),
        ..lower.clone()
    };
    for function in [user, replaced, elsewhere, aggregate] {
        assert_eq!(review(&function), Review::UNKNOWN);
    }
    assert_eq!(review(&lower).class, Class::Arguments);
}

#[test]
fn a_function_that_an_administrator_has_read_computes_and_no_word_of_theirs_counts_for_a_built_in() {
    let lower = named("lower").remove(0);
    let user = Function { oid: Oid(16_384), language: Language::Other, registered: true, ..lower };
    assert_eq!(review(&user), Review { class: Class::Arguments, changes: false });
    let file = named("pg_read_file").remove(0);
    assert_eq!(review(&Function { registered: true, ..file.clone() }), review(&file));
}

#[test]
fn functions_of_common_extensions_are_known_by_extension_name_and_language() {
    for (extension, name, class) in [
        ("vector", "cosine_distance", Class::Arguments),
        ("vector", "avg", Class::Arguments),
        ("postgis", "st_area", Class::Arguments),
        ("postgis", "st_transform", Class::Catalog),
        ("pg_trgm", "similarity", Class::Arguments),
        ("citext", "citext_eq", Class::Arguments),
        ("hstore", "fetchval", Class::Arguments),
        ("uuid-ossp", "uuid_generate_v4", Class::Server),
        ("pgcrypto", "pgp_sym_decrypt", Class::Arguments),
        ("tablefunc", "crosstab", Class::Sql),
        ("dblink", "dblink", Class::Sql),
        ("xml2", "xpath_table", Class::Sql),
        ("pg_stat_statements", "pg_stat_statements", Class::Values),
        ("pg_trgm", "crosstab", Class::Unknown),
        ("somebodys", "similarity", Class::Unknown),
    ] {
        assert_eq!(of_extension(extension, name, Language::C).class, class, "{extension} {name}");
        assert_eq!(of_extension(extension, name, Language::Sql).class, Class::Unknown);
        assert_eq!(of_extension(extension, name, Language::PlPgSql).class, Class::Unknown);
    }
}

#[test]
fn functions_that_cast_their_arguments_are_named() {
    let targets = |name: &str| -> HashSet<Option<Oid>> { named(name).iter().map(casts_arguments).collect() };
    for name in ["to_jsonb", "json_build_object", "jsonb_agg", "json_object_agg_unique", "row_to_json"] {
        assert_eq!(targets(name), HashSet::from([Some(Oid(114))]), "{name}");
    }
    assert_eq!(targets("quote_literal"), HashSet::from([Some(Oid(25)), None]));
    for name in ["jsonb_set", "json_object", "lower", "concat"] {
        assert_eq!(targets(name), HashSet::from([None]), "{name}");
    }
}
