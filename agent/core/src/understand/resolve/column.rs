//! What a column reference may read.

use super::{Bearing, Meaning, Reading, Resolved, Rows, is_refused, is_sensitive};
use crate::{
    catalog::Relation,
    statement::Refusal,
    understand::{
        facts::{ColumnUse, Place, ScopeId},
        functions, refusal, value_bearing,
    },
};

/// Columns that every table has.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

impl Resolved<'_, '_> {
    /// The protected columns that a reference may read.
    ///
    /// # Errors
    /// It may be a whole row of a protected relation, a value-bearing column of the catalog, a function
    /// in the notation of a column, or nothing that the snapshot knows.
    pub(in crate::understand) fn read(&self, column: &ColumnUse<'_>) -> Result<Reading, Refusal> {
        match (column.names.as_slice(), column.star) {
            ([], _) => self.star(column),
            ([.., item], true) => self.item_star(column, item),
            ([name], false) => self.bare(column, name),
            ([.., item, name], false) => self.qualified(column, item, name),
        }
    }

    /// `*`: every column of the level's own items.
    fn star(&self, column: &ColumnUse<'_>) -> Result<Reading, Refusal> {
        stars(self.own(column.scope), column)
    }

    /// `item.*`
    fn item_star(&self, column: &ColumnUse<'_>, item: &str) -> Result<Reading, Refusal> {
        let items = self.items(column, item)?;
        // In an expression it is the row as one value.
        if column.place == Place::Expression && column.target.is_none() && self.rows == Rows::Masks {
            let mut relations = items.iter().flat_map(|meaning| &meaning.relations);
            if let Some(relation) = relations.find(|relation| self.hides_row(relation, column)) {
                return Err(refusal::whole_row(item, relation));
            }
        }
        stars(items.into_iter(), column)
    }

    fn items(&self, column: &ColumnUse<'_>, name: &str) -> Result<Vec<&Meaning<'_, '_>>, Refusal> {
        let found: Vec<_> = self.visible(column.scope).filter(|meaning| meaning.name == name).collect();
        if found.is_empty() { Err(refusal::missing_item(name)) } else { Ok(found) }
    }

    /// A name alone: a column of anything in sight, or a whole row of what has this name.
    fn bare(&self, column: &ColumnUse<'_>, name: &str) -> Result<Reading, Refusal> {
        let mut reading = Reading::default();
        let mut known = self.is_output(column, name);
        for meaning in self.visible(column.scope) {
            known |= meaning.derived || meaning.name == name;
            for relation in &meaning.relations {
                known |= has_column(relation, name);
                check_column(relation, name)?;
            }
            reading.protected.extend(meaning.protected(Some(name)));
            if meaning.name == name
                && let Some(relation) =
                    meaning.relations.iter().find(|relation| self.hides_row(relation, column))
            {
                return Err(refusal::whole_row(name, relation));
            }
        }
        if known { Ok(reading) } else { Err(refusal::unknown_column(name)) }
    }

    /// A row of masks is no row of the table's type: it may stand only where that does not matter.
    fn hides_row(&self, relation: &Relation, column: &ColumnUse<'_>) -> bool {
        let shown = self.rows == Rows::Masks
            && !is_refused(relation)
            && self.facts.untyped.contains(&column.location);
        is_sensitive(relation) && !shown
    }

    fn is_output(&self, column: &ColumnUse<'_>, name: &str) -> bool {
        self.facts.scope(column.scope).is_some_and(|scope| scope.outputs.contains(&name))
    }

    /// `item.name`: a column, or the function `name` of the whole row if there is no such column.
    fn qualified(&self, column: &ColumnUse<'_>, item: &str, name: &str) -> Result<Reading, Refusal> {
        if column.names.len() > 3 {
            return Err(refusal::not_reviewed("a column reference with a database's name"));
        }
        let mut reading = Reading::default();
        for meaning in self.items(column, item)? {
            let known = meaning.relations.iter().any(|relation| has_column(relation, name));
            reading.protected.extend(meaning.protected(Some(name)));
            for relation in &meaning.relations {
                check_column(relation, name)?;
                if !has_column(relation, name) && (!known || !self.is_no_function(name)) {
                    self.function_of_row(relation, (item, name), meaning.derived)?;
                }
            }
            let is_column = match &meaning.function {
                Some(columns) => columns.contains(&name),
                // Which of several it is that has the column is not known here.
                None => {
                    self.names_some_column(name, column.scope) && !functions::takes_rows(name, self.catalog)
                }
            };
            if meaning.derived && !is_column {
                self.field(name)?;
            }
        }
        Ok(reading)
    }

    fn function_of_row(
        &self,
        relation: &Relation,
        (item, name): (&str, &str),
        derived: bool,
    ) -> Result<(), Refusal> {
        if is_sensitive(relation) && !self.is_no_function(name) {
            return Err(refusal::whole_row(name, relation));
        }
        // What may also be computed within the statement has columns that are known to nobody here.
        if self.is_no_function(name) && !derived {
            return Err(refusal::unknown_column_of(item, name));
        }
        self.field(name)
    }

    /// A name behind a dot that may be a function's.
    fn field(&self, name: &str) -> Result<(), Refusal> {
        let consequence = functions::check_field(name, self.catalog)?;
        self.consequence.set(self.consequence.get().max(consequence));
        Ok(())
    }

    /// Whether `row.name` can only be a column: neither a function has the name nor a type, which would
    /// be a cast.
    fn is_no_function(&self, name: &str) -> bool {
        let catalog = self.catalog;
        !catalog.builtin_functions.contains_key(name)
            && !catalog.user_functions.contains(name)
            && !catalog.user_types.contains(name)
    }

    /// Whether something in the statement gives a column this name. The level that asks does not: its own
    /// outputs have the names of what it refers to.
    fn names_some_column(&self, name: &str, asks: ScopeId) -> bool {
        let mut others = self.facts.scopes.iter().enumerate().filter(|(index, _)| *index != asks.0);
        others.any(|(_, scope)| scope.outputs.contains(&name))
            || self.named().any(|relation| has_column(relation, name))
    }
}

fn stars<'m, 'c: 'm>(
    meanings: impl Iterator<Item = &'m Meaning<'m, 'c>>,
    column: &ColumnUse<'_>,
) -> Result<Reading, Refusal> {
    let mut reading = Reading::default();
    if column.place == Place::Ignored {
        return Ok(reading);
    }
    for meaning in meanings {
        for relation in &meaning.relations {
            if let Bearing::Refused(columns) = value_bearing::bearing(relation) {
                let hidden = columns.first().copied();
                return Err(refusal::value_bearing(&relation.qualified_name(), hidden));
            }
        }
        reading.protected.extend(meaning.protected(None));
    }
    Ok(reading)
}

/// Columns that are refused whatever is done with them.
fn check_column(relation: &Relation, name: &str) -> Result<(), Refusal> {
    if let Bearing::Refused(columns) = value_bearing::bearing(relation)
        && columns.contains(&name)
    {
        return Err(refusal::value_bearing(&relation.qualified_name(), Some(name)));
    }
    // Which partition or child a row is in may tell the value of a protected key.
    if name == "tableoid" && relation.is_protected() && !relation.children.is_empty() {
        return Err(refusal::partition_of_row(relation));
    }
    Ok(())
}

fn has_column(relation: &Relation, name: &str) -> bool {
    relation.columns.iter().any(|column| &*column.name == name) || SYSTEM_COLUMNS.contains(&name)
}
