//! Expressions.

use pg_query::{
    NodeEnum,
    protobuf::{
        AConst, AExpr, AExprKind, AIndices, AIndirection, BoolExpr, BoolExprType, BooleanTest, FuncCall,
        List, Node, NullTest, ParamRef, SortBy, SubLink, SubLinkType, TypeCast, TypeName, WindowDef,
        a_const::Val,
    },
};

use super::{Position, Walk, texts};
use crate::{
    mask::back::gives_mask,
    understand::facts::{Call, Comparison, Place, ScopeId},
};

/// Functions whose result tells the names and values of a row's fields, and never the type of the row.
const TAKE_ANY_ROW: [&str; 17] = [
    "concat",
    "concat_ws",
    "count",
    "format",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "num_nonnulls",
    "num_nulls",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

impl<'a> Walk<'a> {
    pub(super) fn expressions(&mut self, nodes: &'a [Node], here: Position) {
        for node in nodes {
            self.expression(node, here);
        }
    }

    pub(super) fn optional(&mut self, node: Option<&'a Node>, here: Position) {
        if let Some(node) = node {
            self.expression(node, here);
        }
    }

    pub(super) fn expression(&mut self, node: &'a Node, here: Position) {
        let here = here.within();
        match &node.node {
            None => {}
            Some(NodeEnum::ColumnRef(column)) => self.column(column, here, None),
            Some(NodeEnum::AConst(AConst { isnull: _, location: _, val: Some(Val::Sval(text)) })) => {
                self.facts.gives_mask |= gives_mask(text.sval.as_bytes(), false);
            }
            Some(NodeEnum::AConst(AConst { isnull: _, location: _, val: _ })) => {}
            Some(NodeEnum::ParamRef(ParamRef { number, location: _ })) => self.facts.parameters.push(*number),
            Some(NodeEnum::Integer(_) | NodeEnum::Float(_) | NodeEnum::String(_)) => {}
            Some(NodeEnum::List(List { items })) => self.expressions(items, here),
            Some(NodeEnum::AExpr(expression)) => self.operator(expression, here),
            Some(NodeEnum::BoolExpr(expression)) => {
                let BoolExpr { xpr: _, boolop: _, args, location: _ } = &**expression;
                self.expressions(args, here);
            }
            Some(NodeEnum::NullTest(test)) => {
                let NullTest { xpr: _, arg, nulltesttype: _, argisrow: _, location: _ } = &**test;
                self.untyped(arg.as_deref());
                self.null_test(arg.as_deref());
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
                if type_name.as_ref().is_some_and(is_text) {
                    self.untyped(arg.as_deref());
                }
                self.optional(arg.as_deref(), here);
            }
            Some(NodeEnum::SortBy(sort)) => self.sort(sort, here),
            Some(NodeEnum::WindowDef(window)) => self.window(window, here),
            Some(NodeEnum::AIndirection(indirection)) => self.indirection(indirection, here),
            Some(other) => self.less_common(other, here),
        }
    }

    fn operator(&mut self, expression: &'a AExpr, here: Position) {
        let AExpr { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } =
            expression;
        match AExprKind::try_from(*kind) {
            Ok(
                AExprKind::AexprBetween
                | AExprKind::AexprNotBetween
                | AExprKind::AexprBetweenSym
                | AExprKind::AexprNotBetweenSym,
            ) => self.facts.operators.extend(["<", "<=", ">", ">="]),
            _ => self.operator_name(name),
        }
        self.facts.comparisons.extend(comparison(expression, here.scope));
        self.optional(lexpr.as_deref(), here);
        self.optional(rexpr.as_deref(), here);
    }

    /// The comparisons of a condition that hold for every row of its level.
    pub(super) fn require(&mut self, condition: &'a Node) {
        match &condition.node {
            Some(NodeEnum::BoolExpr(all))
                if BoolExprType::try_from(all.boolop) == Ok(BoolExprType::AndExpr) =>
            {
                all.args.iter().for_each(|part| self.require(part));
            }
            Some(NodeEnum::AExpr(expression)) => {
                let Some(found) = comparison(expression, ScopeId(0)) else { return };
                let own = self.facts.comparisons.iter_mut().filter(|other| other.column == found.column);
                own.for_each(|comparison| comparison.required = true);
            }
            _ => {}
        }
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
        let column = match args.first().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::ColumnRef(column)) => texts(&column.fields),
            _ => Vec::new(),
        };
        let name = texts(funcname);
        if let [name] | ["pg_catalog", name] = name.as_slice()
            && TAKE_ANY_ROW.contains(name)
        {
            self.untyped(args);
        }
        let parameter = args.first().and_then(parameter);
        self.facts.calls.push(Call { name, constant, second, column, parameter });
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
        self.untyped(arg.as_deref());
        self.optional(arg.as_deref(), here);
        self.subscripts(indirection, here);
    }

    /// `row.*` in a list of values stands for its columns.
    pub(super) fn spread(&mut self, nodes: &'a [Node]) {
        let is_star = |node: &&Node| match &node.node {
            Some(NodeEnum::ColumnRef(column)) => texts(&column.fields).len() < column.fields.len(),
            _ => false,
        };
        self.untyped(nodes.iter().filter(is_star));
    }

    fn null_test(&mut self, tested: Option<&'a Node>) {
        if let Some(NodeEnum::ColumnRef(column)) = tested.and_then(|node| node.node.as_ref()) {
            self.facts.null_tests.insert(column.location);
        }
    }

    /// References of which only the fields matter here.
    fn untyped(&mut self, nodes: impl IntoIterator<Item = &'a Node>) {
        let places = nodes.into_iter().filter_map(|node| match &node.node {
            Some(NodeEnum::ColumnRef(column)) => Some(column.location),
            _ => None,
        });
        self.facts.untyped.extend(places);
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

/// What drivers write around a parameter, `$1::varchar`, changes no text.
fn uncast(node: &NodeEnum) -> &NodeEnum {
    match node {
        NodeEnum::TypeCast(cast)
            if cast.type_name.as_ref().is_some_and(|name| is_text(name) && name.typmods.is_empty()) =>
        {
            cast.arg.as_ref().and_then(|node| node.node.as_ref()).map_or(node, uncast)
        }
        _ => node,
    }
}

fn is_text(name: &TypeName) -> bool {
    let plain = !name.setof && !name.pct_type && name.array_bounds.is_empty();
    plain && matches!(texts(&name.names).as_slice(), ["text"] | ["pg_catalog", "text" | "varchar"])
}

/// A text constant, also with a cast around it.
pub(in crate::understand) fn constant_text(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(AConst { val: Some(Val::Sval(value)), .. })) => Some(&value.sval),
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().and_then(constant_text),
        _ => None,
    }
}

/// The name of a type of texts, as a node.
pub(in crate::understand) fn is_text_type(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::TypeName(name)) if is_text(name))
}

/// A text constant as it is: no cast makes another text of it.
pub(in crate::understand) fn plain_text(node: &Node) -> Option<&str> {
    match uncast(node.node.as_ref()?) {
        NodeEnum::AConst(AConst { val: Some(Val::Sval(value)), .. }) => Some(&value.sval),
        _ => None,
    }
}

fn parameter(node: &Node) -> Option<i32> {
    match uncast(node.node.as_ref()?) {
        NodeEnum::ParamRef(parameter) => Some(parameter.number),
        _ => None,
    }
}

/// `column = constant`, `column IN (constant, …)` and their like.
fn comparison(expression: &AExpr, scope: ScopeId) -> Option<Comparison<'_>> {
    if !matches!(texts(&expression.name).as_slice(), ["="] | ["pg_catalog", "="]) {
        return None;
    }
    let left = expression.lexpr.as_deref()?.node.as_ref()?;
    let right = expression.rexpr.as_deref()?.node.as_ref()?;
    let kind = AExprKind::try_from(expression.kind);
    let (column, constants) = match (kind, left, right) {
        (Ok(AExprKind::AexprIn), NodeEnum::ColumnRef(column), NodeEnum::List(List { items })) => {
            (column, items.iter().filter_map(|item| Some(uncast(item.node.as_ref()?))).collect())
        }
        (Ok(AExprKind::AexprOp | AExprKind::AexprNotDistinct), NodeEnum::ColumnRef(column), other)
        | (Ok(AExprKind::AexprOp | AExprKind::AexprNotDistinct), other, NodeEnum::ColumnRef(column)) => {
            (column, vec![uncast(other)])
        }
        _ => return None,
    };
    Some(Comparison {
        scope,
        column: column.location,
        names: texts(&column.fields),
        constants,
        null_is_equal: kind == Ok(AExprKind::AexprNotDistinct),
        required: false,
    })
}
