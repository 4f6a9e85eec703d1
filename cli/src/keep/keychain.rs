//! The system's keychain. It may ask the person to unlock it, and it may never answer: a thread of its own
//! waits for it, not longer than a person would.

use std::{sync::mpsc, thread, time::Duration};

use keyring::{Entry, Error};

use crate::failure::{self, Outcome};

const SERVICE: &str = "connect";

/// How long unlocking may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether there is one that answers, and if not, why.
pub(crate) fn check() -> Outcome<()> {
    ask(|| match Entry::store_status() {
        Ok(()) => Ok(()),
        Err(error) => Err(words(error)),
    })
}

pub(super) fn set(account: &str, text: &str) -> Outcome<()> {
    let (account, text) = (account.to_owned(), text.to_owned());
    ask(move || entry(&account)?.set_password(&text).map_err(|error| words(&error)))
}

pub(super) fn get(account: &str) -> Outcome<Option<String>> {
    let account = account.to_owned();
    ask(move || match entry(&account)?.get_password() {
        Ok(text) => Ok(Some(text)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(words(&error)),
    })
}

pub(super) fn remove(account: &str) -> Outcome<()> {
    let account = account.to_owned();
    ask(move || match entry(&account)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(words(&error)),
    })
}

fn entry(account: &str) -> Result<Entry, String> {
    match Entry::new(SERVICE, account) {
        Err(Error::NoDefaultStore) => Err(match Entry::store_status() {
            Err(error) => words(error),
            Ok(()) => "there is none".to_owned(),
        }),
        other => other.map_err(|error| words(&error)),
    }
}

fn ask<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Outcome<T> {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let _nobody_waits = said.send(work());
    });
    let answer = heard.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("it does not answer".to_owned()));
    answer.map_err(|why| {
        failure::local("keychain", format!("the system's keychain cannot be used: {why}"))
            .help("connect login --keep sealed")
    })
}

fn words(error: &Error) -> String {
    failure::chain(error)
}
