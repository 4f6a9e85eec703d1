//! Code, catalogs, settings and everything else that is not a plain statement.

use super::{
    super::world::{one, refusal, shop},
    refused,
};
use crate::statement::{Effect, Protection};

#[test]
fn what_runs_code_that_the_text_does_not_show_is_opaque() {
    refused(
        "opaque",
        &[
            "SELECT x.audit_all, q.audit_all FROM generate_series(1, 2) x, (SELECT 1 AS audit_all) q",
            "DO $$ BEGIN PERFORM 1; END $$",
            "CALL anything()",
            "SELECT shop_total(1)",
            "SELECT public.shop_total(1)",
            "SELECT audit_all()",
            "SELECT * FROM shop_total(1)",
            "SELECT (1).shop_total",
            "SELECT (o.id).shop_total FROM public.orders o",
            "SELECT o.shop_total FROM public.orders o",
            "SELECT id FROM products ORDER BY shop_total(id)",
            "SELECT 1 === 2",
            "SELECT id FROM products ORDER BY id USING ===",
            "SELECT 1 OPERATOR(public.===) 2",
            "SELECT id = ANY (SELECT id FROM customers), 1 === ANY (SELECT 2)",
            "SELECT query_to_xml('SELECT email FROM customers', true, true, '')",
            "SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')",
            "SELECT table_to_xml('customers', true, true, '')",
            "SELECT database_to_xml(true, true, '')",
            "SELECT schema_to_xml('public', true, true, '')",
            "SELECT cursor_to_xml('c', 1, true, true, '')",
            "SELECT * FROM ts_stat('SELECT to_tsvector(email) FROM customers')",
            "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')",
            "SELECT domain_in('x', 'email_address'::regtype, -1)",
            "INSERT INTO audited (what) VALUES ('x')",
            "UPDATE audited SET what = 'x' WHERE id = 1",
            "DELETE FROM audited WHERE id = 1",
            "INSERT INTO remote_prices VALUES (1, 2)",
            "COPY audited FROM STDIN",
            "TRUNCATE audited",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers'",
            "CREATE PROCEDURE p() LANGUAGE sql AS ''",
            "CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()",
            "CREATE RULE r AS ON SELECT TO orders DO INSTEAD SELECT * FROM customers",
            "CREATE CAST (text AS int) WITH FUNCTION f(text)",
            "CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = f)",
            "CREATE AGGREGATE a (text) (SFUNC = f, STYPE = text)",
            "ALTER FUNCTION f() SET SCHEMA public",
            "ALTER FUNCTION f() SECURITY DEFINER",
            "ALTER TYPE t SET (RECEIVE = f)",
            "ALTER DOMAIN email_address ADD CHECK (VALUE LIKE 'a%')",
            "ALTER DOMAIN email_address VALIDATE CONSTRAINT c",
            "CREATE INDEX ON products (shop_total(id))",
            "ALTER TABLE products ADD CHECK (shop_total(id) > 0)",
            "ALTER TABLE products ALTER COLUMN price SET DEFAULT shop_total(1)",
            "CREATE TABLE t (a int DEFAULT shop_total(1))",
            "CREATE VIEW v AS SELECT shop_total(id) FROM products",
            "PREPARE p AS SELECT shop_total(1)",
            "EXECUTE p (shop_total(1))",
            "EXPLAIN SELECT shop_total(1)",
            "EXPLAIN EXECUTE p",
            "DECLARE c CURSOR FOR SELECT shop_total(1)",
            "SELECT id FROM customers WHERE country::mood IS NULL",
            "SELECT id, NULL::customers FROM customers",
            "SELECT id FROM customers, json_to_record('{}') AS j(a email_address)",
        ],
    );
}

#[test]
fn catalogs_that_hold_values_are_refused() {
    refused(
        "value_bearing_catalog",
        &[
            "SELECT * FROM pg_stats",
            "SELECT most_common_vals FROM pg_catalog.pg_stats WHERE tablename = 'customers'",
            "SELECT stavalues1 FROM pg_statistic",
            "TABLE pg_statistic",
            "SELECT * FROM pg_stats_ext",
            "SELECT stxdmcv FROM pg_statistic_ext_data",
            "SELECT query FROM pg_stat_activity",
            "SELECT * FROM pg_stat_activity",
            "SELECT a.* FROM pg_stat_activity a",
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%secret%'",
            "SELECT count(*) FROM pg_stat_activity GROUP BY query",
            "SELECT statement FROM pg_prepared_statements",
            "SELECT * FROM pg_cursors",
            "SELECT * FROM pg_prepared_xacts",
            "SELECT data FROM pg_largeobject",
            "SELECT rolname, rolpassword FROM pg_authid",
            "SELECT * FROM pg_authid",
            "SELECT passwd FROM pg_shadow",
            "SELECT umoptions FROM pg_user_mappings",
            "SELECT * FROM pg_user_mapping",
            "SELECT srvoptions FROM pg_foreign_server",
            "SELECT option_value FROM information_schema.user_mapping_options",
            "SELECT subconninfo FROM pg_subscription",
            "SELECT * FROM pg_hba_file_rules",
            "SELECT * FROM pg_file_settings",
            "SELECT current_query()",
            "SELECT * FROM pg_stat_get_activity(NULL)",
            "SELECT pg_stat_get_backend_activity(1)",
            "SELECT * FROM pg_cursor()",
            "SELECT * FROM pg_prepared_statement()",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT ('/etc/passwd').pg_read_file",
            "SELECT pg_read_binary_file('x')",
            "SELECT pg_ls_dir('.')",
            "SELECT * FROM pg_ls_waldir()",
            "SELECT lo_get(1)",
            "SELECT lo_export(1, '/tmp/x')",
            "SELECT lo_import('/etc/passwd')",
            "SELECT loread(1, 1)",
            "INSERT INTO pg_largeobject VALUES (1, 0, '')",
            "COPY pg_authid TO STDOUT",
            "COPY pg_authid (rolname, rolpassword) TO STDOUT",
            "CREATE TABLE t AS SELECT * FROM pg_stats",
            "EXPLAIN SELECT email FROM customers",
            "EXPLAIN SELECT id FROM customers WHERE country = 'DE'",
            "EXPLAIN (VERBOSE, COSTS ON) SELECT id FROM customers",
            "EXPLAIN (COSTS OFF, ANALYZE) SELECT email FROM customers",
            "EXPLAIN (COSTS OFF, ANALYZE, BUFFERS) SELECT id FROM customers",
            "EXPLAIN (COSTS OFF, ANALYZE, SERIALIZE) SELECT id FROM customers",
        ],
    );
    refused("protected_copy", &["COPY pg_stats TO STDOUT", "COPY pg_statistic TO STDOUT"]);
    refused(
        "protected_expression",
        &[
            "SELECT a FROM pg_stat_activity a",
            "SELECT row_to_json(a) FROM pg_authid a",
            "SELECT a.to_json FROM pg_shadow a",
        ],
    );
}

#[test]
fn the_server_is_not_administered() {
    refused(
        "administration",
        &[
            "SELECT pg_terminate_backend(1)",
            "SELECT (1).pg_terminate_backend",
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity",
            "SELECT pg_reload_conf()",
            "SELECT pg_rotate_logfile()",
            "SELECT pg_switch_wal()",
            "SELECT pg_promote()",
            "SELECT * FROM pg_logical_slot_peek_changes('s', NULL, NULL)",
            "SELECT pg_create_logical_replication_slot('s', 'test_decoding')",
            "SELECT pg_logical_emit_message(true, 'a', 'b')",
            "SELECT binary_upgrade_set_next_pg_type_oid(1)",
            "SELECT pg_stat_reset()",
            "SELECT pg_import_system_collations('pg_catalog')",
            "DELETE FROM pg_catalog.pg_statistic WHERE true",
            "UPDATE pg_settings SET setting = 'x' WHERE name = 'log_statement'",
            "UPDATE pg_attribute SET attname = 'x' WHERE attname = 'email'",
            "DELETE FROM pg_catalog.pg_class WHERE oid = 1",
            "INSERT INTO pg_type (oid) VALUES (1)",
            "COPY pg_class FROM STDIN",
        ],
    );
}

#[test]
fn settings_that_weaken_masks_or_the_record_are_refused() {
    refused(
        "unsafe_setting",
        &[
            "SET client_min_messages = debug5",
            "SET LOCAL client_min_messages TO log",
            "SET debug_print_plan = on",
            "SET log_statement = 'all'",
            "SET session_replication_role = replica",
            "SET ROLE postgres",
            "SET SESSION AUTHORIZATION postgres",
            "SET standard_conforming_strings = off",
            "SET backslash_quote = on",
            "SET client_encoding = 'LATIN1'",
            "SET NAMES 'SJIS'",
            "RESET standard_conforming_strings",
            "SET client_encoding TO DEFAULT",
            "SET auto_explain.log_min_duration = 0",
            "SET local_preload_libraries = 'x'",
            "SET my.own = 'x'",
            "SET transform_null_equals = on",
            "SELECT set_config('client_min_messages', 'debug1', false)",
            "SELECT set_config('role', 'postgres', false)",
            "SELECT set_config(name, 'x', false) FROM pg_settings",
            "SELECT set_config('client_encoding', $1, false)",
            "SELECT set_config($1, $2, false)",
            "SELECT set_config('log_' || 'statement', 'all', false)",
            "SELECT id FROM products WHERE set_config('log_statement', 'all', true) = 'x'",
        ],
    );
}

/// What is said of a statement that is refused stands in the log.
#[test]
fn no_literal_is_said_again_where_a_statement_is_refused() {
    let shop = shop();
    for text in [
        "SELECT set_config('hunter2', 'x', false)",
        "SELECT set_config('my.hunter2', 'hunter2', false)",
        "SELECT current_setting('connect_mask.hunter2')",
        "SELECT id FROM products WHERE set_config('hunter2', 'all', true) = 'hunter2'",
        "SET ROLE 'hunter2'",
        "SET SESSION AUTHORIZATION 'hunter2'",
        "SET client_encoding = 'hunter2'",
        "SELECT pg_read_file('/tmp/hunter2')",
        "SELECT query_to_xml('SELECT ''hunter2''', true, false, '')",
        "SELECT lo_import('/tmp/hunter2')",
    ] {
        let found = refusal(&shop, text).unwrap_or_else(|| panic!("passed: {text}"));
        assert!(!format!("{found:?}").contains("hunter2"), "{text}: {found:?}");
    }
    // Nor in what is said of the lineage of one that is not.
    for text in [
        "SELECT id FROM public.products ORDER BY 41112222",
        "SELECT id FROM public.products GROUP BY 41112222",
    ] {
        let lineage = format!("{:?}", one(&shop, text).lineage);
        assert!(lineage.contains("there is no output") && !lineage.contains("41112222"), "{lineage}");
    }
}

#[test]
fn what_is_not_reviewed_is_refused() {
    refused(
        "not_understood",
        &[
            "SELECT otherdb.public.customers.id FROM otherdb.public.customers",
            "SELECT id FROM shop.public.customers",
            "SELECT a.b.c.d FROM customers",
            "SELECT no_such_function(1)",
            "SELECT email(c) FROM customers c",
            "SELECT other_schema.count(1)",
            "SELECT * FROM no_such_table",
            "SELECT * FROM nowhere.customers",
            "SELECT * FROM pg_toast.pg_toast_2619",
            "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS x text)",
            "SELECT json_object('a': 1)",
            "COPY products FROM STDIN (SOMETHING new)",
            "CREATE SCHEMA s CREATE TABLE t (a int)",
            "ALTER TABLE products OF mood",
            "CREATE TABLE t AS EXECUTE p",
        ],
    );
}

#[test]
fn no_way_to_name_a_mask_key_is_open() {
    let shop = shop();
    for text in [
        "SHOW connect_mask.pii_email",
        "SHOW \"Connect_Mask.pii_email\"",
        "SET connect_mask.pii_email = 'x'",
        "SET LOCAL connect_mask.pii_email TO DEFAULT",
        "RESET connect_mask.pii_email",
        "SELECT current_setting('connect_mask.pii_email')",
        "SELECT pg_catalog.current_setting('CONNECT_MASK.pii_email', true)",
        "SELECT current_setting('connect_' || 'mask.pii_email')",
        "SELECT current_setting(n) FROM (VALUES ('connect_mask.pii_email')) v(n)",
        "SELECT current_setting(name) FROM products",
        "SELECT ('connect_mask.pii_email'::text).current_setting",
        "SELECT (x).current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x",
        "SELECT x.current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x",
        "SELECT x.current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x, (SELECT 1 AS current_setting) q",
        "SELECT current_setting(s.name) FROM pg_settings s",
        "SELECT current_setting(s.name) FROM pg_catalog.pg_settings AS s(a, name)",
        "WITH s AS (SELECT 'connect_mask.pii_email' AS name) SELECT current_setting(s.name) FROM s",
        "SELECT set_config('connect_mask.pii_email', 'x', false)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET connect_mask.pii_email FROM CURRENT AS 'SELECT 1'",
        "ALTER FUNCTION shop_total() SET connect_mask.pii_email FROM CURRENT",
        "ALTER ROLE CURRENT_USER SET connect_mask.pii_email FROM CURRENT",
        "ALTER DATABASE shop SET connect_mask.pii_email FROM CURRENT",
        // Of a value of another type, or of what is done to it, another text comes to the function.
        "SELECT current_setting($1::xml::text)",
        "SELECT current_setting($1::regclass::text)",
        "SELECT current_setting($1 || '')",
        "SELECT $1::xml, current_setting($1::text)",
        "SELECT current_setting($1::text) WHERE $1::xml IS DOCUMENT",
        "SELECT current_setting($1, $1::bool)",
        "PREPARE p(xml) AS SELECT current_setting($1::text)",
        "PREPARE p(int, regclass) AS SELECT current_setting($2::text) FROM products WHERE id = $1",
        // Nobody looks at what is given there.
        "CREATE TABLE t AS SELECT current_setting($1)",
        "CREATE VIEW v AS SELECT current_setting($1)",
        "COPY (SELECT current_setting($1)) TO STDOUT",
        "SELECT current_setting($0)",
    ] {
        assert!(refusal(&shop, text).is_some(), "{text}");
    }
    for text in ["SHOW search_path", "SELECT current_setting('search_path')", "SHOW ALL"] {
        assert_eq!(refusal(&shop, text), None, "{text}");
    }
}

#[test]
fn which_setting_a_parameter_names_is_left_to_its_value() {
    let shop = shop();
    for (text, named) in [
        ("SELECT current_setting($1)", &[1][..]),
        ("SELECT pg_catalog.current_setting($1::varchar, $2)", &[1]),
        ("SELECT current_setting($2::text), $1 FROM products WHERE current_setting($2) = $1", &[2]),
        ("SELECT amname FROM pg_catalog.pg_am WHERE amname <> current_setting($3) AND oid = $1", &[3]),
        ("INSERT INTO products SELECT $1, current_setting($2), current_setting($4), $3", &[2, 4]),
        ("PREPARE p AS SELECT current_setting($1)", &[1]),
        ("PREPARE p(xml, text) AS SELECT current_setting($2), $1", &[2]),
        ("EXPLAIN (COSTS OFF) SELECT current_setting($1)", &[1]),
        ("SELECT current_setting('search_path'), $1", &[]),
    ] {
        let found = one(&shop, text);
        assert_eq!(found.settings, named, "{text}: {:?}", found.protection);
        assert!(!matches!(found.protection, Protection::Refused(_)), "{text}: {:?}", found.protection);
    }
    let executed = |arguments: &str| match one(&shop, &format!("EXECUTE p({arguments})")).effect {
        Effect::Execute { settings, .. } => settings,
        effect => panic!("{effect:?}"),
    };
    assert_eq!(
        executed("'search_path', 'connect_mask.pii_email', 'Connect_MASK.x', 7"),
        [true, false, false, false]
    );
    assert_eq!(
        executed("'x'::text, 'x'::xml, 'connect_' || 'mask.pii_email', NULL"),
        [true, false, false, false]
    );
}
