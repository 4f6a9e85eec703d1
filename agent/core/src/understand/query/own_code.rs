//! Code that runs without being named, as part of a table or type: defaults, checks, generated columns,
//! conversions. What of it is a user's and not known to be harmless could read protected columns, and so could
//! what of the server's own no statement may call.

use crate::{
    catalog::{
        Catalog, ColumnExpression, FIRST_NORMAL_OID, Oid, Relation,
        code::{Cast, Language, TypeKind},
    },
    understand::{
        functions, parse,
        query::{is_user_operator, user_type},
        walk,
    },
};

/// How deep types may be made of others.
const DEEPEST_TYPE: usize = 8;

/// Whether what is computed for a new row calls such code.
pub(super) fn computes_by_users(relation: &Relation, catalog: &Catalog) -> bool {
    let details = relation.details.as_deref();
    let expressions = details.into_iter().flat_map(|details| &details.expressions);
    let expressions = expressions.map(|(_, expression)| match expression {
        ColumnExpression::Default(text)
        | ColumnExpression::Stored(text)
        | ColumnExpression::Virtual(text) => text,
    });
    let mut texts = expressions.chain(details.into_iter().flat_map(|details| &details.checks));
    texts.any(|text| names_users_code(text, catalog))
        || relation.columns.iter().any(|column| makes_by_users(column.type_oid, catalog, 0))
}

/// Whether making a value of a type of this name runs such code.
pub(super) fn is_made_by_users(name: &str, catalog: &Catalog) -> bool {
    let mut named = catalog.code.types_by_name.get(name).into_iter().flatten();
    named.any(|oid| makes_by_users(*oid, catalog, 0))
}

fn makes_by_users(oid: Oid, catalog: &Catalog, depth: usize) -> bool {
    let code = &catalog.code;
    if oid.0 < FIRST_NORMAL_OID {
        return false;
    }
    let Some(known) = code.types.get(&oid).filter(|_| depth < DEEPEST_TYPE) else { return true };
    let domain = code.domains.get(&oid);
    let mut texts = domain.into_iter().flat_map(|domain| domain.default.iter().chain(&domain.checks));
    let converts = |cast: &Cast| cast.function.is_some_and(|function| is_suspect(function, catalog));
    if texts.any(|text| names_users_code(text, catalog))
        || code.casts.iter().any(|((from, to), cast)| (*from == oid || *to == oid) && converts(cast))
    {
        return true;
    }
    let deeper = |of: Oid| makes_by_users(of, catalog, depth + 1);
    match known.kind {
        TypeKind::Domain(of) | TypeKind::Range(of) | TypeKind::Multirange(of) => deeper(of),
        TypeKind::Composite(relation) => catalog
            .relation(relation)
            .is_some_and(|relation| relation.columns.iter().any(|column| deeper(column.type_oid))),
        TypeKind::Base if known.element != Oid(0) => deeper(known.element),
        TypeKind::Base | TypeKind::Enum | TypeKind::Pseudo => false,
    }
}

/// Whether an expression as the server prints it names such code.
fn names_users_code(expression: &str, catalog: &Catalog) -> bool {
    // Most call nothing.
    if !expression.contains(['(', ':']) {
        return false;
    }
    let Ok(statements) = parse::statements(&format!("SELECT {expression}")) else { return true };
    let Some(node) = statements.first().and_then(|raw| raw.stmt.as_deref()) else { return true };
    let facts = walk::statement(node);
    if facts.calls.iter().filter_map(|call| call.name.last()).any(|name| functions::is_denied(name, catalog))
    {
        return true;
    }
    let calls = facts.calls.iter().filter(|call| call.name.first() != Some(&"pg_catalog"));
    let mut called = calls.filter_map(|call| call.name.last());
    let made = |name: &&str| is_made_by_users(name, catalog);
    called.any(|name| is_suspect_name(name, catalog))
        || facts.operators.iter().any(|name| is_user_operator(name, catalog))
        || facts.types.iter().filter_map(|name| user_type(name, catalog)).any(|name| made(&name))
}

fn is_suspect_name(name: &str, catalog: &Catalog) -> bool {
    catalog.user_functions.contains(name)
        && catalog
            .code
            .functions_by_name
            .get(name)
            .is_none_or(|oids| oids.iter().any(|oid| oid.0 >= FIRST_NORMAL_OID && is_suspect(*oid, catalog)))
}

/// Whether a function is a user's and not known to be harmless. What extensions have in C, only
/// administrators can install.
fn is_suspect(oid: Oid, catalog: &Catalog) -> bool {
    if oid.0 < FIRST_NORMAL_OID {
        return false;
    }
    catalog.code.functions.get(&oid).is_none_or(|function| {
        let of_extension = function.extension.is_some() && function.language == Language::C;
        !of_extension && !catalog.harmless.functions.contains(&function.name)
    })
}
