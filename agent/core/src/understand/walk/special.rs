//! Expressions that are seen less often.

use pg_query::{
    NodeEnum,
    protobuf::{
        AArrayExpr, CaseExpr, CaseWhen, CoalesceExpr, CollateClause, CurrentOfExpr, GroupingFunc,
        GroupingSet, MinMaxExpr, MultiAssignRef, NamedArgExpr, RowExpr, SetToDefault, SqlValueFunction,
        XmlExpr, XmlSerialize,
    },
};

use super::{Position, Walk};

impl<'a> Walk<'a> {
    pub(super) fn less_common(&mut self, node: &'a NodeEnum, here: Position) {
        match node {
            NodeEnum::CaseExpr(case) => self.case(case, here),
            NodeEnum::CollateClause(collate) => {
                let CollateClause { arg, collname: _, location: _ } = &**collate;
                self.optional(arg.as_deref(), here);
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
            _ => self.list(node, here),
        }
    }

    /// Nodes that are no more than a list of expressions.
    fn list(&mut self, node: &'a NodeEnum, here: Position) {
        match node {
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
                self.spread(args);
                self.expressions(args, here);
            }
            NodeEnum::AArrayExpr(array) => {
                let AArrayExpr { elements, list_start: _, list_end: _, location: _ } = array;
                self.expressions(elements, here);
            }
            NodeEnum::GroupingSet(set) => {
                let GroupingSet { kind: _, content, location: _ } = set;
                self.expressions(content, here);
            }
            NodeEnum::GroupingFunc(function) => {
                let GroupingFunc { xpr: _, args, refs: _, agglevelsup: _, location: _ } = &**function;
                self.expressions(args, here);
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
}
