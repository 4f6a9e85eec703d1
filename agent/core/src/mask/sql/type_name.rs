//! Types as they are written in a cast: with their schema and modifier, so that nothing else is meant.

use crate::{
    catalog::{Catalog, Oid, quoted},
    mask::{decimal::Digits, types::*},
};

/// A type that masks know, by its qualified name.
#[derive(Debug, Clone)]
pub(super) struct TypeName {
    /// Of a scalar, or of the elements.
    qualified: String,
    scalar: u32,
    array: bool,
}

impl TypeName {
    /// `standing` is what [`crate::mask::known`] says. `None`: the type has no mask and no neutral value.
    pub(super) fn new(catalog: &Catalog, type_oid: Oid, standing: u32) -> Option<Self> {
        let scalar = element(standing).unwrap_or(standing);
        let array = scalar != standing;
        let qualified = if scalar == CITEXT {
            let known = catalog.code.types.get(&type_oid)?;
            let named = if array { catalog.code.types.get(&known.element)? } else { known };
            format!("{}.{}", quoted(&named.schema), quoted(&named.name))
        } else {
            format!("pg_catalog.{}", quoted(built_in(scalar)?))
        };
        Some(Self { qualified, scalar, array })
    }

    /// The type of an array's elements.
    pub(super) fn element(&self) -> Option<Self> {
        self.array.then(|| Self { array: false, ..self.clone() })
    }

    /// With the modifier that a column of this type has; an array's is its elements'.
    pub(super) fn with_modifier(&self, modifier: i32) -> String {
        let brackets = if self.array { "[]" } else { "" };
        format!("{}{}{brackets}", self.qualified, modifier_text(self.scalar, modifier).unwrap_or_default())
    }
}

/// `INTERVAL_FULL_RANGE` and `INTERVAL_FULL_PRECISION`.
const ANY_FIELDS: i32 = 0x7fff;
const ANY_PRECISION: i32 = 0xffff;

/// What the type's `typmodin` reads back as this modifier.
fn modifier_text(scalar: u32, modifier: i32) -> Option<String> {
    if modifier < 0 {
        return None;
    }
    match scalar {
        VARCHAR | BPCHAR => Some(format!("({})", modifier.checked_sub(4)?)),
        NUMERIC => {
            Digits::from_modifier(modifier).map(|digits| format!("({},{})", digits.precision, digits.scale))
        }
        BIT | VARBIT | TIME | TIMETZ | TIMESTAMP | TIMESTAMPTZ => Some(format!("({modifier})")),
        INTERVAL => {
            let (fields, precision) = (modifier >> 16 & ANY_FIELDS, modifier & ANY_PRECISION);
            Some(if precision == ANY_PRECISION {
                format!("({fields})")
            } else {
                format!("({fields},{precision})")
            })
        }
        _ => None,
    }
}

/// `typname` of the scalar types that have a neutral value.
fn built_in(scalar: u32) -> Option<&'static str> {
    Some(match scalar {
        BOOL => "bool",
        BYTEA => "bytea",
        CHAR => "char",
        NAME => "name",
        INT8 => "int8",
        INT2 => "int2",
        INT4 => "int4",
        TEXT => "text",
        OID => "oid",
        TID => "tid",
        XID => "xid",
        CID => "cid",
        JSON => "json",
        XML => "xml",
        POINT => "point",
        LSEG => "lseg",
        PATH => "path",
        BOX => "box",
        POLYGON => "polygon",
        LINE => "line",
        CIDR => "cidr",
        FLOAT4 => "float4",
        FLOAT8 => "float8",
        CIRCLE => "circle",
        MACADDR8 => "macaddr8",
        MONEY => "money",
        MACADDR => "macaddr",
        INET => "inet",
        BPCHAR => "bpchar",
        VARCHAR => "varchar",
        DATE => "date",
        TIME => "time",
        TIMESTAMP => "timestamp",
        TIMESTAMPTZ => "timestamptz",
        INTERVAL => "interval",
        TIMETZ => "timetz",
        BIT => "bit",
        VARBIT => "varbit",
        NUMERIC => "numeric",
        UUID => "uuid",
        PG_LSN => "pg_lsn",
        TSVECTOR => "tsvector",
        TSQUERY => "tsquery",
        JSONB => "jsonb",
        JSONPATH => "jsonpath",
        XID8 => "xid8",
        other => return range(other),
    })
}

/// In the order of [`RANGES`] and [`MULTIRANGES`].
const RANGE_NAMES: [&str; 6] = ["int4range", "numrange", "tsrange", "tstzrange", "daterange", "int8range"];
const MULTIRANGE_NAMES: [&str; 6] =
    ["int4multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange", "int8multirange"];

fn range(scalar: u32) -> Option<&'static str> {
    let named = |oids: [u32; 6], names: [&'static str; 6]| {
        oids.into_iter().zip(names).find(|(oid, _)| *oid == scalar).map(|(_, name)| name)
    };
    named(RANGES, RANGE_NAMES).or_else(|| named(MULTIRANGES, MULTIRANGE_NAMES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::fixture, mask::neutral};

    #[test]
    fn every_type_with_a_neutral_value_has_the_name_that_the_server_knows() {
        let code = fixture::builtins(fixture::Version::Postgres18);
        for type_oid in 0..6_000 {
            let Some(known) = code.types.get(&Oid(type_oid)) else { continue };
            let has_neutral =
                neutral::neutral(connect_shared::label::Label::Secret, type_oid, crate::mask::Format::Text)
                    != neutral::Neutral::Null;
            let name = TypeName::new(&Catalog::default(), Oid(type_oid), type_oid);
            assert_eq!(name.is_some(), has_neutral, "{}", known.name);
            let Some(name) = name else { continue };
            let element = code.types.get(&known.element).filter(|_| name.array);
            let expected = element.unwrap_or(known);
            assert_eq!(name.qualified, format!("pg_catalog.\"{}\"", expected.name));
        }
    }
}
