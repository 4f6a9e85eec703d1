//! The dependencies that the server records of a view: every column, function and operator that its query
//! names. Each query that can be one is made a view for a moment, and held against what `connect-agent
//! analyze` says is read and run.
//!
//! Both ways: what is recorded must be among what is said, and what is said must be recorded. The rules by
//! which they may differ are those of `Rule`; nothing else is excused.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::{
    Bench, Case, Figures,
    opened::{FIRST_UNPINNED, Opened, RECORDED, Recorded, computed, texts},
    variables::{Variables, variables},
};
use crate::{
    differential::{explained::Explained, told::Told},
    oracle::{Column, Oracle, catalog::Catalog, node, wire::Wire},
};

/// What the view is called for its moment.
const VIEW: &str = "recorded_for_a_moment";

/// Why something that is recorded need not be said, or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A field of a row is recorded as the column of the table whose type the row has, wherever the row
    /// comes from; no variable of the tree is that column.
    FieldOfRow,
    /// Names of functions stand for what is run: what nobody uses is recorded and does not run. The
    /// server's own rewritten tree, walked by demand, does not come to it either.
    NotRun,
    /// A function in PL/pgSQL is read for what it can reach; the server records the function only, and makes
    /// no tree of its body.
    BodyRead,
}

impl Rule {
    const fn name(self) -> &'static str {
        match self {
            Self::FieldOfRow => "excused as fields of rows",
            Self::NotRun => "functions excused as not run",
            Self::BodyRead => "not held against the reverse for a body in PL/pgSQL",
        }
    }
}

/// A query that has been a view.
struct Seen<'a> {
    case: &'a Case,
    /// With values in place of parameters.
    sql: String,
    recorded: Recorded,
    variables: Variables,
}

/// Compares each query that can be a view.
pub fn compare(bench: &mut Bench, cases: &[Case], explained: &Explained, figures: &mut Figures) {
    let mut seen = Vec::new();
    // What a session has made has no name here.
    for case in cases.iter().filter(|case| case.is_query() && !case.makes_relations()) {
        match bench.in_session(case, |oracle, wire| record(wire, &oracle.catalog, case)) {
            Some(found) => seen.push(found),
            None => figures.add("no views", 1),
        }
    }
    let opened = Opened::read(&mut bench.wire, &bench.oracle.catalog);
    let views = view_columns(bench, &seen);
    let questions = seen.iter().map(|seen| seen.case.question(&seen.sql)).collect();
    let answers = bench.analyst.ask_all(questions);
    for (seen, told) in seen.iter().zip(&answers) {
        if told.status == "opaque" {
            figures.add("opaque", 1);
            continue;
        }
        figures.add("views compared", 1);
        let mut comparison = Comparison {
            oracle: &mut bench.oracle,
            opened: &opened,
            views: &views,
            told,
            found: Vec::new(),
            figures,
        };
        comparison.all(seen);
        let found = comparison.found;
        figures.differ(&seen.sql, found, explained);
    }
}

/// Makes a query a view and reads what is recorded of it; `None` if it cannot be one.
fn record<'a>(wire: &mut Wire, catalog: &Catalog, case: &'a Case) -> Option<Seen<'a>> {
    let parsed = wire.parse(&case.judged).ok()?;
    let sql = with_values(&case.judged, &parsed.parameters, catalog);
    // Names may stand twice in a result, and not in a view.
    let names: Vec<String> = (1..=parsed.fields?.len()).map(|place| format!("c{place}")).collect();
    let names = if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) };
    wire.attempt(&format!("CREATE TEMPORARY VIEW {VIEW}{names} AS {sql}")).ok()?;
    // A session may have relations that are called like the server's.
    wire.run("SET search_path = pg_catalog, pg_temp");
    let mut recorded = Recorded::default();
    for row in wire.run(&format!("{RECORDED} AND r.ev_class = '{VIEW}'::regclass")) {
        let row = texts(&row);
        recorded.take(catalog, [&row[1], &row[2], &row[3]]);
    }
    let tree =
        wire.run(&format!("SELECT ev_action::text FROM pg_rewrite WHERE ev_class = '{VIEW}'::regclass"));
    let variables = variables(&node::parse(&texts(&tree[0])[0]), catalog);
    Some(Seen { case, sql, recorded, variables })
}

/// A view has no parameters: each is a value of its type.
fn with_values(sql: &str, parameters: &[u32], catalog: &Catalog) -> String {
    let places = (0..parameters.len()).rev();
    places.fold(sql.to_owned(), |sql, place| {
        let value = format!("(NULL::{})", catalog.type_name(parameters[place]));
        sql.replace(&format!("${}", place + 1), &value)
    })
}

/// What the agent says that the columns of views come from: the view's own level. Each view is compared by
/// itself, too, as a statement of its own.
fn view_columns(bench: &mut Bench, seen: &[Seen<'_>]) -> HashMap<Column, BTreeSet<String>> {
    let catalog = &bench.oracle.catalog;
    let is_view = |relation: &u32| catalog.relations.get(relation).is_some_and(|known| known.kind == 'v');
    let named = seen.iter().flat_map(|seen| &seen.recorded.columns).map(|(relation, _)| *relation);
    let views: Vec<u32> = named.filter(is_view).collect::<BTreeSet<u32>>().into_iter().collect();
    let question = |view: &u32| {
        let name = &catalog.relations[view].name;
        let quoted: Vec<String> =
            name.splitn(2, '.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        json!({ "sql": format!("SELECT * FROM {}", quoted.join(".")) })
    };
    let answers = bench.analyst.ask_all(views.iter().map(question).collect());
    let mut columns = HashMap::new();
    for (view, told) in views.iter().zip(&answers) {
        let outputs = told.outputs.first().map_or(&[][..], |output| &output.columns);
        for (place, column) in (1..).zip(outputs) {
            columns.insert((*view, place), column.direct.clone());
        }
    }
    columns
}

struct Comparison<'a> {
    oracle: &'a mut Oracle,
    opened: &'a Opened,
    views: &'a HashMap<Column, BTreeSet<String>>,
    told: &'a Told,
    found: Vec<String>,
    figures: &'a mut Figures,
}

impl Comparison<'_> {
    fn all(&mut self, seen: &Seen<'_>) {
        let complete = self.told.status == "complete";
        self.figures.add(if complete { "of them complete" } else { "of them partial" }, 1);
        if complete {
            self.columns_are_said(seen);
            self.functions_are_said(seen);
        }
        let names = names_of(self.opened.without_trees.iter().copied(), &self.oracle.catalog);
        if self.told.functions.iter().any(|function| names.contains(&unquoted(function))) {
            return self.figures.add(Rule::BodyRead.name(), 1);
        }
        self.said_is_recorded(seen);
    }

    /// Whatever is recorded is read.
    fn columns_are_said(&mut self, seen: &Seen<'_>) {
        self.figures.add("columns recorded", seen.recorded.columns.len());
        for column in &seen.recorded.columns {
            let catalog = &self.oracle.catalog;
            let name = catalog.column_name(*column);
            let reads = &self.told.reads;
            let said = match (self.views.get(column), computed(catalog, *column)) {
                (Some(behind), _) => behind.is_subset(reads),
                // What is computed when it is read is read by its parts.
                (None, Some(parts)) => catalog.column_names(&parts).is_subset(reads),
                (None, None) => reads.contains(&name),
            };
            if said {
                continue;
            }
            if seen.variables.columns.contains(column) {
                self.found.push(format!("{name} is recorded, not read"));
            } else {
                self.figures.add(Rule::FieldOfRow.name(), 1);
            }
        }
    }

    /// Functions that are recorded run.
    fn functions_are_said(&mut self, seen: &Seen<'_>) {
        self.figures.add("functions recorded", seen.recorded.functions.len());
        let said: BTreeSet<String> = self.told.functions.iter().map(|name| unquoted(name)).collect();
        let recorded = functions(&seen.recorded, &self.oracle.catalog);
        let missing: BTreeMap<String, u32> =
            recorded.into_iter().filter(|(name, _)| !said.contains(name)).collect();
        if missing.is_empty() {
            return;
        }
        if let Some(path) = &seen.case.search_path {
            self.oracle.run(&format!("SET search_path TO {}", path.join(", ")));
        }
        let run = self.oracle.judge(&seen.sql).map(|judgement| judgement.expected.functions);
        self.oracle.run("RESET search_path");
        for (name, function) in missing {
            match &run {
                Ok(run) if !run.contains(&function) => self.figures.add(Rule::NotRun.name(), 1),
                _ => self.found.push(format!("{name} is recorded, not run")),
            }
        }
    }

    /// Whatever is said is recorded: of the query, or of a view that it reads.
    fn said_is_recorded(&mut self, seen: &Seen<'_>) {
        let catalog = &self.oracle.catalog;
        let mut recorded = seen.recorded.clone();
        recorded.columns.extend(&seen.variables.of_rows);
        if seen.case.has_role() {
            recorded.columns.extend(self.opened.guards(&recorded));
        }
        let reach = self.opened.reach(catalog, &recorded);
        let columns = catalog.column_names(&reach.columns);
        let is_pinned = |name: &&String| name.starts_with("pg_catalog.");
        for name in self.told.reads.difference(&columns).filter(|name| !is_pinned(name)) {
            self.found.push(format!("{name} is read, not recorded"));
        }
        let recorded = functions(&reach, catalog);
        let pinned = names_of(catalog.functions.keys().copied().filter(|oid| *oid < FIRST_UNPINNED), catalog);
        for name in self.told.functions.iter().map(|name| unquoted(name)) {
            if !pinned.contains(&name) && !recorded.contains_key(&name) {
                self.found.push(format!("{name} is run, not recorded"));
            }
        }
    }
}

fn functions(recorded: &Recorded, catalog: &Catalog) -> BTreeMap<String, u32> {
    let name = |oid: &u32| Some((unquoted(catalog.functions.get(oid)?), *oid));
    recorded.functions.iter().filter_map(name).collect()
}

fn names_of(functions: impl Iterator<Item = u32>, catalog: &Catalog) -> BTreeSet<String> {
    functions.filter_map(|oid| catalog.functions.get(&oid)).map(|name| unquoted(name)).collect()
}

/// Both sides put some names in quotes that the other does not, such as `"char"`.
fn unquoted(name: &str) -> String {
    name.replace('"', "")
}
