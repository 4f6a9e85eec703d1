//! Commands that have a query inside.

use super::{Generator, Statement};

impl Generator<'_> {
    /// A command around a query.
    pub(super) fn wrapped(&mut self) -> Statement {
        let judged = loop {
            let query = self.query(None);
            // A parameter cannot stand in a command, and a view has no lock or writing part.
            let unfit = [
                "$?",
                " FOR UPDATE",
                " FOR SHARE",
                " FOR NO KEY",
                " RETURNING ",
                "INSERT ",
                "UPDATE ",
                "DELETE ",
                "MERGE ",
            ];
            if !unfit.iter().any(|word| query.sql.contains(word)) {
                break query.sql;
            }
        };
        let name = self.new_name("made");
        let sql = match self.dice.below(8) {
            0 => format!("CREATE TABLE {name} AS {judged}"),
            1 => format!("CREATE TEMPORARY TABLE {name} AS {judged} WITH NO DATA"),
            2 => format!("CREATE VIEW {name} AS {judged}"),
            3 => format!("CREATE MATERIALIZED VIEW {name} AS {judged}"),
            4 => format!("COPY ({judged}) TO STDOUT"),
            5 => format!("DECLARE {name} CURSOR FOR {judged}"),
            6 => format!("EXPLAIN (COSTS off) {judged}"),
            _ => format!("PREPARE {name} AS {judged}"),
        };
        Statement { sql, judged }
    }
}
