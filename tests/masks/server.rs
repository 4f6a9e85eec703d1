//! A server, a connection, and the core's view of both.

use std::{fmt::Write as _, sync::Arc};

use bytes::BytesMut;
use connect_core::{
    catalog::{
        Catalog, Column, FIRST_NORMAL_OID, Modifier, Oid, Relation, RelationKind, ViewReading, Volatility,
        code::{Function, FunctionKind, Language, Type, TypeKind},
        fixture,
    },
    mask::{Field, Format, MaskKey, Plan, sql},
    statement::Protection,
};
use connect_shared::label::Label;
use connect_tests::postgres::{Postgres, Version};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, types::FromSql};

/// An empty database of every server.
pub const DATABASE: &str = "bench";

/// A server with its folder.
pub struct Server {
    pub postgres: Postgres,
    _folder: TempDir,
}

impl Server {
    pub fn start(version: Version) -> Self {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        // The database may run as somebody else, who must get through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        Self { postgres: Postgres::start_version(version, folder.path()), _folder: folder }
    }

    pub async fn connect(&self, database: &str) -> Connection {
        let url = self.postgres.url(database);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        Connection { client }
    }
}

/// One connection.
pub struct Connection {
    pub client: Client,
}

/// A value of any type in binary.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

pub type Rows = Vec<Vec<Option<Vec<u8>>>>;

impl Connection {
    #[track_caller]
    fn failed(error: &tokio_postgres::Error, sql: &str) -> String {
        let mut text = format!("{error}");
        if let Some(database) = error.as_db_error() {
            let _ = write!(text, ": {} {}", database.code().code(), database.message());
        }
        format!("{text} in {sql}")
    }

    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{}", Self::failed(&error, sql)));
    }

    pub async fn rows(&self, format: Format, sql: &str) -> Rows {
        match format {
            Format::Text => self.in_text(sql).await,
            Format::Binary => self.in_binary(sql).await,
        }
    }

    async fn in_text(&self, sql: &str) -> Rows {
        let messages = self.client.simple_query(sql).await;
        let messages = messages.unwrap_or_else(|error| panic!("{}", Self::failed(&error, sql)));
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(|text| text.as_bytes().to_vec())).collect())
            }
            _ => None,
        });
        rows.collect()
    }

    async fn in_binary(&self, sql: &str) -> Rows {
        let rows = self.client.query(sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{}", Self::failed(&error, sql)));
        rows.iter()
            .map(|row| (0..row.len()).map(|at| row.get::<_, Option<Raw>>(at).map(|raw| raw.0)).collect())
            .collect()
    }

    /// Type and modifier of each column of a result.
    pub async fn described(&self, sql: &str) -> Vec<(Oid, i32)> {
        let statement = self.client.prepare(sql).await;
        let statement = statement.unwrap_or_else(|error| panic!("{}", Self::failed(&error, sql)));
        statement.columns().iter().map(|column| (Oid(column.type_().oid()), column.type_modifier())).collect()
    }

    /// Gives the connection the keys of all labels.
    pub async fn give_keys(&self, key: &MaskKey) {
        for setting in sql::settings(key, Label::ALL) {
            let given = self
                .client
                .execute("SELECT pg_catalog.set_config($1, $2, false)", &[&setting.name, &*setting.value])
                .await;
            given.expect("a setting");
        }
    }

    async fn number(&self, sql: &str) -> Oid {
        let row = self.client.query_one(sql, &[]).await;
        Oid(row.unwrap_or_else(|error| panic!("{}", Self::failed(&error, sql))).get(0))
    }

    /// What the core knows of this database: the system's types, and citext.
    pub async fn catalog(&self) -> Catalog {
        let mut catalog = fixture::empty(fixture::Version::Postgres18);
        let code = Arc::make_mut(&mut catalog.code);
        let oid = self.number("SELECT 'extensions.citext'::regtype::oid").await;
        let array = self.number("SELECT 'extensions.citext[]'::regtype::oid").await;
        let equal = self
            .number("SELECT 'extensions.citext_eq(extensions.citext,extensions.citext)'::regprocedure::oid");
        let named = |oid, name: &str, element, array| Type {
            oid,
            schema: "extensions".into(),
            name: name.into(),
            kind: TypeKind::Base,
            category: b'S',
            preferred: false,
            element,
            array,
            subscript: element,
            modifier: Modifier::NONE,
        };
        code.insert_type(named(oid, "citext", Oid(0), array));
        code.insert_type(named(array, "_citext", oid, Oid(0)));
        code.insert_function(Function {
            oid: equal.await,
            schema: "extensions".into(),
            name: "citext_eq".into(),
            kind: FunctionKind::Function,
            language: Language::C,
            volatility: Volatility::Immutable,
            strict: true,
            returns_set: false,
            result: Oid(16),
            arguments: [oid, oid].into(),
            argument_names: [].into(),
            defaults: 0,
            variadic: Oid(0),
            outputs: [].into(),
            body: None,
            search_path: None,
            security_definer: false,
            extension: Some("citext".into()),
            registered: false,
        });
        catalog
    }
}

const TABLE: Oid = Oid(FIRST_NORMAL_OID);

/// The masks of the wire for one column of a result.
pub struct WireMask {
    plan: Plan,
}

impl WireMask {
    pub fn new(catalog: &Catalog, label: Label, type_oid: Oid, modifier: i32, format: Format) -> Self {
        let column = Column { label: Some(label), ..Column::new(1, "v".into(), type_oid) };
        let mut catalog = catalog.clone();
        catalog.insert(Relation {
            oid: TABLE,
            schema: "public".into(),
            name: "t".into(),
            kind: RelationKind::Table,
            columns: vec![column],
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details: None,
        });
        let fields = [Field { relation: TABLE, number: 1, type_oid, modifier, format }];
        let plan = Plan::new(&catalog, &Protection::Untouched, &fields).expect("a plan");
        Self { plan: plan.expect("the column is masked") }
    }

    pub fn of(&self, key: &MaskKey, clear: Option<&[u8]>) -> Option<Vec<u8>> {
        let length = clear.map_or(-1, |clear| i32::try_from(clear.len()).expect("a short value"));
        let row = [&1_i16.to_be_bytes()[..], &length.to_be_bytes(), clear.unwrap_or_default()].concat();
        let mut masked = BytesMut::new();
        self.plan.apply(key, &row, &mut masked).expect("a row that fits");
        let (length, value) = masked[2..].split_first_chunk::<4>().expect("a length");
        (i32::from_be_bytes(*length) >= 0).then(|| value.to_vec())
    }
}
