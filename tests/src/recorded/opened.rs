//! What the server has recorded of the views and generated columns that a database has: what may be read
//! where a statement names one of them.

use std::collections::{HashMap, HashSet};

use super::variables::{Variables, variables};
use crate::oracle::{
    Column, Sources,
    catalog::Catalog,
    node::{self, Value},
    wire::Wire,
};

/// OIDs from here on are those of objects that dependencies are recorded on; older ones are never dropped.
pub(super) const FIRST_UNPINNED: u32 = 12_000;
/// OIDs from here on are those of users' objects.
const FIRST_OF_USERS: u32 = 16_384;

/// The dependencies of rules on columns, functions and operators.
pub(super) const RECORDED: &str = "SELECT r.ev_class, d.refclassid::regclass::text, d.refobjid, d.refobjsubid
    FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.relkind = 'v' AND d.refobjid <> r.ev_class
    AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)";

/// What is recorded of one query.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorded {
    pub(super) columns: Sources,
    /// Relations of which no column is named.
    relations: HashSet<u32>,
    /// Functions, those behind operators included.
    pub(super) functions: HashSet<u32>,
}

impl Recorded {
    /// Takes in a row of [`RECORDED`], without its view.
    pub(super) fn take(&mut self, catalog: &Catalog, [class, object, part]: [&str; 3]) {
        let object: u32 = object.parse().expect("an OID");
        match class {
            "pg_class" => match part.parse().expect("an attribute number") {
                0 => drop(self.relations.insert(object)),
                part => drop(self.columns.insert((object, part))),
            },
            "pg_proc" => drop(self.functions.insert(object)),
            _ => drop(catalog.operators.get(&object).map(|function| self.functions.insert(*function))),
        }
    }

    /// Takes in what stands in a tree.
    fn take_tree(&mut self, catalog: &Catalog, tree: &Value) {
        let Variables { columns, of_rows } = variables(tree, catalog);
        self.columns.extend(columns.into_iter().chain(of_rows));
        tree.every_node(&mut |node| {
            let functions = ["funcid", "aggfnoid", "winfnoid"].map(|field| node.oid(field));
            let operator = catalog.operators.get(&node.oid("opno")).copied();
            self.functions.extend(functions.into_iter().chain(operator).filter(|oid| *oid != 0));
        });
    }
}

/// Everything that is opened on the way from a statement to stored columns.
#[derive(Debug, Default)]
pub(super) struct Opened {
    views: HashMap<u32, Recorded>,
    /// What the policies of a table name.
    policies: HashMap<u32, Sources>,
    /// What the bodies of SQL functions name, in trees of the server's own making.
    bodies: HashMap<u32, Recorded>,
    /// Functions in PL/pgSQL, of which the server makes no trees.
    pub(super) without_trees: HashSet<u32>,
}

impl Opened {
    pub(super) fn read(wire: &mut Wire, catalog: &Catalog) -> Self {
        let mut opened = Self::default();
        for row in wire.run(RECORDED) {
            let row = texts(&row);
            let view = opened.views.entry(row[0].parse().expect("an OID")).or_default();
            view.take(catalog, [&row[1], &row[2], &row[3]]);
        }
        let trees = "SELECT ev_class, ev_action::text FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
            WHERE relkind = 'v' AND ev_type = '1'";
        for row in wire.run(&format!("{trees} AND ev_class >= {FIRST_OF_USERS}")) {
            let row = texts(&row);
            let view = opened.views.entry(row[0].parse().expect("an OID")).or_default();
            view.columns.extend(variables(&node::parse(&row[1]), catalog).of_rows);
        }
        let policies = "SELECT p.polrelid, d.refobjid, d.refobjsubid FROM pg_policy p
            JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
            WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid <> 0";
        for row in wire.run(policies) {
            let row = texts(&row);
            let [relation, named] = [&row[0], &row[1]].map(|oid| oid.parse().expect("an OID"));
            let column = (named, row[2].parse().expect("an attribute number"));
            opened.policies.entry(relation).or_default().insert(column);
        }
        for (function, trees) in &catalog.bodies {
            let body = opened.bodies.entry(*function).or_default();
            trees.iter().for_each(|tree| body.take_tree(catalog, tree));
        }
        for row in wire.run(
            "SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE lanname = 'plpgsql'",
        ) {
            opened.without_trees.insert(texts(&row)[0].parse().expect("an OID"));
        }
        opened
    }

    /// What row security adds to the tables that are recorded.
    pub(super) fn guards(&self, recorded: &Recorded) -> Sources {
        let named = recorded.columns.iter().map(|(relation, _)| relation).chain(&recorded.relations);
        named.filter_map(|relation| self.policies.get(relation)).flatten().copied().collect()
    }

    /// Whatever may be read or run where this is recorded, through views to their last.
    pub(super) fn reach(&self, catalog: &Catalog, recorded: &Recorded) -> Recorded {
        let mut all = Recorded::default();
        let mut views = HashSet::new();
        let mut next = vec![recorded.clone()];
        while let Some(recorded) = next.pop() {
            for function in recorded.functions {
                if all.functions.insert(function) {
                    next.extend(self.bodies.get(&function).cloned());
                }
            }
            for column in &recorded.columns {
                all.columns.extend(computed(catalog, *column).into_iter().flatten());
                all.columns.insert(*column);
            }
            let relations = recorded.columns.iter().map(|(relation, _)| *relation).chain(recorded.relations);
            for relation in relations {
                if views.insert(relation) {
                    next.extend(self.views.get(&relation).cloned());
                }
            }
        }
        all
    }
}

/// The columns that a generated one is made of, if it is computed when it is read.
pub(super) fn computed(catalog: &Catalog, (relation, place): Column) -> Option<Sources> {
    let expression = catalog.relations.get(&relation)?.computed.get(&place)?;
    let mut parts = Sources::new();
    expression.every_node(&mut |node| {
        if node.kind == "VAR" {
            parts.insert((relation, i16::try_from(node.number("varattno")).expect("an attribute number")));
        }
    });
    Some(parts)
}

/// A row without its nulls.
pub(super) fn texts(row: &[Option<String>]) -> Vec<String> {
    row.iter().map(|text| text.clone().unwrap_or_default()).collect()
}
