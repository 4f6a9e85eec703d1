//! Whose a run is: of the principal, actor, resources and key of its first grant. A grant that names a known
//! run otherwise would mix two works into one record, so there is none.
//!
//! The log tells, by its index; what the index does not have yet is kept in memory: see [`super::open`].

use std::path::Path;

use connect_shared::{entry::PrincipalRef, grant::RunIdentity, ids::RunId};
use rusqlite::OptionalExtension as _;

use super::open::{Lasting, Runs};
use crate::audit::{IndexError, reader};

/// What must be the same at each grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) principal: PrincipalRef,
    /// All that it may have grants for.
    pub(super) resources: Vec<String>,
    key: String,
}

/// Why a grant or a session cannot be for a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error(
        "the run `{0}` is another one's: it was begun by somebody else, on other resources or with another key"
    )]
    Taken(RunId),
    #[error("the run `{0}` has ended")]
    Ended(RunId),
    #[error(transparent)]
    Unknown(#[from] IndexError),
}

impl Runs {
    /// Begins a run, or goes on with one of one's own, with a grant that ends at `until`, in seconds since 1970.
    /// Reads the index behind `path`: blocks.
    ///
    /// # Errors
    /// It is not the caller's, it is over, or nobody can know.
    pub(crate) fn claim(
        &self,
        path: &Path,
        run: &RunIdentity,
        principal: &PrincipalRef,
        (resource, until): (&str, u64),
    ) -> Result<(), ClaimError> {
        let (resources, key) = (run.all_resources(resource), run.key.clone());
        let owner = Owner { principal: principal.clone(), resources, key };
        let known = known(path, run.id)?;
        if known.as_ref().is_some_and(|known| known.owner != owner) {
            return Err(ClaimError::Taken(run.id));
        }
        if known.is_some_and(|known| known.ended) {
            return Err(ClaimError::Ended(run.id));
        }
        self.granted(run.id, owner, until)
    }

    /// A session of a run begins, with a grant that ends at `until`. Reads the index behind `path`: blocks.
    ///
    /// # Errors
    /// The run is over, or nobody can know.
    pub(crate) fn enter(
        self: &std::sync::Arc<Self>,
        path: &Path,
        run: RunId,
        until: u64,
    ) -> Result<Lasting, ClaimError> {
        let is_over = || known(path, run).map(|known| known.is_some_and(|known| known.ended));
        if is_over()? {
            return Err(ClaimError::Ended(run));
        }
        let lasting = self.begun(run, until).ok_or(ClaimError::Ended(run))?;
        // It may have ended and been forgotten between the two. Now that it has a session, it cannot be forgotten.
        if is_over()? { Err(ClaimError::Ended(run)) } else { Ok(lasting) }
    }
}

/// A run by the log.
pub(super) struct Known {
    pub(super) owner: Owner,
    pub(super) ended: bool,
}

pub(super) fn known(path: &Path, run: RunId) -> Result<Option<Known>, IndexError> {
    let read = |row: &rusqlite::Row<'_>| {
        let actor = Some(row.get(2)?).filter(|actor: &String| !actor.is_empty());
        let principal = PrincipalRef { sub: row.get(0)?, idp: row.get(1)?, actor };
        // What cannot be read is nobody's.
        let resources = serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default();
        let owner = Owner { principal, resources, key: row.get(4)? };
        Ok(Known { owner, ended: row.get(5)? })
    };
    let sql = "SELECT sub, idp, actor, resources, key, end_idx IS NOT NULL FROM run WHERE run = ?1";
    let found = reader(path)?.query_row(sql, [run.to_string()], read).optional();
    found.map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_one_principal_actor_key_and_set_of_resources() {
        let folder = tempfile::tempdir().expect("a folder");
        let (runs, path) = (Runs::default(), folder.path().join("index"));
        let id = RunId::from_random([7; 16]);
        let run = |key: &str, resources: &[&str]| RunIdentity {
            id,
            job: "j".into(),
            key: key.into(),
            parent: None,
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
        };
        let who = |actor: Option<&str>| PrincipalRef {
            sub: "u1".into(),
            idp: "idp".into(),
            actor: actor.map(str::to_owned),
        };
        let claim = |key, actor, resource| runs.claim(&path, &run(key, &[]), &who(actor), (resource, 1));
        let unknown = claim("k", None, "prod").expect_err("there is no index, so nobody knows");
        assert!(matches!(unknown, ClaimError::Unknown(_)), "{unknown}");
        let index = rusqlite::Connection::open(&path).expect("an index");
        index
            .execute_batch("CREATE TABLE run (run, sub, idp, actor, resources, key, end_idx, idx)")
            .expect("made");
        claim("k", None, "prod").expect("the first");
        claim("k", None, "prod").expect("a renewal");
        for (key, actor, resource) in
            [("other", None, "prod"), ("k", Some("claude"), "prod"), ("k", None, "staging")]
        {
            let refused = claim(key, actor, resource).expect_err("another one's");
            assert!(matches!(refused, ClaimError::Taken(taken) if taken == id), "{refused}");
        }
        // One that was begun on one resource gets no other one later.
        let added = runs.claim(&path, &run("k", &["prod", "staging"]), &who(None), ("prod", 1));
        assert!(matches!(added, Err(ClaimError::Taken(_))), "{added:?}");

        // Of several each is claimed by itself, in any order, and none beside them; after a restart by the index.
        let row = "INSERT INTO run VALUES (?1, 'u1', 'idp', '', '[\"prod\",\"staging\"]', 'k', NULL, 1)";
        index.execute(row, [id.to_string()]).expect("written");
        let later = Runs::default();
        let claim = |resources: &[&str], resource| {
            later.claim(&path, &run("k", resources), &who(None), (resource, 1))
        };
        claim(&["prod", "staging"], "staging").expect("the second");
        claim(&["prod", "staging"], "prod").expect("the first");
        for (resources, resource) in [
            (&[][..], "prod"),
            (&["prod", "staging", "other"][..], "other"),
            (&["prod", "other"][..], "other"),
            (&["staging", "prod"][..], "prod"),
        ] {
            let refused = claim(resources, resource).expect_err("others than it was begun with");
            assert!(matches!(refused, ClaimError::Taken(_)), "{refused}");
        }

        let known = known(&path, id).expect("the index").expect("the run");
        assert!(known.owner.resources.len() == 2 && !known.ended);
        // What is over gets neither a grant nor a session.
        index.execute("UPDATE run SET end_idx = 9", []).expect("written");
        assert!(matches!(claim(&["prod", "staging"], "prod"), Err(ClaimError::Ended(_))));
        let later = std::sync::Arc::new(later);
        assert!(matches!(later.enter(&path, id, 1), Err(ClaimError::Ended(_))));
    }
}
