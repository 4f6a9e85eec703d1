//! Commands that define something and write it at once: a generated column that is added, a column of another
//! type, the views of a new schema.

use pg_query::{
    NodeEnum,
    protobuf::{
        AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, CreateSchemaStmt, Node,
        ObjectType, RangeVar, ViewStmt,
    },
};

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    scope::Env,
    statement::Result,
    utility::renamed,
    write::{Event, WriteTarget, Written, WrittenColumn},
};
use crate::{
    catalog::{Column, Modifier, Oid, code::CastContext},
    lineage::{GapKind, OutputKind},
};

impl<'a> Binder<'a> {
    /// Columns that ALTER TABLE computes anew from what is stored, but for what USING says.
    pub(super) fn rewritten(&mut self, alter: &'a AlterTableStmt) -> Bound<()> {
        let AlterTableStmt { relation: Some(relation), cmds, objtype, .. } = alter else { return Ok(()) };
        if ObjectType::try_from(*objtype) != Ok(ObjectType::ObjectTable) {
            return Ok(());
        }
        for node in cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
            let AlterTableCmd { subtype, name, def, missing_ok, .. } = &**command;
            let (Ok(subtype), Some(def)) = (AlterTableType::try_from(*subtype), def.as_deref()) else {
                continue;
            };
            match (subtype, &def.node) {
                (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                    self.add_generated(relation, column, *missing_ok)?;
                }
                (AlterTableType::AtSetExpression, Some(_)) => self.set_expression(relation, name, def)?,
                (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(column)))
                    if column.raw_default.is_none() =>
                {
                    self.change_type(relation, name, column)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `ADD COLUMN … GENERATED ALWAYS AS (expression) STORED`
    fn add_generated(
        &mut self,
        relation: &'a RangeVar,
        column: &'a ColumnDef,
        missing_ok: bool,
    ) -> Bound<()> {
        let Some(expression) = column.constraints.iter().find_map(stored_expression) else { return Ok(()) };
        let target = self.write_target(relation, Event::Update)?;
        if missing_ok && target.base.columns.iter().any(|own| *own.name == *column.colname) {
            return Ok(());
        }
        let (type_oid, modifier) = self.full_type(column.type_name.as_ref())?;
        let number = target.base.columns.last().map_or(0, |last| last.number).saturating_add(1);
        let new = Column { modifier, ..Column::new(number, column.colname.as_str().into(), type_oid) };
        self.fill(&target, expression, &new)
    }

    /// `ALTER COLUMN … SET EXPRESSION AS (expression)`
    fn set_expression(&mut self, relation: &'a RangeVar, name: &str, expression: &'a Node) -> Bound<()> {
        let target = self.write_target(relation, Event::Update)?;
        let column = target.column_named(name)?;
        self.fill(&target, expression, column)
    }

    fn fill(&mut self, target: &WriteTarget<'a>, expression: &'a Node, column: &Column) -> Bound<()> {
        let level = Self::alone(std::rc::Rc::clone(&target.item), Env::default());
        let here = Env { level: Some(&level), ..Env::default() };
        let mut flow = self.expression(expression, here)?;
        self.used(&mut flow);
        self.assign(&flow, column);
        self.wrote(target, (column.number, &*column.name, column.type_oid), flow);
        Ok(())
    }

    /// `ALTER COLUMN … TYPE …`: the stored values are converted.
    fn change_type(&mut self, relation: &'a RangeVar, name: &str, definition: &'a ColumnDef) -> Bound<()> {
        let target = self.write_target(relation, Event::Update)?;
        let column = target.column_named(name)?;
        let (type_oid, modifier): (Oid, Modifier) = self.full_type(definition.type_name.as_ref())?;
        let flow = target.stored(target.id(column));
        self.facts.reads.add(&flow.direct);
        self.convert_to(&flow, type_oid, modifier, CastContext::Assignment);
        self.wrote(&target, (column.number, &*column.name, type_oid), flow);
        Ok(())
    }

    fn wrote(&mut self, target: &WriteTarget<'a>, (number, name, type_oid): (i16, &str, Oid), flow: Flow) {
        self.facts.indirect.add(&flow.indirect);
        let columns = vec![WrittenColumn { number, name: name.to_owned(), type_oid, direct: flow.direct }];
        self.write_out(Written { relation: target.base.oid, columns });
    }

    /// The views that are made with a schema, which comes first in the search path for them.
    pub(super) fn create_schema(&mut self, create: &'a CreateSchemaStmt) -> Bound<Result<'a>> {
        let CreateSchemaStmt { schemaname, authrole, schema_elts, if_not_exists: _ } = create;
        let schema = match authrole {
            Some(role) if schemaname.is_empty() => &role.rolename,
            _ => schemaname,
        };
        let is_alone = schema_elts.iter().filter(|node| makes_relation(node)).count() < 2;
        let mut result = Result::default();
        for node in schema_elts {
            if let Some(NodeEnum::CreateStmt(create)) = &node.node {
                self.made_part_in(schema, create, is_alone);
            }
            let Some(NodeEnum::ViewStmt(view)) = &node.node else { continue };
            let ViewStmt { view: named, aliases, query: Some(query), .. } = &**view else {
                return Err(gap(GapKind::NotReviewed, "CREATE VIEW of nothing"));
            };
            let name = named.as_ref().map(|view| view.relname.as_str()).unwrap_or_default();
            let kind = OutputKind::Created { schema: schema.as_str().into(), name: name.into() };
            if !is_alone {
                // It may read what the same command makes, which hides what it has the name of.
                let what = format!("the view {schema}.{name} beside others that are made with it");
                self.gap(GapKind::Changed, what);
            }
            let rows = match self.query(query, Env::default()) {
                Ok(rows) => rows,
                Err(failed) if is_alone || failed.kind == GapKind::TooLarge => return Err(failed),
                Err(_) => continue,
            };
            let rows = renamed(rows, aliases)?;
            result.outputs.extend(self.result(kind, rows).outputs);
        }
        Ok(result)
    }
}

fn stored_expression(node: &Node) -> Option<&Node> {
    let Some(NodeEnum::Constraint(constraint)) = &node.node else { return None };
    let generated = ConstrType::try_from(constraint.contype) == Ok(ConstrType::ConstrGenerated);
    constraint.raw_expr.as_deref().filter(|_| generated && constraint.generated_kind != "v")
}

fn makes_relation(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::ViewStmt(_) | NodeEnum::CreateStmt(_) | NodeEnum::CreateSeqStmt(_)))
}
