//! What attacks read from: each way in which a query can get at protected columns.

use super::{Column, Kind, Source};
use crate::generate::dice::Dice;

/// A table or view with its protected columns, its key, and a protected text that others share.
struct Table {
    name: &'static str,
    key: &'static str,
    columns: &'static [(&'static str, Kind)],
}

const CUSTOMERS: Table = Table {
    name: "customers",
    key: "id",
    columns: &[
        ("full_name", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("birth_date", Kind::Date),
        ("iban", Kind::Text),
        ("card_number", Kind::Text),
        ("national_id", Kind::Text),
    ],
};

const VAULT: Table = Table {
    name: "vault",
    key: "id",
    columns: &[
        ("email", Kind::Text),
        ("code", Kind::Text),
        ("born", Kind::Date),
        ("seen", Kind::Stamp),
        ("seen_at", Kind::Stamp),
        ("account", Kind::Number),
        ("salary", Kind::Number),
        ("device", Kind::Uuid),
        ("picture", Kind::Bytes),
        ("address", Kind::Network),
        ("profile", Kind::Json),
        ("aliases", Kind::Array),
    ],
};

const STAFF: [(&str, Kind); 3] = [("email", Kind::Text), ("salary", Kind::Number), ("born", Kind::Date)];

const TABLES: &[Table] = &[
    CUSTOMERS,
    VAULT,
    VAULT,
    Table { name: "api_keys", key: "id", columns: &[("token", Kind::Text)] },
    Table { name: "customer_mail", key: "id", columns: &[("email", Kind::Text)] },
    Table { name: "premium_mail", key: "id", columns: &[("email", Kind::Text)] },
    Table { name: "opened_vault", key: "id", columns: VAULT.columns },
    Table { name: "staff", key: "id", columns: &STAFF },
    Table { name: "staff_north", key: "id", columns: &STAFF },
    Table { name: "contact", key: "id", columns: &[("email", Kind::Text), ("phone", Kind::Text)] },
    Table {
        name: "former_contact",
        key: "id",
        columns: &[("email", Kind::Text), ("phone", Kind::Text), ("fax", Kind::Text)],
    },
];

/// Tables that share the column `email`.
const WITH_EMAIL: &[&str] = &["customers", "vault", "customer_mail", "staff", "contact"];

pub(super) fn any(dice: &mut Dice) -> Source {
    let table = dice.pick(TABLES);
    match dice.below(16) {
        0..4 => plain(dice, table),
        4 => wrapped(table, |all| (String::new(), format!("(SELECT {all} FROM {}) AS t", table.name))),
        5 => wrapped(table, |all| (format!("WITH t AS (SELECT {all} FROM {}) ", table.name), "t".to_owned())),
        6 => wrapped(table, |all| {
            let with =
                format!("WITH t AS MATERIALIZED (SELECT {all} FROM {} WHERE {} > 0) ", table.name, table.key);
            (with, "t".to_owned())
        }),
        7 => wrapped(table, |all| {
            let with = format!(
                "WITH RECURSIVE t AS (SELECT {all} FROM {} WHERE {key} = 1 UNION ALL \
                 SELECT {next} FROM {} n JOIN t p ON n.{key} = p.{key} + 1 WHERE n.{key} < 9) ",
                table.name,
                table.name,
                key = table.key,
                next = named(table, "n."),
            );
            (with, "t".to_owned())
        }),
        8 => wrapped(table, |all| {
            let lateral = format!(
                "generate_series(1, 9) g, LATERAL (SELECT {all} FROM {} WHERE {} = g) AS t",
                table.name, table.key
            );
            (String::new(), lateral)
        }),
        9 => wrapped(table, |all| {
            let both = format!(
                "(SELECT {all} FROM {name} WHERE {key} < 6 UNION ALL SELECT {all} FROM {name} WHERE {key} >= 6) AS t",
                name = table.name,
                key = table.key
            );
            (String::new(), both)
        }),
        10 => renamed(table),
        11 => self_join(table),
        12 => joined(dice),
        13 => natural(dice),
        14 => outer(dice, table),
        _ => wrapped(table, |_| {
            let (name, key) = (table.name, table.key);
            let nested =
                format!("(SELECT * FROM (TABLE {name}) AS renamed({key}) ORDER BY {key} LIMIT 50) AS t");
            (String::new(), nested)
        }),
    }
}

fn named(table: &Table, before: &str) -> String {
    let names = std::iter::once(table.key).chain(table.columns.iter().map(|(name, _)| *name));
    names.map(|name| format!("{before}{name}")).collect::<Vec<_>>().join(", ")
}

fn columns(table: &Table, before: &str) -> Vec<Column> {
    table.columns.iter().map(|(name, kind)| Column { sql: format!("{before}{name}"), kind: *kind }).collect()
}

fn plain(dice: &mut Dice, table: &Table) -> Source {
    let (name, key) = (table.name, table.key);
    let capital = name.to_uppercase();
    let (from, before) = match dice.below(9) {
        0 => (name.to_owned(), String::new()),
        1 => (format!("public.{name}"), format!("public.{name}.")),
        2 => (format!("{name} AS t"), "t.".to_owned()),
        3 => (format!("\"{name}\" \"T\""), "\"T\".".to_owned()),
        4 => (format!("{name} AS {name}"), format!("{name}.")),
        5 => (format!("public . {name} /* {name} */ AS t"), "t . ".to_owned()),
        6 => (format!("{capital} t"), "t.".to_owned()),
        7 => (format!("ONLY {name} t"), "t.".to_owned()),
        _ => (format!("{name} TABLESAMPLE SYSTEM (100)"), format!("{name}.")),
    };
    Source { with: String::new(), from, key: format!("{before}{key}"), columns: columns(table, &before) }
}

fn wrapped(table: &Table, with_from: impl Fn(&str) -> (String, String)) -> Source {
    let (with, from) = with_from(&named(table, ""));
    Source { with, from, key: format!("t.{}", table.key), columns: columns(table, "t.") }
}

/// Columns under new names by an alias.
fn renamed(table: &Table) -> Source {
    let names: Vec<String> = (0..table.columns.len()).map(|place| format!("c{place}")).collect();
    let from = format!("(SELECT {} FROM {}) AS t(k, {})", named(table, ""), table.name, names.join(", "));
    let columns = names.iter().zip(table.columns);
    let columns = columns.map(|(name, (_, kind))| Column { sql: format!("t.{name}"), kind: *kind }).collect();
    Source { with: String::new(), from, key: "t.k".to_owned(), columns }
}

fn self_join(table: &Table) -> Source {
    let (name, key, column) = (table.name, table.key, table.columns[0].0);
    let from = format!("{name} a JOIN {name} b ON a.{column} = b.{column} AND a.{key} >= b.{key}");
    let mut columns = columns(table, "a.");
    columns.extend(self::columns(table, "b."));
    Source { with: String::new(), from, key: format!("(a.{key} * 1000 + b.{key})"), columns }
}

/// Two tables by their protected column.
fn joined(dice: &mut Dice) -> Source {
    let (one, two) = (dice.pick(WITH_EMAIL), dice.pick(WITH_EMAIL));
    let on = match dice.below(3) {
        0 => "USING (email)",
        1 => "ON a.email = b.email",
        _ => "ON lower(a.email) = lower(b.email) AND a.id = b.id",
    };
    let from = format!("{one} a JOIN {two} b {on}");
    let columns = ["a.email", "b.email"].map(|sql| Column { sql: sql.to_owned(), kind: Kind::Text });
    Source { with: String::new(), from, key: "(a.id * 1000 + b.id)".to_owned(), columns: columns.into() }
}

fn natural(dice: &mut Dice) -> Source {
    let (one, two) =
        (dice.pick(&["customer_mail", "contact"]), dice.pick(&["customer_mail", "premium_mail"]));
    let from = format!("{one} a NATURAL JOIN {two} b");
    let columns = ["email", "a.email"].map(|sql| Column { sql: sql.to_owned(), kind: Kind::Text });
    Source { with: String::new(), from, key: "a.id".to_owned(), columns: columns.into() }
}

/// Beside rows that nobody protects, also where there is none.
fn outer(dice: &mut Dice, table: &Table) -> Source {
    let kind = dice.pick(&["LEFT", "FULL"]);
    let from = format!("{} t {kind} JOIN products p ON p.id = t.{}", table.name, table.key);
    let key = format!("(coalesce(t.{}, 0) * 1000 + coalesce(p.id, 0))", table.key);
    Source { with: String::new(), from, key, columns: columns(table, "t.") }
}
