//! The places, and what a person may wish.

use std::{fmt, str::FromStr};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Where a sign-in is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Keychain,
    SealedFile,
    File,
    Nothing,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keychain => "in the system's keychain",
            Self::SealedFile => "in a file sealed with your passphrase",
            Self::File => "in a plain file that only you can read",
            Self::Nothing => "nowhere: it ends with this command",
        })
    }
}

/// Where it should be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Wish {
    /// The keychain; else a sealed file if there is a passphrase; else nothing is kept.
    #[default]
    Auto,
    Keychain,
    /// A file sealed with a passphrase.
    Sealed,
    /// A plain file with mode 0600.
    File,
    Nothing,
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, false)
            .map_err(|_| "not one of auto, keychain, sealed, file, nothing".to_owned())
    }
}
