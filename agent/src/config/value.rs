//! Checks of single values. Each failure says what to write instead.

use std::{net::IpAddr, path::Path, time::Duration};

use reqwest::Url;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// Longest name of an agent or a resource.
const MAX_NAME: usize = 63;
/// Shortest and longest life of a grant.
const LIFETIME: std::ops::RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(900);

/// First words of `connect`: a resource of such a name could never be opened by its short form.
const COMMANDS: [&str; 30] = [
    "agents",
    "approve",
    "attest",
    "audit",
    "close",
    "completions",
    "config",
    "demo",
    "doctor",
    "env",
    "exec",
    "explain",
    "help",
    "history",
    "lineage",
    "login",
    "logout",
    "ls",
    "mcp",
    "open",
    "reject",
    "report",
    "request",
    "requests",
    "revoke",
    "run",
    "shell",
    "status",
    "undo",
    "url",
];

/// A name that fits into URLs, file names and shells.
pub(super) fn name(text: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if text.len() <= MAX_NAME && starts && text.bytes().all(fits) {
        return Ok(());
    }
    Err(format!(
        "must be at most {MAX_NAME} lower-case letters, digits, `-`, `_` and `.`, and begin with a letter or a digit"
    ))
}

/// A name that is not a command of `connect`.
pub(super) fn resource_name(text: &str) -> Result<(), String> {
    name(text)?;
    if COMMANDS.contains(&text) || matches!(text, "wait" | "whoami") {
        return Err(format!("`{text}` is a command of `connect`; give the resource another name"));
    }
    Ok(())
}

/// The name of a log in its checkpoints, as C2SP signed-note wants key names: no spaces, no plus.
pub(super) fn origin(text: &str) -> Result<(), String> {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if !text.is_empty() && text.len() <= 200 && text.chars().all(fits) {
        return Ok(());
    }
    Err("must be 1 to 200 characters without spaces and `+`; for example `connect.example.com/prod`"
        .to_owned())
}

/// `10m`, `90s`, `0s`: for how long a connection is parked.
pub(super) fn park_limit(text: &str) -> Result<Duration, String> {
    let bounds = "a connection is parked for `0s` (not at all) to `24h`; the usual is `15m`";
    time(text, Duration::from_secs(24 * 60 * 60), bounds)
}

/// `5m`: for how long sessions go on without the store.
pub(super) fn lease(text: &str) -> Result<Duration, String> {
    let bounds = "sessions go on without the store for `5s` to `1h`; the usual is `5m`";
    let lease = time(text, Duration::from_secs(3600), bounds)?;
    if lease < Duration::from_secs(5) { Err(format!("`{text}` is too short: {bounds}")) } else { Ok(lease) }
}

/// `30s`: for how long transactions may go on when the agent is to stop.
pub(super) fn drain_limit(text: &str) -> Result<Duration, String> {
    time(text, Duration::from_secs(600), "an agent drains for `0s` (not at all) to `10m`; the usual is `30s`")
}

/// Oldest token of a person that may be taken. What was revoked is remembered as long (see
/// [`crate::revocation`]), so no token comes back by waiting.
pub(super) const OLDEST_TOKEN: Duration = Duration::from_secs(24 * 60 * 60);

/// `1h`: how old a token may be.
pub(super) fn token_age(text: &str) -> Result<Duration, String> {
    let bounds = "a token is taken for `5m` to `24h` from when it was made; the usual is `24h`";
    let age = time(text, OLDEST_TOKEN, bounds)?;
    if age < Duration::from_secs(300) { Err(format!("`{text}` is too short: {bounds}")) } else { Ok(age) }
}

/// `5m`, `30s`: how often a sink is told what it was given.
pub(super) fn summary_every(text: &str) -> Result<Duration, String> {
    let bounds = "write `off`, or a time from `1s` to `24h`; the usual is `5m`";
    let every = time(text, Duration::from_secs(24 * 60 * 60), bounds)?;
    if every.is_zero() { Err(format!("`{text}` is no time: {bounds}")) } else { Ok(every) }
}

fn time(text: &str, most: Duration, bounds: &str) -> Result<Duration, String> {
    let no_time = || format!("`{text}` is not a time: write a number and `s`, `m` or `h`; {bounds}");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(no_time()),
    };
    let number: u64 = number.parse().map_err(|_| no_time())?;
    let time = number.checked_mul(unit).map(Duration::from_secs).filter(|time| *time <= most);
    time.ok_or_else(|| format!("`{text}` is too long: {bounds}"))
}

/// `10m`, `90s`: within the bounds of a grant.
pub(super) fn grant_lifetime(text: &str) -> Result<Duration, String> {
    let bounds = "a grant lives between `30s` and `15m`; the usual is `10m`";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let seconds = match (number.parse::<u32>(), unit) {
        (Ok(number), "s") => u64::from(number),
        (Ok(number), "m") => u64::from(number) * 60,
        _ => return Err(format!("`{text}` is not a time; {bounds}")),
    };
    let lifetime = Duration::from_secs(seconds);
    if LIFETIME.contains(&lifetime) { Ok(lifetime) } else { Err(bounds.to_owned()) }
}

/// How long something about requests may take.
pub(super) fn request_time(text: &str) -> Result<Duration, String> {
    let bounds = "write a time between `1s` and `7d`: a number and `s`, `m`, `h` or `d`";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(format!("`{text}` is not a time; {bounds}")),
    };
    let number = number.parse::<u32>().map_err(|_| format!("`{text}` is not a time; {bounds}"))?;
    let seconds = u64::from(number) * unit;
    if (1..=7 * 86_400).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(bounds.to_owned())
    }
}

/// `10s`, `2m`: how long a host may take to let us in.
pub(super) fn connect_timeout(text: &str) -> Result<Duration, String> {
    let bounds = "it is between `1s` and `2m`; the usual is `10s`";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let seconds = match (number.parse::<u64>(), unit) {
        (Ok(number), "s") => number,
        (Ok(number), "m") => number.saturating_mul(60),
        _ => return Err(format!("`{text}` is not a time; {bounds}")),
    };
    if (1..=120).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(bounds.to_owned()) }
}

/// The issuer of tokens: HTTPS, or HTTP to this very machine.
pub(super) fn issuer(text: &str) -> Result<(), String> {
    let url = Url::parse(text)
        .map_err(|error| format!("`{text}` is not a URL ({error}); for example `https://id.example.com`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have neither `?` nor `#` (OpenID Connect Discovery 1.0)".to_owned());
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if is_loopback(host) => Ok(()),
        ("http", _) => Err("plain http is for a provider on this machine only; use https".to_owned()),
        _ => Err("must begin with `https://`".to_owned()),
    }
}

/// Where keys are: HTTPS, or HTTP to this very machine.
pub(super) fn key_address(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if is_loopback(host) => Ok(()),
        _ => Err("must begin with `https://`: whoever changes the keys on their way is anybody".to_owned()),
    }
}

/// Host and port of a database: `db.example.com:5432`, `[::1]:5432`.
pub(super) fn address(text: &str) -> Result<(String, u16), String> {
    let example = "for example `db.internal:5432` or `[::1]:5432`";
    if text.starts_with('/') {
        return Err(
            "is the path of a Unix socket; the agent reaches databases by TCP, for example `127.0.0.1:5432`"
                .to_owned(),
        );
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| format!("`{text}` has no port; {example}"))?;
    let port = port.parse::<u16>().ok().filter(|port| *port != 0);
    let port = port.ok_or_else(|| format!("`{text}` has no port between 1 and 65535; {example}"))?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    if !good {
        return Err(format!("`{host}` is not a host name or an address; {example}"));
    }
    Ok((bracketed.unwrap_or(host).to_owned(), port))
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(fits)
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether bytes to this host never leave the machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A name or address of a certificate.
pub(super) fn public_name(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
        return Ok(());
    }
    Err(format!("`{text}` is neither a host name nor an address; for example `agent.example.com`"))
}

/// A PEM file with at least one certificate.
pub(super) fn certificates(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(list) if list.is_empty() => {
            Err(format!("`{shown}` holds no certificate; it must be a PEM file with `BEGIN CERTIFICATE`"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`{shown}` cannot be read as PEM certificates: {error}")),
    }
}
