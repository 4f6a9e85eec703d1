//! The sample database `shop`: believable, invented, and the same at every start.
//!
//! Each row is a pure function of its table and number ([`random`]), so tables agree with each other without
//! remembering anything. Rows are streamed through COPY. Beside it an empty database `bench` for pgbench.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use postgres_protocol::password::scram_sha_256;
use tokio_postgres::Client;

use self::{lists::Lists, rows::Rows};
use super::postgres::{ConnectError, Postgres};

mod commerce;
mod confidential;
mod customers;
mod lists;
mod numbers;
mod random;
mod rows;
mod service;

/// The database with the sample.
pub const SHOP: &str = "shop";
/// The empty database, whose owner may do everything in it.
pub const BENCH: &str = "bench";
/// Who the agent is in `shop`: reads and writes, owns nothing.
pub const SHOP_USER: &str = "connect_agent";
/// Who the agent is in `bench`: its owner.
pub const BENCH_USER: &str = "connect_bench";
/// Bytes that are sent at a time.
const BATCH: usize = 128 * 1024;

/// Why the sample could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the database refused the sample: {0}")]
    Sql(#[from] tokio_postgres::Error),
    #[error("the lists of the sample are broken: {0}")]
    Lists(#[from] toml::de::Error),
}

/// What rows are made from.
#[derive(Debug)]
pub struct World {
    lists: Lists,
}

impl World {
    fn new() -> Result<Self, toml::de::Error> {
        Ok(Self { lists: Lists::read()? })
    }
}

/// One table: its columns in the order in which `write` gives them.
struct Table {
    name: &'static str,
    columns: &'static str,
    /// How often `write` is called, with numbers from 1.
    count: u64,
    write: fn(&World, u64, &mut Rows),
}

const TABLES: [Table; 10] = [
    Table {
        name: "public.customers",
        columns: "id, full_name, email, phone, birth_date, country, city, street_address, postal_code, \
                  national_id, iban, vip, newsletter, last_login_ip, created_at",
        count: customers::COUNT,
        write: customers::write,
    },
    Table {
        name: "public.products",
        columns: "id, sku, name, category, price, weight_g, stock, active",
        count: commerce::PRODUCTS,
        write: commerce::write_product,
    },
    Table {
        name: "public.orders",
        columns: "id, customer_id, status, total, currency, created_at, shipped_at",
        count: commerce::ORDERS,
        write: commerce::write_order,
    },
    Table {
        name: "public.order_items",
        columns: "order_id, line, product_id, quantity, unit_price",
        count: commerce::ORDERS,
        write: commerce::write_items,
    },
    Table {
        name: "public.payments",
        columns: "id, order_id, method, cardholder, card_number, iban, amount, status, created_at",
        count: commerce::ORDERS,
        write: commerce::write_payment,
    },
    Table {
        name: "public.api_keys",
        columns: "id, customer_id, name, token, scopes, created_at, last_used_at",
        count: service::KEYS,
        write: service::write_key,
    },
    Table {
        name: "public.support_tickets",
        columns: "id, customer_id, subject, body, status, priority, created_at",
        count: service::TICKETS,
        write: service::write_ticket,
    },
    Table {
        name: "public.document_embeddings",
        columns: "id, ticket_id, title, model, embedding, created_at",
        count: service::DOCUMENTS,
        write: service::write_document,
    },
    Table {
        name: "confidential.salaries",
        columns: "employee_id, employee_name, job_title, salary, currency, effective_from",
        count: confidential::EMPLOYEES,
        write: confidential::write_salary,
    },
    Table {
        name: "confidential.board_minutes",
        columns: "id, held_on, title, minutes",
        count: confidential::MEETINGS,
        write: confidential::write_minutes,
    },
];

/// The passwords of the two accounts that the agent uses.
pub struct Passwords {
    pub shop: String,
    pub bench: String,
}

/// Makes both databases and fills `shop`. Gives the number of rows.
pub async fn load(postgres: &Postgres, passwords: &Passwords) -> Result<u64, SampleError> {
    let world = World::new()?;
    let admin = postgres.connect("postgres").await?;
    create_databases(&admin, passwords).await?;
    let mut shop = postgres.connect(SHOP).await?;
    let transaction = shop.transaction().await?;
    transaction.batch_execute("SET LOCAL ROLE shop_owner").await?;
    transaction.batch_execute(include_str!("sample/tables.sql")).await?;
    let mut rows = 0;
    for table in &TABLES {
        rows += copy(&transaction, &world, table).await?;
    }
    transaction.batch_execute(include_str!("sample/keys.sql")).await?;
    transaction.commit().await?;
    shop.batch_execute("ANALYZE").await?;
    Ok(rows)
}

/// Passwords reach the server as verifiers only.
async fn create_databases(admin: &Client, passwords: &Passwords) -> Result<(), SampleError> {
    let shop = scram_sha_256(passwords.shop.as_bytes());
    let bench = scram_sha_256(passwords.bench.as_bytes());
    let statements = [
        "CREATE ROLE shop_owner NOLOGIN".to_owned(),
        format!("CREATE ROLE {SHOP_USER} LOGIN NOINHERIT PASSWORD '{shop}'"),
        format!("CREATE ROLE {BENCH_USER} LOGIN PASSWORD '{bench}'"),
        format!("CREATE DATABASE {SHOP} OWNER shop_owner"),
        format!("CREATE DATABASE {BENCH} OWNER {BENCH_USER}"),
        format!("REVOKE ALL ON DATABASE {SHOP}, {BENCH}, postgres FROM PUBLIC"),
        format!("GRANT CONNECT, TEMPORARY ON DATABASE {SHOP} TO {SHOP_USER}"),
    ];
    for statement in statements {
        admin.batch_execute(&statement).await?;
    }
    Ok(())
}

/// FREEZE and no WAL: the table was made in this transaction.
async fn copy(
    transaction: &tokio_postgres::Transaction<'_>,
    world: &World,
    table: &Table,
) -> Result<u64, SampleError> {
    let statement = format!("COPY {} ({}) FROM STDIN WITH (FREEZE)", table.name, table.columns);
    let mut sink = pin!(transaction.copy_in(&statement).await?);
    let mut rows = Rows::default();
    for number in 1..=table.count {
        (table.write)(world, number, &mut rows);
        if rows.len() >= BATCH {
            sink.send(Bytes::from(rows.take())).await?;
        }
    }
    sink.send(Bytes::from(rows.take())).await?;
    Ok(sink.finish().await?)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};

    use super::*;

    /// The first rows of a table as they are sent.
    fn first_rows(table: &Table) -> String {
        let world = World::new().expect("the lists are well-formed");
        let mut rows = Rows::default();
        (1..=table.count.min(200)).for_each(|number| (table.write)(&world, number, &mut rows));
        rows.take()
    }

    #[test]
    fn the_rows_are_the_same_on_every_machine() {
        let all: String = TABLES.iter().map(first_rows).collect();
        let hash = BASE64_STANDARD_NO_PAD.encode(digest(&SHA256, all.as_bytes()));
        assert_eq!(
            hash, "DygsZ0ECW2hM+2hb1q4ZpSnfvoq23qT62KJivohix/0",
            "a change of the sample changes this hash"
        );
    }

    #[test]
    fn every_row_has_a_field_for_every_column() {
        for table in &TABLES {
            let columns = table.columns.split(',').count();
            for row in first_rows(table).lines() {
                assert_eq!(row.split('\t').count(), columns, "{}: {row}", table.name);
            }
        }
    }

    #[test]
    fn addresses_are_unique_and_belong_to_documentation_domains() {
        let world = World::new().expect("the lists are well-formed");
        let mut seen = std::collections::BTreeSet::new();
        for id in 1..=customers::COUNT {
            let email = customers::customer(&world, id).email;
            let reserved = ["example.com", "example.org", "example.net"];
            assert!(reserved.iter().any(|domain| email.ends_with(domain)), "{email}");
            assert!(seen.insert(email));
        }
    }
}
