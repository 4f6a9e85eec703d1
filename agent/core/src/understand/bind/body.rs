//! Bodies of functions: SQL is opened, so that lineage goes through it; PL/pgSQL is read as far as it can
//! be, for what it can reach.

use pg_query::protobuf::RawStmt;

use super::{Binder, Bound, Facts, Parameter, call, flow::Flow, scope::Env, select::Rows, sublink::as_row};
use crate::{
    catalog::{Modifier, code::Function},
    lineage::GapKind,
    session::{SearchPath, identifiers},
    understand::{overload::Chosen, parse},
};

/// How deep functions may call each other before their bodies are opened no further.
pub(super) const MOST_OPEN: usize = 16;

impl<'a> Binder<'a> {
    /// The value of an SQL function, through its body. `None` if the body is not understood; the gap says
    /// why.
    pub(super) fn open_function(
        &mut self,
        function: &'a Function,
        chosen: &Chosen,
        flows: Vec<Flow>,
    ) -> Bound<Option<Flow>> {
        let parameters = parameters(function, chosen, &flows);
        let Some(rows) = self.open_body(function, &parameters)? else { return Ok(None) };
        let several = rows.columns.len() > 1 || !chosen.outputs.is_empty();
        let row = as_row(rows);
        let flow = match row.fields.as_deref().map(Vec::as_slice) {
            Some([only]) if !several => only.flow.clone(),
            _ => row,
        };
        let flow = Flow { identity: None, ..flow };
        let result = chosen.result;
        // OUT columns have names of their own; a table's rows have the table's.
        Ok(Some(if chosen.outputs.is_empty() {
            self.as_type(flow, result)
        } else {
            Flow { type_oid: result, ..flow }
        }))
    }

    /// An SQL function behind an operator or a cast: its arguments flow into its value anyway, and so does
    /// what it reads.
    pub(super) fn run_sql_function(&mut self, function: &'a Function) {
        let names = function.argument_names.iter();
        let parameters: Vec<Parameter> = function
            .arguments
            .iter()
            .enumerate()
            .map(|(place, type_oid)| Parameter {
                name: names.clone().nth(place).cloned().unwrap_or_default(),
                flow: Flow::constant(*type_oid),
            })
            .collect();
        let before = std::mem::take(&mut self.facts.written);
        let rows = self.open_body(function, &parameters);
        let written = std::mem::replace(&mut self.facts.written, before);
        if !written.is_empty() {
            // Nobody says here what the arguments are.
            let name = call::signature(self.catalog, function);
            self.gap(GapKind::OpaqueFunction, format!("what {name} writes"));
            written.into_iter().for_each(|written| self.write_out(written));
        }
        match rows {
            Ok(Some(rows)) => {
                let indirect = rows.indirect.clone();
                let mut value = as_row(rows);
                value.indirect.add(&indirect);
                self.behind(&value);
            }
            Ok(None) => {}
            Err(failed) => self.gap(failed.kind, failed.what),
        }
    }

    fn open_body(
        &mut self,
        function: &'a Function,
        parameters: &[Parameter],
    ) -> Bound<Option<Rows<'static>>> {
        let name = call::signature(self.catalog, function);
        if self.open.contains(&function.oid) || self.open.len() >= MOST_OPEN {
            self.gap(GapKind::OpaqueFunction, format!("{name} calls itself, or others too deeply"));
            return Ok(None);
        }
        let Some(body) = function.body.as_deref() else {
            self.gap(GapKind::OpaqueFunction, name);
            return Ok(None);
        };
        let text = standard_body(body);
        let Ok(statements) = parse::statements(&text) else {
            self.gap(GapKind::OpaqueFunction, format!("the body of {name} does not parse"));
            return Ok(None);
        };
        let path = match &function.search_path {
            Some(setting) => own_path(setting),
            None => Some(self.path.clone()),
        };
        let Some(path) = path else {
            self.gap(GapKind::OpaqueFunction, format!("the search path of {name}"));
            return Ok(None);
        };
        let mut inner = Binder::new(self.catalog, self.session, &path);
        inner.parameters = parameters.to_vec();
        inner.function = &function.name;
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.open.clone_from(&self.open);
        inner.open.push(function.oid);
        inner.actors = self.actors.in_function(function.security_definer);
        let rows = inner.body_statements(&statements);
        inner.close();
        let (steps, facts) = (inner.steps, inner.facts);
        self.steps = steps;
        self.take(facts);
        match rows {
            Ok(rows) => Ok(Some(rows)),
            Err(failed) if failed.kind == GapKind::TooLarge => Err(failed),
            Err(failed) => {
                self.gap(GapKind::OpaqueFunction, format!("{name}: {}", failed.what));
                Ok(None)
            }
        }
    }

    /// The last statement's rows are the function's value; what the others decide, they decide there.
    fn body_statements(&mut self, statements: &'a [RawStmt]) -> Bound<Rows<'static>> {
        let mut last = Rows::default();
        for raw in statements {
            let Some(node) = raw.stmt.as_deref() else { continue };
            let rows = self.query(node, Env::default())?;
            if !matches!(node.node, Some(pg_query::NodeEnum::SelectStmt(_))) {
                self.facts.indirect.add(&rows.indirect);
            }
            last = rows;
        }
        self.use_all(&mut last);
        let columns = last.columns.into_iter().map(|column| super::item::Named {
            name: std::borrow::Cow::Owned(column.name.into_owned()),
            flow: column.flow,
        });
        Ok(Rows { columns: columns.collect(), indirect: last.indirect })
    }

    /// Takes in what was found in something that was opened.
    pub(super) fn take(&mut self, facts: Facts) {
        self.facts.reads.add(&facts.reads);
        self.facts.relations.extend(facts.relations);
        self.facts.functions.extend(facts.functions);
        self.facts.indirect.add(&facts.indirect);
        self.facts.secured = self.facts.secured.max(facts.secured);
        if let Some(behind) = &facts.behind {
            self.behind(behind);
        }
        for written in facts.written {
            self.write_out(written);
        }
        for gap in facts.gaps {
            self.gap(gap.kind, gap.what);
        }
    }
}

fn parameters(function: &Function, chosen: &Chosen, flows: &[Flow]) -> Vec<Parameter> {
    let last = function.arguments.len().saturating_sub(1);
    let given = |place: usize| match chosen.mapping.as_slice() {
        [] => Some(place),
        mapping => mapping.get(place).copied().flatten(),
    };
    let one = |(place, type_oid): (usize, &crate::catalog::Oid)| {
        let count = if place == last { chosen.gathered.max(1) } else { 1 };
        let mut taken = flows.iter().skip(given(place).unwrap_or(flows.len())).take(count);
        let mut flow = taken.next().cloned().unwrap_or_default();
        for more in taken {
            flow.mix(more);
            flow.fields = None;
        }
        if flow.fields.is_none() {
            flow.type_oid = *type_oid;
        }
        flow.identity = None;
        flow.modifier = Modifier::NONE;
        Parameter { name: function.argument_names.get(place).cloned().unwrap_or_default(), flow }
    };
    function.arguments.iter().enumerate().map(one).collect()
}

/// `RETURN expression` and `BEGIN ATOMIC … END` as plain statements.
pub(in crate::understand) fn standard_body(body: &str) -> std::borrow::Cow<'_, str> {
    let trimmed = body.trim();
    if let Some(expression) = trimmed.strip_prefix("RETURN ") {
        return format!("SELECT {expression}").into();
    }
    let atomic = trimmed.strip_prefix("BEGIN ATOMIC").and_then(|rest| rest.strip_suffix("END"));
    atomic.map_or(body.into(), Into::into)
}

/// Where a function with a `search_path` of its own looks names up. `None` if that cannot be read, or
/// depends on who calls.
pub(super) fn own_path(setting: &str) -> Option<SearchPath> {
    let mut schemas = identifiers(setting)?;
    if schemas.iter().any(|schema| &**schema == "$user") {
        return None;
    }
    if !schemas.iter().any(|schema| &**schema == "pg_catalog") {
        schemas.insert(0, "pg_catalog".into());
    }
    Some(SearchPath { schemas, creation: None })
}
