//! `[identity]`

use std::path::PathBuf;

use super::{
    IdentityConfig, Surroundings,
    section::{Located, Section},
    value,
};

const USUAL_SCOPES: [&str; 4] = ["openid", "email", "groups", "offline_access"];

/// The agent's own provider, and others by name.
pub(super) fn read(
    mut section: Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<(IdentityConfig, Vec<(String, IdentityConfig)>)> {
    let others: Vec<Option<(String, IdentityConfig)>> =
        section.sections("other").into_iter().map(|other| read_other(other, around)).collect();
    let home = read_one(section, around);
    Some((home?, others.into_iter().collect::<Option<_>>()?))
}

fn read_other(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<(String, IdentityConfig)> {
    let name = section.required_string("name", "partner");
    let name = name.filter(|name| section.check(name, value::name(&name.value)));
    let config = read_one(section, around);
    Some((name?.value, config?))
}

fn read_one(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<IdentityConfig> {
    let issuer = section.required_string("issuer", "https://id.example.com");
    let issuer = issuer.filter(|issuer| section.check(issuer, value::issuer(&issuer.value)));
    let client_id = section.required_string("client_id", "connect-cli");
    let scopes = read_scopes(&mut section);
    let groups_claim = section.string("groups_claim");
    let groups_claim = match groups_claim {
        Some(claim) => section.accept(&claim, claim_name(&claim)),
        None => Some("groups".to_owned()),
    };
    let max_token_age = match section.string("max_token_age") {
        Some(age) => section.accept(&age, value::token_age(&age.value)),
        None => Some(value::OLDEST_TOKEN),
    };
    let ca_file = read_ca_file(&mut section, around);
    section.finish();
    Some(IdentityConfig {
        issuer: issuer?.value,
        client_id: client_id?.value,
        scopes: scopes?,
        groups_claim: groups_claim?,
        max_token_age: max_token_age?,
        ca_file: ca_file?,
    })
}

fn read_scopes(section: &mut Section<'_, '_>) -> Option<Vec<String>> {
    let Some(scopes) = section.strings("scopes") else {
        return Some(USUAL_SCOPES.map(str::to_owned).to_vec());
    };
    let mut good = true;
    for scope in &scopes {
        // RFC 6749, 3.3: a scope is printable ASCII without space, quote and backslash.
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if scope.value.is_empty() || !scope.value.bytes().all(fits) {
            section.wrong_at(scope, &format!("`{}` is not a scope; write one word for each", scope.value));
            good = false;
        }
    }
    if !scopes.iter().any(|scope| scope.value == "openid") {
        section.wrong("scopes", "must contain `openid`: without it there is no ID token");
        good = false;
    }
    good.then(|| scopes.into_iter().map(|scope| scope.value).collect())
}

fn claim_name(claim: &Located<String>) -> Result<String, String> {
    const OURS: [&str; 9] = ["iss", "sub", "aud", "exp", "nbf", "iat", "azp", "email", "nonce"];
    if claim.value.is_empty() || OURS.contains(&claim.value.as_str()) {
        return Err(format!("`{}` cannot carry groups; the usual claim is `groups`", claim.value));
    }
    Ok(claim.value.clone())
}

/// `ca_file`: outer `None` if it is wrong, inner `None` if it is absent.
pub(super) fn read_ca_file(
    section: &mut Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<Option<PathBuf>> {
    let Some(text) = section.string("ca_file") else { return Some(None) };
    let path = around.resolve(&text.value);
    section.check(&text, value::certificates(&path)).then_some(Some(path))
}
