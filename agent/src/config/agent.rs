//! `[agent]`

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    CertificateSource, Surroundings,
    section::{Located, Section},
    value,
};

/// Longer than most transactions, and shorter than what service managers wait before they kill.
const USUAL_DRAIN: Duration = Duration::from_secs(30);

/// What `[agent]` says.
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) listen: SocketAddr,
    pub(super) state_dir: PathBuf,
    pub(super) public_names: Vec<String>,
    pub(super) certificate: CertificateSource,
    pub(super) drain: Duration,
}

pub(super) fn read(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<Agent> {
    let name = section.required_string("name", "prod");
    let name = name.filter(|name| section.check(name, value::name(&name.value)));
    let listen = section.required_string("listen", "0.0.0.0:7443");
    let listen = listen.and_then(|listen| section.accept(&listen, socket_address(&listen.value)));
    let state_dir = section.required_string("state_dir", "/var/lib/connect-agent");
    let public_names = section.strings("public_name").unwrap_or_default();
    let wrong = |name: &&Located<String>| !section.check(name, value::public_name(&name.value));
    // Counted, so that every one of them is reported.
    let good_names = public_names.iter().filter(wrong).count() == 0;
    let drain = match section.string("drain") {
        Some(text) => section.accept(&text, value::drain_limit(&text.value)),
        None => Some(USUAL_DRAIN),
    };
    let certificate = match section.section("tls") {
        Some(tls) => read_tls(tls, around),
        None => Some(CertificateSource::SelfSigned),
    };
    section.finish();
    Some(Agent {
        name: name?.value,
        listen: listen?,
        state_dir: around.resolve(&state_dir?.value),
        public_names: good_names.then(|| public_names.into_iter().map(|name| name.value).collect())?,
        certificate: certificate?,
        drain: drain?,
    })
}

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address with a port; for example `0.0.0.0:7443` or `[::]:7443`")
    })
}

fn read_tls(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<CertificateSource> {
    let certificate = section.required_string("certificate", "/etc/connect/agent.crt");
    let key = section.required_string("key", "/etc/connect/agent.key");
    let certificate = certificate.and_then(|text| {
        let path = around.resolve(&text.value);
        section.check(&text, value::certificates(&path)).then_some(path)
    });
    let key = key.and_then(|text| {
        let path = around.resolve(&text.value);
        section.check(&text, crate::keys::check_private(&path)).then_some(path)
    });
    section.finish();
    Some(CertificateSource::Files { certificate: certificate?, key: key? })
}
