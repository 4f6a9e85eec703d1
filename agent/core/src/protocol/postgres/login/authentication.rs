//! How the agent proves who it is, and the server who it is: SCRAM-SHA-256, md5 or a password under TLS.

use bytes::{BufMut, Bytes};
use postgres_protocol::authentication::{
    md5_hash,
    sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
};

use super::{Credentials, Encryption, Login, LoginError, OwnCertificate};
use crate::protocol::postgres::{
    answer::{put_message, put_text},
    reader::{Reader, Short},
};

/// Most rounds of SCRAM that a server may ask for: its default is 4,096; this is half a second of work.
pub(super) const MAX_ITERATIONS: u32 = 1_000_000;

/// How far it is.
pub(super) enum Scram {
    /// Nothing was asked yet.
    Idle,
    /// Our first message is on its way.
    First(ScramSha256),
    /// Our proof is on its way.
    Final(ScramSha256),
    /// Authentication is over.
    Proved,
}

impl Login {
    pub(super) fn authentication(&mut self, body: Bytes) -> Result<(), LoginError> {
        let mut reader = Reader::new(body);
        let method = reader.u32().map_err(|Short| LoginError::Violation)?;
        match (method, std::mem::replace(&mut self.scram, Scram::Idle)) {
            // A server that trusts us proves nothing; it is refused unless the login has no password, or is
            // by certificates on both sides, since whoever answers on that address could then be anyone.
            (0, Scram::Proved) => self.scram = Scram::Proved,
            (0, Scram::Idle) if self.needs_no_password() => self.scram = Scram::Proved,
            (0, _) => return Err(LoginError::Unproved),
            (3, Scram::Idle) => self.clear_password()?,
            (10, Scram::Idle) => self.scram_first(reader.rest())?,
            (11, Scram::First(scram)) => self.scram_continue(scram, &reader.rest())?,
            (12, Scram::Final(mut scram)) => {
                scram.finish(&reader.rest()).map_err(|_| LoginError::Unproved)?;
                self.scram = Scram::Proved;
            }
            (5, Scram::Idle) => self.md5(&mut reader)?,
            (7..=9, _) => return Err(LoginError::Unsupported("GSSAPI or SSPI".to_owned())),
            _ => return Err(LoginError::Violation),
        }
        Ok(())
    }

    fn needs_no_password(&self) -> bool {
        let Credentials { password, encrypted, .. } = &self.credentials;
        password.is_empty() || matches!(encrypted, Encryption::Tls { ours: OwnCertificate::Shown, .. })
    }

    fn md5(&mut self, reader: &mut Reader) -> Result<(), LoginError> {
        let salt = reader.u32().map_err(|Short| LoginError::Violation)?.to_be_bytes();
        let Credentials { user, password, encrypted, .. } = &self.credentials;
        if *encrypted == Encryption::None {
            return Err(LoginError::PlainMd5);
        }
        let answer = md5_hash(user.as_bytes(), password.as_bytes(), salt);
        put_message(&mut self.out, b'p', |out| put_text(out, answer.as_bytes()));
        // The certificate has proved the server; AuthenticationOk follows.
        self.scram = Scram::Proved;
        Ok(())
    }

    fn clear_password(&mut self) -> Result<(), LoginError> {
        if self.credentials.encrypted == Encryption::None {
            return Err(LoginError::ClearPassword);
        }
        let password = self.credentials.password.clone();
        put_message(&mut self.out, b'p', |out| put_text(out, password.as_bytes()));
        // The certificate has proved the server; AuthenticationOk follows.
        self.scram = Scram::Proved;
        Ok(())
    }

    fn scram_first(&mut self, mechanisms: Bytes) -> Result<(), LoginError> {
        let mut reader = Reader::new(mechanisms);
        let mut offered = Vec::new();
        loop {
            let name = reader.text().map_err(|Short| LoginError::Violation)?;
            if name.is_empty() {
                break;
            }
            offered.push(name);
        }
        let offers = |mechanism: &str| offered.iter().any(|name| name[..] == *mechanism.as_bytes());
        let binding = match &self.credentials.encrypted {
            Encryption::Tls { binding, .. } => binding.clone(),
            Encryption::None => None,
        };
        let (mechanism, binding) = match binding {
            Some(end_point) if offers(SCRAM_SHA_256_PLUS) => {
                (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(end_point))
            }
            _ if !offers(SCRAM_SHA_256) => {
                return Err(LoginError::Unsupported("SASL without SCRAM-SHA-256".to_owned()));
            }
            // It says that we could: whoever took the better mechanism out of the list is found out.
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        let scram = ScramSha256::new(self.credentials.password.as_bytes(), binding);
        let first = Bytes::copy_from_slice(scram.message());
        put_message(&mut self.out, b'p', |out| {
            put_text(out, mechanism.as_bytes());
            out.put_u32(u32::try_from(first.len()).unwrap_or(0));
            out.put_slice(&first);
        });
        self.scram = Scram::First(scram);
        Ok(())
    }

    fn scram_continue(&mut self, mut scram: ScramSha256, data: &[u8]) -> Result<(), LoginError> {
        check_iterations(data)?;
        scram.update(data).map_err(|_| LoginError::Violation)?;
        let proof = Bytes::copy_from_slice(scram.message());
        put_message(&mut self.out, b'p', |out| out.put_slice(&proof));
        self.scram = Scram::Final(scram);
        Ok(())
    }
}

/// The work is done before the server has proved anything, so its amount is ours to cap.
fn check_iterations(data: &[u8]) -> Result<(), LoginError> {
    let text = std::str::from_utf8(data).map_err(|_| LoginError::Violation)?;
    let count = text.split(',').find_map(|part| part.strip_prefix("i=")).ok_or(LoginError::Violation)?;
    match count.parse::<u32>() {
        Ok(count) if count <= MAX_ITERATIONS => Ok(()),
        Ok(count) => Err(LoginError::Iterations(count)),
        Err(_) => Err(LoginError::Violation),
    }
}
