//! What relations carry: each kind of it is read as a whole, and written where it differs.

mod texts;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use connect_core::catalog::{
    Cascade, Catalog, Details, Effect, Oid, Relation, RowSecurity, Security, Trigger, Unique,
};

use super::{
    super::{
        connection::ReadError,
        mark::Moved,
        queries::{change::Part, parts as queries},
    },
    rows::Source,
};

type Relations = HashMap<Oid, Arc<Relation>>;

/// Reads what was changed. `renamed`: texts name something that has another name now. `retry`: some could not be read
/// the last time.
pub(super) async fn read(
    source: &mut Source<'_>,
    moved: &Moved,
    (renamed, retry): (bool, bool),
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let relations = Arc::make_mut(&mut catalog.relations);
    if moved.any(&[Part::Rules]) {
        let reads = source.grouped(queries::VIEW_READS, &[], |row, _| row.oid(1)).await?;
        apply(relations, reads, |r| &r.view_reads, |r, reads| r.view_reads = reads);
    }
    if moved.any(&[Part::Inheritance]) {
        let children = source.grouped(queries::CHILDREN, &[], |row, _| row.oid(1)).await?;
        apply(relations, children, |r| &r.children, |r, children| r.children = children);
    }
    if moved.any(&[Part::Relations]) {
        security(source, relations).await?;
    }
    if moved.any(&[Part::Rules, Part::Triggers, Part::Relations]) {
        let flagged = source.grouped(&queries::runs_code(), &[], |_, _| Ok(())).await?;
        let flagged = flagged.into_keys().map(|oid| (oid, true)).collect();
        apply(relations, flagged, |r| &r.runs_code, |r, runs| r.runs_code = runs);
    }
    if moved.any(&[Part::Indexes, Part::Relations]) {
        uniques(source, relations).await?;
    }
    if moved.any(&[Part::Indexes, Part::Constraints]) {
        tested_on_write(source, relations).await?;
    }
    if moved.any(&[Part::Constraints]) {
        cascades(source, relations).await?;
    }
    if moved.any(&[Part::Triggers]) {
        triggers(source, relations).await?;
    }
    texts::read(source, moved, (renamed, retry), relations).await
}

async fn triggers(source: &mut Source<'_>, relations: &mut Relations) -> Result<(), ReadError> {
    let query = queries::triggers();
    let found = source.grouped(&query, &[], |row, names| {
        // Bits of `pg_trigger.tgtype`.
        let is = |bit: i16| row.of::<i16>(3).map(|bits| bits & bit != 0);
        Ok(Trigger {
            name: row.name(1, names)?,
            function: row.oid(2)?,
            on: [is(1 << 2)?, is(1 << 4)?, is(1 << 3)?, is(1 << 5)?],
            before: is(1 << 1)?,
            instead: is(1 << 6)?,
        })
    });
    let found = found.await?;
    apply_details(
        relations,
        found,
        &HashSet::new(),
        |details| &details.triggers,
        |details| &mut details.triggers,
    );
    Ok(())
}

async fn security(source: &mut Source<'_>, relations: &mut Relations) -> Result<(), ReadError> {
    let mut found: HashMap<Oid, Option<Security>> = HashMap::new();
    source
        .each(queries::SECURITY, &[], |row, _| {
            let rows = match (row.of(2)?, row.of(3)?) {
                (false, _) => RowSecurity::Off,
                (true, false) => RowSecurity::Enabled,
                (true, true) => RowSecurity::Forced,
            };
            found.insert(row.oid(0)?, Some(Security { owner: row.oid(1)?, rows, invoker: row.of(4)? }));
            Ok(())
        })
        .await?;
    apply_details(relations, found, &HashSet::new(), |d| &d.security, |d| &mut d.security);
    Ok(())
}

async fn uniques(source: &mut Source<'_>, relations: &mut Relations) -> Result<(), ReadError> {
    let found = source.grouped(queries::UNIQUES, &[], |row, names| {
        let columns = row.of::<Vec<i16>>(3)?.into();
        let others = row.of::<Vec<i16>>(4)?.into();
        Ok(Unique { name: row.name(1, names)?, primary: row.of(2)?, columns, others })
    });
    let found = found.await?;
    apply_details(
        relations,
        found,
        &HashSet::new(),
        |details| &details.uniques,
        |details| &mut details.uniques,
    );
    Ok(())
}

async fn cascades(source: &mut Source<'_>, relations: &mut Relations) -> Result<(), ReadError> {
    let found = source.grouped(queries::CASCADES, &[], |row, _| {
        let effect = |place: usize| row.letter(place).map(Effect::from_catalog);
        let (own, others): (Vec<i16>, Vec<i16>) = (row.of(4)?, row.of(5)?);
        let keys = own.into_iter().zip(others).collect();
        Ok(Cascade { table: row.oid(1)?, on_delete: effect(2)?, on_update: effect(3)?, keys })
    });
    let found = found.await?;
    apply_details(
        relations,
        found,
        &HashSet::new(),
        |details| &details.cascades,
        |details| &mut details.cascades,
    );
    Ok(())
}

async fn tested_on_write(source: &mut Source<'_>, relations: &mut Relations) -> Result<(), ReadError> {
    let mut tested: HashSet<(Oid, i16)> = HashSet::new();
    source
        .each(queries::TESTED_ON_WRITE, &[], |row, _| {
            tested.insert(row.column_key(0)?);
            Ok(())
        })
        .await?;
    for relation in relations.values_mut() {
        let is_tested = |number: i16| tested.contains(&(relation.oid, number));
        if relation.columns.iter().any(|column| column.tested_on_write != is_tested(column.number)) {
            let oid = relation.oid;
            for column in &mut Arc::make_mut(relation).columns {
                column.tested_on_write = tested.contains(&(oid, column.number));
            }
        }
    }
    Ok(())
}

/// Writes what was found, or nothing, to every relation that has something else; the others stay shared.
fn apply<T: Default + PartialEq>(
    relations: &mut Relations,
    mut found: HashMap<Oid, T>,
    held: impl Fn(&Relation) -> &T,
    put: impl Fn(&mut Relation, T),
) {
    for (oid, relation) in relations {
        let new = found.remove(oid).unwrap_or_default();
        if *held(relation) != new {
            put(Arc::make_mut(relation), new);
        }
    }
}

/// The same for what only some relations have; `kept` ones keep what they have.
fn apply_details<T: Default + PartialEq>(
    relations: &mut Relations,
    mut found: HashMap<Oid, T>,
    kept: &HashSet<Oid>,
    held: impl Fn(&Details) -> &T,
    place: impl Fn(&mut Details) -> &mut T,
) {
    let nothing = T::default();
    for (oid, relation) in relations.iter_mut().filter(|(oid, _)| !kept.contains(oid)) {
        let new = found.remove(oid).unwrap_or_default();
        if *relation.details.as_deref().map_or(&nothing, &held) == new {
            continue;
        }
        let relation = Arc::make_mut(relation);
        let details = relation.details.get_or_insert_default();
        *place(details) = new;
        if **details == Details::default() {
            relation.details = None;
        }
    }
}
