//! Calls of functions. The body of one that is written in SQL is walked with the call's arguments.

use std::{collections::HashSet, rc::Rc};

use super::{
    Walk, columns,
    scope::{Call, Scope},
};
use crate::oracle::{
    Sources,
    node::{Node, Value},
};

impl<'a> Walk<'a> {
    pub(super) fn called(&mut self, function: u32) {
        // What a body calls may be told or not.
        let must = self.open.is_empty() && self.aside == 0;
        let set = if must { &mut self.expected.functions } else { &mut self.expected.mentioned };
        set.insert(function);
    }

    /// The function behind an operator.
    pub(super) fn operator_function(&self, node: &Node) -> u32 {
        match node.oid("opfuncid") {
            0 => self.catalog.operators.get(&node.oid("opno")).copied().unwrap_or(0),
            function => function,
        }
    }

    /// What flows through a call into its value.
    pub(super) fn call(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, function: u32) -> Sources {
        self.called(function);
        match self.body(scope, node, function) {
            Some(body) => self.in_body(function, |walk| walk.every_column(&body)),
            None => self.direct(scope, node.get("args")),
        }
    }

    /// What flows into one field of a call's value, which is a row.
    pub(super) fn call_field(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, number: i64) -> Sources {
        let function = node.oid("funcid");
        self.called(function);
        let Some(body) = self.body(scope, node, function) else {
            return self.direct(scope, node.get("args"));
        };
        let count = columns::outputs(body.query).filter(|entry| !entry.is_true("resjunk")).count();
        self.in_body(function, |walk| match count {
            1 => walk.query_field(&body, 1, number),
            _ => walk.column(&body, number),
        })
    }

    /// A column of functions in FROM; number 0 is the whole row.
    pub(super) fn function_column(&mut self, scope: &Rc<Scope<'a>>, entry: &'a Node, number: i64) -> Sources {
        let mut before = 0;
        let mut sources = Sources::new();
        for function in entry.get("functions").nodes() {
            let [call, count] = [function.get("funcexpr"), function.get("funccolcount")];
            let count: i64 = match count {
                Value::Word(word) => word.parse().expect("a number"),
                _ => 0,
            };
            let place = number - before;
            before += count;
            match call.node().filter(|node| node.kind == "FUNCEXPR") {
                _ if number == 0 => sources.extend(self.direct(scope, call)),
                _ if !(1..=count).contains(&place) => {}
                Some(node) if count > 1 => sources.extend(self.call_field(scope, node, place)),
                _ => sources.extend(self.direct(scope, call)),
            }
        }
        sources
    }

    /// Runs the body of a function, if it is known.
    pub(super) fn runs_body(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> bool {
        self.body(scope, node, node.oid("funcid")).is_some()
    }

    /// Runs the body of a function, if it is written in SQL; gives the query whose rows it returns.
    pub(super) fn body(
        &mut self,
        scope: &Rc<Scope<'a>>,
        node: &'a Node,
        function: u32,
    ) -> Option<Rc<Scope<'a>>> {
        let catalog = self.catalog;
        let trees = catalog.bodies.get(&function)?;
        if self.open.contains(&function) {
            return None;
        }
        let arguments = in_order(node.get("args"));
        let mut last = None;
        for query in trees.iter().flat_map(Value::nodes) {
            let id = self.number(scope.id, query, std::ptr::from_ref(node) as usize);
            let call =
                Call { caller: Rc::clone(scope), arguments: arguments.clone(), depth: self.open.len() };
            let body = Scope { id, query, outer: None, stand_ins: Default::default(), call: Some(call) };
            let body = Rc::new(body);
            let count = self.in_body(function, |walk| walk.run(&body));
            last = (count > 0).then_some(body);
        }
        last
    }

    fn in_body<T>(&mut self, function: u32, then: impl FnOnce(&mut Self) -> T) -> T {
        self.open.push(function);
        let done = then(self);
        self.open.pop();
        done
    }

    /// Functions that stand anywhere below, and in the bodies of those.
    pub(super) fn mention(&self, tree: &Value, mentioned: &mut HashSet<u32>) {
        let before = mentioned.clone();
        let mut computed: Vec<&Value> = Vec::new();
        tree.every_node(&mut |node| {
            let own =
                ["funcid", "aggfnoid", "winfnoid", "opfuncid", "tsmhandler"].map(|field| node.oid(field));
            let operators = node.get("opnos").numbers().filter_map(|number| u32::try_from(number).ok());
            let operators = operators.chain([node.oid("opno")]);
            let behind = operators.filter_map(|operator| self.catalog.operators.get(&operator).copied());
            mentioned.extend(own.into_iter().chain(behind).filter(|function| *function != 0));
            if node.kind == "SETOPERATIONSTMT" {
                // The planner makes the columns of both sides of one type.
                mentioned.extend(&self.catalog.conversions);
            }
            // Columns that are computed when they are read run what they are made of.
            if let Some(known) = self.catalog.relations.get(&node.oid("relid")) {
                computed.extend(known.computed.values());
            }
        });
        for expression in computed {
            self.mention(expression, mentioned);
        }
        let new: Vec<u32> = mentioned.difference(&before).copied().collect();
        for body in new.iter().filter_map(|function| self.catalog.bodies.get(function)).flatten() {
            self.mention(body, mentioned);
        }
    }
}

/// The arguments of a call at their places.
fn in_order(arguments: &Value) -> Vec<&Value> {
    let mut ordered = Vec::new();
    for (place, argument) in arguments.items().iter().enumerate() {
        let named = argument.node().filter(|node| node.kind == "NAMEDARGEXPR");
        let place = named.map_or(place, |node| usize::try_from(node.number("argnumber")).expect("a place"));
        if ordered.len() <= place {
            ordered.resize(place + 1, &Value::Nothing);
        }
        ordered[place] = argument;
    }
    ordered
}
