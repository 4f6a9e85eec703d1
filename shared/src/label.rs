//! Labels: what kind of sensitive value a column holds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Class of a column. The set is closed: a new kind of value is a new variant with its own transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Label {
    #[serde(rename = "pii.email")]
    Email,
    #[serde(rename = "pii.phone")]
    Phone,
    #[serde(rename = "pii.name")]
    PersonName,
    #[serde(rename = "pii.birth_date")]
    BirthDate,
    #[serde(rename = "pii.address")]
    Address,
    #[serde(rename = "pii.national_id")]
    NationalId,
    #[serde(rename = "pii.network")]
    NetworkAddress,
    #[serde(rename = "pii.location")]
    Location,
    #[serde(rename = "pii.health")]
    Health,
    #[serde(rename = "pii.free_text")]
    FreeText,
    #[serde(rename = "financial.card")]
    Card,
    #[serde(rename = "financial.iban")]
    Iban,
    #[serde(rename = "financial.salary")]
    Salary,
    #[serde(rename = "secret")]
    Secret,
    #[serde(rename = "confidential")]
    Confidential,
    /// Not scanned yet: treated as labelled, shown as its neutral value.
    #[serde(rename = "unscanned")]
    Unscanned,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 16] = [
        Self::Email,
        Self::Phone,
        Self::PersonName,
        Self::BirthDate,
        Self::Address,
        Self::NationalId,
        Self::NetworkAddress,
        Self::Location,
        Self::Health,
        Self::FreeText,
        Self::Card,
        Self::Iban,
        Self::Salary,
        Self::Secret,
        Self::Confidential,
        Self::Unscanned,
    ];

    /// The name in policies, configuration, entries and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "pii.email",
            Self::Phone => "pii.phone",
            Self::PersonName => "pii.name",
            Self::BirthDate => "pii.birth_date",
            Self::Address => "pii.address",
            Self::NationalId => "pii.national_id",
            Self::NetworkAddress => "pii.network",
            Self::Location => "pii.location",
            Self::Health => "pii.health",
            Self::FreeText => "pii.free_text",
            Self::Card => "financial.card",
            Self::Iban => "financial.iban",
            Self::Salary => "financial.salary",
            Self::Secret => "secret",
            Self::Confidential => "confidential",
            Self::Unscanned => "unscanned",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_name_is_the_serialised_name() {
        for label in Label::ALL {
            let json = serde_json::to_string(&label).expect("a label serialises");
            assert_eq!(json, format!("\"{label}\""));
        }
    }
}
