//! Types of own columns (`LookupTypeName`).

use super::{
    Session,
    change::TypeSpec,
    find::{Meaning, Named},
};
use crate::catalog::{
    Catalog, Modifier, Oid,
    code::{Name, TypeKind},
};

impl Session {
    /// The type that is written; `Oid(0)` if it is not known.
    pub(super) fn type_oid(&self, spec: &TypeSpec, catalog: &Catalog) -> Oid {
        let found = match &spec.schema {
            Some(schema) => self.type_in(schema, &spec.name, catalog),
            None => self.type_by_path(&spec.name, catalog),
        };
        match found.and_then(|oid| catalog.code.types.get(&oid)) {
            Some(kind) if spec.array => kind.array,
            Some(kind) => kind.oid,
            None => Oid(0),
        }
    }

    /// The same with its length or precision.
    pub(super) fn full_type(&self, spec: &TypeSpec, catalog: &Catalog) -> (Oid, Modifier) {
        let oid = self.type_oid(spec, catalog);
        let element = catalog.code.types.get(&oid).map(|found| found.element).filter(|of| *of != Oid(0));
        (oid, Modifier::written(element.unwrap_or(oid), &spec.modifiers))
    }

    fn type_by_path(&self, name: &Name, catalog: &Catalog) -> Option<Oid> {
        let path = self.search_path.as_ref()?;
        for schema in &path.schemas {
            // Of a table that the session made: its row type has no OID yet.
            if self.relations.changed.contains_key(&(schema.clone(), name.clone())) {
                return None;
            }
            match self.type_in(schema, name, catalog) {
                Some(oid) => return Some(oid),
                // One that was made since may stand here.
                None if self.relations.code_changed && &**schema != "pg_catalog" => return None,
                None => {}
            }
        }
        None
    }

    fn type_in(&self, schema: &str, name: &str, catalog: &Catalog) -> Option<Oid> {
        let candidates = catalog.code.types_by_name.get(name)?;
        let fits = |oid: &&Oid| catalog.code.types.get(oid).is_some_and(|found| &*found.schema == schema);
        candidates.iter().find(fits).copied()
    }

    /// The relation behind a composite type.
    pub(super) fn composite<'c>(&self, spec: &TypeSpec, catalog: &'c Catalog) -> Option<Meaning<'c>> {
        let named = Named { schema: spec.schema.clone(), name: spec.name.clone(), temporary: false };
        match catalog.code.types.get(&self.type_oid(spec, catalog))?.kind {
            TypeKind::Composite(_) => Some(self.meaning(&named, catalog)),
            _ => None,
        }
    }
}
