//! What a connection has beside the usual, as the first byte of an input says.

use std::sync::{Arc, OnceLock};

use connect_core::{
    canary::{Canaries, Canary},
    decide::{DEFAULT_POLICY, InForce, Policies},
    protocol::postgres::{connection::Setup, tag::Tag},
};

/// Something must never leave.
pub const CANARY: u8 = 1;
/// Statements get comments.
pub const TAGS: u8 = 2;
/// Another role's rights count.
pub const ROLE: u8 = 4;
/// What reads and writes has limits.
pub const LIMITS: u8 = 8;
/// All of them.
#[cfg(test)]
pub const ALL: u8 = CANARY | TAGS | ROLE | LIMITS;

/// Stands in the answers of the corpora, so that mutations of these meet it.
const VALUE: &str = "ana@example.com";

/// So small that a few messages break them.
const ANNOTATIONS: &str = "@limit_rows(\"2\") @limit_change(\"1\") @limit_time(\"50ms\") @limit_rows_hour(\"5\") \
                           @limit_bytes_hour(\"4KiB\")";

/// Changes a setup as these bits say.
pub fn choose(setup: &mut Setup, options: u8) {
    if options & CANARY != 0 {
        let canary = Canary { name: "ana".to_owned(), value: VALUE.to_owned() };
        setup.canaries = Canaries::new(&[canary]).expect("it can be looked for");
    }
    if options & TAGS != 0 {
        setup.tags = Tag::NAMES.into_iter().map(|(_, tag)| tag).collect();
    }
    if options & ROLE != 0 {
        setup.role = Some("analyst".into());
    }
    if options & LIMITS != 0 {
        setup.policies = Arc::new(InForce::new(limited()));
    }
}

/// The default with limits. Read once, for that takes longer than a session.
fn limited() -> Arc<Policies> {
    static LIMITED: OnceLock<Arc<Policies>> = OnceLock::new();
    let load = || {
        let limited = ["read", "write"].iter().fold(DEFAULT_POLICY.to_owned(), |text, id| {
            let id = format!("@id(\"default/{id}\")");
            text.replacen(&id, &format!("{id} {ANNOTATIONS}"), 1)
        });
        Arc::new(Policies::load(&limited).expect("a good set"))
    };
    Arc::clone(LIMITED.get_or_init(load))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn each_bit_changes_something_and_none_changes_nothing() {
        let with = |options: u8| {
            let mut setup = crate::fuzz::setup(Instant::now());
            let usual = setup.policies.current().digest().to_owned();
            choose(&mut setup, options);
            [
                setup.canaries.is_some(),
                !setup.tags.is_empty(),
                setup.role.is_some(),
                setup.policies.current().digest() != usual,
            ]
        };
        assert_eq!(with(0), [false; 4]);
        assert_eq!(with(CANARY), [true, false, false, false]);
        assert_eq!(with(TAGS), [false, true, false, false]);
        assert_eq!(with(ROLE), [false, false, true, false]);
        assert_eq!(with(LIMITS), [false, false, false, true]);
        assert_eq!(with(ALL), [true; 4]);
    }
}
