//! What is known of functions whose source nobody can read: the server's own, by a list in which every
//! one of PostgreSQL 13 to 18 has been thought of, and those of common extensions.
//!
//! A name counts only together with what shows that the function is the one that was reviewed: an OID
//! from before the first user object and its language; for extensions, membership and a language that
//! only superusers may use. Whatever is not listed is [`Class::Unknown`]. The security walk has its own,
//! stricter rule (`functions::builtin`); a test holds the two together.
//!
//! Arguments always flow into the result, of every class; the class says what else may.

use std::{collections::HashMap, sync::OnceLock};

use crate::{
    catalog::{
        FIRST_NORMAL_OID, Oid,
        code::{Function, Language},
    },
    lineage::GapKind,
};

/// What a function does beside computing with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    pub class: Class,
    /// It changes something: settings, locks, sequences, other sessions, files, statistics …
    pub changes: bool,
}

/// Where a function's result comes from, beside its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Nowhere else.
    Arguments,
    /// Names, definitions and privileges in the catalogs.
    Catalog,
    /// Who, where from, with which settings.
    Session,
    /// Clocks, chance, positions, sizes, counters, transactions, sequences.
    Server,
    /// Stored values, or texts of statements, that no column names.
    Values,
    /// Files of the server's machine.
    Files,
    /// It runs a text as SQL, or reads what a value names.
    Sql,
    /// It runs functions that a value names: of a type, a language, an index.
    Code,
    /// No statement can call it: a support function, a trigger, a handler.
    Uncallable,
    /// Nobody has reviewed it.
    Unknown,
}

impl Class {
    /// What this leaves unknown about a statement that calls it.
    #[must_use]
    pub const fn gap(self) -> Option<GapKind> {
        match self {
            Self::Arguments | Self::Catalog | Self::Session | Self::Server => None,
            Self::Files => Some(GapKind::Foreign),
            Self::Sql => Some(GapKind::DynamicSql),
            Self::Values | Self::Code | Self::Uncallable | Self::Unknown => Some(GapKind::OpaqueFunction),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "arguments" => Self::Arguments,
            "catalog" => Self::Catalog,
            "session" => Self::Session,
            "server" => Self::Server,
            "values" => Self::Values,
            "files" => Self::Files,
            "sql" => Self::Sql,
            "code" => Self::Code,
            "internal" => Self::Uncallable,
            _ => return None,
        })
    }
}

impl Review {
    const UNKNOWN: Self = Self { class: Class::Unknown, changes: true };
    /// By the word of an administrator.
    const REGISTERED: Self = Self { class: Class::Arguments, changes: false };
}

/// What is known of a function. Those with a body in SQL or PL/pgSQL that are not the server's own are
/// unknown here: their bodies say what they do.
#[must_use]
pub fn review(function: &Function) -> Review {
    let found = match function.oid.0 < FIRST_NORMAL_OID {
        true => builtin(function),
        false if function.registered => Some(Review::REGISTERED),
        false => of_extension(function),
    };
    found.unwrap_or(Review::UNKNOWN)
}

/// The type that the function casts arguments of users' types to, with whatever function such a cast has.
/// Casts that come by input and output run nothing of a user's.
#[must_use]
pub fn casts_arguments(function: &Function) -> Option<Oid> {
    const JSON: Oid = Oid(114);
    const TEXT: Oid = Oid(25);
    const ANY_ELEMENT: Oid = Oid(2283);
    if function.oid.0 >= FIRST_NORMAL_OID {
        return None;
    }
    let makes_json = |name: &str| {
        let name = name.strip_prefix("jsonb_").or_else(|| name.strip_prefix("json_")).unwrap_or_default();
        name.starts_with("agg") || name.starts_with("object_agg") || name.starts_with("build_")
    };
    match &*function.name {
        "to_json" | "to_jsonb" | "row_to_json" | "array_to_json" => Some(JSON),
        name if makes_json(name) => Some(JSON),
        "anytextcat" | "textanycat" => Some(TEXT),
        "quote_literal" | "quote_nullable" if function.arguments.first() == Some(&ANY_ELEMENT) => Some(TEXT),
        _ => None,
    }
}

fn builtin(function: &Function) -> Option<Review> {
    if !matches!(&*function.schema, "pg_catalog" | "information_schema") {
        return None;
    }
    if is_text_rewrite(function) {
        return Some(Review { class: Class::Sql, changes: false });
    }
    let found = *lists().builtin.get(&*function.name)?;
    // Whoever has replaced a built-in's body has changed its language too.
    let original = match function.language {
        Language::Internal => true,
        Language::C => matches!(found.class, Class::Uncallable | Class::Code),
        Language::Sql => IN_SQL.contains(&&*function.name),
        Language::PlPgSql | Language::Other => false,
    };
    original.then_some(found)
}

/// `ts_rewrite(tsquery, text)` runs the text; its namesake does not.
fn is_text_rewrite(function: &Function) -> bool {
    &*function.name == "ts_rewrite" && function.arguments.len() == 2
}

fn of_extension(function: &Function) -> Option<Review> {
    // Aggregates are `internal` whatever they run; C and `internal` are for superusers only.
    if !matches!(function.language, Language::C | Language::Internal) {
        return None;
    }
    let extension = lists().extensions.get(&**function.extension.as_ref()?)?;
    extension.get(&*function.name).copied()
}

type ByName = HashMap<&'static str, Review>;

struct Lists {
    builtin: ByName,
    extensions: HashMap<&'static str, ByName>,
}

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(|| {
        let mut builtin = ByName::new();
        for text in BUILTIN {
            sections(text, |_, review, name| {
                builtin.insert(name, review);
            });
        }
        let mut extensions: HashMap<&'static str, ByName> = HashMap::new();
        sections(EXTENSIONS, |extension, review, name| {
            extensions.entry(extension).or_default().insert(name, review);
        });
        Lists { builtin, extensions }
    })
}

const BUILTIN: [&str; 3] = [
    include_str!("review/arguments.txt"),
    include_str!("review/internal.txt"),
    include_str!("review/others.txt"),
];
const EXTENSIONS: &str = include_str!("review/extensions.txt");

/// Reads `[class]` or `[extension class]`, a `!` behind the class for what changes something, and names.
fn sections(text: &'static str, mut each: impl FnMut(&'static str, Review, &'static str)) {
    let mut current = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extension, class) = heading.split_once(' ').unwrap_or(("", heading));
            let name = class.strip_suffix('!');
            let class = Class::named(name.unwrap_or(class));
            current = class.map(|class| (extension, Review { class, changes: name.is_some() }));
        } else if let Some((extension, review)) = current {
            line.split_ascii_whitespace().for_each(|name| each(extension, review, name));
        }
    }
}

/// Built-ins that are written in SQL.
const IN_SQL: [&str; 48] = [
    "_pg_char_max_length",
    "_pg_char_octet_length",
    "_pg_datetime_precision",
    "_pg_expandarray",
    "_pg_index_position",
    "_pg_interval_type",
    "_pg_numeric_precision",
    "_pg_numeric_precision_radix",
    "_pg_numeric_scale",
    "_pg_truetypid",
    "_pg_truetypmod",
    "age",
    "anytextcat",
    "bit_length",
    "col_description",
    "date_part",
    "int8pl_inet",
    "integer_pl_date",
    "interval_pl_date",
    "interval_pl_time",
    "interval_pl_timestamp",
    "interval_pl_timestamptz",
    "interval_pl_timetz",
    "log",
    "log10",
    "lpad",
    "numeric_pl_pg_lsn",
    "obj_description",
    "overlaps",
    "path_contain_pt",
    "pg_relation_size",
    "pg_sleep_for",
    "pg_sleep_until",
    "polygon",
    "quote_literal",
    "quote_nullable",
    "round",
    "rpad",
    "shobj_description",
    "substring",
    "textanycat",
    "timedate_pl",
    "timestamptz",
    "timetzdate_pl",
    "trunc",
    "ts_debug",
    "xpath",
    "xpath_exists",
];

#[cfg(test)]
mod tests;
