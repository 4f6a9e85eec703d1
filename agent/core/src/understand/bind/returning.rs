//! RETURNING: rows as they are after the write, and with PostgreSQL 18 as they were before.

use std::{borrow::Cow, rc::Rc};

use pg_query::{
    NodeEnum,
    protobuf::{ReturningClause, ReturningOption, ReturningOptionKind},
};

use super::{
    Binder, Bound,
    flow::Flow,
    item::{Item, Named},
    scope::{Entry, Env, Level},
    set::Set,
    write::{Event, Values, WriteTarget},
};

impl<'a> Binder<'a> {
    #[expect(clippy::too_many_arguments, reason = "each is a part of the statement that RETURNING sees")]
    pub(super) fn returning(
        &mut self,
        clause: Option<&'a ReturningClause>,
        target: &WriteTarget<'a>,
        values: &Values,
        event: Event,
        others: Vec<Entry<'a>>,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Named<'a>>> {
        let Some(clause) = clause else { return Ok(Vec::new()) };
        let name: Cow<'a, str> = target.item.name.clone();
        let mut entries = vec![Entry::visible(Rc::new(target.with(values, name)))];
        entries.extend(others);
        self.returning_list(clause, target, values, event, entries, env, indirect)
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the statement that RETURNING sees")]
    pub(super) fn returning_list(
        &mut self,
        clause: &'a ReturningClause,
        target: &WriteTarget<'a>,
        values: &Values,
        event: Event,
        mut entries: Vec<Entry<'a>>,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Named<'a>>> {
        let ReturningClause { options, exprs } = clause;
        if self.catalog.server_version >= 180_000 {
            let (mut old, mut new) = ("old", "new");
            for node in options {
                let Some(NodeEnum::ReturningOption(ReturningOption { option, value, location: _ })) =
                    &node.node
                else {
                    continue;
                };
                match ReturningOptionKind::try_from(*option) {
                    Ok(ReturningOptionKind::ReturningOptionOld) => old = value,
                    Ok(ReturningOptionKind::ReturningOptionNew) => new = value,
                    _ => {}
                }
            }
            let before = self.before(target, event, Cow::Borrowed(old));
            let after = target.with(values, Cow::Borrowed(new));
            for item in [before, after] {
                let item = Rc::new(Item { relation: None, ..item });
                entries.push(Entry { item, by_name: true, by_column: false });
            }
        } else if !options.is_empty() {
            self.since(180_000, "RETURNING WITH")?;
        }
        let level = Level { entries, parent: env.level };
        let columns = self.targets(exprs, Env { level: Some(&level), ..env })?;
        columns.iter().for_each(|column| {
            indirect.add(&column.flow.indirect);
        });
        Ok(columns)
    }

    /// The row before the write: for an INSERT there was none.
    fn before(&self, target: &WriteTarget<'a>, event: Event, name: Cow<'a, str>) -> Item<'a> {
        let values = match event {
            Event::Insert => target
                .base
                .columns
                .iter()
                .map(|column| (column.number, Flow::constant(column.type_oid)))
                .collect(),
            _ => Values::new(),
        };
        target.with(&values, name)
    }
}
