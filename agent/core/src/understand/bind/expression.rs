//! Expressions: what a value comes from.

use pg_query::{
    NodeEnum,
    protobuf::{
        AArrayExpr, AConst, BoolExpr, BooleanTest, CaseExpr, CaseWhen, CoalesceExpr, CollateClause,
        CurrentOfExpr, GroupingFunc, List, MinMaxExpr, NamedArgExpr, Node, NullTest, ParamRef,
        SqlValueFunction, SqlValueFunctionOp, XmlExpr, XmlSerialize, a_const::Val,
    },
};

use super::{
    Binder, Bound,
    flow::{BIT, BOOL, Flow, INT4, INT8, NO_TYPE, NUMERIC, TEXT, UNKNOWN},
    gap,
    scope::Env,
    types::common_modifier,
};
use crate::{
    catalog::{Modifier, Oid, code::CastContext},
    lineage::GapKind,
};

const XML: Oid = Oid(142);

impl<'a> Binder<'a> {
    pub(super) fn expression(&mut self, node: &'a Node, here: Env<'_, 'a>) -> Bound<Flow> {
        self.deeper(|binder| {
            binder.step(1)?;
            let Some(node) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an empty expression"));
            };
            let outside = binder.facts.behind.take();
            let mut flow = binder.value(node, here)?;
            binder.settle(&mut flow);
            binder.facts.behind = outside;
            Ok(flow)
        })
    }

    fn value(&mut self, node: &'a NodeEnum, here: Env<'_, 'a>) -> Bound<Flow> {
        match node {
            NodeEnum::ColumnRef(column) => self.column(column, here),
            NodeEnum::AConst(constant) => Ok(constant_flow(constant)),
            NodeEnum::ParamRef(ParamRef { number, location: _ }) => Ok(self.parameter_at(*number)),
            NodeEnum::AExpr(expression) => self.operator(expression, here),
            NodeEnum::BoolExpr(expression) => {
                let BoolExpr { xpr: _, boolop: _, args, location: _ } = &**expression;
                Ok(self.all(args, here)?.computed(BOOL))
            }
            NodeEnum::NullTest(test) => {
                let NullTest { xpr: _, arg, nulltesttype: _, argisrow: _, location: _ } = &**test;
                Ok(self.optional(arg.as_deref(), here)?.computed(BOOL))
            }
            NodeEnum::BooleanTest(test) => {
                let BooleanTest { xpr: _, arg, booltesttype: _, location: _ } = &**test;
                Ok(self.optional(arg.as_deref(), here)?.computed(BOOL))
            }
            NodeEnum::FuncCall(call) => self.call(call, here),
            NodeEnum::SubLink(link) => self.sublink(link, here),
            NodeEnum::TypeCast(cast) => self.cast(cast, here),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection, here),
            NodeEnum::CaseExpr(case) => self.case(case, here),
            NodeEnum::CoalesceExpr(coalesce) => {
                let CoalesceExpr { xpr: _, coalescetype: _, coalescecollid: _, args, location: _ } =
                    &**coalesce;
                self.first_of(args, here)
            }
            NodeEnum::MinMaxExpr(extreme) => {
                let MinMaxExpr {
                    xpr: _,
                    minmaxtype: _,
                    minmaxcollid: _,
                    inputcollid: _,
                    op: _,
                    args,
                    location: _,
                } = &**extreme;
                self.one_of(args, here)
            }
            other => self.less_common(other, here),
        }
    }

    fn less_common(&mut self, node: &'a NodeEnum, here: Env<'_, 'a>) -> Bound<Flow> {
        match node {
            NodeEnum::RowExpr(row) => self.row(row, here),
            NodeEnum::AArrayExpr(array) => self.array(array, here),
            NodeEnum::CollateClause(collate) => {
                let CollateClause { arg, collname: _, location: _ } = &**collate;
                let flow = self.optional(arg.as_deref(), here)?;
                Ok(Flow { identity: None, ..flow })
            }
            NodeEnum::NamedArgExpr(argument) => {
                let NamedArgExpr { xpr: _, arg, name: _, argnumber: _, location: _ } = &**argument;
                self.optional(arg.as_deref(), here)
            }
            NodeEnum::SqlvalueFunction(function) => Ok(value_function(function)),
            // DEFAULT in a list of values: an expression of the table's own, without a column.
            NodeEnum::SetToDefault(_) => Ok(Flow::constant(NO_TYPE)),
            NodeEnum::CurrentOfExpr(cursor) => self.current_of(cursor),
            NodeEnum::List(List { items }) => self.all(items, here),
            NodeEnum::Integer(_) => Ok(Flow::constant(INT4)),
            NodeEnum::Float(_) => Ok(Flow::constant(NUMERIC)),
            NodeEnum::String(_) => Ok(Flow::constant(UNKNOWN)),
            NodeEnum::GroupingFunc(function) => {
                let GroupingFunc { xpr: _, args, refs: _, agglevelsup: _, location: _ } = &**function;
                let mut flow = Flow::constant(INT4);
                let args = self.all(args, here)?;
                flow.depend(&args);
                Ok(flow)
            }
            NodeEnum::MergeSupportFunc(_) => {
                self.since(170_000, "merge_action()")?;
                Ok(Flow::constant(TEXT))
            }
            NodeEnum::XmlExpr(xml) => self.xml(xml, here),
            NodeEnum::XmlSerialize(xml) => {
                let XmlSerialize { xmloption: _, expr, type_name, indent, location: _ } = &**xml;
                if *indent {
                    self.since(160_000, "XMLSERIALIZE … INDENT")?;
                }
                let flow = self.optional(expr.as_deref(), here)?;
                let (type_oid, modifier) = self.full_type(type_name.as_ref())?;
                self.convert_to(&Flow::constant(TEXT), type_oid, modifier, CastContext::Implicit);
                Ok(flow.computed(type_oid).with_modifier(modifier))
            }
            other => self.json_expression(other, here),
        }
    }

    pub(super) fn optional(&mut self, node: Option<&'a Node>, here: Env<'_, 'a>) -> Bound<Flow> {
        node.map_or_else(|| Ok(Flow::constant(UNKNOWN)), |node| self.expression(node, here))
    }

    /// All values flow into one.
    pub(super) fn all(&mut self, nodes: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = Flow::constant(NO_TYPE);
        for node in nodes {
            let next = self.expression(node, here)?;
            flow.mix(&next);
        }
        Ok(flow)
    }

    /// The value is one of these, of a type that fits all.
    fn one_of(&mut self, nodes: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            values.push(self.expression(node, here)?);
        }
        Ok(self.any_of(&values))
    }

    /// One of these values, the first of which is looked at first.
    fn any_of(&mut self, values: &[Flow]) -> Flow {
        let types: Vec<Oid> = values.iter().map(|value| value.type_oid).collect();
        let type_oid = self.common_of(&types);
        let mut flow = Flow::default();
        values.iter().for_each(|value| flow.mix(value));
        flow.computed(type_oid).with_modifier(common_modifier(type_oid, values))
    }

    fn case(&mut self, case: &'a CaseExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let CaseExpr { xpr: _, casetype: _, casecollid: _, arg, args, defresult, location: _ } = case;
        let mut flow = Flow::default();
        let mut results = Vec::with_capacity(args.len() + 1);
        let tested = match arg.as_deref() {
            Some(arg) => {
                let tested = self.expression(arg, here)?;
                flow.depend(&tested);
                Some(tested)
            }
            None => None,
        };
        for node in args {
            let Some(NodeEnum::CaseWhen(when)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an arm of CASE"));
            };
            let CaseWhen { xpr: _, expr, result, location: _ } = &**when;
            let condition = self.optional(expr.as_deref(), here)?;
            if let Some(tested) = &tested {
                self.operate(&["="], Some(tested.type_oid), condition.type_oid);
            }
            flow.depend(&condition);
            results.push(self.optional(result.as_deref(), here)?);
        }
        // The server looks at ELSE first when it looks for a common type.
        results.insert(0, self.optional(defresult.as_deref(), here)?);
        let mut result = self.either_of(&results);
        result.depend_also(&flow);
        Ok(result)
    }

    /// COALESCE
    fn first_of(&mut self, args: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flows = Vec::with_capacity(args.len());
        for node in args {
            flows.push(self.expression(node, here)?);
        }
        Ok(self.either_of(&flows))
    }

    /// One of several values, as a whole: of rows, each field is one of theirs.
    fn either_of(&mut self, flows: &[Flow]) -> Flow {
        let types: Vec<Oid> = flows.iter().map(|flow| flow.type_oid).collect();
        let type_oid = self.common_of(&types);
        let Some((first, rest)) = flows.split_first() else { return Flow::constant(type_oid) };
        let mut flow = first.clone();
        rest.iter().for_each(|other| flow.either(other));
        let fields = flow.fields.take();
        let modifier = common_modifier(type_oid, flows);
        Flow { fields, ..flow.computed(type_oid).with_modifier(modifier) }
    }

    fn array(&mut self, array: &'a AArrayExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let AArrayExpr { elements, list_start: _, list_end: _, location: _ } = array;
        let flow = self.one_of(elements, here)?;
        let element = if elements.is_empty() || flow.type_oid == UNKNOWN { TEXT } else { flow.type_oid };
        let found = self.catalog.code.types.get(&element);
        // An array of arrays is an array of the same type.
        let type_oid = match found {
            Some(found) if found.element != Oid(0) => element,
            Some(found) => found.array,
            None => NO_TYPE,
        };
        let modifier = flow.modifier;
        Ok(flow.computed(type_oid).with_modifier(modifier))
    }

    fn xml(&mut self, xml: &'a XmlExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let XmlExpr {
            xpr: _,
            op,
            name: _,
            named_args,
            arg_names: _,
            args,
            xmloption: _,
            indent: _,
            r#type: _,
            typmod: _,
            location: _,
        } = xml;
        let mut flow = self.all(args, here)?;
        for node in named_args {
            match &node.node {
                Some(NodeEnum::ResTarget(target)) => {
                    let value = self.optional(target.val.as_deref(), here)?;
                    flow.mix(&value);
                }
                _ => return Err(gap(GapKind::NotReviewed, "an XML expression")),
            }
        }
        let test = *op == pg_query::protobuf::XmlExprOp::IsDocument as i32;
        Ok(flow.computed(if test { BOOL } else { XML }))
    }

    /// `WHERE CURRENT OF cursor`: the row that was fetched last.
    fn current_of(&mut self, cursor: &CurrentOfExpr) -> Bound<Flow> {
        let CurrentOfExpr { xpr: _, cvarno: _, cursor_name, cursor_param: _ } = cursor;
        let mut flow = Flow::constant(BOOL);
        match self.session.cursors.get(cursor_name.as_str()) {
            Some(lineage) => lineage.indirect.iter().for_each(|column| flow.indirect.insert(*column)),
            None => self.gap(GapKind::Session, format!("the cursor {cursor_name} is not known")),
        }
        Ok(flow)
    }

    fn parameter_at(&self, number: i32) -> Flow {
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let known = place.and_then(|place| self.parameters.get(place));
        known.map_or_else(|| Flow::constant(UNKNOWN), |parameter| parameter.flow.clone())
    }
}

fn constant_flow(constant: &AConst) -> Flow {
    let AConst { isnull: _, location: _, val } = constant;
    Flow::constant(match val {
        Some(Val::Ival(_)) => INT4,
        Some(Val::Fval(float)) if float.fval.parse::<i64>().is_ok() => INT8,
        Some(Val::Fval(_)) => NUMERIC,
        Some(Val::Boolval(_)) => BOOL,
        Some(Val::Bsval(_)) => BIT,
        Some(Val::Sval(_)) | None => UNKNOWN,
    })
}

fn value_function(function: &SqlValueFunction) -> Flow {
    use SqlValueFunctionOp as Op;
    let SqlValueFunction { xpr: _, op, r#type: _, typmod, location: _ } = function;
    let flow = Flow::constant(match Op::try_from(*op).unwrap_or(Op::SqlvalueFunctionOpUndefined) {
        Op::SvfopCurrentDate => Oid(1082),
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => Oid(1266),
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => Oid(1184),
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => Oid(1083),
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => Oid(1114),
        Op::SqlvalueFunctionOpUndefined => NO_TYPE,
        _ => Oid(19),
    });
    flow.with_modifier(Modifier(*typmod))
}
