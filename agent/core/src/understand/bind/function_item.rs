//! Functions in FROM.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{FuncCall, List, Node, RangeFunction},
};

use super::{
    Binder, Bound,
    clause::figured_name,
    flow::{Flow, INT8, RECORD},
    gap,
    item::{Item, Named, Whole},
    scope::{Entry, Env, Level},
    set::Set,
};
use crate::{
    catalog::{
        Oid,
        code::{Name, TypeKind},
    },
    lineage::GapKind,
    understand::{overload, walk::texts},
};

/// What one function gives.
struct Given<'a> {
    columns: Vec<Named<'a>>,
    /// It gives plain values, not rows.
    scalar: bool,
    row_type: Oid,
}

impl<'a> Binder<'a> {
    pub(super) fn range_function(
        &mut self,
        function: &'a RangeFunction,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Item<'a>> {
        let RangeFunction { lateral: _, ordinality, is_rowsfrom: _, functions, alias, coldeflist } = function;
        // A function in FROM sees what stands before it, with LATERAL or without.
        let level = Level::of(before.to_vec(), env.level);
        let here = Env { level: Some(&level), ..env };
        let mut columns = Vec::new();
        let mut scalar = functions.len() == 1 && !ordinality;
        let mut row_type = RECORD;
        let mut name = Cow::Borrowed("");
        for node in functions {
            let Some(NodeEnum::List(List { items })) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a function in FROM"));
            };
            let Some(call) = items.first() else {
                return Err(gap(GapKind::NotReviewed, "a function in FROM"));
            };
            if name.is_empty() {
                name = figured_name(call);
            }
            let own = match items.get(1).and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::List(List { items })) => items.as_slice(),
                _ => coldeflist.as_slice(),
            };
            let only = (functions.len() == 1).then_some(alias.as_ref()).flatten();
            let alias = only.map(|alias| alias.aliasname.as_str());
            let outside = self.facts.multiplying.take();
            let all = self.given(call, own, alias, here, indirect)?;
            let multiplying = std::mem::replace(&mut self.facts.multiplying, outside);
            indirect.add(&multiplying.unwrap_or_default());
            for given in all {
                scalar &= given.scalar;
                row_type = given.row_type;
                columns.extend(given.columns);
            }
        }
        if *ordinality {
            columns.push(Named { name: Cow::Borrowed("ordinality"), flow: Flow::constant(INT8) });
        }
        let mut item = Item::derived(name, Rc::new(columns));
        if scalar {
            item.whole = Whole::Value;
        }
        if functions.len() == 1 && !ordinality {
            item.row_type = row_type;
        }
        Ok(super::from::named(alias.as_ref(), item))
    }

    fn given(
        &mut self,
        node: &'a Node,
        definitions: &'a [Node],
        alias: Option<&'a str>,
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Given<'a>>> {
        let name = figured_name(node);
        let Some(NodeEnum::FuncCall(call)) = &node.node else {
            let flow = self.expression(node, here)?;
            return Ok(vec![self.scalar(&name, alias, flow)]);
        };
        if is_unnest_of_several(call) {
            return self.unnest(call, here, indirect);
        }
        let called = self.called(call, here)?;
        let flow = called.flow;
        if !definitions.is_empty() {
            return Ok(vec![self.defined(definitions, &flow)?]);
        }
        if called.outputs.len() > 1 {
            return Ok(vec![outputs(&called.outputs, &flow)]);
        }
        if let Ok(fields) = self.row_fields(&flow) {
            let columns = fields.iter().map(|field| {
                let flow = nobodys(field.flow.clone());
                Named { name: Cow::Owned(field.name.to_string()), flow }
            });
            return Ok(vec![Given { columns: columns.collect(), scalar: false, row_type: flow.type_oid }]);
        }
        let own = called.outputs.first().map(|(name, _)| name.to_string()).filter(|name| !name.is_empty());
        let mut given = self.scalar(&name, alias, flow);
        if let (Some(own), Some(column)) = (own, given.columns.first_mut()) {
            column.name = Cow::Owned(own);
        }
        Ok(vec![given])
    }

    /// The fields of a composite result.
    fn row_fields(&mut self, flow: &Flow) -> Bound<Arc<Vec<super::flow::Field>>> {
        let base = overload::base_type(self.catalog, flow.type_oid);
        match self.catalog.code.types.get(&base).map(|found| found.kind) {
            Some(TypeKind::Composite(relation)) => {
                let columns = self.catalog.relation(relation).map_or(0, |found| found.columns.len());
                // A body may have given other fields than the type has.
                let known = flow.fields.as_ref().is_some_and(|fields| fields.len() == columns);
                let row = if known { flow.clone() } else { Flow { fields: None, ..flow.clone() } };
                let names = self.fields(&Flow { fields: None, ..row.clone() })?;
                let Some(own) = row.fields.filter(|_| known) else { return Ok(names) };
                let fields = own.iter().zip(names.iter()).map(|(own, named)| super::flow::Field {
                    name: Arc::clone(&named.name),
                    flow: Flow {
                        type_oid: named.flow.type_oid,
                        modifier: named.flow.modifier,
                        ..own.flow.clone()
                    },
                });
                Ok(Arc::new(fields.collect()))
            }
            _ => Err(gap(GapKind::UnknownObject, "a row of an unknown type")),
        }
    }

    fn scalar(&self, name: &str, alias: Option<&'a str>, flow: Flow) -> Given<'a> {
        let name = alias.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed);
        Given { columns: vec![Named { name, flow: nobodys(flow) }], scalar: true, row_type: RECORD }
    }

    /// `AS t(a int, b text)`
    fn defined(&mut self, definitions: &'a [Node], flow: &Flow) -> Bound<Given<'a>> {
        let fields = flow.fields.as_ref().filter(|fields| fields.len() == definitions.len());
        let mut columns = Vec::with_capacity(definitions.len());
        for (place, node) in definitions.iter().enumerate() {
            let (name, type_oid, modifier) = self.column_definition(node)?;
            let own = fields.and_then(|fields| fields.get(place)).map(|field| field.flow.clone());
            let own = own.unwrap_or_else(|| flow.clone()).computed(type_oid);
            let own = nobodys(own).with_modifier(modifier);
            columns.push(Named { name: Cow::Borrowed(name), flow: own });
        }
        Ok(Given { columns, scalar: false, row_type: RECORD })
    }

    /// `unnest(a, b)` is as many calls, side by side.
    fn unnest(&mut self, call: &'a FuncCall, here: Env<'_, 'a>, indirect: &mut Set) -> Bound<Vec<Given<'a>>> {
        let mut given = Vec::with_capacity(call.args.len());
        for node in &call.args {
            let flow = self.expression(node, here)?;
            let type_oid = overload::element_type(self.catalog, flow.type_oid).unwrap_or(Oid(0));
            let array = flow.type_oid;
            self.note_function("unnest", array);
            indirect.add(&flow.direct);
            indirect.add(&flow.indirect);
            given.push(self.scalar("unnest", None, flow.computed(type_oid)));
        }
        Ok(given)
    }

    fn note_function(&mut self, name: &str, argument: Oid) {
        let arguments = [argument];
        let names = ["pg_catalog", name];
        let call = overload::Call {
            name: &names,
            arguments: &arguments,
            names: &[],
            variadic: false,
            star: false,
            within_group: None,
        };
        if let Ok(chosen) = overload::function(self.catalog, self.path, &call) {
            self.facts.functions.insert(chosen.function);
        }
    }
}

fn is_unnest_of_several(call: &FuncCall) -> bool {
    call.args.len() > 1 && matches!(texts(&call.funcname).as_slice(), ["unnest"] | ["pg_catalog", "unnest"])
}

/// A function's value is nobody's column.
fn nobodys(flow: Flow) -> Flow {
    Flow { identity: None, ..flow }
}

/// OUT and TABLE columns.
fn outputs<'a>(outputs: &[(Name, Oid)], flow: &Flow) -> Given<'a> {
    let fields = flow.fields.as_ref().filter(|fields| fields.len() == outputs.len());
    let columns = outputs.iter().enumerate().map(|(place, (name, type_oid))| {
        let own = fields.and_then(|fields| fields.get(place)).map(|field| field.flow.clone());
        let own = own.unwrap_or_else(|| flow.clone()).computed(*type_oid);
        let name = if name.is_empty() { format!("column{}", place + 1) } else { name.to_string() };
        Named { name: Cow::Owned(name), flow: nobodys(own) }
    });
    Given { columns: columns.collect(), scalar: false, row_type: RECORD }
}
