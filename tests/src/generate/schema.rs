//! Random databases: tables of many types, with generated columns, defaults, unique constraints, partitions
//! and children; views over them and over each other; functions.

use super::{Generator, dice::Dice, scope::Column, types::Type};

/// What statements can name.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub relations: Vec<Relation>,
    /// What makes it, statement by statement.
    pub definitions: Vec<String>,
}

/// A table or view.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    /// Columns that can be given a value.
    pub columns: Vec<Column>,
    /// Generated columns, which cannot.
    pub generated: Vec<Column>,
    pub uniques: Vec<Unique>,
    pub is_stored: bool,
    pub writable: bool,
    /// Its bare name means something else.
    pub only_qualified: bool,
}

/// What ON CONFLICT can name.
#[derive(Debug, Clone, Default)]
pub struct Unique {
    pub constraint: Option<String>,
    pub columns: Vec<String>,
}

/// What every database starts with.
const START: &[&str] = &[
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')",
    "CREATE TYPE pair AS (a integer, b text)",
    "CREATE DOMAIN amount AS numeric CHECK (VALUE > -1000000)",
    "CREATE DOMAIN code AS text",
    "CREATE SCHEMA side",
    "CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'",
    "CREATE FUNCTION pair_of(n integer) RETURNS pair LANGUAGE sql AS 'SELECT n, n::text'",
    "CREATE FUNCTION tagged(what text, n integer DEFAULT 0) RETURNS text LANGUAGE sql AS 'SELECT what || n'",
];

impl Relation {
    /// All of them, in a row's order.
    pub(super) fn all_columns(&self) -> Vec<Column> {
        self.columns.iter().chain(&self.generated).cloned().collect()
    }
}

impl Schema {
    /// Makes one. `accepts` runs a definition on a server and says whether it was taken: views are made of
    /// random queries.
    pub fn build(seed: u64, version: u8, accepts: &mut dyn FnMut(&str) -> bool) -> Self {
        let mut builder = Builder { dice: Dice::new(seed), schema: Self::default(), version, accepts };
        for definition in START {
            assert!(builder.define((*definition).to_owned()), "{definition}");
        }
        for number in 0..6 + builder.dice.below(4) {
            builder.table(number);
        }
        builder.functions();
        builder.children();
        for number in 0..3 {
            builder.simple_view(number);
        }
        for number in 0..12 {
            builder.random_view(seed, number);
        }
        builder.schema
    }
}

struct Builder<'a> {
    dice: Dice,
    schema: Schema,
    version: u8,
    accepts: &'a mut dyn FnMut(&str) -> bool,
}

/// Names that columns share between tables, so that joins find common ones.
const COLUMN_NAMES: [&str; 14] = [
    "id",
    "name",
    "kind",
    "amount",
    "due",
    "note",
    "tags",
    "extra",
    "\"order\"",
    "\"Owner\"",
    "flag",
    "ref",
    "size",
    "w",
];

impl Builder<'_> {
    fn define(&mut self, definition: String) -> bool {
        let taken = (self.accepts)(&definition);
        if taken {
            self.schema.definitions.push(definition);
        }
        taken
    }

    fn table(&mut self, number: usize) {
        const NAMES: [&str; 10] =
            ["item", "client", "\"user\"", "stock", "event", "\"Line\"", "part", "entry", "visit", "w2"];
        let schema = if self.dice.chance(25) { "side" } else { "public" };
        let name = NAMES[number].to_owned();
        let mut relation = Relation {
            schema: schema.to_owned(),
            name,
            is_stored: true,
            writable: true,
            only_qualified: schema == "side",
            ..Relation::default()
        };
        let mut parts = vec!["id integer".to_owned()];
        relation.columns.push(Column { name: "id".to_owned(), data_type: Type::Integer });
        let wanted = 3 + self.dice.below(6);
        for _ in 0..wanted {
            let name = (*self.dice.pick(&COLUMN_NAMES)).to_owned();
            if relation.columns.iter().any(|column| column.name == name) {
                continue;
            }
            let data_type = *self.dice.pick(&Type::STORED);
            parts.push(self.column(&name, data_type));
            relation.columns.push(Column { name, data_type });
        }
        self.generated(&mut relation, &mut parts);
        let partitioned = self.dice.chance(15);
        self.uniques(&mut relation, &mut parts, partitioned);
        let by = if partitioned { " PARTITION BY HASH (id)" } else { "" };
        let full = format!("{}.{}", relation.schema, relation.name);
        assert!(self.define(format!("CREATE TABLE {full} ({}){by}", parts.join(", "))), "{parts:?}");
        if partitioned {
            let place = format!("{}.{}", relation.schema, relation.name.replace('"', ""));
            self.define(format!(
                "CREATE TABLE {place}_0 PARTITION OF {full} FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
            ));
        }
        self.schema.relations.push(relation);
    }

    fn column(&mut self, name: &str, data_type: Type) -> String {
        let written = match data_type {
            Type::Numeric if self.dice.chance(40) => "amount",
            Type::Numeric if self.dice.chance(40) => "numeric(10,2)",
            Type::Text if self.dice.chance(20) => "varchar(40)",
            Type::Text if self.dice.chance(20) => "code",
            Type::Integer if self.dice.chance(20) => "smallint",
            Type::Pair => "public.pair",
            Type::Mood => "public.mood",
            other => other.sql(),
        };
        let default = match data_type {
            Type::Integer if self.dice.chance(20) => " DEFAULT 7",
            Type::Text if self.dice.chance(20) => " DEFAULT 'none'",
            Type::Stamp if self.dice.chance(30) => " DEFAULT now()",
            _ => "",
        };
        format!("{name} {written}{default}")
    }

    fn generated(&mut self, relation: &mut Relation, parts: &mut Vec<String>) {
        let find =
            |data_type: Type| relation.columns.iter().rfind(|column| column.data_type == data_type).cloned();
        let kind = if self.version >= 18 && self.dice.chance(40) { "VIRTUAL" } else { "STORED" };
        let made = match (find(Type::Integer), find(Type::Text), self.dice.below(4)) {
            (Some(number), _, 0) => Some((format!("{0} * 2 + id", number.name), Type::Integer)),
            (Some(number), Some(text), 1) => {
                Some((format!("upper({}) || {}::text", text.name, number.name), Type::Text))
            }
            (_, Some(text), 2) => Some((format!("length({})", text.name), Type::Integer)),
            _ => None,
        };
        if let Some((expression, data_type)) = made {
            parts.push(format!("made {} GENERATED ALWAYS AS ({expression}) {kind}", data_type.sql()));
            relation.generated.push(Column { name: "made".to_owned(), data_type });
        }
    }

    fn uniques(&mut self, relation: &mut Relation, parts: &mut Vec<String>, partitioned: bool) {
        parts.push("PRIMARY KEY (id)".to_owned());
        relation.uniques.push(Unique { constraint: None, columns: vec!["id".to_owned()] });
        let fits = |column: &&Column| matches!(column.data_type, Type::Text | Type::Date | Type::Big);
        let other = relation.columns.iter().find(fits).cloned();
        if let (Some(column), false, true) = (other, partitioned, self.dice.chance(60)) {
            let constraint = format!("only_one_{}", relation.name.replace('"', "").to_lowercase());
            parts.push(format!("CONSTRAINT {constraint} UNIQUE ({}, id)", column.name));
            let columns = vec![column.name, "id".to_owned()];
            relation.uniques.push(Unique { constraint: Some(constraint), columns });
        }
    }

    /// Functions in SQL over the tables.
    fn functions(&mut self) {
        let text = self.some_column(Type::Text);
        let number = self.some_column(Type::Integer);
        let (text_column, text_table) =
            text.unwrap_or_else(|| ("'x'::text".to_owned(), "public.item".to_owned()));
        let (number_column, number_table) =
            number.unwrap_or_else(|| ("id".to_owned(), "public.item".to_owned()));
        let definitions = [
            format!(
                "CREATE FUNCTION label_of(wanted integer) RETURNS text LANGUAGE sql STABLE AS \
                 $$ SELECT max({text_column}) FROM {text_table} WHERE id = wanted $$"
            ),
            format!(
                "CREATE FUNCTION rows_of(at_least integer) RETURNS TABLE (num integer, txt text) LANGUAGE sql STABLE AS \
                 $$ SELECT t.id, o.{number_column}::text FROM {number_table} o JOIN {text_table} t ON t.id = o.id \
                 WHERE o.id >= at_least $$"
            ),
            "CREATE FUNCTION rate(numeric, integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS \
             $$ SELECT CASE WHEN $2 > 3 THEN $1 ELSE 0 END $$"
                .to_owned(),
        ];
        for definition in definitions {
            assert!(self.define(definition.clone()), "{definition}");
        }
    }

    fn some_column(&mut self, data_type: Type) -> Option<(String, String)> {
        let mut found = Vec::new();
        for relation in self.schema.relations.iter().filter(|relation| relation.is_stored) {
            let fits = relation.columns.iter().filter(|column| column.data_type == data_type);
            found.extend(
                fits.map(|column| (column.name.clone(), format!("{}.{}", relation.schema, relation.name))),
            );
        }
        if found.is_empty() { None } else { Some(self.dice.pick(&found).clone()) }
    }

    /// A table that inherits, and one that shadows another's name in a schema further down the path.
    fn children(&mut self) {
        let parent = self.dice.pick(&self.schema.relations).clone();
        let full = format!("{}.{}", parent.schema, parent.name);
        if self.define(format!("CREATE TABLE heir (won integer) INHERITS ({full})")) {
            let mut heir = Relation {
                schema: "public".to_owned(),
                name: "heir".to_owned(),
                uniques: Vec::new(),
                only_qualified: false,
                generated: Vec::new(),
                ..parent
            };
            // A generated column stands where the parent has it: a row's order is not ours to tell.
            heir.columns.retain(|column| column.name != "made");
            heir.columns.push(Column { name: "won".to_owned(), data_type: Type::Integer });
            if self.schema.relations.iter().all(|relation| relation.generated.is_empty()) || full.is_empty() {
                self.schema.relations.push(heir);
            }
        }
        let twin = "CREATE TABLE side.item (id integer PRIMARY KEY, name text, twin integer)";
        if self.define(twin.to_owned()) {
            let columns = [("id", Type::Integer), ("name", Type::Text), ("twin", Type::Integer)];
            let columns =
                columns.map(|(name, data_type)| Column { name: name.to_owned(), data_type }).to_vec();
            self.schema.relations.push(Relation {
                schema: "side".to_owned(),
                name: "item".to_owned(),
                columns,
                is_stored: true,
                writable: true,
                only_qualified: true,
                ..Relation::default()
            });
        }
    }

    /// A view that can be written through.
    fn simple_view(&mut self, number: usize) {
        let tables: Vec<Relation> = self
            .schema
            .relations
            .iter()
            .filter(|relation| relation.is_stored && relation.generated.is_empty())
            .cloned()
            .collect();
        if tables.is_empty() {
            return;
        }
        let table = self.dice.pick(&tables).clone();
        let mut columns = table.columns.clone();
        if self.dice.chance(50) {
            columns.reverse();
        }
        columns.truncate(2 + self.dice.below(4));
        let name = format!("simple{number}");
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let condition = if self.dice.chance(50) { " WHERE id > 3" } else { "" };
        let check = if !condition.is_empty() && self.dice.chance(20) { " WITH CHECK OPTION" } else { "" };
        let sql = format!(
            "CREATE VIEW {name} AS SELECT {} FROM {}.{}{condition}{check}",
            names.join(", "),
            table.schema,
            table.name
        );
        if self.define(sql) {
            self.schema.relations.push(Relation {
                schema: "public".to_owned(),
                name,
                columns,
                writable: true,
                ..Relation::default()
            });
        }
    }

    /// A view, materialized or not, over whatever is there.
    fn random_view(&mut self, seed: u64, number: usize) {
        let schema = self.schema.clone();
        let mut generator = Generator::new(seed.wrapping_mul(1000) + number as u64, &schema, self.version);
        let query = generator.query(None);
        if query.columns.iter().any(|column| column.data_type == Type::Other) || query.sql.contains('*') {
            return;
        }
        let name = format!("view{number}");
        let names: Vec<String> = (0..query.columns.len()).map(|place| format!("v{place}")).collect();
        let kind = if self.dice.chance(15) { "MATERIALIZED VIEW" } else { "VIEW" };
        let end = if kind == "VIEW" { "" } else { " WITH NO DATA" };
        let sql = format!("CREATE {kind} {name} ({}) AS {}{end}", names.join(", "), query.sql);
        if self.define(sql) {
            let column = |(name, column): (String, &Column)| Column { name, data_type: column.data_type };
            let columns = names.into_iter().zip(&query.columns).map(column).collect();
            self.schema.relations.push(Relation {
                schema: "public".to_owned(),
                name,
                columns,
                ..Relation::default()
            });
        }
    }
}
