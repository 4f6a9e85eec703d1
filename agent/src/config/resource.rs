//! One `[[resource]]`

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use connect_core::{
    catalog::Shown,
    principal::{Resource, ResourceClass},
    protocol::postgres::tag::Tag,
};
use connect_shared::{engine::Engine, error::StepUp, grant::Action, label::Label};

use super::{
    AccessList, ResourceConfig, Surroundings, access, canary, identity, role, rows, secret,
    section::{Located, Section, nearest},
    value,
};
use crate::{
    catalog::{ClearRule, LabelOverrides, Registered},
    upstream::{ClientCertificate, Place, SessionAttributes, UpstreamConfig, UpstreamTls, Way},
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
    let unmask_approvers = access::read(&mut section, "unmask_approvers");
    let break_glass = read_break_glass(&mut section, approvers.as_ref());
    let plain = |list: Option<Vec<Located<String>>>| -> Vec<String> {
        list.unwrap_or_default().into_iter().map(|text| text.value).collect()
    };
    let demands = StepUp { acr: plain(section.strings("acr")), amr: plain(section.strings("amr")) };
    let labels = match section.section("labels") {
        Some(labels) => read_labels(labels),
        None => Some(LabelOverrides::default()),
    };
    let functions = match section.section("functions") {
        Some(functions) => read_functions(functions),
        None => Some(Registered::default()),
    };
    let clear = read_clear(&mut section);
    let rows = rows::read(&mut section);
    let roles = role::read(&mut section);
    let tags = read_tags(&mut section);
    let canaries = canary::read(&mut section, around);
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
            unmask_approvers: unmask_approvers?,
            break_glass: break_glass.as_ref()?.0.clone(),
            break_glass_for: break_glass.as_ref()?.1,
            approval_for: approval_for?,
            labels: labels?,
            functions: functions?,
            clear: clear?,
            rows: rows?,
            demands,
            roles: roles?,
            tags: tags?,
            canaries: canaries?,
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

/// For how long a glass is broken, where nothing else is said, and at most.
const GLASS: Duration = Duration::from_mins(15);
const LONGEST_GLASS: Duration = Duration::from_hours(4);

/// Who may break the glass, and for how long: somebody must be there who reviews it.
fn read_break_glass(
    section: &mut Section<'_, '_>,
    approvers: Option<&AccessList>,
) -> Option<(AccessList, Duration)> {
    let who = access::read(section, "break_glass");
    let time = match section.string("break_glass_for") {
        Some(text) => {
            let time = value::request_time(&text.value).and_then(|time| match time <= LONGEST_GLASS {
                true => Ok(time),
                false => Err("is at most 4h: what takes longer is asked for".to_owned()),
            });
            section.accept(&text, time)
        }
        None => Some(GLASS),
    };
    let who = who?;
    if !who.is_empty() && approvers.is_some_and(AccessList::is_empty) {
        section.missing(
            "approvers",
            "is missing, and `break_glass` needs somebody who reviews it afterwards; for example \
             `approvers = [\"group:data-oncall\"]`",
        );
        return None;
    }
    Some((who, time?))
}

fn read_tags(section: &mut Section<'_, '_>) -> Option<Vec<Tag>> {
    let lines = section.strings("tags").unwrap_or_default();
    let read = |line: &Located<String>| {
        let found = Tag::NAMES.iter().find(|(name, _)| *name == line.value);
        found.map(|(_, tag)| *tag).ok_or_else(|| one_of(&line.value, &Tag::NAMES.map(|(name, _)| name)))
    };
    // All of them, so that each has its report.
    let tags: Vec<_> = lines.iter().map(|line| section.accept(line, read(line))).collect();
    tags.into_iter().collect()
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
    let places = section.required_string("address", "db.internal:5432");
    let places = places.and_then(|text| section.accept(&text, addresses(&text.value)));
    let database = section.required_string("database", "shop");
    let user = section.required_string("user", "connect_agent");
    let certificate = read_certificate(section, around);
    let password = match &certificate {
        Some(Some(_)) => secret::read_optional(section, around),
        _ => secret::read(section, around),
    };
    let ca_file = identity::read_ca_file(section, around);
    let hosts = places.iter().flatten().map(|place| place.host.as_str());
    // The rule of the one that is furthest away.
    let host = hosts.clone().find(|host| !value::is_loopback(host)).or_else(|| hosts.clone().next());
    let tls = read_tls(section, host, ca_file);
    if let (Some(Some(_)), Some(UpstreamTls::Disable)) = (&certificate, &tls) {
        let message =
            "proves nothing without TLS; write `tls = \"verify-full\"` or leave the certificate out";
        section.wrong("client_certificate_file", message);
        return None;
    }
    let attributes = read_attributes(section);
    let connect_time = section.string("connect_timeout");
    let connect_time = connect_time.map_or(Some(Way::default().connect_time), |text| {
        section.accept(&text, value::connect_timeout(&text.value))
    });
    let mut places = places?.into_iter();
    let Place { host, port } = places.next()?;
    let others = places.collect();
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
        way: Way { others, attributes: attributes?, connect_time: connect_time?, certificate: certificate? },
    })
}

/// One host, or several split by commas.
fn addresses(text: &str) -> Result<Vec<Place>, String> {
    let place = |text: &str| value::address(text.trim()).map(|(host, port)| Place { host, port });
    text.split(',').map(place).collect()
}

fn read_attributes(section: &mut Section<'_, '_>) -> Option<SessionAttributes> {
    let Some(text) = section.string("target_session_attrs") else { return Some(SessionAttributes::Any) };
    let found = SessionAttributes::NAMES.iter().find(|(name, _)| *name == text.value);
    let names = SessionAttributes::NAMES.map(|(name, _)| name);
    section.accept(&text, found.map(|(_, attributes)| *attributes).ok_or_else(|| one_of(&text.value, &names)))
}

/// The outer `None`: there is one, and it cannot be used.
#[expect(clippy::option_option, reason = "outer: a problem was told; inner: there is none")]
fn read_certificate(
    section: &mut Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<Option<ClientCertificate>> {
    let certificate = section.string("client_certificate_file");
    let key = section.string("client_key_file");
    match (certificate, key) {
        (None, None) => Some(None),
        (Some(certificate), Some(key)) => {
            let [path, key_path] = [&certificate, &key].map(|text| around.resolve(&text.value));
            let good = section.check(&certificate, value::certificates(&path));
            let own = ClientCertificate { certificate: path, key: key_path };
            (section.check(&key, secret::private_file(&own.key)) && good).then_some(Some(own))
        }
        (Some(lonely), None) | (None, Some(lonely)) => {
            let message = "needs its other half: `client_certificate_file` and `client_key_file` go together";
            section.wrong_at(&lonely, message);
            None
        }
    }
}

/// A NUL would end the text early in the startup message.
fn without_nul(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("must not contain a NUL character".to_owned()) } else { Ok(()) }
}

pub(super) fn read_tls(
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

/// Each line is checked by itself, as labels are.
fn read_functions(section: Section<'_, '_>) -> Option<Registered> {
    let mut functions = Registered::default();
    let mut good = true;
    for (signature, digest) in section.pairs() {
        if let Err(problem) = functions.add(&signature.value, &digest.value) {
            good = false;
            section.wrong_at(&signature, problem);
        }
    }
    good.then_some(functions)
}

/// `[[resource.clear]]`: who sees which labels or columns in clear.
fn read_clear(section: &mut Section<'_, '_>) -> Option<Vec<ClearRule>> {
    let rules: Vec<Option<ClearRule>> = section.sections("clear").into_iter().map(read_clear_rule).collect();
    rules.into_iter().collect()
}

fn read_clear_rule(mut section: Section<'_, '_>) -> Option<ClearRule> {
    let who = access::read(&mut section, "who");
    if who.as_ref().is_some_and(AccessList::is_empty) {
        section.missing("who", "is missing; for example `who = [\"group:support\"]`");
    }
    let labels = section.strings("labels").unwrap_or_default();
    let columns = section.strings("columns").unwrap_or_default();
    if labels.is_empty() && columns.is_empty() {
        section.missing("labels", "is missing and so is `columns`; for example `labels = [\"pii.email\"]`");
    }
    let good_labels: Option<HashSet<Label>> =
        labels.iter().map(|text| section.accept(text, known_label(&text.value))).collect();
    let good_columns: Option<HashSet<String>> =
        columns.iter().map(|text| section.accept(text, column_path(&text.value))).collect();
    section.finish();
    let who = who.filter(|who| !who.is_empty())?;
    let shown = Shown { labels: good_labels?, columns: good_columns?, ..Shown::default() };
    (!shown.is_empty()).then_some(ClearRule { who, shown })
}

fn known_label(text: &str) -> Result<Label, String> {
    let known = Label::ALL.into_iter().find(|label| label.as_str() == text);
    match known {
        // What has not been looked at yet is nobody's to see.
        Some(Label::Unscanned) => {
            Err("`unscanned` says that nobody has looked yet; label the column first".to_owned())
        }
        Some(label) => Ok(label),
        None => Err(one_of(text, &Label::ALL.map(Label::as_str))),
    }
}

fn column_path(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [schema, table, column]
            if !schema.is_empty() && !table.is_empty() && !column.is_empty() && !text.contains('*') =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("`{text}` is not `schema.table.column`")),
    }
}
