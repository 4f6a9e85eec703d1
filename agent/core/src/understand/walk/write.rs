//! Data-modifying statements.

use pg_query::{
    NodeEnum,
    protobuf::{
        DeleteStmt, IndexElem, InferClause, InsertStmt, MergeStmt, MergeWhenClause, Node, OnConflictClause,
        ResTarget, ReturningClause, UpdateStmt,
    },
};

use super::{Position, Walk};
use crate::understand::{
    condition::{self, Truth},
    facts::{Arbiter, Bound, Place, ScopeId, Source, Unreviewed, Verb, Write},
};

impl<'a> Walk<'a> {
    pub(super) fn insert(&mut self, insert: &'a InsertStmt, parent: Option<ScopeId>, place: Place) {
        let InsertStmt {
            relation,
            cols,
            select_stmt,
            on_conflict_clause,
            returning_clause,
            with_clause,
            r#override: _,
        } = insert;
        let scope = self.open(parent);
        let here = Position { scope, place: Place::Copy };
        self.with(with_clause.as_ref(), parent);
        if let Some(query) = select_stmt {
            self.statement(query, parent, Place::Copy);
        }
        let columns = self.assigned(cols, here).columns;
        let proposed = proposed(select_stmt.as_deref());
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let arbiter = on_conflict_clause.as_deref().map(arbiter);
            let columns = Some(columns).filter(|columns| !columns.is_empty());
            let (varying, bound) = (Vec::new(), Bound::Rows);
            let verb = Verb::Insert;
            self.facts.writes.push(Write { relation, verb, columns, varying, proposed, arbiter, bound });
        }
        if let Some(clause) = on_conflict_clause {
            self.on_conflict(clause, relation.as_ref(), proposed, here);
        }
        self.returning(returning_clause.as_ref(), scope, place);
    }

    fn on_conflict(
        &mut self,
        clause: &'a OnConflictClause,
        relation: Option<&'a pg_query::protobuf::RangeVar>,
        proposed: Option<u32>,
        here: Position,
    ) {
        let OnConflictClause { action: _, infer, target_list, where_clause, location: _ } = clause;
        // The row that was to be inserted: what the client gave.
        self.item(here.scope, "excluded", Source::Derived);
        if let Some(infer) = infer {
            let InferClause { index_elems, where_clause, conname: _, location: _ } = &**infer;
            for node in index_elems {
                self.arbiter_element(node, here);
            }
            if let Some(condition) = where_clause {
                self.expression(condition, here.condition());
            }
        }
        let Assigned { columns, .. } = self.assigned(target_list, here);
        if let (Some(relation), false) = (relation, columns.is_empty()) {
            // At most one row is changed for each that is proposed, whatever it is given.
            let (columns, varying) = (Some(columns), Vec::new());
            let (verb, bound) = (Verb::Update, Bound::Rows);
            self.facts.writes.push(Write {
                relation,
                verb,
                columns,
                varying,
                proposed,
                arbiter: None,
                bound,
            });
        }
        if let Some(condition) = where_clause {
            self.expression(condition, here.condition());
        }
    }

    /// A column of an arbiter is compared with what is proposed: [`Write::arbiter`] has it.
    fn arbiter_element(&mut self, node: &'a Node, here: Position) {
        match &node.node {
            Some(NodeEnum::IndexElem(element)) if element.expr.is_none() => {}
            _ => self.index_element(node, here),
        }
    }

    pub(super) fn index_element(&mut self, node: &'a Node, here: Position) {
        let Some(NodeEnum::IndexElem(element)) = &node.node else {
            return self.facts.refuse("an index column", 0);
        };
        let IndexElem {
            name,
            expr,
            indexcolname: _,
            collation: _,
            opclass: _,
            opclassopts: _,
            ordering: _,
            nulls_ordering: _,
        } = &**element;
        if !name.is_empty() {
            self.facts.compared.push((here.scope, name));
        }
        if let Some(expression) = expr {
            self.expression(expression, here.condition());
        }
    }

    pub(super) fn update(&mut self, update: &'a UpdateStmt, parent: Option<ScopeId>, place: Place) {
        let UpdateStmt { relation, target_list, where_clause, from_clause, returning_clause, with_clause } =
            update;
        let scope = self.open(parent);
        let here = Position { scope, place: Place::Copy };
        self.with(with_clause.as_ref(), parent);
        for node in from_clause {
            self.from(node, here.condition());
        }
        let Assigned { columns, varying } = self.assigned(target_list, here);
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let bound = bound(where_clause.as_deref());
            let (verb, columns, proposed) = (Verb::Update, Some(columns), Some(1));
            self.facts.writes.push(Write {
                relation,
                verb,
                columns,
                varying,
                proposed,
                arbiter: None,
                bound,
            });
        }
        if let Some(condition) = where_clause {
            self.expression(condition, here.condition());
        }
        self.returning(returning_clause.as_ref(), scope, place);
    }

    pub(super) fn delete(&mut self, delete: &'a DeleteStmt, parent: Option<ScopeId>, place: Place) {
        let DeleteStmt { relation, using_clause, where_clause, returning_clause, with_clause } = delete;
        let scope = self.open(parent);
        let here = Position { scope, place: Place::Condition };
        self.with(with_clause.as_ref(), parent);
        for node in using_clause {
            self.from(node, here);
        }
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let bound = bound(where_clause.as_deref());
            let (verb, columns, varying) = (Verb::Delete, Some(Vec::new()), Vec::new());
            let (proposed, arbiter) = (Some(0), None);
            self.facts.writes.push(Write { relation, verb, columns, varying, proposed, arbiter, bound });
        }
        if let Some(condition) = where_clause {
            self.expression(condition, here);
        }
        self.returning(returning_clause.as_ref(), scope, place);
    }

    pub(super) fn merge(&mut self, merge: &'a MergeStmt, parent: Option<ScopeId>, place: Place) {
        let MergeStmt {
            relation,
            source_relation,
            join_condition,
            merge_when_clauses,
            returning_clause,
            with_clause,
        } = merge;
        self.facts.newer = Some(Unreviewed { what: "MERGE", since: 150_000 });
        let scope = self.open(parent);
        let here = Position { scope, place: Place::Copy };
        self.with(with_clause.as_ref(), parent);
        if let Some(source) = source_relation {
            self.from(source, here.condition());
        }
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let everything = bound(join_condition.as_deref());
            for node in merge_when_clauses {
                self.merge_action(node, relation, everything, here);
            }
        }
        if let Some(condition) = join_condition {
            self.expression(condition, here.condition());
        }
        if returning_clause.is_some() {
            self.facts.refuse("MERGE … RETURNING", 170_000);
        }
        self.returning(returning_clause.as_ref(), scope, place);
    }

    fn merge_action(
        &mut self,
        node: &'a Node,
        relation: &'a pg_query::protobuf::RangeVar,
        join: Bound,
        here: Position,
    ) {
        use pg_query::protobuf::{CmdType, MergeMatchKind};
        let Some(NodeEnum::MergeWhenClause(clause)) = &node.node else {
            return self.facts.refuse("MERGE", 150_000);
        };
        let MergeWhenClause { match_kind, command_type, r#override: _, condition, target_list, values } =
            &**clause;
        let by_source = *match_kind == MergeMatchKind::MergeWhenNotMatchedBySource as i32;
        if by_source {
            self.facts.refuse("MERGE … WHEN NOT MATCHED BY SOURCE", 170_000);
        }
        let Assigned { columns, varying } = self.assigned(target_list, here);
        self.expressions(values, here);
        let inserts = *command_type == CmdType::CmdInsert as i32;
        let columns = (!inserts || !target_list.is_empty()).then_some(columns);
        let bound = match (inserts, condition) {
            (false, None) => join,
            (false, Some(condition)) if join == Bound::Everything => bound(Some(condition)),
            _ => Bound::Rows,
        };
        let verb = if inserts { Verb::Insert } else { Verb::Merge };
        // As many as its source has rows.
        let (proposed, arbiter) = (None, None);
        self.facts.writes.push(Write { relation, verb, columns, varying, proposed, arbiter, bound });
        if let Some(condition) = condition {
            self.expression(condition, here.condition());
        }
    }

    /// Names of the columns that get values; the values are looked at as what is written.
    fn assigned(&mut self, targets: &'a [Node], here: Position) -> Assigned<'a> {
        let mut assigned = Assigned { columns: Vec::with_capacity(targets.len()), varying: Vec::new() };
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = &node.node else {
                self.facts.refuse("an assignment", 0);
                continue;
            };
            let ResTarget { name, indirection, val, location: _ } = &**target;
            assigned.columns.push(name.as_str());
            if !indirection.is_empty() || val.as_deref().is_some_and(|value| !is_one_value(value)) {
                assigned.varying.push(name.as_str());
            }
            self.subscripts(indirection, here);
            if let Some(value) = val {
                self.expression(value, here);
            }
        }
        assigned
    }

    fn returning(&mut self, clause: Option<&'a ReturningClause>, scope: ScopeId, place: Place) {
        let Some(ReturningClause { options, exprs }) = clause else { return };
        if !options.is_empty() {
            self.facts.refuse("RETURNING WITH", 180_000);
        }
        self.targets(exprs, Position { scope, place });
    }
}

/// Columns that get values.
struct Assigned<'a> {
    columns: Vec<&'a str>,
    /// Of these, those whose value may be another for each row.
    varying: Vec<&'a str>,
}

/// Whether it is the same value for every row.
fn is_one_value(value: &Node) -> bool {
    match &value.node {
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_one_value),
        _ => false,
    }
}

/// Rows that an INSERT writes out.
fn proposed(source: Option<&Node>) -> Option<u32> {
    let Some(source) = source else { return Some(1) };
    match &source.node {
        Some(NodeEnum::SelectStmt(select)) if !select.values_lists.is_empty() => {
            u32::try_from(select.values_lists.len()).ok()
        }
        _ => None,
    }
}

fn arbiter(clause: &OnConflictClause) -> Arbiter<'_> {
    let elements = clause.infer.iter().flat_map(|infer| &infer.index_elems);
    let columns: Option<Vec<&str>> = elements
        .map(|node| match &node.node {
            Some(NodeEnum::IndexElem(element)) if element.expr.is_none() => Some(element.name.as_str()),
            _ => None,
        })
        .collect();
    match columns {
        Some(columns) if !columns.is_empty() => Arbiter::Columns(columns),
        _ => Arbiter::Any,
    }
}

fn bound(condition: Option<&Node>) -> Bound {
    match condition.map(condition::truth) {
        None | Some(Truth::Always | Truth::AllOrNothing) => Bound::Everything,
        Some(Truth::Never | Truth::Rows) => Bound::Rows,
    }
}
