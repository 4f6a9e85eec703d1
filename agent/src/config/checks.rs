//! Checks of single answers, for whoever asks before there is a file.

use super::{access::Who, value};

/// The name of an agent.
///
/// # Errors
/// What to write instead; so for all of them.
pub fn name(text: &str) -> Result<(), String> {
    value::name(text)
}

pub fn resource_name(text: &str) -> Result<(), String> {
    value::resource_name(text)
}

pub fn public_name(text: &str) -> Result<(), String> {
    value::public_name(text)
}

pub fn issuer(text: &str) -> Result<(), String> {
    value::issuer(text)
}

/// Host and port of a database.
pub fn address(text: &str) -> Result<(), String> {
    value::address(text).map(|_| ())
}

/// Address and port to listen on.
pub fn listen(text: &str) -> Result<(), String> {
    super::agent::socket_address(text).map(|_| ())
}

/// A line of a list of those who may.
pub fn who(text: &str) -> Result<(), String> {
    Who::parse(text).map(|_| ())
}
