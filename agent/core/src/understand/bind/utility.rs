//! Every other command: those that carry a query, those that run code, and those that move no value.

use std::borrow::Cow;

use pg_query::{
    NodeEnum,
    protobuf::{
        CopyStmt, CreateTableAsStmt, DropBehavior, ExecuteStmt, ExplainStmt, IntoClause, Node, RangeVar,
        RefreshMatViewStmt, TruncateStmt, ViewStmt,
    },
};

use super::{
    Binder, Bound,
    flow::{Flow, TEXT},
    gap,
    item::Named,
    scope::Env,
    select::Rows,
    set::Set,
    statement::Result,
    write::{Event, Values, Written, WrittenColumn},
};
use crate::{
    catalog::code::Name,
    lineage::{GapKind, Lineage, OutputKind},
    understand::walk::text,
};

impl<'a> Binder<'a> {
    pub(super) fn utility(&mut self, node: &'a NodeEnum) -> Bound<Result<'a>> {
        match node {
            NodeEnum::ExplainStmt(explain) => self.explain(explain),
            NodeEnum::CopyStmt(copy) => self.copy(copy),
            NodeEnum::CreateTableAsStmt(create) => self.create_as(create),
            NodeEnum::ViewStmt(view) => self.create_view(view),
            NodeEnum::RefreshMatViewStmt(refresh) => self.refresh(refresh),
            NodeEnum::PrepareStmt(prepare) => {
                self.parameters = self.typed(&prepare.argtypes)?;
                self.carried(prepare.query.as_deref())
            }
            NodeEnum::ExecuteStmt(execute) => self.execute(execute),
            NodeEnum::DeclareCursorStmt(declare) => self.carried(declare.query.as_deref()),
            NodeEnum::FetchStmt(fetch) if fetch.ismove => Ok(Result::default()),
            NodeEnum::FetchStmt(fetch) => {
                self.known(self.session.cursors.get(&*fetch.portalname), "the cursor", &fetch.portalname)
            }
            NodeEnum::TruncateStmt(truncate) => self.truncate(truncate),
            other => self.plain_command(other),
        }
    }

    /// Types of `$1`, `$2` … as PREPARE names them.
    fn typed(&mut self, types: &'a [Node]) -> Bound<Vec<super::Parameter>> {
        let mut parameters = Vec::with_capacity(types.len());
        for node in types {
            let Some(NodeEnum::TypeName(name)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a type of PREPARE"));
            };
            let flow = Flow::constant(self.type_name(Some(name))?);
            self.parameter_of(flow.type_oid);
            parameters.push(super::Parameter { name: "".into(), flow });
        }
        Ok(parameters)
    }

    fn execute(&mut self, execute: &'a ExecuteStmt) -> Bound<Result<'a>> {
        let arguments = self.execute_arguments(&execute.params)?;
        let found = self.session.prepared.get(&*execute.name);
        let mut result = self.known(found, "the prepared statement", &execute.name)?;
        if let Some(known) = &mut result.known {
            self.give_arguments(&arguments, known);
        }
        Ok(result)
    }

    fn known(&self, lineage: Option<&std::sync::Arc<Lineage>>, what: &str, name: &str) -> Bound<Result<'a>> {
        match lineage {
            Some(lineage) => Ok(Result { outputs: Vec::new(), known: Some(Lineage::clone(lineage)) }),
            None => Err(gap(GapKind::Session, format!("{what} {name} is not known"))),
        }
    }

    /// The plan is what comes out. What the statement would read decides what the plan looks like; with
    /// ANALYZE it also runs.
    fn explain(&mut self, explain: &'a ExplainStmt) -> Bound<Result<'a>> {
        let ExplainStmt { query, options } = explain;
        let inner = self.carried(query.as_deref())?;
        let runs = options.iter().any(|option| is_on(option, "analyze"));
        let outputs = if runs { kept(inner.outputs) } else { Vec::new() };
        if !runs {
            self.facts.written.clear();
        }
        let mut known = inner.known;
        if let Some(known) = &mut known {
            known.outputs.retain(|output| runs && output.kind != OutputKind::Result);
        }
        let plan = Named { name: Cow::Borrowed("QUERY PLAN"), flow: Flow::constant(TEXT) };
        let mut all = vec![(OutputKind::Result, vec![plan])];
        all.extend(outputs);
        Ok(Result { outputs: all, known })
    }

    fn copy(&mut self, copy: &'a CopyStmt) -> Bound<Result<'a>> {
        let CopyStmt { relation, query, attlist, is_from, is_program, filename, options: _, where_clause } =
            copy;
        let kind = if *is_program || !filename.is_empty() { OutputKind::File } else { OutputKind::Result };
        if let Some(query) = query.as_deref() {
            let rows = self.query(query, Env::default())?;
            return Ok(self.result(kind, rows));
        }
        let Some(relation) = relation else {
            return Err(gap(GapKind::NotReviewed, "COPY of nothing"));
        };
        if *is_from {
            if *is_program || !filename.is_empty() {
                self.gap(GapKind::Foreign, "a file or program of the server");
            }
            return self.copy_from(relation, attlist, where_clause.as_deref());
        }
        self.copy_to(relation, attlist, kind)
    }

    fn copy_to(&mut self, relation: &'a RangeVar, list: &'a [Node], kind: OutputKind) -> Bound<Result<'a>> {
        let mut indirect = Set::default();
        let target = self.relation(relation)?;
        self.means(relation, &target);
        let item = self.relation_item(target, Cow::Borrowed(&relation.relname), None)?;
        let item = std::rc::Rc::new(item);
        self.hidden_conditions(&item, &mut indirect)?;
        let names: Vec<Cow<'a, str>> = if list.is_empty() {
            (0..item.len()).filter_map(|place| item.column_name(place)).collect()
        } else {
            list.iter().filter_map(text).map(Cow::Borrowed).collect()
        };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let super::item::Found::One(place) = item.find(&name) else {
                return Err(gap(GapKind::UnknownObject, format!("the column {name} is not known")));
            };
            // COPY leaves generated columns out unless they are named.
            if list.is_empty() && is_generated(target.relation(), place) {
                continue;
            }
            let flow = item.flow(place);
            self.facts.reads.add(&flow.direct);
            columns.push(Named { name, flow });
        }
        Ok(self.result(kind, Rows { columns, indirect }))
    }

    fn copy_from(
        &mut self,
        relation: &'a RangeVar,
        list: &'a [Node],
        condition: Option<&'a Node>,
    ) -> Bound<Result<'a>> {
        let target = self.write_target(relation, Event::Insert)?;
        let mut values = Values::new();
        for place in 0..target.item.len() {
            let Some(column) = target.column_at(place) else { continue };
            let named = list.is_empty() && !is_generated(target.base, place)
                || list.iter().filter_map(text).any(|name| *column.name == *name);
            if named {
                let flow = Flow::constant(column.type_oid);
                self.domain_checks(column.type_oid, &flow)?;
                values.insert(column.number, flow);
            }
        }
        self.run_defaults(&target, &mut values)?;
        if let Some(condition) = condition {
            // The condition is over the rows that come in.
            let item = std::rc::Rc::new(target.with(&self.all_new(&target), target.item.name.clone()));
            let level = Self::alone(item, Env::default());
            let mut indirect = Set::default();
            self.condition(Some(condition), Env { level: Some(&level), ..Env::default() }, &mut indirect)?;
            self.facts.indirect.add(&indirect);
        }
        self.generate(&target, &mut values, Event::Insert)?;
        self.write(&target, &values, Event::Insert)?;
        Ok(Result::default())
    }

    fn all_new(&self, target: &super::write::WriteTarget<'a>) -> Values {
        let columns = target.base.columns.iter();
        columns.map(|column| (column.number, Flow::constant(column.type_oid))).collect()
    }

    fn create_as(&mut self, create: &'a CreateTableAsStmt) -> Bound<Result<'a>> {
        let CreateTableAsStmt { query, into, .. } = create;
        let (Some(query), Some(into)) = (query.as_deref(), into.as_deref()) else {
            return Err(gap(GapKind::NotReviewed, "CREATE TABLE AS of nothing"));
        };
        if let Some(NodeEnum::ExecuteStmt(execute)) = &query.node {
            let mut result = self.execute(execute)?;
            self.redirect(&mut result, into);
            return Ok(result);
        }
        let rows = self.query(query, Env::default())?;
        self.created(into, rows)
    }

    /// What a prepared statement gives goes into a new table.
    fn redirect(&self, result: &mut Result<'a>, into: &IntoClause) {
        let kind = self.created_kind(into.rel.as_ref());
        for output in result.known.iter_mut().flat_map(|known| &mut known.outputs) {
            if output.kind == OutputKind::Result {
                output.kind = kind.clone();
                for (column, name) in output.columns.iter_mut().zip(into.col_names.iter().filter_map(text)) {
                    column.name = name.into();
                }
            }
        }
    }

    pub(super) fn created(&mut self, into: &'a IntoClause, rows: Rows<'a>) -> Bound<Result<'a>> {
        let kind = self.created_kind(into.rel.as_ref());
        let rows = renamed(rows, &into.col_names)?;
        Ok(self.result(kind, rows))
    }

    fn created_kind(&self, relation: Option<&RangeVar>) -> OutputKind {
        let (schema, name) = self.created_name(relation);
        OutputKind::Created { schema, name }
    }

    /// Schema and name of what is made.
    pub(super) fn created_name(&self, relation: Option<&RangeVar>) -> (Name, Name) {
        let schema = match relation {
            Some(relation) if relation.relpersistence == "t" => "pg_temp".into(),
            Some(relation) if !relation.schemaname.is_empty() => relation.schemaname.as_str().into(),
            _ => self.path.creation.clone().unwrap_or_default(),
        };
        let name = relation.map(|relation| relation.relname.as_str()).unwrap_or_default();
        (schema, name.into())
    }

    fn create_view(&mut self, create: &'a ViewStmt) -> Bound<Result<'a>> {
        let ViewStmt { view, aliases, query, .. } = create;
        let Some(query) = query.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "CREATE VIEW of nothing"));
        };
        let rows = renamed(self.query(query, Env::default())?, aliases)?;
        let kind = self.created_kind(view.as_ref());
        Ok(self.result(kind, rows))
    }

    fn refresh(&mut self, refresh: &'a RefreshMatViewStmt) -> Bound<Result<'a>> {
        let Some(relation) = &refresh.relation else {
            return Err(gap(GapKind::NotReviewed, "REFRESH of nothing"));
        };
        let view = self.relation(relation)?.relation();
        self.facts.relations.insert(view.oid);
        if refresh.skip_data {
            self.write_out(Written { relation: view.oid, columns: Vec::new() });
            return Ok(Result::default());
        }
        let definition = view.details.as_ref().and_then(|details| details.definition.clone());
        let Some(definition) = definition else {
            return Err(gap(GapKind::UnknownObject, "the definition of a materialized view is not known"));
        };
        let bound = self.in_definition(&definition, view.oid)?;
        self.take_in(&bound);
        self.facts.indirect.add(&bound.indirect);
        let mut columns = Vec::with_capacity(view.columns.len());
        for (place, column) in view.columns.iter().enumerate() {
            let mut flow = bound.flow(view, place);
            self.used(&mut flow);
            self.facts.indirect.add(&flow.indirect);
            let (number, type_oid) = (column.number, column.type_oid);
            columns.push(WrittenColumn {
                number,
                name: column.name.to_string(),
                type_oid,
                direct: flow.direct,
            });
        }
        self.write_out(Written { relation: view.oid, columns });
        Ok(Result::default())
    }

    fn truncate(&mut self, truncate: &'a TruncateStmt) -> Bound<Result<'a>> {
        let cascades = DropBehavior::try_from(truncate.behavior) == Ok(DropBehavior::DropCascade);
        for node in &truncate.relations {
            let Some(NodeEnum::RangeVar(relation)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "TRUNCATE"));
            };
            let relation = self.relation(relation)?.relation();
            self.facts.relations.insert(relation.oid);
            self.write_out(Written { relation: relation.oid, columns: Vec::new() });
            self.own_code(relation, Event::Truncate);
            if cascades {
                // Keys that only refuse are not in the snapshot.
                let what = format!("tables that refer to {} are emptied too", relation.qualified_name());
                self.gap(GapKind::UnknownObject, what);
            }
        }
        Ok(Result::default())
    }
}

fn is_generated(relation: &crate::catalog::Relation, place: usize) -> bool {
    use crate::catalog::ColumnExpression::Default;
    let number = relation.columns.get(place).map(|column| column.number);
    relation.details.as_ref().is_some_and(|details| {
        details
            .expressions
            .iter()
            .any(|(own, expression)| Some(*own) == number && !matches!(expression, Default(_)))
    })
}

/// Rows under the names that a command gives them.
pub(super) fn renamed<'a>(mut rows: Rows<'a>, names: &'a [Node]) -> Bound<Rows<'a>> {
    let names: Vec<&str> = names.iter().filter_map(text).collect();
    if names.len() > rows.columns.len() {
        return Err(gap(GapKind::UnknownObject, "there are more names than columns"));
    }
    for (column, name) in rows.columns.iter_mut().zip(names) {
        column.name = Cow::Borrowed(name);
    }
    Ok(rows)
}

/// What EXPLAIN ANALYZE runs, without the rows, which are thrown away.
fn kept<'a>(outputs: Vec<(OutputKind, Vec<Named<'a>>)>) -> Vec<(OutputKind, Vec<Named<'a>>)> {
    outputs.into_iter().filter(|(kind, _)| *kind != OutputKind::Result).collect()
}

/// Whether an option of EXPLAIN is set.
fn is_on(node: &Node, name: &str) -> bool {
    let Some(NodeEnum::DefElem(option)) = &node.node else { return false };
    option.defname == name
        && match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
            None => true,
            Some(NodeEnum::Integer(value)) => value.ival != 0,
            Some(NodeEnum::Boolean(value)) => value.boolval,
            Some(NodeEnum::String(value)) => !matches!(value.sval.to_lowercase().as_str(), "off" | "false"),
            Some(_) => true,
        }
}
