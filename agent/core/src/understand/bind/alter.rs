//! What changing a table, its indexes or a domain runs over the rows that are stored.

use std::rc::Rc;

use pg_query::{
    NodeEnum,
    protobuf::{
        AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint,
        IndexStmt, Node,
    },
};

use super::{
    Binder, Bound, Parameter,
    flow::Flow,
    item::{Item, Source, Whole},
    scope::{Entry, Env, Level},
    set::Set,
    statement::Result,
    write::{Written, WrittenColumn},
};
use crate::{
    catalog::{Oid, Relation},
    lineage::GapKind,
    understand::walk::text,
};

impl<'a> Binder<'a> {
    /// Defaults of new columns, which are written, and checks.
    pub(super) fn altered_rows(&mut self, alter: &'a AlterTableStmt) -> Bound<()> {
        let commands = alter.cmds.iter().filter_map(|node| match &node.node {
            Some(NodeEnum::AlterTableCmd(command)) => Some(&**command),
            _ => None,
        });
        let has_domains = !self.catalog.code.domains.is_empty();
        for command in commands.filter(|command| runs(command, has_domains)) {
            let Some(relation) = &alter.relation else { continue };
            let relation = match self.relation(relation) {
                Ok(found) => found.relation(),
                Err(_) if alter.missing_ok => return Ok(()),
                Err(failed) => return Err(failed),
            };
            match (subtype(command), definition(command)) {
                (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                    self.new_column(column, relation)?;
                }
                (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
                    self.new_check(constraint, relation)?;
                }
                // What it checks again, the name of a constraint does not say.
                _ => self.stored_rows(relation)?,
            }
        }
        Ok(())
    }

    fn new_column(&mut self, column: &'a ColumnDef, relation: &'a Relation) -> Bound<()> {
        let type_oid = self.written_type(column.type_name.as_ref()).map(|(oid, _)| oid).unwrap_or_default();
        let constraints = column.constraints.iter().filter_map(|node| match &node.node {
            Some(NodeEnum::Constraint(constraint)) => Some(&**constraint),
            _ => None,
        });
        let default = constraints.clone().find(|own| is(own, ConstrType::ConstrDefault));
        let mut flow = match default.and_then(|default| default.raw_expr.as_deref()) {
            Some(default) => self.over_rows(default, relation, None)?,
            None => self.default_of_type(type_oid)?,
        };
        self.domain_checks(type_oid, &flow)?;
        self.settle(&mut flow);
        for check in constraints.filter(|own| is(own, ConstrType::ConstrCheck)) {
            if let Some(condition) = check.raw_expr.as_deref() {
                let new = Parameter { name: column.colname.as_str().into(), flow: flow.clone() };
                self.over_rows(condition, relation, Some(new))?;
            }
        }
        if !(flow.direct.is_empty() && flow.indirect.is_empty()) {
            self.facts.indirect.add(&flow.indirect);
            let number = relation.columns.iter().map(|own| own.number).max().unwrap_or(0).saturating_add(1);
            let name = column.colname.clone();
            let columns = vec![WrittenColumn { number, name, type_oid, direct: flow.direct }];
            self.write_out(Written { relation: relation.oid, columns });
        }
        Ok(())
    }

    fn new_check(&mut self, constraint: &'a Constraint, relation: &'a Relation) -> Bound<()> {
        match ConstrType::try_from(constraint.contype) {
            Ok(ConstrType::ConstrCheck) if !constraint.skip_validation => {
                if let Some(condition) = constraint.raw_expr.as_deref() {
                    self.over_rows(condition, relation, None)?;
                }
            }
            Ok(ConstrType::ConstrExclusion) => {
                for node in &constraint.exclusions {
                    if let Some(NodeEnum::List(pair)) = &node.node {
                        self.index_elements(pair.items.get(..1).unwrap_or_default(), relation)?;
                    }
                }
                if let Some(condition) = constraint.where_clause.as_deref() {
                    self.over_rows(condition, relation, None)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// CREATE INDEX computes its expressions of every row.
    pub(super) fn create_index(&mut self, index: &'a IndexStmt) -> Bound<Result<'a>> {
        let IndexStmt { relation, index_params, where_clause, .. } = index;
        let computed = index_params.iter().any(|node| element(node).is_some());
        if !computed && where_clause.is_none() {
            return Ok(Result::default());
        }
        let Some(relation) = relation else { return Ok(Result::default()) };
        let relation = self.relation(relation)?.relation();
        self.index_elements(index_params, relation)?;
        if let Some(condition) = where_clause.as_deref() {
            self.over_rows(condition, relation, None)?;
        }
        Ok(Result::default())
    }

    fn index_elements(&mut self, elements: &'a [Node], relation: &'a Relation) -> Bound<()> {
        for expression in elements.iter().filter_map(element) {
            self.over_rows(expression, relation, None)?;
        }
        Ok(())
    }

    /// ALTER DOMAIN looks at every stored value of it.
    pub(super) fn alter_domain(&mut self, alter: &'a AlterDomainStmt) -> Bound<Result<'a>> {
        let before = (self.facts.functions.len(), self.facts.gaps.len());
        let definition = alter.def.as_deref().and_then(|node| node.node.as_ref());
        if let Some(NodeEnum::Constraint(constraint)) = definition
            && let Some(condition) = constraint.raw_expr.as_deref()
            && !constraint.skip_validation
        {
            self.parameters.push(Parameter { name: "value".into(), flow: Flow::default() });
            self.expression(condition, Env::default())?;
            self.parameters.pop();
        } else if alter.subtype == "V" {
            let names: Vec<&str> = alter.type_name.iter().filter_map(text).collect();
            let type_oid = crate::understand::overload::type_named(self.catalog, self.path, &names, false);
            self.made_unseen(type_oid.unwrap_or_default());
        }
        let runs_own = self.facts.functions.iter().any(|oid| oid.0 >= crate::catalog::FIRST_NORMAL_OID);
        if runs_own && before != (self.facts.functions.len(), self.facts.gaps.len()) {
            self.gap(GapKind::OpaqueFunction, "a check over every stored value of a domain");
        }
        Ok(Result::default())
    }

    /// An expression over the stored rows of a table: what it runs counts, and what it reads elsewhere.
    /// `new`: a column that the table is about to have.
    fn over_rows(&mut self, node: &'a Node, relation: &'a Relation, new: Option<Parameter>) -> Bound<Flow> {
        let mut inner = Binder::new(self.catalog, self.session, self.path);
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.actors = self.actors;
        inner.open.clone_from(&self.open);
        inner.parameters.extend(new);
        let item = Item {
            name: std::borrow::Cow::Borrowed(&*relation.name),
            relation: Some(relation),
            source: Source::Table { relation, written: None },
            aliases: Vec::new(),
            row_type: inner.row_type(relation),
            whole: Whole::Row,
        };
        let level = Level::of(vec![Entry::visible(Rc::new(item))], None);
        let flow = inner.expression(node, Env { level: Some(&level), ..Env::default() });
        let (steps, mut facts) = (inner.steps, inner.facts);
        self.steps = steps;
        facts.reads = facts.reads.iter().filter(|column| column.relation != relation.oid).collect::<Set>();
        self.take(facts);
        match flow {
            Ok(mut flow) => {
                self.used(&mut flow);
                Ok(flow)
            }
            Err(failed) if failed.kind == GapKind::TooLarge => Err(failed),
            Err(failed) => {
                self.gap(failed.kind, failed.what);
                Ok(Flow::constant(Oid(0)))
            }
        }
    }
}

fn subtype(command: &AlterTableCmd) -> AlterTableType {
    AlterTableType::try_from(command.subtype).unwrap_or(AlterTableType::Undefined)
}

fn definition(command: &AlterTableCmd) -> Option<&NodeEnum> {
    command.def.as_deref().and_then(|node| node.node.as_ref())
}

/// Whether it may compute something of the rows that are there. A column of a domain may have its default.
fn runs(command: &AlterTableCmd, has_domains: bool) -> bool {
    use AlterTableType as T;
    match (subtype(command), definition(command)) {
        (T::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
            has_domains
                || column.constraints.iter().any(|node| match &node.node {
                    Some(NodeEnum::Constraint(constraint)) => computes(constraint),
                    _ => false,
                })
        }
        (T::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => computes(constraint),
        (T::AtValidateConstraint | T::AtAttachPartition, _) => true,
        _ => false,
    }
}

fn computes(constraint: &Constraint) -> bool {
    matches!(
        ConstrType::try_from(constraint.contype),
        Ok(ConstrType::ConstrDefault | ConstrType::ConstrCheck | ConstrType::ConstrExclusion)
    )
}

/// The expression of an index.
fn element(node: &Node) -> Option<&Node> {
    match &node.node {
        Some(NodeEnum::IndexElem(element)) => element.expr.as_deref(),
        _ => None,
    }
}

fn is(constraint: &Constraint, kind: ConstrType) -> bool {
    ConstrType::try_from(constraint.contype) == Ok(kind)
}
