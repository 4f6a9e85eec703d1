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
    facts::{Bound, Place, ScopeId, Source, Unreviewed, Verb, Write},
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
        let mut columns = self.assigned(cols, here);
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let listed = !cols.is_empty();
            let arbiter = on_conflict_clause.is_some();
            let columns = listed.then(|| std::mem::take(&mut columns));
            self.facts.writes.push(Write {
                relation,
                verb: Verb::Insert,
                columns,
                arbiter,
                bound: Bound::Rows,
            });
        }
        if let Some(clause) = on_conflict_clause {
            self.on_conflict(clause, relation.as_ref(), here);
        }
        self.returning(returning_clause.as_ref(), scope, place);
    }

    fn on_conflict(
        &mut self,
        clause: &'a OnConflictClause,
        relation: Option<&'a pg_query::protobuf::RangeVar>,
        here: Position,
    ) {
        let OnConflictClause { action: _, infer, target_list, where_clause, location: _ } = clause;
        // The row that was to be inserted: what the client gave.
        self.item(here.scope, "excluded", Source::Derived);
        if let Some(infer) = infer {
            let InferClause { index_elems, where_clause, conname: _, location: _ } = &**infer;
            for node in index_elems {
                self.index_element(node, here);
            }
            if let Some(condition) = where_clause {
                self.expression(condition, here.condition());
            }
        }
        let columns = self.assigned(target_list, here);
        if let (Some(relation), false) = (relation, columns.is_empty()) {
            let columns = Some(columns);
            let bound = Bound::Rows;
            self.facts.writes.push(Write { relation, verb: Verb::Update, columns, arbiter: false, bound });
        }
        if let Some(condition) = where_clause {
            self.expression(condition, here.condition());
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
        let columns = Some(self.assigned(target_list, here));
        if let Some(relation) = relation {
            self.range_var(relation, scope);
            let bound = bound(where_clause.as_deref());
            self.facts.writes.push(Write { relation, verb: Verb::Update, columns, arbiter: false, bound });
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
            let columns = Some(Vec::new());
            self.facts.writes.push(Write { relation, verb: Verb::Delete, columns, arbiter: false, bound });
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
        let columns = self.assigned(target_list, here);
        self.expressions(values, here);
        let inserts = *command_type == CmdType::CmdInsert as i32;
        let columns = (!inserts || !target_list.is_empty()).then_some(columns);
        let bound = match (inserts, condition) {
            (false, None) => join,
            (false, Some(condition)) if join == Bound::Everything => bound(Some(condition)),
            _ => Bound::Rows,
        };
        let verb = if inserts { Verb::Insert } else { Verb::Merge };
        self.facts.writes.push(Write { relation, verb, columns, arbiter: false, bound });
        if let Some(condition) = condition {
            self.expression(condition, here.condition());
        }
    }

    /// Names of the columns that get values; the values are looked at as what is written.
    fn assigned(&mut self, targets: &'a [Node], here: Position) -> Vec<&'a str> {
        let mut columns = Vec::with_capacity(targets.len());
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = &node.node else {
                self.facts.refuse("an assignment", 0);
                continue;
            };
            let ResTarget { name, indirection, val, location: _ } = &**target;
            columns.push(name.as_str());
            self.subscripts(indirection, here);
            if let Some(value) = val {
                self.expression(value, here);
            }
        }
        columns
    }

    fn returning(&mut self, clause: Option<&'a ReturningClause>, scope: ScopeId, place: Place) {
        let Some(ReturningClause { options, exprs }) = clause else { return };
        if !options.is_empty() {
            self.facts.refuse("RETURNING WITH", 180_000);
        }
        self.targets(exprs, Position { scope, place });
    }
}

fn bound(condition: Option<&Node>) -> Bound {
    match condition.map(condition::truth) {
        None | Some(Truth::Always | Truth::AllOrNothing) => Bound::Everything,
        Some(Truth::Never | Truth::Rows) => Bound::Rows,
    }
}
