//! What a mask costs that the database computes, per reference to a column; and what it costs to look at results.

use std::{fmt::Write as _, time::Instant};

use connect_core::{
    catalog::{Catalog, Oid, fixture},
    lineage::Lineage,
    mask::{Field, Format, MaskKey, Watch, sql},
    statement::Protection,
};
use connect_shared::label::Label;
use connect_tests::postgres::Postgres;
use tempfile::TempDir;

use crate::report::{Figure, Report, median};

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 3;

const TABLE: &str = "CREATE TABLE t AS SELECT
  'person' || i || '@example-company.com' AS email, '+49 170 ' || 1000000 + i AS phone,
  lpad(i::text, 16, '4') AS card, 'DE89' || lpad(i::text, 18, '0') AS iban, i AS number, i * 1.37 AS amount,
  date '1950-01-01' + i % 20000 AS day, now() - i * interval '1 hour' AS moment, gen_random_uuid() AS id,
  inet '10.0.0.0' + i AS address, ARRAY['a' || i, 'b' || i] AS tags";

/// Label, column and the OID of its type.
const COLUMNS: &[(Label, &str, u32)] = &[
    (Label::Email, "email", 25),
    (Label::Phone, "phone", 25),
    (Label::Card, "card", 25),
    (Label::Iban, "iban", 25),
    (Label::NetworkAddress, "email", 25),
    (Label::NationalId, "number", 23),
    (Label::Salary, "amount", 1700),
    (Label::BirthDate, "day", 1082),
    (Label::BirthDate, "moment", 1184),
    (Label::NationalId, "id", 2950),
    (Label::NetworkAddress, "address", 869),
    (Label::Email, "tags", 1009),
    (Label::Secret, "email", 25),
];

pub(crate) fn measure(report: &mut Report) {
    detection(report);
    let folder = TempDir::with_prefix("connect-bench-").expect("a temporary folder");
    // The database may run as somebody else, who must get through.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).expect("our own folder");
    let server = Server { postgres: Postgres::start(folder.path()), keys: keys() };
    let table = format!("{TABLE} FROM generate_series(1, {ROWS}) AS i; VACUUM ANALYZE t");
    server.postgres.sql("bench", &table);
    let key = key();
    let catalog = fixture::empty(fixture::Version::Postgres15);
    for (label, column, type_oid) in COLUMNS {
        let masked = mask(&catalog, &key, *label, column, *type_oid);
        let nanos = server.nanos(&format!("t.{column}"), &masked);
        let figure = Figure::new(&format!("{label} of {column} in the server"), nanos, "ns");
        report.add(figure.note(&format!("{} bytes of SQL", masked.len())));
    }
    let hash = "pg_catalog.sha256(pg_catalog.convert_to(email, 'UTF8'))";
    report.add(Figure::new("one bare sha256 in the server", server.nanos("email", hash), "ns"));
    planning(&server, &mask(&catalog, &key, Label::Email, "email", 25), report);
}

/// Cells of harmless texts, and of texts of which one in a hundred is a value that shows what it is.
fn detection(report: &mut Report) {
    const CELLS: usize = 4;
    const ROWS: usize = 200_000;
    let catalog = fixture::empty(fixture::Version::Postgres15);
    let field = Field { relation: Oid(0), number: 0, type_oid: Oid(25), modifier: -1, format: Format::Text };
    let watch =
        Watch::new(&catalog, &Protection::Untouched, &Lineage::default(), &[field; CELLS]).expect("texts");
    for (name, every) in [("cells without a hit", usize::MAX), ("cells, a hit in a hundred rows", 100)] {
        let rows: Vec<Vec<u8>> = (0..ROWS).map(|number| row(number, every, CELLS)).collect();
        let bytes: usize = rows.iter().map(Vec::len).sum();
        // As rows come: many in a piece, which is looked at as a whole first.
        let pieces: Vec<(&[Vec<u8>], Vec<u8>)> = rows.chunks(256).map(|rows| (rows, rows.concat())).collect();
        let times = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            let mut seen = 0;
            for (rows, piece) in &pieces {
                if Watch::may_see(piece) {
                    seen +=
                        rows.iter().map(|row| watch.sightings(row).expect("it fits").len()).sum::<usize>();
                }
            }
            assert_eq!(seen, ROWS / every);
            start.elapsed().as_secs_f64()
        });
        let seconds = median(times.collect());
        let figure =
            Figure::new(&format!("results looked at: {name}"), (ROWS * CELLS) as f64 / seconds / 1e6, "M/s");
        report.add(figure.at_least(1.0).note(&format!("{:.0} MB/s", bytes as f64 / seconds / 1e6)));
    }
}

/// The body of a DataRow message.
fn row(number: usize, every: usize, cells: usize) -> Vec<u8> {
    let mut row = u16::try_from(cells).expect("few").to_be_bytes().to_vec();
    for cell in 0..cells {
        let text = match cell {
            0 if (number + 1).is_multiple_of(every) => format!("write to anna.schmidt{number}@web.de"),
            0 => format!("order {number} was sent on 2026-11-25 and paid"),
            1 => format!("SKU-{}", number * 31 % 9973),
            2 => format!("{:?}", std::time::Duration::from_micros(number as u64)),
            _ => "a note of the usual length that somebody has typed about a parcel".to_owned(),
        };
        row.extend_from_slice(&u32::try_from(text.len()).expect("short").to_be_bytes());
        row.extend_from_slice(text.as_bytes());
    }
    row
}

/// What a statement over no row takes, per reference.
fn planning(server: &Server, masked: &str, report: &mut Report) {
    const REFERENCES: usize = 20;
    let several = |expression: &str| {
        let list = vec![format!("min({expression})"); REFERENCES].join(", ");
        let query = format!("SELECT {list} FROM t WHERE false;\n").repeat(100);
        server.seconds(&query)
    };
    let times = (0..ROUNDS).map(|_| (several(masked) - several("email")) / (REFERENCES * 100) as f64);
    let micros = median(times.collect()) * 1e6;
    report.add(Figure::new("planning one mask in the server", micros, "µs"));
}

fn key() -> MaskKey {
    MaskKey::new([7; 32])
}

fn keys() -> String {
    let mut keys = String::new();
    for setting in sql::settings(&key(), Label::ALL) {
        let _infallible =
            writeln!(keys, "SELECT set_config('{}', '{}', false);", setting.name, &*setting.value);
    }
    keys
}

fn mask(catalog: &Catalog, key: &MaskKey, label: Label, column: &str, type_oid: u32) -> String {
    let reference = format!("\"t\".\"{column}\"");
    let column =
        sql::Column { label, type_oid: Oid(type_oid), modifier: -1, collation: None, reference: &reference };
    sql::expression(catalog, key, &column)
}

struct Server {
    postgres: Postgres,
    keys: String,
}

impl Server {
    fn seconds(&self, query: &str) -> f64 {
        // One process, as a mask is measured and not how many can be computed.
        let text = format!("SET max_parallel_workers_per_gather = 0; SET jit = off;\n{}{query}", self.keys);
        let start = Instant::now();
        self.postgres.sql("bench", &text);
        start.elapsed().as_secs_f64()
    }

    /// How much longer a row takes with the mask than with the column.
    fn nanos(&self, column: &str, masked: &str) -> f64 {
        let count = |expression: &str| self.seconds(&format!("SELECT count({expression}) FROM t"));
        let differences = (0..ROUNDS).map(|_| count(masked) - count(column));
        median(differences.collect()) * 1e9 / ROWS as f64
    }
}
