//! Texts that the server writes anew. They come all at once or one by one.

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
}

impl Texts {
    /// Definitions of views, of the system's as well.
    pub(in crate::catalog) const DEFINITIONS: Self = Self {
        fields: "pg_get_viewdef(c.oid)",
        from: "pg_class c WHERE c.relkind IN ('v', 'm')",
        order: "c.oid",
        object: "c.oid",
        relation: "c.oid",
    };

    /// Rules that are no view's own.
    pub(in crate::catalog) const RULES: Self = Self {
        fields: "pg_get_ruledef(r.oid)",
        from: "pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_enabled <> 'D'",
        order: "r.ev_class, r.rulename",
        object: "r.oid",
        relation: "r.ev_class",
    };

    /// Policies, of every role; with PUBLIC as role 0.
    pub(in crate::catalog) const POLICIES: Self = Self {
        fields: "p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), \
            p.polroles",
        from: "pg_policy p WHERE true",
        order: "p.polrelid, p.polname",
        object: "p.oid",
        relation: "p.polrelid",
    };

    /// Defaults and what generated columns are computed from.
    pub(in crate::catalog) const EXPRESSIONS: Self = Self {
        fields: "d.adnum, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)",
        from: "pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
            WHERE NOT a.attisdropped",
        order: "d.adrelid, d.adnum",
        object: "d.oid",
        relation: "d.adrelid",
    };

    /// Relations and texts.
    pub(in crate::catalog) fn all(&self) -> String {
        format!("SELECT {}, {} FROM {} ORDER BY {}", self.relation, self.fields, self.from, self.order)
    }

    /// The same of object `$1`.
    pub(in crate::catalog) fn one(&self) -> String {
        format!("SELECT {}, {} FROM {} AND {} = $1", self.relation, self.fields, self.from, self.object)
    }

    /// Objects and their relations.
    pub(in crate::catalog) fn objects(&self) -> String {
        format!("SELECT {}, {} FROM {} ORDER BY {}", self.object, self.relation, self.from, self.order)
    }
}
