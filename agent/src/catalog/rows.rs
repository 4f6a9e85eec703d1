//! Rows that somebody does not see, by configuration, and the snapshots that they are given for it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use connect_core::{
    catalog::{Catalog, HiddenRows},
    principal::Principal,
};

use crate::config::AccessList;

/// One `[[resource.rows]]`: nobody but these people sees these rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRule {
    pub hidden: HiddenRows,
    pub clear_for: AccessList,
}

/// The rules of one resource. Connections of the same sight share their snapshot.
#[derive(Debug)]
pub struct Rows {
    rules: Vec<RowRule>,
    made: Mutex<Vec<Made>>,
    missing: Mutex<Missing>,
}

/// Tables of rules that the newest snapshot does not have.
#[derive(Debug)]
struct Missing {
    /// Of the snapshot.
    version: u64,
    tables: Vec<String>,
}

#[derive(Debug)]
struct Made {
    of: Weak<Catalog>,
    hidden: Vec<HiddenRows>,
    catalog: Weak<Catalog>,
}

impl Rows {
    #[must_use]
    pub const fn new(rules: Vec<RowRule>) -> Self {
        let missing = Missing { version: 0, tables: Vec::new() };
        Self { rules, made: Mutex::new(Vec::new()), missing: Mutex::new(missing) }
    }

    /// Tables that rules are about and that a snapshot does not have: they hide nothing. Empty if that is no news.
    #[must_use]
    pub fn newly_missing(&self, catalog: &Catalog) -> Vec<String> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut known = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if catalog.version <= known.version {
            return Vec::new();
        }
        known.version = catalog.version;
        let names: HashSet<String> =
            catalog.relations.values().map(|relation| relation.qualified_name()).collect();
        let tables = self.rules.iter().map(|rule| &rule.hidden.table);
        let mut tables: Vec<String> = tables.filter(|table| !names.contains(*table)).cloned().collect();
        tables.sort_unstable();
        tables.dedup();
        if known.tables == tables {
            return Vec::new();
        }
        known.tables.clone_from(&tables);
        tables
    }

    /// The snapshot as somebody sees it.
    #[must_use]
    pub fn seen_by(&self, principal: &Principal, catalog: Arc<Catalog>) -> Arc<Catalog> {
        let hidden = self.hidden_from(principal);
        if hidden.is_empty() {
            return catalog;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|made| made.catalog.strong_count() > 0 && made.of.strong_count() > 0);
        let of = Arc::downgrade(&catalog);
        let fits = |made: &&Made| made.of.ptr_eq(&of) && made.hidden == hidden;
        if let Some(known) = made.iter().find(fits).and_then(|made| made.catalog.upgrade()) {
            return known;
        }
        let view = Arc::new(catalog.hiding(&hidden));
        made.push(Made { of, hidden, catalog: Arc::downgrade(&view) });
        view
    }

    /// A program that acts for somebody does not see them, whoever that is: what it is given goes on to places that
    /// nobody here knows.
    fn hidden_from(&self, principal: &Principal) -> Vec<HiddenRows> {
        let is_actor = principal.reference.actor.is_some();
        let hidden = self.rules.iter().filter(|rule| is_actor || !rule.clear_for.admits(principal));
        hidden.map(|rule| rule.hidden.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use connect_core::catalog::{Oid, Relation, RelationKind, ViewReading};
    use connect_shared::entry::PrincipalRef;

    use super::*;

    fn principal(group: &str, actor: Option<&str>) -> Principal {
        let actor = actor.map(str::to_owned);
        Principal {
            reference: PrincipalRef { sub: "ana".into(), idp: "https://id.example".into(), actor },
            name: "ana@example.com".into(),
            groups: vec![group.to_owned()],
        }
    }

    fn catalog() -> Arc<Catalog> {
        let mut catalog = Catalog { version: 1, ..Catalog::default() };
        catalog.insert(Relation {
            oid: Oid(16_500),
            schema: "public".into(),
            name: "customers".into(),
            kind: RelationKind::Table,
            columns: Vec::new(),
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details: None,
        });
        Arc::new(catalog)
    }

    #[test]
    fn rows_are_hidden_from_all_but_those_who_are_named_and_from_programs_that_act_for_them() {
        let hidden = HiddenRows { table: "public.customers".into(), when: "country = 'DE'".into() };
        let clear_for = AccessList::of(&["group:eu".to_owned()]).expect("a list");
        let rows = Rows::new(vec![RowRule { hidden, clear_for }]);
        let catalog = catalog();
        let all = rows.seen_by(&principal("eu", None), Arc::clone(&catalog));
        assert!(Arc::ptr_eq(&all, &catalog));
        let some = rows.seen_by(&principal("us", None), Arc::clone(&catalog));
        assert!(some.hides_rows && some.relation(Oid(16_500)).is_some_and(|it| it.hidden().is_some()));
        let again = rows.seen_by(&principal("other", None), Arc::clone(&catalog));
        assert!(Arc::ptr_eq(&some, &again), "those who see the same share it");
        let acting = rows.seen_by(&principal("eu", Some("helper")), Arc::clone(&catalog));
        assert!(Arc::ptr_eq(&some, &acting));
        assert!(!catalog.hides_rows, "the snapshot itself stays as it is");
    }

    #[test]
    fn tables_that_are_not_there_are_told_once_as_long_as_they_are_the_same() {
        let rule = |table: &str| RowRule {
            hidden: HiddenRows { table: table.into(), when: "country = 'DE'".into() },
            clear_for: AccessList::of(&["group:eu".to_owned()]).expect("a list"),
        };
        let rows =
            Rows::new(vec![rule("public.customers"), rule("public.custmers"), rule("public.custmers")]);
        let mut catalog = Catalog::clone(&catalog());
        assert_eq!(rows.newly_missing(&catalog), ["public.custmers"]);
        assert!(rows.newly_missing(&catalog).is_empty(), "the same snapshot");
        catalog.version = 2;
        assert!(rows.newly_missing(&catalog).is_empty(), "no news");
        let empty = Catalog { version: 3, ..Catalog::default() };
        assert_eq!(rows.newly_missing(&empty), ["public.custmers", "public.customers"]);
        assert!(rows.newly_missing(&catalog).is_empty(), "an older snapshot");
    }
}
