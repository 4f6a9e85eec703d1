//! Whether code that runs inside a statement could change the session: set a setting, make or change a
//! relation, leave the role. Bodies in SQL and PL/pgSQL are read word by word; anything that could do it,
//! does.

use std::collections::HashSet;

use pg_query::protobuf::Token;

use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Oid, Relation, code::Language},
    lineage::{GapKind, Lineage, OutputKind, Status},
    understand::review::{Class, review},
};

/// Most functions and relations that are looked into for one statement.
const MOST_PLACES: usize = 256;

/// Longest body that is looked into.
const LONGEST_BODY: usize = 64 * 1024;

/// `set_config(text, text, boolean)`
pub(super) const SET_CONFIG: Oid = Oid(2078);

/// Words without which no SQL or PL/pgSQL body sets anything or runs a text.
const SETTING_WORDS: [&str; 15] = [
    "authorization",
    "call",
    "cursor_to_xml",
    "database_to_xml",
    "discard",
    "do",
    "execute",
    "import",
    "load",
    "pg_settings",
    "query_to_xml",
    "reset",
    "role",
    "set_config",
    "ts_stat",
];

/// Words without which none makes or changes anything else that names depend on.
const NAMING_WORDS: [&str; 6] = ["alter", "create", "dblink", "drop", "refresh", "search_path"];

/// Words without which none changes rows.
const WRITING_WORDS: [&str; 6] = ["copy", "delete", "insert", "merge", "truncate", "update"];

/// What is asked about code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whether it could change what names mean: settings, relations.
    Names,
    /// Whether it could leave the role.
    Role,
    /// Whether it could change rows.
    Rows,
}

/// Whether a statement ran code that could have changed the session.
pub(super) fn may_change_session(lineage: &Lineage, catalog: &Catalog) -> bool {
    Question::Names.is_answered_by(lineage, catalog)
}

/// Whether a statement ran code that could have changed rows of which its lineage does not tell.
pub(super) fn may_write_unseen(lineage: &Lineage, catalog: &Catalog) -> bool {
    lineage.status != Status::Complete && Question::Rows.is_answered_by(lineage, catalog)
}

/// Whether a statement runs code that could leave the role.
pub(super) fn may_leave_role(lineage: &Lineage, catalog: &Catalog) -> bool {
    Question::Role.is_answered_by(lineage, catalog)
}

/// Whether what this name may stand for could leave the role: a function or operator of a user, a relation with
/// triggers, a view; whichever it is.
pub(crate) fn named_may_leave_role(name: &str, catalog: &Catalog) -> bool {
    // A function that is known and whose code is not.
    let unread = catalog.user_functions.contains(name) && !catalog.code.functions_by_name.contains_key(name);
    let mut named = Vec::new();
    Question::Role.add_named(name, catalog, &mut named);
    unread || !Question::Role.is_denied_by_all(named, catalog)
}

/// A place that code can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Code {
    Function(Oid),
    /// Its triggers; a view's query.
    Relation(Oid),
}

impl Question {
    fn is_answered_by(self, lineage: &Lineage, catalog: &Catalog) -> bool {
        let unread = |kind: GapKind| {
            matches!(kind, GapKind::OpaqueFunction | GapKind::Trigger | GapKind::Code | GapKind::DynamicSql)
        };
        let kinds: HashSet<GapKind> =
            lineage.gaps.iter().map(|gap| gap.kind).filter(|kind| unread(*kind)).collect();
        // A text that is run within a function of the kind that cannot change the role is that function's matter.
        let runs_text = |oid: &Oid| {
            let found = catalog.code.functions.get(oid).filter(|function| !is_users(function.oid));
            found.is_some_and(|function| review(function).class == Class::Sql)
        };
        let by_itself = self != Self::Role || lineage.functions.iter().any(runs_text);
        if kinds.contains(&GapKind::Code) || (kinds.contains(&GapKind::DynamicSql) && by_itself) {
            return true;
        }
        let users = lineage.functions.iter().copied().filter(|oid| is_users(*oid));
        let mut rest: Vec<Code> = users.map(Code::Function).collect();
        if kinds.contains(&GapKind::Trigger) {
            let by_event = |oid: &Oid| catalog.event_triggers.iter().any(|trigger| trigger.function == *oid);
            match of_written(lineage, catalog) {
                Some(functions) => rest.extend(functions.into_iter().map(Code::Function)),
                // They are among the functions.
                None if lineage.functions.iter().any(by_event) => {}
                None => return true,
            }
        }
        // A gap that none of the functions explains. Where there is none, all is known of what flows; a body may
        // set something all the same.
        (rest.is_empty() && !kinds.is_empty()) || !self.is_denied_by_all(rest, catalog)
    }

    /// Whether nothing of this could, nor what it calls.
    fn is_denied_by_all(self, mut rest: Vec<Code>, catalog: &Catalog) -> bool {
        let mut seen = HashSet::new();
        while let Some(code) = rest.pop() {
            if !seen.insert(code) {
                continue;
            }
            let more = match code {
                Code::Function(oid) => self.of_function(oid, catalog),
                Code::Relation(oid) => self.of_relation(oid, catalog),
            };
            let Some(more) = more else { return false };
            rest.extend(more);
            if seen.len() > MOST_PLACES {
                return false;
            }
        }
        true
    }

    /// What a function may run; `None` if it may do something itself.
    fn of_function(self, oid: Oid, catalog: &Catalog) -> Option<Vec<Code>> {
        let function = catalog.code.functions.get(&oid)?;
        // The server lets nothing within it change the role (GUC_NOT_WHILE_SEC_REST).
        if self == Self::Role && function.security_definer {
            return Some(Vec::new());
        }
        // Of an extension, and thought of.
        let known = review(function);
        if known.class.gap().is_none() {
            return Some(Vec::new());
        }
        match function.language {
            Language::Sql | Language::PlPgSql => self.of_text(function.body.as_deref()?, catalog),
            Language::Internal | Language::C | Language::Other => None,
        }
    }

    /// What a relation runs when it is read or written; `None` if nobody knows.
    fn of_relation(self, oid: Oid, catalog: &Catalog) -> Option<Vec<Code>> {
        let relation = catalog.relation(oid)?;
        if self != Self::Role {
            return (!relation.runs_code).then(Vec::new);
        }
        // Conditions of row security are an administrator's: no text of a client's runs in them.
        let mut more: Vec<Code> = of_triggers(relation)?.into_iter().map(Code::Function).collect();
        more.extend(relation.children.iter().copied().map(Code::Relation));
        let view = relation.details.as_ref().and_then(|details| details.definition.as_deref());
        if let Some(query) = view {
            more.extend(self.of_text(query, catalog)?);
        }
        Some(more)
    }

    /// What the names in a text may stand for; `None` if it may do something itself.
    fn of_text(self, text: &str, catalog: &Catalog) -> Option<Vec<Code>> {
        if text.len() > LONGEST_BODY {
            return None;
        }
        let mut more = Vec::new();
        for token in pg_query::scan(text).ok()?.tokens {
            let kind = Token::try_from(token.token).ok()?;
            if matches!(kind, Token::SqlComment | Token::CComment) {
                continue;
            }
            // A name in escapes may be any of the words.
            if kind == Token::Uident {
                return None;
            }
            let range = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
            let word = text.get(range)?.trim_matches('"').to_ascii_lowercase();
            if self.is_answered_by_word(&word) {
                return None;
            }
            self.add_named(&word, catalog, &mut more);
        }
        Some(more)
    }

    fn is_answered_by_word(self, word: &str) -> bool {
        SETTING_WORDS.contains(&word)
            || match self {
                Self::Names => NAMING_WORDS.contains(&word),
                Self::Rows => WRITING_WORDS.contains(&word),
                Self::Role => false,
            }
    }

    /// What a name may stand for, in any schema.
    fn add_named(self, name: &str, catalog: &Catalog, into: &mut Vec<Code>) {
        let code = &catalog.code;
        let functions = code.functions_by_name.get(name).into_iter().flatten().copied();
        into.extend(functions.filter(|oid| is_users(*oid)).map(Code::Function));
        if name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            let relations = catalog.candidates(None, name);
            into.extend(
                relations.filter(|relation| has_code(relation)).map(|found| Code::Relation(found.oid)),
            );
        } else if self == Self::Role {
            let operators = code.operators_by_name.get(name).into_iter().flatten();
            let functions = operators.filter_map(|oid| code.operators.get(oid)).map(|found| found.function);
            into.extend(functions.filter(|oid| is_users(*oid)).map(Code::Function));
        }
    }
}

const fn is_users(oid: Oid) -> bool {
    oid.0 >= FIRST_NORMAL_OID
}

/// Most relations are tables on which nothing runs.
fn has_code(relation: &Relation) -> bool {
    relation.runs_code || relation.details.as_ref().is_some_and(|details| details.definition.is_some())
}

/// Functions of a relation's triggers. `None`: a rule does something.
fn of_triggers(relation: &Relation) -> Option<Vec<Oid>> {
    let Some(details) = &relation.details else { return Some(Vec::new()) };
    details.rules.is_empty().then(|| details.triggers.iter().map(|trigger| trigger.function).collect())
}

/// Functions of triggers that may have fired. `None`: a rule did something, or nobody knows what.
fn of_written(lineage: &Lineage, catalog: &Catalog) -> Option<Vec<Oid>> {
    let written = lineage.outputs.iter().filter_map(|output| match output.kind {
        OutputKind::Table(oid) => Some(oid),
        _ => None,
    });
    // Of views on the way too, and of partitions.
    let mut rest: Vec<Oid> = lineage.relations.iter().copied().chain(written).collect();
    let mut seen = HashSet::new();
    let mut functions = Vec::new();
    while let Some(oid) = rest.pop() {
        let Some(relation) = catalog.relation(oid).filter(|_| seen.insert(oid)) else { continue };
        rest.extend(&relation.children);
        let cascades = relation.details.iter().flat_map(|details| &details.cascades);
        rest.extend(cascades.map(|cascade| cascade.table));
        functions.extend(of_triggers(relation)?);
    }
    (!functions.is_empty()).then_some(functions)
}
