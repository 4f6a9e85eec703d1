//! Object identifiers of the types of `pg_catalog`, from `pg_type.dat`. They never change.

pub(crate) const BOOL: u32 = 16;
pub(crate) const BYTEA: u32 = 17;
pub(crate) const CHAR: u32 = 18;
pub(crate) const NAME: u32 = 19;
pub(crate) const INT8: u32 = 20;
pub(crate) const INT2: u32 = 21;
pub(crate) const INT4: u32 = 23;
pub(crate) const TEXT: u32 = 25;
pub(crate) const OID: u32 = 26;
pub(crate) const TID: u32 = 27;
pub(crate) const XID: u32 = 28;
pub(crate) const CID: u32 = 29;
pub(crate) const JSON: u32 = 114;
pub(crate) const XML: u32 = 142;
pub(crate) const POINT: u32 = 600;
pub(crate) const LSEG: u32 = 601;
pub(crate) const PATH: u32 = 602;
pub(crate) const BOX: u32 = 603;
pub(crate) const POLYGON: u32 = 604;
pub(crate) const LINE: u32 = 628;
pub(crate) const CIDR: u32 = 650;
pub(crate) const FLOAT4: u32 = 700;
pub(crate) const FLOAT8: u32 = 701;
pub(crate) const CIRCLE: u32 = 718;
pub(crate) const MACADDR8: u32 = 774;
pub(crate) const MONEY: u32 = 790;
pub(crate) const MACADDR: u32 = 829;
pub(crate) const INET: u32 = 869;
pub(crate) const BPCHAR: u32 = 1042;
pub(crate) const VARCHAR: u32 = 1043;
pub(crate) const DATE: u32 = 1082;
pub(crate) const TIME: u32 = 1083;
pub(crate) const TIMESTAMP: u32 = 1114;
pub(crate) const TIMESTAMPTZ: u32 = 1184;
pub(crate) const INTERVAL: u32 = 1186;
pub(crate) const TIMETZ: u32 = 1266;
pub(crate) const BIT: u32 = 1560;
pub(crate) const VARBIT: u32 = 1562;
pub(crate) const NUMERIC: u32 = 1700;
pub(crate) const UUID: u32 = 2950;
pub(crate) const PG_LSN: u32 = 3220;
pub(crate) const TSVECTOR: u32 = 3614;
pub(crate) const TSQUERY: u32 = 3615;
pub(crate) const JSONB: u32 = 3802;
pub(crate) const JSONPATH: u32 = 4072;
pub(crate) const XID8: u32 = 5069;

/// Range types: int4, num, ts, tstz, date, int8.
pub(crate) const RANGES: [u32; 6] = [3904, 3906, 3908, 3910, 3912, 3926];
/// Their multiranges.
pub(crate) const MULTIRANGES: [u32; 6] = [4451, 4532, 4533, 4534, 4535, 4536];

/// Array types with their element types.
pub(crate) const ARRAYS: [(u32, u32); 32] = [
    (143, XML),
    (199, JSON),
    (651, CIDR),
    (775, MACADDR8),
    (791, MONEY),
    (1000, BOOL),
    (1001, BYTEA),
    (1002, CHAR),
    (1003, NAME),
    (1005, INT2),
    (1007, INT4),
    (1009, TEXT),
    (1014, BPCHAR),
    (1015, VARCHAR),
    (1016, INT8),
    (1017, POINT),
    (1021, FLOAT4),
    (1022, FLOAT8),
    (1028, OID),
    (1040, MACADDR),
    (1041, INET),
    (1115, TIMESTAMP),
    (1182, DATE),
    (1183, TIME),
    (1185, TIMESTAMPTZ),
    (1187, INTERVAL),
    (1231, NUMERIC),
    (1270, TIMETZ),
    (1561, BIT),
    (1563, VARBIT),
    (2951, UUID),
    (3807, JSONB),
];

/// Stands for the extension's type, which has no fixed OID; no type of a database has this one.
pub(crate) const CITEXT: u32 = u32::MAX;
/// Stands for an array of it.
pub(crate) const CITEXT_ARRAY: u32 = u32::MAX - 1;

/// The element type of an array type of `pg_catalog`.
pub(crate) fn element(type_oid: u32) -> Option<u32> {
    if type_oid == CITEXT_ARRAY {
        return Some(CITEXT);
    }
    ARRAYS.iter().find(|(array, _)| *array == type_oid).map(|(_, element)| *element)
}
