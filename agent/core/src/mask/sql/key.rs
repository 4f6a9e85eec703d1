//! The key in the server: custom settings, one per label, and how an expression reads them.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use connect_shared::label::Label;
use zeroize::Zeroizing;

use super::term::{bytes, call, literal, operator, utf8};
use crate::{
    catalog::Oid,
    mask::{
        MaskKey, hex,
        key::Pads,
        transform::shows_equality,
        types::{INT4, TEXT},
    },
};

/// Every setting's name begins with this word and a dot, in letters of any case. Clients must not name such a
/// setting in SHOW, SET or RESET, nor in the SET clause of a function, role or database (`FROM CURRENT` would
/// store the value), nor call `current_setting` and `set_config` with such a name or one that is neither a
/// constant nor, in the first of them, a parameter whose value is looked at. It is in no list of settings.
pub const PREFIX: &str = "connect_mask";

/// `pg_catalog.set_config(text, text, boolean)`, for the FunctionCall message. OIDs of `pg_proc.dat` never
/// change.
pub const SET_CONFIG: Oid = Oid(2_078);

/// Hexadecimal digits of one block.
const BLOCK: usize = 128;

/// Bytes of the fingerprint that stands in expressions.
const FINGERPRINT: usize = 16;

/// A setting that a connection must have before it runs an expression with this label.
///
/// The agent gives it by a FunctionCall message of [`SET_CONFIG`] with name, value and `false`, outside any
/// transaction: so it is in no statement's text, and no rollback takes it back. The value is the label's key;
/// it is not printed.
pub struct Setting {
    pub name: String,
    pub value: Zeroizing<String>,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The settings for these labels, each once; none for a label whose masks are constants.
#[must_use]
pub fn settings(key: &MaskKey, labels: impl IntoIterator<Item = Label>) -> Vec<Setting> {
    let mut wanted: Vec<Label> = labels.into_iter().filter(|label| uses_key(*label)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let setting = |label| Some(Setting { name: name(label), value: value(&key.pads(label)?) });
    wanted.into_iter().filter_map(setting).collect()
}

const fn uses_key(label: Label) -> bool {
    shows_equality(label, TEXT) || shows_equality(label, INT4)
}

fn name(label: Label) -> String {
    format!("{PREFIX}.{}", label.as_str().replace('.', "_"))
}

/// The inner block, then the outer.
fn value(pads: &Pads) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(String::with_capacity(2 * BLOCK));
    hex::encode(pads.inner.as_slice(), &mut digits);
    hex::encode(pads.outer.as_slice(), &mut digits);
    digits
}

/// The two blocks as expressions.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    pub(super) inner: String,
    outer: String,
}

impl Blocks {
    pub(super) fn new(key: &MaskKey, label: Label) -> Option<Self> {
        let value = value(&key.pads(label)?);
        let mut fingerprint = String::new();
        hex::encode(digest(&SHA256, value.as_bytes()).as_ref().get(..FINGERPRINT)?, &mut fingerprint);
        // NULL if there is no such setting, an empty text if it was reset.
        let setting = call("current_setting", &[&literal(&name(label)), "true"]);
        let found = call("substr", &[&call("sha256", &[&utf8(&setting)]), "1", &FINGERPRINT.to_string()]);
        let checked = operator(found, "=", bytes(&fingerprint));
        // Only a text with the right fingerprint is decoded: another one could be no hexadecimal number. CASE
        // keeps that order, since `current_setting` is stable and so nothing of it is computed in advance.
        let block = |at: usize| {
            let digits = call("substr", &[&setting, &at.to_string(), &BLOCK.to_string()]);
            format!("(SELECT CASE WHEN {checked} THEN {} END)", call("decode", &[&digits, "'hex'"]))
        };
        Some(Self { inner: block(1), outer: block(1 + BLOCK) })
    }

    /// HMAC-SHA256 of an expression of bytes.
    pub(super) fn digest(&self, canonical: &str) -> String {
        let inner = call("sha256", &[&operator(&self.inner, "||", canonical)]);
        call("sha256", &[&operator(&self.outer, "||", inner)])
    }
}
