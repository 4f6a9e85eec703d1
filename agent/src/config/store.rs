//! `[store]`: a PostgreSQL database that several agents share.

use std::{sync::Arc, time::Duration};

use tokio_postgres::config::{Host, TargetSessionAttrs};

use super::{Surroundings, identity, resource, secret, section::Section, value};
use crate::{store::StoreKey, upstream::UpstreamTls};

/// What it takes to dial, before the next host is tried.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long sessions go on without the store, unless it is said.
const USUAL_LEASE: Duration = Duration::from_secs(300);

/// Where it is.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// With the password, which it never prints.
    pub way: tokio_postgres::Config,
    pub tls: UpstreamTls,
    /// What all its agents have, and it does not.
    pub key: StoreKey,
    /// For how long sessions go on that cannot hear of revocations.
    pub lease: Duration,
}

impl StoreConfig {
    /// Its hosts, for people.
    #[must_use]
    pub fn listed(&self) -> String {
        let hosts = self.way.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        hosts.collect::<Vec<_>>().join(",")
    }
}

/// The outer `None`: it cannot be used.
#[expect(clippy::option_option, reason = "outer: a problem was told; inner: there is none")]
pub(super) fn read(
    section: Option<Section<'_, '_>>,
    around: &Surroundings<'_>,
) -> Option<Option<Arc<StoreConfig>>> {
    let Some(mut section) = section else { return Some(None) };
    let url = section.required_string("url", "postgresql://connect_store@db.internal/connect");
    let way = url.as_ref().and_then(|url| section.accept(url, way(&url.value)));
    let password = secret::read_optional(&mut section, around);
    let key = secret::read_named(&mut section, ("key_file", "key_env"), around)
        .and_then(|key| StoreKey::new(&key.0).map_err(|words| section.wrong("key_file", &words)).ok());
    let ca_file = identity::read_ca_file(&mut section, around);
    let far = way.as_ref().and_then(far_host);
    let is_folder = way.as_ref().is_some_and(|way| way.get_hosts().iter().all(is_unix));
    let tls = match is_folder && !section.has("tls") {
        true => Some(UpstreamTls::Disable),
        false => resource::read_tls(&mut section, far.as_deref(), ca_file),
    };
    let lease = match section.string("lease") {
        Some(text) => section.accept(&text, value::lease(&text.value)),
        None => Some(USUAL_LEASE),
    };
    section.finish();
    let (mut way, password) = (way?, password?);
    if !password.0.is_empty() {
        way.password(&password.0);
    }
    Some(Some(Arc::new(StoreConfig { way, tls: tls?, key: key?, lease: lease? })))
}

/// Of several hosts the one that takes writes.
fn way(url: &str) -> Result<tokio_postgres::Config, String> {
    let example = "write `postgresql://USER@HOST:PORT/DATABASE`";
    if !url.starts_with("postgresql://") && !url.starts_with("postgres://") {
        return Err(format!("is no URL of a PostgreSQL database; {example}"));
    }
    if url.contains('?') {
        return Err(format!("must have no `?…`: TLS and time limits have keys of their own here; {example}"));
    }
    // The driver's own words could quote a password.
    let mut way: tokio_postgres::Config = url.parse().map_err(|_| format!("cannot be read; {example}"))?;
    if way.get_password().is_some() {
        return Err("has a password in it; put that into a file of mode 0600 and name it in `password_file`"
            .to_owned());
    }
    if way.get_user().is_none() || way.get_dbname().is_none() || way.get_hosts().is_empty() {
        return Err(format!("must name a user, a host and a database; {example}"));
    }
    way.connect_timeout(CONNECT_TIME)
        .application_name("connect-agent store")
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    Ok(way)
}

const fn is_unix(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

/// The one for which encryption counts.
fn far_host(way: &tokio_postgres::Config) -> Option<String> {
    let names = way.get_hosts().iter().filter_map(|host| match host {
        Host::Tcp(name) => Some(name),
        Host::Unix(_) => None,
    });
    names.clone().find(|name| !value::is_loopback(name)).or_else(|| names.clone().next()).cloned()
}
