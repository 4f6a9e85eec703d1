//! Names of relations, and what they stand for in this session (`RangeVarGetRelid`).

use std::sync::{Arc, LazyLock};

use pg_query::protobuf::RangeVar;

use super::{Change, OwnRelation, Session};
use crate::{
    catalog::{Catalog, Oid, Relation, code::Name},
    lineage::Part,
};

/// The session's own temporary schema, whatever number the server gave it.
pub(super) const TEMPORARY: &str = "pg_temp";

/// Columns and sources of own relations that are kept; beyond that nothing is known of any.
pub(super) const MOST_WEIGHT: usize = 500_000;

/// Own changes that are kept.
pub(super) const MOST_CHANGES: usize = 20_000;

/// More schemas than this are not marked one by one.
const MOST_SCHEMAS: usize = 1_000;

static PG_TEMP: LazyLock<Name> = LazyLock::new(|| TEMPORARY.into());
static PG_CATALOG: LazyLock<Name> = LazyLock::new(|| "pg_catalog".into());

/// (schema, name)
pub(super) type Key = (Name, Name);

pub(super) fn pg_temp() -> Name {
    PG_TEMP.clone()
}

pub(super) fn pg_catalog() -> Name {
    PG_CATALOG.clone()
}

pub(super) fn key(schema: &str, name: &str) -> Key {
    (schema.into(), name.into())
}

/// A relation as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) schema: Option<Name>,
    pub(super) name: Name,
    /// TEMP was written.
    pub(super) temporary: bool,
}

/// Nobody knows what a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownName;

/// What a name stands for.
pub(super) enum Meaning<'c> {
    Own(Key, Arc<OwnRelation>),
    Stored(Key, &'c Relation),
    /// It is there, or was, and nobody knows what it is now.
    Unclear(Key),
    Nowhere,
    /// The search path is not known.
    Anywhere,
}

impl Named {
    pub(super) fn of(relation: &RangeVar) -> Self {
        let schema = Some(relation.schemaname.as_str()).filter(|schema| !schema.is_empty());
        Self {
            schema: schema.map(Name::from),
            name: relation.relname.as_str().into(),
            temporary: relation.relpersistence == "t",
        }
    }
}

impl Session {
    /// What a name stands for.
    pub(super) fn meaning<'c>(&self, named: &Named, catalog: &'c Catalog) -> Meaning<'c> {
        if let Some(schema) = self.schema_of(named) {
            let key = (schema, named.name.clone());
            return self.found_at(&key, catalog).unwrap_or(Meaning::Nowhere);
        }
        let Some(path) = &self.search_path else { return Meaning::Anywhere };
        let keys = path.schemas.iter().map(|schema| (schema.clone(), named.name.clone()));
        keys.filter_map(|key| self.found_at(&key, catalog)).next().unwrap_or(Meaning::Nowhere)
    }

    /// The schema that is written, if one is.
    fn schema_of(&self, named: &Named) -> Option<Name> {
        let schema = named.schema.as_ref()?;
        let own = self.temporary_schema.as_ref() == Some(schema);
        Some(if own { pg_temp() } else { schema.clone() })
    }

    /// What is under a full name; `None` if nothing is.
    pub(super) fn found_at<'c>(&self, key: &Key, catalog: &'c Catalog) -> Option<Meaning<'c>> {
        match self.relations.changed.get(key) {
            Some(Change::Dropped) => None,
            Some(Change::Known(own)) => Some(Meaning::Own(key.clone(), own.clone())),
            Some(Change::Unknown) => Some(Meaning::Unclear(key.clone())),
            None => catalog
                .candidates(Some(&key.0), &key.1)
                .next()
                .map(|relation| Meaning::Stored(key.clone(), relation)),
        }
    }

    /// Where an object of this name is made; `None` if the search path is not known.
    pub(super) fn creation_key(&self, named: &Named) -> Option<Key> {
        let schema = match self.schema_of(named) {
            _ if named.temporary => pg_temp(),
            Some(schema) => schema,
            None => self.search_path.as_ref()?.creation.clone()?,
        };
        Some((schema, named.name.clone()))
    }

    /// Schema and name of the relation that an unqualified name means; temporary ones in `pg_temp`.
    ///
    /// # Errors
    /// Nobody knows.
    pub fn full_name_of(&self, name: &str, catalog: &Catalog) -> Result<Option<(Name, Name)>, UnknownName> {
        let named = Named { schema: None, name: name.into(), temporary: false };
        match self.meaning(&named, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) => Ok(Some(key)),
            Meaning::Nowhere => Ok(None),
            Meaning::Unclear(_) | Meaning::Anywhere => Err(UnknownName),
        }
    }

    /// Counts a change: this state has not been there before.
    pub(super) fn changed(&mut self) {
        self.serial += 1;
        let relations = &self.relations;
        let own = !relations.changed.is_empty()
            || !relations.parts.is_empty()
            || relations.code_changed
            || relations.is_lost();
        self.relations.version = if own { self.serial } else { 0 };
    }

    /// Puts a relation under its name, in the place of what was there.
    pub(super) fn put(&mut self, key: Key, change: Change) {
        let gained = change.weight();
        let changed = Arc::make_mut(&mut self.relations.changed);
        let lost = changed.insert(key, change).map_or(0, |before| before.weight());
        let many = changed.len() > MOST_CHANGES;
        self.relations.weight = (self.relations.weight + gained).saturating_sub(lost);
        if many || self.relations.weight > MOST_WEIGHT {
            self.too_much();
        }
        self.changed();
    }

    /// What has become a part of something, until a snapshot shows it. One that is taken away again in the same
    /// transaction is kept: too much is said then, and not too little.
    pub(super) fn join(&mut self, parts: &[Part]) {
        let own = Arc::make_mut(&mut self.relations.parts);
        for part in parts {
            if !own.contains(part) {
                own.push(part.clone());
            }
        }
        if own.len() > MOST_CHANGES || own.iter().map(Part::weight).sum::<usize>() > MOST_WEIGHT {
            self.too_much();
        }
        self.changed();
    }

    /// More than a session may keep: what it made is not known any more.
    fn too_much(&mut self) {
        self.relations.changed = Arc::default();
        self.relations.parts = Arc::default();
        self.relations.weight = 0;
        self.relations.stored_lost = true;
        self.relations.temporary_lost = true;
    }

    /// Nothing is under this name any more.
    pub(super) fn forget(&mut self, key: &Key, catalog: &Catalog) {
        if self.relations.parts.iter().any(|part| part.names(key)) {
            Arc::make_mut(&mut self.relations.parts).retain(|part| !part.names(key));
        }
        if catalog.candidates(Some(&key.0), &key.1).next().is_some() {
            return self.put(key.clone(), Change::Dropped);
        }
        let before = Arc::make_mut(&mut self.relations.changed).remove(key);
        self.relations.weight =
            self.relations.weight.saturating_sub(before.as_ref().map_or(0, Change::weight));
        self.changed();
    }

    /// What is under this name is not understood any more.
    pub(super) fn touch_key(&mut self, key: Key) {
        self.put(key, Change::Unknown);
    }

    /// What this name stands for is not understood any more.
    pub(super) fn touch(&mut self, named: &Named, catalog: &Catalog) {
        match self.meaning(named, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) | Meaning::Unclear(key) => {
                self.dependents_unclear(&key, catalog);
                self.touch_key(key);
            }
            Meaning::Nowhere => {
                if let Some(key) = self.creation_key(named) {
                    self.touch_key(key);
                }
            }
            Meaning::Anywhere => self.touch_everywhere(&named.name, catalog),
        }
    }

    /// A name whose schema is not known may mean something else in each of them.
    pub(super) fn touch_everywhere(&mut self, name: &Name, catalog: &Catalog) {
        Arc::make_mut(&mut self.relations.doubtful).insert(name.clone());
        if catalog.schemas.len() > MOST_SCHEMAS {
            self.relations.stored_lost = true;
            return self.changed();
        }
        let own = self.schemas.keys().cloned();
        let schemas: Vec<Name> = catalog.schemas.keys().cloned().chain(own).chain([pg_temp()]).collect();
        for schema in schemas {
            self.touch_key((schema, name.clone()));
        }
        self.temporary = true;
    }

    /// Whether something of this name was made or changed in a schema that is not known.
    pub(super) fn is_doubtful(&self, name: &Name) -> bool {
        self.relations.doubtful.contains(name)
    }

    /// An OID for a relation whose own nobody told.
    pub(super) fn new_oid(&mut self) -> Oid {
        let oid = self.next_oid.max(super::FIRST_OWN_OID);
        self.next_oid = oid.checked_add(1).unwrap_or(super::FIRST_OWN_OID);
        Oid(oid)
    }
}

impl Change {
    /// What it costs to keep.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Known(own) => {
                let sources: usize = own.sources.values().map(std::collections::BTreeSet::len).sum();
                1 + own.relation.columns.len() + sources + own.indirect.len() + own.gaps.len()
            }
            Self::Dropped | Self::Unknown => 1,
        }
    }
}
