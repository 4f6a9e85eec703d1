//! Gives names a meaning, against the catalog snapshot and never against what a session can set.
//!
//! An unqualified relation means every relation of that name, in every schema. A column reference means
//! every column that some relation within its sight may give it. Where more than one meaning is possible,
//! all of them are taken, and the strictest decides.

mod column;

use std::{cell::Cell, collections::HashSet};

use pg_query::protobuf::RangeVar;

use super::{
    facts::{Facts, Item, Place, ScopeId, Source},
    functions::Consequence,
    refusal,
    value_bearing::{self, Bearing},
};
use crate::{
    catalog::{Catalog, Oid, Relation, RelationKind},
    statement::{ProtectedColumn, Refusal},
};

/// Names of one statement with their meanings.
pub(super) struct Resolved<'a, 'c> {
    pub(super) catalog: &'c Catalog,
    pub(super) facts: &'a Facts<'a>,
    /// For each scope, what its items mean.
    scopes: Vec<Vec<Meaning<'a, 'c>>>,
    rows: Rows,
    /// Of functions that were met as names behind a dot.
    consequence: Cell<Consequence>,
}

/// What whole rows of protected relations hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Values,
    Masks,
}

/// What an item of FROM may be.
pub(super) struct Meaning<'a, 'c> {
    name: &'a str,
    relations: Vec<&'c Relation>,
    /// It may be something computed within the statement.
    derived: bool,
    /// Rows of a function: the columns that are named for certain.
    function: Option<Vec<&'a str>>,
}

/// What a column reference may read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) protected: Vec<MayRead>,
}

/// A protected column that a reference may read.
#[derive(Debug)]
pub(super) struct MayRead {
    pub(super) column: ProtectedColumn,
    /// Whichever relation of the name is meant, a column of this name is protected in it.
    pub(super) certainty: Certainty,
}

/// Whether the name leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    Sure,
    Possible,
}

impl<'a, 'c> Resolved<'a, 'c> {
    /// Looks every relation up.
    pub(super) fn new(facts: &'a Facts<'a>, catalog: &'c Catalog) -> Result<Self, Refusal> {
        let mut scopes = Vec::with_capacity(facts.scopes.len());
        for scope in &facts.scopes {
            let meanings: Result<Vec<_>, _> =
                scope.items.iter().map(|item| meaning(item, facts, catalog)).collect();
            scopes.push(meanings?);
        }
        for write in &facts.writes {
            relations(write.relation, facts, catalog)?;
        }
        Ok(Self { catalog, facts, scopes, rows: Rows::Values, consequence: Cell::new(Consequence::None) })
    }

    /// With masks where protected columns are read.
    pub(super) fn masked(self) -> Self {
        Self { rows: Rows::Masks, ..self }
    }

    /// What functions do that were met as names behind a dot, in the columns that were read so far.
    pub(super) fn consequence(&self) -> Consequence {
        self.consequence.get()
    }

    /// Every relation that the statement may name.
    pub(super) fn named(&self) -> impl Iterator<Item = &'c Relation> {
        self.scopes.iter().flatten().flat_map(|meaning| meaning.relations.iter().copied())
    }

    /// Whether a protected column or what is computed from one can be reached, however far behind views
    /// and children.
    pub(super) fn reaches_protected(&self) -> bool {
        reaches_protected(self.catalog, self.named())
    }

    /// Whether every relation is the server's own.
    pub(super) fn only_system(&self) -> bool {
        self.named().all(Relation::is_system)
    }

    /// Relations that a written name may mean.
    pub(super) fn written(&self, relation: &RangeVar) -> Vec<&'c Relation> {
        candidates(relation, self.catalog)
    }

    /// The meanings that a scope and those around it can see, nearest first.
    fn visible(&self, scope: ScopeId) -> impl Iterator<Item = &Meaning<'a, 'c>> {
        let parents = std::iter::successors(Some(scope), |id| self.facts.scope(*id).and_then(|s| s.parent));
        parents.filter_map(|id| self.scopes.get(id.0)).flatten()
    }

    fn own(&self, scope: ScopeId) -> impl Iterator<Item = &Meaning<'a, 'c>> {
        self.scopes.get(scope.0).into_iter().flatten()
    }

    /// Rules about relations as a whole.
    pub(super) fn check_each(&self) -> Result<(), Refusal> {
        self.named().try_for_each(|relation| check_relation(relation, self.catalog))
    }

    /// The same, and about joins that compare by name.
    pub(super) fn check_relations(&self) -> Result<(), Refusal> {
        self.check_each()?;
        for scope in &self.facts.natural {
            if let Some(relation) = self.sensitive(*scope) {
                return Err(refusal::natural_join(relation));
            }
        }
        for (scope, name) in &self.facts.compared {
            let relations = self.own(*scope).flat_map(|meaning| meaning.relations.iter().copied());
            for relation in relations {
                if let Some(column) = protected_named(relation, name) {
                    return Err(refusal::used(&column, Place::Condition, relation));
                }
            }
        }
        self.check_aliases()
    }

    fn sensitive(&self, scope: ScopeId) -> Option<&'c Relation> {
        let mut relations = self.own(scope).flat_map(|meaning| meaning.relations.iter().copied());
        relations.find(|relation| is_sensitive(relation))
    }

    /// Aliases that rename columns hide which of them is protected.
    fn check_aliases(&self) -> Result<(), Refusal> {
        for (index, scope) in self.facts.scopes.iter().enumerate() {
            let id = ScopeId(index);
            if scope.join_alias
                && let Some(relation) = self.sensitive(id)
            {
                return Err(refusal::renamed(relation));
            }
            for (item, meaning) in scope.items.iter().zip(self.own(id)) {
                if matches!(item.source, Source::Relation { renamed: true, .. })
                    && let Some(relation) = meaning.relations.iter().find(|relation| is_sensitive(relation))
                {
                    return Err(refusal::renamed(relation));
                }
            }
        }
        Ok(())
    }
}

/// Whether whole rows of it may not be used.
fn is_sensitive(relation: &Relation) -> bool {
    relation.is_protected() || is_refused(relation)
}

/// Whether a part of it is refused to everybody, whole rows with it.
fn is_refused(relation: &Relation) -> bool {
    matches!(value_bearing::bearing(relation), Bearing::Refused(_) | Bearing::Everything)
}

fn check_relation(relation: &Relation, catalog: &Catalog) -> Result<(), Refusal> {
    if relation.view == crate::catalog::ViewReading::Computed {
        return Err(refusal::computed_view(relation));
    }
    match value_bearing::bearing(relation) {
        Bearing::Everything => Err(refusal::value_bearing(&relation.qualified_name(), None)),
        _ => match value_bearing::unhidden(relation, catalog) {
            Some(column) => Err(refusal::value_bearing(&relation.qualified_name(), Some(column))),
            None => Ok(()),
        },
    }
}

fn meaning<'a, 'c>(
    item: &Item<'a>,
    facts: &Facts<'_>,
    catalog: &'c Catalog,
) -> Result<Meaning<'a, 'c>, Refusal> {
    match item.source {
        Source::Derived => {
            Ok(Meaning { name: item.name, relations: Vec::new(), derived: true, function: None })
        }
        Source::Function { ref columns } => Ok(Meaning {
            name: item.name,
            relations: Vec::new(),
            derived: true,
            function: Some(columns.clone()),
        }),
        Source::Relation { relation, renamed } => {
            // Columns under new names are known to nobody here; of protected relations they are refused.
            let derived = renamed || is_cte(relation, facts);
            let relations = relations(relation, facts, catalog)?;
            Ok(Meaning { name: item.name, relations, derived, function: None })
        }
    }
}

fn is_cte(relation: &RangeVar, facts: &Facts<'_>) -> bool {
    relation.schemaname.is_empty() && facts.ctes.contains(&relation.relname.as_str())
}

/// Every relation that a name may mean.
fn relations<'c>(
    name: &RangeVar,
    facts: &Facts<'_>,
    catalog: &'c Catalog,
) -> Result<Vec<&'c Relation>, Refusal> {
    if !name.catalogname.is_empty() {
        return Err(refusal::other_database(name));
    }
    let found = candidates(name, catalog);
    if found.is_empty() && !is_cte(name, facts) {
        return Err(refusal::unknown_relation(name));
    }
    Ok(found)
}

/// Every relation that a name may mean, none if there is none.
pub(super) fn candidates<'c>(name: &RangeVar, catalog: &'c Catalog) -> Vec<&'c Relation> {
    let schema = match name.schemaname.as_str() {
        "" => None,
        // Whichever temporary schema the session has.
        "pg_temp" => None,
        schema => Some(schema),
    };
    by_name(catalog, schema, &name.relname)
        .filter(|relation| name.schemaname != "pg_temp" || relation.schema.starts_with("pg_temp"))
        .collect()
}

fn by_name<'c>(catalog: &'c Catalog, schema: Option<&str>, name: &str) -> impl Iterator<Item = &'c Relation> {
    let oids = catalog.by_name.get(name).into_iter().flatten();
    let schema = schema.map(str::to_owned);
    oids.filter_map(|oid| catalog.relation(*oid))
        .filter(|relation| !matches!(relation.kind, RelationKind::Index | RelationKind::Composite))
        .filter(move |relation| schema.as_ref().is_none_or(|schema| **schema == *relation.schema))
}

/// Whether a protected column stands in one of the relations or behind them.
pub(super) fn reaches_protected<'c>(catalog: &'c Catalog, from: impl Iterator<Item = &'c Relation>) -> bool {
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut rest: Vec<&Relation> = from.collect();
    while let Some(relation) = rest.pop() {
        if relation.is_protected() {
            return true;
        }
        if seen.insert(relation.oid) {
            let behind = relation.view_reads.iter().chain(&relation.children);
            rest.extend(behind.filter_map(|oid| catalog.relation(*oid)));
        }
    }
    false
}

/// The protected column of this name.
pub(super) fn protected_named(relation: &Relation, name: &str) -> Option<ProtectedColumn> {
    relation
        .columns
        .iter()
        .find(|column| &*column.name == name)
        .and_then(|column| protected(relation, column))
}

impl Meaning<'_, '_> {
    /// The protected columns of this name, or all where there is none.
    fn protected(&self, name: Option<&str>) -> impl Iterator<Item = MayRead> {
        self.relations.iter().flat_map(move |relation| {
            let columns = relation.columns.iter();
            let named = columns.filter(move |column| name.is_none_or(|name| &*column.name == name));
            named.filter_map(|column| self.may_read(relation, column))
        })
    }

    fn may_read(&self, relation: &Relation, column: &crate::catalog::Column) -> Option<MayRead> {
        let sure = !self.derived
            && self.relations.iter().all(|other| protected_named(other, &column.name).is_some());
        let certainty = if sure { Certainty::Sure } else { Certainty::Possible };
        Some(MayRead { column: protected(relation, column)?, certainty })
    }
}

fn protected(relation: &Relation, column: &crate::catalog::Column) -> Option<ProtectedColumn> {
    column.label.map(|label| ProtectedColumn {
        relation: relation.oid,
        number: column.number,
        name: format!("{}.{}", relation.qualified_name(), column.name),
        label,
        seen: column.seen,
    })
}
