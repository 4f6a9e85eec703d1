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

/// What a write does to the rows that come out.
pub(super) struct Outcome<'t, 'a> {
    pub(super) target: &'t WriteTarget<'a>,
    /// Columns of the row that comes out where they are not the stored ones.
    pub(super) values: &'t Values,
    /// The same of the row after the write, which a deletion does not leave.
    pub(super) new: Values,
    pub(super) event: Event,
}

impl<'t, 'a> Outcome<'t, 'a> {
    pub(super) fn of(target: &'t WriteTarget<'a>, values: &'t Values, event: Event) -> Self {
        let new = if event == Event::Delete { nothing(target) } else { values.clone() };
        Self { target, values, new, event }
    }

    /// The target as RETURNING names it.
    pub(super) fn entry(&self) -> Entry<'a> {
        let name: Cow<'a, str> = self.target.item.name.clone();
        Entry::visible(Rc::new(self.target.with(self.values, name)))
    }

    /// The row before the write: for an INSERT there was none.
    fn before(&self, name: Cow<'a, str>) -> Item<'a> {
        let values = match self.event {
            Event::Insert => nothing(self.target),
            Event::Update | Event::Delete | Event::Truncate => Values::new(),
        };
        self.target.with(&values, name)
    }
}

impl<'a> Binder<'a> {
    /// What RETURNING gives; `others` stand beside the target.
    pub(super) fn returning(
        &mut self,
        clause: Option<&'a ReturningClause>,
        outcome: &Outcome<'_, 'a>,
        others: Vec<Entry<'a>>,
        env: Env<'_, 'a>,
    ) -> Bound<Vec<Named<'a>>> {
        let Some(clause) = clause else { return Ok(Vec::new()) };
        let mut entries = vec![outcome.entry()];
        entries.extend(others);
        self.returning_list(clause, outcome, entries, env)
    }

    pub(super) fn returning_list(
        &mut self,
        clause: &'a ReturningClause,
        outcome: &Outcome<'_, 'a>,
        mut entries: Vec<Entry<'a>>,
        env: Env<'_, 'a>,
    ) -> Bound<Vec<Named<'a>>> {
        let ReturningClause { options, exprs } = clause;
        if self.catalog.server_version >= 180_000 {
            let [old, new] = names(options);
            let after = outcome.target.with(&outcome.new, Cow::Borrowed(new));
            for item in [outcome.before(Cow::Borrowed(old)), after] {
                let item = Rc::new(Item { relation: None, ..item });
                entries.push(Entry { item, by_name: true, by_column: false });
            }
        } else if !options.is_empty() {
            self.since(180_000, "RETURNING WITH")?;
        }
        let level = Level::of(entries, env.level);
        // Set-returning functions may not stand here.
        self.targets(exprs, Env { level: Some(&level), ..env }, &mut Set::default())
    }
}

/// What the rows before and after are called.
fn names(options: &[pg_query::protobuf::Node]) -> [&str; 2] {
    let (mut old, mut new) = ("old", "new");
    for node in options {
        let Some(NodeEnum::ReturningOption(ReturningOption { option, value, location: _ })) = &node.node
        else {
            continue;
        };
        match ReturningOptionKind::try_from(*option) {
            Ok(ReturningOptionKind::ReturningOptionOld) => old = value,
            Ok(ReturningOptionKind::ReturningOptionNew) => new = value,
            _ => {}
        }
    }
    [old, new]
}

/// A row that is not there: every column is NULL.
pub(super) fn nothing(target: &WriteTarget<'_>) -> Values {
    let columns = target.base.columns.iter();
    columns.map(|column| (column.number, Flow::constant(column.type_oid))).collect()
}
