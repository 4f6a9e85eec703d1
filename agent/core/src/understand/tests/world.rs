//! A catalog to analyse against: PostgreSQL 15's own relations and functions, and a small shop.

use std::{collections::HashMap, sync::Arc};

use connect_shared::label::Label;

use crate::{
    catalog::{
        BuiltinFunction, Catalog, Column, Oid, Relation, RelationKind, ViewReading, Volatility,
        fixture::{Version, catalog as drafted},
    },
    statement::{Protection, Refusal, Statement},
    understand::{Limits, settle_views, understand},
};

const FUNCTIONS: &str = include_str!("../corpus/postgresql_15_functions.txt");
const RELATIONS: &str = include_str!("../corpus/postgresql_15_relations.txt");

/// The shop with views settled.
pub(super) fn shop() -> Catalog {
    let mut catalog = unprotected();
    catalog.user_functions = Arc::new(["audit_all".into(), "shop_total".into()].into());
    catalog.user_operators = Arc::new(["===".into()].into());
    catalog.user_types = Arc::new(["mood".into(), "customers".into(), "email_address".into()].into());
    tables(&mut catalog);
    let definitions = views(&mut catalog);
    settle_views(&mut catalog, &definitions);
    catalog
}

/// A database in which nothing is protected.
pub(super) fn unprotected() -> Catalog {
    let code = drafted(Version::Postgres15, "").expect("a database without tables").code;
    let mut catalog = Catalog { version: 7, server_version: 150_018, utf8: true, code, ..Catalog::default() };
    let builtins = Arc::make_mut(&mut catalog.builtin_functions);
    for line in FUNCTIONS.lines() {
        let mut words = line.split(' ');
        let name = words.next().expect("a name").into();
        let volatility = match words.next() {
            Some("0") => Volatility::Immutable,
            Some("1") => Volatility::Stable,
            _ => Volatility::Volatile,
        };
        let aggregate = words.next() == Some("a");
        builtins.insert(name, BuiltinFunction { volatility, aggregate });
    }
    for (place, line) in RELATIONS.lines().enumerate() {
        let mut words = line.split(' ');
        let (schema, name) = words.next().and_then(|full| full.split_once('.')).expect("a full name");
        let kind = if words.next() == Some("v") { RelationKind::View } else { RelationKind::Table };
        let columns: Vec<&str> = words.next().expect("columns").split(',').collect();
        let oid = 10_000 + u32::try_from(place).expect("few relations");
        add(&mut catalog, oid, schema, name, kind, &columns);
    }
    add(&mut catalog, 20_000, "public", "products", RelationKind::Table, &["id*", "sku", "price", "stock"]);
    catalog
}

fn tables(catalog: &mut Catalog) {
    use RelationKind::{ForeignTable, PartitionedTable, Sequence, Table};
    let customers = &["id*", "full_name:n", "email*:e", "phone:p", "country", "created_at"];
    add(catalog, 20_001, "public", "customers", Table, customers);
    let orders = &["id*", "customer_id*", "total", "status", "note", "created_at"];
    add(catalog, 20_002, "public", "orders", Table, orders);
    add(catalog, 20_003, "public", "api_keys", Table, &["id*", "customer_id", "secret:s", "scope"]);
    let history = &["tid", "bid", "aid", "delta", "mtime", "filler:u"];
    add(catalog, 20_004, "public", "pgbench_history", Table, history);
    add(catalog, 20_005, "public", "pgbench_accounts", Table, &["aid*", "bid", "abalance", "filler:u"]);
    add(catalog, 20_006, "public", "pgbench_branches", Table, &["bid*", "bbalance", "filler:u"]);
    add(catalog, 20_007, "public", "pgbench_tellers", Table, &["tid*", "bid", "tbalance", "filler:u"]);
    add(catalog, 20_008, "confidential", "salaries", Table, &["id*:c", "person:c", "amount:c"]);
    add(catalog, 20_009, "public", "audited", Table, &["id*", "what"]);
    relation(catalog, 20_009).runs_code = true;
    add(catalog, 20_010, "public", "remote_prices", ForeignTable, &["id", "price"]);
    add(catalog, 20_011, "public", "visits", PartitionedTable, &["id*", "region", "visitor"]);
    add(catalog, 20_012, "public", "visits_de", Table, &["id*", "region", "visitor:n"]);
    relation(catalog, 20_011).children.push(Oid(20_012));
    add(catalog, 20_013, "public", "orders_id_seq", Sequence, &["last_value", "log_cnt", "is_called"]);
    add(catalog, 20_014, "archive", "orders", Table, &["id*", "customer_id", "email:e"]);
    add(catalog, 20_015, "public", "tags", Table, &["id*", "name", "order_id"]);
}

fn views(catalog: &mut Catalog) -> HashMap<Oid, Arc<str>> {
    use RelationKind::{MaterializedView, View};
    /// OID, name, kind, columns, relations read, definition.
    type Definition =
        (u32, &'static str, RelationKind, &'static [&'static str], &'static [u32], &'static str);
    let views: [Definition; 9] = [
        (
            20_101,
            "customer_emails",
            View,
            &["id", "mail"],
            &[20_001],
            "SELECT customers.id,\n    customers.email AS mail\n   FROM customers;",
        ),
        (
            20_102,
            "customer_countries",
            View,
            &["id", "country"],
            &[20_001],
            " SELECT id, country FROM customers;",
        ),
        (
            20_103,
            "customer_domains",
            View,
            &["id", "domain"],
            &[20_001],
            "SELECT id, split_part(email, '@'::text, 2) AS domain FROM customers;",
        ),
        (
            20_104,
            "mails_again",
            View,
            &["who", "to_whom"],
            &[20_101],
            "SELECT id AS who, mail AS to_whom FROM customer_emails;",
        ),
        (
            20_105,
            "germans",
            View,
            &["id"],
            &[20_001],
            "SELECT id FROM customers WHERE email LIKE '%.de'::text;",
        ),
        (
            20_106,
            "order_totals",
            MaterializedView,
            &["customer_id", "sum"],
            &[20_002],
            "SELECT customer_id, sum(total) AS sum FROM public.orders GROUP BY customer_id;",
        ),
        (20_107, "kept_emails", MaterializedView, &["email"], &[20_001], "SELECT email FROM customers;"),
        (
            20_108,
            "totals_by_function",
            View,
            &["id", "total"],
            &[20_002],
            "SELECT id, shop_total(id) AS total FROM public.orders;",
        ),
        (20_109, "activity", View, &["pid", "query"], &[], "SELECT pid, query FROM pg_stat_activity;"),
    ];
    let mut definitions = HashMap::new();
    for (oid, name, kind, columns, reads, definition) in views {
        add(catalog, oid, "public", name, kind, columns);
        relation(catalog, oid).view_reads = reads.iter().map(|oid| Oid(*oid)).collect();
        definitions.insert(Oid(oid), definition.into());
    }
    definitions
}

/// Adds a relation. A column is a name, `*` if writes test it, and `:` with the letter of a label.
pub(super) fn add(
    catalog: &mut Catalog,
    oid: u32,
    schema: &str,
    name: &str,
    kind: RelationKind,
    columns: &[&str],
) {
    let columns = columns
        .iter()
        .zip(1..)
        .map(|(text, number)| {
            let (text, label) = text.split_once(':').map_or((*text, None), |(text, letter)| {
                let label = match letter {
                    "e" => Label::Email,
                    "n" => Label::PersonName,
                    "p" => Label::Phone,
                    "s" => Label::Secret,
                    "c" => Label::Confidential,
                    _ => Label::Unscanned,
                };
                (text, Some(label))
            });
            Column {
                label,
                tested_on_write: text.ends_with('*'),
                ..Column::new(number, text.trim_end_matches('*').into(), Oid(25))
            }
        })
        .collect();
    catalog.insert(Relation {
        oid: Oid(oid),
        schema: schema.into(),
        name: name.into(),
        kind,
        columns,
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    });
}

pub(super) fn relation(catalog: &mut Catalog, oid: u32) -> &mut Relation {
    catalog.relation_mut(Oid(oid)).expect("it was added")
}

/// The only statement of a text.
pub(super) fn one(catalog: &Catalog, text: &str) -> Statement {
    let mut analysis =
        understand(text.as_bytes(), catalog, &crate::session::Session::default(), &Limits::default());
    assert_eq!(analysis.statements.len(), 1, "{text}");
    analysis.statements.remove(0)
}

/// Why a statement is refused.
pub(super) fn refusal(catalog: &Catalog, text: &str) -> Option<Refusal> {
    match one(catalog, text).protection {
        Protection::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

/// The protection in one word, with the columns of a projection.
pub(super) fn class(catalog: &Catalog, text: &str) -> String {
    match one(catalog, text).protection {
        Protection::Introspection => "introspection".to_owned(),
        Protection::Untouched => "untouched".to_owned(),
        Protection::Avoided => "avoided".to_owned(),
        Protection::Projection { columns } => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            format!("projection of {}", names.join(" "))
        }
        Protection::Masked { .. } => unreachable!("nothing is rewritten without a key"),
        Protection::Refused(refusal) => format!("refused: {} {}", refusal.code.as_str(), refusal.message),
    }
}
