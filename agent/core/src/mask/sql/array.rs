//! Arrays, element by element, by the rule of [`crate::mask::array`].

use super::{
    Column, neutral_literal,
    shape::Source,
    term::{call, cast, fresh, literal, operator},
    type_name::TypeName,
};
use crate::mask::{MaskKey, array::MOST_ELEMENTS, canonical::Reviewed, room::Room, types::element};

pub(super) fn mask(
    key: &MaskKey,
    column: &Column<'_>,
    type_oid: u32,
    name: &TypeName,
    reviewed: Reviewed,
) -> Option<String> {
    let array = column.reference;
    let scalar = element(type_oid)?;
    let item = format!("{}_item", fresh(array));
    let source = Source::new(key, column, &item, Room::new(scalar, column.modifier))?;
    let masked = cast(&source.mask(reviewed), &name.element()?.with_modifier(column.modifier));
    let plain = format!(
        "{} AND {} AND {}",
        operator(call("array_ndims", &[array]), "=", 1),
        operator(call("array_lower", &[array, "1"]), "=", 1),
        operator(call("cardinality", &[array]), "<=", MOST_ELEMENTS)
    );
    let neutral =
        cast(&literal(neutral_literal(column.label, type_oid)?), &name.with_modifier(column.modifier));
    // Elements come in their order: nothing is joined and nothing sorts. Without a key there is no mask, also
    // not an array of NULLs.
    Some(format!(
        "CASE WHEN {array} IS NULL OR {} IS NULL THEN NULL \
         WHEN {plain} THEN ARRAY(SELECT {masked} FROM {} AS {item}_of({item})) ELSE {neutral} END",
        source.key(),
        call("unnest", &[array]),
    ))
}
