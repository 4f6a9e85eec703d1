//! Arguments that no column of the statement says: defaults of functions, and what EXECUTE is given.

use pg_query::protobuf::Node;

use super::{Binder, Bound, call, flow::Flow, printed::Sight, scope::Env};
use crate::{
    catalog::{FIRST_NORMAL_OID, Oid, code::Function},
    lineage::{GapKind, Lineage},
    understand::overload::Chosen,
};

impl<'a> Binder<'a> {
    /// Adds the defaults of arguments that a call leaves out.
    pub(super) fn with_defaults(
        &mut self,
        function: &Function,
        chosen: &Chosen,
        flows: &mut Vec<Flow>,
    ) -> Bound<Chosen> {
        let mut chosen = chosen.clone();
        let (count, given) = (function.arguments.len(), flows.len());
        if chosen.mapping.is_empty() {
            chosen.mapping = (0..count).map(|place| (place < given).then_some(place)).collect();
        }
        let name = call::signature(self.catalog, function);
        let Some(list) = self.catalog.code.argument_defaults.get(&function.oid) else {
            self.gap(GapKind::OpaqueFunction, format!("defaults of {name}"));
            return Ok(chosen);
        };
        let defaults = self.printed(list, Sight::default(), &name)?;
        let first = count.saturating_sub(defaults.len());
        for (place, given) in chosen.mapping.iter_mut().enumerate().filter(|(_, given)| given.is_none()) {
            if let Some(flow) = place.checked_sub(first).and_then(|place| defaults.get(place)) {
                *given = Some(flows.len());
                flows.push(Flow { identity: None, fields: None, ..flow.clone() });
            }
        }
        Ok(chosen)
    }

    /// What EXECUTE computes for the parameters of what it runs.
    pub(super) fn execute_arguments(&mut self, arguments: &'a [Node]) -> Bound<Flow> {
        let mut all = Flow::default();
        for node in arguments {
            let mut flow = self.expression(node, Env::default())?;
            self.used(&mut flow);
            if flow.type_oid.0 >= FIRST_NORMAL_OID {
                self.gap(GapKind::OpaqueFunction, "what makes an argument of EXECUTE its parameter");
            }
            all.mix(&flow);
        }
        Ok(all)
    }

    /// What a prepared statement gives may hold any of its arguments.
    pub(super) fn give_arguments(&mut self, arguments: &Flow, known: &mut Lineage) {
        if arguments.direct.is_empty() && arguments.indirect.is_empty() {
            return;
        }
        self.gap(GapKind::Session, "where the arguments of EXECUTE go");
        for column in known.outputs.iter_mut().flat_map(|output| &mut output.columns) {
            column.direct.extend(arguments.direct.iter());
            column.identity = None;
        }
        known.indirect.extend(arguments.direct.iter().chain(arguments.indirect.iter()));
    }

    /// A parameter of this type may be made by a function, whenever the statement is run.
    pub(super) fn parameter_of(&mut self, type_oid: Oid) {
        self.made_unseen(type_oid);
        let casts = &self.catalog.code.casts;
        let made =
            |cast: &crate::catalog::code::Cast| cast.function.is_some_and(|oid| oid.0 >= FIRST_NORMAL_OID);
        if casts.iter().any(|((_, to), cast)| *to == type_oid && made(cast)) {
            self.gap(GapKind::OpaqueFunction, "what makes an argument of EXECUTE its parameter");
        }
    }
}

/// Whether a call of a user's function leaves arguments out.
pub(super) fn leaves_out(function: &Function, chosen: &Chosen, given: usize) -> bool {
    if function.oid.0 < FIRST_NORMAL_OID || function.defaults == 0 {
        return false;
    }
    match chosen.mapping.as_slice() {
        [] => chosen.gathered == 0 && given < function.arguments.len(),
        mapping => mapping.iter().any(Option::is_none),
    }
}
