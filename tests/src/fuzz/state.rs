//! A session's state under hostile statements, answers and snapshots.
//!
//! The input is a list of lines: a letter that says what happens, and a text.

use std::sync::OnceLock;

use connect_core::{
    catalog::{
        Catalog,
        fixture::{self, Version},
    },
    session::{Reading, ServerState, Session, identifiers, quoted},
    understand::{Limits, lineages, new_session, understand_one},
};

const DATABASE: &str = "
    public.t(id int4, a text, b int4); public.u(id int4, a text); other.t(id int4, secret text);
    view public.v(id int4, a text) as SELECT t.id, t.a FROM public.t;
    partitioned public.parts(id int4);
    function public.f(n int4) returns int4 language plpgsql as BEGIN_PERFORM_1;";

/// Runs the lines in `bytes`.
///
/// # Panics
/// The session does, or says something else the second time.
pub fn state(bytes: &[u8]) {
    let mut catalog = catalog().clone();
    let mut session = new_session(&catalog, None);
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((first, text)) = line.split_first() else { continue };
        step(*first, text, &mut session, &mut catalog);
    }
}

fn step(first: u8, text: &[u8], session: &mut Session, catalog: &mut Catalog) {
    let limits = Limits { bytes: 4 * 1024, statements: 20 };
    let state = || match text.first().map(|byte| byte % 3) {
        Some(0) => ServerState::Idle,
        Some(1) => ServerState::InTransaction,
        _ => ServerState::Failed,
    };
    match first {
        b'e' => session.failed(catalog),
        b'z' => session.ready(state(), catalog),
        b'r' => session.reported("search_path", &String::from_utf8_lossy(text)),
        b'c' => {
            catalog.version += 1;
            let asked = text.is_empty();
            session.settle(catalog, if asked { Reading::AfterLastCommit } else { Reading::Unasked });
        }
        b'l' => list(&String::from_utf8_lossy(text)),
        b'p' => {
            if let Some(statement) = understand_one(text, 0, catalog, session, &limits) {
                let mut twin = session.clone();
                session.apply(&statement.change, catalog);
                twin.apply(&statement.change, catalog);
                assert!(twin.is_at(&session.fingerprint()), "the same change led to two states");
            }
        }
        _ => drop(lineages(text, catalog, session, &limits)),
    }
}

/// A list that is read is read again from how it is written.
fn list(text: &str) {
    if let Some(names) = identifiers(text) {
        let again = identifiers(&quoted(names.iter().map(|name| &**name)));
        assert_eq!(again, Some(names), "{text}");
    }
}

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| fixture::catalog(Version::Postgres18, DATABASE).expect("a database"))
}

/// Whole sequences, each of the shape that [`state`] reads.
#[cfg(test)]
pub(super) fn seeds() -> Vec<Vec<u8>> {
    use crate::sessions::{script::Statements, sequence};
    let lines = |seed| {
        let mut text = String::new();
        for message in sequence(seed, Statements::Everything) {
            for group in message.groups() {
                let parts = group.iter().map(|sql| format!("p{sql}\n"));
                text.extend(parts);
                text.push_str("zI\n");
            }
        }
        text.push_str("e\nl\"a\", B ,\"c\"\"d\"\nrpublic, other\nzT\nc\nqSELECT * FROM t, v\n");
        text.into_bytes()
    };
    (0..12).map(lines).collect()
}
