//! What the server writes anew from its parsed form, with the names that things have now: definitions of
//! views, rules, policies and expressions.
//!
//! To do so it locks, for a moment, what is named. If somebody else has locked something against reading, all
//! are asked for one by one: a view that names it keeps the definition it had, if any; of other texts it is
//! known that they are there and could not be read ([`UNREAD`]), so that nobody takes them for none.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use connect_core::catalog::{ColumnExpression, Details, Oid, Policy, UNREAD};

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

/// Texts by relation, and what has texts that could not be had.
type Found<T> = (HashMap<Oid, Vec<T>>, Vec<Object>);

/// What has a text that could not be had: the object, its relation, the column that it is about, and a letter.
type Object = (u32, Oid, i16, u8);

/// Reads what was changed, or what names something that has another name now. On a `retry` all are asked for again, and
/// what nobody has changed since it was read stays known if it cannot be read now.
pub(super) async fn read(
    source: &mut Source<'_>,
    moved: &Moved,
    (renamed, retry): (bool, bool),
    relations: &mut Relations,
) -> Result<(), ReadError> {
    let must = |parts: &[Part]| renamed || moved.any(parts);
    let plain = |row: &Row, _: &mut Names| Ok(text(row, 1)?.unwrap_or_default());
    let rules = must(&[Part::Rules]);
    if rules || retry {
        let (found, unread) = texts(source, &Texts::DEFINITIONS, |row, _| text(row, 1)).await?;
        let kept = unread.into_iter().map(|(_, relation, ..)| relation).collect();
        let only = found.into_iter().map(|(oid, texts)| (oid, texts.into_iter().flatten().next())).collect();
        apply_details(relations, only, &kept, |details| &details.definition, |d| &mut d.definition);
        let found = texts(source, &Texts::RULES, plain).await?;
        let keeps = |oid| !rules && is_read(relations, oid, |own| own.rules.iter().map(|rule| &**rule));
        let (found, kept) = filled(found, |_| UNREAD.into(), keeps);
        apply_details(relations, found, &kept, |details| &details.rules, |d| &mut d.rules);
    }
    let policies = must(&[Part::Policies]);
    if policies || retry {
        let found = texts(source, &Texts::POLICIES, |row, _| policy(row)).await?;
        let of = |own: &Policy| own.using.as_deref().unwrap_or_default().to_owned();
        let keeps = |oid| !policies && is_read(relations, oid, |own| own.policies.iter().map(of));
        let (found, kept) = filled(found, |_| unread_policy(), keeps);
        apply_details(relations, found, &kept, |details| &details.policies, |d| &mut d.policies);
    }
    let expressions = must(&[Part::Expressions]);
    if expressions || retry {
        let unread = |(_, _, column, letter): Object| (column, column_expression(letter, UNREAD.into()));
        let found = texts(source, &Texts::EXPRESSIONS, expression).await?;
        let of = |(_, own): &(i16, ColumnExpression)| own.text().to_owned();
        let keeps = |oid| !expressions && is_read(relations, oid, |own| own.expressions.iter().map(of));
        let (found, kept) = filled(found, unread, keeps);
        apply_details(relations, found, &kept, |details| &details.expressions, |d| &mut d.expressions);
    }
    let checks = must(&[Part::Constraints, Part::Indexes, Part::Relations]);
    if checks || retry {
        let found = texts(source, &Texts::CHECKS, plain).await?;
        let keeps = |oid| !checks && is_read(relations, oid, |own| own.checks.iter().map(|check| &**check));
        let (found, kept) = filled(found, |_| UNREAD.into(), keeps);
        apply_details(relations, found, &kept, |details| &details.checks, |d| &mut d.checks);
    }
    Ok(())
}

/// Texts by relation, with something in place of those that could not be had, and relations that keep what they have.
fn filled<T>(
    (mut found, unread): Found<T>,
    instead: impl Fn(Object) -> T,
    keeps: impl Fn(Oid) -> bool,
) -> (HashMap<Oid, Vec<T>>, HashSet<Oid>) {
    let mut kept = HashSet::new();
    for object in unread {
        if keeps(object.1) {
            kept.insert(object.1);
        } else {
            found.entry(object.1).or_default().push(instead(object));
        }
    }
    (found, kept)
}

/// Whether a relation has such texts, and all of them were read once.
fn is_read<'r, I>(relations: &'r Relations, oid: Oid, texts: impl FnOnce(&'r Details) -> I) -> bool
where
    I: ExactSizeIterator<Item: AsRef<str>>,
{
    let Some(details) = relations.get(&oid).and_then(|relation| relation.details.as_deref()) else {
        return false;
    };
    let mut texts = texts(details);
    texts.len() > 0 && texts.all(|text| text.as_ref() != UNREAD)
}

async fn texts<T>(
    source: &mut Source<'_>,
    query: &Texts,
    mut item: impl FnMut(&Row, &mut Names) -> Result<T, ReadError>,
) -> Result<Found<T>, ReadError> {
    source.try_within(PATIENCE).await?;
    let outcome = source.grouped(&query.all(), &[], &mut item).await;
    if let Some(found) = source.tried(outcome).await? {
        return Ok((found, Vec::new()));
    }
    let mut objects: Vec<Object> = Vec::new();
    source
        .each(&query.objects(), &[], |row, _| {
            objects.push((row.of(0)?, row.oid(1)?, row.of(2)?, row.letter(3)?));
            Ok(())
        })
        .await?;
    let (mut found, mut unread) = (HashMap::new(), Vec::new());
    for object in objects {
        source.try_within(SHORT_PATIENCE).await?;
        let outcome = source.grouped(&query.one(), &[&object.0], &mut item).await;
        match source.tried(outcome).await? {
            Some(one) => one.into_iter().for_each(|(oid, texts)| {
                found.entry(oid).or_insert_with(Vec::new).extend(texts);
            }),
            None => unread.push(object),
        }
    }
    Ok((found, unread))
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
    Ok((row.of(1)?, column_expression(row.letter(2)?, text)))
}

/// By `pg_attribute.attgenerated`.
fn column_expression(generated: u8, text: Arc<str>) -> ColumnExpression {
    match generated {
        b's' => ColumnExpression::Stored(text),
        b'v' => ColumnExpression::Virtual(text),
        _ => ColumnExpression::Default(text),
    }
}

/// One that may be for anybody and of any command.
fn unread_policy() -> Policy {
    let text = || Some(UNREAD.into());
    Policy { command: b'*', using: text(), check: text(), roles: Box::new([Oid(0)]) }
}
