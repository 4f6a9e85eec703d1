//! Commands that carry a query: what they do with its rows.

use pg_query::{
    NodeEnum,
    protobuf::{CopyStmt, Node},
};

use crate::{
    catalog::Catalog,
    record::ReadProof,
    statement::{Kind, Refusal},
    understand::{functions::Consequence, refusal, utility},
};

/// What is to be rewritten in a command.
pub(super) enum Carried<'t> {
    /// A query.
    Query(&'t Node, Sink),
    /// COPY of a table, which becomes COPY of a query.
    Table(&'t CopyStmt),
}

/// Where the rows of a query go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// To the client, now or when its name is called.
    Client,
    /// To the client, as data of COPY.
    Copy,
    /// Nowhere: its plan is shown.
    Plan,
}

/// The query that a command carries.
///
/// # Errors
/// It carries none, or sends its rows elsewhere than to the client.
pub(super) fn of<'t>(node: &'t Node, catalog: &Catalog) -> Result<Carried<'t>, Refusal> {
    let (query, sink) = match &node.node {
        Some(NodeEnum::SelectStmt(_)) => (Some(node), Sink::Client),
        Some(NodeEnum::PrepareStmt(prepare)) => (prepare.query.as_deref(), Sink::Client),
        Some(NodeEnum::DeclareCursorStmt(declare)) => (declare.query.as_deref(), Sink::Client),
        Some(NodeEnum::ExplainStmt(explain)) => {
            utility::check_explained(explain, catalog)?;
            (explain.query.as_deref(), Sink::Plan)
        }
        Some(NodeEnum::CopyStmt(copy)) => {
            utility::check_copied_out(copy)?;
            if copy.query.is_none() {
                return Ok(Carried::Table(copy));
            }
            (copy.query.as_deref(), Sink::Copy)
        }
        _ => (None, Sink::Client),
    };
    match query {
        Some(query) if matches!(query.node, Some(NodeEnum::SelectStmt(_))) => Ok(Carried::Query(query, sink)),
        _ => Err(refusal::not_reviewed("a command that is no query, beside protected columns")),
    }
}

impl Sink {
    pub(super) fn kind(self, locks: bool, consequence: Consequence) -> Kind {
        match self {
            Self::Plan => Kind::Read,
            _ if locks || consequence == Consequence::Write => Kind::Write,
            _ => Kind::Read,
        }
    }

    pub(super) fn proof(self, kind: Kind, consequence: Consequence) -> ReadProof {
        match self {
            Self::Plan => ReadProof::ReadOnly,
            Self::Client if kind == Kind::Read && consequence == Consequence::None => ReadProof::ReadOnly,
            _ => ReadProof::MayWrite,
        }
    }
}
