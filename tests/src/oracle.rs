//! PostgreSQL's own analyser as the judge of lineage. It shares no code with the agent.
//!
//! With `debug_print_rewritten` a server answers a Parse message, which executes nothing, with a notice:
//! the query tree with every name resolved and every plain view opened. [`node`] reads that format,
//! [`walk`] applies the rules of lineage to it, [`catalog`] puts names to numbers.
//!
//! Read next: [`walk`].

pub mod catalog;
pub mod node;
pub mod walk;
pub mod wire;

use std::collections::BTreeSet;

use self::{
    catalog::Catalog,
    node::Value,
    walk::{Expected, Walk},
    wire::{Field, Refusal, Wire},
};

/// A stored column: (relation OID, attribute number).
pub type Column = (u32, i16);
/// Stored columns that something comes from.
pub type Sources = BTreeSet<Column>;

impl Judgement {
    /// As a person writes it: `name <- sources` for each output, then what decides; `public.` is left out.
    #[must_use]
    pub fn text(&self, catalog: &Catalog) -> String {
        let sources = |sources: &Sources| {
            let names: Vec<String> = catalog.column_names(sources).into_iter().collect();
            names.join(" ").replace("public.", "")
        };
        let mut lines = Vec::new();
        for (field, from) in self.fields.iter().flatten().zip(self.expected.result.iter().flatten()) {
            lines.push(format!("{} <- {}", field.name, sources(from)));
        }
        for (relation, table) in &self.expected.tables {
            let name = catalog.relations.get(relation).map_or("?", |relation| relation.name.as_str());
            lines.push(format!("into {}", name.replace("public.", "")));
            let columns =
                table.columns.iter().filter(|(place, from)| table.sure.contains(place) || !from.is_empty());
            for (place, from) in columns {
                let name = catalog.column_name((*relation, *place));
                let name = name.rsplit('.').next().unwrap_or_default();
                lines.push(format!("  {name} <- {}", sources(from)));
            }
        }
        lines.push(format!("by {}", sources(&self.expected.indirect)));
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }
}

/// A connection to a server that judges.
pub struct Oracle {
    wire: Wire,
    pub catalog: Catalog,
}

/// What the server makes of a statement.
#[derive(Debug)]
pub struct Judgement {
    /// There is no query in it.
    pub is_command: bool,
    /// Columns of the result, as RowDescription names them; `None` if there is none.
    pub fields: Option<Vec<Field>>,
    pub expected: Expected,
}

impl Oracle {
    /// Connects and reads names; what is made in the database later needs [`Self::refresh`].
    ///
    /// # Panics
    /// The server cannot be reached.
    #[must_use]
    pub fn connect(port: u16, database: &str) -> Self {
        let mut wire = Wire::connect(port, crate::postgres::ADMINISTRATOR, database);
        // Trees go to the client, not to the log.
        wire.run(
            "SET log_min_messages = fatal; SET client_min_messages = log; SET debug_pretty_print = off;
             SET debug_print_rewritten = on",
        );
        let catalog = Catalog::read(&mut wire);
        Self { wire, catalog }
    }

    /// Reads names again.
    pub fn refresh(&mut self) {
        self.catalog = Catalog::read(&mut self.wire);
    }

    /// Runs commands, such as a `SET search_path`.
    ///
    /// # Panics
    /// The server refuses them.
    pub fn run(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.wire.run(sql)
    }

    /// Runs commands of which the server may think otherwise.
    ///
    /// # Errors
    /// It refuses them.
    pub fn attempt(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Refusal> {
        self.wire.attempt(sql).map(|done| done.rows)
    }

    /// What the server's analyser says of a statement, which is not executed.
    ///
    /// # Errors
    /// The server refuses the statement.
    ///
    /// # Panics
    /// The tree has something in it that nobody has taught the oracle.
    pub fn judge(&mut self, sql: &str) -> Result<Judgement, Refusal> {
        let parsed = self.wire.parse(sql)?;
        let trees: Vec<Value> = parsed.notices.iter().filter_map(node::rewritten).collect();
        let expected = Walk::new(&self.catalog).statement(&trees);
        Ok(Judgement { is_command: trees.is_empty(), fields: parsed.fields, expected })
    }
}
