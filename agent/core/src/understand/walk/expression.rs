//! Expressions.

use pg_query::{
    NodeEnum,
    protobuf::{
        AArrayExpr, AConst, AExpr, AIndices, AIndirection, BoolExpr, BooleanTest, CaseExpr, CaseWhen,
        CoalesceExpr, CollateClause, CurrentOfExpr, FuncCall, GroupingFunc, GroupingSet, List, MinMaxExpr,
        MultiAssignRef, NamedArgExpr, Node, NullTest, ParamRef, RowExpr, SetToDefault, SortBy,
        SqlValueFunction, SubLink, SubLinkType, TypeCast, TypeName, WindowDef, XmlExpr, XmlSerialize,
        a_const::Val,
    },
};

use super::{Position, Walk, texts};
use crate::understand::facts::{Call, Place};

impl<'a> Walk<'a> {
    pub(super) fn expressions(&mut self, nodes: &'a [Node], here: Position) {
        for node in nodes {
            self.expression(node, here);
        }
    }

    fn optional(&mut self, node: Option<&'a Node>, here: Position) {
        if let Some(node) = node {
            self.expression(node, here);
        }
    }

    pub(super) fn expression(&mut self, node: &'a Node, here: Position) {
        let here = here.within();
        match &node.node {
            None => {}
            Some(NodeEnum::ColumnRef(column)) => self.column(column, here, None),
            Some(NodeEnum::AConst(AConst { isnull: _, location: _, val: _ })) => {}
            Some(NodeEnum::ParamRef(ParamRef { number: _, location: _ })) => {}
            Some(NodeEnum::Integer(_) | NodeEnum::Float(_) | NodeEnum::String(_)) => {}
            Some(NodeEnum::List(List { items })) => self.expressions(items, here),
            Some(NodeEnum::AExpr(expression)) => self.operator(expression, here),
            Some(NodeEnum::BoolExpr(expression)) => {
                let BoolExpr { xpr: _, boolop: _, args, location: _ } = &**expression;
                self.expressions(args, here);
            }
            Some(NodeEnum::NullTest(test)) => {
                let NullTest { xpr: _, arg, nulltesttype: _, argisrow: _, location: _ } = &**test;
                self.optional(arg.as_deref(), here);
            }
            Some(NodeEnum::BooleanTest(test)) => {
                let BooleanTest { xpr: _, arg, booltesttype: _, location: _ } = &**test;
                self.optional(arg.as_deref(), here);
            }
            Some(NodeEnum::FuncCall(call)) => self.call(call, here),
            Some(NodeEnum::SubLink(link)) => self.sub_link(link, here),
            Some(NodeEnum::TypeCast(cast)) => {
                let TypeCast { arg, type_name, location: _ } = &**cast;
                self.type_name(type_name.as_ref());
                self.optional(arg.as_deref(), here);
            }
            Some(NodeEnum::SortBy(sort)) => self.sort(sort, here),
            Some(NodeEnum::WindowDef(window)) => self.window(window, here),
            Some(NodeEnum::AIndirection(indirection)) => self.indirection(indirection, here),
            Some(other) => self.less_common(other, here),
        }
    }

    fn less_common(&mut self, node: &'a NodeEnum, here: Position) {
        match node {
            NodeEnum::CaseExpr(case) => self.case(case, here),
            NodeEnum::CoalesceExpr(coalesce) => {
                let CoalesceExpr { xpr: _, coalescetype: _, coalescecollid: _, args, location: _ } =
                    &**coalesce;
                self.expressions(args, here);
            }
            NodeEnum::MinMaxExpr(extreme) => {
                let MinMaxExpr {
                    args,
                    xpr: _,
                    minmaxtype: _,
                    minmaxcollid: _,
                    inputcollid: _,
                    op: _,
                    location: _,
                } = &**extreme;
                self.expressions(args, here);
            }
            NodeEnum::RowExpr(row) => {
                let RowExpr { xpr: _, args, row_typeid: _, row_format: _, colnames: _, location: _ } = &**row;
                self.expressions(args, here);
            }
            NodeEnum::AArrayExpr(array) => {
                let AArrayExpr { elements, list_start: _, list_end: _, location: _ } = array;
                self.expressions(elements, here);
            }
            NodeEnum::CollateClause(collate) => {
                let CollateClause { arg, collname: _, location: _ } = &**collate;
                self.optional(arg.as_deref(), here);
            }
            NodeEnum::GroupingSet(set) => {
                let GroupingSet { kind: _, content, location: _ } = set;
                self.expressions(content, here);
            }
            NodeEnum::GroupingFunc(function) => {
                let GroupingFunc { xpr: _, args, refs: _, agglevelsup: _, location: _ } = &**function;
                self.expressions(args, here);
            }
            NodeEnum::NamedArgExpr(argument) => {
                let NamedArgExpr { xpr: _, arg, name: _, argnumber: _, location: _ } = &**argument;
                self.optional(arg.as_deref(), here);
            }
            NodeEnum::SqlvalueFunction(function) => self.value_function(function),
            NodeEnum::SetToDefault(value) => {
                let SetToDefault { xpr: _, type_id: _, type_mod: _, collation: _, location: _ } = &**value;
            }
            NodeEnum::CurrentOfExpr(cursor) => {
                let CurrentOfExpr { xpr: _, cvarno: _, cursor_name: _, cursor_param: _ } = &**cursor;
            }
            NodeEnum::MultiAssignRef(assign) => {
                let MultiAssignRef { source, colno: _, ncolumns: _ } = &**assign;
                self.optional(source.as_deref(), here);
            }
            NodeEnum::XmlExpr(xml) => self.xml(xml, here),
            NodeEnum::XmlSerialize(xml) => {
                let XmlSerialize { xmloption: _, expr, type_name, indent, location: _ } = &**xml;
                if *indent {
                    self.facts.refuse("XMLSERIALIZE … INDENT", 160_000);
                }
                self.type_name(type_name.as_ref());
                self.optional(expr.as_deref(), here);
            }
            _ => self.unreviewed(node),
        }
    }

    fn unreviewed(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        let (what, since) = match node {
            N::JsonObjectConstructor(_)
            | N::JsonArrayConstructor(_)
            | N::JsonArrayQueryConstructor(_)
            | N::JsonObjectAgg(_)
            | N::JsonArrayAgg(_)
            | N::JsonIsPredicate(_) => ("a constructor or test of SQL/JSON", 160_000),
            N::JsonFuncExpr(_) | N::JsonParseExpr(_) | N::JsonScalarExpr(_) | N::JsonSerializeExpr(_) => {
                ("a function of SQL/JSON", 170_000)
            }
            N::MergeSupportFunc(_) => ("merge_action()", 170_000),
            _ => ("an expression", 0),
        };
        self.facts.refuse(what, since);
    }

    fn operator(&mut self, expression: &'a AExpr, here: Position) {
        let AExpr { kind: _, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } =
            expression;
        self.operator_name(name);
        self.optional(lexpr.as_deref(), here);
        self.optional(rexpr.as_deref(), here);
    }

    /// One that is named as PostgreSQL's own is no one else's.
    fn operator_name(&mut self, name: &'a [Node]) {
        match texts(name).as_slice() {
            ["pg_catalog", _] | [] => {}
            [.., operator] => self.facts.operators.push(operator),
        }
    }

    fn sub_link(&mut self, link: &'a SubLink, here: Position) {
        let SubLink { xpr: _, sub_link_type, sub_link_id: _, testexpr, oper_name, subselect, location: _ } =
            link;
        self.operator_name(oper_name);
        if testexpr.is_some() && oper_name.is_empty() {
            self.facts.operators.push("=");
        }
        self.optional(testexpr.as_deref(), here);
        let exists = *sub_link_type == SubLinkType::ExistsSublink as i32;
        let place = if exists { Place::Ignored } else { here.place };
        if let Some(query) = subselect {
            self.statement(query, Some(here.scope), place);
        }
    }

    fn call(&mut self, call: &'a FuncCall, here: Position) {
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic: _,
            funcformat: _,
            location: _,
        } = call;
        let constant = args.first().and_then(constant_text);
        let second = args.get(1).and_then(constant_text);
        self.facts.calls.push(Call { name: texts(funcname), constant, second });
        self.expressions(args, here);
        self.expressions(agg_order, here);
        self.optional(agg_filter.as_deref(), here);
        if let Some(window) = over {
            self.window(window, here);
        }
    }

    fn window(&mut self, window: &'a WindowDef, here: Position) {
        let WindowDef {
            name: _,
            refname: _,
            partition_clause,
            order_clause,
            frame_options: _,
            start_offset,
            end_offset,
            location: _,
        } = window;
        self.expressions(partition_clause, here);
        self.expressions(order_clause, here);
        self.optional(start_offset.as_deref(), here);
        self.optional(end_offset.as_deref(), here);
    }

    fn sort(&mut self, sort: &'a SortBy, here: Position) {
        let SortBy { node, sortby_dir: _, sortby_nulls: _, use_op, location: _ } = sort;
        self.operator_name(use_op);
        self.optional(node.as_deref(), here);
    }

    /// `x[1]`, `(x).field`, `(x).*`.
    fn indirection(&mut self, indirection: &'a AIndirection, here: Position) {
        let AIndirection { arg, indirection } = indirection;
        self.optional(arg.as_deref(), here);
        self.subscripts(indirection, here);
    }

    pub(super) fn subscripts(&mut self, nodes: &'a [Node], here: Position) {
        for node in nodes {
            match &node.node {
                Some(NodeEnum::String(name)) => self.facts.fields.push(&name.sval),
                // Every field of the composite value before it, which was looked at.
                Some(NodeEnum::AStar(_)) => {}
                Some(NodeEnum::AIndices(indices)) => {
                    let AIndices { is_slice: _, lidx, uidx } = &**indices;
                    self.optional(lidx.as_deref(), here);
                    self.optional(uidx.as_deref(), here);
                }
                _ => self.facts.refuse("a subscript", 0),
            }
        }
    }

    fn case(&mut self, case: &'a CaseExpr, here: Position) {
        let CaseExpr { xpr: _, casetype: _, casecollid: _, arg, args, defresult, location: _ } = case;
        if arg.is_some() {
            self.facts.operators.push("=");
        }
        self.optional(arg.as_deref(), here);
        self.optional(defresult.as_deref(), here);
        for node in args {
            match &node.node {
                Some(NodeEnum::CaseWhen(when)) => {
                    let CaseWhen { xpr: _, expr, result, location: _ } = &**when;
                    self.optional(expr.as_deref(), here);
                    self.optional(result.as_deref(), here);
                }
                _ => self.facts.refuse("CASE", 0),
            }
        }
    }

    /// `CURRENT_USER`, `CURRENT_DATE` …: every server has them. `SYSTEM_USER` is a function call.
    fn value_function(&mut self, function: &'a SqlValueFunction) {
        use pg_query::protobuf::SqlValueFunctionOp as Op;
        let SqlValueFunction { xpr: _, op, r#type: _, typmod: _, location: _ } = function;
        if matches!(Op::try_from(*op), Ok(Op::SqlvalueFunctionOpUndefined) | Err(_)) {
            self.facts.refuse("a value function", 0);
        }
    }

    fn xml(&mut self, xml: &'a XmlExpr, here: Position) {
        let XmlExpr {
            xpr: _,
            op: _,
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
        self.expressions(args, here);
        for node in named_args {
            match &node.node {
                Some(NodeEnum::ResTarget(target)) => self.optional(target.val.as_deref(), here),
                _ => self.facts.refuse("an XML expression", 0),
            }
        }
    }

    pub(super) fn type_name(&mut self, name: Option<&'a TypeName>) {
        let Some(name) = name else { return };
        let TypeName {
            names,
            type_oid: _,
            setof: _,
            pct_type: _,
            typmods: _,
            typemod: _,
            array_bounds: _,
            location: _,
        } = name;
        self.facts.types.push(texts(names));
    }
}

/// A text constant, also with a cast around it.
pub(in crate::understand) fn constant_text(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(AConst { val: Some(Val::Sval(value)), .. })) => Some(&value.sval),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().and_then(constant_text),
        _ => None,
    }
}
