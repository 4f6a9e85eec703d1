//! One value has one mask, whoever computes it.

use connect_core::{
    catalog::{Catalog, Oid},
    mask::{Format, MaskKey, sql},
};
use connect_shared::label::Label;
use connect_tests::postgres::Version;

use crate::{
    random::Random,
    schema::schema,
    server::{Connection, DATABASE, Rows, Server, WireMask},
    types::{CASES, Case},
    values::Kind,
};

/// Settings of a session.
struct Session {
    settings: &'static [&'static str],
    /// Dates, times, intervals and money are written in the one style that the wire knows. In others they
    /// are the same values.
    usual: bool,
}

const SESSIONS: &[Session] = &[
    Session { settings: &["TimeZone = 'UTC'"], usual: true },
    Session {
        settings: &[
            "TimeZone = 'UTC'",
            "search_path = evil, public, pg_catalog",
            "bytea_output = 'escape'",
            "extra_float_digits = -15",
            "standard_conforming_strings = off",
            "backslash_quote = off",
            "xmloption = 'document'",
            "lc_messages = 'C'",
            "jit_above_cost = 0",
        ],
        usual: true,
    },
    Session {
        settings: &[
            "TimeZone = 'Europe/Berlin'",
            "DateStyle = 'SQL, DMY'",
            "IntervalStyle = 'iso_8601'",
            "lc_numeric = 'C'",
            "lc_time = 'C'",
            "escape_string_warning = on",
            "transform_null_equals = on",
            "array_nulls = off",
            "quote_all_identifiers = on",
        ],
        usual: false,
    },
    Session {
        settings: &["TimeZone = '-13:37'", "DateStyle = 'German'", "timezone_abbreviations = 'Australia'"],
        usual: false,
    },
];

const RANDOM_VALUES: usize = 2_000;

#[tokio::test]
async fn masks_are_equal_on_postgres_13() {
    masks_are_equal(Version::Thirteen).await;
}

#[tokio::test]
async fn masks_are_equal_on_postgres_15() {
    masks_are_equal(Version::Fifteen).await;
}

#[tokio::test]
async fn masks_are_equal_on_postgres_18() {
    masks_are_equal(Version::Eighteen).await;
}

/// In Turkish the small letter of `I` is not `i`.
const TURKISH: &str = "CREATE DATABASE turkish TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'";

async fn masks_are_equal(version: Version) {
    let server = Server::start(version);
    let cases: Vec<&Case> = CASES.iter().filter(|case| case.since <= version.number()).collect();
    masks_are_equal_in(&server, DATABASE, &cases, SESSIONS, version).await;
    // Locales of a database by ICU came with 15.
    if version > Version::Thirteen {
        server.postgres.sql("postgres", TURKISH);
        let texts: Vec<&Case> = cases.into_iter().filter(|case| matches!(case.kind, Kind::Text)).collect();
        masks_are_equal_in(&server, "turkish", &texts, &SESSIONS[..1], version).await;
    }
}

async fn masks_are_equal_in(
    server: &Server,
    database: &str,
    cases: &[&Case],
    sessions: &[Session],
    version: Version,
) {
    let first = server.connect(database).await;
    first.run(&schema()).await;
    for (number, case) in cases.iter().enumerate() {
        fill(&first, number, case).await;
    }
    let key = MaskKey::new([version.number(); 32]);
    let catalog = first.catalog().await;
    for session in sessions {
        let connection = server.connect(database).await;
        connection.give_keys(&key).await;
        for setting in session.settings {
            connection.run(&format!("SET {setting}")).await;
        }
        for (number, case) in cases.iter().enumerate() {
            Trial { connection: &connection, catalog: &catalog, key: &key, number, case }.run(session).await;
        }
    }
}

/// Makes a table of one column with its values and a NULL.
async fn fill(connection: &Connection, number: usize, case: &Case) {
    let mut random = Random::new(number as u64 + 1);
    let mut values = case.kind.edges();
    values.extend((0..RANDOM_VALUES).map_while(|_| case.kind.random(&mut random)));
    let (scalar, collation) = case.declared.split_once(" COLLATE").unwrap_or((case.declared, ""));
    let collation = if collation.is_empty() { String::new() } else { format!("COLLATE{collation}") };
    let brackets = if case.array { "[]" } else { "" };
    let elements = if case.array {
        // Arrays of several lengths, with NULLs among their elements.
        format!(
            "SELECT array_agg(CASE WHEN random > 0.1 THEN value END ORDER BY place)::{scalar}[] FROM
             (SELECT value::{scalar} AS value, place, place * 7 % 100 / 100.0 AS random, (place / (1 + place % 5)) AS a
              FROM unnest($1::text[]) WITH ORDINALITY AS u(value, place)) s GROUP BY a
             UNION ALL SELECT '{{}}'::{scalar}[]"
        )
    } else {
        format!("SELECT value::{scalar} FROM unnest($1::text[]) AS u(value)")
    };
    let (table, insert) = (
        format!("CREATE TABLE t{number} (id serial, v {scalar}{brackets} {collation})"),
        format!("INSERT INTO t{number} (v) {elements}"),
    );
    connection.run(&table).await;
    let inserted = connection.client.execute(&insert, &[&values]).await;
    assert!(inserted.is_ok(), "{}: {inserted:?}", case.declared);
    if !case.declared.ends_with("must") {
        connection.run(&format!("INSERT INTO t{number} (v) VALUES (NULL)")).await;
    }
}

/// One column under one session.
struct Trial<'a> {
    connection: &'a Connection,
    catalog: &'a Catalog,
    key: &'a MaskKey,
    number: usize,
    case: &'a Case,
}

impl Trial<'_> {
    async fn run(&self, session: &Session) {
        let clear = format!("SELECT v FROM public.t{} ORDER BY id", self.number);
        let [(type_oid, modifier)] = self.connection.described(&clear).await[..] else {
            panic!("one column")
        };
        let masked = self.masked(type_oid, modifier);
        for described in self.connection.described(&masked).await {
            assert_eq!(described, (type_oid, modifier), "{}", self.case.declared);
        }
        self.check_collation(type_oid, modifier).await;
        for format in [Format::Text, Format::Binary] {
            if format == Format::Text && !session.usual {
                continue;
            }
            let clear = self.connection.rows(format, &clear).await;
            let by_server = self.connection.rows(format, &masked).await;
            self.compare(type_oid, modifier, format, &clear, &by_server);
        }
    }

    fn expression(&self, label: Label, type_oid: Oid, modifier: i32) -> String {
        let collation = self.case.collation;
        let column = sql::Column { label, type_oid, modifier, collation, reference: "\"t\".\"v\"" };
        sql::expression(self.catalog, self.key, &column)
    }

    fn masked(&self, type_oid: Oid, modifier: i32) -> String {
        let masks: Vec<String> = self
            .case
            .labels
            .iter()
            .enumerate()
            .map(|(place, label)| format!("{} AS m{place}", self.expression(*label, type_oid, modifier)))
            .collect();
        let names: Vec<String> = (0..masks.len()).map(|place| format!("m{place}")).collect();
        format!(
            "SELECT {} FROM (SELECT t.id, {} FROM public.t{} AS t) AS t ORDER BY id",
            names.join(", "),
            masks.join(", "),
            self.number
        )
    }

    /// The column is compared as before: by the same collation, without one in the statement.
    async fn check_collation(&self, type_oid: Oid, modifier: i32) {
        let of = |select: &str| {
            format!(
                "SELECT (SELECT pg_catalog.pg_collation_for(v) FROM ({select} FROM public.t{} AS t LIMIT 1) AS s)",
                self.number
            )
        };
        let collation = "SELECT typcollation FROM pg_catalog.pg_type WHERE oid = $1";
        let collation = self.connection.client.query_one(collation, &[&type_oid.0]).await;
        if collation.expect("a type").get::<_, u32>(0) == 0 {
            return;
        }
        let masked = self.expression(self.case.labels[0], type_oid, modifier);
        let before = self.connection.rows(Format::Text, &of("SELECT t.v")).await;
        let after = self.connection.rows(Format::Text, &of(&format!("SELECT {masked} AS v"))).await;
        assert_eq!(before, after, "{}", self.case.declared);
    }

    fn compare(&self, type_oid: Oid, modifier: i32, format: Format, clear: &Rows, by_server: &Rows) {
        assert_eq!(clear.len(), by_server.len());
        for (place, label) in self.case.labels.iter().enumerate() {
            let wire = WireMask::new(self.catalog, *label, type_oid, modifier, format);
            for (clear, masked) in clear.iter().zip(by_server) {
                let (clear, masked) = (clear[0].as_deref(), masked[place].as_deref());
                let expected = wire.of(self.key, clear);
                assert!(
                    masked == expected.as_deref(),
                    "{} {label} {format:?}: {} is {} on the wire and {} in the server",
                    self.case.declared,
                    shown(clear),
                    shown(expected.as_deref()),
                    shown(masked)
                );
            }
        }
    }
}

fn shown(value: Option<&[u8]>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    let cut = &value[..value.len().min(200)];
    format!("`{}` ({} bytes)", cut.escape_ascii(), value.len())
}
