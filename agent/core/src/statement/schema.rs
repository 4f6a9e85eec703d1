//! How well the catalog snapshot fits what a connection has done to the schema itself.

use std::sync::Arc;

use connect_shared::decision::ReasonCode;

use super::{Effect, Kind, Protection, Refusal, Statement};
use crate::{record::ReadProof, understand::bears_values};

/// What a connection knows of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    Known,
    /// A change was forwarded; until it is committed no snapshot can show it.
    Changed,
}

impl Schema {
    /// Behind a statement.
    pub(crate) fn after(self, facts: &Statement) -> Self {
        if facts.effect == Effect::Catalog { Self::Changed } else { self }
    }

    /// The facts of a statement, as far as they hold. `protected`: the snapshot has protected columns.
    pub(crate) fn hold(self, facts: &Arc<Statement>, protected: bool) -> Arc<Statement> {
        if self == Self::Known {
            return facts.clone();
        }
        let protection = match (&facts.protection, protected.then(|| guard(facts)).flatten()) {
            (_, Some(refusal)) => Protection::Refused(refusal),
            // Where nothing is protected, an object that this transaction has made may be used in it.
            (Protection::Refused(refusal), None) if refusal.unknown_object.is_some() && !bears(facts) => {
                Protection::Untouched
            }
            _ => return facts.clone(),
        };
        Arc::new(Statement { protection, proof: ReadProof::MayWrite, ..Statement::clone(facts) })
    }
}

/// Whether it reads what the server itself holds of other people.
fn bears(facts: &Statement) -> bool {
    facts.reads.iter().any(|name| bears_values(name))
}

/// Names may mean other columns since this connection changed the schema, and no snapshot shows it
/// before the change is committed.
fn guard(facts: &Statement) -> Option<Refusal> {
    let harmless = match facts.kind {
        Kind::Transaction | Kind::SessionControl => true,
        Kind::SchemaChange => facts.reads.is_empty(),
        _ => facts.protection == Protection::Introspection,
    };
    (!harmless).then(|| Refusal {
        code: ReasonCode::NotUnderstood,
        object: None,
        message: "the schema was changed here and the change is not committed, so names may mean \
                  other columns than the agent knows"
            .to_owned(),
        hint: Some("COMMIT first, then send this statement.".to_owned()),
        sqlstate: None,
        unknown_object: None,
    })
}
