//! What flows through an expression, and what in it decides.

use std::rc::Rc;

use super::{Walk, scope::Scope};
use crate::oracle::{
    Sources,
    node::{Node, Value},
};

const EXISTS: i64 = 0;
const MULTIPLE: i64 = 5;

impl<'a> Walk<'a> {
    /// The columns whose values can flow into the value of an expression, or of several. What decides is
    /// noted on the way.
    pub(super) fn direct(&mut self, scope: &Rc<Scope<'a>>, value: &'a Value) -> Sources {
        match value {
            Value::Nothing | Value::Word(_) => Sources::new(),
            Value::List(items) => items.iter().flat_map(|item| self.direct(scope, item)).collect(),
            Value::Node(node) => self.node(scope, node),
        }
    }

    fn fields<const N: usize>(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, names: [&str; N]) -> Sources {
        names.iter().flat_map(|name| self.direct(scope, node.get(name))).collect()
    }

    fn node(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        match node.kind.as_str() {
            "VAR" => self.variable(scope, node),
            "PARAM" => self.parameter(scope, node),
            // Without a source. GROUPING tells the grouping set apart, not values.
            "CONST"
            | "CASETESTEXPR"
            | "COERCETODOMAINVALUE"
            | "SETTODEFAULT"
            | "CURRENTOFEXPR"
            | "NEXTVALUEEXPR"
            | "SQLVALUEFUNCTION"
            | "MERGESUPPORTFUNC"
            | "GROUPINGFUNC"
            | "JSONFORMAT" => Sources::new(),
            "AGGREF" => self.aggregate(scope, node),
            "WINDOWFUNC" => self.window_function(scope, node),
            "FUNCEXPR" => self.function(scope, node),
            "OPEXPR" | "DISTINCTEXPR" | "NULLIFEXPR" | "SCALARARRAYOPEXPR" => {
                let function = self.operator_function(node);
                self.call(scope, node, function)
            }
            "SUBLINK" => self.sublink(scope, node),
            "FIELDSELECT" => self.field(scope, node.get("arg"), node.number("fieldnum")),
            "CASEEXPR" | "CASE" => self.case(scope, node),
            "ROWCOMPAREEXPR" | "ROWCOMPARE" => {
                for operator in node.get("opnos").numbers() {
                    let operator = u32::try_from(operator).expect("an OID");
                    let function = self.catalog.operators.get(&operator).copied().unwrap_or(0);
                    self.called(function);
                }
                self.fields(scope, node, ["largs", "rargs"])
            }
            _ => self.plain(scope, node),
        }
    }

    /// A call; of a cast that nobody wrote the function may be told or not.
    fn function(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        const IMPLICIT_CAST: i64 = 2;
        if node.number("funcformat") != IMPLICIT_CAST {
            return self.call(scope, node, node.oid("funcid"));
        }
        self.expected.mentioned.insert(node.oid("funcid"));
        self.direct(scope, node.get("args"))
    }

    /// Nodes whose fields simply flow.
    fn plain(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        match node.kind.as_str() {
            "BOOLEXPR" | "COALESCEEXPR" | "COALESCE" | "MINMAXEXPR" | "MINMAX" | "ROWEXPR" | "ROW" => {
                self.fields(scope, node, ["args"])
            }
            "RELABELTYPE" | "COERCEVIAIO" | "CONVERTROWTYPEEXPR" | "COLLATEEXPR" | "COLLATE"
            | "COERCETODOMAIN" | "NULLTEST" | "BOOLEANTEST" | "NAMEDARGEXPR" => {
                self.fields(scope, node, ["arg"])
            }
            "ARRAYCOERCEEXPR" => self.fields(scope, node, ["arg", "elemexpr"]),
            "ARRAYEXPR" | "ARRAY" => self.fields(scope, node, ["elements"]),
            "SUBSCRIPTINGREF" => {
                self.fields(scope, node, ["refupperindexpr", "reflowerindexpr", "refexpr", "refassgnexpr"])
            }
            "FIELDSTORE" => self.fields(scope, node, ["arg", "newvals"]),
            "XMLEXPR" => self.fields(scope, node, ["named_args", "args"]),
            "JSONVALUEEXPR" => self.fields(scope, node, ["raw_expr", "formatted_expr"]),
            "JSONCONSTRUCTOREXPR" => self.fields(scope, node, ["args", "func", "coercion"]),
            "JSONEXPR" => self.fields(
                scope,
                node,
                ["formatted_expr", "path_spec", "passing_values", "on_empty", "on_error"],
            ),
            "JSONISPREDICATE" | "JSONBEHAVIOR" | "INFERENCEELEM" | "TARGETENTRY" => {
                self.fields(scope, node, ["expr"])
            }
            "RETURNINGEXPR" => self.fields(scope, node, ["retexpr"]),
            other => panic!("the node {other} is new to the oracle"),
        }
    }

    /// A parameter of the statement has no source; one of a function's body has the argument's, one of
    /// `(a, b) = (SELECT …)` a column of the query.
    fn parameter(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        const EXTERNAL: i64 = 0;
        const MULTIPLE_ASSIGNMENT: i64 = 3;
        let number = node.number("paramid");
        match node.number("paramkind") {
            EXTERNAL => {
                self.at_argument(scope, number, |walk, caller, argument| walk.direct(caller, argument))
            }
            MULTIPLE_ASSIGNMENT => {
                let query = self.assigned_query(number >> 16);
                let inner = self.scope(query, Some(scope));
                self.rows(&inner);
                self.column(&inner, number & 0xFFFF)
            }
            // Of a subquery's test: the subquery's columns are looked at with it.
            _ => Sources::new(),
        }
    }

    /// The query of `(a, b) = (SELECT …)` with this number, in the target list that is being looked at.
    fn assigned_query(&self, number: i64) -> &'a Node {
        let mut found = None;
        self.targets.last().expect("a target list").every_node(&mut |node| {
            if node.kind == "SUBLINK"
                && node.number("subLinkType") == MULTIPLE
                && node.number("subLinkId") == number
            {
                found = found.or(node.get("subselect").node());
            }
        });
        found.expect("the query of a multiple assignment")
    }

    fn aggregate(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        self.called(node.oid("aggfnoid"));
        self.decide(scope, node.get("aggfilter"));
        // ORDER BY, DISTINCT and WITHIN GROUP name entries of the arguments.
        for clause in ["aggorder", "aggdistinct"] {
            for key in node.get(clause).nodes() {
                let reference = key.number("tleSortGroupRef");
                let mut entries = node.get("args").nodes();
                let entry = entries.find(|entry| entry.number("ressortgroupref") == reference);
                self.decide(scope, entry.expect("an argument").get("expr"));
            }
        }
        let mut sources = self.direct(scope, node.get("aggdirectargs"));
        for entry in node.get("args").nodes().filter(|entry| !entry.is_true("resjunk")) {
            sources.extend(self.direct(scope, entry.get("expr")));
        }
        sources
    }

    fn window_function(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        self.decide(scope, node.get("aggfilter"));
        let number = node.number("winref");
        let mut windows = scope.query.get("windowClause").nodes();
        let window = windows.find(|window| window.number("winref") == number).expect("a window");
        self.sort_clauses(scope, window.get("partitionClause"));
        self.sort_clauses(scope, window.get("orderClause"));
        self.decide(scope, window.get("startOffset"));
        self.decide(scope, window.get("endOffset"));
        self.called(node.oid("winfnoid"));
        self.fields(scope, node, ["args"])
    }

    /// The test and the conditions decide, the results flow.
    fn case(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        self.decide(scope, node.get("arg"));
        let mut sources = self.direct(scope, node.get("defresult"));
        for when in node.get("args").nodes() {
            self.decide(scope, when.get("expr"));
            sources.extend(self.direct(scope, when.get("result")));
        }
        sources
    }

    fn sublink(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        let inner = self.scope(node.get("subselect").node().expect("a query"), Some(scope));
        self.rows(&inner);
        match node.number("subLinkType") {
            EXISTS | MULTIPLE => Sources::new(),
            _ => {
                let mut sources = self.direct(scope, node.get("testexpr"));
                sources.extend(self.every_column(&inner));
                sources
            }
        }
    }
}
