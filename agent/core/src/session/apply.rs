//! Applies what a statement changed, once the server said that it succeeded.

use std::sync::Arc;

use super::{
    Session, SessionChange,
    change::{Owner, Step},
    schemas::SchemaChange,
    settings::{Scope, Setting, Value},
};
use crate::catalog::{Catalog, code::Name};

/// EXECUTE of a statement that executes is not possible; the bound is for what is not.
const DEEPEST: u8 = 3;

impl SessionChange {
    /// What is assumed of code that nobody understands.
    #[must_use]
    pub fn code_ran() -> Self {
        Self { steps: [Step::CodeRan].into() }
    }
}

impl Session {
    /// Takes what a statement changed. To be called when the server says that it succeeded, in the order
    /// in which statements ran.
    pub fn apply(&mut self, change: &SessionChange, catalog: &Catalog) {
        if change.is_empty() {
            return;
        }
        self.enter();
        self.steps(change, catalog, 0);
        self.refresh(catalog);
    }

    /// A statement that was sent alone succeeded: like a message with nothing else in it.
    pub fn ran(&mut self, change: &SessionChange, catalog: &Catalog) {
        self.apply(change, catalog);
        self.sync(catalog);
    }

    fn steps(&mut self, change: &SessionChange, catalog: &Catalog, depth: u8) {
        for step in &change.steps {
            let control = matches!(step, Step::Transaction(_));
            // After an error nothing else succeeds.
            if control || !self.transaction.is_failed() {
                self.step(step, catalog, depth);
            }
        }
    }

    fn step(&mut self, step: &Step, catalog: &Catalog, depth: u8) {
        match step {
            Step::Set { setting, value, scope } => self.set(*setting, value, *scope),
            Step::ResetAll => self.reset_all(),
            Step::Transaction(control) => self.control(control, catalog),
            Step::DiscardAll => self.discard_all(catalog),
            Step::DiscardTemporary => self.discard_temporary(catalog),
            Step::CodeRan => self.everything_unknown(),
            Step::Prepare { name, prepared } => self.prepare(name, prepared, catalog),
            Step::Execute { name } => self.run_by_name(self.executed(name), catalog, depth),
            Step::Deallocate { name } => self.deallocate(name.as_ref()),
            Step::Declare { name, hold, lineage, change } => self.open_cursor(name, *hold, lineage, change),
            Step::Fetch { name } => self.run_by_name(self.fetched(name), catalog, depth),
            Step::CloseCursor { name } => self.close_cursor(name.as_ref()),
            other => self.definition(other, catalog),
        }
    }

    /// Steps of statements that define something, or write into it.
    fn definition(&mut self, step: &Step, catalog: &Catalog) {
        match step {
            Step::Create(new) => self.create(new, catalog),
            Step::Alter(alteration) => self.alter(alteration, catalog),
            Step::Rename { relation, missing_ok, to } => self.rename(relation, *missing_ok, to, catalog),
            Step::Move { relation, missing_ok, to } => self.move_to(relation, *missing_ok, to, catalog),
            Step::Drop { relation, cascade } => self.remove(relation, *cascade, catalog),
            Step::Truncate { relation } => self.truncate(relation, catalog),
            Step::Write(written) => self.write(written, catalog),
            Step::RowsUnclear => self.rows_unclear(),
            Step::Touch { relation } => self.touch(relation, catalog),
            Step::Join { parts } => self.join(parts),
            Step::CreateSchema { name, owner } => self.create_schema(name.as_ref(), owner, catalog),
            Step::DropSchema { name } => self.drop_schema(name, catalog),
            Step::RenameSchema { from, to } => self.rename_schema(from, to, catalog),
            Step::SchemaRights { names } => {
                for name in names {
                    self.schema_changed(name.clone(), SchemaChange::Unknown);
                }
            }
            Step::RenameRole { from, to } => self.rename_role(from, to, catalog),
            Step::RoleRights => {
                self.rights_changed = true;
                self.changed();
            }
            Step::Code => {
                self.relations.code_changed = true;
                self.changed();
            }
            _ => {
                self.relations.stored_lost = true;
                self.changed();
            }
        }
    }

    fn set(&mut self, setting: Setting, value: &Value, scope: Scope) {
        self.settings.set(setting, value, &self.reset);
        match scope {
            Scope::Session => self.lasting.set(setting, value, &self.reset),
            Scope::Local => {}
            Scope::Unknown => self.lasting.set(setting, &Value::Unknown, &self.reset),
        }
    }

    pub(super) fn reset_all(&mut self) {
        // What is at its default now stays so until the transaction ends, and then is what it was.
        let (path, is_set) = (self.lasting.path.clone(), self.lasting.path_is_set);
        let passed_over = !self.settings.path_is_set && is_set;
        self.settings.reset_all(&self.reset);
        self.lasting.reset_all(&self.reset);
        if passed_over {
            (self.lasting.path, self.lasting.path_is_set) = (path, is_set);
        }
    }

    fn run_by_name(&mut self, change: Option<Arc<SessionChange>>, catalog: &Catalog, depth: u8) {
        match change {
            _ if self.keeping == super::Keeping::Elsewhere => {}
            Some(change) if depth < DEEPEST => self.steps(&change, catalog, depth + 1),
            // The server knows a statement of this name and we do not.
            _ => self.everything_unknown(),
        }
    }

    fn create_schema(&mut self, name: Option<&Name>, owner: &Owner, catalog: &Catalog) {
        let current = self.current_role(catalog);
        let (name, mine) = match owner {
            Owner::Current => (name.cloned().or_else(|| current.clone()), true),
            Owner::Named(role) => (Some(name.unwrap_or(role).clone()), current.as_ref() == Some(role)),
        };
        let Some(name) = name else { return self.lose(catalog) };
        if self.standing(&name, catalog) != super::schemas::Standing::Absent {
            // IF NOT EXISTS.
            return;
        }
        let made = current.filter(|_| mine).map_or(SchemaChange::Unknown, SchemaChange::Made);
        self.schema_changed(name, made);
    }

    fn rename_role(&mut self, from: &Name, to: &Name, catalog: &Catalog) {
        for settings in [&mut self.settings, &mut self.lasting, &mut self.reset] {
            settings.rename_role(from, to);
        }
        if *from == catalog.role {
            // `$user` is looked up by the name of the moment.
            self.everything_unknown();
        }
    }
}
