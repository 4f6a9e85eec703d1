//! What it costs to understand a text that was not seen before, beside what the parser alone takes of it.

use std::{fmt::Write as _, time::Instant};

use connect_core::{
    catalog::{
        Catalog,
        fixture::{Version, catalog},
    },
    understand::{Limits, new_session, understand},
};

use crate::report::{Figure, Report, median};

const TABLES: usize = 1_000;
const ROUNDS: usize = 400;

/// Statements as programs send them all day.
const SHORT: [&str; 6] = [
    "SELECT abalance FROM t1 WHERE id = 7",
    "SELECT id, c1, c2 FROM t2 WHERE c3 = $1 ORDER BY id LIMIT 10",
    "UPDATE t3 SET c1 = c1 + $1 WHERE id = $2",
    "INSERT INTO t4 (id, c1, c2) VALUES ($1, $2, $3)",
    "DELETE FROM t5 WHERE id = $1",
    "SELECT a.c1, b.c2 FROM t6 a JOIN t7 b ON a.id = b.id WHERE a.c3 = $1",
];

pub(crate) fn measure(report: &mut Report) {
    let catalog = database();
    let ratios: Vec<f64> = SHORT.iter().map(|sql| miss(&catalog, sql) / parse(sql)).collect();
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let note = format!("worst of {} {worst:.2}×", SHORT.len());
    let figure = Figure::new("understanding a short text to parsing it", median(ratios), "×");
    report.add(figure.at_most(3.0).note(&note));
    let mut times: Vec<f64> = (0..ROUNDS).map(|round| undisturbed(&catalog, &long(round))).collect();
    times.sort_by(f64::total_cmp);
    let mut parsing: Vec<f64> = (0..ROUNDS).map(|round| undisturbed_parse(&long(round))).collect();
    parsing.sort_by(f64::total_cmp);
    let (median, parser) = (times[times.len() / 2], parsing[parsing.len() * 99 / 100]);
    let note = format!("median {median:.0} µs, {TABLES} tables; the parser's own p99 {parser:.0} µs");
    let figure = Figure::new("understanding texts up to 4 KiB, p99", times[times.len() * 99 / 100], "µs");
    report.add(figure.at_most(1000.0).note(&note));
}

fn database() -> Catalog {
    let mut text = String::new();
    for table in 0..TABLES {
        let _infallible = write!(text, "public.t{table}(id int4 not null, abalance int4");
        for column in 1..19 {
            let _infallible = write!(text, ", c{column} {}", ["int4", "text", "numeric"][column % 3]);
        }
        text.push_str(", primary key (id));\n");
    }
    catalog(Version::Postgres15, &text).expect("a database")
}

/// A query of a size between a few hundred bytes and 4 KiB.
fn long(round: usize) -> String {
    let mut sql = String::from("SELECT ");
    let tables = 2 + round % 7;
    let mut outputs = Vec::new();
    while outputs.iter().map(String::len).sum::<usize>() < 200 + (round * 37) % 2_900 {
        let place = outputs.len();
        outputs.push(format!(
            "coalesce(x{}.c{} + {place}, 0) AS o{place}",
            place % tables,
            3 * (1 + place % 6)
        ));
    }
    sql.push_str(&outputs.join(", "));
    let _infallible = write!(sql, " FROM t{} x0", round % TABLES);
    for table in 1..tables {
        let _infallible =
            write!(sql, " JOIN t{} x{table} ON x{table}.id = x0.id", (round + table * 7) % TABLES);
    }
    sql.push_str(" WHERE x0.c3 > 1 AND EXISTS (SELECT 1 FROM t9 WHERE t9.id = x1.c3) ORDER BY 1");
    assert!(sql.len() <= 4096, "{}", sql.len());
    sql
}

fn once(catalog: &Catalog, sql: &str) -> f64 {
    let session = new_session(catalog, None);
    let begun = Instant::now();
    let analysis = understand(sql.as_bytes(), catalog, &session, &Limits::default());
    let took = begun.elapsed().as_secs_f64() * 1e6;
    assert_eq!(analysis.statements.len(), 1);
    took
}

/// The best of a few times: what else runs on the machine is not asked.
fn undisturbed(catalog: &Catalog, sql: &str) -> f64 {
    (0..5).map(|_| once(catalog, sql)).fold(f64::INFINITY, f64::min)
}

fn undisturbed_parse(sql: &str) -> f64 {
    (0..5).map(|_| parse_once(sql)).fold(f64::INFINITY, f64::min)
}

fn miss(catalog: &Catalog, sql: &str) -> f64 {
    median((0..ROUNDS).map(|_| once(catalog, sql)).collect())
}

fn parse(sql: &str) -> f64 {
    median((0..ROUNDS).map(|_| parse_once(sql)).collect())
}

fn parse_once(sql: &str) -> f64 {
    let begun = Instant::now();
    let parsed = pg_query::parse(sql, 0).expect("it parses");
    let took = begun.elapsed().as_secs_f64() * 1e6;
    assert_eq!(parsed.protobuf.stmts.len(), 1);
    took
}
