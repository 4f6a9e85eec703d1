//! The questions to `pg_catalog`, for PostgreSQL 13 to 18. All names resolve there: the session's search
//! path is `pg_catalog` alone, so that definitions come with every other name qualified.
//!
//! [`code`] asks for types, functions and their like, [`parts`] and [`texts`] for what relations carry,
//! [`change`] for whether anything is new.

pub(super) mod change;
pub(super) mod code;
pub(super) mod parts;
pub(super) mod texts;

/// Version, encoding, the server's process and when it started (who else could have the same numbers?),
/// the role, and the oldest transaction that this snapshot does not see the end of.
pub(super) const SERVER: &str = "SELECT current_setting('server_version_num')::int4, \
    getdatabaseencoding() = 'UTF8', \
    pg_backend_pid()::text || '/' || extract(epoch FROM pg_postmaster_start_time())::text, \
    session_user::text, pg_snapshot_xmin(pg_current_snapshot())::text::int8";

/// What can be named in a statement, but for the relations behind others. Sizes are those of the last
/// VACUUM: asking the disk for each would wait for whoever has locked it.
const RELATION_FIELDS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind, \
    c.relpersistence = 't', c.relispartition, greatest(c.reltuples, 0)::float8, \
    greatest(c.relpages, 0)::int8 * current_setting('block_size')::int8 \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I', 'c') AND n.nspname !~ '^pg_toast'";

/// Columns, of relations that have some worth a name. Of collations, those that are not the type's own: 100
/// is the database's, and type 19, `name`, is always of "C".
const COLUMN_FIELDS: &str = "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, \
    a.attgenerated = 'v', a.atttypmod, a.attidentity, \
    CASE WHEN a.attcollation NOT IN (0, 100) AND a.atttypid <> 19 THEN (SELECT ARRAY[kn.nspname, k.collname] \
      FROM pg_collation k JOIN pg_namespace kn ON kn.oid = k.collnamespace WHERE k.oid = a.attcollation) END \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')";

pub(super) fn relations() -> String {
    format!("{RELATION_FIELDS} ORDER BY c.oid")
}

/// Relations whose row is newer than transaction `$1`.
pub(super) fn newer_relations() -> String {
    format!("{RELATION_FIELDS} AND {} ORDER BY c.oid", change::newer("c"))
}

pub(super) fn columns() -> String {
    format!("{COLUMN_FIELDS} ORDER BY a.attrelid, a.attnum LIMIT $1")
}

/// Columns of relations `$1`.
pub(super) fn columns_of() -> String {
    format!("{COLUMN_FIELDS} AND a.attrelid = ANY($1) ORDER BY a.attrelid, a.attnum")
}

/// Relations with a column whose row is newer than transaction `$1`.
pub(super) fn newer_columns() -> String {
    format!("SELECT DISTINCT a.attrelid FROM pg_attribute a WHERE a.attnum > 0 AND {}", change::newer("a"))
}

/// Every relation there is.
pub(super) const RELATION_OIDS: &str = "SELECT coalesce(array_agg(oid), '{}') FROM pg_class";

/// Sizes of tables, to see which have grown since they were sampled.
pub(super) const SIZES: &str = "SELECT o.oid, coalesce(CASE c.relkind WHEN 'p' THEN \
      (SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t)::int8 \
      ELSE pg_relation_size(c.oid) END, 0) \
    FROM unnest($1::oid[]) AS o(oid) JOIN pg_class c ON c.oid = o.oid";
