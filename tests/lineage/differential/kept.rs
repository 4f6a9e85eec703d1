//! Statements that are kept in files: captured from object mappers, clients and tools, and a manual's.

use connect_tests::{
    corpus,
    differential::{self, report::Report, told::Analyst},
    oracle::Oracle,
    postgres::Version,
};

use super::{explained, finish};
use crate::server::Server;

const SHOP: &str = include_str!("../../corpora/captured/schema.sql");
const MANUAL: &str = include_str!("../../corpora/captured/manual.schema.sql");

/// What was captured, with the schema that it is over.
pub(crate) const CAPTURED: [(&str, &str, &str); 11] = [
    ("SQLAlchemy", SHOP, include_str!("../../corpora/captured/sqlalchemy.sql")),
    ("Django", SHOP, include_str!("../../corpora/captured/django.sql")),
    ("Peewee, PyPika", SHOP, include_str!("../../corpora/captured/builders.sql")),
    ("Knex, Kysely, Drizzle, Sequelize", SHOP, include_str!("../../corpora/captured/javascript.sql")),
    ("mappers and tools", SHOP, include_str!("../../corpora/captured/mappers.sql")),
    ("workload", SHOP, include_str!("../../corpora/captured/workload.sql")),
    ("psql", SHOP, include_str!("../../../agent/core/src/understand/corpus/psql_15.sql")),
    ("drivers", SHOP, include_str!("../../../agent/core/src/understand/corpus/drivers.sql")),
    ("introspection", SHOP, include_str!("../../corpora/introspection.sql")),
    ("projections", include_str!("../../src/sample.sql"), include_str!("../../corpora/projections.sql")),
    ("manual", MANUAL, include_str!("../../corpora/captured/manual.sql")),
];

#[test]
fn captured_statements_have_the_lineage_that_postgresql_15_sees() {
    captured(Version::Fifteen);
}

#[test]
fn captured_statements_have_the_lineage_that_postgresql_18_sees() {
    captured(Version::Eighteen);
}

fn captured(version: Version) {
    let server = Server::start(version);
    let mut report = Report::new(&format!("captured statements on PostgreSQL {}", version.number()));
    for (place, (name, schema, text)) in CAPTURED.into_iter().enumerate() {
        let database = format!("captured{place}");
        server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
        server.postgres.sql(&database, schema);
        let mut oracle = Oracle::connect(server.postgres.port(), &database);
        let mut analyst = Analyst::start(server.postgres.port(), &database);
        let statements = corpus::statements(text);
        assert!(!statements.is_empty(), "{name} has no statements");
        differential::run(&mut oracle, &mut analyst, &[], &statements, &explained(), &mut report);
    }
    finish(&report, 90);
}
