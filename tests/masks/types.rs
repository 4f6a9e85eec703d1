//! The columns that are masked: a type each, with what fills it.

use connect_shared::label::Label;

use crate::values::Kind;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The type as in CREATE TABLE, and a collation.
    pub declared: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// Schema and name of the collation, where it is not the type's own.
    pub collation: Option<(&'static str, &'static str)>,
    /// Arrays of such values.
    pub array: bool,
    /// The first version that has the type.
    pub since: u8,
}

/// One of each way that a value of no text is masked.
const SOME: &[Label] = &[Label::NationalId, Label::BirthDate, Label::Salary, Label::Secret];

const fn case(declared: &'static str, kind: Kind) -> Case {
    Case { declared, kind, labels: SOME, collation: None, array: false, since: 13 }
}

const fn text(declared: &'static str) -> Case {
    Case { labels: &Label::ALL, ..case(declared, Kind::Text) }
}

const fn integer(declared: &'static str, smallest: i64, largest: i64) -> Case {
    case(declared, Kind::Integer { smallest, largest })
}

const fn numeric(declared: &'static str, digits: u64, scale: u64) -> Case {
    case(declared, Kind::Numeric { digits, scale, unbounded: false })
}

const fn only(declared: &'static str, values: &'static [&'static str]) -> Case {
    case(declared, Kind::Only(values))
}

const fn array(case: Case) -> Case {
    Case { array: true, ..case }
}

const C: Option<(&str, &str)> = Some(("pg_catalog", "C"));
const ANY_CASE: Option<(&str, &str)> = Some(("extensions", "any \"case\""));

pub const CASES: &[Case] = &[
    text("text"),
    Case { collation: C, ..text("text COLLATE \"C\"") },
    Case { collation: ANY_CASE, ..text("text COLLATE extensions.\"any \"\"case\"\"\"") },
    text("varchar"),
    text("varchar(255)"),
    text("varchar(30)"),
    text("varchar(16)"),
    text("varchar(4)"),
    text("bpchar"),
    text("char(60)"),
    text("char(16)"),
    text("char(1)"),
    text("extensions.citext"),
    Case { labels: &Label::ALL, ..case("name", Kind::Name) },
    integer("int2", i16::MIN as i64, i16::MAX as i64),
    integer("int4", i32::MIN as i64, i32::MAX as i64),
    integer("int8", i64::MIN, i64::MAX),
    case("numeric", Kind::Numeric { digits: 40, scale: 20, unbounded: true }),
    Case { since: 14, ..only("numeric", &["Infinity", "-Infinity", "NaN"]) },
    numeric("numeric(30)", 20, 0),
    numeric("numeric(12,2)", 10, 2),
    numeric("numeric(17,1)", 10, 1),
    numeric("numeric(4,2)", 4, 2),
    numeric("numeric(20,10)", 14, 4),
    only("numeric(3,3)", &["0", "0.123", "-0.999", "0.1"]),
    Case { since: 15, ..only("numeric(3,-2)", &["0", "12300", "-99900"]) },
    Case { since: 15, ..only("numeric(3,6)", &["0", "0.000123", "-0.000999"]) },
    case("date", Kind::Date),
    case("timestamp", Kind::Timestamp),
    case("timestamp(0)", Kind::Timestamp),
    case("timestamptz", Kind::Timestamp),
    case("timestamptz(3)", Kind::Timestamp),
    case("uuid", Kind::Uuid),
    case("inet", Kind::Inet),
    case("bytea", Kind::Bytea),
    case("json", Kind::Json),
    case("jsonb", Kind::Json),
    array(text("text")),
    array(text("varchar(30)")),
    array(text("char(16)")),
    array(text("extensions.citext")),
    array(Case { collation: C, ..text("text COLLATE \"C\"") }),
    array(integer("int4", i32::MIN as i64, i32::MAX as i64)),
    array(numeric("numeric(12,2)", 10, 2)),
    array(case("date", Kind::Date)),
    array(case("timestamptz", Kind::Timestamp)),
    array(case("uuid", Kind::Uuid)),
    array(case("inet", Kind::Inet)),
    array(case("bytea", Kind::Bytea)),
    array(case("jsonb", Kind::Json)),
    Case { labels: &[Label::Email], ..case("text[]", Kind::Huge) },
    only(
        "text[]",
        &["{{a,b},{c,d}}", "[0:1]={a,b}", "[2:3]={a,b}", "{}", "{NULL}", "{NULL,NULL}", "{a,NULL}"],
    ),
    only("bool", &["t", "f"]),
    only("\"char\"", &["", "a"]),
    only("oid", &["0", "4294967295"]),
    only("float4", &["NaN", "-Infinity", "1e-40", "3.4e38"]),
    only("float8", &["NaN", "Infinity", "1e-310", "0.1"]),
    only("interval", &["-1 day", "178000000 years", "1 mon 2 days 03:04:05.6"]),
    only("interval day to second(3)", &["1 day 00:00:01.5"]),
    only("interval year", &["3 years"]),
    only("interval(2)", &["1.234 seconds"]),
    only("time", &["24:00:00", "00:00:00"]),
    only("time(3)", &["12:34:56.789"]),
    only("timetz", &["24:00:00+15:59", "00:00:00-15:59"]),
    only("cidr", &["10.0.0.0/8", "::/0"]),
    only("macaddr", &["08:00:2b:01:02:03"]),
    only("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    only("money", &["-92233720368547758.08", "1.00"]),
    only("bit", &["0", "1"]),
    only("bit(17)", &["10101010101010101"]),
    only("varbit", &["", "1", "010101010"]),
    only("varbit(20)", &["1"]),
    only("point", &["(1,2)", "(NaN,Infinity)"]),
    only("lseg", &["[(1,2),(3,4)]"]),
    only("box", &["(3,4),(1,2)"]),
    only("path", &["[(1,2),(3,4)]", "((1,2))"]),
    only("polygon", &["((1,2),(3,4))"]),
    only("line", &["{1,2,3}"]),
    only("circle", &["<(1,2),3>"]),
    only("tsvector", &["", "'a':1A 'b'"]),
    only("tsquery", &["", "'a' & !'b'"]),
    only("xml", &["<a/>", "<a>b</a>"]),
    only("jsonpath", &["$.a[*]"]),
    only("pg_lsn", &["FFFFFFFF/FFFFFFFF"]),
    only("xid", &["0", "4294967295"]),
    only("cid", &["7"]),
    only("tid", &["(4294967295,65535)"]),
    only("xid8", &["18446744073709551615"]),
    only("int4range", &["empty", "[1,5)", "(,)"]),
    only("tstzrange", &["[2000-01-01,)"]),
    Case { since: 14, ..only("nummultirange", &["{}", "{[1,2],(4,5)}"]) },
    only("float8[]", &["{1,NaN}"]),
    only("oidvector", &["1 2"]),
    only("int4range[]", &["{empty}"]),
    only("point[]", &["{\"(1,2)\"}"]),
    only("box[]", &["{(1,2),(3,4)}"]),
    only("regclass", &["pg_class"]),
    only("extensions.mood", &["sad", "happy"]),
    only("extensions.mood[]", &["{sad,happy}"]),
    only("extensions.pair", &["(1,a)", "(,)"]),
    only("extensions.must", &["x"]),
];
