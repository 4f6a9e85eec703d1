//! Schemas that the session made, dropped or changed, and which of them a role may use.

use std::sync::Arc;

use super::{Session, find, settings::Actor};
use crate::catalog::{
    Catalog, Oid,
    code::{Name, Type, TypeKind},
};

/// What became of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SchemaChange {
    /// Made by this role, or made its own by another name: others may use it only if it lets them.
    Made(Name),
    Dropped,
    /// Who may use it is not known.
    Unknown,
}

/// How a schema stands to a search path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Usable,
    /// The role may not use it: the server leaves it out of the path without a word.
    Closed,
    Absent,
    Unknown,
}

impl Session {
    pub(super) fn standing(&self, schema: &Name, catalog: &Catalog) -> Standing {
        if &**schema == "pg_catalog" {
            return Standing::Usable;
        }
        match self.schemas.get(schema) {
            Some(SchemaChange::Made(owner)) => {
                let own = self.current_role(catalog).is_some_and(|role| role == *owner);
                return if own { Standing::Usable } else { Standing::Unknown };
            }
            Some(SchemaChange::Dropped) => return Standing::Absent,
            Some(SchemaChange::Unknown) => return Standing::Unknown,
            None if self.relations.stored_lost => return Standing::Unknown,
            None => {}
        }
        if !catalog.schemas.contains_key(schema) {
            return Standing::Absent;
        }
        let role = match self.settings.role() {
            _ if self.rights_changed => return Standing::Unknown,
            Actor::Login => &catalog.role,
            Actor::Named(name) => name,
            Actor::Unknown => return Standing::Unknown,
        };
        match catalog.roles.get(role) {
            Some(rights) if rights.closed_schemas.contains(schema) => Standing::Closed,
            Some(_) => Standing::Usable,
            None if *role == catalog.role => Standing::Usable,
            None => Standing::Unknown,
        }
    }

    /// The role whose rights count, by name.
    pub(super) fn current_role(&self, catalog: &Catalog) -> Option<Name> {
        match self.settings.role() {
            Actor::Login => Some(catalog.role.clone()),
            Actor::Named(name) => Some(name.clone()),
            Actor::Unknown => None,
        }
    }

    pub(super) fn schema_changed(&mut self, schema: Name, change: SchemaChange) {
        Arc::make_mut(&mut self.schemas).insert(schema, change);
        self.changed();
    }

    /// A schema and all that is in it are gone.
    pub(super) fn drop_schema(&mut self, schema: &Name, catalog: &Catalog) {
        let inside: Vec<_> =
            catalog.relations.values().filter(|relation| relation.schema == *schema).collect();
        for relation in inside {
            let key = find::key(&relation.schema, &relation.name);
            self.drop_relation(&key, catalog);
        }
        let own: Vec<_> =
            self.relations.changed.keys().filter(|(inside, _)| inside == schema).cloned().collect();
        for key in own {
            self.drop_relation(&key, catalog);
        }
        self.relations.code_changed |= holds_code(schema, catalog);
        self.schema_changed(schema.clone(), SchemaChange::Dropped);
    }

    /// A schema has another name: what is in it is not followed there.
    pub(super) fn rename_schema(&mut self, old: &Name, new: &Name, catalog: &Catalog) {
        let mut inside: Vec<Name> = catalog
            .relations
            .values()
            .filter(|relation| relation.schema == *old)
            .map(|relation| relation.name.clone())
            .collect();
        let own = self.relations.changed.keys().filter(|(schema, _)| schema == old);
        inside.extend(own.map(|(_, name)| name.clone()));
        for name in inside {
            self.forget(&(old.clone(), name.clone()), catalog);
            self.touch_key((new.clone(), name));
        }
        self.relations.code_changed |= holds_code(old, catalog);
        self.texts_are_stale(old, catalog);
        self.schema_changed(old.clone(), SchemaChange::Dropped);
        // Only its owner may rename it.
        let owner = self.current_role(catalog);
        self.schema_changed(new.clone(), owner.map_or(SchemaChange::Unknown, SchemaChange::Made));
    }
}

fn holds_code(schema: &Name, catalog: &Catalog) -> bool {
    let code = &catalog.code;
    code.functions.values().any(|function| function.schema == *schema)
        || code.operators.values().any(|operator| operator.schema == *schema)
        || code.types.values().any(|found| found.schema == *schema && !is_of_table(found))
}

/// Row types and arrays, which go with what they are of.
fn is_of_table(found: &Type) -> bool {
    matches!(found.kind, TypeKind::Composite(_)) || found.element != Oid(0)
}
