//! What one connection has set so far, as far as it changes what its next statement means: search path,
//! role, own temporary and uncommitted objects, prepared statements and cursors.
//!
//! A statement means something only with this beside the catalog snapshot. What is not known for certain
//! is said to be unknown here, and whatever depends on it is then partial or opaque.

use std::{collections::HashMap, sync::Arc};

use crate::{
    catalog::{Relation, code::Name},
    lineage::{ColumnId, Columns, Lineage},
};

/// State of one connection.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Schemas in the order of lookup, the implicit ones included; `None` if nobody knows.
    pub search_path: Option<Arc<SearchPath>>,
    /// Own relations that no snapshot shows, or shows otherwise.
    pub relations: Relations,
    /// Statements by name: of PREPARE and of the protocol, which share their names.
    pub prepared: HashMap<Name, Arc<Lineage>>,
    /// Cursors and portals by name.
    pub cursors: HashMap<Name, Arc<Lineage>>,
}

/// Where unqualified names are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// For relations and types: the session's temporary schema (if it has one, written `pg_temp`),
    /// `pg_catalog` if it is not named, then what was set. Functions and operators are never looked for
    /// in `pg_temp`.
    pub schemas: Vec<Name>,
    /// Where new objects go: the first that was named and exists.
    pub creation: Option<Name>,
}

/// What the session's own statements did to relations since the snapshot was read.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// By (schema, name); temporary ones under `pg_temp`.
    pub changed: HashMap<(Name, Name), Change>,
    /// Something else was changed that the snapshot does not show (a function, a type, an operator).
    pub code_changed: bool,
}

/// What became of one relation.
#[derive(Debug, Clone)]
pub enum Change {
    Dropped,
    /// Made or changed in a way that is understood.
    Known(Arc<OwnRelation>),
    /// Changed in a way that is not understood.
    Unknown,
}

/// A relation that only this session knows in this form.
#[derive(Debug, Clone)]
pub struct OwnRelation {
    /// Its OID is one of [`FIRST_OWN_OID`] upwards if the server's is not known.
    pub relation: Relation,
    /// For a temporary table: what its columns were filled from, so that lineage goes through it to
    /// stored columns. By attribute number.
    pub sources: HashMap<ColumnId, Columns>,
    /// What decided which rows are in it.
    pub indirect: Columns,
    /// It is temporary: lineage goes through it. Else it stops here as at every stored table.
    pub temporary: bool,
    /// What is not understood about its contents.
    pub gaps: Vec<crate::lineage::Gap>,
}

/// OIDs from here on are the agent's own, of relations whose OID nobody has told it. PostgreSQL counts up
/// from 16384 and reaches these only after four billion objects.
pub const FIRST_OWN_OID: u32 = 0xFFF0_0000;
