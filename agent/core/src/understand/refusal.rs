//! What people are told when a statement cannot be let through: what, why, and what to send instead.

use connect_shared::decision::ReasonCode;
use pg_query::protobuf::RangeVar;

use super::facts::{Place, Unreviewed};
use crate::{
    catalog::Relation,
    statement::{ProtectedColumn, Refusal},
};

/// Columns that a hint names at most.
const MOST_COLUMNS: usize = 6;

/// A refusal with a hint.
pub(super) fn refusal(code: ReasonCode, object: Option<String>, message: String, hint: &str) -> Refusal {
    Refusal { code, object, message, hint: Some(hint.to_owned()), sqlstate: None, unknown_object: None }
}

fn not_understood(message: String, hint: &str) -> Refusal {
    refusal(ReasonCode::NotUnderstood, None, message, hint)
}

fn unknown(name: String, sqlstate: &'static str, message: String) -> Refusal {
    Refusal {
        code: ReasonCode::NotUnderstood,
        object: Some(name.clone()),
        message,
        hint: None,
        sqlstate: Some(sqlstate),
        unknown_object: Some(name),
    }
}

pub(super) fn unknown_relation(name: &RangeVar) -> Refusal {
    let full = match name.schemaname.as_str() {
        "" => name.relname.clone(),
        schema => format!("{schema}.{}", name.relname),
    };
    let message = format!("relation \"{full}\" does not exist");
    unknown(full, "42P01", message)
}

pub(super) fn unknown_column(name: &str) -> Refusal {
    unknown(name.to_owned(), "42703", format!("column \"{name}\" does not exist"))
}

/// The server writes a name with its table's without quotes.
pub(super) fn unknown_column_of(item: &str, name: &str) -> Refusal {
    unknown(name.to_owned(), "42703", format!("column {item}.{name} does not exist"))
}

pub(super) fn unknown_function(name: &str) -> Refusal {
    unknown(name.to_owned(), "42883", format!("function {name} does not exist"))
}

pub(super) fn missing_item(name: &str) -> Refusal {
    unknown(name.to_owned(), "42P01", format!("missing FROM-clause entry for table \"{name}\""))
}

pub(super) fn other_database(name: &RangeVar) -> Refusal {
    let message = format!("`{}` names a database; a resource is one database", name.catalogname);
    let hint = format!("Leave the database out: {}.{}.", name.schemaname, name.relname);
    not_understood(message, &hint)
}

pub(super) fn syntax(message: &str) -> Refusal {
    Refusal { sqlstate: Some("42601"), hint: None, ..not_understood(message.to_owned(), "") }
}

pub(super) fn too_large(message: String) -> Refusal {
    refusal(ReasonCode::TooLarge, None, message, "Send it in smaller parts, or use COPY for many rows.")
}

pub(super) fn not_reviewed(what: &str) -> Refusal {
    not_understood(
        format!("connect does not understand {what} yet, so it does not let it through"),
        "Write the statement without it, or ask an administrator of this resource.",
    )
}

pub(super) fn unreviewed(construct: Unreviewed, server_version: u32) -> Refusal {
    let Unreviewed { what, since } = construct;
    if since > server_version {
        let message = format!("{what} is newer than this server, which would read it as something else");
        return not_understood(message, "Write it in a way that this server knows.");
    }
    not_reviewed(what)
}

pub(super) fn newer_literal() -> Refusal {
    // Which number it is stays out of the log.
    let message =
        "numbers with `_`, `0x`, `0o` or `0b` are newer than this server, which reads them otherwise";
    not_understood(message.to_owned(), "Write the number in plain decimal digits.")
}

/// A protected column stands where no mask can hold it.
pub(super) fn used(column: &ProtectedColumn, place: Place, relation: &Relation) -> Refusal {
    let name = &column.name;
    let label = column.label;
    let (code, message) = match place {
        Place::Condition => (
            ReasonCode::ProtectedCondition,
            format!("`{name}` is {label}: rows, groups and their order may not depend on it"),
        ),
        Place::Copy => (
            ReasonCode::ProtectedCopy,
            format!("`{name}` is {label}: its values may not be written elsewhere"),
        ),
        _ => (
            ReasonCode::ProtectedExpression,
            format!("`{name}` is {label}: it can be shown masked, and nothing may be computed from it"),
        ),
    };
    let hint = match place {
        Place::Expression => format!(
            "Name it alone in the outermost SELECT list and it comes out masked. {}",
            unprotected(relation)
        ),
        _ => unprotected(relation),
    };
    refusal(code, Some(name.clone()), message, hint.trim())
}

/// Adds that a name without schema may mean any of these.
pub(super) fn ambiguous(refusal: Refusal, relations: &[&Relation]) -> Refusal {
    let names: Vec<String> = relations.iter().map(|relation| relation.qualified_name()).collect();
    let more = format!("Write the schema: the name may mean {}.", names.join(" or "));
    let hint = match refusal.hint {
        Some(hint) => format!("{hint} {more}"),
        None => more,
    };
    Refusal { hint: Some(hint), ..refusal }
}

/// What can be used freely of a relation, in words.
pub(super) fn unprotected(relation: &Relation) -> String {
    let names = free_columns(relation);
    if names.is_empty() {
        return format!("{} has no column that is free of protection.", relation.qualified_name());
    }
    format!("Free columns of {}: {}.", relation.qualified_name(), names.join(", "))
}

/// Columns without a label, at most a few.
pub(super) fn free_columns(relation: &Relation) -> Vec<&str> {
    let free = relation.columns.iter().filter(|column| column.label.is_none());
    free.take(MOST_COLUMNS).map(|column| &*column.name).collect()
}

pub(super) fn whole_row(name: &str, relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message =
        format!("`{name}` is a value made of whole rows of `{object}`, which has protected columns");
    let hint = format!("Name columns one by one. {}", unprotected(relation));
    refusal(ReasonCode::ProtectedExpression, Some(object), message, &hint)
}

pub(super) fn natural_join(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message =
        format!("NATURAL JOIN compares whatever columns share a name, and `{object}` has protected ones");
    refusal(ReasonCode::ProtectedCondition, Some(object), message, "Join with ON or USING.")
}

pub(super) fn renamed(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message = format!("an alias renames columns of `{object}` and hides which of them are protected");
    refusal(ReasonCode::ProtectedExpression, Some(object), message, "Use an alias without a list of columns.")
}

pub(super) fn partition_of_row(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message =
        format!("`tableoid` tells the partition of each row of `{object}`, and so about protected values");
    refusal(ReasonCode::ProtectedExpression, Some(object), message, &unprotected(relation))
}

pub(super) fn computed_view(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message =
        format!("the view `{object}` computes something from protected columns, or calls code that could");
    refusal(
        ReasonCode::ProtectedExpression,
        Some(object),
        message,
        "Select from the tables behind it; protected columns come out masked.",
    )
}

pub(super) fn value_bearing(relation: &str, column: Option<&str>) -> Refusal {
    let object = match column {
        Some(column) => format!("{relation}.{column}"),
        None => relation.to_owned(),
    };
    let message = format!("`{object}` holds values of rows, texts of statements or secrets");
    let hint = match column {
        Some(column) => format!("Name the columns that you need, without `{column}` and without `*`."),
        None => "Read the tables themselves; protected columns come out masked.".to_owned(),
    };
    refusal(ReasonCode::ValueBearingCatalog, Some(object), message, &hint)
}

pub(super) fn opaque(what: String, why: &str, hint: &str) -> Refusal {
    let message = format!("{what} {why}");
    refusal(ReasonCode::Opaque, Some(what), message, hint)
}

/// What was shown in place of a value comes back as the value.
pub(crate) fn masked_value(column: &ProtectedColumn) -> Refusal {
    let name = column.name.rsplit('.').next().unwrap_or(&column.name);
    let message = format!(
        "a value for `{}` is a mask, which you were shown in place of the real one: written, it would destroy it",
        column.name
    );
    let hint = format!(
        "Leave `{name}` out of the statement, and it keeps what it has; or give it a real value. Programs that \
         save whole rows must save what has changed."
    );
    refusal(ReasonCode::MaskedValue, Some(column.name.clone()), message, &hint)
}

pub(super) fn probe(column: &ProtectedColumn) -> Refusal {
    let message = format!(
        "`{}` is {} and unique or referenced: whether a value can be written tells whether it is there, and \
         how many values this would try cannot be counted",
        column.name, column.label
    );
    refusal(
        ReasonCode::ProtectedProbe,
        Some(column.name.clone()),
        message,
        "Write it as constants or parameters in VALUES or SET: each counts as a lookup.",
    )
}
