//! The subselect that a protected relation becomes: of the same name, columns, types and order.

use std::{collections::HashSet, fmt::Write as _};

use connect_shared::label::Label;
use pg_query::protobuf::RangeVar;

pub(super) use crate::catalog::INNER;
use crate::{
    catalog::{Catalog, Column, Modifier, Relation, code::TypeKind, quoted},
    mask::{MaskKey, sql},
    statement::{ProtectedColumn, Refusal},
    understand::{
        facts::{Facts, Place, Source},
        refusal,
    },
};

/// System columns that may be asked for.
const SYSTEM: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

/// Which columns a statement can name.
pub(super) enum Wanted<'a> {
    /// All: some `*`, NATURAL join or list of new names takes them by place.
    All {
        system: bool,
    },
    Named(HashSet<&'a str>),
}

impl<'a> Wanted<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let names: HashSet<&str> = facts
            .columns
            .iter()
            .filter(|column| !column.star)
            .flat_map(|column| column.names.last())
            .copied()
            .chain(facts.compared.iter().map(|(_, name)| *name))
            .chain(facts.fields.iter().copied())
            .collect();
        let renamed = |source: &Source<'_>| matches!(source, Source::Relation { renamed: true, .. });
        let by_place = facts.columns.iter().any(|column| column.star && column.place != Place::Ignored)
            || !facts.natural.is_empty()
            || facts.items().any(|item| renamed(&item.source))
            || whole_rows(facts).next().is_some();
        if by_place {
            return Self::All { system: SYSTEM.iter().any(|name| names.contains(name)) };
        }
        Self::Named(names)
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All { .. } => true,
            Self::Named(names) => names.contains(name),
        }
    }
}

/// Names of items whose whole rows may be used where only their fields matter.
pub(super) fn whole_rows<'f, 'a>(facts: &'f Facts<'a>) -> impl Iterator<Item = &'a str> + 'f {
    facts.columns.iter().filter_map(|column| match column.names.as_slice() {
        [name] if !column.star && facts.untyped.contains(&column.location) => {
            facts.items().any(|item| item.name == *name).then_some(*name)
        }
        _ => None,
    })
}

/// What stands in FROM in place of a relation.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) masked: Vec<ProtectedColumn>,
}

/// What a relation becomes: a subselect if something in it is protected, else its full name. `implied`:
/// conditions that the rows of the subselect meet anyway, as far as they are shown.
///
/// # Errors
/// A column of it cannot be had from a subselect.
pub(super) fn of(
    relation: &Relation,
    (named, sample): (&RangeVar, &str),
    wanted: &Wanted<'_>,
    implied: &[String],
    catalog: &Catalog,
    key: &MaskKey,
) -> Result<Shown, Refusal> {
    let full = format!("{}.{}", quoted(&relation.schema), quoted(&relation.name));
    let only = if named.inh { "" } else { "ONLY " };
    let alias = match named.alias {
        Some(_) => String::new(),
        None => format!(" AS {}", quoted(&named.relname)),
    };
    if !relation.is_protected() {
        return Ok(Shown { text: format!("{only}{full}{alias}"), masked: Vec::new() });
    }
    if let Wanted::All { system: true } = wanted {
        return Err(refusal::not_reviewed(
            "`*` together with a system column such as ctid, of a relation with protected columns",
        ));
    }
    let mut list = Vec::new();
    let mut masked = Vec::new();
    for column in relation.columns.iter().filter(|column| wanted.has(&column.name)) {
        let name = quoted(&column.name);
        match column.label {
            Some(label) => {
                let mask = match relation.is_system() {
                    true => sql::null(&reference(column)),
                    false => mask(column, label, catalog, key),
                };
                list.push(format!("{mask} AS {name}"));
                masked.push(protected(relation, column, label));
            }
            None => list.push(format!("{INNER}.{name} AS {name}")),
        }
    }
    if let Wanted::Named(names) = wanted {
        let system = SYSTEM.iter().filter(|name| names.contains(**name));
        list.extend(system.map(|name| format!("{INNER}.{name} AS {name}")));
    }
    let mut text = String::from("(SELECT ");
    let condition = conditions(relation, implied);
    let _infallible =
        write!(text, "{} FROM {only}{full} AS {INNER}{sample}{condition}){alias}", list.join(", "));
    Ok(Shown { text, masked })
}

/// What rows of the subselect meet. Those that are hidden are left out before anything else sees them: OFFSET keeps
/// the planner from moving what could fail, and tell of them, in front of that.
fn conditions(relation: &Relation, implied: &[String]) -> String {
    let hidden = relation.hidden().map(|hidden| format!("({}) IS NOT TRUE", hidden.condition));
    let all: Vec<&str> = implied.iter().map(String::as_str).chain(hidden.as_deref()).collect();
    let behind = if hidden.is_some() { " OFFSET 0" } else { "" };
    if all.is_empty() { String::new() } else { format!(" WHERE {}{behind}", all.join(" AND ")) }
}

fn reference(column: &Column) -> String {
    format!("{INNER}.{}", quoted(&column.name))
}

fn mask(column: &Column, label: Label, catalog: &Catalog, key: &MaskKey) -> String {
    let reference = reference(column);
    let collation = column.collation.as_deref().map(|(schema, name)| (&**schema, &**name));
    let type_oid = crate::understand::overload::base_type(catalog, column.type_oid);
    let modifier = modifier(column, catalog).0;
    sql::expression(
        catalog,
        key,
        &sql::Column { label, type_oid, modifier, collation, reference: &reference },
    )
}

/// Domains over domains that are followed.
const MOST_DOMAINS: usize = 64;

/// The modifier as a result description has it: of a domain, that of the type under it.
pub(crate) fn modifier(column: &Column, catalog: &Catalog) -> Modifier {
    let mut modifier = column.modifier;
    let mut type_oid = column.type_oid;
    for _ in 0..MOST_DOMAINS {
        let Some(known) = catalog.code.types.get(&type_oid) else { break };
        let TypeKind::Domain(under) = known.kind else { break };
        modifier = modifier.or(known.modifier);
        type_oid = under;
    }
    modifier
}

fn protected(relation: &Relation, column: &Column, label: Label) -> ProtectedColumn {
    ProtectedColumn {
        relation: relation.oid,
        number: column.number,
        name: format!("{}.{}", relation.qualified_name(), column.name),
        label,
        seen: column.seen,
    }
}
