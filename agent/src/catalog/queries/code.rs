//! Types, functions, operators, casts and schemas.

fn before_14(server_version: u32) -> bool {
    server_version < 140_000
}

/// Every type there is.
pub(in crate::catalog) const TYPE_OIDS: &str = "SELECT coalesce(array_agg(oid), '{}') FROM pg_type";

/// Types, all of them or those whose row is newer than transaction `$1`.
pub(in crate::catalog) fn types(server_version: u32, condition: &str) -> String {
    let (is_array, multirange) = if before_14(server_version) {
        ("t.typlen = -1", "NULL::oid")
    } else {
        ("t.typsubscript = 'array_subscript_handler'::regproc", "m.rngtypid")
    };
    let join = if before_14(server_version) {
        ""
    } else {
        "LEFT JOIN pg_range m ON t.typtype = 'm' AND m.rngmultitypid = t.oid"
    };
    format!(
        "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typispreferred, \
         CASE WHEN {is_array} THEN t.typelem ELSE 0::oid END, t.typarray, t.typelem, \
         CASE t.typtype WHEN 'c' THEN t.typrelid WHEN 'd' THEN t.typbasetype \
           WHEN 'r' THEN coalesce(r.rngsubtype, 0::oid) WHEN 'm' THEN coalesce({multirange}, 0::oid) \
           ELSE 0::oid END, t.typtypmod \
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
         LEFT JOIN pg_range r ON t.typtype = 'r' AND r.rngtypid = t.oid {join} \
         WHERE n.nspname !~ '^pg_toast'{condition} ORDER BY t.oid"
    )
}

/// Which bodies to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) enum Bodies {
    All,
    /// Those that are kept as they were written. A body in standard form is not: the server writes it anew.
    Kept,
}

/// Functions of every kind.
pub(in crate::catalog) fn functions(server_version: u32, bodies: Bodies) -> String {
    let body = match bodies {
        _ if before_14(server_version) => "p.prosrc",
        Bodies::All => "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END",
        Bodies::Kept => "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc END",
    };
    format!(
        "SELECT p.oid, n.nspname, p.proname, p.prokind, l.lanname, p.provolatile, p.proisstrict, \
         p.proretset, p.prorettype, p.proargtypes::oid[], p.proallargtypes, p.proargmodes, p.proargnames, \
         p.pronargdefaults, p.provariadic, \
         CASE WHEN p.oid >= 16384 AND l.lanname IN ('sql', 'plpgsql') THEN {body} END, \
         (SELECT substr(c.setting, 13) FROM unnest(p.proconfig) AS c(setting) \
           WHERE c.setting LIKE 'search\\_path=%' LIMIT 1), \
         p.prosecdef, e.extname, a.aggkind, a.aggnumdirectargs \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_language l ON l.oid = p.prolang \
         LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid AND p.prokind = 'a' \
         LEFT JOIN (pg_depend d JOIN pg_extension e ON d.refobjid = e.oid) \
           ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' \
           AND d.refclassid = 'pg_extension'::regclass \
         ORDER BY p.oid"
    )
}

pub(in crate::catalog) const OPERATORS: &str = "SELECT o.oid, n.nspname, o.oprname, o.oprleft, o.oprright, \
    o.oprresult, o.oprcode::oid FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace \
    ORDER BY o.oid";

/// Domains with a default, or with checks that call functions or use what users have made.
pub(in crate::catalog) const DOMAINS: &str = "SELECT t.oid, pg_get_expr(t.typdefaultbin, 0), \
      ARRAY(SELECT pg_get_expr(c.conbin, 0) FROM pg_constraint c \
        WHERE c.contypid = t.oid AND c.contype = 'c' AND (c.conbin::text ~ '\\{FUNCEXPR' OR EXISTS ( \
          SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = c.oid \
            AND d.refobjid >= 16384 AND d.refobjid <> t.oid \
            AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass))) \
        ORDER BY c.conname) \
    FROM pg_type t WHERE t.typtype = 'd' AND t.oid >= 16384 ORDER BY t.oid";

/// Defaults of the arguments of users' functions, as one list of expressions.
pub(in crate::catalog) const ARGUMENT_DEFAULTS: &str = "SELECT oid, pg_get_expr(proargdefaults, 0) FROM pg_proc \
    WHERE pronargdefaults > 0 AND oid >= 16384 ORDER BY oid";

/// Event triggers of commands.
pub(in crate::catalog) const EVENT_TRIGGERS: &str = "SELECT evtname, evtfoid FROM pg_event_trigger \
    WHERE evtenabled <> 'D' AND evtevent <> 'login' ORDER BY evtname";

pub(in crate::catalog) const CASTS: &str = "SELECT castsource, casttarget, castcontext, castfunc, castmethod \
    FROM pg_cast";

pub(in crate::catalog) const SCHEMAS: &str = "SELECT oid, nspname FROM pg_namespace";

/// Roles with the ones whose rights they have as direct members; the database's owner is in
/// `pg_database_owner` without a word.
pub(in crate::catalog) fn rights(server_version: u32) -> String {
    let inherits = if server_version < 160_000 { "r.rolinherit" } else { "m.inherit_option" };
    let owns = if server_version < 160_000 { "r.rolinherit AND" } else { "" };
    format!(
        "SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, \
         ARRAY(SELECT m.roleid FROM pg_auth_members m WHERE m.member = r.oid AND {inherits} \
           UNION ALL SELECT o.oid FROM pg_roles o, pg_database d WHERE {owns} d.datdba = r.oid \
             AND d.datname = current_database() AND o.rolname = 'pg_database_owner') \
         FROM pg_roles r ORDER BY r.rolname <> session_user, r.oid LIMIT $1"
    )
}

/// Schemas that a role may not use, of the session's role and of others that it may become.
pub(in crate::catalog) const ROLES: &str = "SELECT r.rolname, ARRAY(SELECT n.nspname FROM pg_namespace n \
      WHERE n.nspname !~ '^pg_(toast|temp_)' AND has_schema_privilege(r.oid, n.oid, 'USAGE') IS NOT TRUE) \
    FROM pg_roles r WHERE r.rolname = session_user OR pg_has_role(r.oid, 'MEMBER') \
    ORDER BY r.rolname <> session_user, r.oid LIMIT $1";
