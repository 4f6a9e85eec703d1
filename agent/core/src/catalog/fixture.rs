//! What PostgreSQL brings along, and small databases written as text: for tests of what is understood,
//! here and in the tests' own package. Nothing of it is used by the agent.
//!
//! `fixture/builtins.sql` says how the data files are made; [`draft`] says what a small database may hold.

mod draft;
mod line;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

pub use self::draft::{DraftError, catalog};
use super::{
    BuiltinFunction, Catalog, Oid, Relation,
    code::{Code, FunctionKind, Name},
};

/// A version whose built-in things are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Postgres15,
    Postgres18,
}

/// What a server has of its own.
#[derive(Debug, Default)]
struct Builtins {
    code: Arc<Code>,
    schemas: HashMap<Name, Oid>,
    relations: Vec<Arc<Relation>>,
}

impl Version {
    fn builtins(self) -> &'static Builtins {
        static POSTGRES_15: OnceLock<Builtins> = OnceLock::new();
        static POSTGRES_18: OnceLock<Builtins> = OnceLock::new();
        match self {
            Self::Postgres15 => {
                POSTGRES_15.get_or_init(|| line::read(include_str!("fixture/postgres15.tsv")))
            }
            Self::Postgres18 => {
                POSTGRES_18.get_or_init(|| line::read(include_str!("fixture/postgres18.tsv")))
            }
        }
    }

    /// `server_version_num`
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Postgres15 => 150_000,
            Self::Postgres18 => 180_000,
        }
    }
}

/// The types, functions, operators and casts of a new database.
#[must_use]
pub fn builtins(version: Version) -> Arc<Code> {
    Arc::clone(&version.builtins().code)
}

/// A new database: the system's relations (without the definitions of its views) and code, the schema
/// `public`, nothing else.
#[must_use]
pub fn empty(version: Version) -> Catalog {
    filled(version.number(), version.builtins())
}

/// What a server has, from the lines that [`BUILTINS_SQL`] gives; functions without their bodies.
#[must_use]
pub fn listed(server_version: u32, lines: &str) -> Catalog {
    filled(server_version, &line::read(lines))
}

/// Asks a server of version 14 or later for the things whose OID is less than 16384, one a line.
pub const BUILTINS_SQL: &str = include_str!("fixture/builtins.sql");

fn filled(server_version: u32, builtins: &Builtins) -> Catalog {
    let mut schemas = builtins.schemas.clone();
    schemas.insert("public".into(), Oid(2200));
    let mut catalog = Catalog {
        version: 1,
        server_version,
        utf8: true,
        code: Arc::clone(&builtins.code),
        schemas: Arc::new(schemas),
        role: "owner".into(),
        search_path: "\"$user\", public".into(),
        builtin_functions: Arc::new(builtin_names(&builtins.code)),
        ..Catalog::default()
    };
    builtins.relations.iter().for_each(|relation| catalog.insert(Arc::clone(relation)));
    catalog
}

fn builtin_names(code: &Code) -> HashMap<Name, BuiltinFunction> {
    let mut names: HashMap<Name, BuiltinFunction> = HashMap::new();
    for function in code.functions.values().filter(|function| &*function.schema == "pg_catalog") {
        let aggregate = matches!(function.kind, FunctionKind::Aggregate(_) | FunctionKind::Window);
        let known = names
            .entry(function.name.clone())
            .or_insert(BuiltinFunction { volatility: function.volatility, aggregate });
        known.volatility = known.volatility.max(function.volatility);
        known.aggregate |= aggregate;
    }
    names
}

#[cfg(test)]
mod tests;
