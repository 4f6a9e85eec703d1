//! Which type of the masks' own list a type of a database is.

use super::types::*;
use crate::catalog::{
    Catalog, Oid,
    code::{Name, TypeKind},
};

/// The type that `type_oid` is to masks: itself, or what stands for a type of an extension.
pub(super) fn known(catalog: &Catalog, type_oid: Oid) -> u32 {
    let element = catalog.code.types.get(&type_oid).map_or(Oid(0), |known| known.element);
    if is_citext(catalog, type_oid) {
        CITEXT
    } else if element.0 != 0 && is_citext(catalog, element) {
        CITEXT_ARRAY
    } else {
        type_oid.0
    }
}

/// The extension's type and no namesake: the comparison of two of them is the extension's.
fn is_citext(catalog: &Catalog, type_oid: Oid) -> bool {
    let code = &catalog.code;
    let named = code.types.get(&type_oid).is_some_and(|t| t.kind == TypeKind::Base && &*t.name == "citext");
    if !named {
        return false;
    }
    let equal = code.functions_by_name.get("citext_eq").into_iter().flatten();
    equal.filter_map(|oid| code.functions.get(oid)).any(|function| {
        *function.arguments == [type_oid, type_oid] && function.extension == Some(Name::from("citext"))
    })
}
