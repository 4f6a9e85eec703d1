//! The way in: one statement, the catalog snapshot and the session → [`Lineage`].

use pg_query::{
    NodeEnum,
    protobuf::{Node, RawStmt, SelectStmt},
};

use super::{Binder, Bound, Facts, Names, gap, item::Named, scope::Env, select::Rows, write::Written};
use crate::{
    catalog::Catalog,
    lineage::{GapKind, Lineage, Output, OutputColumn, OutputKind, Status},
    session::{Lexing, SearchPath, Session},
    understand::parse,
};

/// What goes where.
#[derive(Debug, Default)]
pub(super) struct Result<'a> {
    /// Columns that come out, and where they go; the tables that are written are kept apart.
    pub(super) outputs: Vec<(OutputKind, Vec<Named<'a>>)>,
    /// Lineage that is known already: of a prepared statement, a cursor.
    pub(super) known: Option<Lineage>,
}

/// Binds one statement.
#[must_use]
pub fn bind(statement: &RawStmt, catalog: &Catalog, session: &Session) -> Lineage {
    bind_named(statement, catalog, session).0
}

/// Binds one statement; beside its lineage, what its names mean, by their places in the text.
pub(in crate::understand) fn bind_named(
    statement: &RawStmt,
    catalog: &Catalog,
    session: &Session,
) -> (Lineage, Names) {
    match statement.stmt.as_deref() {
        Some(Node { node: Some(node) }) => bound(node, catalog, session),
        _ => (Lineage::opaque(GapKind::NotReviewed, "an empty command"), Names::default()),
    }
}

/// Parses a text and binds each of its statements; for what has no other use for the tree.
#[must_use]
pub fn bind_text(text: &str, catalog: &Catalog, session: &Session) -> Vec<Lineage> {
    match parse::statements(text) {
        Ok(statements) => statements.iter().map(|raw| bind(raw, catalog, session)).collect(),
        Err(refusal) => vec![Lineage::opaque(GapKind::Syntax, refusal.message)],
    }
}

/// The same of a bare tree.
#[must_use]
pub fn bind_node(node: &NodeEnum, catalog: &Catalog, session: &Session) -> Lineage {
    bound(node, catalog, session).0
}

fn bound(node: &NodeEnum, catalog: &Catalog, session: &Session) -> (Lineage, Names) {
    if session.lexing() == Lexing::Other {
        let what = "the server reads string constants in another way";
        return (Lineage::opaque(GapKind::Session, what), Names::default());
    }
    let builtin;
    let path: &SearchPath = match &session.search_path {
        Some(path) => path,
        None => {
            builtin = SearchPath { schemas: vec!["pg_catalog".into()], creation: None };
            &builtin
        }
    };
    let mut binder = Binder::new(catalog, session, path);
    if session.search_path.is_none() {
        binder.gap(GapKind::Session, "the search path of this connection is not known");
    }
    if session.relations.code_changed {
        binder.gap(GapKind::Changed, "functions, types or operators were changed in this session");
    }
    if session.relations.is_lost() {
        binder.gap(GapKind::Changed, "what this session made or changed is not all known");
    }
    let top = binder.top(node);
    binder.close();
    let names = std::mem::take(&mut binder.facts.names);
    let lineage = match top {
        Ok(result) => lineage(binder.facts, result),
        Err(failed) => {
            let mut gaps = vec![failed];
            gaps.extend(binder.facts.gaps);
            Lineage { status: Status::Opaque, gaps, ..Lineage::default() }
        }
    };
    (lineage, names)
}

impl<'a> Binder<'a> {
    /// A statement that another one carries.
    pub(super) fn carried(&mut self, node: Option<&'a Node>) -> Bound<Result<'a>> {
        match node.and_then(|node| node.node.as_ref()) {
            Some(node) => self.top(node),
            None => Err(gap(GapKind::NotReviewed, "a command without a statement")),
        }
    }

    pub(super) fn top(&mut self, node: &'a NodeEnum) -> Bound<Result<'a>> {
        self.event_triggers(node);
        match node {
            NodeEnum::SelectStmt(select) => match into(select) {
                Some(clause) => {
                    let rows = self.query_node(node, Env::default())?;
                    self.created(clause, rows)
                }
                None => self.rows(node),
            },
            NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => self.rows(node),
            other => self.utility(other),
        }
    }

    /// A query or a write whose rows go to the client.
    pub(super) fn rows(&mut self, node: &'a NodeEnum) -> Bound<Result<'a>> {
        let rows = self.query_node(node, Env::default())?;
        Ok(self.result(OutputKind::Result, rows))
    }

    /// Rows that go somewhere.
    pub(super) fn result(&mut self, kind: OutputKind, mut rows: Rows<'a>) -> Result<'a> {
        self.use_all(&mut rows);
        self.facts.indirect.add(&rows.indirect);
        for column in &rows.columns {
            self.facts.indirect.add(&column.flow.indirect);
        }
        let outputs = if rows.columns.is_empty() && kind == OutputKind::Result {
            Vec::new()
        } else {
            vec![(kind, rows.columns)]
        };
        Result { outputs, known: None }
    }
}

/// The INTO of a SELECT, which stands in the leftmost query of a set operation.
pub(super) fn into(select: &SelectStmt) -> Option<&pg_query::protobuf::IntoClause> {
    let mut query = select;
    while let Some(left) = &query.larg {
        query = left;
    }
    query.into_clause.as_deref()
}

fn lineage(facts: Facts, result: Result<'_>) -> Lineage {
    let status = facts.status();
    let mut outputs: Vec<Output> = result
        .outputs
        .into_iter()
        .map(|(kind, columns)| Output { kind, columns: columns.into_iter().map(column).collect() })
        .collect();
    outputs.extend(facts.written.into_iter().map(written));
    let mut lineage = Lineage {
        outputs,
        indirect: facts.indirect.into_columns(),
        reads: facts.reads.into_columns(),
        relations: facts.relations,
        functions: facts.functions,
        status,
        gaps: facts.gaps,
        renames: facts.renames,
    };
    if let Some(known) = result.known {
        add(&mut lineage, known);
    }
    lineage
}

fn add(lineage: &mut Lineage, known: Lineage) {
    lineage.outputs.extend(known.outputs);
    lineage.indirect.extend(known.indirect);
    lineage.reads.extend(known.reads);
    lineage.relations.extend(known.relations);
    lineage.functions.extend(known.functions);
    lineage.status = lineage.status.max(known.status);
    lineage.gaps.extend(known.gaps);
    lineage.renames.known.extend(known.renames.known);
    lineage.renames.unknown.extend(known.renames.unknown);
    lineage.renames.parts.extend(known.renames.parts);
    lineage.renames.missing |= known.renames.missing;
}

fn column(column: Named<'_>) -> OutputColumn {
    let Named { name, flow } = column;
    let type_oid = if flow.type_oid == super::flow::UNKNOWN { super::flow::TEXT } else { flow.type_oid };
    OutputColumn { name: name.into(), type_oid, direct: flow.direct.into_columns(), identity: flow.identity }
}

fn written(written: Written) -> Output {
    let Written { relation, columns } = written;
    let columns = columns.into_iter().map(|column| OutputColumn {
        name: column.name.into(),
        type_oid: column.type_oid,
        direct: column.direct.into_columns(),
        identity: None,
    });
    Output { kind: OutputKind::Table(relation), columns: columns.collect() }
}
