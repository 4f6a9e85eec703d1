//! What relations carry, but for texts: who reads whom, triggers, keys, inheritance.

/// What each view reads directly.
pub(in crate::catalog) const VIEW_READS: &str = "SELECT DISTINCT r.ev_class, d.refobjid \
    FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
    WHERE r.rulename = '_RETURN' AND r.ev_class >= 16384 \
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class ORDER BY 1, 2";

/// A partition's copy of a trigger counts as internal before PostgreSQL 15, and names its original.
const USER_TRIGGER: &str = "(NOT tgisinternal OR (tgparentid <> 0 AND tgconstraint = 0))";

pub(in crate::catalog) fn triggers() -> String {
    format!(
        "SELECT tgrelid, tgname, tgfoid, tgtype FROM pg_trigger \
         WHERE {USER_TRIGGER} AND tgenabled <> 'D' ORDER BY tgrelid, tgname"
    )
}

/// Owners and row security of views and of tables that have it.
pub(in crate::catalog) const SECURITY: &str = "SELECT c.oid, c.relowner, c.relrowsecurity, \
      c.relforcerowsecurity, coalesce((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) o \
        WHERE o.option_name = 'security_invoker'), false) \
    FROM pg_class c WHERE c.relkind = 'v' OR c.relrowsecurity";

/// Relations on which a statement runs code of others: triggers, rules, row security.
pub(in crate::catalog) fn runs_code() -> String {
    format!(
        "SELECT tgrelid FROM pg_trigger WHERE {USER_TRIGGER} \
         UNION SELECT ev_class FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class >= 16384 \
         UNION SELECT oid FROM pg_class WHERE relrowsecurity"
    )
}

/// Unique and exclusion indexes, which have the names of their constraints. Columns that are only
/// included are not part of the key.
pub(in crate::catalog) const UNIQUES: &str = "SELECT i.indrelid, c.relname, i.indisprimary, \
      (i.indkey::int2[])[0:i.indnkeyatts - 1], \
      CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN '{}' ELSE ARRAY( \
        SELECT d.refobjsubid::int2 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
          AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass \
          AND d.refobjid = i.indrelid AND d.refobjsubid > 0 ORDER BY 1) END \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
    WHERE (i.indisunique OR i.indisexclusion) AND i.indislive AND i.indrelid >= 16384 \
    ORDER BY i.indrelid, NOT i.indisprimary, c.relname";

/// Foreign keys that change the rows that reference. A partitioned side repeats them.
pub(in crate::catalog) const CASCADES: &str = "SELECT confrelid, conrelid, confdeltype, confupdtype, \
      conkey, confkey \
    FROM pg_constraint \
    WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd')) \
    ORDER BY confrelid, conrelid, conname";

/// Parents and children of inheritance and partitioning.
pub(in crate::catalog) const CHILDREN: &str = "SELECT inhparent, inhrelid FROM pg_inherits ORDER BY 1, 2";

/// Columns of unique and exclusion indexes (their expressions as well) and of foreign keys, both sides.
pub(in crate::catalog) const TESTED_ON_WRITE: &str = "SELECT i.indrelid, k.number \
      FROM pg_index i, unnest(i.indkey::int2[]) AS k(number) \
      WHERE (i.indisunique OR i.indisexclusion) AND k.number > 0 AND i.indrelid >= 16384 \
    UNION SELECT i.indrelid, d.refobjsubid::int2 \
      FROM pg_index i JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid \
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid \
      WHERE (i.indisunique OR i.indisexclusion) AND d.refobjsubid > 0 AND i.indrelid >= 16384 \
        AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) \
    UNION SELECT c.conrelid, k.number FROM pg_constraint c, unnest(c.conkey) AS k(number) \
      WHERE c.contype IN ('p', 'u', 'f', 'x') AND k.number > 0 \
    UNION SELECT c.confrelid, k.number FROM pg_constraint c, unnest(c.confkey) AS k(number) \
      WHERE c.contype = 'f' AND k.number > 0";

/// Columns that hold the values of others: foreign keys, and what generated columns are made of.
pub(in crate::catalog) const SAME_VALUES: &str = "SELECT c.conrelid, k.own, c.confrelid, k.other \
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
