//! `[[workload]]`: programs that prove who they are with a token of their own, of a CI service, a cluster,
//! a SPIFFE trust domain or an identity provider.
//!
//! Most of these issuers give tokens to anybody who asks, so what the claims must be is part of every
//! section: without that, a stranger's pipeline would be as good as one's own.

use std::path::PathBuf;

use super::{
    IdentityConfig, Surroundings, identity,
    section::{Located, Section},
    value,
};

/// Most sections, and most conditions in one.
const MAX_WORKLOADS: usize = 100;
const MAX_CLAIMS: usize = 20;

/// One `[[workload]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadConfig {
    /// Stands before the names of its principals: `github/repo:acme/shop:ref:refs/heads/main`.
    pub name: String,
    /// As in `iss`; of a SPIFFE trust domain `spiffe://DOMAIN`, as in the beginning of `sub`.
    pub issuer: String,
    /// For whom its tokens are made.
    pub audience: String,
    pub keys: KeysFrom,
    pub ca_file: Option<PathBuf>,
    /// All of them must hold.
    pub claims: Vec<ClaimRule>,
    /// What its principals belong to.
    pub groups: Vec<String>,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeysFrom {
    /// What its discovery document names.
    Discovery,
    Address(String),
    /// A file that somebody else keeps current.
    File(PathBuf),
}

/// What a claim must be: one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRule {
    pub claim: String,
    pub allowed: Vec<Allowed>,
}

/// A value that a claim may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    Exactly(String),
    /// Whatever begins so; it ends with a separator.
    Below(String),
}

impl Allowed {
    fn parse(text: &str) -> Result<Self, String> {
        let Some(start) = text.strip_suffix('*') else {
            return if text.contains('*') {
                Err(format!("`{text}`: a `*` stands at the end only"))
            } else {
                Ok(Self::Exactly(text.to_owned()))
            };
        };
        // `acme*` would let `acme-evil/…` in.
        if start.contains('*') || !start.ends_with(['/', ':']) {
            return Err(format!("`{text}`: a `*` stands at the end only, behind `/` or `:`"));
        }
        Ok(Self::Below(start.to_owned()))
    }

    /// Whether a claim of this text is meant.
    #[must_use]
    pub fn admits(&self, text: &str) -> bool {
        match self {
            Self::Exactly(value) => value == text,
            Self::Below(start) => text.len() > start.len() && text.starts_with(start),
        }
    }
}

pub(super) fn read(
    root: &mut Section<'_, '_>,
    origin: Option<&str>,
    around: &Surroundings<'_>,
) -> Option<Vec<WorkloadConfig>> {
    let sections = root.sections("workload");
    if sections.len() > MAX_WORKLOADS {
        root.wrong("workload", &format!("more than {MAX_WORKLOADS} workloads"));
        return None;
    }
    let read: Vec<Option<WorkloadConfig>> =
        sections.into_iter().map(|section| read_one(section, origin, around)).collect();
    read.into_iter().collect()
}

fn read_one(
    mut section: Section<'_, '_>,
    origin: Option<&str>,
    around: &Surroundings<'_>,
) -> Option<WorkloadConfig> {
    let name = section.required_string("name", "github");
    let name = name.filter(|name| section.check(name, value::name(&name.value)));
    let issuer = read_issuer(&mut section);
    let audience = match section.string("audience") {
        Some(audience) => section.accept(&audience, printable(&audience.value)),
        None => origin.map(str::to_owned),
    };
    let keys = read_keys(&mut section, issuer.as_deref(), around);
    let ca_file = identity::read_ca_file(&mut section, around);
    let claims = read_claims(&mut section);
    let groups = section.strings("groups").unwrap_or_default();
    let wrong = |group: &&Located<String>| section.accept(group, printable(&group.value)).is_none();
    let good_groups = groups.iter().filter(wrong).count() == 0;
    section.finish();
    Some(WorkloadConfig {
        name: name?.value,
        issuer: issuer?,
        audience: audience?,
        keys: keys?,
        ca_file: ca_file?,
        claims: claims?,
        groups: good_groups.then(|| groups.into_iter().map(|group| group.value).collect())?,
    })
}

/// `issuer` or `trust_domain`: exactly one of them.
fn read_issuer(section: &mut Section<'_, '_>) -> Option<String> {
    let domain = section.string("trust_domain");
    if !section.has("issuer")
        && let Some(domain) = domain
    {
        return section.accept(&domain, trust_domain(&domain.value));
    }
    if let Some(domain) = domain {
        section.wrong_at(&domain, "is given together with `issuer`; keep one of them");
        return None;
    }
    let issuer = section.required_string("issuer", "https://token.actions.githubusercontent.com")?;
    section.check(&issuer, value::issuer(&issuer.value)).then_some(issuer.value)
}

/// SPIFFE ID, 2.1: lower-case letters, digits, dots, dashes and underscores.
fn trust_domain(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if !text.is_empty() && text.len() <= 255 && text.bytes().all(fits) {
        return Ok(format!("spiffe://{text}"));
    }
    Err(format!("`{text}` is no trust domain; for example `prod.example.com`"))
}

pub(super) fn read_keys(
    section: &mut Section<'_, '_>,
    issuer: Option<&str>,
    around: &Surroundings<'_>,
) -> Option<KeysFrom> {
    let (address, file) = (section.string("jwks_url"), section.string("jwks_file"));
    match (address, file) {
        (Some(_), Some(file)) => {
            section.wrong_at(&file, "is given together with `jwks_url`; keep one of them");
            None
        }
        (Some(address), None) => {
            let good = section.check(&address, value::key_address(&address.value));
            good.then_some(KeysFrom::Address(address.value))
        }
        (None, Some(file)) => {
            let path = around.resolve(&file.value);
            let found = if path.is_file() { Ok(()) } else { Err(format!("`{}` is no file", path.display())) };
            section.check(&file, found).then_some(KeysFrom::File(path))
        }
        (None, None) if issuer.is_some_and(|issuer| issuer.starts_with("spiffe://")) => {
            section.missing(
                "jwks_url",
                "is missing, and so is `jwks_file`: a trust domain has no discovery document",
            );
            None
        }
        (None, None) => Some(KeysFrom::Discovery),
    }
}

fn read_claims(section: &mut Section<'_, '_>) -> Option<Vec<ClaimRule>> {
    let Some(table) = section.section("claims") else {
        let words = "is missing: say which tokens are meant, or everybody's there would do; for example \
                     `claims = { repository = \"acme/shop\" }`";
        section.missing("claims", words);
        return None;
    };
    let mut rules = Vec::new();
    let mut good = true;
    for (claim, values) in table.lists() {
        let mut allowed = Vec::new();
        for value in values {
            match table.accept(&value, Allowed::parse(&value.value)) {
                Some(value) => allowed.push(value),
                None => good = false,
            }
        }
        if allowed.is_empty() && good {
            table.wrong_at(&claim, "allows nothing");
            good = false;
        }
        rules.push(ClaimRule { claim: claim.value, allowed });
    }
    if rules.is_empty() || rules.len() > MAX_CLAIMS {
        section.wrong("claims", &format!("must name 1 to {MAX_CLAIMS} claims"));
        good = false;
    }
    good.then_some(rules)
}

fn printable(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 256 printable characters".to_owned()) }
}

/// Names tell whose principals and groups are meant, so none may stand for two; and a person's sign-in
/// must never pass for a program.
pub(super) fn check_names(
    root: &Section<'_, '_>,
    home: &IdentityConfig,
    others: &[(String, IdentityConfig)],
    workloads: &[WorkloadConfig],
) {
    let mut names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(workloads.iter().map(|workload| workload.name.as_str()));
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [one, two] = pair
            && one == two
        {
            root.wrong("workload", &format!("`{one}` is the name of two providers or workloads; change one"));
        }
    }
    let issuers = || std::iter::once(home).chain(others.iter().map(|(_, config)| config));
    for (_, other) in others {
        let same =
            |known: &&IdentityConfig| known.issuer == other.issuer && known.client_id == other.client_id;
        if issuers().filter(same).count() > 1 {
            root.wrong("identity", &format!("`{}` stands there twice with one client", other.issuer));
        }
    }
    for workload in workloads {
        let people =
            |known: &IdentityConfig| known.issuer == workload.issuer && known.client_id == workload.audience;
        if issuers().any(people) {
            let words =
                format!("`{}` has the client of people as its audience; give it another", workload.name);
            root.wrong("workload", &words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_what_is_below_and_never_for_a_neighbour() {
        let below = Allowed::parse("acme/*").expect("below acme");
        assert!(below.admits("acme/shop"));
        assert!(!below.admits("acme/") && !below.admits("acme-evil/shop") && !below.admits("acme"));
        assert!(Allowed::parse("acme/shop").expect("one").admits("acme/shop"));
        for text in ["acme*", "*", "acme/*/x", "a*/b*"] {
            assert!(Allowed::parse(text).is_err(), "{text}");
        }
    }
}
