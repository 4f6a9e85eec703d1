//! Of whom the rows of a result are: which of its columns identify persons, and their values row by row.
//!
//! A column identifies a person if it has a label that only one person's value has (an e-mail address, a phone
//! number, a national id, an account, a card, a name), or if it is the primary key of a table with such a column.
//! Of a row the best column that is shown as it is stored counts; what is computed from such columns counts by its
//! parts, so that persons who are put together in an array or a text are not one. It never counts too few for
//! what it sees; who is seen once by a key and once by an address counts twice.

use connect_shared::label::Label;

use crate::{
    catalog::{Catalog, Oid, Relation},
    lineage::{ColumnId, Columns, Lineage, OutputKind, Status},
    mask::{self, Field, Format, MaskError},
};

/// Which cells of a result to look at.
#[derive(Debug, Clone)]
pub struct Identifying {
    fields: u16,
    /// The one that identifies, shown as it is stored.
    plain: Option<Cell>,
    computed: Vec<Cell>,
    /// Nobody knows better: each row is a person.
    each_row: bool,
    rows: u64,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    place: u16,
    domain: u64,
    type_oid: u32,
    format: Format,
}

/// The domain of rows of which nothing better is known.
const ROWS: u64 = u64::MAX;

/// Longest value of four or eight bytes, or of a UUID: what is longer may be several.
const LONGEST_SCALAR: usize = 16;

/// The better a column identifies, the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Key,
    Labelled(u8),
}

impl Identifying {
    /// `None` where no column identifies anybody. Without a description (COPY) each row is a person.
    #[must_use]
    pub fn of(catalog: &Catalog, lineage: &Lineage, fields: Option<&[Field]>) -> Option<Box<Self>> {
        let result = lineage.outputs.iter().find(|output| output.kind == OutputKind::Result);
        let columns = result.map(|output| output.columns.as_slice()).unwrap_or_default();
        let Some(fields) = fields else {
            let identifies = columns.iter().any(|column| best(catalog, &column.direct).is_some());
            return (identifies || lineage.status == Status::Opaque).then(|| Box::new(Self::each_row(0)));
        };
        let count = u16::try_from(fields.len()).ok()?;
        if lineage.status == Status::Opaque || (!columns.is_empty() && columns.len() != fields.len()) {
            return Some(Box::new(Self::each_row(count)));
        }
        let mut plain: Option<(Rank, Cell)> = None;
        let mut computed = Vec::new();
        for (place, field) in (0..count).zip(fields) {
            let column = columns.get(usize::from(place));
            let mut direct = column.map(|column| column.direct.clone()).unwrap_or_default();
            if field.relation.0 != 0 {
                direct.insert(ColumnId { relation: field.relation, number: field.number });
            }
            let Some((rank, domain)) = best(catalog, &direct) else { continue };
            let cell = Cell { place, domain, type_oid: field.type_oid.0, format: field.format };
            if field.relation.0 == 0 && column.is_none_or(|column| column.identity.is_none()) {
                computed.push(cell);
            } else if plain.is_none_or(|(known, _)| rank < known) {
                plain = Some((rank, cell));
            }
        }
        let plain = plain.map(|(_, cell)| cell);
        let some = plain.is_some() || !computed.is_empty();
        some.then(|| Box::new(Self { fields: count, plain, computed, each_row: false, rows: 0 }))
    }

    const fn each_row(fields: u16) -> Self {
        Self { fields, plain: None, computed: Vec::new(), each_row: true, rows: 0 }
    }

    /// A row that is not seen as a whole is of somebody.
    pub fn unseen_row(&mut self, meet: &mut impl FnMut(u64, &[u8])) {
        self.rows += 1;
        meet(ROWS, &self.rows.to_be_bytes());
    }

    /// Everybody of one row: the domain and the value.
    ///
    /// # Errors
    /// The row does not fit its description.
    pub fn row(&mut self, row: &[u8], meet: &mut impl FnMut(u64, &[u8])) -> Result<(), MaskError> {
        if self.each_row {
            self.unseen_row(meet);
            return Ok(());
        }
        let (count, mut rest) = row.split_first_chunk::<2>().ok_or(MaskError)?;
        if u16::from_be_bytes(*count) != self.fields {
            return Err(MaskError);
        }
        let mut computed = self.computed.iter().peekable();
        for place in 0..self.fields {
            let (length, behind) = rest.split_first_chunk::<4>().ok_or(MaskError)?;
            rest = behind;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { continue };
            let (value, behind) = rest.split_at_checked(length).ok_or(MaskError)?;
            rest = behind;
            while computed.next_if(|cell| cell.place < place).is_some() {}
            if let Some(cell) = self.plain.filter(|cell| cell.place == place) {
                mask::canonical(cell.type_oid, cell.format, value, |bytes| meet(cell.domain, bytes));
            } else if let Some(cell) = computed.next_if(|cell| cell.place == place) {
                self.parts(cell, value, meet);
            }
        }
        Ok(())
    }

    /// One part beside a column that is shown as it is stored is of the same person.
    fn parts(&self, cell: &Cell, value: &[u8], meet: &mut impl FnMut(u64, &[u8])) {
        // Elements of binary formats stand behind their lengths: whatever they are, words of four bytes tell them
        // apart.
        if cell.format == Format::Binary && !is_text(cell.type_oid) && value.len() > LONGEST_SCALAR {
            return value.chunks(4).for_each(|word| meet(cell.domain, word));
        }
        let is_part = |part: &&[u8]| !part.is_empty();
        let parts = || value.split(|byte| !is_of_a_value(*byte)).filter(is_part);
        if parts().nth(1).is_some() {
            parts().for_each(|part| meet(cell.domain, part));
        } else if self.plain.is_none() {
            mask::canonical(cell.type_oid, cell.format, value, |bytes| meet(cell.domain, bytes));
        }
    }
}

/// Whether the binary format is the text.
const fn is_text(type_oid: u32) -> bool {
    matches!(type_oid, 19 | 25 | 114 | 142 | 1042 | 1043 | 3802)
}

/// What stands within an address, a number, a key.
const fn is_of_a_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'@' | b'.' | b'_' | b'-' | b'+')
}

/// The best of some columns, with its domain.
fn best(catalog: &Catalog, columns: &Columns) -> Option<(Rank, u64)> {
    columns.iter().filter_map(|column| identifies(catalog, *column)).min()
}

fn identifies(catalog: &Catalog, id: ColumnId) -> Option<(Rank, u64)> {
    let relation = catalog.relation(id.relation)?;
    if is_key(relation, id.number) && relation.columns.iter().any(|column| rank(column).is_some()) {
        return Some((Rank::Key, key_domain(relation.oid)));
    }
    let column = relation.columns.iter().find(|column| column.number == id.number)?;
    rank(column).map(|rank| (Rank::Labelled(rank), u64::from(rank)))
}

/// Its only column: of a key of several, each is for many.
fn is_key(relation: &Relation, number: i16) -> bool {
    let uniques = relation.details.iter().flat_map(|details| &details.uniques);
    uniques.filter(|unique| unique.primary).any(|unique| *unique.columns == [number])
}

fn key_domain(relation: Oid) -> u64 {
    (1 << 32) | u64::from(relation.0)
}

/// By the label that it has for everybody.
fn rank(column: &crate::catalog::Column) -> Option<u8> {
    Some(match column.seen.map(|seen| seen.label).or(column.label)? {
        Label::NationalId => 1,
        Label::Email => 2,
        Label::Phone => 3,
        Label::Iban => 4,
        Label::Card => 5,
        Label::PersonName => 6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Column, Details, How, RelationKind, Seen, Unique, ViewReading},
        lineage::{Output, OutputColumn},
    };

    const TABLE: Oid = Oid(16_500);

    fn catalog() -> Catalog {
        let column = |number, name: &str, type_oid, label| Column {
            label,
            ..Column::new(number, name.into(), Oid(type_oid))
        };
        let key = Unique { name: "pkey".into(), primary: true, columns: [1].into(), others: Box::default() };
        let mut catalog = Catalog { utf8: true, ..Catalog::default() };
        catalog.insert(Relation {
            oid: TABLE,
            schema: "public".into(),
            name: "customers".into(),
            kind: RelationKind::Table,
            columns: vec![
                column(1, "id", 20, None),
                column(2, "email", 25, Some(Label::Email)),
                column(3, "segment", 25, None),
                Column {
                    seen: Some(Seen { label: Label::Phone, how: How::Configured }),
                    ..column(4, "phone", 25, None)
                },
            ],
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details: Some(Box::new(Details { uniques: vec![key], ..Details::default() })),
        });
        catalog
    }

    /// An output of columns by number; `true`: as it is stored.
    fn lineage(columns: &[(&[i16], bool)]) -> Lineage {
        let id = |number: &i16| ColumnId { relation: TABLE, number: *number };
        let columns = columns.iter().map(|(numbers, is_plain)| OutputColumn {
            name: "c".into(),
            type_oid: Oid(25),
            direct: numbers.iter().map(id).collect(),
            identity: is_plain.then(|| id(&numbers[0])),
        });
        let result = Output { kind: OutputKind::Result, columns: columns.collect() };
        Lineage { outputs: vec![result], ..Lineage::default() }
    }

    fn field(type_oid: u32, format: Format) -> Field {
        Field { relation: Oid(0), number: 0, type_oid: Oid(type_oid), modifier: -1, format }
    }

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes
    }

    fn met(columns: &[(&[i16], bool)], fields: &[Field], rows: &[&[Option<&[u8]>]]) -> Option<usize> {
        let mut identifying = Identifying::of(&catalog(), &lineage(columns), Some(fields))?;
        let mut met = std::collections::HashSet::new();
        for values in rows {
            let mut meet = |domain: u64, value: &[u8]| {
                let _known = met.insert((domain, value.to_vec()));
            };
            identifying.row(&row(values), &mut meet).expect("a row");
        }
        Some(met.len())
    }

    #[test]
    fn a_key_or_a_label_identifies_and_nothing_else_does() {
        let text = [field(25, Format::Text)];
        for (number, identifies) in [(1, true), (2, true), (3, false), (4, true)] {
            let of = Identifying::of(&catalog(), &lineage(&[(&[number], true)]), Some(&text));
            assert_eq!(of.is_some(), identifies, "column {number}");
        }
    }

    #[test]
    fn of_a_row_only_the_best_column_counts() {
        let fields = [field(25, Format::Text), field(20, Format::Text), field(25, Format::Text)];
        let columns: &[(&[i16], bool)] = &[(&[2], true), (&[1], true), (&[2], false)];
        let rows: &[&[Option<&[u8]>]] = &[
            &[Some(b"a@x.example"), Some(b"1"), Some(b"A@X.EXAMPLE")],
            &[Some(b"other@x.example"), Some(b"1"), Some(b"OTHER@X.EXAMPLE")],
            &[None, Some(b"2"), None],
        ];
        assert_eq!(met(columns, &fields, rows), Some(2));
    }

    #[test]
    fn a_number_is_the_same_person_in_both_formats() {
        let catalog = catalog();
        let columns = lineage(&[(&[1], true)]);
        let mut met = std::collections::HashSet::new();
        for (format, value) in [(Format::Text, &b"7"[..]), (Format::Binary, &[0, 0, 0, 0, 0, 0, 0, 7])] {
            let fields = [field(20, format)];
            let mut identifying = Identifying::of(&catalog, &columns, Some(&fields)).expect("it identifies");
            let mut meet = |domain: u64, value: &[u8]| {
                let _known = met.insert((domain, value.to_vec()));
            };
            identifying.row(&row(&[Some(value)]), &mut meet).expect("a row");
        }
        assert_eq!(met.len(), 1);
    }

    #[test]
    fn persons_who_are_put_together_in_a_cell_are_not_one() {
        let array = [field(1016, Format::Text)];
        assert_eq!(met(&[(&[1], false)], &array, &[&[Some(b"{1,2,3}")], &[Some(b"{3,4}")]]), Some(4));
        // In binary, where nothing splits them.
        let binary = [field(1016, Format::Binary)];
        let mut cell = b"\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0\x03\0\0\0\x01".to_vec();
        for id in [1_i64, 2, 3] {
            cell.extend(8_i32.to_be_bytes());
            cell.extend(id.to_be_bytes());
        }
        assert!(met(&[(&[1], false)], &binary, &[&[Some(&cell)]]) >= Some(3));
        // Beside a column that is shown as it is stored, too.
        let both = [field(20, Format::Text), field(25, Format::Text)];
        let columns: &[(&[i16], bool)] = &[(&[1], true), (&[2], false)];
        assert_eq!(met(columns, &both, &[&[Some(b"1"), Some(b"a@x.example b@x.example")]]), Some(3));
    }

    #[test]
    fn where_nobody_knows_each_row_is_somebody() {
        let opaque = Lineage { status: Status::Opaque, ..Lineage::default() };
        let mut identifying =
            Identifying::of(&catalog(), &opaque, Some(&[field(25, Format::Text)])).expect("each row");
        let mut met = std::collections::HashSet::new();
        for _ in 0..3 {
            let mut meet = |domain: u64, value: &[u8]| {
                let _known = met.insert((domain, value.to_vec()));
            };
            identifying.row(&row(&[Some(b"same")]), &mut meet).expect("a row");
        }
        assert_eq!(met.len(), 3);
        assert!(Identifying::of(&catalog(), &lineage(&[(&[1], true)]), None).is_some(), "a COPY");
        assert!(Identifying::of(&catalog(), &lineage(&[(&[3], true)]), None).is_none());
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error() {
        let fields = [field(25, Format::Text)];
        let of = Identifying::of(&catalog(), &lineage(&[(&[2], true)]), Some(&fields));
        let mut identifying = of.expect("it identifies");
        for bad in [&b""[..], b"\0\x02", b"\0\x01\0\0", b"\0\x01\0\0\0\x09abc"] {
            assert!(identifying.row(bad, &mut |_, _| {}).is_err());
        }
    }
}
