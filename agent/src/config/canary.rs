//! `[[resource.canary]]`: values that must never leave the database.

use std::{collections::HashSet, sync::Arc};

use connect_core::canary::{self, Canaries, Canary};

use super::{Surroundings, secret, section::Section};

/// Longest name, which stands in entries and alarms.
const LONGEST_NAME: usize = 100;

/// The outer `None`: a problem was told.
#[expect(clippy::option_option, reason = "outer: a problem was told; inner: there are none")]
pub(super) fn read(
    section: &mut Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<Option<Arc<Canaries>>> {
    let mut names = HashSet::new();
    let sections = section.sections("canary");
    let read: Vec<Option<Canary>> =
        sections.into_iter().map(|section| one(section, around, &mut names)).collect();
    let read: Vec<Canary> = read.into_iter().collect::<Option<_>>()?;
    match Canaries::new(&read) {
        Ok(canaries) => Some(canaries),
        Err(error) => {
            section.wrong("canary", &error.to_string());
            None
        }
    }
}

fn one(
    mut section: Section<'_, '_>,
    around: &Surroundings<'_>,
    names: &mut HashSet<String>,
) -> Option<Canary> {
    let name = section.required_string("name", "customer zero");
    let good_name = name.as_ref().is_some_and(|name| section.check(name, called(&name.value, names)));
    let (key, value) = if section.has("value") {
        for other in ["value_file", "value_env"] {
            if section.has(other) {
                section.wrong(other, "is given together with `value`; keep one of them");
            }
        }
        ("value", section.string("value").map(|text| text.value))
    } else {
        let value = secret::read_named(&mut section, ("value_file", "value_env"), around);
        (if section.has("value_env") { "value_env" } else { "value_file" }, value.map(|secret| secret.0))
    };
    let good_value = value.as_deref().is_some_and(|value| match canary::check(value) {
        Ok(()) => true,
        Err(error) => {
            section.wrong(key, &error.to_string());
            false
        }
    });
    section.finish();
    let (name, value) = (name?.value, value?);
    (good_name && good_value).then_some(Canary { name, value })
}

fn called(name: &str, names: &mut HashSet<String>) -> Result<(), String> {
    if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!("must be one line of at most {LONGEST_NAME} bytes"));
    }
    if !names.insert(name.to_owned()) {
        return Err(format!("`{name}` is the name of two values; nobody could say which was met"));
    }
    Ok(())
}
