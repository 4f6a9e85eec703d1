//! Bodies in PL/pgSQL: each piece of SQL in them is bound for what it can reach. What the function gives is
//! known only of one that reaches nothing: it is made of the arguments.

use super::{
    Binder, Bound, Parameter,
    body::{MOST_OPEN, own_path},
    call,
    flow::{Flow, NO_TYPE},
    gap,
};
use crate::{
    catalog::code::Function,
    lineage::GapKind,
    understand::{
        parse,
        plpgsql::{self, Body, Declared, Piece, Purpose},
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
            if let Err(failed) = inner.piece(piece, &name) {
                inner.gap(GapKind::OpaqueFunction, format!("{name}: {}", failed.what));
            }
        }
        let (steps, facts) = (inner.steps, inner.facts);
        self.steps = steps;
        let nothing = facts.relations.is_empty() && facts.gaps.is_empty() && facts.written.is_empty();
        self.take(facts);
        if nothing { Reach::Nothing } else { Reach::Something }
    }

    fn piece(&mut self, piece: &Piece, name: &str) -> Bound<()> {
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
            let bound = inner.top(node).map(|_rows| ());
            let (steps, facts) = (inner.steps, inner.facts);
            (self.steps, self.facts) = (steps, facts);
            bound?;
        }
        Ok(())
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
