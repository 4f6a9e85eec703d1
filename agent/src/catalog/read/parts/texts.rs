//! What the server writes anew from its parsed form, with the names that things have now: definitions of
//! views, rules, policies and expressions.
//!
//! To do so it locks, for a moment, what is named. Whatever somebody else has locked against reading keeps
//! the text it had, if any, and the others are asked for one by one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use connect_core::catalog::{ColumnExpression, Oid, Policy};

use super::{
    super::{
        super::{
            connection::ReadError,
            mark::Moved,
            names::Names,
            queries::{change::Part, texts::Texts},
        },
        rows::{PATIENCE, Row, Source},
    },
    Relations, apply_details,
};

/// How long a lock is waited for if one was met already.
const SHORT_PATIENCE: &str = "20ms";

/// Texts by relation, and the relations that have texts which could not be had.
type Found<T> = (HashMap<Oid, Vec<T>>, HashSet<Oid>);

/// Reads what was changed, or what names something that has another name now.
pub(super) async fn read(
    source: &mut Source<'_>,
    moved: &Moved,
    renamed: bool,
    relations: &mut Relations,
) -> Result<(), ReadError> {
    if renamed || moved.any(&[Part::Rules]) {
        let (found, kept) = texts(source, &Texts::DEFINITIONS, |row, _| text(row, 1)).await?;
        let only = found.into_iter().map(|(oid, texts)| (oid, texts.into_iter().flatten().next())).collect();
        apply_details(relations, only, &kept, |details| &details.definition, |d| &mut d.definition);
        let (found, kept) =
            texts(source, &Texts::RULES, |row, _| Ok(text(row, 1)?.unwrap_or_default())).await?;
        apply_details(relations, found, &kept, |details| &details.rules, |d| &mut d.rules);
    }
    if renamed || moved.any(&[Part::Policies]) {
        let (found, kept) = texts(source, &Texts::POLICIES, |row, _| policy(row)).await?;
        apply_details(relations, found, &kept, |details| &details.policies, |d| &mut d.policies);
    }
    if renamed || moved.any(&[Part::Expressions]) {
        let (found, kept) = texts(source, &Texts::EXPRESSIONS, expression).await?;
        apply_details(relations, found, &kept, |details| &details.expressions, |d| &mut d.expressions);
    }
    if renamed || moved.any(&[Part::Constraints, Part::Indexes, Part::Relations]) {
        let (found, kept) =
            texts(source, &Texts::CHECKS, |row, _| Ok(text(row, 1)?.unwrap_or_default())).await?;
        apply_details(relations, found, &kept, |details| &details.checks, |d| &mut d.checks);
    }
    Ok(())
}

async fn texts<T>(
    source: &mut Source<'_>,
    query: &Texts,
    mut item: impl FnMut(&Row, &mut Names) -> Result<T, ReadError>,
) -> Result<Found<T>, ReadError> {
    source.try_within(PATIENCE).await?;
    let outcome = source.grouped(&query.all(), &[], &mut item).await;
    if let Some(found) = source.tried(outcome).await? {
        return Ok((found, HashSet::new()));
    }
    let mut objects: Vec<(u32, Oid)> = Vec::new();
    source
        .each(&query.objects(), &[], |row, _| {
            objects.push((row.of(0)?, row.oid(1)?));
            Ok(())
        })
        .await?;
    let (mut found, mut kept) = (HashMap::new(), HashSet::new());
    for (object, relation) in objects {
        source.try_within(SHORT_PATIENCE).await?;
        let outcome = source.grouped(&query.one(), &[&object], &mut item).await;
        match source.tried(outcome).await? {
            Some(one) => one.into_iter().for_each(|(oid, texts)| {
                found.entry(oid).or_insert_with(Vec::new).extend(texts);
            }),
            None => {
                kept.insert(relation);
            }
        }
    }
    Ok((found, kept))
}

/// None: dropped meanwhile, so another reading follows.
fn text(row: &Row, place: usize) -> Result<Option<Arc<str>>, ReadError> {
    Ok(row.of::<Option<&str>>(place)?.map(Into::into))
}

fn policy(row: &Row) -> Result<Policy, ReadError> {
    Ok(Policy { command: row.letter(1)?, using: text(row, 2)?, check: text(row, 3)?, roles: row.oids(4)? })
}

fn expression(row: &Row, names: &mut Names) -> Result<(i16, ColumnExpression), ReadError> {
    // The same few defaults come again and again.
    let text = names.of(row.of::<Option<&str>>(3)?.unwrap_or_default());
    let expression = match row.letter(2)? {
        b's' => ColumnExpression::Stored(text),
        b'v' => ColumnExpression::Virtual(text),
        _ => ColumnExpression::Default(text),
    };
    Ok((row.of(1)?, expression))
}
