//! Relations of the catalog that hold values of rows, or texts and secrets of other people (class H).
//!
//! Some of their columns are refused by name. Others are hidden: they have a label in every snapshot
//! ([`hide`]), and whoever reads them reads NULL in their place, whatever he may see elsewhere.

use std::sync::Arc;

use connect_shared::label::Label;

use crate::catalog::{Catalog, Relation};

/// What of a relation may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearing {
    Nothing,
    /// These columns: whoever names them is refused.
    Refused(&'static [&'static str]),
    /// These columns: they are NULL.
    Hidden(&'static [&'static str]),
    /// These columns, which are values out of this database's own tables: NULL where any of them is protected.
    Statistics(&'static [&'static str]),
    Everything,
}

/// Relations with columns that are hidden, all of `pg_catalog`.
const WITH_HIDDEN: [(&str, Bearing); 9] = [
    // What others ask for may stand in their texts, and an identifier of a text is a digest of it where it is
    // no query.
    ("pg_stat_activity", Bearing::Hidden(&["query", "query_id"])),
    ("pg_prepared_statements", Bearing::Hidden(&["statement"])),
    ("pg_cursors", Bearing::Hidden(&["statement"])),
    // Any text that a client wrote.
    ("pg_prepared_xacts", Bearing::Hidden(&["gid"])),
    ("pg_stats", Bearing::Statistics(&OF_COLUMNS)),
    ("pg_stats_ext_exprs", Bearing::Statistics(&OF_COLUMNS)),
    (
        "pg_stats_ext",
        Bearing::Statistics(&[
            "n_distinct",
            "dependencies",
            "most_common_vals",
            "most_common_val_nulls",
            "most_common_freqs",
            "most_common_base_freqs",
        ]),
    ),
    (
        "pg_statistic",
        Bearing::Statistics(&[
            "stanumbers1",
            "stanumbers2",
            "stanumbers3",
            "stanumbers4",
            "stanumbers5",
            "stavalues1",
            "stavalues2",
            "stavalues3",
            "stavalues4",
            "stavalues5",
        ]),
    ),
    (
        "pg_statistic_ext_data",
        Bearing::Statistics(&["stxdndistinct", "stxddependencies", "stxdmcv", "stxdexpr"]),
    ),
];

/// Values, numbers of elements and lengths of ranges. Beside them `correlation`: of a table with two rows, one
/// of them one's own, it says whose value is greater.
const OF_COLUMNS: [&str; 10] = [
    "most_common_vals",
    "most_common_freqs",
    "histogram_bounds",
    "correlation",
    "most_common_elems",
    "most_common_elem_freqs",
    "elem_count_histogram",
    "range_length_histogram",
    "range_bounds_histogram",
    "range_empty_frac",
];

/// What of `relation` may not be read.
pub(super) fn bearing(relation: &Relation) -> Bearing {
    bearing_of(&relation.schema, &relation.name)
}

/// Whether something of a relation of this full name may not be read, in some snapshot.
pub(crate) fn bears_values(full_name: &str) -> bool {
    full_name.split_once('.').is_some_and(|(schema, name)| bearing_of(schema, name) != Bearing::Nothing)
}

fn bearing_of(schema: &str, name: &str) -> Bearing {
    match schema {
        "pg_catalog" => pg_catalog(name),
        "information_schema" => match name {
            "foreign_server_options" | "user_mapping_options" | "_pg_user_mappings" => {
                Bearing::Refused(&["option_value", "umoptions"])
            }
            "_pg_foreign_servers" => Bearing::Refused(&["srvoptions"]),
            _ => Bearing::Nothing,
        },
        schema if schema.starts_with("pg_toast") => Bearing::Everything,
        // Extensions that keep texts of statements, in whichever schema they were put.
        _ => match name {
            "pg_stat_statements" | "pg_stat_monitor" | "pg_qualstats" | "pg_store_plans" => {
                Bearing::Everything
            }
            _ => Bearing::Nothing,
        },
    }
}

fn pg_catalog(name: &str) -> Bearing {
    match name {
        "pg_authid" => Bearing::Refused(&["rolpassword"]),
        "pg_shadow" => Bearing::Refused(&["passwd"]),
        "pg_foreign_server" => Bearing::Refused(&["srvoptions"]),
        "pg_user_mapping" | "pg_user_mappings" => Bearing::Refused(&["umoptions"]),
        "pg_subscription" => Bearing::Refused(&["subconninfo"]),
        "pg_stat_wal_receiver" => Bearing::Refused(&["conninfo"]),
        "pg_largeobject" | "pg_file_settings" | "pg_hba_file_rules" | "pg_ident_file_mappings" => {
            Bearing::Everything
        }
        _ => {
            let known = WITH_HIDDEN.iter().find(|(hidden, _)| *hidden == name);
            known.map_or(Bearing::Nothing, |(_, bearing)| *bearing)
        }
    }
}

/// Whether a relation of this full name has columns that may be hidden.
pub(super) fn has_hidden(full_name: &str) -> bool {
    let name = full_name.strip_prefix("pg_catalog.");
    name.is_some_and(|name| WITH_HIDDEN.iter().any(|(hidden, _)| *hidden == name))
}

/// The columns of a relation that are to be hidden in this snapshot.
fn hidden(relation: &Relation, catalog: &Catalog) -> &'static [&'static str] {
    match bearing(relation) {
        Bearing::Hidden(columns) => columns,
        Bearing::Statistics(columns) if catalog.has_protected() => columns,
        _ => &[],
    }
}

/// A column that should be hidden and is not: the snapshot has not been settled.
pub(super) fn unhidden(relation: &Relation, catalog: &Catalog) -> Option<&'static str> {
    let free = |name: &&&str| {
        relation.columns.iter().any(|column| *column.name == ***name && column.label.is_none())
    };
    hidden(relation, catalog).iter().find(free).copied()
}

/// Gives hidden columns their label, and takes it from those that need not be hidden any more.
pub(super) fn hide(catalog: &mut Catalog) {
    for (name, _) in WITH_HIDDEN {
        let found = catalog.candidates(Some("pg_catalog"), name);
        let found: Vec<Arc<Relation>> =
            found.filter_map(|relation| catalog.relations.get(&relation.oid)).cloned().collect();
        for relation in found {
            let hidden = hidden(&relation, catalog);
            let label = |name: &str| hidden.contains(&name).then_some(Label::Confidential);
            if relation.columns.iter().all(|column| column.label == label(&column.name)) {
                continue;
            }
            let Some(own) = catalog.relation_mut(relation.oid) else { continue };
            for column in &mut own.columns {
                column.label = label(&column.name);
            }
        }
    }
}
