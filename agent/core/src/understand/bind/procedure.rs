//! Bodies in PL/pgSQL: each piece of SQL in them is bound for what it can reach. What the function gives is
//! known only of one that reaches nothing: it is made of the arguments.

use super::{
    Binder, Bound, Parameter,
    body::{MOST_OPEN, own_path},
    call,
    flow::{Flow, NO_TYPE, RECORD, TEXT, UNKNOWN},
    gap,
};
use crate::{
    catalog::{
        FIRST_NORMAL_OID, Oid,
        code::{CastContext, Function},
    },
    lineage::GapKind,
    understand::{
        overload, parse,
        plpgsql::{self, Body, Declared, Piece, Purpose},
        review,
    },
};

/// What a body can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// No relation, no text that is run, nothing that is not understood.
    Nothing,
    Something,
}

impl<'a> Binder<'a> {
    /// Notes what a body can read, write and call.
    pub(super) fn open_plpgsql(&mut self, function: &Function) -> Reach {
        let Some(text) = function.body.as_deref() else { return Reach::Something };
        if self.open.contains(&function.oid) || self.open.len() >= MOST_OPEN {
            return Reach::Something;
        }
        let body = plpgsql::read(text, function);
        let path = match &function.search_path {
            Some(setting) => own_path(setting),
            None => Some(self.path.clone()),
        };
        // The caller says that the function is not understood.
        let Some(path) = path else { return Reach::Something };
        let mut inner = Binder::new(self.catalog, self.session, &path);
        inner.parameters = variables(&body);
        inner.function = &function.name;
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.open.clone_from(&self.open);
        inner.open.push(function.oid);
        inner.actors = self.actors.in_function(function.security_definer);
        let name = call::signature(self.catalog, function);
        inner.facts.gaps.extend(body.gaps.iter().cloned());
        let checked = body.variables.iter().any(
            |variable| matches!(&variable.of, Declared::Written(written) if self.may_be_checked(written)),
        );
        if checked {
            inner.gap(GapKind::OpaqueFunction, format!("the checks of a variable of {name}"));
        }
        for piece in &body.pieces {
            if let Err(failed) = inner.piece(piece, function, &name) {
                inner.gap(GapKind::OpaqueFunction, format!("{name}: {}", failed.what));
            }
        }
        let (steps, facts) = (inner.steps, inner.facts);
        self.steps = steps;
        let nothing = facts.relations.is_empty() && facts.gaps.is_empty() && facts.written.is_empty();
        self.take(facts);
        if nothing { Reach::Nothing } else { Reach::Something }
    }

    fn piece(&mut self, piece: &Piece, function: &Function, name: &str) -> Bound<()> {
        if piece.purpose == Purpose::Execute {
            self.gap(GapKind::DynamicSql, format!("{name} runs a text that it makes"));
        }
        let statements = parse::statements(&piece.text).map_err(|_| gap(GapKind::Syntax, "SQL in it"))?;
        for node in statements.iter().filter_map(|raw| raw.stmt.as_deref()?.node.as_ref()) {
            let facts = std::mem::take(&mut self.facts);
            // The tree lives no longer than this piece.
            let mut inner = Binder::new(self.catalog, self.session, self.path);
            inner.parameters.clone_from(&self.parameters);
            inner.function = self.function;
            inner.open.clone_from(&self.open);
            inner.actors = self.actors;
            (inner.depth, inner.steps, inner.facts) = (self.depth, self.steps, facts);
            let bound = inner.top(node).map(|result| {
                let columns = result.outputs.iter().flat_map(|(_, columns)| columns);
                let types: Vec<Oid> = columns.map(|column| column.flow.type_oid).collect();
                inner.taken_by(&types, piece.purpose, function);
            });
            let (steps, facts) = (inner.steps, inner.facts);
            (self.steps, self.facts) = (steps, facts);
            bound?;
        }
        Ok(())
    }
}

impl Binder<'_> {
    /// Variables take values of other types, and so does the function's own result: what converts them runs
    /// (`exec_cast_value`).
    fn taken_by(&mut self, types: &[Oid], purpose: Purpose, function: &Function) {
        let to = match purpose {
            Purpose::Run | Purpose::Execute => return,
            Purpose::Decide | Purpose::Tell => NO_TYPE,
            Purpose::Return if overload::is_polymorphic(function.result) || function.result == RECORD => {
                NO_TYPE
            }
            Purpose::Return => overload::base_type(self.catalog, function.result),
            Purpose::Assign | Purpose::Rows | Purpose::ReturnQuery | Purpose::Argument => NO_TYPE,
        };
        for from in types {
            // A text alone is one by then.
            let from = if *from == UNKNOWN { TEXT } else { overload::base_type(self.catalog, *from) };
            let mut all = vec![from];
            all.extend(self.parts(from));
            let casts = self.catalog.code.casts.iter();
            let may = casts.filter(|((own, into), cast)| {
                cast.context <= CastContext::Assignment
                    && (from == NO_TYPE || all.contains(own))
                    && (to == NO_TYPE || all.len() > 1 || *into == to)
            });
            let mut functions: Vec<Oid> = may.filter_map(|(_, cast)| cast.function).collect();
            functions.retain(|oid| self.is_unread(*oid));
            functions.sort_unstable();
            functions.into_iter().for_each(|oid| self.run(oid));
        }
    }

    /// Code of a user of which nobody has said what it does.
    fn is_unread(&self, function: Oid) -> bool {
        function.0 >= FIRST_NORMAL_OID
            && self
                .catalog
                .code
                .functions
                .get(&function)
                .is_none_or(|known| review::review(known).class.gap().is_some())
    }
}

/// Variables by name and the arguments by number, which come first.
fn variables(body: &Body) -> Vec<Parameter> {
    let variables = body.variables.iter();
    let parameters = variables.map(|variable| {
        let type_oid = match &variable.of {
            Declared::Known(oid) => *oid,
            Declared::Written(_) | Declared::Alias(_) => NO_TYPE,
        };
        Parameter { name: variable.name.as_str().into(), flow: Flow::constant(type_oid) }
    });
    parameters.collect()
}
