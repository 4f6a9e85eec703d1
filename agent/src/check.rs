//! `connect-agent check`: everything that would go wrong at the first connection, found before it. It
//! changes nothing: no key is made, no log is opened.

use std::{fmt, sync::Arc};

use connect_core::principal::ResourceClass;
use connect_shared::error::{ErrorReport, Exit};
use tokio::task::JoinSet;

use crate::{
    catalog::{self, Registered},
    config::{CertificateSource, Config, ResourceConfig},
    identity::{FetchError, IdentityVerifier},
    keys, policy,
    store::{Looked, PostgresStore},
    upstream::{self, UpstreamConfig, UpstreamTls},
};

/// Whether other machines are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The file alone.
    File,
    /// The identity provider and every database too.
    Network,
}

/// What one part of the check came to.
#[derive(Debug)]
pub enum Finding {
    Good(String),
    Bad { what: String, next: String },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(what) => write!(f, "ok    {what}"),
            Self::Bad { what, next } => write!(f, "FAIL  {what}\n      {next}"),
        }
    }
}

/// Prints what was found, a line for each part.
///
/// # Errors
/// Something is wrong.
pub async fn check(config: &Config, reach: Reach) -> Result<(), ErrorReport> {
    let findings = findings(config, reach).await;
    let bad = findings.iter().filter(|finding| matches!(finding, Finding::Bad { .. })).count();
    for finding in &findings {
        println!("{finding}");
    }
    match bad {
        0 => Ok(()),
        bad => {
            let words = format!("{bad} of {} checks failed", findings.len());
            Err(ErrorReport::new("check_failed", Exit::Unreachable, words))
        }
    }
}

async fn findings(config: &Config, reach: Reach) -> Vec<Finding> {
    let mut findings = vec![Finding::Good(summary(config)), state(config), policies(config)];
    if reach == Reach::Network {
        findings.extend(identity(config).await);
        findings.extend(store(config).await);
        findings.extend(databases(config).await);
    }
    findings
}

fn summary(config: &Config) -> String {
    let certificate = match &config.certificate {
        CertificateSource::SelfSigned => "its own certificate".to_owned(),
        CertificateSource::Files { certificate, .. } => {
            format!("the certificate `{}`", certificate.display())
        }
    };
    let mut text = format!(
        "configuration of `{}`: listens on {} with {certificate}, log `{}`, digest {}",
        config.name,
        config.listen,
        config.log.origin,
        config.digest.get(..12).unwrap_or_default(),
    );
    for resource in &config.resources {
        text.push_str("\n      ");
        text.push_str(&describe(resource));
    }
    text
}

fn policies(config: &Config) -> Finding {
    match policy::load(&config.policy) {
        Ok(policies) => {
            let digest = policies.digest().get(..12).unwrap_or_default();
            Finding::Good(format!("{} policies, digest {digest}", policies.count()))
        }
        Err(error) => Finding::Bad { what: error.to_string(), next: "the agent would not start".to_owned() },
    }
}

fn state(config: &Config) -> Finding {
    let shown = config.state_dir.display();
    match keys::check_folder(&config.state_dir) {
        Ok(()) if config.state_dir.exists() => Finding::Good(format!("state folder `{shown}`")),
        Ok(()) => Finding::Good(format!("state folder `{shown}`: will be made at the first start")),
        Err(error) => Finding::Bad { what: error.to_string(), next: "the agent would not start".to_owned() },
    }
}

fn describe(config: &ResourceConfig) -> String {
    let class = match config.resource.class {
        ResourceClass::Production => "production",
        ResourceClass::Development => "development",
    };
    let list = |list: &crate::config::AccessList| match list.is_empty() {
        true => "nobody".to_owned(),
        false => list.to_string(),
    };
    format!(
        "{}: {} database `{}` at {}, {class}; read: {}; write: {}",
        config.resource.name,
        config.engine.display_name(),
        config.resource.database,
        config.upstream.listed(),
        list(&config.read),
        list(&config.write),
    )
}

/// Whoever vouches for people and programs.
pub async fn identity(config: &Config) -> Vec<Finding> {
    match IdentityVerifier::new(config) {
        Ok(verifier) => {
            let probed = verifier.probe().await;
            probed.into_iter().map(|(issuer, probed)| provider(&issuer, probed)).collect()
        }
        Err(error) => vec![provider(&config.identity.issuer, Err(error))],
    }
}

fn provider(issuer: &str, probed: Result<usize, FetchError>) -> Finding {
    match probed {
        Ok(0) => Finding::Bad {
            what: format!(
                "identity provider `{issuer}`: none of its keys is for an algorithm that the agent accepts"
            ),
            next: "let it sign ID tokens with RS256, PS256, ES256, ES384 or EdDSA".to_owned(),
        },
        Ok(keys) => Finding::Good(format!("identity provider `{issuer}`: usable keys: {keys}")),
        Err(error) => Finding::Bad {
            what: error.to_string(),
            next: "see that `identity.issuer` is right and reachable from this machine; \
                   for a private authority set `identity.ca_file`"
                .to_owned(),
        },
    }
}

/// The store that several agents share, if there is one.
async fn store(config: &Config) -> Option<Finding> {
    let store = config.store.as_ref()?;
    let shown = format!("store at {}", store.listed());
    let bad = |what, next: &str| Finding::Bad { what, next: next.to_owned() };
    Some(match PostgresStore::look(store).await {
        Ok(Looked { warning: Some(warning), .. }) => {
            bad(format!("{shown}: {warning}"), "set `fsync = on` in its postgresql.conf")
        }
        Ok(Looked { server, version: Some(version), .. }) => {
            Finding::Good(format!("{shown}: PostgreSQL {server}, tables of version {version}"))
        }
        Ok(Looked { server, version: None, .. }) => {
            Finding::Good(format!("{shown}: PostgreSQL {server}, tables will be made at the first start"))
        }
        Err(error) => bad(
            format!("{shown}: {error}"),
            "see that it runs there, that its certificate names this host (`ca_file`, `tls`), and that user, \
             password and `key_file` are right",
        ),
    })
}

/// All at once: a dead database costs its own time limit only.
pub async fn databases(config: &Config) -> Vec<Finding> {
    let mut logins = JoinSet::new();
    for (at, resource) in config.resources.iter().enumerate() {
        let name = resource.resource.name.clone();
        let upstream = Arc::clone(&resource.upstream);
        let roles: Vec<Arc<str>> = resource.roles.names().cloned().collect();
        let functions = resource.functions.clone();
        logins.spawn(async move {
            let next = match upstream.tls {
                UpstreamTls::Disable => {
                    "see that the database runs there and that user and password are right"
                }
                UpstreamTls::VerifyFull { .. } => {
                    "see that the database runs there with TLS, that its certificate names this host, \
                     and that user and password are right"
                }
            };
            let finding = match upstream::connect(&upstream, &[]).await {
                Ok(login) => {
                    Finding::Good(format!("database of `{name}`: logged in{}", version(&login.parameters)))
                }
                Err(error) => {
                    Finding::Bad { what: format!("database of `{name}`: {error}"), next: next.to_owned() }
                }
            };
            let reached = matches!(finding, Finding::Good(_));
            let mut findings = vec![finding];
            for role in roles.iter().filter(|_| reached) {
                findings.push(works_as(&name, role, &upstream).await);
            }
            if reached {
                findings.extend(unregistered(&name, &functions, &upstream).await);
            }
            (at, findings)
        });
    }
    let mut findings = logins.join_all().await;
    findings.sort_by_key(|(at, _)| *at);
    findings.into_iter().flat_map(|(_, findings)| findings).collect()
}

/// Registered functions that do not count.
async fn unregistered(name: &str, functions: &Registered, upstream: &UpstreamConfig) -> Vec<Finding> {
    let bad = |what: String, next: &str| Finding::Bad { what, next: next.to_owned() };
    match catalog::unregistered_once(upstream, functions).await {
        Ok(lines) => {
            let next = "until then the agent takes it for code that nobody has read";
            lines.iter().map(|line| bad(format!("database of `{name}`: {line}"), next)).collect()
        }
        Err(error) => vec![bad(error.to_string(), "see that the agent's account may read pg_catalog")],
    }
}

async fn works_as(name: &str, role: &str, upstream: &UpstreamConfig) -> Finding {
    match upstream::connect(upstream, &[(upstream::ROLE.to_owned(), role.to_owned())]).await {
        Ok(_) => Finding::Good(format!("database of `{name}`: works as the role `{role}`")),
        Err(error) => Finding::Bad {
            what: format!("database of `{name}`, role `{role}`: {error}"),
            next: format!("GRANT \"{role}\" TO \"{}\", or take the role out of the file", upstream.user),
        },
    }
}

fn version(parameters: &[(bytes::Bytes, bytes::Bytes)]) -> String {
    let version = parameters.iter().find(|(name, _)| name.as_ref() == b"server_version");
    version.map(|(_, value)| format!(", PostgreSQL {}", String::from_utf8_lossy(value))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::fake::FakeProvider;

    fn config(issuer: &str) -> Config {
        let text = format!(
            "[agent]\nname = \"test\"\nlisten = \"127.0.0.1:7443\"\nstate_dir = \"/nonexistent/state\"\n\
             [identity]\nissuer = \"{issuer}\"\nclient_id = \"connect-cli\"\n\
             [[resource]]\nname = \"prod-db\"\nengine = \"postgresql\"\naddress = \"127.0.0.1:9\"\n\
             database = \"shop\"\nuser = \"u\"\npassword_env = \"PW\"\ntls = \"disable\"\nread = [\"group:developer\"]\n"
        );
        Config::parse(&text, std::path::Path::new("/"), &|_| Some("x".to_owned()))
            .expect("a good configuration")
    }

    #[tokio::test]
    async fn every_part_is_looked_at_and_each_failure_says_what_to_do() {
        let provider = FakeProvider::start().await;
        let config = config(&provider.issuer);
        let found = findings(&config, Reach::Network).await;
        // The policies' digest changes with their text.
        let line = |finding: &Finding| match finding.to_string().split_once(" policies, digest ") {
            Some((count, _)) => format!("{count} policies, digest POLICIES"),
            None => finding.to_string(),
        };
        let lines: Vec<String> = found.iter().map(line).collect();
        // The port of the provider is another one each time.
        let text =
            lines.join("\n").replace(&provider.issuer, "ISSUER").replace(&config.digest[..12], "DIGEST");
        insta::assert_snapshot!(text, @r#"
    ok    configuration of `test`: listens on 127.0.0.1:7443 with its own certificate, log `connect.local/test`, digest DIGEST
          prod-db: PostgreSQL database `shop` at 127.0.0.1:9, production; read: group:developer; write: nobody
    ok    state folder `/nonexistent/state`: will be made at the first start
    ok    12 policies, digest POLICIES
    ok    identity provider `ISSUER`: usable keys: 1
    FAIL  database of `prod-db`: cannot reach 127.0.0.1:9: Connection refused (os error 111)
          see that the database runs there and that user and password are right
    "#);
    }

    #[tokio::test]
    async fn a_check_fails_if_any_part_does_and_offline_asks_nobody() {
        // Nothing listens on the discard port.
        let config = config("http://127.0.0.1:9");
        let report = check(&config, Reach::Network).await.expect_err("nobody answers");
        assert_eq!(report.exit, Exit::Unreachable);
        assert_eq!(report.message, "2 of 5 checks failed");
        assert!(check(&config, Reach::File).await.is_ok());
    }
}
