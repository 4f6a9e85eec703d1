//! Where a sign-in is kept between runs: the system's keychain; where there is none, a file sealed with a
//! passphrase; else nothing. A plain file (mode 0600) only for who asks for it.
//!
//! Beside the secrets stands a record without any: who is signed in, and where the secrets are.

mod keychain;
mod passphrase;
mod place;
mod sealed;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    keychain::check as check_keychain,
    passphrase::Passphrase,
    place::{Place, Wish},
};
use crate::{
    agents::Identity,
    failure::{self, Outcome},
    identity::{Profile, SignIn},
    paths::Paths,
    private,
};

/// Keeps sign-ins.
pub(crate) struct Keep {
    folder: PathBuf,
    wish: Wish,
    passphrase: Passphrase,
}

/// What is known of a kept sign-in without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) client_id: String,
    pub(crate) kept: Place,
    pub(crate) profile: Profile,
}

impl Keep {
    pub(crate) fn new(paths: &Paths, wish: Wish, passphrase: Passphrase) -> Self {
        Self { folder: paths.sign_ins(), wish, passphrase }
    }

    /// Keeps a new sign-in as the person wishes, and says where.
    pub(crate) fn store(&self, identity: &Identity, sign_in: &SignIn) -> Outcome<Place> {
        let place = self.put_by_wish(identity, sign_in)?;
        if place == Place::Nothing {
            private::remove(&self.record_file(identity))?;
            return Ok(place);
        }
        self.write_record(identity, sign_in, place)?;
        Ok(place)
    }

    /// Keeps a renewed sign-in where the old one was.
    pub(crate) fn store_again(&self, identity: &Identity, sign_in: &SignIn) -> Outcome<()> {
        let Some(record) = self.record(identity)? else { return Ok(()) };
        self.put(identity, sign_in, record.kept)?;
        self.write_record(identity, sign_in, record.kept)
    }

    /// The kept sign-in, if there is one and it can be opened.
    pub(crate) fn load(&self, identity: &Identity) -> Outcome<Option<SignIn>> {
        let Some(record) = self.record(identity)? else { return Ok(None) };
        let text = match record.kept {
            Place::Keychain => keychain::get(&account(identity))?,
            Place::SealedFile => self.open_sealed(identity)?,
            Place::File => private::read(&self.file(identity, "json"))?,
            Place::Nothing => None,
        };
        let Some(text) = text else { return Ok(None) };
        let damaged =
            |_| failure::sign_in_needed(format!("the kept sign-in at {} is damaged", identity.issuer));
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }

    /// What is known without opening it.
    pub(crate) fn record(&self, identity: &Identity) -> Outcome<Option<Record>> {
        let text = private::read(&self.record_file(identity))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Forgets the sign-in, wherever it is kept.
    pub(crate) fn remove(&self, identity: &Identity) -> Outcome<()> {
        let record = self.record(identity)?;
        if record.is_some_and(|record| record.kept == Place::Keychain) {
            keychain::remove(&account(identity))?;
        }
        private::remove(&self.file(identity, "sealed"))?;
        private::remove(&self.file(identity, "json"))?;
        private::remove(&self.record_file(identity))
    }

    /// What processes lock while they use the refresh token.
    pub(crate) fn lock_file(&self, identity: &Identity) -> PathBuf {
        self.file(identity, "lock")
    }

    fn put_by_wish(&self, identity: &Identity, sign_in: &SignIn) -> Outcome<Place> {
        let place = match self.wish {
            Wish::Keychain => Place::Keychain,
            Wish::Sealed => Place::SealedFile,
            Wish::File => Place::File,
            Wish::Nothing => Place::Nothing,
            Wish::Auto => return self.put_best(identity, sign_in),
        };
        self.put(identity, sign_in, place)?;
        Ok(place)
    }

    fn put_best(&self, identity: &Identity, sign_in: &SignIn) -> Outcome<Place> {
        if self.put(identity, sign_in, Place::Keychain).is_ok() {
            return Ok(Place::Keychain);
        }
        if self.passphrase.is_offered()? {
            self.put(identity, sign_in, Place::SealedFile)?;
            return Ok(Place::SealedFile);
        }
        Ok(Place::Nothing)
    }

    fn put(&self, identity: &Identity, sign_in: &SignIn, place: Place) -> Outcome<()> {
        let text = serde_json::to_string(sign_in).map_err(|error| failure::unexpected(error.to_string()))?;
        match place {
            Place::Keychain => keychain::set(&account(identity), &text),
            Place::SealedFile => {
                let sealed = sealed::seal(&text, &self.passphrase.new_one()?, &account(identity))?;
                private::write(&self.file(identity, "sealed"), sealed.as_bytes())
            }
            Place::File => private::write(&self.file(identity, "json"), text.as_bytes()),
            Place::Nothing => Ok(()),
        }
    }

    fn open_sealed(&self, identity: &Identity) -> Outcome<Option<String>> {
        let Some(sealed) = private::read(&self.file(identity, "sealed"))? else { return Ok(None) };
        let passphrase = self.passphrase.known_one()?;
        sealed::open(&sealed, &passphrase, &account(identity)).map(Some)
    }

    fn write_record(&self, identity: &Identity, sign_in: &SignIn, place: Place) -> Outcome<()> {
        let record =
            Record { client_id: identity.client_id.clone(), kept: place, profile: sign_in.profile.clone() };
        let text = serde_json::to_string(&record).map_err(|error| failure::unexpected(error.to_string()))?;
        private::write(&self.record_file(identity), text.as_bytes())
    }

    fn record_file(&self, identity: &Identity) -> PathBuf {
        self.file(identity, "record")
    }

    fn file(&self, identity: &Identity, kind: &str) -> PathBuf {
        let name = private::file_name(account(identity).as_bytes());
        self.folder.join(format!("{name}.{kind}"))
    }
}

/// The name of a sign-in: one person has one at each provider and application.
fn account(identity: &Identity) -> String {
    format!("{} {}", identity.issuer, identity.client_id)
}

#[cfg(test)]
mod tests;
