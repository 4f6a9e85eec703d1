//! Against a PostgreSQL of this machine, started for the test and stopped after it.

use std::{sync::Mutex, time::Duration};

use connect_core::catalog::{Oid, Relation, RelationKind, ViewReading, Volatility};
use connect_shared::label::Label;
use tokio::time::timeout;
use tokio_postgres::Client;

use self::server::Server;
use super::*;

mod refresh;
mod registered;
mod row_security;
pub(crate) mod server;
mod snapshot;

/// Longer than any step takes; a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The entries that a service has recorded.
type Recorded = Arc<Mutex<Vec<Entry>>>;

fn service(server: &Server, overrides: LabelOverrides) -> (CatalogService, Recorded) {
    let recorded = Recorded::default();
    let entries = Arc::clone(&recorded);
    let record: Recorder = Box::new(move |entry| {
        entries.lock().expect("no test panics with it").push(entry);
        Ok(())
    });
    (
        CatalogService::start_with(
            "shop".to_owned(),
            server.upstream(),
            overrides,
            Registered::default(),
            record,
        ),
        recorded,
    )
}

fn relation<'a>(catalog: &'a Catalog, schema: &'a str, name: &str) -> &'a Relation {
    catalog.candidates(Some(schema), name).next().unwrap_or_else(|| panic!("{schema}.{name} is known"))
}

fn labels(relation: &Relation) -> Vec<(&str, Option<Label>)> {
    relation.columns.iter().map(|column| (&*column.name, column.label)).collect()
}

const SHOP: &str = "
    CREATE DOMAIN mail AS text;
    CREATE TYPE state AS ENUM ('open', 'paid');
    CREATE TABLE customers (id int PRIMARY KEY, dropped int, email mail UNIQUE, name text, tier text,
        contact text, note text, empty text,
        lower_email text GENERATED ALWAYS AS (lower(email)) STORED);
    ALTER TABLE customers DROP COLUMN dropped;
    INSERT INTO customers SELECT n, 'p' || n || '@web.de', 'Anna Schmidt', 'gold',
        '+49 170 12345' || (10 + n % 80), 'short', NULL FROM generate_series(1, 300) n;
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_mail text REFERENCES customers(email),
        status state, total numeric, placed timestamptz);
    INSERT INTO orders SELECT n, 'p' || n || '@web.de', 'paid', n, now() FROM generate_series(1, 10) n;
    CREATE UNIQUE INDEX ON orders ((total + 1));
    CREATE TABLE events (id int, body text) PARTITION BY RANGE (id);
    CREATE TABLE events_1 (body text, id int);
    ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM (0) TO (1000);
    INSERT INTO events SELECT n, 'call me at +49 170 1234567 today' FROM generate_series(1, 50) n;
    CREATE VIEW totals AS SELECT id, total FROM orders;
    CREATE VIEW mails AS SELECT email FROM customers;
    CREATE VIEW again AS SELECT email FROM mails;
    CREATE SCHEMA confidential;
    CREATE TABLE confidential.plans (id int, amount numeric);
    CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)';
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
    CREATE TABLE \"odd \"\"name\" (\"a \"\"b\" text);
    INSERT INTO \"odd \"\"name\" VALUES ('open');
    ANALYZE;";

#[tokio::test]
async fn a_database_is_read_labelled_and_followed() {
    let server = Server::start();
    let client = server.client().await;
    client.batch_execute(SHOP).await.expect("the shop is set up");
    let lines = [("public.customers.note", "clear"), ("public.totals.total", "financial.salary")];
    let overrides = LabelOverrides::parse(lines).expect("both lines mean something");
    let (service, recorded) = service(&server, overrides);
    // A table that cannot be sampled in time on a busy machine is sampled in the next round.
    let scanned = |catalog: &Catalog| {
        let columns = catalog.relations.values().flat_map(|relation| &relation.columns);
        columns.filter(|column| column.label == Some(Label::Unscanned)).all(|column| &*column.name == "empty")
    };
    let catalog = wait_for(&service, scanned).await;
    holds_facts(&catalog);
    holds_labels(&catalog);
    assert!(matches!(
        recorded.lock().expect("not poisoned").last(),
        Some(Entry::CatalogLoaded { resource, version, labelled, .. })
            if resource == "shop" && *version <= catalog.version && *labelled > 5
    ));
    asked_again_it_has_a_newer_version(&service, &recorded, &catalog).await;
    a_change_is_noticed(&service, &client).await;
    a_filled_table_is_scanned(&service, &client).await;
    a_lost_server_is_an_error_and_is_found_again(&service, &server).await;
}

fn holds_facts(catalog: &Catalog) {
    assert!(catalog.utf8 && catalog.server_version >= 130_000);
    let customers = relation(catalog, "public", "customers");
    let numbers: Vec<i16> = customers.columns.iter().map(|column| column.number).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 8, 9], "the dropped column is left out");
    let tested = |relation: &Relation| -> Vec<String> {
        let columns = relation.columns.iter().filter(|column| column.tested_on_write);
        columns.map(|column| column.name.to_string()).collect()
    };
    assert_eq!(tested(customers), ["id", "email"]);
    let orders = relation(catalog, "public", "orders");
    assert_eq!(tested(orders), ["id", "customer_mail", "total"]);
    assert!(orders.runs_code && !customers.runs_code);
    let events = relation(catalog, "public", "events");
    assert_eq!(events.kind, RelationKind::PartitionedTable);
    assert_eq!(events.children, [relation(catalog, "public", "events_1").oid]);
    assert_eq!(relation(catalog, "public", "mails").view_reads, [customers.oid]);
    assert!(catalog.user_functions.contains("shout") && !catalog.user_functions.contains("lower"));
    assert!(catalog.user_operators.contains("===") && !catalog.user_operators.contains("="));
    assert!(catalog.user_types.contains("mail") && catalog.user_types.contains("state"));
    let builtin = |name: &str| catalog.builtin_functions[name];
    assert_eq!(builtin("random").volatility, Volatility::Volatile);
    assert!(builtin("count").aggregate && !builtin("lower").aggregate);
    assert!(relation(catalog, "pg_catalog", "pg_class").columns.iter().all(|c| c.label.is_none()));
    assert!(relation(catalog, "information_schema", "tables").is_system());
    assert!(catalog.relations.values().all(|relation| relation.oid != Oid(0)));
}

fn holds_labels(catalog: &Catalog) {
    assert_eq!(
        labels(relation(catalog, "public", "customers")),
        [
            ("id", None),
            ("email", Some(Label::Email)),
            ("name", Some(Label::PersonName)),
            ("tier", None),
            ("contact", Some(Label::Phone)),
            ("note", None),
            ("empty", Some(Label::Unscanned)),
            ("lower_email", Some(Label::Email)),
        ]
    );
    assert_eq!(
        labels(relation(catalog, "public", "orders")),
        [
            ("id", None),
            ("customer_mail", Some(Label::Email)),
            ("status", None),
            ("total", None),
            ("placed", None),
        ]
    );
    assert_eq!(
        labels(relation(catalog, "public", "events_1")),
        [("body", Some(Label::FreeText)), ("id", None),]
    );
    let plans = relation(catalog, "confidential", "plans");
    assert!(plans.columns.iter().all(|column| column.label == Some(Label::Confidential)));
    assert_eq!(labels(relation(catalog, "public", "odd \"name")), [("a \"b", None)]);
    let totals = relation(catalog, "public", "totals");
    assert_eq!(labels(totals), [("id", None), ("total", Some(Label::Salary))]);
    for view in ["mails", "again"] {
        let view = relation(catalog, "public", view);
        assert!(view.is_protected() && view.view != ViewReading::Untouched, "{}", view.name);
    }
}

async fn asked_again_it_has_a_newer_version(
    service: &CatalogService,
    recorded: &Recorded,
    catalog: &Catalog,
) {
    let before = recorded.lock().expect("not poisoned").len();
    let (one, other) = tokio::join!(service.newer_than(catalog.version), service.newer_than(catalog.version));
    let one = one.expect("the catalog can be read");
    assert!(one.version > catalog.version);
    assert!(other.expect("the catalog can be read").version > catalog.version);
    assert_eq!(one.relations.len(), catalog.relations.len());
    let entries = recorded.lock().expect("not poisoned").len();
    assert_eq!(entries, before, "what is as it was is not recorded again");
}

/// Waits for a snapshot that is as wanted.
async fn wait_for(service: &CatalogService, wanted: impl Fn(&Catalog) -> bool) -> Arc<Catalog> {
    let mut snapshots = service.subscribe();
    let found = snapshots.wait_for(|catalog| catalog.as_deref().is_some_and(&wanted));
    let found = timeout(PATIENCE, found).await.expect("it comes in time").expect("the service runs");
    found.clone().expect("there is a snapshot")
}

async fn a_change_is_noticed(service: &CatalogService, client: &Client) {
    let before = service.newer_than(0).await.expect("the catalog can be read");
    client.batch_execute("CREATE TABLE late (id int, memo text)").await.expect("it is created");
    let after = service.newer_than(before.version).await.expect("the catalog can be read");
    let late = relation(&after, "public", "late");
    assert_eq!(labels(late), [("id", None), ("memo", Some(Label::Unscanned))]);
    client.batch_execute("ALTER TABLE late RENAME TO later").await.expect("it is renamed");
    let renamed = wait_for(service, |catalog| catalog.by_name.contains_key("later")).await;
    assert!(renamed.version > after.version && !renamed.by_name.contains_key("late"));
}

async fn a_filled_table_is_scanned(service: &CatalogService, client: &Client) {
    client.batch_execute("INSERT INTO later VALUES (1, 'blue')").await.expect("it is filled");
    wait_for(service, |catalog| labels(relation(catalog, "public", "later"))[1].1.is_none()).await;
}

async fn a_lost_server_is_an_error_and_is_found_again(service: &CatalogService, server: &Server) {
    let before = service.newer_than(0).await.expect("the catalog can be read");
    server.stop("fast");
    let lost = timeout(PATIENCE, service.newer_than(before.version)).await.expect("an answer in time");
    assert!(matches!(lost, Err(CatalogError::Unreadable { .. })), "{lost:?}");
    assert!(service.last_error().is_some());
    server.run();
    let found = timeout(PATIENCE, service.newer_than(before.version)).await.expect("an answer in time");
    assert!(found.expect("the server is back").version > before.version);
    assert_eq!(service.last_error(), None);
}

/// What a role of its own may not read, or could read only by running somebody's policy.
const SMALL_ROLE: &str = "
    CREATE ROLE small LOGIN;
    CREATE TABLE private (id int, memo text);
    CREATE TABLE open (id int, memo text);
    CREATE TABLE guarded (id int, memo text);
    CREATE FUNCTION trap(int) RETURNS bool LANGUAGE plpgsql
        AS 'BEGIN RAISE EXCEPTION ''the policy ran''; END';
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY trapped ON guarded USING (trap(id));
    INSERT INTO private VALUES (1, 'blue');
    INSERT INTO open VALUES (1, 'blue');
    INSERT INTO guarded VALUES (1, 'blue');
    GRANT SELECT ON open, guarded TO small;";

#[tokio::test]
async fn a_table_that_cannot_be_read_safely_keeps_its_texts_masked() {
    let server = Server::start();
    let client = server.client().await;
    client.batch_execute(SMALL_ROLE).await.expect("it is set up");
    let upstream = UpstreamConfig { user: "small".to_owned(), ..UpstreamConfig::clone(&server.upstream()) };
    let record: Recorder = Box::new(|_| Ok(()));
    let overrides = LabelOverrides::default();
    let service = CatalogService::start_with(
        "shop".to_owned(),
        Arc::new(upstream),
        overrides,
        Registered::default(),
        record,
    );
    let catalog = service.newer_than(0).await.expect("the catalog can be read");
    let memo = |name: &str| relation(&catalog, "public", name).columns[1].label;
    assert_eq!(memo("open"), None);
    assert_eq!(memo("private"), Some(Label::Unscanned));
    assert_eq!(memo("guarded"), Some(Label::Unscanned));
    assert!(relation(&catalog, "public", "guarded").runs_code);
}

#[tokio::test]
async fn a_snapshot_that_the_log_does_not_take_is_not_shown() {
    let server = Server::start();
    let record: Recorder = Box::new(|_| Err("full".to_owned()));
    let service = CatalogService::start_with(
        "shop".to_owned(),
        server.upstream(),
        LabelOverrides::default(),
        Registered::default(),
        record,
    );
    let refused = timeout(PATIENCE, service.newer_than(0)).await.expect("an answer in time");
    assert!(matches!(refused, Err(CatalogError::Unreadable { reason, .. }) if reason.contains("full")));
    assert!(service.subscribe().borrow().is_none());
}
