//! Shapes of secrets: keys of well-known services, tokens, password hashes, connection strings.

use std::sync::LazyLock;

use regex::RegexSet;

/// One shape in a line. Prefixes are as their issuers document them.
const SHAPES: &[&str] = &[
    // JSON web token: two objects in base64url and a signature.
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*",
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    // Stripe, and those who copied it.
    r"\b(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{8,}",
    r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    // GitHub, GitLab, npm, PyPI, Slack, Google, SendGrid, OpenAI and the like.
    r"\bgh[pousr]_[A-Za-z0-9]{16,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bnpm_[A-Za-z0-9]{30,}",
    r"\bpypi-[A-Za-z0-9_-]{30,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bya29\.[A-Za-z0-9_-]{20,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}",
    // AWS access key ids.
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}",
    // Password hashes: crypt, bcrypt, argon2, scrypt, Django, LDAP, PostgreSQL.
    r"^\$(?:1|2[abxy]|5|6|7|y|gy|argon2(?:i|d|id)|scrypt|pbkdf2[a-z0-9-]*|apr1)\$.{8,}",
    r"^(?:pbkdf2_sha\d+|bcrypt_sha256|argon2|scrypt)\$.{8,}",
    r"^\{(?:SSHA|SHA|SMD5|CRYPT)(?:\d+)?\}.{8,}",
    r"\bSCRAM-SHA-256\$\d+:",
    r"^md5[0-9a-f]{32}$",
    // Connection strings with a password.
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]*:[^\s/@]+@",
    r"(?i)\b(?:password|pwd|accountkey|sharedaccesskey)\s*=\s*[^\s;]{3,};?",
    r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}",
];

static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(SHAPES).ok());

/// Whether a text holds a secret.
pub(super) fn holds_secret(text: &str) -> bool {
    // Invariant: a test proves that the table compiles; if it did not, everything would be a secret.
    SET.as_ref().is_none_or(|set| set.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here so that scanners of repositories do not stumble over them.
    fn samples() -> Vec<String> {
        let fill = "0123456789abcdefABCDEF0123456789abcdef";
        [
            format!("sk_{}_{fill}", "live"),
            format!("gh{}_{fill}", "p"),
            format!("AK{}IOSFODNN7EXAMPLE", "IA"),
            format!("xo{}-123456789012-{fill}", "xb"),
            format!("AI{}{fill}", "za"),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned(),
            format!("-----BEGIN RSA {} KEY-----\nMIIE", "PRIVATE"),
            "$2b$12$KIXQ4S9vQJ0Yw1yq3b5cUe".to_owned(),
            "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA".to_owned(),
            "postgres://app:hunter2@db.internal:5432/shop".to_owned(),
            "Server=db;User Id=app;Password=hunter2;".to_owned(),
            "SCRAM-SHA-256$4096:c2FsdA==$x:y".to_owned(),
        ]
        .into()
    }

    #[test]
    fn every_shape_is_a_rule_that_compiles() {
        assert_eq!(SET.as_ref().expect("the table compiles").len(), SHAPES.len());
    }

    #[test]
    fn secrets_are_seen() {
        for sample in samples() {
            assert!(holds_secret(&sample), "{sample}");
        }
    }

    #[test]
    fn digests_ids_and_addresses_without_a_password_are_no_secrets() {
        for harmless in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            "550e8400-e29b-41d4-a716-446655440000",
            "https://example.com/a?b=c",
            "git@github.com:a/b.git",
            "sk-8 skateboard",
            "price: $1.99",
            "AKIAlike",
        ] {
            assert!(!holds_secret(harmless), "{harmless}");
        }
    }
}
