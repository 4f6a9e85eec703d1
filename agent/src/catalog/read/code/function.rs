//! One function.

use connect_core::catalog::{
    Oid, Volatility,
    code::{Function, FunctionKind, Language, Name},
};

use super::super::{
    super::{connection::ReadError, names::Names},
    rows::Row,
};

/// A row of the functions' query; `None` for a kind that is not known.
pub(super) fn function(row: &Row, names: &mut Names) -> Result<Option<Function>, ReadError> {
    let Some(kind) = kind(row)? else { return Ok(None) };
    let language = Language::from_catalog(row.of(4)?);
    let arguments = row.oids(9)?;
    let (argument_names, outputs) = named(row, names)?;
    let body: Option<&str> = row.of(15)?;
    let search_path: Option<&str> = row.of(16)?;
    let extension: Option<&str> = row.of(18)?;
    Ok(Some(Function {
        oid: row.oid(0)?,
        schema: row.name(1, names)?,
        name: row.name(2, names)?,
        kind,
        language,
        volatility: Volatility::from_catalog(row.letter(5)?),
        strict: row.of(6)?,
        returns_set: row.of(7)?,
        result: row.oid(8)?,
        arguments,
        argument_names,
        defaults: u16::try_from(row.of::<i16>(13)?).unwrap_or_default(),
        variadic: row.oid(14)?,
        outputs,
        body: body.map(Into::into),
        search_path: search_path.map(|path| names.of(path)),
        security_definer: row.of(17)?,
        extension: extension.map(|name| names.of(name)),
        registered: false,
    }))
}

fn kind(row: &Row) -> Result<Option<FunctionKind>, ReadError> {
    let (kind, aggregate) = (row.letter(3)?, row.of::<Option<i8>>(19)?.map(i8::cast_unsigned));
    let direct = row.of::<Option<i16>>(20)?.and_then(|direct| u16::try_from(direct).ok()).unwrap_or_default();
    Ok(FunctionKind::from_catalog(aggregate.filter(|kind| *kind != b'n').unwrap_or(kind), direct))
}

type Named = (Box<[Name]>, Box<[(Name, Oid)]>);

/// Names of the input arguments, none if none has one, and the output columns. Without modes every
/// argument is an input.
fn named(row: &Row, names: &mut Names) -> Result<Named, ReadError> {
    let modes: Option<Vec<i8>> = row.of(11)?;
    let written: Vec<&str> = row.of::<Option<Vec<&str>>>(12)?.unwrap_or_default();
    let name_at = |place: usize| written.get(place).copied().unwrap_or_default();
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    match modes {
        None => inputs.extend(&written),
        Some(modes) => {
            let types: Vec<u32> = row.of::<Option<Vec<u32>>>(10)?.unwrap_or_default();
            for (place, mode) in modes.into_iter().map(i8::cast_unsigned).enumerate() {
                if matches!(mode, b'i' | b'b' | b'v') {
                    inputs.push(name_at(place));
                }
                if matches!(mode, b'o' | b'b' | b't') {
                    let type_oid = Oid(types.get(place).copied().unwrap_or_default());
                    outputs.push((names.of(name_at(place)), type_oid));
                }
            }
        }
    }
    if inputs.iter().all(|name| name.is_empty()) {
        inputs.clear();
    }
    Ok((inputs.into_iter().map(|name| names.of(name)).collect(), outputs.into()))
}
