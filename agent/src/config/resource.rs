//! One `[[resource]]`

use std::{path::PathBuf, sync::Arc};

use connect_core::principal::{Resource, ResourceClass};
use connect_shared::{engine::Engine, grant::Action};

use super::{
    AccessList, ResourceConfig, Surroundings, access, identity, secret,
    section::{Located, Section, nearest},
    value,
};
use crate::{
    catalog::LabelOverrides,
    upstream::{UpstreamConfig, UpstreamTls},
};

/// A section that has at least a name; its configuration is there if all of it was good.
pub(super) struct Read {
    pub(super) name: Located<String>,
    pub(super) config: Option<ResourceConfig>,
}

pub(super) fn read(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<Read> {
    let name = section.required_string("name", "prod-db");
    let good_name = name.as_ref().is_some_and(|name| section.check(name, value::resource_name(&name.value)));
    let engine = read_engine(&mut section);
    let upstream = read_upstream(&mut section, around);
    let class = read_class(&mut section);
    let read = access::read(&mut section, "read");
    let write = access::read(&mut section, "write");
    if let (Some(read), Some(write)) = (&read, &write)
        && read.is_empty()
        && write.is_empty()
    {
        section.missing(
            "read",
            "is missing and so is `write`: nobody could open it; for example `read = [\"group:developer\"]`",
        );
    }
    let approvers = access::read(&mut section, "approvers");
    let approval_for = read_approval_for(&mut section, approvers.as_ref());
    let labels = match section.section("labels") {
        Some(labels) => read_labels(labels),
        None => Some(LabelOverrides::default()),
    };
    section.finish();
    let name = name?;
    let assemble = || {
        let upstream = Arc::new(upstream?);
        let resource = Resource {
            name: name.value.clone(),
            database: upstream.database.clone(),
            class: class?,
            approvers: approvers.as_ref()?.words(),
        };
        let resource = good_name.then(|| Arc::new(resource))?;
        Some(ResourceConfig {
            resource,
            engine: engine?,
            upstream,
            read: read?,
            write: write?,
            approvers: approvers?,
            approval_for: approval_for?,
            labels: labels?,
        })
    };
    let config = assemble();
    Some(Read { name, config })
}

/// Actions that need an approval each time; whoever must ask to read must ask to write.
fn read_approval_for(section: &mut Section<'_, '_>, approvers: Option<&AccessList>) -> Option<Vec<Action>> {
    let lines = section.strings("approval_for").unwrap_or_default();
    let read = |line: &Located<String>| match line.value.as_str() {
        "read" => Ok(Action::Read),
        "write" => Ok(Action::Write),
        other => Err(one_of(other, &["read", "write"])),
    };
    // All of them, so that each has its report.
    let actions: Vec<_> = lines.iter().map(|line| section.accept(line, read(line))).collect();
    let actions: Option<Vec<Action>> = actions.into_iter().collect();
    if !lines.is_empty() && approvers.is_some_and(AccessList::is_empty) {
        section.missing(
            "approvers",
            "is missing, and `approval_for` needs somebody who may approve; for example \
             `approvers = [\"group:data-oncall\"]`",
        );
        return None;
    }
    match actions?.as_slice() {
        [] => Some(Vec::new()),
        actions if actions.contains(&Action::Read) => Some(vec![Action::Read, Action::Write]),
        _ => Some(vec![Action::Write]),
    }
}

fn read_engine(section: &mut Section<'_, '_>) -> Option<Engine> {
    let text = section.required_string("engine", "postgresql")?;
    let outcome = match text.value.as_str() {
        "postgresql" => Ok(Engine::PostgreSql),
        other => Err(format!("`{other}` is not an engine of this agent; it knows `postgresql`")),
    };
    section.accept(&text, outcome)
}

fn read_class(section: &mut Section<'_, '_>) -> Option<ResourceClass> {
    let Some(text) = section.string("class") else { return Some(ResourceClass::Production) };
    let outcome = match text.value.as_str() {
        "production" => Ok(ResourceClass::Production),
        "development" => Ok(ResourceClass::Development),
        other => Err(one_of(other, &["production", "development"])),
    };
    section.accept(&text, outcome)
}

fn read_upstream(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<UpstreamConfig> {
    let address = section.required_string("address", "db.internal:5432");
    let address = address.and_then(|text| section.accept(&text, value::address(&text.value)));
    let database = section.required_string("database", "shop");
    let user = section.required_string("user", "connect_agent");
    let password = secret::read(section, around);
    let ca_file = identity::read_ca_file(section, around);
    let tls = read_tls(section, address.as_ref().map(|(host, _)| host.as_str()), ca_file);
    let (host, port) = address?;
    let plain = [&database, &user]
        .map(|text| text.as_ref().is_none_or(|text| section.check(text, without_nul(&text.value))));
    if plain.contains(&false) {
        return None;
    }
    Some(UpstreamConfig {
        host,
        port,
        database: database?.value,
        user: user?.value,
        password: password?,
        tls: tls?,
    })
}

/// A NUL would end the text early in the startup message.
fn without_nul(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("must not contain a NUL character".to_owned()) } else { Ok(()) }
}

fn read_tls(
    section: &mut Section<'_, '_>,
    host: Option<&str>,
    ca_file: Option<Option<PathBuf>>,
) -> Option<UpstreamTls> {
    let text = section.string("tls");
    let mode = text.as_ref().map_or("verify-full", |text| text.value.as_str());
    let outcome = match mode {
        "verify-full" => Ok(()),
        "disable" if host.is_none_or(value::is_loopback) => Ok(()),
        "disable" => Err(format!(
            "passwords and rows would cross the network to `{}` in clear; only a database on this machine may \
             be reached without TLS. Write `tls = \"verify-full\"`, with `ca_file` for a private authority",
            host.unwrap_or_default()
        )),
        other => Err(one_of(other, &["verify-full", "disable"])),
    };
    match (&text, outcome) {
        (_, Ok(())) if mode == "disable" => Some(UpstreamTls::Disable),
        (_, Ok(())) => Some(UpstreamTls::VerifyFull { ca_file: ca_file? }),
        (Some(text), Err(message)) => {
            section.wrong_at(text, &message);
            None
        }
        (None, Err(message)) => {
            section.wrong("tls", &message);
            None
        }
    }
}

fn one_of(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(nearest) => format!("`{word}` is not known here; did you mean `{nearest}`?"),
        None => format!("`{word}` is not known here; write one of `{}`", known.join("`, `")),
    }
}

/// Each line is checked by itself, so that its problem has its own line number.
fn read_labels(section: Section<'_, '_>) -> Option<LabelOverrides> {
    let pairs = section.pairs();
    let mut good = true;
    for (column, label) in &pairs {
        if let Err(errors) = LabelOverrides::parse([(column.value.as_str(), label.value.as_str())]) {
            good = false;
            for error in errors {
                section.wrong_at(column, &error.to_string());
            }
        }
    }
    let texts = pairs.iter().map(|(column, label)| (column.value.as_str(), label.value.as_str()));
    good.then(|| LabelOverrides::parse(texts).ok()).flatten()
}
