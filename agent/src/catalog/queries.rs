//! The questions to `pg_catalog`, the same for PostgreSQL 13 to 18. All names resolve there: the session's
//! search path is `pg_catalog` alone.

/// Version and encoding.
pub(super) const SERVER: &str = "SELECT current_setting('server_version_num')::int4, \
    (getdatabaseencoding() = 'UTF8')";

/// What can be named in a statement, but for the relations behind others.
pub(super) const RELATIONS: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
    c.relpersistence = 't', c.relispartition, greatest(c.reltuples, 0)::float8, \
    CASE c.relkind WHEN 'p' THEN coalesce((SELECT sum(pg_relation_size(t.relid)) \
        FROM pg_partition_tree(c.oid) t), 0)::int8 \
      WHEN 'r' THEN coalesce(pg_relation_size(c.oid), 0) \
      WHEN 'm' THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I', 'c') AND n.nspname !~ '^pg_toast' \
    ORDER BY c.oid";

/// Columns with the type under their domain, if they have one.
pub(super) const COLUMNS: &str = "SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, \
    a.attgenerated::text \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') \
    ORDER BY a.attrelid, a.attnum LIMIT $1";

/// Domains and what is under them.
pub(super) const DOMAINS: &str = "SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd'";

/// What each view reads directly.
pub(super) const VIEW_READS: &str = "SELECT DISTINCT r.ev_class, d.refobjid \
    FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
    WHERE r.rulename = '_RETURN' AND r.ev_class >= 16384 \
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class";

/// Definitions of views outside the system's schemas.
pub(super) const VIEW_DEFINITIONS: &str = "SELECT oid, pg_get_viewdef(oid) FROM pg_class \
    WHERE relkind IN ('v', 'm') AND oid >= 16384";

/// Parents and children of inheritance and partitioning.
pub(super) const CHILDREN: &str = "SELECT inhparent, inhrelid FROM pg_inherits ORDER BY 1, 2";

/// Relations on which a statement runs code of others: triggers, rules, row security.
pub(super) const RUNS_CODE: &str = "SELECT tgrelid FROM pg_trigger WHERE NOT tgisinternal \
    UNION SELECT ev_class FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class >= 16384 \
    UNION SELECT oid FROM pg_class WHERE relrowsecurity";

/// Columns of unique and exclusion indexes (their expressions as well) and of foreign keys, both sides.
pub(super) const TESTED_ON_WRITE: &str = "SELECT i.indrelid, k.number \
      FROM pg_index i, unnest(i.indkey::int2[]) AS k(number) \
      WHERE (i.indisunique OR i.indisexclusion) AND k.number > 0 AND i.indrelid >= 16384 \
    UNION SELECT i.indrelid, d.refobjsubid::int2 \
      FROM pg_index i JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid \
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid \
      WHERE (i.indisunique OR i.indisexclusion) AND d.refobjsubid > 0 AND i.indrelid >= 16384 \
    UNION SELECT c.conrelid, k.number FROM pg_constraint c, unnest(c.conkey) AS k(number) \
      WHERE c.contype IN ('p', 'u', 'f', 'x') AND k.number > 0 \
    UNION SELECT c.confrelid, k.number FROM pg_constraint c, unnest(c.confkey) AS k(number) \
      WHERE c.contype = 'f' AND k.number > 0";

/// Columns that hold the values of others: foreign keys, and what generated columns are made of.
pub(super) const SAME_VALUES: &str = "SELECT c.conrelid, k.own, c.confrelid, k.other \
      FROM pg_constraint c, unnest(c.conkey, c.confkey) AS k(own, other) WHERE c.contype = 'f' \
    UNION SELECT a.attrelid, a.attnum, d.refobjid, d.refobjsubid::int2 \
      FROM pg_attribute a JOIN pg_depend d ON d.classid = 'pg_class'::regclass \
        AND d.objid = a.attrelid AND d.objsubid = a.attnum \
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid \
      WHERE a.attgenerated <> '' AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum \
    UNION SELECT f.adrelid, f.adnum, d.refobjid, d.refobjsubid::int2 \
      FROM pg_attrdef f JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid \
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = f.adrelid \
      WHERE d.refobjsubid > 0 AND d.refobjsubid <> f.adnum";

/// Names of functions that are not the system's.
pub(super) const USER_FUNCTIONS: &str = "SELECT DISTINCT p.proname::text \
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') OR p.oid >= 16384";

/// The system's functions: of all overloads of a name the most volatile, and whether one aggregates.
pub(super) const BUILTIN_FUNCTIONS: &str = "SELECT proname::text, \
    max(CASE provolatile WHEN 'i' THEN 0 WHEN 's' THEN 1 ELSE 2 END)::int4, bool_or(prokind IN ('a', 'w')) \
    FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND oid < 16384 GROUP BY proname";

/// Operators that are not the system's.
pub(super) const USER_OPERATORS: &str = "SELECT DISTINCT oprname::text FROM pg_operator \
    WHERE oprnamespace <> 'pg_catalog'::regnamespace OR oid >= 16384";

/// Types that are not the system's, without the array types that come with them.
pub(super) const USER_TYPES: &str = "SELECT DISTINCT t.typname::text FROM pg_type t \
    JOIN pg_namespace n ON n.oid = t.typnamespace \
    WHERE (n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') OR t.oid >= 16384) \
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)";

/// The transactions that a statement sees. If it is the same text as before, nothing was committed.
pub(super) const VISIBLE: &str = "SELECT pg_current_snapshot()::text";

/// A sum over who wrote each row of the catalogs that this module reads: a new, changed or removed row
/// changes it. Rows of the system itself (below the first normal OID) are left out but for functions
/// that are added beside them. VACUUM and ANALYZE write in place and keep it, freezing keeps `xmin`.
pub(super) const FINGERPRINT: &str = "SELECT sum(s.sum)::text || '/' || sum(s.count)::text FROM ( \
    SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) FROM pg_class WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, attrelid::int8 * 4096 + attnum)), count(*) \
      FROM pg_attribute WHERE attrelid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) \
      FROM pg_proc WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) \
      FROM pg_type WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) \
      FROM pg_operator WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) FROM pg_namespace \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) \
      FROM pg_rewrite WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) FROM pg_trigger \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) FROM pg_policy \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) \
      FROM pg_constraint WHERE oid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, oid::int8)), count(*) FROM pg_attrdef \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, indexrelid::int8)), count(*) \
      FROM pg_index WHERE indexrelid >= 16384 \
    UNION ALL SELECT sum(hashint8extended(xmin::text::int8, inhrelid::int8 * 4096 + inhseqno)), count(*) \
      FROM pg_inherits) s(sum, count)";

/// Sizes of tables, to see which have grown since they were sampled.
pub(super) const SIZES: &str = "SELECT o.oid, coalesce(CASE c.relkind WHEN 'p' THEN \
      (SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t)::int8 \
      ELSE pg_relation_size(c.oid) END, 0) \
    FROM unnest($1::oid[]) AS o(oid) JOIN pg_class c ON c.oid = o.oid";
