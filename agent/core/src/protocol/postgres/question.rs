//! A question of the agent's own to a server that has just let it in, before the connection is anybody's.
//! Sans-IO, and bounded like the login.

use bytes::{Bytes, BytesMut};

use super::{
    answer,
    frame::{FrameError, Framer, Piece, Plan, Side},
    reader::{Reader, Short},
};

/// Longest message of an answer.
const MAX_MESSAGE: usize = 16 * 1024;

/// Most messages of an answer: a row, and what a server may say beside it.
const MAX_MESSAGES: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the database did not answer a question about itself")]
    Refused,
    #[error("the database broke the protocol in its answer to a question about itself")]
    Violation,
}

/// A query for one row, on its way.
pub struct Question {
    framer: Framer,
    out: BytesMut,
    row: Option<Vec<Option<Bytes>>>,
    messages: usize,
}

impl Question {
    /// A question in SQL that has one row for an answer.
    #[must_use]
    pub fn new(sql: &str) -> Self {
        let out = BytesMut::from(&answer::query(sql.as_bytes())[..]);
        Self { framer: Framer::new(Side::Server), out, row: None, messages: 0 }
    }

    /// Bytes for the server.
    pub fn output(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Takes bytes of the server; `Some`, with the fields of the row in text, once it is ready again.
    ///
    /// # Errors
    /// There is no such answer; the connection must be closed.
    pub fn input(&mut self, bytes: Bytes) -> Result<Option<Vec<Option<Bytes>>>, QuestionError> {
        self.framer.push(bytes);
        while let Some(piece) = self.framer.next(|_, _| Plan::Whole(MAX_MESSAGE))? {
            let Piece::Message(message) = piece else { return Err(QuestionError::Violation) };
            self.messages += 1;
            match message.kind {
                _ if self.messages > MAX_MESSAGES => return Err(QuestionError::Violation),
                b'D' if self.row.is_none() => {
                    self.row = Some(row(message.body()).map_err(|Short| QuestionError::Violation)?);
                }
                b'Z' if self.framer.buffered() == 0 => {
                    return self.row.take().map(Some).ok_or(QuestionError::Violation);
                }
                b'E' => return Err(QuestionError::Refused),
                b'T' | b'C' | b'N' | b'S' => {}
                _ => return Err(QuestionError::Violation),
            }
        }
        Ok(None)
    }
}

fn row(body: Bytes) -> Result<Vec<Option<Bytes>>, Short> {
    let mut reader = Reader::new(body);
    let count = reader.count()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(match reader.i32()? {
            -1 => None,
            length => Some(reader.take(usize::try_from(length).map_err(|_| Short)?)?),
        });
    }
    if reader.is_empty() { Ok(fields) } else { Err(Short) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn the_answer_is_the_row_however_it_is_split() {
        let answer = [
            message(b'T', b"\0\0"),
            message(b'D', b"\0\x02\0\0\0\x01f\xff\xff\xff\xff"),
            message(b'C', b"SELECT 1\0"),
            message(b'Z', b"I"),
        ]
        .concat();
        let mut question = Question::new("SELECT false, NULL");
        assert_eq!(&question.output()[..1], b"Q");
        let (last, rest) = answer.split_last().expect("bytes");
        for byte in rest {
            assert_eq!(question.input(Bytes::copy_from_slice(&[*byte])), Ok(None));
        }
        let row = question.input(Bytes::copy_from_slice(&[*last]));
        assert_eq!(row, Ok(Some(vec![Some(Bytes::from_static(b"f")), None])));
    }

    #[test]
    fn a_server_that_answers_otherwise_is_not_believed() {
        let ready = message(b'Z', b"I");
        let row = message(b'D', b"\0\0");
        for (bad, why) in [
            (ready.clone(), QuestionError::Violation),
            ([row.clone(), row.clone(), ready.clone()].concat(), QuestionError::Violation),
            ([row, ready.clone(), ready].concat(), QuestionError::Violation),
            (message(b'D', b"\0\x01\0\0\0\x09short"), QuestionError::Violation),
            (message(b'E', b"\0"), QuestionError::Refused),
            (message(b'G', b"\0\0\0"), QuestionError::Violation),
            (message(b'S', b"a\0b\0").repeat(MAX_MESSAGES + 1), QuestionError::Violation),
        ] {
            assert_eq!(Question::new("SELECT 1").input(Bytes::from(bad)), Err(why));
        }
    }
}
