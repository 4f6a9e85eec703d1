//! The parser reads PostgreSQL 18; what an older server would read as something else is refused.

use super::world::{class, refusal, shop};
use crate::catalog::{BuiltinFunction, Catalog, Volatility};

fn of_version(version: u32) -> Catalog {
    Catalog { server_version: version, ..shop() }
}

#[test]
fn numbers_that_an_older_server_reads_otherwise_are_refused() {
    for text in
        ["SELECT 0x1F", "SELECT 0b1", "SELECT 0o7", "SELECT 1_000", "SELECT id FROM products LIMIT 1_0"]
    {
        let refusal = refusal(&of_version(150_018), text).expect("refused");
        assert!(refusal.message.contains("newer than this server"), "{text}");
        assert_eq!(class(&of_version(160_000), text), "untouched", "{text}");
    }
}

#[test]
fn a_keyword_that_is_a_name_to_an_older_server_is_refused() {
    // On 15 this shows a column of this name, in clear.
    let text = "SELECT system_user FROM (SELECT email AS system_user FROM customers) s";
    assert!(refusal(&shop(), text).is_some());
    assert!(refusal(&shop(), "SELECT system_user").is_some());
}

#[test]
fn at_time_zone_is_a_volatile_function_to_old_servers_and_harmless() {
    let mut catalog = of_version(130_000);
    let functions = std::sync::Arc::make_mut(&mut catalog.builtin_functions);
    functions
        .insert("timezone".into(), BuiltinFunction { volatility: Volatility::Volatile, aggregate: false });
    assert_eq!(refusal(&catalog, "SELECT created_at AT TIME ZONE 'EST' FROM orders"), None);
}

#[test]
fn extract_is_what_a_server_of_its_version_makes_of_it() {
    let text = "SELECT extract(year FROM created_at) FROM orders";
    for version in [130_000, 140_000, 150_018, 180_000] {
        let mut catalog = of_version(version);
        let functions = std::sync::Arc::make_mut(&mut catalog.builtin_functions);
        let (known, unknown) =
            if version < 140_000 { ("date_part", "extract") } else { ("extract", "date_part") };
        let immutable = BuiltinFunction { volatility: Volatility::Immutable, aggregate: false };
        functions.insert(known.into(), immutable);
        functions.remove(unknown);
        assert_eq!(refusal(&catalog, text), None, "{version}");
    }
}

#[test]
fn constructs_of_newer_servers_are_refused() {
    for text in [
        "SELECT JSON_ARRAY(1, 2)",
        "SELECT JSON_OBJECT('a' VALUE 1)",
        "SELECT JSON_ARRAYAGG(id) FROM products",
        "SELECT '{}' IS JSON",
        "SELECT JSON_VALUE('{}', '$.a')",
        "SELECT JSON_EXISTS('{}', '$.a')",
        "SELECT JSON('{}')",
        "SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a int))",
        "MERGE INTO products p USING tags t ON t.id = p.id WHEN MATCHED THEN DELETE RETURNING p.id",
        "MERGE INTO products p USING tags t ON t.id = p.id WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "UPDATE products SET price = 1 WHERE id = 1 RETURNING WITH (OLD AS o) o.price",
        "UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING old.email",
        "UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING new.*",
    ] {
        assert!(refusal(&shop(), text).is_some(), "{text}");
        assert!(refusal(&of_version(180_000), text).is_some(), "{text}");
    }
    assert!(
        refusal(
            &of_version(140_000),
            "MERGE INTO products p USING tags t ON t.id = p.id WHEN MATCHED THEN DELETE"
        )
        .is_some()
    );
}

#[test]
fn names_beyond_ascii_are_refused_where_the_server_folds_them_otherwise() {
    let latin = Catalog { utf8: false, ..shop() };
    assert!(refusal(&latin, "SELECT 1 AS é").is_some());
    assert!(refusal(&latin, "SELECT 1 AS U&\"\\00e9\"").is_some());
    assert_eq!(class(&latin, "SELECT 'é' AS e"), "untouched");
    assert_eq!(class(&shop(), "SELECT 1 AS é"), "untouched");
}
