//! A denied statement is an ordinary SQL error, with the consequences that the server would give it.

use connect_tests::{
    agent::SHOP, place, postgres::ADMINISTRATOR, process, tunnel, tunnel::Tunnel, world::World,
};

const SHOW_STATES: &str = "\\set VERBOSITY sqlstate\n";

/// What psql prints for a script, through the tunnel with the denied statement in it and straight at the
/// server with one that fails by itself.
fn both(world: &World, tunnel: &Tunnel, script: &str) -> [String; 2] {
    let ours = tunnel.psql(&format!("{SHOW_STATES}{}", script.replace("REFUSED", "DELETE FROM scratch")));
    let mut psql = tunnel::client(&place::installed("psql"), world.postgres.port(), "shop", world.folder());
    psql.env("PGUSER", ADMINISTRATOR).arg("-XqAt");
    let failing = script.replace("REFUSED", "DELETE FROM no_such_table");
    let theirs = process::run_with(&mut psql, &format!("{SHOW_STATES}{failing}"), process::PATIENCE);
    let merge = |finished: process::Finished| {
        let states = finished.stderr.replace("42501", "REFUSED").replace("42P01", "REFUSED");
        format!("{}--\n{states}", finished.stdout)
    };
    [merge(ours), merge(theirs)]
}

#[test]
fn the_transaction_is_as_the_server_would_leave_it() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let scripts = [
            "SELECT 1; REFUSED; SELECT 2;\n",
            "SELECT 1;\nREFUSED;\nSELECT 2;\n",
            "BEGIN;\nSELECT 1;\nREFUSED;\nSELECT 2;\nROLLBACK;\nSELECT 3;\n",
            "BEGIN;\nINSERT INTO scratch VALUES (500, 'a');\nREFUSED;\nCOMMIT;\nSELECT count(*) FROM scratch;\n",
            "BEGIN;\nINSERT INTO scratch VALUES (501, 'a');\nSAVEPOINT s;\nREFUSED;\nSELECT 1;\nROLLBACK TO s;\nSELECT 2;\nROLLBACK;\n",
            "BEGIN;\nSAVEPOINT s;\nREFUSED;\nROLLBACK TO s;\nREFUSED;\nRELEASE s;\nSELECT 9;\nROLLBACK;\nSELECT 10;\n",
            "INSERT INTO scratch VALUES (502, 'a')\\; REFUSED\\; INSERT INTO scratch VALUES (503, 'b');\nSELECT count(*) FROM scratch WHERE id > 499;\n",
            "BEGIN;\nREFUSED;\nCOMMIT;\nSELECT 4;\n",
        ];
        for script in scripts {
            let [ours, theirs] = both(&world, &tunnel, script);
            assert_eq!(ours, theirs, "{script}");
            assert!(theirs.contains("REFUSED"), "nothing was refused in {script}: {theirs}");
        }
        assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    }
}

#[test]
fn a_message_with_a_denied_statement_in_it_is_denied_as_a_whole() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        // Straight at the server the first two would have run: nothing of a denied message reaches it.
        let alone = tunnel.psql(&format!(
        "{SHOW_STATES}BEGIN\\; INSERT INTO scratch VALUES (510, 'a')\\; DELETE FROM scratch\\; COMMIT;\nSELECT 3;\n"
    ));
        assert_eq!((alone.stdout.as_str(), alone.stderr.as_str()), ("3\n", "ERROR:  42501\n"));
        let inside = tunnel.psql(&format!(
            "{SHOW_STATES}BEGIN;\nSELECT 1\\; DELETE FROM scratch;\nSELECT 2;\nROLLBACK;\nSELECT 3;\n"
        ));
        assert_eq!(
            (inside.stdout.as_str(), inside.stderr.as_str()),
            ("3\n", "ERROR:  42501\nERROR:  25P02\n")
        );
        assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    }
}

#[test]
fn an_unbounded_delete_is_refused_with_a_hint_and_nothing_is_deleted() {
    let world = World::start();
    let tunnel = world.person("li").open(SHOP);
    for sql in [
        "DELETE FROM scratch;",
        "DELETE FROM scratch WHERE true;",
        "DELETE FROM scratch WHERE 1 = 1;",
        "DELETE FROM scratch WHERE id = id;",
        "DELETE FROM scratch WHERE id IS NULL OR id IS NOT NULL;",
        "UPDATE scratch SET note = 'x';",
        "WITH d AS (DELETE FROM scratch RETURNING 1) SELECT count(*) FROM d;",
        "EXPLAIN ANALYZE DELETE FROM scratch;",
        "TRUNCATE scratch;",
        "DROP TABLE scratch;",
        "ALTER TABLE scratch DROP COLUMN note;",
        "DO $$ BEGIN DELETE FROM scratch; END $$;",
        "PREPARE p AS DELETE FROM scratch;",
        "COPY (DELETE FROM scratch RETURNING id) TO STDOUT;",
        "MERGE INTO scratch s USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE;",
    ] {
        let refused = tunnel.psql(&format!("{sql}\nSELECT 'still here';"));
        assert!(refused.stderr.contains("ERROR"), "{sql}: {} {}", refused.stdout, refused.stderr);
        assert!(
            refused.stderr.contains("HINT") || refused.stderr.contains("DETAIL"),
            "{sql}: {}",
            refused.stderr
        );
        assert_eq!(refused.stdout.trim(), "still here", "{sql}");
    }
    assert_eq!(world.postgres.sql("shop", "SELECT count(*), count(DISTINCT note) FROM scratch"), "20|20");
    let bounded = tunnel.psql(
        "DELETE FROM scratch WHERE id = 20 RETURNING id;\nUPDATE scratch SET note = 'y' WHERE id IN (1, 2);",
    );
    assert_eq!((bounded.stdout.trim(), bounded.stderr.as_str()), ("20", ""));
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch WHERE note = 'y'"), "2");
}

#[test]
fn words_in_texts_and_comments_are_harmless() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    for sql in [
        "SELECT 'DROP TABLE scratch';",
        "SELECT id AS delete FROM scratch WHERE id = 1; -- TRUNCATE scratch",
        "SELECT /* DELETE FROM scratch */ 1;",
        "SELECT $$UPDATE scratch SET note = 'x'$$;",
    ] {
        let finished = tunnel.psql(sql);
        assert_eq!((finished.stderr.as_str(), finished.stdout.lines().count()), ("", 1), "{sql}");
    }
}

#[test]
fn who_may_read_only_writes_nothing() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    for sql in [
        "INSERT INTO scratch VALUES (600, 'x');",
        "UPDATE scratch SET note = 'x' WHERE id = 1;",
        "DELETE FROM scratch WHERE id = 1;",
        "SELECT * FROM scratch WHERE id = 1 FOR UPDATE;",
        "COPY scratch FROM STDIN;\n601\tx\n\\.\n",
        "WITH u AS (UPDATE scratch SET note = 'x' WHERE id = 1 RETURNING id) SELECT * FROM u;",
        "SELECT nextval('nothing');",
        "SELECT lo_create(0);",
    ] {
        let refused = tunnel.psql(sql);
        assert!(refused.stderr.contains("ERROR"), "{sql}: {}", refused.stdout);
    }
    assert_eq!(world.postgres.sql("shop", "SELECT count(*), count(DISTINCT note) FROM scratch"), "20|20");
}
