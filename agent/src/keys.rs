//! Everything secret that the agent makes for itself, in one folder of mode 0700:
//!
//! | file | what |
//! |---|---|
//! | `tls.crt`, `tls.key` | the self-signed certificate that clients pin, unless files are configured |
//! | `grant.key` | P-256 key that signs grants (PKCS #8) |
//! | `mask.key` | 32 random bytes: equal values have equal masks as long as it lives |
//! | `commitment.key` | 32 random bytes: salts of the commitments in the log, bindings of requests |
//! | `texts.key` | 32 random bytes: wraps the keys of exact texts in `texts/`, made by [`crate::exact`] |
//! | `log/` | the log, and `log.key`, made by [`crate::log`] |
//!
//! Agents that share a store have masks, commitments and bindings by keys that come from its `key_file` instead.
//!
//! A file is written whole under another name and then linked to its place, so that a crash leaves either
//! no file or a good one. Nothing here prints a key.

mod certificate;
mod file;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

pub use self::{certificate::ServerCertificate, file::KeyError};
use crate::config::{CertificateSource, Config};
use connect_core::mask::MaskKey;

/// The keys of a running agent.
pub struct Keys {
    pub certificate: ServerCertificate,
    /// What the console shows to who asks for its name.
    pub console: Option<ServerCertificate>,
    /// PKCS #8 of the key that signs grants.
    pub grant: Vec<u8>,
    pub mask: Arc<MaskKey>,
    pub commitment: [u8; 32],
    /// Where the log lives.
    pub log_dir: PathBuf,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Keys {
    /// Opens the state folder; what is not there yet is made.
    ///
    /// # Errors
    /// The folder or a file in it cannot be made or read, belongs to somebody else, or may be read by others.
    pub fn open(config: &Config) -> Result<Self, KeyError> {
        let folder = config.state_dir.as_path();
        file::open_folder(folder)?;
        let log_dir = folder.join("log");
        file::open_folder(&log_dir)?;
        Ok(Self {
            certificate: ServerCertificate::open(config)?,
            console: ServerCertificate::of_console(config)?,
            grant: file::read_or_make(&folder.join("grant.key"), make_grant_key)?,
            mask: Arc::new(MaskKey::new(read_or_make_random(&folder.join("mask.key"))?)),
            commitment: read_or_make_random(&folder.join("commitment.key"))?,
            log_dir,
        })
    }
}

/// The certificate of the listeners alone; without configured files it is made if there is none.
///
/// # Errors
/// As [`Keys::open`].
pub fn certificate(config: &Config) -> Result<ServerCertificate, KeyError> {
    if config.certificate == CertificateSource::SelfSigned {
        file::open_folder(&config.state_dir)?;
    }
    ServerCertificate::open(config)
}

/// Checks that a state folder, if there is one, is ours alone. Changes nothing.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn check_folder(path: &Path) -> Result<(), KeyError> {
    if path.exists() { file::check_folder(path) } else { Ok(()) }
}

/// A folder of mode 0700 that is ours, made if there is none.
///
/// # Errors
/// As [`Keys::open`].
pub fn open_folder(path: &Path) -> Result<(), KeyError> {
    file::open_folder(path)
}

/// Checks that a private file is ours alone, for messages of the configuration.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn check_private(path: &Path) -> Result<(), String> {
    file::read_private(path).map(|_| ()).map_err(|error| error.to_string())
}

/// 16 random bytes of an id.
///
/// # Errors
/// The system has no randomness to give.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Randomness)?;
    Ok(bytes)
}

/// The 32 random bytes of a key file, which is made if there is none.
///
/// # Errors
/// As [`Keys::open`].
pub fn read_or_make_random(path: &Path) -> Result<[u8; 32], KeyError> {
    let bytes = file::read_or_make(path, || random::<32>().map(Vec::from))?;
    <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Damaged {
        path: path.to_owned(),
        reason: "it must be 32 bytes long".to_owned(),
    })
}

fn make_grant_key() -> Result<Vec<u8>, KeyError> {
    let rng = aws_lc_rs::rand::SystemRandom::new();
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| KeyError::Randomness)
}
