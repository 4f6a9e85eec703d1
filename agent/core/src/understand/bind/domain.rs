//! Domains: making a value of one runs its checks, and columns of one may have its default.

use std::sync::Arc;

use super::{Binder, Bound, flow::Flow, printed::Sight};
use crate::{
    catalog::{Oid, TooManyParts, code::TypeKind},
    lineage::GapKind,
};

/// How many domains over each other are followed one by one.
const DEEPEST_TYPE: usize = 8;

impl Binder<'_> {
    /// The value of a column of this type that nobody gives.
    pub(super) fn default_of_type(&mut self, type_oid: Oid) -> Bound<Flow> {
        let catalog = self.catalog;
        let default = catalog.code.domains.get(&type_oid).and_then(|domain| domain.default.as_deref());
        let Some(default) = default else { return Ok(Flow::constant(type_oid)) };
        let name = self.type_label(type_oid);
        let flows = self.printed(default, Sight::default(), &name)?;
        Ok(flows.into_iter().next().unwrap_or_default())
    }

    /// Notes what making this value one of a type runs: checks of the domain that it is, and of those under
    /// it.
    pub(super) fn domain_checks(&mut self, type_oid: Oid, flow: &Flow) -> Bound<()> {
        let catalog = self.catalog;
        if catalog.code.domains.is_empty() {
            return Ok(());
        }
        self.step(1)?;
        let mut at = type_oid;
        for _ in 0..DEEPEST_TYPE {
            let Some(TypeKind::Domain(under)) = catalog.code.types.get(&at).map(|known| known.kind) else {
                break;
            };
            let checks = catalog.code.domains.get(&at).map_or(&[][..], |domain| &domain.checks);
            if !checks.is_empty() {
                self.checks_of(at, under, checks, flow)?;
            }
            at = under;
        }
        self.made_unseen(at);
        Ok(())
    }

    fn checks_of(&mut self, domain: Oid, under: Oid, checks: &[Arc<str>], flow: &Flow) -> Bound<()> {
        let name = self.type_label(domain);
        if self.open.contains(&domain) {
            self.gap(GapKind::OpaqueFunction, format!("the checks of {name} make values of it"));
            return Ok(());
        }
        self.open.push(domain);
        let all = checks.iter().try_for_each(|check| {
            let value = Flow { fields: None, ..flow.clone() }.computed(under);
            let sight = Sight { value: Some(value), ..Sight::default() };
            self.quietly(|binder| binder.printed(check, sight, &name)).map(|_| ())
        });
        self.open.pop();
        all
    }

    /// A value of this type is made by its input function, or field by field: what checks run on is not
    /// followed.
    pub(super) fn made_unseen(&mut self, type_oid: Oid) {
        match self.checked_within(type_oid) {
            Ok(Some(domain)) => {
                let name = self.type_label(domain);
                self.gap(GapKind::OpaqueFunction, format!("the checks of {name}"));
            }
            Ok(None) => {}
            Err(TooManyParts) => self.gap(GapKind::TooLarge, "a type of too many parts"),
        }
    }

    /// A domain with checks that values of this type are made of.
    fn checked_within(&self, type_oid: Oid) -> Result<Option<Oid>, TooManyParts> {
        let domains = &self.catalog.code.domains;
        if domains.is_empty() {
            return Ok(None);
        }
        let parts = self.catalog.parts_of(type_oid)?;
        Ok(parts.into_iter().find(|part| domains.get(part).is_some_and(|domain| !domain.checks.is_empty())))
    }

    /// Whether a type as a body of a function writes it may be a domain with checks.
    pub(super) fn may_be_checked(&self, written: &str) -> bool {
        let code = &self.catalog.code;
        let written = written.to_lowercase();
        let mut checked = code.domains.iter().filter(|(_, domain)| !domain.checks.is_empty()).peekable();
        // A column's type, or a row's.
        (written.contains('%') && checked.peek().is_some())
            || checked.any(|(oid, _)| {
                code.types.get(oid).is_some_and(|known| written.contains(&known.name.to_lowercase()))
            })
    }

    fn type_label(&self, type_oid: Oid) -> String {
        let known = self.catalog.code.types.get(&type_oid);
        known.map_or_else(String::new, |known| format!("the domain {}.{}", known.schema, known.name))
    }
}
