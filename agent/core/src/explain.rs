//! What would become of a text on a new connection, without running anything of it. Understanding and
//! rules are those of every connection; the permits that they make are dropped here.

use std::{sync::Arc, time::Duration};

use connect_shared::{
    api::{ClearColumn, ExplainedStatement, Mask, MaskMethod, MaskPlace, StatementKind},
    decision::Decision,
    ids::StatementId,
    lineage::LineageReport,
};

use crate::{
    catalog::{Catalog, Oid, code::TypeKind},
    decide::{Asking, Policies, Verdict},
    lineage::{ColumnId, Names, OutputKind},
    mask::{self, MaskKey},
    principal::{GrantInForce, Principal, Resource},
    radius::{MAY_NOT_READ, Part, Question},
    record::ReadProof,
    session::Session,
    statement::{Kind, ProtectedColumn, Protection, Schema, Statement},
    understand::{Limits, hidden_rows, understand_masked},
};

/// A text of more statements is not looked at for what it would touch.
const MOST_LOOKED_AT: usize = 20;

/// Domains over domains that are followed.
const MOST_DOMAINS: usize = 64;

/// On whose behalf, and within which grant.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub principal: &'a Principal,
    pub grant: &'a GrantInForce,
    pub resource: &'a Resource,
    /// Key of the resource's masks; nothing of it is in the answer.
    pub mask_key: &'a MaskKey,
    pub policies: &'a Policies,
    /// What the session is for, before it says so itself.
    pub purpose: Option<&'a str>,
    /// Time since 1970.
    pub wall: Duration,
}

impl<'a> Asker<'a> {
    /// Who asks, before a session has said what it is for.
    #[must_use]
    pub const fn asking(&self) -> Asking<'a> {
        let Self { principal, grant, resource, purpose, wall, .. } = *self;
        Asking { principal, grant, resource, purpose, wall }
    }
}

/// What would become of one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub statement: Statement,
    pub answer: ExplainedStatement,
    /// What a database must be asked to say what it would touch; its answer is for [`ExplainedStatement::radius`].
    pub radius: Option<Box<Question>>,
}

/// Explains every statement of a text, in order, as if it was sent as one message. The session is then as
/// the text would leave it.
#[must_use]
pub fn explain(
    text: &[u8],
    catalog: &Catalog,
    session: &mut Session,
    asker: &Asker<'_>,
    limits: &Limits,
) -> Vec<Explained> {
    let (analysis, _sent) = understand_masked(text, catalog, session, limits, asker.mask_key);
    let protected = catalog.has_protected();
    let mut schema = Schema::Known;
    let mut explained = Vec::with_capacity(analysis.statements.len());
    let looks = analysis.statements.len() <= MOST_LOOKED_AT;
    for (place, statement) in analysis.statements.into_iter().enumerate() {
        // Names that the text itself prepares are known to a connection when it is done.
        let statement = Arc::new(statement.of_a_missing_name().unwrap_or(statement));
        let statement = Arc::unwrap_or_clone(schema.hold(&statement, protected));
        schema = schema.after(&statement);
        let names = Names { catalog, session };
        let mut one = one(statement, &names, asker);
        if looks && one.answer.sqlstate.is_none() {
            one.radius = radius(&one.statement, text, place, &names, asker).map(Box::new);
        }
        session.apply(&one.statement.change, catalog);
        explained.push(one);
    }
    session.sync(catalog);
    explained
}

fn one(statement: Statement, names: &Names<'_>, asker: &Asker<'_>) -> Explained {
    // No entry will ever have this id: the permit is not spent.
    let id = StatementId::from_random([0; 16]);
    let said = names.session.purpose().map(|purpose| &**purpose);
    let asking = Asking { purpose: said.or(asker.purpose), ..asker.asking() };
    let verdict = asker.policies.decide(&asking, &statement, id, None);
    let (decision, sqlstate) = match verdict {
        Verdict::Permit(_unspent, decision) => (decision, None),
        Verdict::Hold(decision, _need) => (decision, None),
        Verdict::Deny(decision, sqlstate) => (decision, Some(sqlstate.to_owned())),
    };
    let answer = ExplainedStatement {
        verb: statement.verb.clone(),
        kind: kind(statement.kind),
        read_only: statement.proof == ReadProof::ReadOnly,
        masks: masks(&statement, &decision, names.catalog),
        clear: clear(&statement, &decision),
        hidden_rows: match decision.is_permit() {
            true => hidden_rows(&statement.lineage, names.catalog),
            false => Vec::new(),
        },
        lineage: report(&statement, &decision, names),
        decision,
        sqlstate,
        reads: statement.reads.clone(),
        writes: statement.writes.clone(),
        radius: None,
    };
    Explained { statement, answer, radius: None }
}

/// What must be asked about its rows: what the asker may ask itself, and of one that has no values yet what these
/// do not decide.
fn radius(
    statement: &Statement,
    text: &[u8],
    place: usize,
    names: &Names<'_>,
    asker: &Asker<'_>,
) -> Option<Question> {
    let part = Part { facts: statement, text, place, literals: Vec::new() };
    let id = StatementId::from_random([0; 16]);
    let may_read = |facts: &Statement| match asker.policies.decide(&asker.asking(), facts, id, None) {
        Verdict::Permit(..) => Ok(()),
        _ => Err(MAY_NOT_READ),
    };
    Question::of(&[part], names.catalog, names.session, may_read)
}

/// Lineage in names; columns that the client would see masked say so.
fn report(statement: &Statement, decision: &Decision, names: &Names<'_>) -> LineageReport {
    let lineage = &statement.lineage;
    let read = matches!(statement.protection, Protection::Masked { .. });
    let mut report = lineage.report(names);
    if !decision.is_permit() {
        return report;
    }
    for (shown, output) in report.outputs.iter_mut().zip(&lineage.outputs) {
        if output.kind != OutputKind::Result {
            continue;
        }
        for (shown, column) in shown.columns.iter_mut().zip(&output.columns) {
            let label = |id: ColumnId| names.catalog.relation(id.relation)?.column(id.number)?.label;
            // What is computed from masks is one in part.
            let parts = column.direct.iter().copied().filter(|_| read);
            shown.masked = column.identity.into_iter().chain(parts).find_map(label);
        }
    }
    report
}

const fn kind(kind: Kind) -> StatementKind {
    match kind {
        Kind::Read => StatementKind::Read,
        Kind::Write => StatementKind::Write,
        Kind::SchemaChange => StatementKind::SchemaChange,
        Kind::Privilege => StatementKind::Privilege,
        Kind::Administration => StatementKind::Administration,
        Kind::Transaction => StatementKind::Transaction,
        Kind::SessionControl => StatementKind::SessionControl,
    }
}

fn masks(statement: &Statement, decision: &Decision, catalog: &Catalog) -> Vec<Mask> {
    let (columns, place) = match &statement.protection {
        Protection::Projection { columns } => (columns, MaskPlace::Result),
        Protection::Masked { columns, .. } => (columns, MaskPlace::Read),
        _ => return Vec::new(),
    };
    let shown = columns.iter().filter(|_| decision.is_permit());
    shown.map(|column| mask(column, place, catalog)).collect()
}

fn clear(statement: &Statement, decision: &Decision) -> Vec<ClearColumn> {
    let shown = statement.shown.iter().filter(|_| decision.is_permit());
    shown.map(|column| ClearColumn { column: column.name.clone(), label: column.label }).collect()
}

fn mask(column: &ProtectedColumn, place: MaskPlace, catalog: &Catalog) -> Mask {
    let relation = catalog.relations.get(&column.relation);
    let stored = relation.and_then(|relation| relation.column(column.number));
    let keyed = stored
        .is_some_and(|stored| mask::is_keyed(catalog, column.label, described(stored.type_oid, catalog)));
    Mask {
        column: column.name.clone(),
        method: if keyed { MaskMethod::Keyed } else { MaskMethod::Constant },
        label: column.label,
        place,
    }
}

/// The type by which the server describes a result: what is under a domain.
fn described(data_type: Oid, catalog: &Catalog) -> Oid {
    let mut described = data_type;
    for _ in 0..MOST_DOMAINS {
        match catalog.code.types.get(&described).map(|known| known.kind) {
            Some(TypeKind::Domain(under)) => described = under,
            _ => break,
        }
    }
    described
}

#[cfg(test)]
mod tests;
