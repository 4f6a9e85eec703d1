//! SQL/JSON: constructors, tests and query functions.

use pg_query::{
    NodeEnum,
    protobuf::{
        JsonAggConstructor, JsonArgument, JsonArrayAgg, JsonArrayConstructor, JsonArrayQueryConstructor,
        JsonBehavior, JsonExprOp, JsonFuncExpr, JsonIsPredicate, JsonKeyValue, JsonObjectAgg,
        JsonObjectConstructor, JsonOutput, JsonParseExpr, JsonScalarExpr, JsonSerializeExpr, JsonValueExpr,
        Node,
    },
};

use super::{
    Binder, Bound,
    flow::{BOOL, Flow, NO_TYPE, TEXT},
    gap,
    scope::Env,
};
use crate::{catalog::Oid, lineage::GapKind};

const JSON: Oid = Oid(114);
const JSONB: Oid = Oid(3802);

/// Name of an output that is such an expression.
pub(super) fn name(node: &NodeEnum) -> Option<&'static str> {
    Some(match node {
        NodeEnum::JsonParseExpr(_) => "json",
        NodeEnum::JsonScalarExpr(_) => "json_scalar",
        NodeEnum::JsonSerializeExpr(_) => "json_serialize",
        NodeEnum::JsonObjectConstructor(_) => "json_object",
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => "json_array",
        NodeEnum::JsonObjectAgg(_) => "json_objectagg",
        NodeEnum::JsonArrayAgg(_) => "json_arrayagg",
        NodeEnum::JsonFuncExpr(function) => match JsonExprOp::try_from(function.op).ok()? {
            JsonExprOp::JsonExistsOp => "json_exists",
            JsonExprOp::JsonQueryOp => "json_query",
            JsonExprOp::JsonValueOp => "json_value",
            _ => return None,
        },
        _ => return None,
    })
}

impl<'a> Binder<'a> {
    pub(super) fn json_expression(&mut self, node: &'a NodeEnum, here: Env<'_, 'a>) -> Bound<Flow> {
        match node {
            NodeEnum::JsonObjectConstructor(constructor) => {
                self.since(160_000, "JSON_OBJECT")?;
                let JsonObjectConstructor { exprs, output, absent_on_null: _, unique: _, location: _ } =
                    constructor;
                let flow = self.key_values(exprs, here)?;
                self.json_output(flow, output.as_ref(), JSON)
            }
            NodeEnum::JsonArrayConstructor(constructor) => {
                self.since(160_000, "JSON_ARRAY")?;
                let JsonArrayConstructor { exprs, output, absent_on_null: _, location: _ } = constructor;
                let flow = self.json_values(exprs, here)?;
                self.json_output(flow, output.as_ref(), JSON)
            }
            NodeEnum::JsonArrayQueryConstructor(constructor) => {
                self.since(160_000, "JSON_ARRAY")?;
                let JsonArrayQueryConstructor { query, output, format: _, absent_on_null: _, location: _ } =
                    &**constructor;
                let Some(query) = query.as_deref() else {
                    return Err(gap(GapKind::NotReviewed, "an empty subquery"));
                };
                let mut rows = self.query(query, here)?;
                self.use_all(&mut rows);
                let flow = super::sublink::as_row(rows);
                self.json_output(flow, output.as_ref(), JSON)
            }
            NodeEnum::JsonObjectAgg(aggregate) => {
                self.since(160_000, "JSON_OBJECTAGG")?;
                let JsonObjectAgg { constructor, arg, absent_on_null, unique } = &**aggregate;
                let flow = match arg.as_deref() {
                    Some(pair) => self.key_value(pair, here)?,
                    None => Flow::default(),
                };
                let name = match (unique, absent_on_null) {
                    (true, true) => "_object_agg_unique_strict",
                    (true, false) => "_object_agg_unique",
                    (false, true) => "_object_agg_strict",
                    (false, false) => "_object_agg",
                };
                self.json_aggregate(constructor.as_deref(), name, flow, here)
            }
            NodeEnum::JsonArrayAgg(aggregate) => {
                self.since(160_000, "JSON_ARRAYAGG")?;
                let JsonArrayAgg { constructor, arg, absent_on_null } = &**aggregate;
                let flow = match arg.as_deref() {
                    Some(value) => self.json_value(value, here)?,
                    None => Flow::default(),
                };
                let name = if *absent_on_null { "_agg_strict" } else { "_agg" };
                self.json_aggregate(constructor.as_deref(), name, flow, here)
            }
            other => self.json_function(other, here),
        }
    }

    fn json_function(&mut self, node: &'a NodeEnum, here: Env<'_, 'a>) -> Bound<Flow> {
        match node {
            NodeEnum::JsonIsPredicate(test) => {
                self.since(160_000, "IS JSON")?;
                let JsonIsPredicate { expr, format: _, item_type: _, unique_keys: _, location: _ } = &**test;
                Ok(self.optional(expr.as_deref(), here)?.computed(BOOL))
            }
            NodeEnum::JsonParseExpr(parse) => {
                self.since(170_000, "JSON()")?;
                let JsonParseExpr { expr, output, unique_keys: _, location: _ } = &**parse;
                let flow = self.json_optional(expr.as_deref(), here)?;
                self.json_output(flow, output.as_ref(), JSON)
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                self.since(170_000, "JSON_SCALAR")?;
                let JsonScalarExpr { expr, output, location: _ } = &**scalar;
                let flow = self.optional(expr.as_deref(), here)?;
                self.json_output(flow, output.as_ref(), JSON)
            }
            NodeEnum::JsonSerializeExpr(serialize) => {
                self.since(170_000, "JSON_SERIALIZE")?;
                let JsonSerializeExpr { expr, output, location: _ } = &**serialize;
                let flow = self.json_optional(expr.as_deref(), here)?;
                self.json_output(flow, output.as_ref(), TEXT)
            }
            NodeEnum::JsonFuncExpr(function) => {
                self.since(170_000, "a function of SQL/JSON")?;
                self.json_query(function, here)
            }
            _ => Err(gap(GapKind::NotReviewed, "an expression of an unknown kind")),
        }
    }

    /// JSON_VALUE, JSON_QUERY, JSON_EXISTS
    fn json_query(&mut self, function: &'a JsonFuncExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let JsonFuncExpr { op, context_item, pathspec, passing, output, on_empty, on_error, .. } = function;
        let mut flow = self.json_optional(context_item.as_deref(), here)?;
        if let Some(path) = pathspec.as_deref() {
            let path = self.expression(path, here)?;
            flow.mix(&path);
        }
        let passed = self.json_arguments(passing, here)?;
        flow.mix(&passed);
        for behavior in [on_empty, on_error] {
            let part = self.json_behavior(behavior.as_deref(), here)?;
            flow.mix(&part);
        }
        let otherwise = match JsonExprOp::try_from(*op) {
            Ok(JsonExprOp::JsonExistsOp) => BOOL,
            Ok(JsonExprOp::JsonValueOp) => TEXT,
            _ => JSONB,
        };
        self.json_output(flow, output.as_ref(), otherwise)
    }

    pub(super) fn json_behavior(
        &mut self,
        behavior: Option<&'a JsonBehavior>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        match behavior.and_then(|behavior| behavior.expr.as_deref()) {
            Some(node) => self.expression(node, here),
            None => Ok(Flow::default()),
        }
    }

    pub(super) fn json_arguments(&mut self, passing: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = Flow::default();
        for node in passing {
            let Some(NodeEnum::JsonArgument(argument)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "PASSING"));
            };
            let JsonArgument { val, name: _ } = &**argument;
            let value = self.json_optional(val.as_deref(), here)?;
            flow.mix(&value);
        }
        Ok(flow)
    }

    pub(super) fn json_value(&mut self, value: &'a JsonValueExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let JsonValueExpr { raw_expr, formatted_expr: _, format: _ } = value;
        self.optional(raw_expr.as_deref(), here)
    }

    fn json_optional(&mut self, value: Option<&'a JsonValueExpr>, here: Env<'_, 'a>) -> Bound<Flow> {
        value.map_or_else(|| Ok(Flow::default()), |value| self.json_value(value, here))
    }

    fn json_values(&mut self, nodes: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = Flow::default();
        for node in nodes {
            let next = match &node.node {
                Some(NodeEnum::JsonValueExpr(value)) => self.json_value(value, here)?,
                _ => self.expression(node, here)?,
            };
            flow.mix(&next);
        }
        Ok(flow)
    }

    fn key_values(&mut self, nodes: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = Flow::default();
        for node in nodes {
            let Some(NodeEnum::JsonKeyValue(pair)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a pair of JSON_OBJECT"));
            };
            let next = self.key_value(pair, here)?;
            flow.mix(&next);
        }
        Ok(flow)
    }

    fn key_value(&mut self, pair: &'a JsonKeyValue, here: Env<'_, 'a>) -> Bound<Flow> {
        let JsonKeyValue { key, value } = pair;
        let mut flow = self.optional(key.as_deref(), here)?;
        let value = self.json_optional(value.as_deref(), here)?;
        flow.mix(&value);
        Ok(flow)
    }

    /// `name` is that of the aggregate behind it, without its first word, which is the type.
    fn json_aggregate(
        &mut self,
        constructor: Option<&'a JsonAggConstructor>,
        name: &str,
        mut flow: Flow,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(constructor) = constructor else { return Ok(flow.computed(JSON)) };
        let JsonAggConstructor { output, agg_filter, agg_order, over, location: _ } = constructor;
        if let Some(filter) = agg_filter.as_deref() {
            let filter = self.expression(filter, here)?;
            flow.depend(&filter);
        }
        for node in agg_order {
            let key = self.sort_key(node, here)?;
            flow.depend(&key);
        }
        if let Some(window) = over.as_deref() {
            self.over(window, here, &mut flow)?;
        }
        let flow = self.json_output(flow, output.as_ref(), JSON)?;
        let kind = if flow.type_oid == JSONB { "jsonb" } else { "json" };
        self.run_builtin(&format!("{kind}{name}"));
        Ok(flow)
    }

    /// The only function of that name that the server has by itself.
    pub(super) fn run_builtin(&mut self, name: &str) {
        let code = &self.catalog.code;
        let own = code.functions_by_name.get(name).into_iter().flatten().copied();
        let found = own.filter_map(|oid| code.functions.get(&oid)).find(|one| &*one.schema == "pg_catalog");
        match found.map(|function| function.oid) {
            Some(function) => self.run(function),
            None => self.gap(GapKind::UnknownObject, format!("the function pg_catalog.{name}")),
        }
    }

    fn json_output(&mut self, flow: Flow, output: Option<&JsonOutput>, otherwise: Oid) -> Bound<Flow> {
        let named = match output.and_then(|output| output.type_name.as_ref()) {
            Some(name) => self.type_name(Some(name))?,
            None => NO_TYPE,
        };
        Ok(flow.computed(if named == NO_TYPE { otherwise } else { named }))
    }
}
