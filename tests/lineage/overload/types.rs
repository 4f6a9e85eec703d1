//! Types to call things with.

use connect_core::{
    catalog::{
        Catalog, Oid,
        code::{Type, TypeKind},
    },
    understand::overload::{UNKNOWN, is_polymorphic},
};

use super::Random;

pub(super) const RECORD: Oid = Oid(2249);
const ANY: Oid = Oid(2276);
const ANY_ARRAY: Oid = Oid(2277);

/// Names of types that most calls are about.
const COMMON: &str = "bool int2 int4 int8 float4 float8 numeric text varchar bpchar name date timestamp \
    timestamptz interval time json jsonb bytea oid regclass uuid inet _int4 _int8 _text _varchar int4range \
    email code positive even list mood colour pair parent child other span int4multirange";

/// Types by how likely they are.
pub(super) struct Types {
    all: Vec<Oid>,
    common: Vec<Oid>,
}

impl Types {
    pub(super) fn of(catalog: &Catalog) -> Self {
        let is_value = |found: &Type| match found.kind {
            TypeKind::Pseudo => false,
            // The system's rows are many and alike; its domains have lengths, which run functions of their own.
            TypeKind::Composite(_) => &*found.schema == "public",
            _ if &*found.schema == "information_schema" => false,
            _ => !found.name.starts_with("_pg_") || &*found.schema == "public",
        };
        let mut all: Vec<Oid> =
            catalog.code.types.values().filter(|found| is_value(found)).map(|found| found.oid).collect();
        // The catalog's maps have no order; the questions are to be the same at every run.
        all.sort_unstable();
        let named = |name: &str| {
            let oids = catalog.code.types_by_name.get(name).unwrap_or_else(|| panic!("the type {name}"));
            oids[0]
        };
        Self { all, common: COMMON.split_whitespace().map(named).collect() }
    }

    /// Any type, the common ones and untyped literals more often.
    pub(super) fn any(&self, random: &mut Random) -> Oid {
        match random.below(16) {
            0..4 => UNKNOWN,
            4 if random.once_in(3) => RECORD,
            4 if random.once_in(8) => ANY_ARRAY,
            4..12 => *random.of(&self.common),
            _ => *random.of(&self.all),
        }
    }

    /// A type for a declared argument, mostly one that may fit.
    pub(super) fn near(&self, catalog: &Catalog, declared: Oid, random: &mut Random) -> Oid {
        let odd = random.below(10);
        if odd == 0 {
            return self.any(random);
        }
        if odd < 3 {
            return UNKNOWN;
        }
        let code = &catalog.code;
        if is_polymorphic(declared) || declared == ANY {
            let wanted = |oid: &&Oid| match declared.0 {
                2277 | 5078 => code.types[*oid].category == b'A',
                3831 | 5080 => matches!(code.types[*oid].kind, TypeKind::Range(_)),
                4537 | 4538 => matches!(code.types[*oid].kind, TypeKind::Multirange(_)),
                3500 => code.types[*oid].kind == TypeKind::Enum,
                _ => true,
            };
            let fitting: Vec<Oid> = self.common.iter().chain(&self.all).filter(wanted).copied().collect();
            return *random.of(&fitting);
        }
        if odd < 6 {
            return declared;
        }
        // Something that the declared type can be reached from, or something of its kind.
        let sources: Vec<Oid> =
            code.casts.keys().filter(|(_, to)| *to == declared).map(|(from, _)| *from).collect();
        let category = code.types.get(&declared).map(|found| found.category);
        let alike: Vec<Oid> =
            self.all.iter().copied().filter(|oid| Some(code.types[oid].category) == category).collect();
        let mut near = if odd < 8 && !sources.is_empty() { sources } else { alike };
        near.sort_unstable();
        if near.is_empty() { self.any(random) } else { *random.of(&near) }
    }
}

/// An expression of this type that runs nothing.
pub(super) fn expression(catalog: &Catalog, oid: Oid) -> String {
    match oid {
        UNKNOWN => "NULL".to_owned(),
        RECORD => "ROW(NULL::int4, NULL::text)".to_owned(),
        ANY_ARRAY => "(SELECT stavalues1 FROM pg_catalog.pg_statistic)".to_owned(),
        oid => format!("NULL::{}", name(catalog, oid)),
    }
}

/// The type's full name in quotes.
pub(super) fn name(catalog: &Catalog, oid: Oid) -> String {
    let found = &catalog.code.types[&oid];
    format!("\"{}\".\"{}\"", found.schema, found.name)
}
