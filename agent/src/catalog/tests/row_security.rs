//! Row security of every role, by the side of what the server's plans show.

use connect_core::{
    catalog::Catalog,
    lineage::Status,
    understand::{Limits, lineages, new_session},
};
use tokio_postgres::Client;

use super::{
    super::{connection::Connection, read::read},
    server::Server,
};

/// Each policy is about a column of its own.
const OBJECTS: &str = "
    CREATE ROLE boss; CREATE ROLE staff; CREATE ROLE clerk IN ROLE staff; CREATE ROLE loner NOINHERIT IN ROLE staff;
    CREATE ROLE deputy IN ROLE boss; CREATE ROLE auditor BYPASSRLS; CREATE ROLE stranger; CREATE ROLE low IN ROLE clerk;
    CREATE SCHEMA app; GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
    CREATE TABLE app.guarded (id int, a int, b int, c int, d int);
    CREATE TABLE app.forced (LIKE app.guarded);
    CREATE TABLE app.off (LIKE app.guarded);
    ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY;
    ALTER TABLE app.forced ENABLE ROW LEVEL SECURITY;
    ALTER TABLE app.forced FORCE ROW LEVEL SECURITY;
    CREATE POLICY of_all ON app.guarded USING (a > 0);
    CREATE POLICY of_staff ON app.guarded TO staff USING (b > 0);
    CREATE POLICY of_stranger ON app.guarded TO stranger USING (c > 0);
    CREATE POLICY also ON app.guarded AS RESTRICTIVE USING (d > 0);
    CREATE POLICY to_change ON app.guarded FOR UPDATE USING (id > 0);
    CREATE POLICY of_all ON app.forced USING (a > 0);
    CREATE POLICY of_boss ON app.forced TO boss USING (b > 0);
    CREATE POLICY no_more ON app.off USING (a > 0);
    ALTER TABLE app.guarded OWNER TO boss; ALTER TABLE app.forced OWNER TO boss;
    GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA app TO PUBLIC;
    CREATE VIEW app.of_owner AS SELECT id FROM app.guarded;
    CREATE VIEW app.of_clerk AS SELECT id FROM app.guarded; ALTER VIEW app.of_clerk OWNER TO clerk;
    CREATE VIEW app.over AS SELECT id FROM app.of_clerk; ALTER VIEW app.over OWNER TO stranger;
    CREATE FUNCTION app.ids() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM app.guarded';
    GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;";

/// Since version 15.
const INVOKER: &str = "
    CREATE VIEW app.asked WITH (security_invoker = on) AS SELECT id FROM app.guarded;
    CREATE VIEW app.asked_within AS SELECT id FROM app.asked; ALTER VIEW app.asked_within OWNER TO clerk;
    GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;";

const ROLES: [&str; 9] = ["owner", "boss", "deputy", "staff", "clerk", "low", "loner", "auditor", "stranger"];

const STATEMENTS: [&str; 9] = [
    "SELECT id FROM app.guarded",
    "SELECT id FROM app.forced",
    "SELECT id FROM app.off",
    "SELECT id FROM app.of_owner",
    "SELECT id FROM app.of_clerk",
    "SELECT id FROM app.over",
    "SELECT ids FROM app.ids()",
    "SELECT id FROM app.asked",
    "SELECT id FROM app.asked_within",
];

#[tokio::test]
async fn row_security_is_that_of_the_role_whose_rights_count() {
    for server in Server::of_every_version() {
        let client = server.client().await;
        client.batch_execute(OBJECTS).await.expect("all is made");
        let mut connection = Connection::open(&server.upstream()).await.expect("it opens");
        let first = read(&mut connection).await.expect("it can be read").catalog;
        let invoker = first.server_version >= 150_000;
        if invoker {
            client.batch_execute(INVOKER).await.expect("all is made");
        }
        let catalog = read(&mut connection).await.expect("it can be read").catalog;
        for role in ROLES {
            for sql in STATEMENTS.iter().filter(|sql| invoker || !sql.contains("asked")) {
                agrees(&client, &catalog, role, sql).await;
            }
        }
    }
}

/// The columns that decide are those in the filters of the plan.
async fn agrees(client: &Client, catalog: &Catalog, role: &str, sql: &str) {
    let mut session = new_session(catalog, Some(&["app".to_owned()]));
    let limits = Limits::default();
    let _set = lineages(format!("SET ROLE {role}").as_bytes(), catalog, &mut session, &limits);
    let lineage = lineages(sql.as_bytes(), catalog, &mut session, &limits).remove(0);
    let told: Vec<&str> = lineage
        .indirect
        .iter()
        .filter_map(|id| Some(&*catalog.relation(id.relation)?.column(id.number)?.name))
        .collect();
    client.batch_execute(&format!("SET ROLE {role}")).await.expect("it may");
    let plan = client.query(&format!("EXPLAIN (VERBOSE, COSTS off) {sql}"), &[]).await.expect("a plan");
    client.batch_execute("RESET ROLE").await.expect("it may");
    let filters: String = plan
        .iter()
        .map(|row| row.get::<_, &str>(0).trim())
        .filter(|line| line.starts_with("Filter:") || line.starts_with("One-Time Filter:"))
        .collect();
    let seen: Vec<&str> = ["id", "a", "b", "c", "d"]
        .into_iter()
        .filter(|name| filters.contains(&format!("{name} >")))
        .collect();
    // A view for whoever asks is opened once, for the agent's own role.
    let elsewhere = sql.contains("asked") && role != "owner";
    if elsewhere {
        assert_eq!(lineage.status, Status::Partial, "{role}: {sql}");
    } else {
        assert_eq!(lineage.status, Status::Complete, "{role}: {sql}: {:?}", lineage.gaps);
        assert_eq!(told, seen, "{role}: {sql}: {filters}");
    }
}
