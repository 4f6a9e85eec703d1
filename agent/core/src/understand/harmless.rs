//! Users' functions, operators and types that may stand beside protected columns: their code cannot reach a
//! protected value, and changes nothing. Those of extensions are reviewed by name ([`super::review`]); of
//! functions in SQL and PL/pgSQL the bodies are read, each statement by the rules for what somebody sends:
//! whatever a name may mean in any schema counts.
//!
//! What calls something that is not known to be harmless is not harmless either, so that circles are not.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use pg_query::{NodeEnum, protobuf::Node};

use super::{
    bind::standard_body,
    facts::{ColumnUse, Facts, Source},
    functions::Consequence,
    parse,
    plpgsql::{self, Declared, Purpose},
    query, resolve,
    review::{Class, review},
    walk,
};
use crate::{
    catalog::{
        Catalog, FIRST_NORMAL_OID, Harmless, Oid, Relation,
        code::{Function, FunctionKind, Language, Name, Type, TypeKind},
    },
    statement::Protection,
};

/// How deep functions may call each other.
const MOST_ROUNDS: usize = 16;

/// Extensions whose functions give chance where no argument does.
const OF_CHANCE: [&str; 2] = ["pgcrypto", "uuid-ossp"];

/// Finds them, by the labels and views as they are in the snapshot now. Tells whether that is news.
pub fn settle_code(catalog: &mut Catalog) -> bool {
    let before = Arc::clone(&catalog.harmless);
    for _ in 0..MOST_ROUNDS {
        let found = find(catalog);
        if *catalog.harmless == found {
            break;
        }
        catalog.harmless = Arc::new(found);
        catalog.forget_answers();
    }
    before != catalog.harmless
}

fn find(catalog: &Catalog) -> Harmless {
    let judge = Judge { catalog };
    let code = &catalog.code;
    let functions: HashSet<Oid> =
        code.functions.values().filter(|function| judge.function(function)).map(|known| known.oid).collect();
    let all = |oids: &[Oid], is_harmless: &dyn Fn(Oid) -> bool| oids.iter().all(|oid| is_harmless(*oid));
    let names =
        |by_name: &HashMap<Name, Vec<Oid>>, users: &HashSet<Name>, is_harmless: &dyn Fn(Oid) -> bool| {
            let known = |name: &&Name| by_name.get(*name).is_some_and(|oids| all(oids, is_harmless));
            users.iter().filter(known).cloned().collect::<HashSet<Name>>()
        };
    // A condition that looks a value up runs its operator on clear values: bodies are not good enough there.
    let runs_reviewed = |oid: Oid| {
        let function = code.operators.get(&oid).and_then(|operator| code.functions.get(&operator.function));
        function.is_some_and(|function| {
            let known = review(function);
            known.class == Class::Arguments && !known.changes
        })
    };
    Harmless {
        functions: names(&code.functions_by_name, &catalog.user_functions, &|oid| {
            is_builtin(oid) || functions.contains(&oid)
        }),
        operators: names(&code.operators_by_name, &catalog.user_operators, &runs_reviewed),
        types: names(&code.types_by_name, &catalog.user_types, &|oid| {
            is_builtin(oid) || (judge.is_type(oid) && judge.casts_well(oid))
        }),
    }
}

/// The server's own are judged by their names where they are called.
const fn is_builtin(oid: Oid) -> bool {
    oid.0 < FIRST_NORMAL_OID
}

struct Judge<'c> {
    catalog: &'c Catalog,
}

impl Judge<'_> {
    fn function(&self, function: &Function) -> bool {
        if is_builtin(function.oid) {
            return false;
        }
        if !self.has_harmless_defaults(function) {
            return false;
        }
        let known = review(function);
        let of_chance = || function.extension.as_deref().is_some_and(|name| OF_CHANCE.contains(&name));
        match known.class {
            Class::Arguments => !known.changes,
            Class::Server => !known.changes && of_chance(),
            Class::Unknown => self.body(function),
            _ => false,
        }
    }

    /// Whoever calls it with fewer arguments runs its defaults.
    fn has_harmless_defaults(&self, function: &Function) -> bool {
        function.defaults == 0
            || self.catalog.code.argument_defaults.get(&function.oid).is_some_and(|list| {
                self.reads_harmlessly(&format!("SELECT {list}"), &HashSet::new(), function)
            })
    }

    fn body(&self, function: &Function) -> bool {
        let Some(body) = function.body.as_deref() else { return false };
        if function.kind != FunctionKind::Function || !self.has_plain_types(function) {
            return false;
        }
        match function.language {
            Language::Sql => {
                let names = function.argument_names.iter().map(|name| &**name).collect();
                self.reads_harmlessly(&standard_body(body), &names, function)
            }
            Language::PlPgSql => self.plpgsql(body, function),
            _ => false,
        }
    }

    fn plpgsql(&self, text: &str, function: &Function) -> bool {
        let body = plpgsql::read(text, function);
        let declared = |of: &Declared| match of {
            Declared::Known(_) | Declared::Alias(_) => true,
            Declared::Written(written) => self.is_written_type(written),
        };
        let names = body.variables.iter().map(|variable| variable.name.as_str()).collect();
        body.gaps.is_empty()
            && body.variables.iter().all(|variable| declared(&variable.of))
            && body.pieces.iter().all(|piece| {
                piece.purpose != Purpose::Execute && self.reads_harmlessly(&piece.text, &names, function)
            })
    }

    /// A type as a variable's declaration has it. A copy of a column's type or of a table's row may be anything
    /// that there is.
    fn is_written_type(&self, written: &str) -> bool {
        if written.contains('%') {
            let domain = |known: &Type| matches!(known.kind, TypeKind::Domain(_)) && !is_builtin(known.oid);
            return !self.catalog.code.types.values().any(domain);
        }
        written.eq_ignore_ascii_case("record")
            || parse::statements(&format!("SELECT NULL::{written}")).is_ok_and(|parsed| {
                let node = parsed.first().and_then(|raw| raw.stmt.as_deref());
                node.is_some_and(|node| {
                    let facts = walk::statement(node);
                    facts.items().next().is_none() && self.names_no_own_type(&facts)
                })
            })
    }

    /// Only queries, over nothing that has protected columns or that they come through.
    fn reads_harmlessly(&self, text: &str, names: &HashSet<&str>, function: &Function) -> bool {
        let Ok(statements) = parse::statements(text) else { return false };
        !statements.is_empty()
            && statements
                .iter()
                .all(|raw| raw.stmt.as_deref().is_some_and(|node| self.is_harmless(node, names, function)))
    }

    fn is_harmless(&self, node: &Node, names: &HashSet<&str>, function: &Function) -> bool {
        if !matches!(node.node, Some(NodeEnum::SelectStmt(_))) {
            return false;
        }
        let mut facts = walk::statement(node);
        if facts.into || facts.locks || !facts.writes.is_empty() || !self.names_no_own_type(&facts) {
            return false;
        }
        let kept: Vec<bool> =
            facts.columns.iter().map(|column| !self.is_variable(column, &facts, names, function)).collect();
        let mut kept = kept.into_iter();
        facts.columns.retain(|_| kept.next().unwrap_or(true));
        query::judge(&facts, None, self.catalog).is_ok_and(|judged| {
            judged.consequence == Consequence::None
                && matches!(judged.protection, Protection::Untouched | Protection::Introspection)
        })
    }

    fn names_no_own_type(&self, facts: &Facts<'_>) -> bool {
        let catalog = self.catalog;
        let own = |name: &str| catalog.user_types.contains(name) && !catalog.harmless.types.contains(name);
        !facts.types.iter().filter_map(|name| name.last()).any(|name| own(name))
    }

    /// A name that means a parameter or variable, since nothing in the statement has a column of that name.
    fn is_variable(
        &self,
        column: &ColumnUse<'_>,
        facts: &Facts<'_>,
        names: &HashSet<&str>,
        function: &Function,
    ) -> bool {
        let is_item = |name: &str| facts.items().any(|item| item.name == name);
        match column.names.as_slice() {
            [name] if !column.star => {
                names.contains(name) && !is_item(name) && !self.names_column(facts, name)
            }
            [first, ..] => (names.contains(first) || *first == &*function.name) && !is_item(first),
            [] => false,
        }
    }

    fn names_column(&self, facts: &Facts<'_>, name: &str) -> bool {
        facts.items().any(|item| match item.source {
            Source::Relation { relation, .. } => {
                let found = resolve::candidates(relation, self.catalog);
                found.iter().any(|relation| has_column(relation, name))
            }
            Source::Derived | Source::Function { .. } => false,
        })
    }

    /// Whether values of all its types can be made without running anything.
    fn has_plain_types(&self, function: &Function) -> bool {
        let outputs = function.outputs.iter().map(|(_, oid)| *oid);
        let mut types = function.arguments.iter().copied().chain(outputs).chain([function.result]);
        types.all(|oid| self.is_type(oid))
    }

    /// Whether making a value of it runs nothing but the server's own code and that of reviewed extensions.
    fn is_type(&self, oid: Oid) -> bool {
        is_builtin(oid)
            || self.catalog.parts_of(oid).is_ok_and(|parts| parts.into_iter().all(|part| self.is_part(part)))
    }

    /// The same of a part of a type alone, whatever that is made of.
    fn is_part(&self, oid: Oid) -> bool {
        if is_builtin(oid) {
            return true;
        }
        let Some(known) = self.catalog.code.types.get(&oid) else { return false };
        match known.kind {
            TypeKind::Enum | TypeKind::Range(_) | TypeKind::Multirange(_) => true,
            TypeKind::Composite(relation) => {
                self.catalog.relation(relation).is_some_and(|relation| !relation.is_protected())
            }
            TypeKind::Base if known.element != Oid(0) => true,
            TypeKind::Base => self.is_of_reviewed_extension(known),
            // Its checks may run anything.
            TypeKind::Domain(_) | TypeKind::Pseudo => false,
        }
    }

    /// Only superusers make base types; what reads its values is one of the functions that were reviewed.
    fn is_of_reviewed_extension(&self, of: &Type) -> bool {
        let code = &self.catalog.code;
        let readers = [format!("{}in", of.name), format!("{}_in", of.name)];
        let mut found = readers.iter().filter_map(|name| code.functions_by_name.get(name.as_str())).flatten();
        found.any(|oid| {
            code.functions.get(oid).is_some_and(|function| {
                function.result == of.oid && matches!(review(function).class, Class::Arguments)
            })
        })
    }

    /// Casts from and to it run functions that are harmless by name.
    fn casts_well(&self, oid: Oid) -> bool {
        let code = &self.catalog.code;
        let casts = code.casts.iter().filter(|((source, target), _)| *source == oid || *target == oid);
        let mut functions = casts.filter_map(|(_, cast)| cast.function).filter(|oid| !is_builtin(*oid));
        functions.all(|oid| {
            let known = code.functions.get(&oid);
            known.is_some_and(|function| self.catalog.harmless.functions.contains(&function.name))
        })
    }
}

fn has_column(relation: &Relation, name: &str) -> bool {
    relation.columns.iter().any(|column| &*column.name == name)
}

#[cfg(test)]
mod tests;
