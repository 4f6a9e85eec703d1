//! Statements that the server would refuse by itself, whatever they do.

use connect_shared::decision::ReasonCode;

use super::{Effect, Protection, Refusal, Statement};

impl Statement {
    /// The same, refused with the server's own words and SQLSTATE.
    pub(crate) fn refused_with(&self, sqlstate: &'static str, message: String) -> Self {
        let refusal = Refusal {
            code: ReasonCode::NotUnderstood,
            object: None,
            message,
            hint: None,
            sqlstate: Some(sqlstate),
            unknown_object: None,
        };
        Self { protection: Protection::Refused(refusal), ..self.clone() }
    }

    /// What EXECUTE and FETCH are where nothing has their name; `None` for every other statement.
    pub(crate) fn of_a_missing_name(&self) -> Option<Self> {
        let (what, name, sqlstate) = match &self.effect {
            Effect::Execute { name, .. } => ("prepared statement", name, "26000"),
            Effect::Fetch { name } => ("cursor", name, "34000"),
            _ => return None,
        };
        Some(self.refused_with(sqlstate, format!("{what} \"{name}\" does not exist")))
    }
}
