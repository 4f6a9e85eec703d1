//! GROUP BY, ORDER BY, DISTINCT, where a name or a number may mean an output; and the names of outputs.

use std::borrow::Cow;

use pg_query::{
    NodeEnum,
    protobuf::{
        AConst, GroupingSet, JoinExpr, Node, RangeSubselect, SelectStmt, SqlValueFunctionOp, SubLinkType,
        a_const::Val,
    },
};

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    item::Named,
    scope::{Env, Meaning},
    set::Set,
};
use crate::{lineage::GapKind, understand::walk::text};

/// What a bare name means first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefer {
    /// ORDER BY, DISTINCT ON: an output.
    Output,
    /// GROUP BY: a column of FROM, then an output.
    Input,
}

impl<'a> Binder<'a> {
    pub(super) fn group_by(
        &mut self,
        clause: &'a [Node],
        columns: &[Named<'a>],
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        for node in clause {
            match &node.node {
                Some(NodeEnum::GroupingSet(GroupingSet { kind: _, content, location: _ })) => {
                    self.group_by(content, columns, here, indirect)?;
                }
                // `(a, b)` in GROUP BY and its sets is a list of expressions.
                Some(NodeEnum::RowExpr(row)) if is_implicit(row.row_format) => {
                    self.group_by(&row.args, columns, here, indirect)?;
                }
                Some(NodeEnum::List(list)) => self.group_by(&list.items, columns, here, indirect)?,
                _ => {
                    let flow = self.output_or(node, Prefer::Input, columns, here)?;
                    self.compare_values(&flow);
                    add(indirect, &flow);
                }
            }
        }
        Ok(())
    }

    pub(super) fn order_by(
        &mut self,
        clause: &'a [Node],
        columns: &[Named<'a>],
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        for node in clause {
            let Some(NodeEnum::SortBy(sort)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an item of ORDER BY"));
            };
            if let Some(node) = sort.node.as_deref() {
                let flow = self.output_or(node, Prefer::Output, columns, here)?;
                self.sorted(&flow, sort);
                add(indirect, &flow);
            }
        }
        Ok(())
    }

    /// DISTINCT compares every output; DISTINCT ON the named ones.
    pub(super) fn distinct(
        &mut self,
        clause: &'a [Node],
        columns: &[Named<'a>],
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        // Plain DISTINCT is a list of one empty node.
        if clause.first().is_some_and(|node| node.node.is_none()) {
            for column in columns {
                self.used(&mut column.flow.clone());
                self.compare_values(&column.flow);
                add(indirect, &column.flow);
            }
            return Ok(());
        }
        for node in clause {
            let flow = self.output_or(node, Prefer::Output, columns, here)?;
            self.compare_values(&flow);
            add(indirect, &flow);
        }
        Ok(())
    }

    fn output_or(
        &mut self,
        node: &'a Node,
        prefer: Prefer,
        columns: &[Named<'a>],
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        match &node.node {
            Some(NodeEnum::AConst(AConst { val: Some(Val::Ival(number)), .. })) => {
                let place = usize::try_from(number.ival).ok().and_then(|place| place.checked_sub(1));
                let column = place.and_then(|place| columns.get(place));
                let missing = || gap(GapKind::UnknownObject, "there is no output of this number");
                let mut flow = column.map(|column| column.flow.clone()).ok_or_else(missing)?;
                self.used(&mut flow);
                return Ok(flow);
            }
            Some(NodeEnum::ColumnRef(column)) => {
                if let [name] = column.fields.as_slice()
                    && let Some(name) = text(name)
                    && (prefer == Prefer::Output || !is_input(name, here))
                    && let Some(column) = columns.iter().find(|column| column.name == name)
                {
                    let mut flow = column.flow.clone();
                    self.used(&mut flow);
                    return Ok(flow);
                }
            }
            _ => {}
        }
        self.expression(node, here)
    }
}

fn is_input(name: &str, here: Env<'_, '_>) -> bool {
    here.level.is_some_and(|level| !matches!(level.own_column(name), Meaning::None))
}

fn add(indirect: &mut Set, flow: &Flow) {
    indirect.add(&flow.direct);
    indirect.add(&flow.indirect);
}

pub(super) fn is_implicit(format: i32) -> bool {
    format == pg_query::protobuf::CoercionForm::CoerceImplicitCast as i32
}

/// The name of an output that has none of its own: PostgreSQL's rules.
pub(super) fn figured_name(node: &Node) -> Cow<'_, str> {
    figure(node).map_or(Cow::Borrowed("?column?"), |(name, _)| name)
}

/// A name, and whether it is a good one: one that a cast's type does not replace.
fn figure(node: &Node) -> Option<(Cow<'_, str>, bool)> {
    let good = |name: &'static str| Some((Cow::Borrowed(name), true));
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(column) => last_name(&column.fields).map(|name| (Cow::Borrowed(name), true)),
        NodeEnum::AIndirection(indirection) => last_name(&indirection.indirection)
            .map(|name| (Cow::Borrowed(name), true))
            .or_else(|| figure(indirection.arg.as_deref()?)),
        NodeEnum::FuncCall(call) => {
            call.funcname.last().and_then(text).map(|name| (Cow::Borrowed(name), true))
        }
        NodeEnum::AExpr(expression)
            if expression.kind == pg_query::protobuf::AExprKind::AexprNullif as i32 =>
        {
            good("nullif")
        }
        NodeEnum::TypeCast(cast) => {
            let inner = cast.arg.as_deref().and_then(figure);
            if inner.as_ref().is_some_and(|(_, good)| *good) {
                return inner;
            }
            let name = cast.type_name.as_ref()?.names.last().and_then(text)?;
            Some((Cow::Borrowed(name), false))
        }
        NodeEnum::CollateClause(collate) => figure(collate.arg.as_deref()?),
        NodeEnum::GroupingFunc(_) => good("grouping"),
        NodeEnum::MergeSupportFunc(_) => good("merge_action"),
        NodeEnum::SubLink(link) => figure_sublink(link),
        NodeEnum::CaseExpr(case) => {
            let otherwise = case.defresult.as_deref().and_then(figure).filter(|(_, good)| *good);
            otherwise.or(Some((Cow::Borrowed("case"), false)))
        }
        NodeEnum::AArrayExpr(_) => good("array"),
        NodeEnum::RowExpr(_) => good("row"),
        NodeEnum::CoalesceExpr(_) => good("coalesce"),
        NodeEnum::MinMaxExpr(extreme) => {
            let least = extreme.op == pg_query::protobuf::MinMaxOp::IsLeast as i32;
            good(if least { "least" } else { "greatest" })
        }
        NodeEnum::SqlvalueFunction(function) => good(value_function(function.op)),
        NodeEnum::XmlExpr(xml) => good(xml_function(xml.op)),
        NodeEnum::XmlSerialize(_) => good("xmlserialize"),
        other => good(super::json::name(other)?),
    }
}

fn last_name(nodes: &[Node]) -> Option<&str> {
    nodes.iter().rev().find_map(text)
}

fn figure_sublink(link: &pg_query::protobuf::SubLink) -> Option<(Cow<'_, str>, bool)> {
    match SubLinkType::try_from(link.sub_link_type).ok()? {
        SubLinkType::ExistsSublink => Some((Cow::Borrowed("exists"), true)),
        SubLinkType::ArraySublink => Some((Cow::Borrowed("array"), true)),
        SubLinkType::ExprSublink => {
            let NodeEnum::SelectStmt(select) = link.subselect.as_deref()?.node.as_ref()? else { return None };
            first_output(select)
        }
        _ => None,
    }
}

fn first_output(select: &SelectStmt) -> Option<(Cow<'_, str>, bool)> {
    if let Some(left) = &select.larg {
        return first_output(left);
    }
    if !select.values_lists.is_empty() {
        return Some((Cow::Borrowed("column1"), true));
    }
    let NodeEnum::ResTarget(target) = select.target_list.first()?.node.as_ref()? else { return None };
    match target.name.as_str() {
        "" => Some((figured_name(target.val.as_deref()?), true)),
        name => Some((Cow::Borrowed(name), true)),
    }
}

fn value_function(op: i32) -> &'static str {
    use SqlValueFunctionOp as Op;
    match Op::try_from(op).unwrap_or(Op::SqlvalueFunctionOpUndefined) {
        Op::SvfopCurrentDate => "current_date",
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SqlvalueFunctionOpUndefined => "?column?",
    }
}

fn xml_function(op: i32) -> &'static str {
    use pg_query::protobuf::XmlExprOp as Op;
    match Op::try_from(op).unwrap_or(Op::Undefined) {
        Op::IsXmlconcat => "xmlconcat",
        Op::IsXmlelement => "xmlelement",
        Op::IsXmlforest => "xmlforest",
        Op::IsXmlparse => "xmlparse",
        Op::IsXmlpi => "xmlpi",
        Op::IsXmlroot => "xmlroot",
        Op::IsXmlserialize => "xmlserialize",
        Op::IsDocument | Op::Undefined => "?column?",
    }
}

/// Whether a query's FROM names a relation, at any depth: a recursive query does so in its second side.
pub(super) fn names_relation(select: &SelectStmt, name: &str) -> bool {
    if let Some(with) = &select.with_clause
        && let Some(place) = with.ctes.iter().position(|node| is_called(node, name))
    {
        // From there on the name means the query in this WITH; in a recursive one from its beginning.
        let before = with.ctes.get(..=place).unwrap_or_default();
        return !with.recursive && before.iter().any(|node| cte_names(node, name));
    }
    let sides = [&select.larg, &select.rarg];
    sides.into_iter().flatten().any(|side| names_relation(side, name))
        || select.from_clause.iter().any(|node| item_names(node, name))
        || mentions(select, name)
}

fn item_names(node: &Node, name: &str) -> bool {
    match &node.node {
        Some(NodeEnum::RangeVar(relation)) => relation.schemaname.is_empty() && relation.relname == name,
        Some(NodeEnum::JoinExpr(join)) => {
            let JoinExpr { larg, rarg, .. } = &**join;
            [larg, rarg].into_iter().flatten().any(|side| item_names(side, name))
        }
        Some(NodeEnum::RangeSubselect(subselect)) => {
            let RangeSubselect { subquery, .. } = &**subselect;
            match subquery.as_deref().and_then(|query| query.node.as_ref()) {
                Some(NodeEnum::SelectStmt(select)) => names_relation(select, name),
                _ => false,
            }
        }
        _ => false,
    }
}

/// A WITH inside may use the name, too.
fn mentions(select: &SelectStmt, name: &str) -> bool {
    select.with_clause.iter().flat_map(|with| &with.ctes).any(|node| cte_names(node, name))
}

fn is_called(node: &Node, name: &str) -> bool {
    matches!(&node.node, Some(NodeEnum::CommonTableExpr(cte)) if cte.ctename == name)
}

fn cte_names(node: &Node, name: &str) -> bool {
    match &node.node {
        Some(NodeEnum::CommonTableExpr(cte)) => {
            match cte.ctequery.as_deref().and_then(|query| query.node.as_ref()) {
                Some(NodeEnum::SelectStmt(select)) => names_relation(select, name),
                _ => false,
            }
        }
        _ => false,
    }
}
