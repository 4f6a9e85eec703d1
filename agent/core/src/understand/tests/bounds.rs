//! Hostile texts: no panic, no overflow of a small stack, a plain answer.

use std::thread;

use connect_shared::decision::ReasonCode;
use proptest::prelude::*;

use super::world::{shop, unprotected};
use crate::{
    statement::{Analysis, Protection},
    understand::{Limits, understand},
};

/// Analyses in a thread with the stack that a worker has.
fn on_a_small_stack(text: String) -> Analysis {
    let work = move || {
        understand(text.as_bytes(), &unprotected(), &crate::session::Session::default(), &Limits::default())
    };
    thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread").join().expect("no panic")
}

fn code(analysis: &Analysis) -> Option<ReasonCode> {
    match &analysis.statements.first()?.protection {
        Protection::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

#[test]
fn statements_are_counted_before_they_are_parsed_and_empty_ones_are_none() {
    let many = |piece: &str, times: usize| {
        let text = format!("{} SELECT 1", piece.repeat(times));
        understand(text.as_bytes(), &unprotected(), &crate::session::Session::default(), &Limits::default())
    };
    let empty = many("; /* a */ ;;", 20_000);
    assert_eq!((empty.statements.len(), code(&empty)), (1, None));
    assert_eq!(many("COMMIT;", 999).statements.len(), 1_000);
    assert_eq!(code(&many("COMMIT;", 1_000)), Some(ReasonCode::TooLarge));
}

#[test]
fn no_depth_overflows_a_small_stack() {
    for depth in [30, 60, 500, 5_000, 40_000] {
        for text in [
            format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("SELECT 1{}", "+1".repeat(depth)),
            format!("SELECT {}true", "NOT ".repeat(depth)),
            format!("SELECT {}1", "- ".repeat(depth)),
            format!("SELECT 1{}", "::int".repeat(depth)),
            format!("SELECT 1{}", " IS NULL".repeat(depth)),
            format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(depth), " END".repeat(depth)),
            format!("{}SELECT 1{}", "SELECT (".repeat(depth), ")".repeat(depth)),
            format!("{}SELECT 1{}", "SELECT * FROM (".repeat(depth), ") x".repeat(depth)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(depth)),
            format!("SELECT 1 FROM products{}", " CROSS JOIN products".repeat(depth)),
            format!("SELECT {}1{}", "ARRAY[".repeat(depth), "]".repeat(depth)),
            format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth)),
            format!("SELECT {}1", "--".repeat(depth)),
            format!("{}SELECT 1{}", "WITH x AS (".repeat(depth), ") SELECT 1".repeat(depth)),
        ] {
            let analysis = on_a_small_stack(text.clone());
            let code = code(&analysis);
            let start: String = text.chars().take(20).collect();
            if depth >= 500 && !start.contains("((((") && !start.contains("--") && !start.contains("- -") {
                assert_eq!(code, Some(ReasonCode::TooLarge), "{depth} {start}");
            }
        }
    }
}

#[test]
fn a_text_over_a_limit_is_too_large() {
    let limits = Limits { bytes: 100, statements: 3 };
    let analyse = |text: &str| {
        understand(text.as_bytes(), &unprotected(), &crate::session::Session::default(), &limits)
    };
    assert_eq!(code(&analyse(&format!("SELECT '{}'", "x".repeat(200)))), Some(ReasonCode::TooLarge));
    assert_eq!(code(&analyse("SELECT 1; SELECT 1; SELECT 1; SELECT 1")), Some(ReasonCode::TooLarge));
    assert_eq!(code(&analyse("SELECT 1; SELECT 1; SELECT 1")), None);
}

#[test]
fn names_are_not_looked_up_without_a_bound() {
    let limits = Limits { bytes: 4 << 20, ..Limits::default() };
    let analyse = |text: String| {
        understand(text.as_bytes(), &unprotected(), &crate::session::Session::default(), &limits)
    };
    let many = |count: usize, one: &str| vec![one; count].join(", ");
    for text in [
        format!(
            "SELECT 1 FROM {}",
            (0..400).map(|n| format!("products p{n}")).collect::<Vec<_>>().join(", ")
        ),
        format!("SELECT {} FROM products", many(1_700, "id")),
        format!(
            "SELECT 1 FROM {} WHERE id IN ({})",
            "products p, products q, ".repeat(120) + "tags",
            many(30_000, "id")
        ),
    ] {
        assert_eq!(code(&analyse(text)), Some(ReasonCode::TooLarge));
    }
    let rows = many(20_000, "(1, 'a', 2.5, NULL)");
    assert_eq!(code(&analyse(format!("INSERT INTO products VALUES {rows}"))), None);
    assert_eq!(code(&analyse(format!("SELECT id FROM products WHERE id IN ({})", many(50_000, "1")))), None);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [&b"SELECT '\xff'"[..], b"\xc3\x28", b"SELECT 1\0SELECT 2"] {
        let analysis =
            understand(bytes, &unprotected(), &crate::session::Session::default(), &Limits::default());
        assert_eq!(code(&analysis), Some(ReasonCode::NotUnderstood));
    }
}

const SEEDS: [&str; 12] = [
    "SELECT c.*, upper(o.note) AS n FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = $1 ORDER BY n",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT (ROW(n)).f1 FROM t LIMIT 1",
    "INSERT INTO customers (id, phone) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET phone = excluded.phone RETURNING *",
    "UPDATE orders SET (note, total) = (SELECT 'a', 1) FROM customers c WHERE c.id = customer_id OR 1 = 1",
    "MERGE INTO products p USING tags t ON t.id = p.id WHEN MATCHED AND t.name = 'x' THEN DELETE WHEN NOT MATCHED THEN DO NOTHING",
    "COPY (SELECT id FROM customers) TO STDOUT WITH (FORMAT csv, HEADER)",
    "CREATE TABLE t (a int PRIMARY KEY CHECK (a > 0), b text REFERENCES customers (id), EXCLUDE USING gist (a WITH =))",
    "ALTER TABLE customers ADD COLUMN x int GENERATED ALWAYS AS (id + 1) STORED, ALTER COLUMN country TYPE text USING country || 'x'",
    "SELECT CASE id WHEN 1 THEN 'a' END, x'1F', $$a$$, ARRAY[1, 2][1], a.b.c FROM ROWS FROM (unnest('{1}'::int[])) WITH ORDINALITY",
    "EXPLAIN (ANALYZE, COSTS OFF) DECLARE c CURSOR FOR SELECT 1",
    "SET LOCAL search_path TO a, b; PREPARE p AS DELETE FROM customers; EXECUTE p (1)",
    "DROP FUNCTION f(int), g; COMMENT ON COLUMN customers.email IS 'x'; GRANT ALL ON customers TO x",
];

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _analysis = understand(&bytes, &shop_once(), &crate::session::Session::default(), &Limits::default());
    }

    #[test]
    fn mutated_statements_never_panic(
        seed in 0..SEEDS.len(),
        other in 0..SEEDS.len(),
        cut in 0..150usize,
        from in 0..150usize,
        noise in "[ ()\\[\\]'\"$.,;:*0-9a-z=<>-]{0,6}",
    ) {
        let one: String = SEEDS[seed].chars().take(cut).collect();
        let rest: String = SEEDS[other].chars().skip(from).collect();
        let text = format!("{one}{noise}{rest}");
        let _analysis = understand(text.as_bytes(), &shop_once(), &crate::session::Session::default(), &Limits::default());
    }

    #[test]
    fn tokens_in_any_order_never_panic(words in proptest::collection::vec(0..WORDS.len(), 0..24)) {
        let text: Vec<&str> = words.into_iter().map(|word| WORDS[word]).collect();
        let _analysis = understand(text.join(" ").as_bytes(), &shop_once(), &crate::session::Session::default(), &Limits::default());
    }
}

fn shop_once() -> std::sync::Arc<crate::catalog::Catalog> {
    use std::sync::{Arc, OnceLock};
    static SHOP: OnceLock<Arc<crate::catalog::Catalog>> = OnceLock::new();
    SHOP.get_or_init(|| Arc::new(shop())).clone()
}

const WORDS: [&str; 40] = [
    "SELECT",
    "FROM",
    "customers",
    "c",
    "email",
    "id",
    "*",
    "c.*",
    "(",
    ")",
    ",",
    "WHERE",
    "=",
    "1",
    "'a'",
    "$1",
    "AS",
    "JOIN",
    "ON",
    "true",
    "ORDER BY",
    "GROUP BY",
    "WITH x AS",
    "UNION",
    "DELETE",
    "UPDATE",
    "SET",
    "INSERT INTO",
    "VALUES",
    "RETURNING",
    "upper",
    "count",
    "NOT",
    "IN",
    "EXISTS",
    "DISTINCT",
    "LATERAL",
    "::text",
    "[1]",
    ";",
];
