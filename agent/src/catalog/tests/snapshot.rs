//! What a snapshot holds, on every version that is found.

use connect_core::catalog::{
    Cascade, Catalog, ColumnExpression, Details, Oid, Relation, RelationKind, Volatility,
    code::{AggregateKind, CastContext, Code, Function, FunctionKind, Language, Type, TypeKind},
};

use super::{
    super::{connection::Connection, read::read},
    relation,
    server::Server,
};

/// Works on all of them.
const OBJECTS: &str = "
    CREATE SCHEMA hidden;
    CREATE ROLE member LOGIN;
    CREATE ROLE other;
    GRANT USAGE ON SCHEMA app TO member;
    CREATE DOMAIN app.mail AS text;
    CREATE TYPE app.mood AS ENUM ('well', 'ill');
    CREATE TYPE app.place AS (street text, town varchar(20));
    CREATE TYPE app.span AS RANGE (subtype = float8);
    CREATE TABLE app.people (id int PRIMARY KEY, mail app.mail NOT NULL, moods app.mood[], gone int,
        home app.place, low text GENERATED ALWAYS AS (lower(mail)) STORED, since timestamptz DEFAULT now(),
        CONSTRAINT people_mail UNIQUE (mail, id));
    ALTER TABLE app.people DROP COLUMN gone;
    CREATE UNIQUE INDEX people_low ON app.people (upper(low), id) INCLUDE (since);
    CREATE TABLE app.orders (id int PRIMARY KEY, person int REFERENCES app.people ON DELETE CASCADE,
        buyer int REFERENCES app.people ON UPDATE SET NULL, seller int REFERENCES app.people);
    CREATE VIEW app.mails AS SELECT p.mail, version() AS v FROM app.people p WHERE app.twice(p.id) > 1;
    CREATE MATERIALIZED VIEW app.kept AS SELECT mail FROM app.mails;
    CREATE RULE no_delete AS ON DELETE TO app.orders DO INSTEAD NOTHING;
    CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON app.people FOR EACH ROW EXECUTE FUNCTION app.touch();
    CREATE TRIGGER off AFTER DELETE ON app.people FOR EACH ROW EXECUTE FUNCTION app.touch();
    ALTER TABLE app.people DISABLE TRIGGER off;
    CREATE TABLE app.guarded (id int, tenant text);
    ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY everybody ON app.guarded USING (tenant = CURRENT_USER);
    CREATE POLICY members ON app.guarded FOR INSERT TO member WITH CHECK (tenant <> 'x');
    CREATE POLICY others ON app.guarded FOR SELECT TO other USING (id > 0);
    CREATE TABLE app.parent (id int, note text) PARTITION BY RANGE (id);
    CREATE TABLE app.child PARTITION OF app.parent FOR VALUES FROM (0) TO (10);
    CREATE TRIGGER cloned AFTER INSERT ON app.parent FOR EACH ROW EXECUTE FUNCTION app.touch();
    CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = int, FUNCTION = app.same);
    CREATE CAST (app.mood AS int) WITH FUNCTION app.to_int(app.mood) AS IMPLICIT;
    ALTER ROLE member SET search_path = app, pg_temp;";

/// Made first: others use them.
const FUNCTIONS: &str = "
    CREATE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION app.same(text, int) RETURNS bool LANGUAGE sql AS 'SELECT true';
    CREATE FUNCTION app.list(n int, INOUT m text DEFAULT 'x', OUT p int, VARIADIC rest int[] DEFAULT '{}')
        RETURNS SETOF record LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = app, public
        AS 'SELECT m, n';
    CREATE FUNCTION app.rows() RETURNS TABLE (a int, b text) LANGUAGE sql AS 'SELECT 1, ''b''';
    CREATE PROCEDURE app.work() LANGUAGE plpgsql AS 'BEGIN NULL; END';
    CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int);";

async fn read_as(server: &Server, user: &str) -> Catalog {
    let upstream = server.upstream_of(user);
    let mut connection = Connection::open(&upstream).await.expect("it opens");
    read(&mut connection).await.expect("it can be read").catalog
}

fn details<'c>(catalog: &'c Catalog, name: &str) -> &'c Details {
    relation(catalog, "app", name).details.as_deref().unwrap_or_else(|| panic!("{name} has details"))
}

fn function<'c>(code: &'c Code, name: &str) -> &'c Function {
    &code.functions[&code.functions_by_name[name][0]]
}

fn of_name<'c>(code: &'c Code, name: &str) -> &'c Type {
    &code.types[&code.types_by_name[name][0]]
}

fn column_numbers(relation: &Relation, names: &[&str]) -> Vec<i16> {
    let number =
        |name: &&str| relation.columns.iter().find(|column| &*column.name == *name).map(|c| c.number);
    names.iter().filter_map(number).collect()
}

#[tokio::test]
async fn everything_is_read_on_every_version() {
    for server in Server::of_every_version() {
        let client = server.client().await;
        client.batch_execute("CREATE SCHEMA app").await.expect("it is made");
        let (types, rest) = OBJECTS.split_once("CREATE TABLE app.people").expect("it is there");
        client.batch_execute(types).await.expect("types are made");
        client.batch_execute(FUNCTIONS).await.expect("functions are made");
        client
            .batch_execute("CREATE FUNCTION app.to_int(app.mood) RETURNS int LANGUAGE sql AS 'SELECT 1'")
            .await
            .expect("it is made");
        client.batch_execute(&format!("CREATE TABLE app.people{rest}")).await.expect("the rest is made");
        let catalog = read_as(&server, "owner").await;
        holds_types(&catalog);
        holds_functions(&catalog.code);
        holds_tables(&catalog);
        holds_views_and_what_runs(&catalog);
        depends_on_the_role(&catalog, &read_as(&server, "member").await);
        holds_what_is_newer(&server, catalog.server_version).await;
    }
}

fn holds_types(catalog: &Catalog) {
    let code = &catalog.code;
    let people = relation(catalog, "app", "people");
    let row = of_name(code, "people");
    assert_eq!((row.kind, row.category), (TypeKind::Composite(people.oid), b'C'));
    assert_eq!(code.types[&row.array].element, row.oid);
    assert_eq!(of_name(code, "mail").kind, TypeKind::Domain(Oid(25)));
    assert_eq!(of_name(code, "mood").kind, TypeKind::Enum);
    assert_eq!(of_name(code, "span").kind, TypeKind::Range(Oid(701)));
    let place = relation(catalog, "app", "place");
    assert_eq!(place.kind, RelationKind::Composite);
    assert_eq!(of_name(code, "place").kind, TypeKind::Composite(place.oid));
    let point = of_name(code, "point");
    assert_eq!((point.element, point.subscript), (Oid(0), Oid(701)));
    assert_eq!(of_name(code, "int2vector").element, Oid(21));
    assert!(catalog.user_types.contains("mood") && !catalog.user_types.contains("_mood"));
    if catalog.server_version >= 140_000 {
        let multirange = of_name(code, "int4multirange");
        assert_eq!(multirange.kind, TypeKind::Multirange(of_name(code, "int4range").oid));
    }
    let cast = code.casts[&(of_name(code, "mood").oid, Oid(23))];
    assert_eq!((cast.context, cast.function), (CastContext::Implicit, Some(function(code, "to_int").oid)));
    assert!(code.casts[&(Oid(25), Oid(1043))].binary);
    let operator = &code.operators[&code.operators_by_name["==="][0]];
    assert_eq!((operator.left, operator.right, operator.result), (Oid(25), Oid(23), Oid(16)));
    assert_eq!(operator.function, function(code, "same").oid);
}

fn holds_functions(code: &Code) {
    let twice = function(code, "twice");
    assert_eq!((twice.language, twice.volatility), (Language::Sql, Volatility::Immutable));
    assert_eq!((&*twice.arguments, &*twice.argument_names), (&[Oid(23)][..], &["n".into()][..]));
    assert_eq!(twice.body.as_deref(), Some("SELECT $1 * 2"));
    assert_eq!(function(code, "touch").language, Language::PlPgSql);
    let list = function(code, "list");
    assert_eq!(*list.arguments, [Oid(23), Oid(25), Oid(1007)]);
    assert_eq!(*list.argument_names, ["n".into(), "m".into(), "rest".into()]);
    assert_eq!(*list.outputs, [("m".into(), Oid(25)), ("p".into(), Oid(23))]);
    assert_eq!((list.defaults, list.variadic), (2, Oid(23)));
    assert!(list.strict && list.returns_set && list.security_definer);
    assert_eq!(list.search_path.as_deref(), Some("app, public"));
    assert_eq!(*function(code, "rows").outputs, [("a".into(), Oid(23)), ("b".into(), Oid(25))]);
    assert!(function(code, "rows").argument_names.is_empty());
    assert_eq!(function(code, "work").kind, FunctionKind::Procedure);
    assert_eq!(function(code, "total").kind, FunctionKind::Aggregate(AggregateKind::Normal));
    let kind = FunctionKind::Aggregate(AggregateKind::OrderedSet { direct: 1 });
    assert_eq!(function(code, "percentile_disc").kind, kind);
    assert_eq!(function(code, "row_number").kind, FunctionKind::Window);
    assert_eq!(function(code, "plpgsql_call_handler").extension.as_deref(), Some("plpgsql"));
    assert!(function(code, "lower").extension.is_none() && function(code, "lower").body.is_none());
}

fn holds_tables(catalog: &Catalog) {
    let people = relation(catalog, "app", "people");
    assert_eq!(column_numbers(people, &["id", "mail", "moods", "home", "low", "since"]), [1, 2, 3, 5, 6, 7]);
    let required = people.columns.iter().filter(|column| column.not_null);
    assert_eq!(required.map(|column| &*column.name).collect::<Vec<_>>(), ["id", "mail"]);
    let details = details(catalog, "people");
    let keys = details.uniques.iter().map(|key| (&*key.name, key.primary, &*key.columns, &*key.others));
    let expected: [(&str, bool, &[i16], &[i16]); 3] = [
        ("people_pkey", true, &[1], &[]),
        ("people_low", false, &[0, 1], &[1, 2]),
        ("people_mail", false, &[2, 1], &[]),
    ];
    assert_eq!(keys.collect::<Vec<_>>(), expected);
    let [(6, ColumnExpression::Stored(low)), (7, ColumnExpression::Default(since))] = &*details.expressions
    else {
        panic!("{:?}", details.expressions)
    };
    assert!(low.contains("lower((mail)::text)") && &**since == "now()", "{low} {since}");
    let orders = relation(catalog, "app", "orders").oid;
    assert_eq!(details.cascades, [Cascade { table: orders, on_delete: true, on_update: true }]);
    assert!(relation(catalog, "app", "child").details.is_some(), "its trigger");
}

fn holds_views_and_what_runs(catalog: &Catalog) {
    let definition = |name| details(catalog, name).definition.as_deref().expect("it has one").to_owned();
    let mails = definition("mails");
    assert!(mails.contains("app.people p") && mails.contains("app.twice("), "{mails}");
    assert!(definition("kept").contains("app.mails"));
    let settings = relation(catalog, "pg_catalog", "pg_settings").details.as_deref();
    assert!(settings.is_some_and(|view| view.definition.is_some() && view.rules.len() == 2));
    let [rule] = &*details(catalog, "orders").rules else { panic!("one rule") };
    assert!(rule.contains("ON DELETE TO app.orders DO INSTEAD NOTHING"), "{rule}");
    let touch = function(&catalog.code, "touch").oid;
    let [trigger] = &*details(catalog, "people").triggers else { panic!("one trigger") };
    assert_eq!(
        (&*trigger.name, trigger.function, trigger.on),
        ("touched", touch, [true, true, false, false])
    );
    assert!(trigger.before && !trigger.instead);
    for name in ["parent", "child"] {
        assert_eq!(details(catalog, name).triggers.len(), 1, "a partition has its own copy");
        assert!(relation(catalog, "app", name).runs_code);
    }
}

fn depends_on_the_role(owner: &Catalog, member: &Catalog) {
    assert_eq!((&*owner.role, &*member.role), ("owner", "member"));
    assert_eq!(&*owner.search_path, "\"$user\", public");
    assert_eq!(&*member.search_path, "app, pg_temp");
    assert!(owner.schemas.contains_key("hidden") && member.schemas.contains_key("hidden"));
    assert!(!is_closed(owner, "hidden") && is_closed(member, "hidden"));
    assert!(!is_closed(member, "app"));
    assert!(relation(owner, "app", "guarded").details.is_none(), "the owner is not held to policies");
    let policies = &details(member, "guarded").policies;
    let commands: Vec<u8> = policies.iter().map(|policy| policy.command).collect();
    assert_eq!(commands, *b"*a", "not those of other roles");
    assert!(policies[0].using.as_deref().is_some_and(|text| text.contains("tenant")));
    assert!(policies[1].check.as_deref().is_some_and(|text| text.contains("tenant")));
}

async fn holds_what_is_newer(server: &Server, version: u32) {
    let client = server.client().await;
    if version >= 140_000 {
        let body = "CREATE FUNCTION app.atomic(n int) RETURNS bigint LANGUAGE sql
            BEGIN ATOMIC SELECT count(*) FROM app.people WHERE id > n; END";
        client.batch_execute(body).await.expect("it is made");
        let catalog = read_as(server, "owner").await;
        let body = function(&catalog.code, "atomic").body.clone().expect("it has one");
        assert!(body.contains("app.people") && body.starts_with("BEGIN ATOMIC"), "{body}");
    }
    if version >= 180_000 {
        let table = "CREATE TABLE app.seen (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)";
        client.batch_execute(table).await.expect("it is made");
        let catalog = read_as(server, "owner").await;
        let [(2, ColumnExpression::Virtual(text))] = &*details(&catalog, "seen").expressions else {
            panic!("one virtual column")
        };
        assert_eq!(&**text, "(a + 1)");
    }
}

fn is_closed(catalog: &Catalog, schema: &str) -> bool {
    catalog.roles.get(&catalog.role).is_some_and(|role| role.closed_schemas.contains(schema))
}
