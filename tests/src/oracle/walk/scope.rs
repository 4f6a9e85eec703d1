//! Where variables and parameters point to.

use std::{collections::HashMap, rc::Rc};

use super::{Walk, write::Row};
use crate::oracle::{
    Sources,
    node::{Node, Value},
};

/// A query in its place.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) id: usize,
    pub(super) query: &'a Node,
    pub(super) outer: Option<Rc<Self>>,
    /// Entries of the range table that stand for something else here: `excluded`, and the target in RETURNING.
    pub(super) stand_ins: HashMap<i64, Rc<Row<'a>>>,
    /// What the function was called with whose body this is.
    pub(super) call: Option<Call<'a>>,
}

/// A call of a function.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// Where its arguments stand.
    pub(super) caller: Rc<Scope<'a>>,
    pub(super) arguments: Vec<&'a Value>,
    /// How many bodies were open there.
    pub(super) depth: usize,
}

impl<'a> Scope<'a> {
    /// The scope that many levels out.
    pub(super) fn up(self: &Rc<Self>, levels: i64) -> Rc<Self> {
        (0..levels).fold(Rc::clone(self), |scope, _| Rc::clone(scope.outer.as_ref().expect("an outer query")))
    }

    /// An entry of the range table.
    pub(super) fn entry(&self, number: i64) -> &'a Node {
        let place = usize::try_from(number - 1).expect("range table entries are counted from 1");
        self.query.get("rtable").items()[place].node().expect("an entry")
    }

    /// An argument of the function in whose body this is, and the call that gave it.
    fn argument(&self, number: i64) -> Option<(&Call<'a>, &'a Value)> {
        match (&self.call, &self.outer) {
            (Some(call), _) => {
                let place = usize::try_from(number - 1).ok()?;
                Some((call, *call.arguments.get(place)?))
            }
            (None, Some(outer)) => outer.argument(number),
            (None, None) => None,
        }
    }
}

impl<'a> Walk<'a> {
    /// Looks at an argument of the function in whose body this is, as from where it was given: the function
    /// may be called there again.
    pub(super) fn at_argument(
        &mut self,
        scope: &Rc<Scope<'a>>,
        number: i64,
        look: impl FnOnce(&mut Self, &Rc<Scope<'a>>, &'a Value) -> Sources,
    ) -> Sources {
        let Some((call, argument)) = scope.argument(number) else { return Sources::new() };
        let inside = self.open.split_off(call.depth.min(self.open.len()));
        let sources = look(self, &call.caller, argument);
        self.open.extend(inside);
        sources
    }

    pub(super) fn scope(&mut self, query: &'a Node, outer: Option<&Rc<Scope<'a>>>) -> Rc<Scope<'a>> {
        let id = self.number(outer.map_or(0, |outer| outer.id), query, 0);
        Rc::new(Scope { id, query, outer: outer.map(Rc::clone), stand_ins: HashMap::new(), call: None })
    }

    /// The same query, with something else in place of an entry.
    pub(super) fn with_stand_in(
        &mut self,
        scope: &Rc<Scope<'a>>,
        entry: i64,
        row: Rc<Row<'a>>,
    ) -> Rc<Scope<'a>> {
        let place = usize::try_from(entry).expect("range table entries are counted from 1") * 2 + 1;
        let id = self.number(scope.id, scope.query, place);
        let mut stand_ins = scope.stand_ins.clone();
        stand_ins.insert(entry, row);
        let call = scope.call.clone();
        Rc::new(Scope { id, query: scope.query, outer: scope.outer.clone(), stand_ins, call })
    }

    /// The query of a common table expression that an entry of `scope` refers to.
    pub(super) fn common_table(&mut self, scope: &Rc<Scope<'a>>, entry: &'a Node) -> Rc<Scope<'a>> {
        let home = scope.up(entry.number("ctelevelsup"));
        let name = entry.word("ctename").expect("a name");
        let found = home.query.get("cteList").nodes().find(|table| table.word("ctename") == Some(name));
        let query = found.and_then(|table| table.get("ctequery").node()).expect("a common table expression");
        self.scope(query, Some(&home))
    }
}
