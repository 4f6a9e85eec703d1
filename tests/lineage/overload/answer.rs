//! What a question comes to, on either side.

use connect_core::{
    catalog::{Catalog, Oid},
    understand::overload::{Failure, base_type},
};
use connect_tests::oracle::{
    node::{Node, Value, rewritten},
    wire::{Refusal, Wire},
};

use super::call::Asked;

#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// An operator or function with its result's type, and what conversions of arguments run.
    Runs {
        what: Oid,
        result: Oid,
        conversions: Vec<Oid>,
    },
    /// A cast, or a common type.
    Becomes {
        result: Oid,
        conversions: Option<Vec<Oid>>,
    },
    /// Columns of a function that has several.
    Columns(Vec<Oid>),
    Refused(Option<Failure>),
    /// An error that has nothing to do with it.
    Other(String),
}

impl Answer {
    pub(super) fn agrees(&self, theirs: &Self) -> bool {
        match (self, theirs) {
            // Only their error's code tells which; some codes do not.
            (Self::Refused(_), Self::Refused(None)) => true,
            (Self::Becomes { result, conversions: None }, Self::Becomes { result: other, .. }) => {
                result == other
            }
            (ours, theirs) => ours == theirs,
        }
    }

    /// The server's answer: its query tree, or its error.
    pub(super) fn of(wire: &mut Wire, asked: &Asked) -> Self {
        let done = match wire.parse(&asked.sql()) {
            Ok(done) => done,
            Err(refusal) => return Self::refused(&refusal),
        };
        if asked.wants_columns() {
            let fields = done.fields.unwrap_or_default();
            return Self::Columns(fields.iter().map(|field| Oid(field.type_oid)).collect());
        }
        let tree = done.notices.iter().find_map(rewritten).expect("a tree");
        let query = tree.nodes().next().expect("a query");
        let target = query.get("targetList").nodes().next().expect("a target");
        Self::of_node(target.get("expr").node().expect("an expression"))
    }

    fn of_node(node: &Node) -> Self {
        let call = match node.kind.as_str() {
            "OPEXPR" => Some(("opno", "opresulttype")),
            "SCALARARRAYOPEXPR" => Some(("opno", "")),
            // Written as a call, or as a cast.
            "FUNCEXPR" if node.number("funcformat") == 0 => Some(("funcid", "funcresulttype")),
            "AGGREF" => Some(("aggfnoid", "aggtype")),
            "WINDOWFUNC" => Some(("winfnoid", "wintype")),
            _ => None,
        };
        if node.kind == "FIELDSELECT" {
            // `f(row)` that is `row.f`, which is the caller's to find.
            return Self::Other("a field".to_owned());
        }
        let Some((what, result)) = call else { return Self::becomes(node) };
        const BOOL: u32 = 16;
        let result = if result.is_empty() { BOOL } else { node.oid(result) };
        let mut conversions = Vec::new();
        node.values().for_each(|value| implicit(value, &mut conversions));
        conversions.sort_unstable();
        Self::Runs { what: Oid(node.oid(what)), result: Oid(result), conversions }
    }

    fn becomes(node: &Node) -> Self {
        let fields =
            ["resulttype", "funcresulttype", "consttype", "coalescetype", "row_typeid", "minmaxtype"];
        let result = fields.iter().map(|field| node.oid(field)).find(|oid| *oid != 0);
        // The one subquery among the arguments is of `anyarray`.
        let result = result.unwrap_or_else(|| if node.kind == "SUBLINK" { 2277 } else { panic!("{node:?}") });
        let mut conversions = Vec::new();
        node.values().for_each(|value| every_function(value, &mut conversions));
        conversions.extend(Some(Oid(node.oid("funcid"))).filter(|oid| *oid != Oid(0)));
        conversions.sort_unstable();
        Self::Becomes { result: Oid(result), conversions: Some(conversions) }
    }

    fn refused(refusal: &Refusal) -> Self {
        match refusal.code.as_str() {
            "42883" if refusal.message.contains("ordering operator") => Self::Other("no order".to_owned()),
            "42883" => Self::Refused(Some(Failure::Missing)),
            "42725" => Self::Refused(Some(Failure::Ambiguous)),
            // Types that do not fit, cannot be told or cannot be cast; things of the wrong kind.
            "42804" | "42P18" | "42846" | "42809" | "42P13" | "42704" => Self::Refused(None),
            code => Self::Other(format!("{code} {}", refusal.message)),
        }
    }

    pub(super) fn text(&self, catalog: &Catalog) -> String {
        let type_name =
            |oid: &Oid| catalog.code.types.get(oid).map_or(oid.0.to_string(), |found| found.name.to_string());
        let function = |oid: &Oid| {
            let found = catalog.code.functions.get(oid);
            found.map_or(oid.0.to_string(), |found| {
                let types: Vec<String> = found.arguments.iter().map(type_name).collect();
                format!("{}.{}({})", found.schema, found.name, types.join(", "))
            })
        };
        match self {
            Self::Runs { what, result, conversions } => {
                let named = match catalog.code.operators.get(what) {
                    Some(found) => format!(
                        "{} {}.{} {}",
                        type_name(&found.left),
                        found.schema,
                        found.name,
                        type_name(&found.right)
                    ),
                    None => function(what),
                };
                let through: Vec<String> = conversions.iter().map(function).collect();
                format!("{named} gives {} through {through:?}", type_name(result))
            }
            Self::Becomes { result, conversions } => {
                let through = conversions.iter().flatten().map(function).collect::<Vec<_>>();
                format!("becomes {} through {through:?}", type_name(result))
            }
            Self::Columns(columns) => {
                format!("columns {:?}", columns.iter().map(type_name).collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        }
    }

    /// As RowDescription has types: domains as what is under them.
    pub(super) fn columns(catalog: &Catalog, types: impl Iterator<Item = Oid>) -> Self {
        let columns: Vec<Oid> = types.map(|oid| base_type(catalog, oid)).collect();
        if columns.contains(&Oid(0)) { Self::Refused(None) } else { Self::Columns(columns) }
    }
}

/// Functions of implicit conversions.
fn implicit(value: &Value, found: &mut Vec<Oid>) {
    value.every_node(&mut |node| {
        if node.kind == "FUNCEXPR" && node.number("funcformat") == 2 {
            found.push(Oid(node.oid("funcid")));
        }
    });
}

fn every_function(value: &Value, found: &mut Vec<Oid>) {
    value.every_node(&mut |node| {
        if node.kind == "FUNCEXPR" {
            found.push(Oid(node.oid("funcid")));
        }
    });
}
