//! The little that a client must know of a database engine. The CLI never parses a protocol: it knows
//! this table, the first words of a connection and the last.

use serde::{Deserialize, Serialize};

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL, protocol 3.
    PostgreSql,
}

impl Engine {
    /// The name that people read.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
        }
    }

    /// First local port to try, so that a local server on the usual port is never shadowed.
    #[must_use]
    pub const fn first_local_port(self) -> u16 {
        match self {
            Self::PostgreSql => 15432,
        }
    }

    /// The port that its servers usually have; on a private socket it cannot clash with one.
    #[must_use]
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
        }
    }

    /// Name of the Unix socket for `port` in the folder that clients are given as their host.
    #[must_use]
    pub fn socket_name(self, port: u16) -> String {
        match self {
            Self::PostgreSql => format!(".s.PGSQL.{port}"),
        }
    }

    /// The variable, and what is added to it, with which statements that need an approval fail at once.
    #[must_use]
    pub const fn no_wait_environment(self) -> (&'static str, &'static str) {
        match self {
            Self::PostgreSql => ("PGOPTIONS", "-c connect.wait=off"),
        }
    }

    /// Environment variables that would lead the engine's clients elsewhere, or send another server's
    /// secrets.
    #[must_use]
    pub const fn conflicting_environment(self) -> &'static [&'static str] {
        match self {
            // https://www.postgresql.org/docs/current/libpq-envars.html
            Self::PostgreSql => &[
                "PGHOSTADDR",
                "PGSERVICE",
                "PGSERVICEFILE",
                "PGPASSWORD",
                "PGPASSFILE",
                "PGREQUIREAUTH",
                "PGCHANNELBINDING",
                "PGSSLNEGOTIATION",
                "PGGSSENCMODE",
                "PGTARGETSESSIONATTRS",
                "PGLOADBALANCEHOSTS",
            ],
        }
    }

    /// The engine's own interactive client, looked up on PATH.
    #[must_use]
    pub const fn client_program(self) -> &'static str {
        match self {
            Self::PostgreSql => "psql",
        }
    }

    /// URL scheme of a connection string.
    #[must_use]
    pub const fn url_scheme(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
        }
    }

    /// Environment variables that point the engine's clients at `host` (a name, or the directory of a
    /// Unix socket), `port`, `database` and `principal`.
    #[must_use]
    pub fn environment(
        self,
        host: &str,
        port: u16,
        database: &str,
        principal: &str,
    ) -> Vec<(&'static str, String)> {
        match self {
            Self::PostgreSql => vec![
                ("PGHOST", host.to_owned()),
                ("PGPORT", port.to_string()),
                ("PGDATABASE", database.to_owned()),
                ("PGUSER", principal.to_owned()),
                ("PGSSLMODE", "disable".to_owned()),
            ],
        }
    }

    /// How the local side answers a request for encryption at the start of a connection: `Some(answer)`
    /// if `first_words` is a whole such request. The loopback needs none; the tunnel is encrypted.
    #[must_use]
    pub fn answer_encryption_request(self, first_words: &[u8]) -> Option<&'static [u8]> {
        // SSLRequest and GSSENCRequest: length 8, then 1234·5679 or 1234·5680.
        // https://www.postgresql.org/docs/current/protocol-message-formats.html
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];
        const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x30];
        match self {
            Self::PostgreSql if first_words == SSL_REQUEST || first_words == GSS_REQUEST => Some(b"N"),
            Self::PostgreSql => None,
        }
    }

    /// Bytes of a whole cancel request.
    #[must_use]
    pub const fn cancel_request_length(self) -> usize {
        match self {
            Self::PostgreSql => 16,
        }
    }

    /// Whether the first words of a connection are a cancel request. It carries a secret of its own: it
    /// reaches what that secret stands for, and nothing else, whoever sends it.
    #[must_use]
    pub fn is_cancel_request(self, first_words: &[u8]) -> bool {
        // Length 16, then 1234·5678.
        const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xD2, 0x16, 0x2E];
        match self {
            Self::PostgreSql => {
                first_words.len() == self.cancel_request_length() && first_words.starts_with(&CANCEL_REQUEST)
            }
        }
    }

    /// The last words of a connection whose agent is gone, for a client at a message boundary: a fatal
    /// error with SQLSTATE `57P01`, `message` and `hint`.
    #[must_use]
    pub fn last_words(self, message: &str, hint: &str) -> Vec<u8> {
        match self {
            Self::PostgreSql => {
                let mut body = Vec::with_capacity(64 + message.len() + hint.len());
                for (field, text) in
                    [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "57P01"), (b'M', message), (b'H', hint)]
                {
                    body.push(field);
                    body.extend(text.bytes().filter(|byte| *byte != 0));
                    body.push(0);
                }
                body.push(0);
                let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
                let mut message = vec![b'E'];
                message.extend(length.to_be_bytes());
                message.extend(body);
                message
            }
        }
    }
}

/// Follows the agent's bytes of one connection from message to message, as far as is needed to know whether
/// a message is halfway out: then no last words can be said. It looks at lengths and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Boundary {
    engine: Engine,
    /// Bytes of the message's head that have passed, with its length as far as it is known.
    head: usize,
    length: u32,
    /// Bytes of its body that are still to come.
    left: usize,
}

impl Boundary {
    /// At the beginning of a connection, after encryption was declined.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self { engine, head: 0, length: 0, left: 0 }
    }

    /// Bytes pass.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        // PostgreSQL: a byte of type, a length that counts itself, a body.
        const HEAD: usize = 5;
        match self.engine {
            Engine::PostgreSql => {}
        }
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            if self.head > 0 {
                self.length = self.length << 8 | u32::from(*byte);
            }
            self.head += 1;
            bytes = rest;
            if self.head == HEAD {
                self.left = (self.length as usize).saturating_sub(HEAD - 1);
                (self.head, self.length) = (0, 0);
            }
        }
    }

    /// Whether everything that has passed is whole.
    #[must_use]
    pub const fn is_between_messages(&self) -> bool {
        self.head == 0 && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_halfway_out_is_noticed_at_every_byte() {
        let one = Engine::PostgreSql.last_words("gone", "again");
        let stream = [one.clone(), b"Z\0\0\0\x05I".to_vec(), b"1\0\0\0\x04".to_vec()].concat();
        let ends = [0, one.len(), one.len() + 6, one.len() + 11];
        for cut in 0..=stream.len() {
            for split in 0..=cut {
                let mut boundary = Boundary::new(Engine::PostgreSql);
                boundary.pass(&stream[..split]);
                boundary.pass(&stream[split..cut]);
                assert_eq!(boundary.is_between_messages(), ends.contains(&cut), "{split} {cut}");
            }
        }
    }

    #[test]
    fn only_whole_encryption_requests_are_answered_locally() {
        let engine = Engine::PostgreSql;
        assert_eq!(engine.answer_encryption_request(&[0, 0, 0, 8, 4, 210, 22, 47]), Some(&b"N"[..]));
        assert_eq!(engine.answer_encryption_request(&[0, 0, 0, 8, 4, 210, 22, 46]), None);
        assert_eq!(engine.answer_encryption_request(&[0, 0, 0, 8]), None);
    }

    #[test]
    fn only_a_whole_cancel_request_is_one() {
        let engine = Engine::PostgreSql;
        let request = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 7, 0, 0, 0, 9];
        assert!(engine.is_cancel_request(&request));
        assert!(!engine.is_cancel_request(&request[..15]));
        assert!(!engine.is_cancel_request(&[0, 0, 0, 16, 0, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]));
    }

    #[test]
    fn last_words_are_one_whole_message_whatever_the_text() {
        let words = Engine::PostgreSql.last_words("gone\0away", "reconnect");
        assert_eq!(words[0], b'E');
        let length = u32::from_be_bytes([words[1], words[2], words[3], words[4]]);
        assert_eq!(length as usize + 1, words.len());
        assert!(words.ends_with(b"Hreconnect\0\0"));
    }
}
