//! What attacks compute with a protected column. `{}` stands for what they compute with.

use super::{Column, Kind};
use crate::generate::dice::Dice;

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) sql: String,
    pub(super) kind: Kind,
}

const TEXTS: &[(&str, Kind)] = &[
    ("{}", Kind::Text),
    ("upper({})", Kind::Text),
    ("lower({})", Kind::Text),
    ("initcap({})", Kind::Text),
    ("reverse({})", Kind::Text),
    ("{} || ''", Kind::Text),
    ("'<' || {} || '>'", Kind::Text),
    ("concat({}, 1)", Kind::Text),
    ("concat_ws('-', {}, {})", Kind::Text),
    ("format('%s|%L', {}, {})", Kind::Text),
    ("({})::text", Kind::Text),
    ("({})::varchar(7)", Kind::Text),
    ("cast({} AS char(90))", Kind::Text),
    ("({}) COLLATE \"C\"", Kind::Text),
    ("substr({}, 1, 12)", Kind::Text),
    ("substring({} from '[a-z]+')", Kind::Text),
    ("left({}, 5)", Kind::Text),
    ("right({}, -3)", Kind::Text),
    ("overlay({} placing 'x' from 1 for 0)", Kind::Text),
    ("replace({}, '@', '#')", Kind::Text),
    ("translate({}, 'aeiou', 'AEIOU')", Kind::Text),
    ("regexp_replace({}, '[aeiou]', '_', 'g')", Kind::Text),
    ("split_part({}, '@', 1)", Kind::Text),
    ("lpad({}, 60, '*')", Kind::Text),
    ("repeat({}, 2)", Kind::Text),
    ("trim(both 'q' from {})", Kind::Text),
    ("btrim({})", Kind::Text),
    ("md5({})", Kind::Text),
    ("encode(convert_to({}, 'UTF8'), 'hex')", Kind::Text),
    ("encode(({})::bytea, 'base64')", Kind::Text),
    ("encode(sha256(convert_to({}, 'UTF8')), 'hex')", Kind::Text),
    ("quote_literal({})", Kind::Text),
    ("quote_ident({})", Kind::Text),
    ("coalesce({}, 'none')", Kind::Text),
    ("nullif({}, '')", Kind::Text),
    ("greatest({}, 'a')", Kind::Text),
    ("least({}, 'zzz')", Kind::Text),
    ("CASE WHEN {} > 'm' THEN {} ELSE 'low' END", Kind::Text),
    ("(ARRAY[{}])[1]", Kind::Text),
    ("(string_to_array({}, '.'))[1]", Kind::Text),
    ("array_to_string(regexp_split_to_array({}, ''), '-')", Kind::Text),
    ("array_to_string(regexp_match({}, '^(.)(.*)$'), ',')", Kind::Text),
    ("to_json({})::text", Kind::Text),
    ("json_build_object('v', {}) ->> 'v'", Kind::Text),
    ("jsonb_build_array({}, 1) #>> '{0}'", Kind::Text),
    ("to_tsvector('simple', {})::text", Kind::Text),
    ("(xpath('/a/text()', xmlelement(name a, {})))[1]::text", Kind::Text),
    ("(SELECT max(v.x) FROM (VALUES ({}), ('')) v(x))", Kind::Text),
    ("(SELECT {})", Kind::Text),
    ("pg_typeof({})::text || {}", Kind::Text),
    ("normalize({})", Kind::Text),
    ("length({})", Kind::Number),
    ("octet_length({})", Kind::Number),
    ("bit_length({})", Kind::Number),
    ("ascii({})", Kind::Number),
    ("position('@' in {})", Kind::Number),
    ("strpos({}, 'z')", Kind::Number),
    ("pg_column_size(({})::text || 'x') * 0", Kind::Number),
    ("get_byte(convert_to({} || 'x', 'UTF8'), 0)", Kind::Number),
    ("({})::bytea", Kind::Bytes),
    ("jsonb_build_object('v', {}, 'n', 1)", Kind::Json),
    ("to_jsonb({})", Kind::Json),
    ("json_build_array({})::jsonb", Kind::Json),
    ("ARRAY[{}, 'x']", Kind::Array),
    ("string_to_array({}, 'e')", Kind::Array),
    ("array_fill(({})::text, ARRAY[2])", Kind::Array),
    ("array_append(ARRAY['a'], ({})::text)", Kind::Array),
    ("{} LIKE 'q%'", Kind::Truth),
    ("{} ~ 'yx'", Kind::Truth),
    ("{} SIMILAR TO '%zy%'", Kind::Truth),
    ("starts_with({}, 'Quor')", Kind::Truth),
    ("{} || '' IN ('quorraline1@zyxwell.example', 'x')", Kind::Truth),
    ("{} || '' = ANY(ARRAY['quorraline1@zyxwell.example', 'x'])", Kind::Truth),
    ("{} BETWEEN 'a' AND 'n'", Kind::Truth),
    ("{} IS DISTINCT FROM upper({})", Kind::Truth),
    ("({}, 1) < ('m', 2)", Kind::Truth),
    ("({} || '' = '') IS NOT TRUE", Kind::Truth),
];

const NUMBERS: &[(&str, Kind)] = &[
    ("{}", Kind::Number),
    ("{} + 1", Kind::Number),
    ("-({})", Kind::Number),
    ("abs({})", Kind::Number),
    ("{} % 1000", Kind::Number),
    ("({})::numeric / 7", Kind::Number),
    ("({})::float8", Kind::Number),
    ("round(({})::numeric, -3)", Kind::Number),
    ("coalesce({}, 0)", Kind::Number),
    ("width_bucket(({})::numeric, 0, 1000000, 10)", Kind::Number),
    ("CASE WHEN {} > 50000 THEN {} ELSE 0 END", Kind::Number),
    ("sign(({})::numeric)", Kind::Number),
    ("({})::text", Kind::Text),
    ("to_char({}, 'FM999999999999990.00')", Kind::Text),
    ("{} || '!'", Kind::Text),
    ("json_build_object('v', {})::text", Kind::Text),
    ("to_jsonb({})", Kind::Json),
    ("ARRAY[({})::text]", Kind::Array),
    ("{} > 3704004404", Kind::Truth),
    ("{} BETWEEN 0 AND 99999", Kind::Truth),
    ("({})::text LIKE '3%'", Kind::Truth),
    ("({})::numeric = trunc(({})::numeric)", Kind::Truth),
];

const DATES: &[(&str, Kind)] = &[
    ("{}", Kind::Date),
    ("{} + 1", Kind::Date),
    ("({} + interval '1 month')::date", Kind::Date),
    ("greatest({}, date '1961-01-01')", Kind::Date),
    ("{} - date '2000-01-01'", Kind::Number),
    ("extract(year FROM {})", Kind::Number),
    ("date_part('doy', {})", Kind::Number),
    ("({})::text", Kind::Text),
    ("to_char({}, 'DD.MM.YYYY')", Kind::Text),
    ("age({}, date '2026-01-01')::text", Kind::Text),
    ("concat({})", Kind::Text),
    ("({})::timestamp", Kind::Stamp),
    ("date_trunc('year', {})", Kind::Stamp),
    ("to_jsonb({})", Kind::Json),
    ("{} < '1962-01-01'", Kind::Truth),
    ("({}, {} + 1) OVERLAPS (date '1961-01-01', date '1962-01-01')", Kind::Truth),
    ("isfinite({})", Kind::Truth),
];

const STAMPS: &[(&str, Kind)] = &[
    ("{}", Kind::Stamp),
    ("{} + interval '1 hour'", Kind::Stamp),
    ("date_trunc('day', {})", Kind::Stamp),
    ("({})::date", Kind::Date),
    ("({})::text", Kind::Text),
    ("to_char({}, 'YYYY-MM-DD HH24:MI:SS')", Kind::Text),
    ("extract(epoch FROM {})", Kind::Number),
    ("to_json({})::text", Kind::Text),
    ("{} > '1970-01-01'", Kind::Truth),
];

const BYTES: &[(&str, Kind)] = &[
    ("{}", Kind::Bytes),
    ("{} || '\\x00'::bytea", Kind::Bytes),
    ("substring({} from 2)", Kind::Bytes),
    ("encode({}, 'hex')", Kind::Text),
    ("encode({}, 'base64')", Kind::Text),
    ("encode({}, 'escape')", Kind::Text),
    ("({})::text", Kind::Text),
    ("md5({})", Kind::Text),
    ("length({})", Kind::Number),
    ("get_byte({} || '\\x01'::bytea, 0)", Kind::Number),
    ("{} > '\\x70'::bytea", Kind::Truth),
];

const UUIDS: &[(&str, Kind)] = &[
    ("{}", Kind::Uuid),
    ("({})::text", Kind::Text),
    ("left(({})::text, 8)", Kind::Text),
    ("to_jsonb({})", Kind::Json),
    ("{} > '80000000-0000-0000-0000-000000000000'", Kind::Truth),
];

const NETWORKS: &[(&str, Kind)] = &[
    ("{}", Kind::Network),
    ("set_masklen({}, 24)", Kind::Network),
    ("{} + 1", Kind::Network),
    ("host({})", Kind::Text),
    ("({})::text", Kind::Text),
    ("abbrev({})", Kind::Text),
    ("family({})", Kind::Number),
    ("{} - inet '10.0.0.0'", Kind::Number),
    ("{} << inet '10.0.0.0/8'", Kind::Truth),
];

const JSONS: &[(&str, Kind)] = &[
    ("{}", Kind::Json),
    ("{} || '{\"x\": 1}'::jsonb", Kind::Json),
    ("jsonb_strip_nulls({})", Kind::Json),
    ("({})::text", Kind::Text),
    ("{} ->> 'name'", Kind::Text),
    ("{} #>> '{name}'", Kind::Text),
    ("jsonb_pretty({})", Kind::Text),
    ("jsonb_typeof({})", Kind::Text),
    ("jsonb_path_query_first({}, '$.name')", Kind::Json),
    ("array(SELECT jsonb_object_keys({}) ORDER BY 1)", Kind::Array),
    ("(SELECT string_agg(e.key || e.value, ',' ORDER BY e.key) FROM jsonb_each_text({}) e)", Kind::Text),
    ("{} ? 'name'", Kind::Truth),
    ("{} @> '{\"name\": \"Quorraline Zyxwell\"}'", Kind::Truth),
];

const ARRAYS: &[(&str, Kind)] = &[
    ("{}", Kind::Array),
    ("{} || ARRAY['z']", Kind::Array),
    ("array_remove({}, 'z')", Kind::Array),
    ("({})[1]", Kind::Text),
    ("({})[1:2]", Kind::Array),
    ("array_to_string({}, '/')", Kind::Text),
    ("({})::text", Kind::Text),
    ("to_json({})::text", Kind::Text),
    ("cardinality({})", Kind::Number),
    ("array_length({}, 1)", Kind::Number),
    ("(SELECT string_agg(u, '+' ORDER BY u) FROM unnest({}) u)", Kind::Text),
    ("'Quorraline Zyxwell' = ANY({})", Kind::Truth),
    ("{} && ARRAY['Quorraline Zyxwell']", Kind::Truth),
];

const TRUTHS: &[(&str, Kind)] = &[
    ("{}", Kind::Truth),
    ("NOT ({})", Kind::Truth),
    ("({}) IS UNKNOWN", Kind::Truth),
    ("CASE WHEN {} THEN 'yes' ELSE 'no' END", Kind::Text),
    ("CASE WHEN {} THEN 1 ELSE 0 END", Kind::Number),
    ("({})::int", Kind::Number),
    ("({})::text", Kind::Text),
];

const fn templates(kind: Kind) -> &'static [(&'static str, Kind)] {
    match kind {
        Kind::Text => TEXTS,
        Kind::Number => NUMBERS,
        Kind::Date => DATES,
        Kind::Stamp => STAMPS,
        Kind::Bytes => BYTES,
        Kind::Uuid => UUIDS,
        Kind::Network => NETWORKS,
        Kind::Json => JSONS,
        Kind::Array => ARRAYS,
        Kind::Truth => TRUTHS,
    }
}

/// An expression over a column, of one to `depth` templates in each other.
pub(super) fn of(dice: &mut Dice, column: &Column, depth: usize) -> Made {
    let mut made = Made { sql: column.sql.clone(), kind: column.kind };
    for _ in 0..=dice.below(depth) {
        let (template, kind) = dice.pick(templates(made.kind));
        made = Made { sql: template.replace("{}", &operand(&made.sql)), kind: *kind };
    }
    made
}

fn operand(sql: &str) -> String {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "_.\" ".contains(letter);
    if sql.chars().all(word) { sql.to_owned() } else { format!("({sql})") }
}

/// Expressions that fail, or not, by the value.
const FAILING: &[&str] = &[
    "1 / (CASE WHEN {} THEN 0 ELSE 1 END) = 1",
    "(CASE WHEN {} THEN 'x' ELSE '1' END)::int = 1",
    "(CASE WHEN {} THEN '1961-99-99' ELSE '1961-07-23' END)::date > '1900-01-01'",
    "sqrt(CASE WHEN {} THEN -1 ELSE 1 END) = 1",
    "(ARRAY[1])[CASE WHEN {} THEN 1 ELSE 2 END] IS NULL",
    "(CASE WHEN {} THEN '[' ELSE '[]' END)::json IS NOT NULL",
    "regexp_replace('a', CASE WHEN {} THEN '(' ELSE 'a' END, '') = ''",
];

/// A condition on an expression.
pub(super) fn condition(dice: &mut Dice, made: &Made) -> String {
    let own: Vec<&str> =
        templates(made.kind).iter().filter(|(_, kind)| *kind == Kind::Truth).map(|(sql, _)| *sql).collect();
    let condition = dice.pick(&own).replace("{}", &operand(&made.sql));
    wrapped(dice, &condition)
}

/// The condition itself, turned around, or as an error.
fn wrapped(dice: &mut Dice, condition: &str) -> String {
    match dice.below(10) {
        0..6 => condition.to_owned(),
        6 => format!("NOT ({condition})"),
        7 => format!("(({condition}) IS NOT NULL AND ({condition}))"),
        _ => dice.pick(FAILING).replace("{}", condition),
    }
}

/// Conditions that hold for the clear value and for no mask.
pub(super) fn guess(dice: &mut Dice, column: &Column) -> String {
    let guesses: &[&str] = match column.kind {
        Kind::Text => &[
            "{} ILIKE '%quor%'",
            "{} ~* 'zyxwell'",
            "lower({}) LIKE '%zyxwell%'",
            "position('013' in {}) > 0 AND {} LIKE '%555 013%'",
            "{} || '' = 'quorraline1@zyxwell.example'",
            "{} || '' IN ('quorraline1@zyxwell.example', 'Quorraline Zyxwell 1')",
            "reverse({}) LIKE '%llewxyz%'",
            "encode(convert_to({}, 'UTF8'), 'hex') LIKE '%7a797877656c6c%'",
            "md5({}) = md5('quorraline1@zyxwell.example')",
            "length({}) = -1 OR {} ~* 'rraline'",
            "starts_with({}, 'sk_live_QZ7x9')",
            "(regexp_match({}, '[Qq]uor'))[1] IS NOT NULL",
            "to_tsvector('simple', {}) @@ 'quorraline & zyxwell'",
            "{} SIMILAR TO '%(quorraline|Quorraline)%'",
        ],
        Kind::Number => {
            &["{} + 0 = 370400440501", "({})::text LIKE '3704004405%'", "{} % 370400440533 > 370400440000"]
        }
        Kind::Date => &[
            "{} + 0 = date '1061-07-23'",
            "({})::text LIKE '1061%'",
            "extract(year FROM {}) = 1061",
            "{} < '1900-01-01'",
        ],
        Kind::Stamp => &["{} < '1900-01-01'", "to_char({}, 'YYYY') = '1061'", "extract(year FROM {}) < 1900"],
        Kind::Bytes => &["encode({}, 'escape') LIKE '%zyxwell%'", "position('zyx'::bytea in {}) > 0"],
        Kind::Uuid => &["({})::text LIKE '5eedc0de-5eed-%'", "left(({})::text, 13) = '5eedc0de-5eed'"],
        Kind::Network => &["host({}) LIKE '10.83.251.%'", "{} << inet '10.83.251.0/24'"],
        Kind::Json => &[
            "{} ->> 'name' LIKE 'Quor%'",
            "({})::text LIKE '%Zyxwell%'",
            "jsonb_path_exists({}, '$.name ? (@ starts with \"Quor\")')",
        ],
        Kind::Array => &["array_to_string({}, ',') LIKE '%Quor%'", "({})[1] LIKE '%Zyx%'"],
        Kind::Truth => &["{}"],
    };
    let guess = dice.pick(guesses).replace("{}", &operand(&column.sql));
    wrapped(dice, &format!("({guess})"))
}
