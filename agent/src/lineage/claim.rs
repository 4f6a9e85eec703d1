//! Whose a run is: of the principal, actor, resources and key of its first grant. A grant that names a known
//! run otherwise would mix two works into one record, so there is none.
//!
//! The log tells, by its index; what the index does not have yet is kept in memory.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use connect_shared::{entry::PrincipalRef, grant::RunIdentity, ids::RunId};
use rusqlite::OptionalExtension as _;

use crate::audit::{IndexError, reader};

/// Runs that are kept in memory. The index has had the time to take the others.
const MAX_RUNS: usize = 65_536;

/// Runs that were begun since the start.
#[derive(Debug, Default)]
pub struct Runs(Mutex<HashMap<RunId, Owner>>);

/// What must be the same at each grant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    principal: PrincipalRef,
    /// All that it may have grants for.
    resources: Vec<String>,
    key: String,
}

/// Why a grant cannot be for a run.
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
    /// Begins a run, or goes on with one of one's own. Reads the index behind `path`: blocks.
    ///
    /// # Errors
    /// It is not the caller's, it is over, or nobody can know.
    pub(crate) fn claim(
        &self,
        path: &Path,
        run: &RunIdentity,
        principal: &PrincipalRef,
        resource: &str,
    ) -> Result<(), ClaimError> {
        let (resources, key) = (run.all_resources(resource), run.key.clone());
        let owner = Owner { principal: principal.clone(), resources, key };
        let (known, ended) = known(path, run.id)?;
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = known.or_else(|| begun.get(&run.id).cloned());
        if first.is_some_and(|first| first != owner) {
            return Err(ClaimError::Taken(run.id));
        }
        if ended {
            return Err(ClaimError::Ended(run.id));
        }
        if begun.len() >= MAX_RUNS {
            begun.clear();
        }
        begun.insert(run.id, owner);
        Ok(())
    }
}

/// The owner by the log, and whether the run is over.
fn known(path: &Path, run: RunId) -> Result<(Option<Owner>, bool), IndexError> {
    let found = reader(path)?
        .query_row(
            "SELECT sub, idp, actor, resources, key, end_idx IS NOT NULL FROM run WHERE run = ?1",
            [run.to_string()],
            |row| {
                let actor = Some(row.get(2)?).filter(|actor: &String| !actor.is_empty());
                let principal = PrincipalRef { sub: row.get(0)?, idp: row.get(1)?, actor };
                // What cannot be read is nobody's.
                let resources = serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default();
                Ok((Owner { principal, resources, key: row.get(4)? }, row.get(5)?))
            },
        )
        .optional()
        .map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })?;
    Ok(match found {
        Some((owner, ended)) => (Some(owner), ended),
        None => (None, false),
    })
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
        let claim = |key, actor, resource| runs.claim(&path, &run(key, &[]), &who(actor), resource);
        let unknown = claim("k", None, "prod").expect_err("there is no index, so nobody knows");
        assert!(matches!(unknown, ClaimError::Unknown(_)), "{unknown}");
        let index = rusqlite::Connection::open(&path).expect("an index");
        index
            .execute_batch("CREATE TABLE run (run, sub, idp, actor, resources, key, end_idx)")
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
        let added = runs.claim(&path, &run("k", &["prod", "staging"]), &who(None), "prod");
        assert!(matches!(added, Err(ClaimError::Taken(_))), "{added:?}");

        // Of several each is claimed by itself, in any order, and none beside them; after a restart by the index.
        let row = "INSERT INTO run VALUES (?1, 'u1', 'idp', '', '[\"prod\",\"staging\"]', 'k', NULL)";
        index.execute(row, [id.to_string()]).expect("written");
        let later = Runs::default();
        let claim =
            |resources: &[&str], resource| later.claim(&path, &run("k", resources), &who(None), resource);
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
    }
}
