//! Made-up rows, the same for the same seed, and changes of one column of them. Values come from small
//! pools, so that joins meet and the conditions of the set's statements hold for some rows and not for
//! others.

use std::collections::BTreeSet;

use super::{
    quoted,
    tables::{Column, Table},
};

const ROWS: usize = 8;
const ATTEMPTS: usize = 60;

/// Rows of one table, each value as the text that the server reads.
pub type Contents = Vec<Vec<Option<String>>>;

/// How a column is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another value from the pool in every row.
    Redraw,
    /// The same values in other rows.
    Shuffle,
    /// No value in any row; in a column that needs one, the same in all.
    Level,
}

impl Change {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Redraw => "redraw",
            Self::Shuffle => "shuffle",
            Self::Level => "level",
        }
    }
}

/// A generator that a few words seed (SplitMix64).
pub struct Random(u64);

impl Random {
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        // Nothing of the machine or the toolchain is in it: a seed gives the same rows everywhere.
        let mut random = Self(0);
        for byte in words.iter().flat_map(|word| word.bytes().chain([0])) {
            random.0 ^= u64::from(byte);
            random.0 = random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % limit
    }
}

/// Rows for a table.
pub fn contents(table: &Table, random: &mut Random) -> Contents {
    for _ in 0..ATTEMPTS {
        let rows: Contents = (0..ROWS)
            .map(|row| table.columns.iter().map(|column| value(table, column, row, random)).collect())
            .collect();
        if keys_differ(table, &rows) {
            return rows;
        }
    }
    panic!("no rows with different keys for {}", table.name)
}

fn value(table: &Table, column: &Column, row: usize, random: &mut Random) -> Option<String> {
    if column.generated || (column.nullable && random.below(8) == 0) {
        return None;
    }
    if column.in_key && column.name == "id" {
        return Some((row + 1).to_string());
    }
    let pool = pool(&table.name, &column.name, &column.type_name);
    Some(pool[random.below(pool.len())].to_owned())
}

/// The rows with one column changed; `None` where no change is possible.
pub fn changed(
    table: &Table,
    base: &Contents,
    column: &str,
    change: Change,
    random: &mut Random,
) -> Option<Contents> {
    let at = table.columns.iter().position(|candidate| candidate.name == column)?;
    let definition = &table.columns[at];
    for _ in 0..ATTEMPTS {
        let mut rows = base.clone();
        match change {
            Change::Redraw => rows.iter_mut().for_each(|row| redraw(table, definition, &mut row[at], random)),
            Change::Shuffle => {
                let mut values: Vec<Option<String>> = rows.iter_mut().map(|row| row[at].take()).collect();
                for row in &mut rows {
                    row[at] = values.swap_remove(random.below(values.len()));
                }
            }
            Change::Level => {
                let value = if definition.nullable { None } else { base[random.below(ROWS)][at].clone() };
                rows.iter_mut().for_each(|row| row[at].clone_from(&value));
            }
        }
        if rows != *base && keys_differ(table, &rows) {
            return Some(rows);
        }
    }
    None
}

fn redraw(table: &Table, column: &Column, value: &mut Option<String>, random: &mut Random) {
    if column.in_key && column.name == "id" {
        *value = Some((1 + random.below(3 * ROWS)).to_string());
        return;
    }
    let pool = pool(&table.name, &column.name, &column.type_name);
    let others: Vec<&str> = pool.iter().copied().filter(|other| value.as_deref() != Some(*other)).collect();
    *value = Some(others[random.below(others.len())].to_owned());
}

fn keys_differ(table: &Table, rows: &Contents) -> bool {
    let key: Vec<usize> = (0..table.columns.len()).filter(|at| table.columns[*at].in_key).collect();
    let keys: BTreeSet<Vec<&Option<String>>> =
        rows.iter().map(|row| key.iter().map(|at| &row[*at]).collect()).collect();
    key.is_empty() || keys.len() == rows.len()
}

/// SQL that puts these rows into the table in place of all others, in this order.
pub fn replacement(table: &Table, rows: &Contents) -> String {
    let stored: Vec<usize> = (0..table.columns.len()).filter(|at| !table.columns[*at].generated).collect();
    let names: Vec<String> = stored.iter().map(|at| format!("\"{}\"", table.columns[*at].name)).collect();
    let literal = |value: &Option<String>| {
        value.as_ref().map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", value.replace('\'', "''")))
    };
    let row = |row: &Vec<Option<String>>| {
        let values: Vec<String> = stored.iter().map(|at| literal(&row[*at])).collect();
        format!("({})", values.join(", "))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let (relation, names) = (quoted(&table.name), names.join(", "));
    // ONLY is for tables with children; a partitioned one is emptied with its partitions.
    let only = if table.is_divided() { "" } else { "ONLY " };
    format!(
        "TRUNCATE {only}{relation}; INSERT INTO {relation} ({names}) OVERRIDING SYSTEM VALUE VALUES {}",
        rows.join(", ")
    )
}

fn pool(table: &str, column: &str, type_name: &str) -> &'static [&'static str] {
    match (table, column) {
        ("harbour.document", "title") => &["b", "b/k", "k", "b | k", "@n", "tide", "a | tide"],
        ("harbour.letter", "recipient") => &["harbour_clerk", "postgres", "x"],
        ("harbour.skill", "level") => &["0", "1", "2", "3", "5", "9"],
        _ => by_type(column, type_name),
    }
}

fn by_type(column: &str, type_name: &str) -> &'static [&'static str] {
    match type_name {
        "integer" if matches!(column, "built") => &["1850", "1899", "1940", "1949", "1985", "1995", "2005"],
        "smallint" | "integer" | "bigint" => &["1", "2", "3", "4", "5", "6", "7", "8"],
        "numeric" | "harbour.tons" | "amount" | "double precision" => {
            &["0", "1", "2.5", "4", "6", "12", "60", "150", "1200", "2500"]
        }
        "date" => &[
            "1989-03-01",
            "1999-05-01",
            "2001-07-09",
            "2023-03-01",
            "2023-11-11",
            "2024-01-15",
            "2024-05-01",
            "2025-02-02",
        ],
        "boolean" => &["t", "f"],
        "mood" => &["sad", "ok", "glad"],
        "pair" => &["(1,x)", "(2,y)", "(3,)", "(,Oslo)", "(5,tug)"],
        "integer[]" => &["{1,2}", "{3}", "{}", "{2,NULL,5}", "{4,1,8}"],
        "timestamp without time zone" | "timestamp with time zone" => {
            &["2023-03-01 10:00", "2024-01-15 11:00", "2024-06-01 12:00"]
        }
        "harbour.kind" => &["tanker", "liner", "tug", "barge"],
        "harbour.place" => &["(1.5,2.5,x)", "(60,10,y)", "(55,,deep)", "(70,3,)", "(2,9,NO)"],
        "text[]" => &["{deep,x}", "{NO,y,x}", "{Oslo}", "{}", "{night,deep}", "{x,y}"],
        "jsonb" => &[
            r#"{"a": [1, 7], "b": "x", "flags": ["tug", "x"], "list": [{"a": 1, "b": "p"}, {"a": 2}], "year": 1995, "x": "one", "deep": [{"y": "u"}]}"#,
            r#"{"a": [2], "c": 3, "flags": ["tanker", "liner"], "list": [{"a": 5, "b": "q"}], "year": 1940, "x": "two", "deep": [{"y": "v", "z": 1}, {"y": "w"}]}"#,
            r#"{"a": 1, "x": "three", "flags": [], "list": [], "year": 2005, "y": 4, "Oslo": true}"#,
            r#"{"b": [3], "flags": ["barge"], "x": null}"#,
        ],
        "json" => &[
            r#"{"a": 1, "b": 2, "person_id": 3, "name": "x", "level": 1}"#,
            r#"{"a": 4, "b": 5, "person_id": 1, "name": "y", "level": 2}"#,
            r#"{"a": null, "b": 7, "name": "Oslo"}"#,
        ],
        "xml" => &[
            r#"<a n="1"><b n="1"><k>p</k></b><b n="2"/></a>"#,
            r#"<a n="2"><b n="5">t<k>q</k></b></a>"#,
            r#"<a n="3"><k>r</k></a>"#,
            r#"<a><b n="7"><k>s</k></b><b><k>u</k></b></a>"#,
        ],
        _ => texts(column),
    }
}

fn texts(column: &str) -> &'static [&'static str] {
    match column {
        "email" => &["a@x.org", "ab@y.org", "x", "y", "b@x.org", "Oslo"],
        "country" => &["NO", "DK", "Norway", "x", "y"],
        "note" => &["x", "late", "old", "a", "Oslo"],
        "item" | "label" => &["coal", "corn", "x", "Oslo", "tea"],
        "code" | "shift" => &["x", "y", "night", "a@x.org", "Oslo"],
        _ => &["x", "y", "Oslo", "Bergen", "ab", "Al", "night", "tug"],
    }
}
