//! Relations that are made: CREATE TABLE, CREATE TABLE AS, CREATE VIEW …

use pg_query::{
    NodeEnum,
    protobuf::{CreateStmt, CreateTableAsStmt, IntoClause, Node, ObjectType, OnCommitAction, ViewStmt},
};

use super::{Found, Reader, columns, texts};
use crate::{
    catalog::RelationKind,
    lineage::{OutputKind, Status},
    session::{
        change::{Element, Existing, FromQuery, NewRelation, OnCommit, QueryColumn, Shape, Step},
        find::Named,
    },
    understand::named,
};

impl Reader<'_> {
    pub(super) fn creation(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::CreateStmt(create) => {
                let kind = match create.partspec {
                    Some(_) => RelationKind::PartitionedTable,
                    None => RelationKind::Table,
                };
                self.table(create, kind);
            }
            NodeEnum::CreateForeignTableStmt(create) => match &create.base_stmt {
                Some(base) => self.table(base, RelationKind::ForeignTable),
                None => self.push(Step::Lost),
            },
            NodeEnum::CreateTableAsStmt(create) => self.table_as(create),
            NodeEnum::ViewStmt(view) => self.view(view),
            NodeEnum::CreateSeqStmt(create) => {
                let existing = keep_if(create.if_not_exists);
                self.create(create.sequence.as_ref(), |name| NewRelation {
                    existing,
                    shape: Shape::Sequence,
                    ..new(name, RelationKind::Sequence)
                });
            }
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn create(
        &mut self,
        relation: Option<&pg_query::protobuf::RangeVar>,
        new: impl FnOnce(Named) -> NewRelation,
    ) {
        match relation {
            Some(relation) => self.push(Step::Create(Box::new(new(Named::of(relation))))),
            None => self.push(Step::Lost),
        }
    }

    fn table(&mut self, create: &CreateStmt, kind: RelationKind) {
        let mut constraints = Vec::new();
        let mut elements = Vec::with_capacity(create.table_elts.len());
        let mut understood = true;
        for node in &create.table_elts {
            match &node.node {
                Some(NodeEnum::ColumnDef(definition)) => {
                    let (column, more) = columns::column(definition);
                    understood &= column.kind.is_some() || definition.type_name.is_none();
                    elements.push(Element::Column(column));
                    constraints.extend(more);
                }
                Some(NodeEnum::TableLikeClause(like)) => match &like.relation {
                    Some(relation) => {
                        elements.push(Element::Like { relation: Named::of(relation), options: like.options });
                    }
                    None => understood = false,
                },
                Some(NodeEnum::Constraint(written)) => constraints.extend(columns::constraint(written, None)),
                _ => understood = false,
            }
        }
        for node in &create.constraints {
            if let Some(NodeEnum::Constraint(written)) = &node.node {
                constraints.extend(columns::constraint(written, None));
            }
        }
        let shape = if understood { table_shape(create, elements) } else { Shape::Unknown };
        let (existing, on_commit) = (keep_if(create.if_not_exists), on_commit(create.oncommit));
        self.create(create.relation.as_ref(), |name| NewRelation {
            existing,
            on_commit,
            shape,
            constraints,
            ..new(name, kind)
        });
    }

    fn table_as(&mut self, create: &CreateTableAsStmt) {
        let kind = match ObjectType::try_from(create.objtype) {
            Ok(ObjectType::ObjectMatview) => RelationKind::MaterializedView,
            _ => RelationKind::Table,
        };
        let Some(into) = &create.into else { return self.push(Step::Lost) };
        let query = create.query.as_ref().and_then(|query| query.node.as_ref());
        self.made_of_query(query, into, kind, keep_if(create.if_not_exists));
    }

    pub(super) fn select_into(&mut self, node: &NodeEnum, into: &IntoClause) {
        self.made_of_query(Some(node), into, RelationKind::Table, Existing::Fail);
    }

    fn made_of_query(
        &mut self,
        query: Option<&NodeEnum>,
        into: &IntoClause,
        kind: RelationKind,
        existing: Existing,
    ) {
        let runs = !into.skip_data;
        match query {
            Some(NodeEnum::ExecuteStmt(execute)) if runs => self.arguments(&execute.params),
            Some(query) if runs => self.executed(query),
            _ => {}
        }
        let mut from = self.outcome(query);
        from.names = texts(&into.col_names);
        from.filled = runs;
        let on_commit = on_commit(into.on_commit);
        self.create(into.rel.as_ref(), |name| NewRelation {
            existing,
            on_commit,
            shape: Shape::Query(Box::new(from)),
            ..new(name, kind)
        });
    }

    fn view(&mut self, view: &ViewStmt) {
        let mut from = self.outcome(view.query.as_ref().and_then(|query| query.node.as_ref()));
        from.names = texts(&view.aliases);
        let existing = if view.replace { Existing::Replace } else { Existing::Fail };
        // What it shows depends on who asks, and may be other rows than for who made it.
        let of_invoker = view.options.iter().any(is_security_invoker);
        let shape = if of_invoker { Shape::Unknown } else { Shape::Query(Box::new(from)) };
        self.create(view.view.as_ref(), |name| NewRelation {
            existing,
            shape,
            ..new(name, RelationKind::View)
        });
    }

    /// What comes out of the query, by the statement's lineage.
    fn outcome(&self, query: Option<&NodeEnum>) -> FromQuery {
        let lineage = self.lineage;
        let created = lineage.outputs.iter().find(|output| matches!(output.kind, OutputKind::Created { .. }));
        let columns = created.filter(|_| lineage.status != Status::Opaque).map(|output| {
            let columns = output.columns.iter();
            let column = |from: &crate::lineage::OutputColumn| QueryColumn {
                name: from.name.clone(),
                kind: from.type_oid,
                direct: from.direct.clone(),
                identity: from.identity,
            };
            columns.map(column).collect()
        });
        let reads = query.map(|query| named::named(query).relations.into_iter().map(Named::of).collect());
        FromQuery {
            columns,
            names: Vec::new(),
            indirect: lineage.indirect.clone(),
            gaps: lineage.gaps.clone(),
            reads: reads.unwrap_or_default(),
            filled: true,
        }
    }
}

fn table_shape(create: &CreateStmt, elements: Vec<Element>) -> Shape {
    let parents: Vec<Named> = create
        .inh_relations
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeVar(relation)) => Some(Named::of(relation)),
            _ => None,
        })
        .collect();
    match (&create.of_typename, &create.partbound, parents.as_slice()) {
        (Some(name), ..) => columns::type_spec(name).map_or(Shape::Unknown, Shape::OfType),
        (None, Some(_), [parent]) => Shape::PartitionOf { parent: parent.clone(), elements },
        (None, Some(_), _) => Shape::Unknown,
        (None, None, _) => Shape::Listed { parents, elements },
    }
}

fn is_security_invoker(option: &Node) -> bool {
    matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname == "security_invoker")
}

const fn new(name: Named, kind: RelationKind) -> NewRelation {
    NewRelation {
        name,
        kind,
        existing: Existing::Fail,
        on_commit: OnCommit::PreserveRows,
        shape: Shape::Unknown,
        constraints: Vec::new(),
    }
}

const fn keep_if(if_not_exists: bool) -> Existing {
    if if_not_exists { Existing::Keep } else { Existing::Fail }
}

fn on_commit(action: i32) -> OnCommit {
    match OnCommitAction::try_from(action) {
        Ok(OnCommitAction::OncommitDrop) => OnCommit::Drop,
        Ok(OnCommitAction::OncommitDeleteRows) => OnCommit::DeleteRows,
        _ => OnCommit::PreserveRows,
    }
}
