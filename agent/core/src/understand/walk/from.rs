//! Items of FROM and USING: relations, joins, subqueries, functions.

use pg_query::{
    NodeEnum,
    protobuf::{
        Alias, ColumnDef, JoinExpr, JoinType, List, Node, RangeFunction, RangeSubselect, RangeTableSample,
        RangeVar,
    },
};

use super::{Position, Walk, text, texts};
use crate::understand::facts::{Call, Item, Place, ScopeId, Source};

impl<'a> Walk<'a> {
    pub(super) fn from(&mut self, node: &'a Node, here: Position) {
        match &node.node {
            Some(NodeEnum::RangeVar(relation)) => self.range_var(relation, here.scope),
            Some(NodeEnum::JoinExpr(join)) => self.join(join, here),
            Some(NodeEnum::RangeSubselect(subselect)) => self.range_subselect(subselect, here),
            Some(NodeEnum::RangeFunction(function)) => self.range_function(function, here),
            Some(NodeEnum::RangeTableSample(sample)) => self.sample(sample, here),
            Some(NodeEnum::RangeTableFunc(_)) => self.facts.refuse("XMLTABLE", 0),
            Some(NodeEnum::JsonTable(_)) => self.facts.refuse("JSON_TABLE", 170_000),
            _ => self.facts.refuse("an item of FROM", 0),
        }
    }

    pub(super) fn range_var(&mut self, relation: &'a RangeVar, scope: ScopeId) {
        let RangeVar {
            catalogname: _,
            schemaname: _,
            relname,
            inh: _,
            relpersistence: _,
            alias,
            location: _,
        } = relation;
        let name = alias.as_ref().map_or(relname.as_str(), |alias| &alias.aliasname);
        let renamed = alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
        self.item(scope, name, Source::Relation { relation, renamed });
    }

    pub(super) fn item(&mut self, scope: ScopeId, name: &'a str, source: Source<'a>) {
        if let Some(scope) = self.scope(scope) {
            scope.items.push(Item { name, source });
        }
    }

    fn derived(&mut self, alias: Option<&'a Alias>, scope: ScopeId) {
        let name = alias.map_or("", |alias| &alias.aliasname);
        self.item(scope, name, Source::Derived);
    }

    fn join(&mut self, join: &'a JoinExpr, here: Position) {
        let JoinExpr {
            jointype,
            is_natural,
            larg,
            rarg,
            using_clause,
            join_using_alias,
            quals,
            alias,
            rtindex: _,
        } = join;
        for node in [larg, rarg].into_iter().flatten() {
            self.from(node, here);
        }
        if JoinType::try_from(*jointype) != Ok(JoinType::JoinInner)
            && let Some(scope) = self.scope(here.scope)
        {
            scope.outer_join = true;
        }
        if *is_natural {
            self.facts.natural.push(here.scope);
        }
        if *is_natural || !using_clause.is_empty() {
            self.facts.operators.push("=");
        }
        for name in using_clause.iter().filter_map(text) {
            self.facts.compared.push((here.scope, name));
        }
        if let Some(alias) = join_using_alias {
            self.derived(Some(alias), here.scope);
        }
        if let Some(alias) = alias {
            self.derived(Some(alias), here.scope);
            if let Some(scope) = self.scope(here.scope) {
                scope.join_alias = true;
            }
        }
        if let Some(quals) = quals {
            self.expression(quals, here.condition());
        }
    }

    fn range_subselect(&mut self, subselect: &'a RangeSubselect, here: Position) {
        let RangeSubselect { lateral, subquery, alias } = subselect;
        if let Some(query) = subquery {
            let around = self.scope(here.scope).and_then(|scope| scope.parent);
            let sees = if *lateral { Some(here.scope) } else { around };
            self.statement(query, sees, Place::Expression);
        }
        self.derived(alias.as_ref(), here.scope);
    }

    fn range_function(&mut self, function: &'a RangeFunction, here: Position) {
        let RangeFunction { lateral: _, ordinality: _, is_rowsfrom: _, functions, alias, coldeflist } =
            function;
        for node in functions {
            self.range_function_call(node, here);
        }
        self.column_definitions(coldeflist);
        if let Some(alias) = alias {
            let defined = coldeflist.iter().filter_map(|node| match &node.node {
                Some(NodeEnum::ColumnDef(definition)) => Some(definition.colname.as_str()),
                _ => None,
            });
            let columns = alias.colnames.iter().filter_map(text).chain(defined).collect();
            self.item(here.scope, &alias.aliasname, Source::Function { columns });
        } else {
            // Without an alias the function's own name qualifies its columns.
            let calls = function_names(functions);
            for name in calls {
                self.item(here.scope, name, Source::Function { columns: Vec::new() });
            }
            self.derived(None, here.scope);
        }
    }

    /// Each is a list of the call and its column definitions.
    fn range_function_call(&mut self, node: &'a Node, here: Position) {
        let Some(NodeEnum::List(List { items })) = &node.node else {
            return self.facts.refuse("a function in FROM", 0);
        };
        for item in items {
            match &item.node {
                Some(NodeEnum::List(List { items })) => self.column_definitions(items),
                None => {}
                _ => self.expression(item, here.at(Place::Expression)),
            }
        }
    }

    fn column_definitions(&mut self, definitions: &'a [Node]) {
        for node in definitions {
            match &node.node {
                Some(NodeEnum::ColumnDef(definition)) => {
                    let ColumnDef { type_name, raw_default, constraints, .. } = &**definition;
                    if raw_default.is_some() || !constraints.is_empty() {
                        self.facts.refuse("a column definition", 0);
                    }
                    self.type_name(type_name.as_ref());
                }
                _ => self.facts.refuse("a column definition", 0),
            }
        }
    }

    fn sample(&mut self, sample: &'a RangeTableSample, here: Position) {
        let RangeTableSample { relation, method, args, repeatable, location: _ } = sample;
        if let Some(relation) = relation {
            self.from(relation, here);
        }
        self.facts.samples.push(sample);
        self.facts.calls.push(Call { name: texts(method), ..Call::default() });
        self.expressions(args, here.condition());
        if let Some(seed) = repeatable {
            self.expression(seed, here.condition());
        }
    }
}

fn function_names(functions: &[Node]) -> impl Iterator<Item = &str> {
    functions.iter().filter_map(|node| {
        let Some(NodeEnum::List(List { items })) = &node.node else { return None };
        match &items.first()?.node {
            Some(NodeEnum::FuncCall(call)) => call.funcname.last().and_then(text),
            _ => None,
        }
    })
}
