//! Code that runs without being named, as part of a table or type: defaults, checks, generated columns,
//! conversions. What of it is a user's and not known to be harmless could read protected columns, and so could
//! what of the server's own no statement may call.

use std::collections::HashSet;

use crate::{
    catalog::{
        Catalog, FIRST_NORMAL_OID, Oid, Relation,
        code::{Cast, Language},
    },
    understand::{
        functions, parse,
        query::{is_user_operator, user_type},
        walk,
    },
};

/// Whether what is computed for a new row calls such code.
pub(super) fn computes_by_users(relation: &Relation, catalog: &Catalog) -> bool {
    catalog.computes_by_users(relation, || search(relation, catalog))
}

fn search(relation: &Relation, catalog: &Catalog) -> bool {
    let details = relation.details.as_deref();
    let expressions = details.into_iter().flat_map(|details| &details.expressions);
    let expressions = expressions.map(|(_, expression)| expression.text());
    let texts = expressions.chain(details.into_iter().flat_map(|details| &details.checks));
    let mut search = Search::new(catalog);
    search.types.extend(relation.columns.iter().map(|column| column.type_oid));
    texts.map(|text| &**text).any(|text| search.finds_in(text)) || search.finds()
}

/// Whether making a value of a type of this name runs such code.
pub(super) fn is_made_by_users(name: &str, catalog: &Catalog) -> bool {
    let mut search = Search::new(catalog);
    search.add_named(name);
    search.finds()
}

/// A search for such code in types and in what they run, which may be of the same types again.
struct Search<'c> {
    catalog: &'c Catalog,
    seen: HashSet<Oid>,
    /// Those that are still to be looked at.
    types: Vec<Oid>,
}

impl<'c> Search<'c> {
    fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, seen: HashSet::new(), types: Vec::new() }
    }

    fn add_named(&mut self, name: &str) {
        self.types.extend(self.catalog.code.types_by_name.get(name).into_iter().flatten());
    }

    fn finds(&mut self) -> bool {
        while let Some(oid) = self.types.pop() {
            if oid.0 < FIRST_NORMAL_OID || self.seen.contains(&oid) {
                continue;
            }
            let Ok(parts) = self.catalog.parts_of(oid) else { return true };
            if parts.into_iter().any(|part| self.finds_in_part(part)) {
                return true;
            }
        }
        false
    }

    /// Whether making this part of a type runs such code, whatever it is made of.
    fn finds_in_part(&mut self, oid: Oid) -> bool {
        if oid.0 < FIRST_NORMAL_OID || !self.seen.insert(oid) {
            return false;
        }
        let (catalog, code) = (self.catalog, &self.catalog.code);
        if !code.types.contains_key(&oid) {
            return true;
        }
        let converts = |cast: &Cast| cast.function.is_some_and(|function| is_suspect(function, catalog));
        let domain = code.domains.get(&oid);
        let mut texts = domain.into_iter().flat_map(|domain| domain.default.iter().chain(&domain.checks));
        texts.any(|text| self.finds_in(text))
            || code.casts.iter().any(|((from, to), cast)| (*from == oid || *to == oid) && converts(cast))
    }

    /// Whether an expression as the server prints it names such code; types that it names are looked at later.
    fn finds_in(&mut self, expression: &str) -> bool {
        // Most call nothing.
        if !expression.contains(['(', ':']) {
            return false;
        }
        let catalog = self.catalog;
        let Ok(statements) = parse::statements(&format!("SELECT {expression}")) else { return true };
        let Some(node) = statements.first().and_then(|raw| raw.stmt.as_deref()) else { return true };
        let facts = walk::statement(node);
        let mut called = facts.calls.iter().filter_map(|call| call.name.last());
        if called.any(|name| functions::is_denied(name, catalog)) {
            return true;
        }
        let calls = facts.calls.iter().filter(|call| call.name.first() != Some(&"pg_catalog"));
        let mut called = calls.filter_map(|call| call.name.last());
        let named = facts.types.iter().filter_map(|name| user_type(name, catalog));
        named.for_each(|name| self.add_named(name));
        called.any(|name| is_suspect_name(name, catalog))
            || facts.operators.iter().any(|name| is_user_operator(name, catalog))
    }
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
