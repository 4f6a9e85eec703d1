//! A plan per result description: which fields are masked and how.

use bytes::BytesMut;
use connect_shared::decision::ReasonCode;

use super::{
    key::MaskKey,
    row::{MaskError, RowCopy, Tail},
    transform::Transform,
};
use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Oid, Relation, ViewReading},
    statement::{ProtectedColumn, Protection, Refusal},
};

/// Format of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// One field of a result description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Table of origin; 0 if the field is not a plain column.
    pub relation: Oid,
    /// Attribute number in that table; 0 if the field is not a plain column.
    pub number: i16,
    pub type_oid: Oid,
    /// Type modifier: length, precision and scale; -1 if there is none.
    pub modifier: i32,
    pub format: Format,
}

/// What to do with each row of one result.
#[derive(Debug, Clone)]
pub struct Plan {
    fields: u16,
    /// In the order of the fields.
    steps: Vec<Step>,
    tail: Tail,
    masked: Vec<ProtectedColumn>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    /// Fields that stay as they are between the last masked field and this one.
    kept: u16,
    transform: Transform,
}

impl Plan {
    /// Plans the masks of a result. `None`: rows pass as they are.
    ///
    /// # Errors
    /// The description disagrees with the analysis, or names an origin that the snapshot does not know.
    pub fn new(
        catalog: &Catalog,
        protection: &Protection,
        fields: &[Field],
    ) -> Result<Option<Self>, Refusal> {
        let mut found = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            if let Some(column) = origin(catalog, field)? {
                found.push((place, column, field));
            }
        }
        if let Protection::Projection { columns } = protection {
            let seen: Vec<_> = found.iter().map(|(_, column, _)| column).collect();
            if let Some(missing) = columns.iter().find(|column| !is_covered(catalog, column, &seen)) {
                return Err(not_in_result(missing));
            }
        }
        if let (Protection::Masked { .. }, Some((_, column, _))) = (protection, found.first()) {
            // What is masked where it is read is no plain column any more.
            return Err(unmasked(column));
        }
        if found.is_empty() { Ok(None) } else { Self::build(catalog, fields.len(), found).map(Some) }
    }

    fn build(
        catalog: &Catalog,
        fields: usize,
        found: Vec<(usize, ProtectedColumn, &Field)>,
    ) -> Result<Self, Refusal> {
        let count = u16::try_from(fields).map_err(|_| too_many_fields())?;
        let mut plan = Self { fields: count, steps: Vec::new(), tail: Tail::Nothing, masked: Vec::new() };
        let mut next = 0;
        for (place, column, field) in found {
            let kept = place.checked_sub(next).and_then(|kept| u16::try_from(kept).ok());
            let transform = Transform::new(catalog, column.label, field);
            plan.steps.push(Step { kept: kept.ok_or_else(too_many_fields)?, transform });
            next = place + 1;
            if !plan.masked.contains(&column) {
                plan.masked.push(column);
            }
        }
        plan.tail = if next < fields { Tail::Fields } else { Tail::Nothing };
        Ok(plan)
    }

    /// Columns that are masked, each once.
    #[must_use]
    pub fn masked(&self) -> &[ProtectedColumn] {
        &self.masked
    }

    /// Appends the masked copy of `row` (the body of a DataRow message: count, then length and value of
    /// each field) to `out`. On an error `out` is as it was.
    ///
    /// Fields behind the last masked one are copied as they are, unread.
    ///
    /// # Errors
    /// The row does not fit the plan.
    pub fn apply(&self, key: &MaskKey, row: &[u8], out: &mut BytesMut) -> Result<(), MaskError> {
        let start = out.len();
        out.reserve(row.len());
        let masked = self.copy(key, row, out);
        if masked.is_err() {
            out.truncate(start);
        }
        masked
    }

    fn copy(&self, key: &MaskKey, row: &[u8], out: &mut BytesMut) -> Result<(), MaskError> {
        let mut copy = RowCopy::new(row, self.fields, out)?;
        for step in &self.steps {
            copy.keep(step.kept)?;
            copy.replace(|clear, value| step.transform.write(key, clear, value))?;
        }
        copy.finish(self.tail)
    }
}

/// The protected column that a field shows, if it does.
fn origin(catalog: &Catalog, field: &Field) -> Result<Option<ProtectedColumn>, Refusal> {
    if field.relation.0 == 0 {
        return Ok(None);
    }
    let Some(relation) = catalog.relations.get(&field.relation) else {
        // The server's own relations hold no labelled columns; every other one must be known.
        let system = field.relation.0 < FIRST_NORMAL_OID;
        return if system { Ok(None) } else { Err(unknown(format!("relation {}", field.relation.0))) };
    };
    if field.number < 0 {
        return Ok(None);
    }
    if field.number == 0 {
        // A whole row: all its columns in one value.
        return if relation.is_protected() { Err(unmaskable(relation, "a whole row")) } else { Ok(None) };
    }
    let Some(column) = relation.column(field.number) else {
        return Err(unknown(format!("column {} of {}", field.number, relation.qualified_name())));
    };
    match column.label {
        Some(label) => Ok(Some(ProtectedColumn {
            relation: relation.oid,
            number: column.number,
            name: format!("{}.{}", relation.qualified_name(), column.name),
            label,
            seen: column.seen,
        })),
        None if relation.view == ViewReading::Computed => Err(unmaskable(relation, "a computed view")),
        None => Ok(None),
    }
}

/// Whether an expected column is among those that the server says it sends: itself, or the same column
/// of a relation that it is read through (a view, a parent) or that its name may also mean.
fn is_covered(catalog: &Catalog, expected: &ProtectedColumn, seen: &[&ProtectedColumn]) -> bool {
    seen.iter().any(|column| {
        (column.relation, column.number) == (expected.relation, expected.number)
            || is_namesake(catalog, expected, column)
            || is_read_through(catalog, column.relation, expected.relation)
    })
}

fn is_namesake(catalog: &Catalog, expected: &ProtectedColumn, column: &ProtectedColumn) -> bool {
    let names = [expected, column].map(|column| {
        let relation = catalog.relation(column.relation)?;
        Some((&*relation.name, &*relation.column(column.number)?.name))
    });
    matches!(names, [Some(one), Some(other)] if one == other)
}

/// Whether `upper` shows `lower`: by view or inheritance, over any number of steps.
fn is_read_through(catalog: &Catalog, upper: Oid, lower: Oid) -> bool {
    let mut reached = vec![upper];
    let mut next = 0;
    while let Some(oid) = reached.get(next).copied() {
        next += 1;
        let Some(relation) = catalog.relations.get(&oid) else { continue };
        for below in relation.view_reads.iter().chain(&relation.children) {
            if *below == lower {
                return true;
            }
            if !reached.contains(below) {
                reached.push(*below);
            }
        }
    }
    false
}

fn mismatch(object: Option<String>, message: String, hint: &str) -> Refusal {
    Refusal {
        code: ReasonCode::OriginMismatch,
        object,
        message,
        hint: Some(hint.to_owned()),
        sqlstate: None,
        unknown_object: None,
    }
}

fn not_in_result(column: &ProtectedColumn) -> Refusal {
    mismatch(
        Some(column.name.clone()),
        format!("`{}` is masked, and the server does not return it as a plain column here", column.name),
        "select the column itself, without an expression around it",
    )
}

fn unmasked(column: &ProtectedColumn) -> Refusal {
    mismatch(
        Some(column.name.clone()),
        format!("the server returns `{}` as it is stored where its mask was asked for", column.name),
        "send the statement again; if it stays, tell the administrator",
    )
}

fn unmaskable(relation: &Relation, what: &str) -> Refusal {
    mismatch(
        Some(relation.qualified_name()),
        format!("{what} of `{}` may hold masked columns and cannot be masked", relation.qualified_name()),
        "select the columns that you need by name from the table itself",
    )
}

fn unknown(object: String) -> Refusal {
    let message = format!("the server returns {object}, which the agent has not read yet");
    let hint = "send the statement again; the agent is reading the catalog";
    Refusal { unknown_object: Some(object), ..mismatch(None, message, hint) }
}

fn too_many_fields() -> Refusal {
    let message = "the server describes more fields than a row can have".to_owned();
    mismatch(None, message, "send the statement again; if it stays, ask the administrator")
}
