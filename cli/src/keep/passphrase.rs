//! The passphrase of a sealed file: from the environment, from a file, or from the person.

use std::{path::Path, sync::OnceLock};

use crate::{
    console::Console,
    failure::{self, Outcome},
    identity::Secret,
    private,
};

/// Shorter ones are refused when a file is sealed.
const SHORTEST: usize = 8;

/// Where the passphrase comes from.
pub(crate) struct Passphrase {
    console: Console,
    /// Asked once a run.
    known: OnceLock<Secret>,
}

impl Passphrase {
    pub(crate) const fn new(console: Console) -> Self {
        Self { console, known: OnceLock::new() }
    }

    /// Whether there is one to seal with; a person is asked and may say no.
    pub(super) fn is_offered(&self) -> Outcome<bool> {
        if self.given()?.is_some() {
            return Ok(true);
        }
        let question = "No keychain here. Passphrase to seal the sign-in with (empty: keep nothing):";
        match self.console.ask_secret(question).filter(|answer| !answer.is_empty()) {
            Some(answer) => {
                self.remember(Secret::new(answer))?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The one to seal with.
    pub(super) fn new_one(&self) -> Outcome<Secret> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        match self.console.ask_secret("Passphrase to seal the sign-in with:") {
            Some(answer) => self.remember(Secret::new(answer)),
            None => Err(missing("a passphrase is needed to seal the sign-in")),
        }
    }

    /// The one that a file was sealed with.
    pub(super) fn known_one(&self) -> Outcome<Secret> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        match self.console.ask_secret("Passphrase of the kept sign-in:") {
            Some(answer) => Ok(self.known.get_or_init(|| Secret::new(answer)).clone()),
            None => Err(missing("the kept sign-in is sealed with a passphrase")),
        }
    }

    fn given(&self) -> Outcome<Option<Secret>> {
        if let Some(known) = self.known.get() {
            return Ok(Some(known.clone()));
        }
        if let Some(text) = std::env::var_os("CONNECT_PASSPHRASE").filter(|text| !text.is_empty()) {
            let text = text.into_string().map_err(|_| failure::usage("CONNECT_PASSPHRASE is not text"))?;
            return self.remember(Secret::new(text)).map(Some);
        }
        let Some(path) = std::env::var_os("CONNECT_PASSPHRASE_FILE").filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let text = private::read(Path::new(&path))?.ok_or_else(|| {
            failure::local("passphrase", "the file that CONNECT_PASSPHRASE_FILE names does not exist")
        })?;
        self.remember(Secret::new(text.trim_end_matches(['\r', '\n']))).map(Some)
    }

    fn remember(&self, secret: Secret) -> Outcome<Secret> {
        if secret.reveal().len() < SHORTEST {
            return Err(failure::usage(format!("a passphrase needs at least {SHORTEST} characters")));
        }
        Ok(self.known.get_or_init(|| secret).clone())
    }
}

fn missing(what: &str) -> connect_shared::error::ErrorReport {
    let mut report = failure::sign_in_needed(what);
    report.help.clear();
    report.help("set CONNECT_PASSPHRASE_FILE to a file that holds it")
}
