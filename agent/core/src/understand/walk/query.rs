//! Queries: SELECT, VALUES, set operations, WITH.

use pg_query::{
    NodeEnum,
    protobuf::{
        CommonTableExpr, CteCycleClause, CteSearchClause, IntoClause, LockingClause, MinMaxOp, Node,
        ResTarget, SelectStmt, SubLinkType, WithClause,
    },
};

use super::{Position, Walk, text};
use crate::understand::facts::{ColumnUse, Group, MOST_OUTPUTS, Place, ScopeId, Source};

impl<'a> Walk<'a> {
    pub(super) fn select(&mut self, select: &'a SelectStmt, parent: Option<ScopeId>, place: Place) {
        let SelectStmt {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option: _,
            locking_clause,
            with_clause,
            op: _,
            all: _,
            larg,
            rarg,
        } = select;
        let scope = self.open(parent);
        let place = match place {
            // SELECT INTO writes what it would have shown.
            _ if into_clause.is_some() => Place::Copy,
            // `GROUP BY 1` and the like read the output list that EXISTS does not.
            Place::Ignored if !is_plain_list(select) => Place::Condition,
            place => place,
        };
        let here = Position { scope, place };
        self.with(with_clause.as_ref(), parent);
        for node in from_clause {
            self.from(node, here.condition());
        }
        self.into(into_clause.as_deref());
        if larg.is_some() {
            // ORDER BY of a set operation sees names of its output, and nothing else.
            self.item(scope, "", Source::Derived);
        }
        // Branches of a set operation are compared, or at least mixed: no output of theirs is plain.
        for branch in [larg, rarg].into_iter().flatten() {
            self.select(branch, parent, here.within().place);
        }
        self.targets(target_list, here);
        self.expressions(values_lists, here.within());
        if !group_clause.is_empty() {
            self.facts.groups.push(Group { scope, list: group_clause, outputs: target_list });
        }
        let conditions = [distinct_clause, group_clause, window_clause, sort_clause];
        for list in conditions {
            self.expressions(list, here.condition());
        }
        for node in [where_clause, having_clause, limit_offset, limit_count].into_iter().flatten() {
            self.expression(node, here.condition());
        }
        if let Some(condition) = where_clause {
            self.require(condition);
        }
        for node in locking_clause {
            self.locking(node);
        }
    }

    fn into(&mut self, into: Option<&'a IntoClause>) {
        self.facts.into |= into.is_some();
    }

    fn locking(&mut self, node: &'a Node) {
        self.facts.locks = true;
        let Some(NodeEnum::LockingClause(clause)) = &node.node else {
            return self.facts.refuse("a locking clause", 0);
        };
        // Names of items of this level, which are in its FROM already.
        let LockingClause { locked_rels: _, strength: _, wait_policy: _ } = clause;
    }

    /// Queries in WITH see what is around the statement, and nothing of its own FROM.
    pub(super) fn with(&mut self, with: Option<&'a WithClause>, around: Option<ScopeId>) {
        let Some(WithClause { ctes, recursive: _, location: _ }) = with else { return };
        for node in ctes {
            match &node.node {
                Some(NodeEnum::CommonTableExpr(cte)) => self.common_table(cte, around),
                _ => self.facts.refuse("a WITH clause", 0),
            }
        }
    }

    fn common_table(&mut self, cte: &'a CommonTableExpr, around: Option<ScopeId>) {
        let CommonTableExpr {
            ctename,
            aliascolnames: _,
            ctematerialized: _,
            ctequery,
            search_clause,
            cycle_clause,
            location: _,
            // The rest is filled in by the server's analysis.
            cterecursive: _,
            cterefcount: _,
            ctecolnames: _,
            ctecoltypes: _,
            ctecoltypmods: _,
            ctecolcollations: _,
        } = cte;
        self.facts.ctes.push(ctename);
        if let Some(query) = ctequery {
            self.statement(query, around, Place::Expression);
        }
        // Both name columns of this very query's output, which is computed.
        if let Some(CteSearchClause { .. }) = search_clause {}
        if let Some(clause) = cycle_clause {
            let CteCycleClause { cycle_mark_value, cycle_mark_default, .. } = &**clause;
            let here = Position { scope: self.open(around), place: Place::Expression };
            for node in [cycle_mark_value, cycle_mark_default].into_iter().flatten() {
                self.expression(node, here);
            }
        }
    }

    /// An output list: SELECT's or RETURNING's.
    pub(super) fn targets(&mut self, list: &'a [Node], here: Position) {
        if list.len() > MOST_OUTPUTS {
            self.facts.wide = Some(list.len());
            return;
        }
        for (place, node) in list.iter().enumerate() {
            let Some(NodeEnum::ResTarget(target)) = &node.node else {
                self.facts.refuse("an output column", 0);
                continue;
            };
            let ResTarget { name, indirection, val, location: _ } = &**target;
            self.expressions(indirection, here.within());
            let Some(value) = val else { continue };
            let implied = Some(name.as_str()).filter(|name| !name.is_empty()).or_else(|| implied_name(value));
            self.output(implied, here.scope);
            match &value.node {
                Some(NodeEnum::ColumnRef(column)) => self.column(column, here, Some(place)),
                _ => self.expression(value, here.within()),
            }
        }
    }

    fn output(&mut self, name: Option<&'a str>, id: ScopeId) {
        if let Some(scope) = self.scope(id) {
            scope.outputs.extend(name);
        }
    }

    pub(super) fn column(
        &mut self,
        column: &'a pg_query::protobuf::ColumnRef,
        here: Position,
        target: Option<usize>,
    ) {
        let pg_query::protobuf::ColumnRef { fields, location } = column;
        let mut names = Vec::with_capacity(fields.len());
        let mut star = false;
        for field in fields {
            match &field.node {
                Some(NodeEnum::String(name)) => names.push(name.sval.as_str()),
                Some(NodeEnum::AStar(_)) => star = true,
                _ => self.facts.refuse("a column reference", 0),
            }
        }
        let Position { scope, place } = here;
        self.facts.columns.push(ColumnUse { scope, names, star, place, target, location: *location });
    }
}

/// Whether nothing groups, sorts or compares by the places of the output list.
fn is_plain_list(select: &SelectStmt) -> bool {
    select.distinct_clause.is_empty()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.sort_clause.is_empty()
}

/// The name of an output column without an alias (`FigureColname`). A column's own is no new name.
fn implied_name(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::FuncCall(call) => call.funcname.last().and_then(text),
        NodeEnum::TypeCast(cast) => {
            let inner = cast.arg.as_deref().and_then(implied_name);
            inner.or_else(|| cast.type_name.as_ref()?.names.last().and_then(text))
        }
        NodeEnum::CollateClause(collate) => implied_name(collate.arg.as_deref()?),
        NodeEnum::AIndirection(indirection) => indirection.indirection.iter().rev().find_map(text),
        NodeEnum::CaseExpr(case) => case.defresult.as_deref().and_then(implied_name).or(Some("case")),
        NodeEnum::CoalesceExpr(_) => Some("coalesce"),
        NodeEnum::MinMaxExpr(extreme) if extreme.op == MinMaxOp::IsGreatest as i32 => Some("greatest"),
        NodeEnum::MinMaxExpr(_) => Some("least"),
        NodeEnum::AArrayExpr(_) => Some("array"),
        NodeEnum::RowExpr(_) => Some("row"),
        NodeEnum::GroupingFunc(_) => Some("grouping"),
        NodeEnum::SubLink(link) => match SubLinkType::try_from(link.sub_link_type).ok()? {
            SubLinkType::ExistsSublink => Some("exists"),
            SubLinkType::ArraySublink => Some("array"),
            SubLinkType::ExprSublink => only_output(link.subselect.as_deref()?),
            _ => None,
        },
        _ => None,
    }
}

/// A scalar subquery is named by its column.
fn only_output(node: &Node) -> Option<&str> {
    let Some(NodeEnum::SelectStmt(select)) = &node.node else { return None };
    let Some(NodeEnum::ResTarget(target)) = &select.target_list.first()?.node else { return None };
    if !target.name.is_empty() {
        return Some(&target.name);
    }
    match &target.val.as_ref()?.node {
        Some(NodeEnum::ColumnRef(column)) => column.fields.last().and_then(text),
        _ => implied_name(target.val.as_deref()?),
    }
}
