//! The reviewed rule for functions of `pg_catalog`: immutable and stable ones may be called unless they
//! are listed, volatile ones only if they are listed. Read over PostgreSQL 15's `pg_proc`; what a newer
//! version adds falls under the same rule.

use connect_shared::decision::ReasonCode;

use super::Consequence;
use crate::catalog::Volatility;

/// What is known of a built-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Call(Consequence),
    /// By the setting that it names.
    SetConfig,
    Deny(ReasonCode),
}

/// The rule for a name of `pg_catalog`.
pub(super) fn rule(name: &str, volatility: Volatility) -> Rule {
    if name == "set_config" {
        return Rule::SetConfig;
    }
    if let Some(code) = denied(name) {
        return Rule::Deny(code);
    }
    match volatility {
        Volatility::Immutable | Volatility::Stable => Rule::Call(stable(name)),
        Volatility::Volatile => volatile(name),
    }
}

/// Stable in the catalog's eyes, and yet it takes a transaction id.
fn stable(name: &str) -> Consequence {
    match name {
        "txid_current" | "pg_current_xact_id" => Consequence::State,
        _ => Consequence::None,
    }
}

/// Functions that run statements, show values or texts, reach files and sessions, or run the input
/// function of any type.
fn denied(name: &str) -> Option<ReasonCode> {
    let code = match name {
        // They run SQL, or read a table whose name is a value.
        _ if name.contains("_to_xml") => ReasonCode::Opaque,
        "ts_stat" | "ts_rewrite" => ReasonCode::Opaque,
        // Input functions of any type, domains with their checks among them.
        "domain_in" | "domain_recv" | "array_in" | "array_recv" | "record_in" | "record_recv"
        | "range_in" | "range_recv" | "multirange_in" | "multirange_recv" => ReasonCode::Opaque,
        _ if name.ends_with("_validator") || name.ends_with("_handler") => ReasonCode::Opaque,
        "current_query"
        | "pg_stat_get_activity"
        | "pg_stat_get_backend_activity"
        | "pg_prepared_statement"
        | "pg_cursor"
        | "pg_prepared_xact"
        | "pg_mcv_list_items"
        | "pg_stat_get_wal_receiver"
        | "pg_get_statistic_ext_data" => ReasonCode::ValueBearingCatalog,
        _ if name.starts_with("lo_") || name == "loread" || name == "lowrite" => {
            ReasonCode::ValueBearingCatalog
        }
        _ if name.starts_with("pg_read_") || name.starts_with("pg_ls_") || name == "pg_stat_file" => {
            ReasonCode::ValueBearingCatalog
        }
        _ if name.starts_with("pg_logical_") || name.starts_with("pg_replication_origin") => {
            ReasonCode::Administration
        }
        "pg_terminate_backend"
        | "pg_cancel_backend"
        | "pg_reload_conf"
        | "pg_rotate_logfile"
        | "pg_promote"
        | "pg_switch_wal"
        | "pg_create_restore_point"
        | "pg_backup_start"
        | "pg_backup_stop" => ReasonCode::Administration,
        _ => return None,
    };
    Some(code)
}

/// Volatile functions that are known to be harmless; all others are denied.
fn volatile(name: &str) -> Rule {
    if READS.contains(&name) {
        return Rule::Call(Consequence::None);
    }
    match name {
        "nextval" | "setval" | "pg_notify" => Rule::Call(Consequence::Write),
        "setseed" | "pg_export_snapshot" | "pg_stat_clear_snapshot" => Rule::Call(Consequence::State),
        _ if name.starts_with("pg_advisory_unlock") => Rule::Call(Consequence::State),
        _ if name.starts_with("pg_advisory_") || name.starts_with("pg_try_advisory_") => {
            Rule::Call(Consequence::Lock)
        }
        _ if name.starts_with("pg_stat_get_xact_") => Rule::Call(Consequence::None),
        _ => Rule::Deny(ReasonCode::Administration),
    }
}

/// Volatile, and they only read: clocks, chance, sizes, states of the server.
const READS: [&str; 46] = [
    "amvalidate",
    "bernoulli",
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_blocking_pids",
    "pg_collation_actual_version",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_database_collation_actual_version",
    "pg_database_size",
    "pg_get_wal_replay_pause_state",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_isolation_test_session_is_blocked",
    "pg_jit_available",
    "pg_last_committed_xact",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_lock_status",
    "pg_notification_queue_usage",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_safe_snapshot_blocking_pids",
    "pg_sequence_last_value",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "pg_xact_commit_timestamp",
    "pg_xact_status",
    "random",
    "random_normal",
    "system",
    "timeofday",
    "txid_status",
    "unicode_assigned",
    "uuidv4",
    "uuidv7",
];
