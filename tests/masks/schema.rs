//! What stands in the tests' databases beside the tables.

/// What the types need, and names that get in the way of every name that an expression might look up.
const SCHEMA: &str = r#"
CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE TYPE extensions.mood AS ENUM ('sad', 'happy');
CREATE TYPE extensions.pair AS (a int, b text);
CREATE DOMAIN extensions.must AS varchar(20) NOT NULL CHECK (VALUE <> '');
CREATE COLLATION extensions."any ""case""" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE SCHEMA evil;
CREATE DOMAIN evil.text AS pg_catalog.int4;
CREATE DOMAIN evil.int8 AS pg_catalog.text;
CREATE DOMAIN evil.varchar AS pg_catalog.int4;
CREATE COLLATION evil."C" (locale = 'C');
"#;

/// Functions and operators of these names and arguments in another schema would be found first.
const FUNCTIONS: &[(&str, &str)] = &[
    ("sha256", "bytea"),
    ("substr", "text,int,int"),
    ("substr", "bytea,int,int"),
    ("encode", "bytea,text"),
    ("decode", "text,text"),
    ("translate", "text,text,text"),
    ("lower", "text"),
    ("upper", "text"),
    ("convert_to", "text,name"),
    ("octet_length", "text"),
    ("ascii", "text"),
    ("lpad", "text,int,text"),
    ("current_setting", "text,bool"),
    ("int8send", "int8"),
    ("make_date", "int,int,int"),
    ("trim_scale", "numeric"),
];

const OPERATORS: &[(&str, &str)] = &[
    ("||", "text"),
    ("||", "bytea"),
    ("=", "int4"),
    ("=", "bytea"),
    (">=", "int4"),
    ("<=", "int4"),
    ("+", "int4"),
    ("%", "int8"),
    ("*", "numeric"),
];

/// What a database gets before its tables.
pub fn schema() -> String {
    let mut schema = SCHEMA.to_owned();
    for (name, arguments) in FUNCTIONS {
        schema += &format!(
            "CREATE FUNCTION evil.{name}({arguments}) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN RAISE 'called: {name}'; END$$;\n"
        );
    }
    for (place, (operator, operand)) in OPERATORS.iter().enumerate() {
        schema += &format!(
            "CREATE FUNCTION evil.operator{place}({operand},{operand}) RETURNS bool LANGUAGE plpgsql AS
             $$BEGIN RAISE 'an operator was called'; END$$;
             CREATE OPERATOR evil.{operator} (FUNCTION = evil.operator{place}, LEFTARG = {operand}, RIGHTARG = {operand});\n"
        );
    }
    schema
}
