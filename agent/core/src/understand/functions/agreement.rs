//! The security walk's rule for built-ins and the review that lineage goes by agree.

use connect_shared::decision::ReasonCode;

use super::builtin::{Rule, rule};
use crate::{
    catalog::{
        Volatility,
        code::Function,
        fixture::{Version, builtins},
    },
    understand::review::{Class, review},
};

fn all() -> Vec<Function> {
    let versions = [Version::Postgres15, Version::Postgres18];
    let functions = versions
        .into_iter()
        .flat_map(|version| builtins(version).functions.values().cloned().collect::<Vec<_>>());
    functions.filter(|function| &*function.schema == "pg_catalog").collect()
}

/// The rule goes by name: the riskiest of all overloads counts.
fn rule_of(function: &Function, all: &[Function]) -> Rule {
    let namesakes = all.iter().filter(|other| other.name == function.name);
    rule(&function.name, namesakes.map(|other| other.volatility).max().unwrap_or(Volatility::Volatile))
}

#[test]
fn what_the_security_walk_lets_run_leaves_no_more_than_a_type_unknown() {
    let all = all();
    for function in &all {
        let Rule::Call(_) = rule_of(function, &all) else { continue };
        let class = review(function).class;
        assert!(
            !matches!(class, Class::Values | Class::Files | Class::Sql),
            "{} is {class:?}",
            function.name
        );
        let by_type = ["pg_input_is_valid", "pg_input_error_info", "amvalidate", "satisfies_hash_partition"];
        assert!(class != Class::Code || by_type.contains(&&*function.name), "{}", function.name);
    }
}

#[test]
fn what_the_security_walk_denies_for_what_it_reads_is_not_free_of_gaps() {
    let all = all();
    for function in &all {
        let Rule::Deny(ReasonCode::Opaque | ReasonCode::ValueBearingCatalog) = rule_of(function, &all) else {
            continue;
        };
        let plain_rewrite = &*function.name == "ts_rewrite" && function.arguments.len() == 3;
        assert!(plain_rewrite || review(function).class.gap().is_some(), "{}", function.name);
    }
}
