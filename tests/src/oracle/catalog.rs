//! Names of the server's numbers, and the trees that its catalogs keep.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Column, Sources,
    node::{self, Value},
    wire::Wire,
};

/// What the walk needs to know of a database.
#[derive(Debug, Default)]
pub struct Catalog {
    pub relations: HashMap<u32, Relation>,
    /// `schema.name(type,type)` of functions.
    pub functions: HashMap<u32, String>,
    /// Names of types, with their schema unless they are the server's own.
    types: HashMap<u32, String>,
    /// What domains are over, by name.
    domains: HashMap<String, String>,
    /// The function behind an operator.
    pub operators: HashMap<u32, u32>,
    /// Functions that convert without being asked to.
    pub conversions: HashSet<u32>,
    /// Columns of a constraint.
    constraints: HashMap<u32, Vec<i16>>,
    /// What the unique and exclusion indexes of a relation are made of.
    uniques: HashMap<u32, Vec<i16>>,
    /// Functions in SQL whose bodies the server has analysed: one tree a statement.
    pub bodies: HashMap<u32, Vec<Value>>,
}

/// A table, view …
#[derive(Debug, Default)]
pub struct Relation {
    /// `schema.name`
    pub name: String,
    pub kind: char,
    /// By attribute number; dropped columns are left out.
    pub columns: BTreeMap<i16, String>,
    /// Columns that get a value if none is given.
    pub defaults: BTreeSet<i16>,
    /// Expressions of generated columns that are stored.
    pub stored: BTreeMap<i16, Value>,
    /// Expressions of generated columns that are computed when they are read.
    pub computed: BTreeMap<i16, Value>,
}

const RELATIONS: &str = "SELECT c.oid, n.nspname || '.' || c.relname, c.relkind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind <> 'i'";
const COLUMNS: &str =
    "SELECT a.attrelid, a.attnum, a.attname, a.attgenerated, a.atthasdef OR a.attidentity <> '',
    CASE WHEN a.attgenerated <> '' THEN d.adbin END
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind <> 'i'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped";
const FUNCTIONS: &str = "SELECT p.oid, n.nspname || '.' || p.proname || '('
    || array_to_string(array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t), ',') || ')'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace";
const UNIQUES: &str = "SELECT DISTINCT i.indrelid, d.refobjsubid FROM pg_index i
    JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
    JOIN pg_depend d ON d.objid = c.oid AND d.refobjid = i.indrelid AND d.refobjsubid > 0
    UNION SELECT i.indrelid, d.refobjsubid FROM pg_index i
    JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0
    WHERE i.indisunique OR i.indisexclusion ORDER BY 1, 2";
const BODIES: &str = "SELECT p.oid, pg_get_functiondef(p.oid) FROM pg_proc p
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'sql' WHERE p.prokind IN ('f', 'p') AND p.oid >= 16384";

impl Catalog {
    /// Reads it.
    ///
    /// # Panics
    /// The catalogs are not as they are known.
    #[must_use]
    pub fn read(wire: &mut Wire) -> Self {
        let mut catalog = Self::default();
        // So that names of types have their schemas.
        wire.run("SET search_path = ''");
        for row in wire.run(RELATIONS) {
            let [oid, name, kind] = words(row);
            let kind = kind.chars().next().expect("a kind");
            catalog.relations.insert(number(&oid), Relation { name, kind, ..Relation::default() });
        }
        for row in wire.run(COLUMNS) {
            catalog.add_column(words(row));
        }
        for row in wire.run(FUNCTIONS) {
            let [oid, name] = words(row);
            // Two pseudo-types and a type are in quotes because they are key words, too.
            catalog
                .functions
                .insert(number(&oid), name.replace("\"any\"", "any").replace("\"char\"", "char"));
        }
        for row in wire
            .run("SELECT oid, format_type(oid, NULL), format_type(nullif(typbasetype, 0), NULL) FROM pg_type")
        {
            let [oid, name, base] = words(row);
            if !base.is_empty() {
                catalog.domains.insert(name.clone(), base);
            }
            catalog.types.insert(number(&oid), name);
        }
        for row in wire.run("SELECT oid, oprcode::oid FROM pg_operator") {
            let [oid, code] = words(row);
            catalog.operators.insert(number(&oid), number(&code));
        }
        for row in
            wire.run("SELECT oid, array_to_string(conkey, ',') FROM pg_constraint WHERE conkey IS NOT NULL")
        {
            let [oid, columns] = words(row);
            let columns = columns.split(',').map(|number| number.parse().expect("a number")).collect();
            catalog.constraints.insert(number(&oid), columns);
        }
        for row in wire.run("SELECT castfunc FROM pg_cast WHERE castcontext = 'i' AND castfunc <> 0") {
            let [function] = words(row);
            catalog.conversions.insert(number(&function));
        }
        for row in wire.run(UNIQUES) {
            let [relation, place] = words(row);
            let place = place.parse().expect("a number");
            catalog.uniques.entry(number(&relation)).or_default().push(place);
        }
        wire.run("RESET search_path");
        for row in wire.run(BODIES) {
            let [oid, definition] = words(row);
            catalog.add_body(wire, number(&oid), &definition);
        }
        catalog
    }

    fn add_column(&mut self, [relation, place, name, generated, default, tree]: [String; 6]) {
        let Some(relation) = self.relations.get_mut(&number(&relation)) else { return };
        let place: i16 = place.parse().expect("a number");
        relation.columns.insert(place, name);
        match generated.as_str() {
            "s" => drop(relation.stored.insert(place, node::parse(&tree))),
            "v" => drop(relation.computed.insert(place, node::parse(&tree))),
            _ if default == "t" => drop(relation.defaults.insert(place)),
            _ => {}
        }
    }

    /// The server shows a body's trees when it checks a definition; so a function is defined again as it is.
    fn add_body(&mut self, wire: &mut Wire, function: u32, definition: &str) {
        wire.run("BEGIN");
        if let Ok(done) = wire.attempt(definition) {
            let trees: Vec<Value> = done.notices.iter().filter_map(node::rewritten).collect();
            if !trees.is_empty() {
                self.bodies.insert(function, trees);
            }
        }
        wire.run("ROLLBACK");
    }

    /// `schema.table.column`
    #[must_use]
    pub fn column_name(&self, (relation, place): Column) -> String {
        let Some(known) = self.relations.get(&relation) else { return format!("{relation}.{place}") };
        format!("{}.{}", known.name, part(self.bare_column_name((relation, place))))
    }

    /// The name of a column alone.
    #[must_use]
    pub fn bare_column_name(&self, (relation, place): Column) -> &str {
        let column = self.relations.get(&relation).and_then(|relation| relation.columns.get(&place));
        column.map_or_else(|| system_column(place), String::as_str)
    }

    /// The type that a domain is over; other types themselves.
    #[must_use]
    pub fn base_type<'a>(&'a self, mut name: &'a str) -> &'a str {
        while let Some(base) = self.domains.get(name) {
            name = base;
        }
        name
    }

    /// The name of a type.
    #[must_use]
    pub fn type_name(&self, oid: u32) -> String {
        self.types.get(&oid).cloned().unwrap_or_else(|| format!("#{oid}"))
    }

    /// The names of columns.
    #[must_use]
    pub fn column_names(&self, sources: &Sources) -> BTreeSet<String> {
        sources.iter().map(|column| self.column_name(*column)).collect()
    }

    /// The names of functions.
    #[must_use]
    pub fn function_names(&self, functions: &HashSet<u32>) -> BTreeSet<String> {
        let name = |oid: &u32| self.functions.get(oid).cloned().unwrap_or_else(|| oid.to_string());
        functions.iter().map(name).collect()
    }

    /// Columns that decide whether a row is there already.
    #[must_use]
    pub fn unique(&self, relation: u32) -> &[i16] {
        self.uniques.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// Columns that a constraint is about.
    #[must_use]
    pub fn constraint(&self, oid: u32) -> &[i16] {
        self.constraints.get(&oid).map_or(&[], Vec::as_slice)
    }

    /// Every column of a relation.
    pub fn columns(&self, relation: u32) -> impl Iterator<Item = i16> + use<> {
        let columns: Vec<i16> = self
            .relations
            .get(&relation)
            .map(|relation| relation.columns.keys().copied().collect())
            .unwrap_or_default();
        columns.into_iter()
    }
}

const fn system_column(place: i16) -> &'static str {
    match place {
        -1 => "ctid",
        -2 => "xmin",
        -3 => "cmin",
        -4 => "xmax",
        -5 => "cmax",
        -6 => "tableoid",
        _ => "?",
    }
}

/// A part of a name, in quotes where it could be taken for several.
fn part(name: &str) -> String {
    if name.is_empty() || name.contains(['.', '"', '(', ',', '#']) {
        return format!("\"{}\"", name.replace('"', "\"\""));
    }
    name.to_owned()
}

fn words<const N: usize>(row: Vec<Option<String>>) -> [String; N] {
    let row: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    row.try_into().expect("as many columns as were asked for")
}

fn number(text: &str) -> u32 {
    text.parse().expect("an OID")
}
