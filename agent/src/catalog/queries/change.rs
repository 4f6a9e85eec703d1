//! Whether anything was changed, and what.

use std::fmt::Write as _;

/// The transactions that a statement sees: if it is the same text as before, nothing was committed. With
/// it the search path that a new connection starts with, which a reloaded configuration file can change.
pub(in crate::catalog) const VISIBLE: &str = "SELECT pg_current_snapshot()::text, \
    (SELECT reset_val FROM pg_settings WHERE name = 'search_path')";

/// A catalog, or what else a snapshot depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::catalog) enum Part {
    Relations,
    Columns,
    Types,
    Functions,
    Operators,
    Casts,
    Languages,
    Schemas,
    Extensions,
    Rules,
    Triggers,
    Policies,
    Constraints,
    Expressions,
    Indexes,
    Inheritance,
    EventTriggers,
    Role,
    /// What a new connection starts with.
    Settings,
}

impl Part {
    pub(in crate::catalog) const ALL: [Self; 19] = [
        Self::Relations,
        Self::Columns,
        Self::Types,
        Self::Functions,
        Self::Operators,
        Self::Casts,
        Self::Languages,
        Self::Schemas,
        Self::Extensions,
        Self::Rules,
        Self::Triggers,
        Self::Policies,
        Self::Constraints,
        Self::Expressions,
        Self::Indexes,
        Self::Inheritance,
        Self::EventTriggers,
        Self::Role,
        Self::Settings,
    ];

    /// Rows, and what tells one from the others. Rows of the system itself (below the first normal OID)
    /// are left out where nobody can change them.
    const fn rows(self) -> (&'static str, &'static str) {
        match self {
            Self::Relations => ("oid::int8", "pg_class WHERE oid >= 16384"),
            // A column's row goes away with its relation's only, so newer ones say it all.
            Self::Columns => ("attrelid::int8 * 4096 + attnum", "pg_attribute a WHERE attnum > 0 AND "),
            Self::Types => ("oid::int8", "pg_type WHERE oid >= 16384"),
            Self::Functions => ("oid::int8", "pg_proc"),
            Self::Operators => ("oid::int8", "pg_operator WHERE oid >= 16384"),
            Self::Casts => ("oid::int8", "pg_cast"),
            Self::Languages => ("oid::int8", "pg_language"),
            Self::Schemas => ("oid::int8", "pg_namespace"),
            Self::Extensions => (
                "objid::int8 + refobjid::int8 * 65536",
                "pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'",
            ),
            Self::Rules => ("oid::int8", "pg_rewrite WHERE oid >= 16384"),
            Self::Triggers => ("oid::int8", "pg_trigger"),
            Self::Policies => ("oid::int8", "pg_policy"),
            Self::Constraints => ("oid::int8", "pg_constraint WHERE oid >= 16384"),
            Self::Expressions => ("oid::int8", "pg_attrdef"),
            Self::Indexes => ("indexrelid::int8", "pg_index WHERE indexrelid >= 16384"),
            Self::Inheritance => ("inhrelid::int8 * 4096 + inhseqno", "pg_inherits"),
            Self::EventTriggers => ("oid::int8", "pg_event_trigger"),
            Self::Role => ("roleid::int8 * 65536 + member::int8", "pg_auth_members"),
            Self::Settings => (
                "setdatabase::int8 * 65536 + setrole::int8",
                "pg_db_role_setting WHERE setdatabase IN (0, (SELECT oid FROM pg_database \
                    WHERE datname = current_database())) AND setrole IN (0, (SELECT oid FROM pg_roles \
                    WHERE rolname = session_user))",
            ),
        }
    }

    /// What the sum over rows does not show: `pg_roles` is a view, over a table that only superusers read.
    const fn beside(self) -> &'static str {
        match self {
            Self::Role => {
                " || (SELECT coalesce(sum(hashtextextended(r::text, 0)), 0)::text \
                    FROM (SELECT oid, rolname, rolsuper, rolinherit, rolbypassrls FROM pg_roles) r) \
                  || (SELECT '/' || datdba::text FROM pg_database WHERE datname = current_database())"
            }
            _ => "",
        }
    }
}

/// For each part a sum over who wrote each of its rows: a new, changed or removed row changes it. VACUUM and
/// ANALYZE write in place and keep it, freezing keeps `xmin`. Columns are far more than all else: theirs is
/// over rows that are newer than transaction `$1`, and comes a second time, last, over those that are newer
/// than the oldest transaction that this snapshot does not see the end of.
pub(in crate::catalog) fn fingerprints() -> String {
    let mut query = String::from("SELECT ARRAY[");
    let (key, columns) = Part::Columns.rows();
    let hash = |key: &str| format!("coalesce(sum(hashint8extended(xmin::text::int8, {key})), 0)::text");
    for part in Part::ALL {
        let ((key, rows), beside) = (part.rows(), part.beside());
        // Writing to a `String` cannot fail.
        let _ = match part {
            Part::Columns => write!(query, "c.before, "),
            _ => write!(query, "(SELECT {} || '/' || count(*)::text FROM {rows}){beside}, ", hash(key)),
        };
    }
    let recent = "age(a.xmin) <= age((pg_snapshot_xmin(pg_current_snapshot())::text::int8 \
        & 4294967295)::text::xid)";
    let sum = hash(key);
    query
        + &format!(
            "c.after] FROM (SELECT {sum}, \
             coalesce(sum(hashint8extended(xmin::text::int8, {key})) FILTER (WHERE {recent}), 0)::text \
             FROM {columns}{}) c(before, after)",
            newer("a")
        )
}

/// Whether a row is newer than transaction `$1`, the oldest one of an earlier snapshot that had not ended
/// for it. What that snapshot did not see was written by that transaction or a later one; some rows may
/// be taken as newer that are not.
pub(in crate::catalog) fn newer(table: &str) -> String {
    format!("age({table}.xmin) <= age(($1::int8 & 4294967295)::text::xid)")
}
