//! Texts that the server writes anew. They come all at once or one by one.

const NO_COLUMN: &str = "0::int2, ''::\"char\"";

/// One kind of text.
#[derive(Debug)]
pub(in crate::catalog) struct Texts {
    fields: &'static str,
    from: &'static str,
    order: &'static str,
    /// The object that has the text.
    object: &'static str,
    /// The relation that the object belongs to.
    relation: &'static str,
    /// The column that it is about, or 0, and how that is generated.
    column: &'static str,
}

impl Texts {
    /// Definitions of views, of the system's as well.
    pub(in crate::catalog) const DEFINITIONS: Self = Self {
        fields: "pg_get_viewdef(c.oid)",
        from: "pg_class c WHERE c.relkind IN ('v', 'm')",
        order: "c.oid",
        object: "c.oid",
        relation: "c.oid",
        column: NO_COLUMN,
    };

    /// Rules that are no view's own.
    pub(in crate::catalog) const RULES: Self = Self {
        fields: "pg_get_ruledef(r.oid)",
        from: "pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_enabled <> 'D'",
        order: "r.ev_class, r.rulename",
        object: "r.oid",
        relation: "r.ev_class",
        column: NO_COLUMN,
    };

    /// Policies, of every role; with PUBLIC as role 0.
    pub(in crate::catalog) const POLICIES: Self = Self {
        fields: "p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), \
            p.polroles",
        from: "pg_policy p WHERE true",
        order: "p.polrelid, p.polname",
        object: "p.oid",
        relation: "p.polrelid",
        column: NO_COLUMN,
    };

    /// Defaults and what generated columns are computed from.
    pub(in crate::catalog) const EXPRESSIONS: Self = Self {
        fields: "d.adnum, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)",
        from: "pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
            WHERE NOT a.attisdropped",
        order: "d.adrelid, d.adnum",
        object: "d.oid",
        relation: "d.adrelid",
        column: "d.adnum, a.attgenerated",
    };

    /// What is computed of each row that is written, where it calls functions or uses what users have made:
    /// CHECK constraints, expressions and predicates of indexes.
    pub(in crate::catalog) const CHECKS: Self = Self {
        fields: "x.expression",
        from: "(SELECT c.oid, c.conrelid, pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint c \
              WHERE c.contype = 'c' AND c.conrelid <> 0 AND (c.conbin::text ~ '\\{FUNCEXPR' OR EXISTS ( \
                SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = c.oid \
                  AND d.refobjid >= 16384 \
                  AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass))) \
            UNION ALL SELECT i.indexrelid, i.indrelid, concat_ws(', ', pg_get_expr(i.indexprs, i.indrelid), \
                pg_get_expr(i.indpred, i.indrelid)) FROM pg_index i \
              WHERE i.indrelid >= 16384 AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND EXISTS ( \
                SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid \
                  AND d.refobjid >= 16384 \
                  AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)) \
            ) x(oid, relation, expression) WHERE true",
        order: "x.relation, x.expression",
        object: "x.oid",
        relation: "x.relation",
        column: NO_COLUMN,
    };

    /// Relations and texts.
    pub(in crate::catalog) fn all(&self) -> String {
        format!("SELECT {}, {} FROM {} ORDER BY {}", self.relation, self.fields, self.from, self.order)
    }

    /// The same of object `$1`.
    pub(in crate::catalog) fn one(&self) -> String {
        format!("SELECT {}, {} FROM {} AND {} = $1", self.relation, self.fields, self.from, self.object)
    }

    /// Objects, their relations and columns.
    pub(in crate::catalog) fn objects(&self) -> String {
        let Self { object, relation, column, from, .. } = self;
        // Not in the order of the texts: they would be written for that, and what is locked is waited for.
        format!("SELECT {object}, {relation}, {column} FROM {from} ORDER BY {relation}, {object}")
    }
}
