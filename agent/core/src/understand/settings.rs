//! Session settings: an allow-list of those that a client may set, with the values that are safe.

mod named;

use connect_shared::decision::ReasonCode;

pub(super) use self::named::{CURRENT, declared, is_harmless, named};
pub(crate) use self::named::{may_be_shown, not_shown};
use super::{
    facts::{Call, Facts, Item, Source},
    refusal,
};
use crate::{catalog::Catalog, mask::sql, statement::Refusal};

const ASK: &str = "Leave it as it is, or ask an administrator of this resource to set it for the account.";

/// Which values of a setting are safe.
enum Values {
    Any,
    /// One of these, compared without case and punctuation.
    Of(&'static [&'static str]),
}

/// Whether a client may give `setting` this value. `None`: a value that is not a constant.
///
/// # Errors
/// It may not.
pub(super) fn check_value(setting: &str, value: Option<&str>) -> Result<(), Refusal> {
    let name = setting.to_ascii_lowercase();
    match (values(&name), value) {
        (Some(Values::Any), _) => Ok(()),
        (Some(Values::Of(allowed)), Some(value)) if allowed.contains(&plain(value).as_str()) => Ok(()),
        (Some(Values::Of(allowed)), _) => Err(refused(
            setting,
            format!("`{setting}` may only be {} here", allowed.join(", ")),
            "Leave it as it is.",
        )),
        (None, _) => Err(unknown(setting)),
    }
}

/// The same of a setting that a literal names. What is not known to be a setting may be anything that somebody has
/// written there, and a refusal is in the log: it does not say the name again.
///
/// # Errors
/// It may not.
pub(super) fn check_literal(setting: &str, value: Option<&str>) -> Result<(), Refusal> {
    let name = setting.to_ascii_lowercase();
    if values(&name).is_some() || matches!(name.as_str(), "role" | "session_authorization") {
        return check_value(&name, value);
    }
    let message = "set_config names a setting that is not among those that a client may change".to_owned();
    Err(refused("set_config", message, ASK))
}

/// Whether a client may set `setting` back to its default.
///
/// # Errors
/// It may not: the default is not known to be safe.
pub(super) fn check_reset(setting: &str) -> Result<(), Refusal> {
    match (setting, values(&setting.to_ascii_lowercase())) {
        // Back to the account that the agent signed in with.
        ("role" | "session_authorization" | "connect.wait", _) | (_, Some(Values::Any)) => Ok(()),
        (_, Some(Values::Of(allowed))) => Err(refused(
            setting,
            format!("the default of `{setting}` is not known to be {}", allowed.join(" or ")),
            "Set it to one of these, or leave it as it is.",
        )),
        _ => Err(unknown(setting)),
    }
}

/// Whether a client may see a setting.
///
/// # Errors
/// Mask keys are settings, and no one's to see.
pub(super) fn check_show(setting: &str) -> Result<(), Refusal> {
    if is_own(setting.as_bytes()) {
        // What comes behind may be anything, and a refusal is in the log.
        let message = format!("what begins with `{}` is the agent's own", sql::PREFIX);
        return Err(refused(sql::PREFIX, message, "Leave it out."));
    }
    Ok(())
}

fn is_own(setting: &[u8]) -> bool {
    let prefix = setting.get(..sql::PREFIX.len()).unwrap_or_default();
    prefix.eq_ignore_ascii_case(sql::PREFIX.as_bytes())
}

/// Whether `current_setting` may be called so, beside protected data: with a constant name, or with the
/// names in `pg_catalog.pg_settings`, which lists no key.
///
/// # Errors
/// It may show a mask key.
pub(super) fn check_shown(call: &Call<'_>, facts: &Facts<'_>, catalog: &Catalog) -> Result<(), Refusal> {
    if let Some(setting) = call.constant {
        return check_show(setting);
    }
    let listed = |item: &Item<'_>| {
        matches!(item.source, Source::Relation { relation, renamed: false }
            // With its schema: a temporary table may have its name.
            if relation.relname == "pg_settings" && relation.schemaname == "pg_catalog")
    };
    let known = match call.column.as_slice() {
        [of, "name"] => {
            let mut named = facts.items().filter(|item| item.name == *of).peekable();
            named.peek().is_some() && named.all(listed)
        }
        _ => false,
    };
    if known || !catalog.has_protected() {
        return Ok(());
    }
    Err(computed_name(CURRENT))
}

/// The refusal of a function that takes a setting's name, if that is no constant.
pub(super) fn computed_name(function: &str) -> Refusal {
    refusal::refusal(
        ReasonCode::UnsafeSetting,
        None,
        format!("{function} with a name that is computed cannot be checked"),
        "Give the setting's name as a constant, or read pg_settings.",
    )
}

fn unknown(setting: &str) -> Refusal {
    let (message, hint) = match setting {
        "role" | "session_authorization" => (
            "the database account is the agent's, and may not be changed".to_owned(),
            "What you may do follows from your grant, not from the database's roles.",
        ),
        _ => (format!("`{setting}` is not among the settings that a client may change"), ASK),
    };
    refused(setting, message, hint)
}

fn refused(setting: &str, message: String, hint: &str) -> Refusal {
    refusal::refusal(ReasonCode::UnsafeSetting, Some(setting.to_owned()), message, hint)
}

/// Names of encodings come with and without dashes.
fn plain(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn values(name: &str) -> Option<Values> {
    match name {
        // Masks and the lexer both rely on UTF-8.
        "client_encoding" => Some(Values::Of(&["utf8", "unicode", "sqlascii"])),
        // A text is read by the same rules here and there.
        "standard_conforming_strings" => Some(Values::Of(&["on", "true", "yes", "1"])),
        // Lower levels send what the server thinks about values.
        "connect.wait" => Some(Values::Of(&["on", "off", "true", "false", "yes", "no", "1", "0"])),
        // What it is for is the client's to say, and evidence.
        "connect.purpose" => Some(Values::Any),
        "client_min_messages" => Some(Values::Of(&["notice", "warning", "error"])),
        name if ANY_VALUE.binary_search(&name).is_ok() => Some(Values::Any),
        name if name.starts_with("enable_") || name.starts_with("geqo") => Some(Values::Any),
        _ => None,
    }
}

/// Harmless whatever their value. Sorted.
const ANY_VALUE: &[&str] = &[
    "application_name",
    "array_nulls",
    "bytea_output",
    "check_function_bodies",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "default_statistics_target",
    "default_table_access_method",
    "default_tablespace",
    "default_text_search_config",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "escape_string_warning",
    "extra_float_digits",
    "from_collapse_limit",
    "gin_fuzzy_search_limit",
    "gin_pending_list_limit",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "jit_inline_above_cost",
    "jit_optimize_above_cost",
    "join_collapse_limit",
    "lock_timeout",
    "logical_decoding_work_mem",
    "maintenance_io_concurrency",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "recursive_worktable_factor",
    "restrict_nonsystem_relation_kind",
    "row_security",
    "search_path",
    "seed",
    "seq_page_cost",
    "statement_timeout",
    "synchronize_seqscans",
    "synchronous_commit",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "work_mem",
    "xmlbinary",
    "xmloption",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_harmless_settings_is_sorted_for_the_search() {
        assert!(ANY_VALUE.is_sorted());
    }

    #[test]
    fn encodings_are_compared_without_case_and_dashes() {
        for value in ["UTF8", "utf-8", "'UTF8'", "UNICODE", "SQL_ASCII"] {
            assert_eq!(check_value("client_encoding", Some(value)), Ok(()), "{value}");
        }
        for value in ["LATIN1", "SJIS", "BIG5", ""] {
            assert!(check_value("Client_Encoding", Some(value)).is_err(), "{value}");
        }
        assert!(check_value("client_encoding", None).is_err());
    }

    #[test]
    fn what_would_show_values_or_change_the_account_is_refused() {
        for (setting, value) in [
            ("client_min_messages", "debug5"),
            ("client_min_messages", "log"),
            ("log_statement", "all"),
            ("debug_print_plan", "on"),
            ("auto_explain.log_min_duration", "0"),
            ("session_replication_role", "replica"),
            ("role", "postgres"),
            ("session_authorization", "postgres"),
            ("standard_conforming_strings", "off"),
            ("backslash_quote", "on"),
            ("made.up", "x"),
        ] {
            assert!(check_value(setting, Some(value)).is_err(), "{setting}");
        }
    }

    #[test]
    fn a_setting_that_a_literal_names_is_said_again_only_if_it_is_known() {
        for (setting, value) in [("hunter2", "x"), ("my.hunter2", "x"), ("HUNTER2", "hunter2")] {
            let refusal = check_literal(setting, Some(value)).expect_err("refused");
            assert!(!format!("{refusal:?}").to_lowercase().contains("hunter2"), "{refusal:?}");
        }
        let refusal = check_show("connect_mask.hunter2").expect_err("refused");
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
        assert_eq!(check_literal("Search_Path", Some("public")), Ok(()));
        assert!(check_literal("role", Some("postgres")).is_err());
        let known = check_literal("client_encoding", Some("LATIN1")).expect_err("refused");
        assert_eq!(known.object.as_deref(), Some("client_encoding"));
    }

    #[test]
    fn a_pinned_setting_is_not_reset_to_an_unknown_default() {
        assert!(check_reset("standard_conforming_strings").is_err());
        assert!(check_reset("client_encoding").is_err());
        assert_eq!(check_reset("role"), Ok(()));
        assert_eq!(check_reset("search_path"), Ok(()));
    }
}
