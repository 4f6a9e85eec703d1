//! Function calls: which function it is, and what its value comes from.

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{FuncCall, Node},
};

use super::{
    Binder, Bound, arguments,
    flow::{Field, Flow, NO_TYPE, UNKNOWN},
    gap,
    procedure::Reach,
    scope::Env,
};
use crate::{
    catalog::{
        FIRST_NORMAL_OID, Oid,
        code::{CastContext, Function, Language, Name},
    },
    lineage::GapKind,
    understand::{
        functions,
        overload::{self, Call, Chosen, Failure},
        review::{self, Class},
        walk::texts,
    },
};

/// A function's value, and its columns where it gives rows.
pub(super) struct Called {
    pub(super) flow: Flow,
    /// Names and types of its OUT and TABLE columns.
    pub(super) outputs: Vec<(Name, Oid)>,
}

impl Called {
    /// As a value: a row if there are several columns, each by the name that the function gives it.
    fn into_value(self) -> Flow {
        let Self { mut flow, outputs } = self;
        if outputs.len() < 2 {
            return flow;
        }
        let known = flow.fields.take().filter(|fields| fields.len() == outputs.len());
        let fields = outputs.into_iter().enumerate().map(|(place, (name, type_oid))| {
            let own = known.as_ref().and_then(|fields| fields.get(place)).map(|field| &field.flow);
            let name =
                if name.is_empty() { Arc::from(format!("column{}", place + 1)) } else { Arc::from(&*name) };
            Field { name, flow: own.unwrap_or(&flow).clone().computed(type_oid) }
        });
        let fields = fields.collect();
        Flow { fields: Some(Arc::new(fields)), ..flow }
    }
}

impl<'a> Binder<'a> {
    pub(super) fn call(&mut self, call: &'a FuncCall, here: Env<'_, 'a>) -> Bound<Flow> {
        self.called(call, here).map(Called::into_value)
    }

    pub(super) fn called(&mut self, call: &'a FuncCall, here: Env<'_, 'a>) -> Bound<Called> {
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group,
            agg_star,
            agg_distinct,
            func_variadic,
            funcformat: _,
            location: _,
        } = call;
        let mut flows = Vec::with_capacity(args.len());
        let mut names = Vec::new();
        for (place, node) in args.iter().enumerate() {
            if let Some(NodeEnum::NamedArgExpr(named)) = &node.node {
                names.resize(place, None);
                names.push(Some(named.name.as_str()));
            }
            flows.push(self.expression(node, here)?);
        }
        if !names.is_empty() {
            names.resize(flows.len(), None);
        }
        let mut decides = Flow::default();
        if *agg_distinct {
            flows.iter().for_each(|argument| decides.depend(argument));
        }
        let ordered = self.ordered(agg_order, *agg_within_group, here, &mut flows, &mut decides)?;
        if let Some(filter) = agg_filter.as_deref() {
            let filter = self.expression(filter, here)?;
            decides.depend(&filter);
        }
        if let Some(window) = over.as_deref() {
            self.over(window, here, &mut decides)?;
        }
        let arguments: Vec<Oid> = flows.iter().map(|flow| flow.type_oid).collect();
        let name = functions::as_read(texts(funcname), self.catalog);
        let asked = Call {
            name: &name,
            arguments: &arguments,
            names: &names,
            variadic: *func_variadic,
            star: *agg_star,
            within_group: ordered,
        };
        let mut called = self.choose(&asked, flows)?;
        called.flow.indirect.add(&decides.indirect);
        Ok(called)
    }

    /// ORDER BY of an aggregate decides; after WITHIN GROUP its expressions are also arguments.
    fn ordered(
        &mut self,
        order: &'a [Node],
        within_group: bool,
        here: Env<'_, 'a>,
        flows: &mut Vec<Flow>,
        decides: &mut Flow,
    ) -> Bound<Option<usize>> {
        for node in order {
            let key = self.sort_key(node, here)?;
            decides.depend(&key);
            if within_group {
                flows.push(key);
            }
        }
        Ok(within_group.then_some(order.len()))
    }

    /// Looks the function up and applies it.
    fn choose(&mut self, call: &Call<'_>, flows: Vec<Flow>) -> Bound<Called> {
        match overload::function(self.catalog, self.path, call) {
            Ok(chosen) => self.apply(&chosen, flows),
            Err(failure) => self.not_chosen(call, flows, &failure),
        }
    }

    /// It may be a field in the notation of a function, or no function that is known here.
    fn not_chosen(&mut self, call: &Call<'_>, flows: Vec<Flow>, failure: &Failure) -> Bound<Called> {
        if let ([name], [row]) = (call.name, flows.as_slice())
            && matches!(failure, Failure::Missing)
            && let Ok(fields) = self.fields(row)
            && let Some(field) = fields.iter().find(|field| *field.name == **name)
        {
            return Ok(Called { flow: field.flow.clone(), outputs: Vec::new() });
        }
        let mut flow = Flow::constant(NO_TYPE);
        flows.iter().for_each(|argument| flow.mix(argument));
        if !(matches!(failure, Failure::Unknown) && self.only_plain_builtins(call.name)) {
            self.gap(GapKind::Ambiguous, format!("which function {} is meant", call.name.join(".")));
        }
        Ok(Called { flow, outputs: Vec::new() })
    }

    fn only_plain_builtins(&self, name: &[&str]) -> bool {
        let Some(name) = name.last() else { return false };
        let code = &self.catalog.code;
        let mut candidates = code.functions_by_name.get(*name).into_iter().flatten();
        candidates.all(|oid| {
            code.functions.get(oid).is_some_and(|found| review::review(found).class == Class::Arguments)
        })
    }

    fn apply(&mut self, chosen: &Chosen, mut flows: Vec<Flow>) -> Bound<Called> {
        chosen.coercions.iter().for_each(|function| self.run(*function));
        if chosen.is_cast {
            let flow = flows.into_iter().next().unwrap_or_default();
            return Ok(Called { flow: flow.computed(chosen.result), outputs: Vec::new() });
        }
        let catalog = self.catalog;
        let extended;
        let chosen = match catalog.code.functions.get(&chosen.function) {
            Some(function) if arguments::leaves_out(function, chosen, flows.len()) => {
                extended = self.with_defaults(function, chosen, &mut flows)?;
                &extended
            }
            _ => chosen,
        };
        let mut mixed = Flow::constant(chosen.result);
        flows.iter().for_each(|argument| mixed.mix(argument));
        let outputs = chosen.outputs.clone();
        let Some(function) = catalog.code.functions.get(&chosen.function) else {
            return Ok(Called { flow: mixed, outputs });
        };
        self.facts.functions.insert(function.oid);
        self.given_domains(function, chosen, &flows)?;
        if let Some(target) = review::casts_arguments(function) {
            let own = flows.iter().map(|flow| flow.type_oid).filter(|oid| oid.0 >= FIRST_NORMAL_OID);
            let own: Vec<Oid> = own.collect();
            own.into_iter().for_each(|from| self.convert(from, target, CastContext::Explicit));
        }
        if is_open(function) {
            let flow = self.open_function(function, chosen, flows)?.unwrap_or(mixed);
            if chosen.returns_set {
                self.facts.multiplying.get_or_insert_default().add(&flow.indirect);
            }
            let flow = with_outputs(flow, &outputs);
            return Ok(Called { flow, outputs });
        }
        self.review(function);
        if chosen.returns_set {
            let multiplying = self.facts.multiplying.get_or_insert_default();
            multiplying.add(&mixed.direct);
            multiplying.add(&mixed.indirect);
        }
        let flow = with_outputs(mixed, &outputs);
        Ok(Called { flow, outputs })
    }

    /// Checks of domains that arguments and the value are made of.
    fn given_domains(&mut self, function: &Function, chosen: &Chosen, flows: &[Flow]) -> Bound<()> {
        if self.catalog.code.domains.is_empty() {
            return Ok(());
        }
        for (place, type_oid) in function.arguments.iter().enumerate() {
            let given = chosen.mapping.get(place).copied().unwrap_or(Some(place));
            let flow = given.and_then(|given| flows.get(given));
            if let Some(flow) = flow.filter(|flow| flow.type_oid != *type_oid) {
                self.domain_checks(*type_oid, flow)?;
            }
        }
        let outputs = chosen.outputs.iter().map(|(_, type_oid)| *type_oid);
        for type_oid in outputs.chain([chosen.result]) {
            if function.oid.0 >= FIRST_NORMAL_OID || type_oid.0 >= FIRST_NORMAL_OID {
                self.made_unseen(type_oid);
            }
        }
        Ok(())
    }

    /// A function that runs behind an operator or a conversion.
    pub(super) fn run(&mut self, function: Oid) {
        self.facts.functions.insert(function);
        let catalog = self.catalog;
        match catalog.code.functions.get(&function) {
            Some(function) if is_open(function) => {
                self.run_sql_function(function);
            }
            Some(function) => self.review(function),
            None => self.gap(GapKind::UnknownObject, format!("the function with OID {}", function.0)),
        }
    }

    /// What is not known of a function's value from its arguments.
    fn review(&mut self, function: &Function) {
        let Some(kind) = review::review(function).class.gap() else { return };
        if kind == GapKind::OpaqueFunction
            && function.language == Language::PlPgSql
            && self.open_plpgsql(function) == Reach::Nothing
        {
            return;
        }
        let what = signature(self.catalog, function);
        self.gap(kind, what);
    }

    /// `row.name` or `(row).name` where there is no such field.
    pub(super) fn function_of_row(&mut self, name: &str, row: Flow) -> Bound<Flow> {
        self.facts.reads.add(&row.direct);
        let arguments = [row.type_oid];
        let names = [name];
        let call = Call {
            name: &names,
            arguments: &arguments,
            names: &[],
            variadic: false,
            star: false,
            within_group: None,
        };
        if row.type_oid == UNKNOWN {
            return Err(gap(GapKind::UnknownObject, format!("the column {name} is not known")));
        }
        match overload::function(self.catalog, self.path, &call) {
            Ok(chosen) => self.apply(&chosen, vec![row]).map(|called| called.flow),
            Err(_) => Err(gap(GapKind::UnknownObject, format!("the column {name} is not known"))),
        }
    }
}

/// A row of OUT columns has their names and types, wherever the call stands.
fn with_outputs(row: Flow, outputs: &[(Name, Oid)]) -> Flow {
    if outputs.len() < 2 {
        return row;
    }
    let known = row.fields.as_ref().filter(|fields| fields.len() == outputs.len());
    let whole = || Flow { fields: None, identity: None, ..row.clone() };
    let fields = outputs.iter().enumerate().map(|(place, (name, type_oid))| {
        let own = known.and_then(|fields| fields.get(place)).map_or_else(whole, |field| field.flow.clone());
        let name = if name.is_empty() { format!("column{}", place + 1).into() } else { Arc::clone(name) };
        Field { name, flow: own.computed(*type_oid) }
    });
    let fields = Some(Arc::new(fields.collect()));
    Flow { fields, ..row }
}

/// Whether its body in SQL says what it does.
fn is_open(function: &Function) -> bool {
    function.language == Language::Sql && review::review(function).class == Class::Unknown
}

/// `schema.name(argument types)`
pub(super) fn signature(catalog: &crate::catalog::Catalog, function: &Function) -> String {
    let types: Vec<&str> = function
        .arguments
        .iter()
        .map(|oid| catalog.code.types.get(oid).map_or("?", |found| &*found.name))
        .collect();
    format!("{}.{}({})", function.schema, function.name, types.join(", "))
}
