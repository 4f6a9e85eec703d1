//! Relations of the catalog that hold values of rows, or texts and secrets of other people (class H).

use crate::catalog::Relation;

/// What of a relation may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearing {
    Nothing,
    /// These columns.
    Columns(&'static [&'static str]),
    /// Values out of this database's own tables.
    Statistics,
    Everything,
}

/// What of `relation` may not be read.
pub(super) fn bearing(relation: &Relation) -> Bearing {
    match &*relation.schema {
        "pg_catalog" => pg_catalog(&relation.name),
        "information_schema" => match &*relation.name {
            "foreign_server_options" | "user_mapping_options" | "_pg_user_mappings" => {
                Bearing::Columns(&["option_value", "umoptions"])
            }
            "_pg_foreign_servers" => Bearing::Columns(&["srvoptions"]),
            _ => Bearing::Nothing,
        },
        schema if schema.starts_with("pg_toast") => Bearing::Everything,
        // Extensions that keep texts of statements, in whichever schema they were put.
        _ => match &*relation.name {
            "pg_stat_statements" | "pg_stat_monitor" | "pg_qualstats" | "pg_store_plans" => {
                Bearing::Everything
            }
            _ => Bearing::Nothing,
        },
    }
}

fn pg_catalog(name: &str) -> Bearing {
    match name {
        "pg_statistic" | "pg_statistic_ext_data" | "pg_stats" | "pg_stats_ext" | "pg_stats_ext_exprs" => {
            Bearing::Statistics
        }
        "pg_stat_activity" => Bearing::Columns(&["query"]),
        "pg_authid" => Bearing::Columns(&["rolpassword"]),
        "pg_shadow" => Bearing::Columns(&["passwd"]),
        "pg_foreign_server" => Bearing::Columns(&["srvoptions"]),
        "pg_user_mapping" | "pg_user_mappings" => Bearing::Columns(&["umoptions"]),
        "pg_subscription" => Bearing::Columns(&["subconninfo"]),
        "pg_stat_wal_receiver" => Bearing::Columns(&["conninfo"]),
        "pg_prepared_statements"
        | "pg_cursors"
        | "pg_prepared_xacts"
        | "pg_largeobject"
        | "pg_file_settings"
        | "pg_hba_file_rules"
        | "pg_ident_file_mappings" => Bearing::Everything,
        _ => Bearing::Nothing,
    }
}
