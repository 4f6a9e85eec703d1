//! Many things of one kind, in every format.

use comfy_table::Table;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Format;
use crate::failure::{self, Outcome};

/// Rows of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// Versioned name of the JSON: `connect.status/1`.
    schema: &'static str,
    /// The JSON document's field that holds the rows.
    field: &'static str,
    headings: Vec<&'static str>,
    rows: Vec<Row>,
    beside: Map<String, Value>,
    bare: bool,
}

#[derive(Debug, Clone)]
struct Row {
    name: String,
    cells: Vec<String>,
    object: Value,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(schema: &'static str, field: &'static str, headings: &[&'static str]) -> Self {
        Self { schema, field, headings: headings.to_vec(), rows: Vec::new(), beside: Map::new(), bare: false }
    }

    /// One more: its name, its cells for people, its object for programs.
    pub(crate) fn add(&mut self, name: &str, cells: Vec<String>, object: &impl Serialize) -> Outcome<()> {
        let object = serde_json::to_value(object).map_err(|error| failure::unexpected(error.to_string()))?;
        self.rows.push(Row { name: name.to_owned(), cells, object });
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The same as the next part of a table that was begun.
    pub(crate) const fn without_headings(mut self) -> Self {
        self.bare = true;
        self
    }

    /// What is printed.
    #[cfg(test)]
    pub(crate) fn shown(&self, format: Format) -> String {
        self.render(format).expect("rendered")
    }

    /// One more field of the JSON document.
    pub(crate) fn beside(&mut self, field: &str, value: &impl Serialize) -> Outcome<()> {
        let value = serde_json::to_value(value).map_err(|error| failure::unexpected(error.to_string()))?;
        self.beside.insert(field.to_owned(), value);
        Ok(())
    }

    pub(super) fn render(&self, format: Format) -> Outcome<String> {
        let json = |value: &Value| super::compact(value).unwrap_or_default();
        Ok(match format {
            Format::Table if self.rows.is_empty() => String::new(),
            Format::Table => self.table(),
            Format::Name => self.rows.iter().map(|row| format!("{}\n", row.name)).collect(),
            Format::JsonLines => self.rows.iter().map(|row| format!("{}\n", json(&row.object))).collect(),
            Format::Json => format!("{}\n", super::pretty(&self.document())?),
        })
    }

    fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("schema".into(), self.schema.into());
        document.insert(self.field.into(), self.rows.iter().map(|row| row.object.clone()).collect());
        document.extend(self.beside.clone());
        Value::Object(document)
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if !self.bare {
            table.set_header(self.headings.clone());
        }
        for row in &self.rows {
            table.add_row(row.cells.iter().map(|cell| failure::printable(cell)).collect::<Vec<_>>());
        }
        table.lines().map(|line| format!("{}\n", line.trim())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let mut rows = Rows::new("connect.test/1", "things", &["NAME", "SIZE"]);
        rows.add("a", vec!["a".into(), "1".into()], &serde_json::json!({"name": "a", "size": 1}))
            .expect("added");
        rows.add(
            "long-name",
            vec!["long-name".into(), "22".into()],
            &serde_json::json!({"name": "long-name"}),
        )
        .expect("added");
        rows
    }

    #[test]
    fn rows_are_the_same_in_every_format() {
        insta::assert_snapshot!(rows().render(Format::Table).expect("table"), @r"
        NAME       SIZE
        a          1
        long-name  22
        ");
        assert_eq!(rows().render(Format::Name).expect("names"), "a\nlong-name\n");
        assert_eq!(
            rows().render(Format::JsonLines).expect("lines"),
            "{\"name\":\"a\",\"size\":1}\n{\"name\":\"long-name\"}\n"
        );
        let document: Value =
            serde_json::from_str(&rows().render(Format::Json).expect("json")).expect("json");
        assert_eq!(document["schema"], "connect.test/1");
        assert_eq!(document["things"].as_array().map(Vec::len), Some(2));
    }
}
